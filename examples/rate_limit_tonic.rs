//! A gRPC server with a limit, and a client that is refused, waits as it is told, and tries again.
//!
//! ```sh
//! cargo run --example rate_limit_tonic
//! ```
//!
//! ```text
//! serving:  grpc.health.v1.Health on 127.0.0.1:41393, one call a second
//! call 1:   Serving
//! call 2:   refused with code 8 (ResourceExhausted): The limit "calls" has too little left for this request: …
//!           limits that refuse: calls; try again in 999 ms
//! call 3:   Serving
//! ```
use std::{
    error::Error,
    io::{self, Write as _},
    time::Duration,
};

use tokio::{net::TcpListener, time::sleep};
use tonic::{
    Status,
    transport::{Endpoint, Server, server::TcpIncoming},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_types::StatusExt as _;
use tower_upstash::{
    quota::Quota,
    rate_limit::{Limit, RateLimitLayer},
    store::MemoryStore,
};

// By the address of the peer, which tonic leaves in the extensions (feature `tonic`).
const CALLS: Limit = Limit::new("calls", Quota::per_second(1));

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (_, health) = tonic_health::server::health_reporter();
    let server = Server::builder()
        .layer(RateLimitLayer::new(MemoryStore::new()).limit(CALLS))
        .add_service(health)
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    say(&format!(
        "serving:  grpc.health.v1.Health on {address}, one call a second"
    ));

    let channel = Endpoint::from_shared(format!("http://{address}"))?
        .connect()
        .await?;
    let mut client = HealthClient::new(channel);
    for call in 1..=3 {
        match client.check(HealthCheckRequest::default()).await {
            Ok(answer) => say(&format!("call {call}:   {:?}", answer.get_ref().status())),
            Err(status) => sleep(told_to_wait(call, &status)).await,
        }
    }
    Ok(())
}

/// Returns how long to wait before the next call: the details of the status tell it, exactly.
fn told_to_wait(call: u8, status: &Status) -> Duration {
    let code = status.code();
    let (number, message) = (code as i32, status.message());
    say(&format!(
        "call {call}:   refused with code {number} ({code:?}): {message}"
    ));
    let details = status.get_error_details();
    let violations = details
        .quota_failure()
        .map_or(&[][..], |failure| &failure.violations);
    let limits: Vec<_> = violations
        .iter()
        .map(|violation| &*violation.subject)
        .collect();
    let wait = details.retry_info().and_then(|info| info.retry_delay);
    let wait = wait.unwrap_or(Duration::from_secs(1));
    say(&format!(
        "          limits that refuse: {}; try again in {} ms",
        limits.join(", "),
        wait.as_millis()
    ));
    wait
}

/// Prints a line. Whoever reads it may be gone: that is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
