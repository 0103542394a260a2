//! Response caching: a shared HTTP cache (RFC 9111) inside a Tower server.

mod digest;
mod key;
mod semantics;
mod stored;

pub use self::{key::Query, semantics::rules::SetCookie};
