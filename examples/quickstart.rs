//! A server that limits and caches: 10 requests per 10 seconds and client, and a slow report that is made once a minute.
//!
//! ```sh
//! cargo run --example quickstart                          # on 127.0.0.1:3000, in memory
//! LISTEN=127.0.0.1:8080 cargo run --example quickstart    # elsewhere
//! ```
//!
//! With `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN` set, all processes share their limits and the report in that
//! database: `cargo run --example local_upstash` is one for this machine.

use std::{
    env,
    error::Error,
    io::{self, Write},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    extract::Request,
    http::{
        HeaderMap,
        header::{AGE, CACHE_CONTROL},
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, time::sleep};
use tower_upstash::{
    quota::Quota,
    rate_limit::{Event, Limit, RateLimitLayer, Report},
    response_cache::ResponseCacheLayer,
    store::{EnvStore, SharedStore, Store, UpstashStore, UpstashUsage},
};

// By peer address; the window begins with a client's first hit.
const HELLO: Limit = Limit::new("hello", Quota::fixed(10, Duration::from_secs(10)));

/// A slow page, which says how long it may be used.
async fn report() -> impl IntoResponse {
    sleep(Duration::from_secs(2)).await;
    let now = httpdate::fmt_http_date(SystemTime::now());
    (
        [(CACHE_CONTROL, "max-age=60")],
        format!("generated at {now}\n"),
    )
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let env = EnvStore::from_env_or_memory().map_err(|error| error.to_string())?;
    say(&format!("store:     {env}"));
    let costs = Arc::new(Costs::of(env.upstash()));
    let store = SharedStore::from(env);
    if let Err(error) = store.ping().await {
        say(&format!(
            "           {error}; until it answers, limits are counted here and nothing is cached"
        ));
    }
    let cache = ResponseCacheLayer::new(store.clone());
    let limits = RateLimitLayer::new(store)
        .limit(HELLO)
        .report()
        .on_event(|event| {
            if let Event::StoreError { error } = event {
                say(&format!("store:     {error}"));
            }
        });
    let app = Router::new()
        .route("/", get(|| async { "hello\n" }))
        .route("/report", get(report).layer(cache))
        .layer(limits)
        .layer(middleware::from_fn(move |request, next| {
            log(Arc::clone(&costs), request, next)
        }));

    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = TcpListener::bind(&address)
        .await
        .map_err(|error| format!("LISTEN={address}: {error}"))?;
    let address = listener.local_addr()?;
    say(&format!("listening: http://{address}"));
    say(&format!("try:       curl -i http://{address}/"));
    say(&format!(
        "           for i in $(seq 15); do curl -s -o /dev/null -w '%{{http_code}} ' http://{address}/; done; echo"
    ));

    say(&format!("           curl -i http://{address}/report"));

    // The peer addresses are what the limit goes by.
    axum::serve(
        listener,
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .await?;
    Ok(())
}

/// Prints one line per request: `GET /report 200 hit age=3 limit=hello 7/10 reset=9.8s trips=2 commands=6 $0.000012`.
async fn log(costs: Arc<Costs>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let mut line = format!("{method} {path} {}", response.status().as_u16());
    line += &outcome(response.headers());
    for (name, decision) in response
        .extensions()
        .get::<Report>()
        .into_iter()
        .flat_map(Report::iter)
    {
        let reset = decision.reset_after().as_secs_f32();
        line += &format!(
            " limit={name} {}/{} reset={reset:.1}s",
            decision.remaining(),
            decision.limit()
        );
    }
    say(&(line + &costs.since()));
    response
}

/// Returns ` hit age=3` or ` miss`, or nothing for what no cache has seen.
fn outcome(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    match (text("cache-status"), text(AGE.as_str())) {
        (Some(status), Some(age)) if status.contains(";hit") => format!(" hit age={age}"),
        (Some(_), _) => " miss".into(),
        (None, _) => String::new(),
    }
}

/// What the store has cost, as far as no line has told it yet.
struct Costs {
    upstash: Option<UpstashStore>,
    told: Mutex<UpstashUsage>,
}

impl Costs {
    fn of(upstash: Option<&UpstashStore>) -> Self {
        Self {
            upstash: upstash.cloned(),
            told: Mutex::default(),
        }
    }

    /// Returns ` trips=1 commands=4 $0.000008`, or nothing for a store that costs nothing.
    fn since(&self) -> String {
        let Some(upstash) = &self.upstash else {
            return String::new();
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let usage = upstash.usage();
        let line = format!(
            " trips={} commands={} ${:.6}",
            usage.requests - told.requests,
            usage.commands - told.commands,
            usage.dollars() - told.dollars()
        );
        *told = usage;
        line
    }
}

/// Prints a line. Whoever reads it may be gone: that is no reason to stop serving.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
