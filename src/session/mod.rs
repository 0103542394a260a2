//! Sessions.

mod config;
mod cookie;
mod cross_origin;
mod csrf;
mod data;
mod detached;
mod error;
mod event;
mod headers;
mod id;
mod keyring;
mod lifetime;
mod log;
mod record;
mod sessions;
mod subject;
mod token;
mod transport;

pub use self::{
    cookie::{SameSite, SessionCookie},
    detached::{Check, Detached},
    error::{SessionError, SessionErrorKind},
    event::{Event, Fingerprint},
    id::SessionId,
    keyring::Keyring,
    lifetime::Lifetime,
    sessions::Sessions,
    subject::{SessionInfo, SessionLimit},
    transport::Transport,
};
