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
//! const API: Limit = Limit::new("api", Quota::per_minute(60)); // by client address
//!
//! let app: Router = Router::new()
//!     .route("/", get(|| async { "hello" }))
//!     .layer(RateLimitLayer::new(MemoryStore::new()).limit(API));
//! // Serve it with its peer addresses:
//! // axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
//! ```
//!
//! With axum this needs the feature `axum`, with tonic the feature `tonic`; other servers put the peer's
//! [`SocketAddr`](std::net::SocketAddr) into the request's extensions. Where no address is found, all requests share one
//! limit (see [`Missing`]), and a message says once what to do.
//!
//! A refused request is answered with 429, and charges **none** of the limits, so that one client beyond its own limit
//! never uses up everybody's. One layer is made for the program and adjusted per route, so that all limits of a route
//! are decided in one trip:
//!
//! ```
//! use std::time::Duration;
//! use axum::{Router, routing::{get, post}};
//! use http::StatusCode;
//! use tower_upstash::{
//!     quota::Quota,
//!     rate_limit::{By, Limit, OnStoreError, RateLimitLayer, TrustedProxies},
//!     store::MemoryStore,
//! };
//!
//! const EVERYONE: Limit = Limit::new("everyone", Quota::per_second(5000)).by(By::EVERYONE).unlisted();
//! const API: Limit = Limit::new("api", Quota::per_hour(1000).burst(100));
//! const LOGIN: Limit = Limit::new("login", Quota::strict(5, Duration::from_secs(15 * 60)))
//!     .count(|response| response.status == StatusCode::UNAUTHORIZED) // only failures
//!     .on_store_error(OnStoreError::Refuse);
//!
//! let base = RateLimitLayer::new(MemoryStore::new())
//!     .trusted_proxies(TrustedProxies::hops(1)) // one load balancer in front
//!     .limit(EVERYONE)
//!     .limit(API);
//! let app: Router = Router::new()
//!     .route("/login", post(|| async {}).layer(base.with(LOGIN)))
//!     .route("/items", get(|| async {}).layer(base.clone()))
//!     .route("/health", get(|| async {}).layer(base.without(API)));
//! ```
//!
//! # What clients see
//! | | |
//! |---|---|
//! | every response | `RateLimit` and `RateLimit-Policy` ([draft-ietf-httpapi-ratelimit-headers](https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/)), see [`Headers`] |
//! | beyond a limit | 429, `Retry-After`, `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) |
//! | no identifier, where a limit insists | 400 |
//! | the store fails, and a limit refuses meanwhile | 503, `Retry-After` |
//! | the same, in gRPC | a trailers-only answer: `RESOURCE_EXHAUSTED`, `INVALID_ARGUMENT`, `UNAVAILABLE`; with `RetryInfo`, `QuotaFailure` and pushback |
//!
//! [`RateLimitLayer::on_refusal`] answers otherwise. A refusal touches no body and holds no permit of the inner service.
//!
//! # What a request costs
//! One unit; or what [`Limit::cost`] says; or what [`Limit::reserve`] estimates. The handler corrects that afterwards by
//! [`Spent`] in the extensions of its response, or, for a stream, by [`Spending`]. [`Limit::count`] keeps only what
//! certain responses have cost.
//!
//! # Trips
//! A request takes one trip to the store, whatever the number of its limits. None, if the store has refused the same
//! within the last second, or if all its units are [leased](Lease). One more to correct a charge, and one more after an
//! outage, to hand back what was counted here.
//!
//! # Layers in layers
//! A limit that a layer further out has charged to the same key and by the same quota, at whatever cost, is not charged
//! again: a mark in the
//! request's extensions tells. It is only made where two layers over one [`SharedStore`](crate::store::SharedStore) have
//! the limit, and costs an allocation there.
//!
//! # Order
//! CORS outside, so that refusals carry its fields; then this layer; then sessions and caches. A limit by user belongs
//! inside of what finds out who the user is.
//!
//! # When the store fails
//! A limit counts in this process until the store is back, or allows, or refuses, as its [`OnStoreError`] says; each for
//! itself, and one that refuses is enough. A failure is never an error of the service; [`Event::StoreError`] tells of it.
//! How long the store is waited for is its own affair, or [`RateLimitLayer::time_limit`]. What was counted here is charged
//! to the store when it is back.

mod address;
mod advice;
mod answer;
mod arena;
mod by;
mod charged;
mod config;
mod cookie;
mod decide;
mod event;
mod extractor;
mod family;
mod front;
mod future;
mod grpc;
mod handle;
mod headers;
mod label;
mod layer;
mod lease;
mod limit;
mod missing;
mod network;
mod notices;
mod on_store_error;
mod overrides;
mod peer;
mod preflight;
mod problem;
mod proxies;
mod question;
mod ready;
mod refusal;
mod report;
mod respond;
mod route;
mod service;
mod settlement;
mod spent;
mod when;

pub(crate) use self::spent::Reserving;
pub use self::{
    advice::Advice,
    by::By,
    event::Event,
    future::ResponseFuture,
    handle::{LimitHandle, RateLimitHandle, UnknownLimit},
    headers::{Headers, Reset},
    layer::RateLimitLayer,
    lease::Lease,
    limit::Limit,
    missing::Missing,
    on_store_error::OnStoreError,
    overrides::{InvalidOverride, Overrides},
    proxies::{InvalidNetwork, TrustedProxies},
    refusal::{Reason, Refusal},
    report::Report,
    route::MatchedRoute,
    service::RateLimit,
    spent::{Spending, Spent},
    when::When,
};
