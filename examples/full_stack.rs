//! Limits, sessions and a cache over one store: a slow page that all share, and a page of one's own.
//!
//! ```sh
//! cargo run --example full_stack                           # on 127.0.0.1:3000; elsewhere: LISTEN=127.0.0.1:8080
//! curl -i 127.0.0.1:3000/report                            # a second; again: at once, also with the jar
//! curl -i 127.0.0.1:3000/login/alice -d sesame -c jar      # five wrong passwords in 15 minutes, and it is 429
//! curl -i 127.0.0.1:3000/me -b jar                         # "alice, visit 1", then 2; without the jar: 401
//! curl -i 127.0.0.1:3000/logout -X POST -b jar             # from now on, the jar is worth nothing
//! ```
//!
//! With `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN` set, all processes are one.
use std::{env, error::Error, io::Write as _, net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header::CACHE_CONTROL},
    response::IntoResponse,
    routing::{get, post},
};
use tower::ServiceBuilder;
use tower_upstash::{
    quota::Quota,
    rate_limit::{Limit, OnStoreError, RateLimitLayer},
    response_cache::ResponseCacheLayer,
    session::{Session, SessionError, SessionLayer},
    store::{EnvStore, SharedStore},
};

const REQUESTS: Limit = Limit::new("requests", Quota::per_minute(60).burst(20)); // of an address
const LOGINS: Limit = Limit::new("logins", Quota::strict(5, Duration::from_secs(15 * 60)))
    .count(|response| response.status == StatusCode::UNAUTHORIZED) // only failures
    .on_store_error(OnStoreError::Refuse);

/// Slow, and the same for all: whoever is logged in gets the stored one, too, as no session is looked at.
async fn report() -> impl IntoResponse {
    tokio::time::sleep(Duration::from_secs(1)).await;
    ([(CACHE_CONTROL, "max-age=60")], "a long report\n")
}

/// Looks at the session: no cache stores that, whatever a policy says.
async fn me(session: Session) -> Result<String, SessionError> {
    let name = session.require_subject().await?; // or 401
    session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
    let visits: u64 = session.get("visits").await?.unwrap_or_default();
    Ok(format!("{name}, visit {visits}\n"))
}

async fn login(
    session: Session,
    Path(name): Path<String>,
    password: String,
) -> Result<StatusCode, SessionError> {
    if password != "sesame" {
        return Ok(StatusCode::UNAUTHORIZED);
    }
    session.authenticate(name)?; // a new token: what was planted before is worth nothing
    Ok(StatusCode::NO_CONTENT)
}

async fn logout(session: Session) -> Result<StatusCode, SessionError> {
    session.destroy()?;
    Ok(StatusCode::NO_CONTENT)
}

fn app(store: &SharedStore) -> Router {
    let limits = RateLimitLayer::new(store.clone()).limit(REQUESTS);
    let sessions = SessionLayer::new(store.clone());
    let cache = ResponseCacheLayer::new(store.clone());
    let stack = |limits: &RateLimitLayer| {
        let base = ServiceBuilder::new().layer(limits.clone());
        base.layer(sessions.clone()).layer(cache.clone())
    };
    let guarded = limits.with(LOGINS);
    Router::new()
        .route("/report", get(report).layer(stack(&limits)))
        .route("/me", get(me).layer(stack(&limits)))
        .route("/login/{name}", post(login).layer(stack(&guarded)))
        .route("/logout", post(logout).layer(stack(&limits)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = app(&EnvStore::from_env_or_memory()?.into());
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    writeln!(std::io::stdout(), "listening: http://{address}")?;
    let service = app.into_make_service_with_connect_info::<SocketAddr>(); // whom limits go by
    Ok(axum::serve(listener, service).await?)
}
