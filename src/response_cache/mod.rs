//! Response caching: a shared HTTP cache (RFC 9111) inside a Tower server.

mod body;
mod budget;
mod digest;
mod recording;
mod semantics;
mod stored;

pub use self::{body::ResponseBody, recording::Interrupted, semantics::rules::SetCookie};
