//! What the fuzz targets run: each function takes any bytes, and panics where a promise is broken.

mod records;

pub use self::records::records;
