//! Sessions.

#[cfg(feature = "axum")]
mod axum;
mod config;
mod cookie;
mod cross_origin;
mod csrf;
mod data;
mod error;
mod event;
mod grpc;
mod headers;
mod id;
mod keyring;
mod lifetime;
mod log;
mod record;
mod subject;
mod token;
#[cfg(feature = "tonic")]
mod tonic;
mod transport;
mod typed;

pub use self::{
    cookie::{SameSite, SessionCookie},
    error::{SessionError, SessionErrorKind},
    event::{Event, Fingerprint},
    id::SessionId,
    keyring::Keyring,
    lifetime::Lifetime,
    subject::{SessionInfo, SessionLimit},
    transport::Transport,
    typed::TypedSession,
};
