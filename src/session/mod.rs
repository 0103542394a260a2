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
#[cfg(feature = "session-encryption")]
mod keyring;
#[cfg(not(feature = "session-encryption"))]
#[path = "keyring/none.rs"]
mod keyring;
mod lifetime;
mod log;
mod record;
mod subject;
mod token;
mod transport;

#[cfg(not(feature = "session-encryption"))]
use self::keyring::Keyring;
#[cfg(feature = "session-encryption")]
pub use self::keyring::{InvalidKeyring, Keyring};
pub use self::{
    cookie::{SameSite, SessionCookie},
    error::{SessionError, SessionErrorKind},
    event::{Event, Fingerprint},
    id::{InvalidSessionId, SessionId},
    lifetime::Lifetime,
    subject::{SessionInfo, SessionLimit},
    transport::Transport,
};
