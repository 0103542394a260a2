//! Response caching: a shared HTTP cache (RFC 9111) inside a Tower server.

mod digest;
mod hints;
mod semantics;
mod stored;

pub use self::semantics::rules::SetCookie;
