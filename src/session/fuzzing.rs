//! What the fuzz targets run: each function takes any bytes, and panics where a promise is broken.

mod records;
mod tokens;

pub use self::{records::records, tokens::tokens};
