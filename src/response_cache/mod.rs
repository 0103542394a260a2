//! Response caching: a shared HTTP cache (RFC 9111) inside a Tower server.

mod codec;
mod compression;
mod digest;
mod entry;
mod key;
mod plan;
mod semantics;
mod stored;

pub use self::{key::Query, semantics::rules::SetCookie};
