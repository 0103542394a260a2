//! Rate limiting: several named limits, all or nothing, in one trip.
//!
//! ```
//! use axum::{Router, routing::get};
//! use tower_upstash::{
//!     quota::Quota,
//!     rate_limit::{Limit, RateLimitLayer},
//!     store::MemoryStore,
//! };
//!
//! const API: Limit = Limit::new("api", Quota::per_minute(60)); // by peer address
//!
//! let app: Router = Router::new()
//!     .route("/", get(|| async { "hello" }))
//!     .layer(RateLimitLayer::new(MemoryStore::new()).limit(API));
//! // Serve it with its peer addresses:
//! // axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
//! ```
//!
//! With axum this needs the feature `axum`: without it, and with servers that leave no address, all requests share one
//! limit (see [`Missing`]).
//!
//! A refused request is answered with 429 and `Retry-After`, and charges **none** of the limits, so that one client
//! beyond its own limit never uses up everybody's:
//!
//! ```
//! use std::time::Duration;
//! use tower_upstash::{
//!     quota::Quota,
//!     rate_limit::{By, Limit, Missing, OnStoreError, RateLimitLayer},
//!     store::MemoryStore,
//! };
//!
//! const EVERYONE: Limit = Limit::new("everyone", Quota::per_second(5000)).by(By::EVERYONE);
//! const KEY: Limit = Limit::new("key", Quota::per_hour(1000).burst(100))
//!     .by(By::header("x-api-key"))
//!     .missing(Missing::Refuse);
//! const IP: Limit = Limit::new("ip", Quota::strict(300, Duration::from_secs(60)))
//!     .on_store_error(OnStoreError::Refuse);
//!
//! let layer = RateLimitLayer::new(MemoryStore::new()).limit(EVERYONE).limit(KEY).limit(IP);
//! ```
//!
//! # When the store fails
//! A limit counts in this process until the store is back, or allows, or refuses, as its [`OnStoreError`] says. A
//! failure is never an error of the service; [`RateLimitLayer::on_error`] is told of it.
//!
//! # Behind a proxy
//! The peer address is that of the proxy: all clients share its limit. Until this crate reads forwarded addresses,
//! take the one your proxy vouches for with [`By::parts`].

mod by;
mod config;
mod future;
mod layer;
mod limit;
mod network;
mod notices;
mod peer;
mod preflight;
mod proxies;
mod refusal;
mod report;
mod route;
mod service;

pub use self::{
    by::By,
    future::ResponseFuture,
    layer::RateLimitLayer,
    limit::{Limit, Missing, OnStoreError},
    proxies::{InvalidNetwork, TrustedProxies},
    report::Report,
    route::MatchedRoute,
    service::RateLimit,
};
