//! The layer in real servers, on real connections.

mod axum;
mod tonic;
