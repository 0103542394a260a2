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
//! With axum this needs the feature `axum`; [elsewhere](#without-axum) a handler takes the session out of the extensions of its
//! request. Whoever comes from `tower-sessions` finds each method in [`migration`].
//!
//! Browsers take the cookie over HTTPS, and over plain HTTP from localhost (Safari does not). Elsewhere, while developing, there is
//! [`SessionCookie::insecure_for_development`].
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
//! - **A failure is no logout**: a store that cannot be asked is an error to the handler that asked, and 503 in the place of a
//!   response whose session could not be written. See [below](#failures).
//! - **No other origin acts for a user**: see [below](#forms-and-other-origins).
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
//! | that writes to one | 2, and more for each conflict | 2; 4 on a server without `SET … IFEQ` |
//! | the first one of each [`touch_every`](Lifetime::touch_every) that only reads | 2 | as above |
//! | that [rotates](Session::rotate) | 2 | 5 |
//! | a login of a client without a session; of one with a session | 1; 2 | 7; 9 (the first one of a subject: one more) |
//! | a logout; one after a look at the session | 1; 2 | 1; 5 |
//! | that [lists](Session::list) the sessions of its subject, or [ends](Session::revoke_others) the others | 3 | 3; 6 |
//!
//! A [limit](SessionLayer::per_subject) costs a login one command more, and three or four trips where it has to end a session. In
//! memory there are no trips.
//!
//! # Order
//! Outside of what uses sessions: with axum, [`Router::layer`](https://docs.rs/axum/latest/axum/struct.Router.html#method.layer) is
//! for the routes that are there already. Inside of what compresses, and of CORS, which answers preflights by itself. A
//! [`RateLimitLayer`](crate::rate_limit::RateLimitLayer) goes outside, unless its limits are by what a session knows. A
//! [`ResponseCacheLayer`](crate::response_cache::ResponseCacheLayer) may lie on either side; pages that it has stored cost no
//! session.
//!
//! What turns a panic into a response may lie inside, where its 500 drops what was queued, or outside: a panic drops it as well.
//! What ends slow requests is better inside: from outside it can end one that has written its session, but has not told yet.
//!
//! # Without axum
//! The session is in the extensions of the request, and a [`SessionError`] is a response, or (feature `tonic`) a status:
//!
//! ```
//! use tonic::{Request, Response, Status, transport::Server};
//! use tower_upstash::{session::{Session, SessionLayer, Transport}, store::MemoryStore};
//!
//! async fn call(request: Request<()>) -> Result<Response<()>, Status> {
//!     let session: Session = Session::of(request.extensions())?;
//!     session.update("calls", |calls: Option<u64>| calls.unwrap_or(0) + 1)?;
//!     Ok(Response::new(()))
//! }
//!
//! let sessions = SessionLayer::new(MemoryStore::new()).transports([Transport::header("x-session")]);
//! let server = Server::builder().layer(sessions); // .add_service(…)
//! ```
//!
//! A call that fails before its first message, with a code that stands for a 5xx, drops what it has queued. A status in the
//! trailers comes after the session is written.
//!
//! # All devices
//! [`Session::authenticate`] enters a session into the index of its subject. From then on it can be [listed](Session::list),
//! [ended](Session::revoke), ended [with all others](Session::revoke_others), and, by the [handle](SessionLayer::handle) of the layer,
//! by whoever is not that user: a session that gets a new token at the same time does not escape.
//!
//! ```
//! # use tower_upstash::{session::{SessionError, SessionLayer}, store::MemoryStore};
//! # async fn password_was_changed() -> Result<(), SessionError> {
//! # let layer = SessionLayer::new(MemoryStore::new());
//! let sessions = layer.handle(); // wherever there is no request
//! for device in sessions.list("alice").await? {
//!     let agent: Option<String> = device.get("agent")?; // what a handler has set
//!     println!("{} {agent:?} {:?}", device.id(), device.last_active());
//! }
//! let ended = sessions.revoke_all("alice").await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Forms and other origins
//! Cookies travel by themselves: a page of another site, or of another host of the domain, can make a browser send a form with
//! them. Three things are in the way:
//!
//! - `SameSite=Lax`, by default: requests of other *sites* that are no links come without the cookie.
//! - A request of another *origin* whose method is not safe, or that opens a WebSocket, cannot use a session that travels by
//!   cookie, nor make one: [`CrossOrigin`](SessionErrorKind::CrossOrigin), 403. Browsers say where a request comes from, by
//!   `Sec-Fetch-Site` or `Origin`; what says neither is no browser's. Origins of yours, and identity providers that answer by a
//!   form, are named by [`trusted_origins`](SessionLayer::trusted_origins); so is one's own, if a proxy in front changes `Host`.
//! - [`Session::csrf_token`] for a hidden field of each form, and [`Session::verify_csrf`] for what comes back. It belongs to the
//!   token of the session: after a login, pages of before have one that is no longer good. Nothing of it is stored.
//!
//! So: nothing may be changed by `GET`, and forms that matter carry a token. Bearer tokens and metadata need none of it.
//!
//! # Streams and WebSockets
//! What is written after the head has left is an error, [`Committed`](SessionErrorKind::Committed). What lives longer than its request
//! takes a [`Detached`], which tells when the session ends: a logout elsewhere closes the socket.
//!
//! ```
//! # use tower_upstash::session::{Session, SessionError};
//! # async fn stream(session: Session) -> Result<(), SessionError> {
//! if let Some(detached) = session.detach().await? {
//!     // … in the task of the stream, beside what it waits for:
//!     detached.ended().await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Failures
//! - **A read fails**: the handler gets an error, which as a response is 503 ([`Store`](SessionErrorKind::Store)) or 500
//!   ([`Corrupt`](SessionErrorKind::Corrupt)). It is never "no session", and later calls of the request fail at once.
//! - **The session is gone** when it is to be written: what was queued is dropped, and the cookie left alone, as it may be a newer
//!   one. [`Session::commit`] tells ([`Gone`](SessionErrorKind::Gone)); a login makes another session then.
//! - **A commit fails**: its error takes the place of the response, or [`on_error`](SessionLayer::on_error) does. Without an answer of
//!   the store it is not known whether it was written. [`Session::commit`] tells the handler itself.
//! - **The service fails** (5xx, or an error): what was queued is dropped, and so is a new token; [`Session::destroy`] happens.
//! - **Others write the same session all the time**: [`Conflict`](SessionErrorKind::Conflict) once half of the
//!   [time limit](SessionLayer::time_limit) is over, and no write is under way: nothing was written.
//! - **Activity cannot be written down**: nothing. The session ends that much earlier.
//! - **The client goes** before the service has answered: nothing is written.
//!
//! All kinds, with their statuses: [`SessionError`]. What happens is told as an [`Event`], to
//! [`on_event`](SessionLayer::on_event): logins and logouts for an audit, [`Duplicate`](Event::Duplicate),
//! [`Unknown`](Event::Unknown) and [`CsrfToken`](Event::CsrfToken) for alarms, [`Conflict`](Event::Conflict) and
//! [`Dropped`](Event::Dropped) for whoever looks for what is slow.
//!
//! # Encryption
//! Tokens are hashed at rest; what sessions hold is not hidden from who reads the store, unless it is sealed (feature
//! `session-encryption`):
//!
//! ```
//! use tower_upstash::{session::{Keyring, SessionLayer}, store::MemoryStore};
//!
//! # let text = "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";
//! let keyring = Keyring::from_base64(text)?; // of SESSION_KEYS: `new`, later `newer,new`
//! let layer = SessionLayer::new(MemoryStore::new()).encrypt(keyring);
//! # Ok::<(), tower_upstash::session::InvalidKeyring>(())
//! ```
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
//!
//! # In tests
//! A memory store, and a clock that is moved by hand; no test has to wait for the end of a session:
//!
//! ```
//! use std::time::Duration;
//! use axum::{Router, body::Body, http::{Request, header::{COOKIE, SET_COOKIE}}, routing::get};
//! use tower::ServiceExt as _;
//! use tower_upstash::{session::{Session, SessionError, SessionLayer}, store::MemoryStore, time::ManualClock};
//!
//! async fn home(session: Session) -> Result<String, SessionError> {
//!     session.update("hits", |hits: Option<u64>| hits.unwrap_or(0) + 1)?;
//!     Ok(format!("{}", session.get::<u64>("hits").await?.unwrap_or(0)))
//! }
//!
//! # tokio_test::block_on(async {
//! let clock = ManualClock::default();
//! let store = MemoryStore::builder().clock(clock.clone()).build();
//! let layer = SessionLayer::new(store).clock(clock.clone());
//! let app = Router::new().route("/", get(home)).layer(layer);
//!
//! let first = app.clone().oneshot(Request::new(Body::empty())).await.unwrap();
//! let cookie = first.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
//! for (minutes, expected) in [(29, "2"), (31, "1")] {
//!     clock.advance(Duration::from_secs(60 * minutes));
//!     let again = Request::builder().header(COOKIE, &cookie).body(Body::empty()).unwrap();
//!     let answer = app.clone().oneshot(again).await.unwrap();
//!     let body = axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
//!     assert_eq!(body, expected);
//! }
//! # });
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
mod future;
#[cfg(fuzzing)]
pub mod fuzzing;
mod grpc;
mod handle;
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
mod pace;
mod plan;
mod record;
mod service;
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

pub(crate) use self::handle::personal;
#[cfg(not(feature = "session-encryption"))]
use self::keyring::Keyring;
#[cfg(feature = "session-encryption")]
pub use self::keyring::{InvalidKeyring, Keyring};
pub use self::{
    cookie::{SameSite, SessionCookie},
    detached::{Check, Detached},
    error::{SessionError, SessionErrorKind},
    event::{Event, Fingerprint},
    future::ResponseFuture,
    handle::{Main, Session},
    id::{InvalidSessionId, SessionId},
    layer::SessionLayer,
    lifetime::Lifetime,
    service::SessionService,
    sessions::Sessions,
    subject::{SessionInfo, SessionLimit},
    transport::Transport,
    typed::TypedSession,
};
