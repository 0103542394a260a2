//! Sessions: what a server remembers of a client, and who the client is.
//!
//! ```
//! use axum::{Router, routing::{get, post}};
//! use tower_upstash::{
//!     session::{Session, SessionError, SessionLayer},
//!     store::MemoryStore,
//! };
//!
//! async fn page(session: Session) -> Result<String, SessionError> {
//!     session.update("hits", |hits: Option<u64>| hits.unwrap_or(0) + 1)?; // queued, written once
//!     let hits: Option<u64> = session.get("hits").await?; // the first read asks the store
//!     let user = session.subject().await?;
//!     Ok(format!("{user:?} was here {hits:?} times"))
//! }
//!
//! async fn login(session: Session) -> Result<&'static str, SessionError> {
//!     // … after the password has been checked …
//!     session.authenticate("alice")?; // a new token, at once
//!     Ok("welcome")
//! }
//!
//! async fn logout(session: Session) -> Result<&'static str, SessionError> {
//!     session.destroy()?;
//!     Ok("good-bye")
//! }
//!
//! let app: Router = Router::new()
//!     .route("/", get(page))
//!     .route("/login", post(login))
//!     .route("/logout", post(logout))
//!     .layer(SessionLayer::new(MemoryStore::new()));
//! ```
//!
//! With axum this needs the feature `axum`. Elsewhere, in tonic, say, a handler takes the session out of the extensions of its
//! request: `request.extensions().get::<Session>()`, or [`Session::of`].
//!
//! # What it promises
//! - **A session that has ended stays ended**, whatever requests were under way: every write demands that what it read is
//!   still there.
//! - **Nothing is lost** where several requests write at the same time: see [`Session`].
//! - **A new token at each login**, atomically: there is no instant with two, or none. A token that nobody was given is never
//!   taken over.
//! - **Both ends**: after a time without activity, and after a time at all. See [`Lifetime`].
//! - **The store holds no token**, only a SHA-256 of it; with the feature `session-encryption`, nothing that can be read.
//! - **No cache mixes users**: a response whose session was looked at has `Vary`, is
//!   [marked as personal](crate::response_cache::Personal), and one that brings a token has `no-store`.
//! - **A failure is no logout**: a store that cannot be asked is an error to the handler that asked, and 503 in the place of a response
//!   whose session could not be written.
//!
//! ```
//! use std::time::Duration;
//! use tower_upstash::{
//!     session::{Lifetime, SameSite, SessionCookie, SessionLayer, SessionLimit, Transport},
//!     store::MemoryStore,
//! };
//!
//! const COOKIE: SessionCookie = SessionCookie::host("app").same_site(SameSite::Strict); // contradictions do not compile
//! const LIFETIME: Lifetime = Lifetime::new(Duration::from_secs(15 * 60), Duration::from_secs(12 * 3600));
//!
//! let layer = SessionLayer::new(MemoryStore::new())
//!     .lifetime(LIFETIME)
//!     .transports([Transport::cookie(COOKIE), Transport::bearer()])
//!     .per_subject(SessionLimit::evict_oldest(5))
//!     .on_event(|event| println!("{event:?}")); // names tokens by a hash of a hash
//! let sessions = layer.handle();
//! // sessions.revoke_all("alice").await
//! ```
//!
//! # Trips
//! | a request | trips | commands on Upstash |
//! |---|--:|--:|
//! | that does not look at its session, or reads that of a client without a token | 0 | 0 |
//! | that reads | 1 | 1 |
//! | that makes a session | 1 | 1 |
//! | that writes to one | 2, and 1 for each conflict | 2; 4 on a server without `SET … IFEQ` |
//! | the first one of each [`touch_every`](Lifetime::touch_every) that only reads | 2 | 2 |
//!
//! # Order
//! Outside of what needs sessions; inside of what compresses, and of CORS. Inside or outside of a
//! [`ResponseCacheLayer`](crate::response_cache::ResponseCacheLayer): outside, pages from the cache cost no session.
//!
//! # Several layers
//! Each with a [name](SessionLayer::name), a [cookie](SessionLayer::cookie) and a [marker](SessionLayer::marker) of its own:
//!
//! ```
//! use tower_upstash::{session::{Session, SessionCookie, SessionLayer}, store::{MemoryStore, SharedStore}};
//!
//! struct Admin;
//!
//! let store = SharedStore::from(MemoryStore::new());
//! let users = SessionLayer::new(store.clone());
//! let admins = SessionLayer::new(store).name("admin").cookie(SessionCookie::host("admin")).marker::<Admin>();
//!
//! async fn audit(user: Session, admin: Session<Admin>) { /* … */ }
//! ```

mod answer;
#[cfg(feature = "axum")]
mod axum;
mod commit;
mod config;
mod cookie;
mod cross_origin;
mod csrf;
mod data;
mod detached;
#[cfg(feature = "session-encryption")]
mod encryption;
mod error;
mod event;
mod failure;
mod future;
#[cfg(fuzzing)]
pub mod fuzzing;
mod grpc;
mod headers;
mod id;
mod identity;
#[cfg(feature = "session-encryption")]
mod keyring;
#[cfg(not(feature = "session-encryption"))]
#[path = "keyring/none.rs"]
mod keyring;
mod layer;
mod letters;
mod lifetime;
mod load;
mod log;
pub mod migration;
mod plan;
mod record;
mod service;
mod session;
mod sessions;
mod state;
mod step;
mod subject;
mod token;
#[cfg(feature = "tonic")]
mod tonic;
mod transport;
mod typed;
mod value;

#[cfg(not(feature = "session-encryption"))]
use self::keyring::Keyring;
#[cfg(feature = "session-encryption")]
pub use self::keyring::{InvalidKeyring, Keyring};
pub(crate) use self::session::personal;
pub use self::{
    cookie::{SameSite, SessionCookie},
    detached::{Check, Detached},
    error::{SessionError, SessionErrorKind},
    event::{Event, Fingerprint},
    future::ResponseFuture,
    id::{InvalidSessionId, SessionId},
    layer::SessionLayer,
    lifetime::Lifetime,
    service::SessionService,
    session::{Main, Session},
    sessions::Sessions,
    subject::{SessionInfo, SessionLimit},
    transport::Transport,
    typed::TypedSession,
};
