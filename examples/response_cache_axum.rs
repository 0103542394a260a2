//! A cache in front of axum's handlers: what they say themselves, policies, tags, purges, and a page for each user.
//!
//! ```sh
//! cargo run --example response_cache_axum       # on 127.0.0.1:3000; elsewhere: LISTEN=127.0.0.1:8080
//! curl -i 127.0.0.1:3000/                       # cache-status: tower-upstash;fwd=uri-miss;…;stored, again: …;hit;ttl=59
//! curl -i '127.0.0.1:3000/news?page=2'          # a second; again, at once, also with &utm_source=mail
//! curl -i 127.0.0.1:3000/posts/1                # "post 1, made as no. 3": the same for an hour, unless it is changed
//! curl -i 127.0.0.1:3000/posts/1 -X POST        # 204; the next GET is made anew
//! curl -i 127.0.0.1:3000/me -H 'x-api-key: alice'                     # a page for alice, another for root, 401 for others
//! curl -i 127.0.0.1:3000/purge/posts -X POST -H 'x-api-key: root'     # 204: all posts are made anew; 403 for alice
//! ```
//!
//! With `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN` set, all processes share what is stored.
use std::{
    env,
    error::Error,
    io::Write as _,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use axum::{
    Extension, Router,
    extract::{Path, Request},
    http::{StatusCode, Uri, header::CACHE_CONTROL},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tower_upstash::{
    response_cache::{CachePolicy, Caching, Event, Query, ResponseCacheHandle, ResponseCacheLayer},
    store::{EnvStore, Identifier},
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

const NEWS: CachePolicy = CachePolicy::new("news")
    .default_ttl(MINUTE) // the handler says nothing
    .stale_while_revalidate(HOUR)
    .query(Query::Only(&["page"])); // what else a link carries makes no other page
const ME: CachePolicy = CachePolicy::new("me")
    .per(|parts| Some(Identifier::from(parts.extensions.get::<User>()?.0)))
    .default_ttl(MINUTE);

/// Who asks, as far as the server has found out: in the request's extensions.
#[derive(Clone, Copy)]
struct User(&'static str);

/// Stands for a real authentication.
async fn authenticate(mut request: Request, next: Next) -> Result<Response, StatusCode> {
    let key = request.headers().get("x-api-key").map(|key| key.as_bytes());
    let name = match key {
        Some(b"alice") => "alice",
        Some(b"root") => "root",
        _ => return Err(StatusCode::UNAUTHORIZED),
    };
    request.extensions_mut().insert(User(name));
    Ok(next.run(request).await)
}

async fn home() -> impl IntoResponse {
    ([(CACHE_CONTROL, "max-age=60")], made("home"))
}

async fn news(uri: Uri) -> String {
    let mut parameters = uri.query().unwrap_or_default().split('&');
    let page = parameters.find_map(|pair| pair.strip_prefix("page="));
    tokio::time::sleep(Duration::from_secs(1)).await;
    made(&format!("page {}", page.unwrap_or("1")))
}

async fn show(Path(id): Path<u64>) -> impl IntoResponse {
    // For this cache alone: clients are told nothing of it.
    let caching = Caching::ttl(HOUR).tag("posts").tag(format!("post-{id}"));
    (Extension(caching), made(&format!("post {id}")))
}

async fn edit(Path(_): Path<u64>) -> StatusCode {
    StatusCode::NO_CONTENT // a success: what is stored for this URL is invalidated
}

async fn me(Extension(User(name)): Extension<User>) -> String {
    made(name)
}

async fn purge(
    Extension(cache): Extension<ResponseCacheHandle>,
    Extension(User(name)): Extension<User>,
    Path(tag): Path<String>,
) -> StatusCode {
    if name != "root" {
        return StatusCode::FORBIDDEN; // whoever may purge makes the service work
    }
    match cache.purge_tags([tag]).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let cache = ResponseCacheLayer::new(EnvStore::from_env_or_memory()?).on_event(log);
    let known = Router::new()
        .route("/me", get(me).layer(cache.with(ME)))
        .route("/purge/{tag}", post(purge))
        .layer(Extension(cache.handle()))
        .layer(from_fn(authenticate));
    let app = Router::new()
        .route("/", get(home).layer(cache.clone()))
        .route("/news", get(news).layer(cache.with(NEWS)))
        .route("/posts/{id}", get(show).post(edit).layer(cache.clone()))
        .merge(known);

    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    say(&format!("listening: http://{}", listener.local_addr()?));
    axum::serve(listener, app)
        .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    cache.handle().drain().await; // refreshes that are under way
    Ok(())
}

/// Events name policies, never URLs or users.
fn log(event: &Event<'_>) {
    say(&match event {
        Event::Hit { policy, stale } => {
            format!("{policy}: hit{}", if *stale { ", stale" } else { "" })
        }
        Event::Miss { policy } => format!("{policy}: miss"),
        Event::Stored { policy, bytes } => format!("{policy}: stored {bytes} bytes"),
        Event::NotStored { policy, reason, .. } => {
            format!("{policy}: not stored: {}", reason.as_str())
        }
        Event::StoreError { error } => format!("the store failed: {error}"),
        other => format!("{other:?}"),
    });
}

/// So that it shows what was made anew.
fn made(what: &str) -> String {
    static MADE: AtomicU32 = AtomicU32::new(1);
    format!(
        "{what}, made as no. {}\n",
        MADE.fetch_add(1, Ordering::Relaxed)
    )
}

/// Prints a line. Whoever reads it may be gone: that is no reason to stop serving.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
