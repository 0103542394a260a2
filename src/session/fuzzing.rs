//! What the fuzz targets run: each function takes any bytes, and panics where a promise is broken.

<<<<<<< HEAD
mod tokens;

pub use self::tokens::tokens;
=======
mod records;

pub use self::records::records;
>>>>>>> wt-data
