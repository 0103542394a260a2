//! Sessions.

mod config;
mod cookie;
mod cross_origin;
mod csrf;
mod data;
mod error;
mod event;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod headers;
mod id;
mod keyring;
mod lifetime;
mod log;
mod record;
mod subject;
mod token;
mod transport;

pub use self::{
    cookie::{SameSite, SessionCookie},
    error::{SessionError, SessionErrorKind},
    event::{Event, Fingerprint},
    id::SessionId,
    keyring::Keyring,
    lifetime::Lifetime,
    subject::{SessionInfo, SessionLimit},
    transport::Transport,
};
