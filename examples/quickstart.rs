//! A server that limits: 10 requests per 10 seconds and client.
//!
//! ```sh
//! cargo run --example quickstart                          # on 127.0.0.1:3000
//! LISTEN=127.0.0.1:8080 cargo run --example quickstart    # elsewhere
//! ```

use std::{
    env,
    error::Error,
    io::{self, Write},
    net::SocketAddr,
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use tokio::net::TcpListener;
use tower_upstash::{
    quota::Quota,
    rate_limit::{Limit, RateLimitLayer, Report},
    store::MemoryStore,
};

// By peer address; the window begins with a client's first hit.
const HELLO: Limit = Limit::new("hello", Quota::fixed(10, Duration::from_secs(10)));

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let limits = RateLimitLayer::new(MemoryStore::new())
        .limit(HELLO)
        .report();
    let app = Router::new()
        .route("/", get(|| async { "hello\n" }))
        .layer(limits)
        .layer(middleware::from_fn(log));

    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = TcpListener::bind(&address)
        .await
        .map_err(|error| format!("LISTEN={address}: {error}"))?;
    let address = listener.local_addr()?;
    say("store:     memory, in this process");
    say(&format!("listening: http://{address}"));
    say(&format!("try:       curl -i http://{address}/"));
    say(&format!(
        "           for i in $(seq 15); do curl -s -o /dev/null -w '%{{http_code}} ' http://{address}/; done; echo"
    ));

    // The peer addresses are what the limit goes by.
    axum::serve(
        listener,
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .await?;
    Ok(())
}

/// Prints one line per request: `GET / 200 limit=hello 7/10 reset=9.8s`.
async fn log(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let mut line = format!("{method} {path} {}", response.status().as_u16());
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
    say(&line);
    response
}

/// Prints a line. Whoever reads it may be gone: that is no reason to stop serving.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
