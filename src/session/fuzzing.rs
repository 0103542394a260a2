//! What the fuzz targets run: each function takes any bytes, and panics where a promise is broken.

mod tokens;

pub use self::tokens::tokens;
