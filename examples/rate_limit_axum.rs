//! A service with a limit for each matter: everyone, the API by plan, failed logins, the tokens of a model.
//!
//! ```sh
//! cargo run --example rate_limit_axum    # or with LISTEN=127.0.0.1:8080 PROXIES=1 LIMITS='login=10/15min,tokens=9/s'
//! curl -i 127.0.0.1:3000/items                         # 60 a minute for an address, 10 of them at once
//! curl -i 127.0.0.1:3000/items -H 'x-api-key: acme'    # 600 a minute for a customer who pays
//! for i in 1 2 3 4 5 6; do curl -i 127.0.0.1:3000/login -d wrong; done    # five failures in 15 minutes
//! curl -i 127.0.0.1:3000/chat                          # 4000 tokens reserved, 120 charged
//! ```
use std::{env, error::Error, io::Write as _, net::SocketAddr, time::Duration};

use axum::{
    Extension, Router,
    extract::Request,
    http::StatusCode,
    middleware::{Next, from_fn},
    response::Response,
    routing::{get, post},
};
use tower_upstash::{
    quota::Quota,
    rate_limit::{
        By, Event, Limit, OnStoreError, Overrides, RateLimitLayer, Spent, TrustedProxies,
    },
    store::{EnvStore, Identifier},
};

// All that a request of a route is limited by is decided in one trip, and charged all or nothing.
const EVERYONE: Limit = Limit::new("everyone", Quota::per_second(5000))
    .by(By::EVERYONE)
    .unlisted();
const API: Limit = Limit::new("api", Quota::per_minute(60).burst(10))
    .by(By::extension::<Customer>().or(By::CLIENT_IP))
    .plan(|parts| Some(parts.extensions.get::<Customer>()?.quota));
const LOGIN: Limit = Limit::new("login", Quota::strict(5, Duration::from_secs(15 * 60)))
    .count(|response| response.status == StatusCode::UNAUTHORIZED) // only failures
    .on_store_error(OnStoreError::Refuse); // an outage is no opportunity
const TOKENS: Limit = Limit::new("tokens", Quota::per_minute(10_000))
    .by(By::extension::<Customer>().or(By::CLIENT_IP))
    .unit("tokens")
    .reserve(|_| 4_000); // what an answer takes at most

/// Who asks, and the quota of the plan: for the limits, in the request's extensions.
#[derive(Clone)]
struct Customer {
    name: String,
    quota: Quota,
}

impl From<Customer> for Identifier {
    fn from(customer: Customer) -> Self {
        customer.name.into()
    }
}

/// Looks the key up, outside of the limits. An unknown one is refused: no limit is by what a client makes up.
async fn authenticate(mut request: Request, next: Next) -> Result<Response, StatusCode> {
    if let Some(key) = request.headers().get("x-api-key") {
        let (name, quota) = match key.as_bytes() {
            b"acme" => ("acme".to_owned(), Quota::per_minute(600).burst(100)),
            b"tiny" => ("tiny".to_owned(), Quota::per_minute(6).burst(2)),
            // Outside of the limits: a real one needs a limit by address around it, against guessing.
            _ => return Err(StatusCode::UNAUTHORIZED),
        };
        request.extensions_mut().insert(Customer { name, quota });
    }
    Ok(next.run(request).await)
}

async fn login(password: String) -> StatusCode {
    match &*password {
        "sesame" => StatusCode::OK,
        _ => StatusCode::UNAUTHORIZED,
    }
}

async fn chat() -> (Extension<Spent>, &'static str) {
    (Extension(Spent::of("tokens", 120)), "a short answer\n") // settled in the same window
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let numbers = env::var("LIMITS").unwrap_or_default();
    let numbers = numbers.split(',').filter(|pair| !pair.is_empty());
    let numbers = numbers.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let proxies = env::var("PROXIES").map_or(Ok(0), |proxies| proxies.parse())?;

    // With UPSTASH_REDIS_REST_URL and _TOKEN, all processes share these limits.
    let base = RateLimitLayer::new(EnvStore::from_env_or_memory()?)
        .overrides(Overrides::new(numbers, [EVERYONE, API, LOGIN, TOKENS])?)
        .trusted_proxies(TrustedProxies::hops(proxies))
        .on_event(|event| match event {
            Event::Refused { limit, .. } => say(&format!("refused by {limit}")),
            Event::StoreError { error } => say(&format!("the store failed: {error}")),
            _ => {}
        })
        .limit(EVERYONE)
        .limit(API);
    for advice in base.with(LOGIN).with(TOKENS).check().await {
        say(&format!("advice: {advice}"));
    }
    let app = Router::new()
        .route("/items", get(|| async { "items\n" }).layer(base.clone()))
        .route("/login", post(login).layer(base.with(LOGIN)))
        .route("/chat", get(chat).layer(base.with(TOKENS)))
        .route("/health", get(|| async { "ok\n" }).layer(base.without(API)))
        .layer(from_fn(authenticate))
        .into_make_service_with_connect_info::<SocketAddr>(); // the addresses that limits go by

    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    say(&format!("listening: http://{}", listener.local_addr()?));
    axum::serve(listener, app)
        .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    Ok(base.handle().drain().await?) // nothing stays half done
}

/// Prints a line. Whoever reads it may be gone: that is no reason to stop serving.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
