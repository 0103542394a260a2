//! Response caching: a shared HTTP cache ([RFC 9111](https://www.rfc-editor.org/rfc/rfc9111)) inside any Tower server.
//!
//! ```
//! use axum::{Router, http::header::CACHE_CONTROL, routing::get};
//! use tower_upstash::{response_cache::ResponseCacheLayer, store::MemoryStore};
//!
//! let app: Router = Router::new()
//!     .route("/", get(|| async { ([(CACHE_CONTROL, "max-age=60")], "hello") }))
//!     .layer(ResponseCacheLayer::new(MemoryStore::new()));
//! ```
//!
//! By default it stores what a response allows in so many words, and nothing else: no answer becomes everybody's that was
//! for one user. More than that is said per route, by a [policy](CachePolicy), or per response, by [`Caching`]:
//!
//! ```
//! use std::time::Duration;
//! use axum::{Extension, Router, routing::get};
//! use tower_upstash::{
//!     response_cache::{CachePolicy, Caching, Query, ResponseCacheLayer},
//!     store::MemoryStore,
//! };
//!
//! const MINUTE: Duration = Duration::from_secs(60);
//! const HOUR: Duration = Duration::from_secs(60 * 60);
//! const SEARCH: CachePolicy = CachePolicy::new("search")
//!     .default_ttl(MINUTE) // of answers that say nothing
//!     .stale_while_revalidate(HOUR)
//!     .query(Query::Only(&["q", "page"]));
//! const POSTS: CachePolicy = CachePolicy::new("posts").stale_if_error(HOUR).tags(&["posts"]);
//!
//! let cache = ResponseCacheLayer::new(MemoryStore::new());
//! let app: Router = Router::new()
//!     .route("/search", get(|| async { "found" }).layer(cache.with(SEARCH)))
//!     .route(
//!         "/posts/1",
//!         get(|| async { (Extension(Caching::ttl(HOUR).tag("post-1")), "a post") })
//!             .layer(cache.with(POSTS)),
//!     );
//! let handle = cache.handle(); // handle.purge_tags(["post-1"]).await?
//! ```
//!
//! # What is stored
//! | the response | is stored |
//! |---|---|
//! | says how long: a targeted field (RFC 9213), `s-maxage`, `max-age`, `Expires`; or [`Caching::ttl`] | yes |
//! | says nothing | by a policy with a [`default_ttl`](CachePolicy::default_ttl) or such, and only for requests without credentials |
//! | `no-store`, `private`; `Vary` with `*`, `Cookie` or `Authorization`; 206, 304; to a `Range` | no |
//! | 429 | if it says `public` and how long |
//! | to a request with `Authorization`, or an API key | if it says `public`, `s-maxage` or `must-revalidate` (section 3.5) |
//! | `Set-Cookie` | no, see [`SetCookie`] |
//! | marked as [`Personal`], also while its body streams | no |
//! | an event stream, gRPC, an upgrade; with trailers; larger than [`max_body`](CachePolicy::max_body) or the store takes | no, and it is not buffered |
//! | cut off, or not as long as announced | no |
//!
//! `RateLimit` fields, `Age`, hop-by-hop fields and tags are not stored. Requests that tell who somebody is
//! ([credentials](CachePolicy::credential_headers)) get only what says itself how long it may be used; a page that is made
//! for a user by a cookie, and says `max-age` without `private`, is everybody's here as in any shared cache.
//!
//! # What a request costs
//! A hit is one trip: the entry, and in the same trip the [poll](ResponseCacheLayer::purge_lag) for purges; two trips where
//! this process does not know yet what the response varies by. Storing one is one trip. On Upstash a hit is two commands, one
//! with a lag, and storing is one. Requests that miss at the same time wait for one of them, and read its answer while it
//! streams.
//!
//! # Bodies
//! Nothing waits for a whole body: frames pass as they come, and are recorded. Only the last one, or the end, waits for the
//! response to be stored, at most 50 milliseconds. Stored bodies are sent without a copy.
//!
//! # Order
//! Inside of what compresses, or outside if that sets `Vary`; inside of rate limits: a hit costs a request and no
//! [reserved](crate::rate_limit::Limit::reserve) units. Sessions on either side mark what they have touched as [`Personal`].
//! The key is made of the URI that the client has sent, with axum also inside of nested routers (feature `axum`); of other
//! routers that strip a prefix, it is what they leave: layers go outside of them.
//!
//! # Security
//! The key has the scheme, the host, the path and the query as they are, and what the policy adds. An answer that depends on
//! another header, such as `X-Forwarded-Host`, has to say so in `Vary`, or the policy in its
//! [`key_headers`](CachePolicy::key_headers): else whoever sends that header chooses what others see. What clients ask for in
//! `Cache-Control` is [ignored](ResponseCacheLayer::trust_requests), and no method purges.
//!
//! # Conformance
//! Of the [public suite for HTTP caches](https://cache-tests.fyi), 144 of 160 required tests pass with the settings of a new
//! layer and a policy with [`heuristic`](CachePolicy::heuristic), and 159 with all that is named here. Those that fail until then:
//! - ten about `CDN-Cache-Control`, which is for a CDN in front: [`targeted_by`](ResponseCacheLayer::targeted_by)
//! - four that need something stale to be used when the service fails: [`stale_on_disconnect`](CachePolicy::stale_on_disconnect)
//! - one that wants `Set-Cookie` from the cache: [`SetCookie::Store`]
//!
//! The last one is about interim responses (1xx), which hyper's server does not send.
//!
//! # When the store fails
//! Requests pass by the cache, and nothing is stored. It is never an error of the service;
//! [`Event::StoreError`] tells of it.

mod answer;
mod body;
mod budget;
mod caching;
mod called;
mod codec;
mod commit;
mod compression;
mod config;
mod debts;
mod digest;
mod entry;
mod event;
mod exchange;
mod family;
mod fill;
mod forget;
mod future;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod hints;
mod hot;
mod judgement;
mod key;
mod landed;
mod layer;
mod lookup;
mod pass;
mod personal;
mod plan;
mod policy;
mod purges;
mod question;
mod reading;
mod ready;
mod recording;
mod refresh;
mod semantics;
mod service;
mod stored;
mod tags;
mod target;
mod unmodified;
mod unsafe_method;

pub use self::{
    body::{BoxError, ResponseBody},
    caching::Caching,
    event::Event,
    future::ResponseFuture,
    handle::ResponseCacheHandle,
    key::Query,
    layer::ResponseCacheLayer,
    personal::Personal,
    policy::CachePolicy,
    recording::Interrupted,
    semantics::{rules::SetCookie, storable::Reason},
    service::ResponseCache,
};
