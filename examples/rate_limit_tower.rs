//! No framework and no network: any tower service of `http::Request`s, with a body and an error of its own.
//!
//! ```sh
//! cargo run --example rate_limit_tower
//! ```
//!
//! ```text
//! alice   200 3 2 1
//! alice   200 3 2 1
//! alice   429 {"type":"https://iana.org/assignments/http-problem-types#quota-exceeded",…}
//! bob     200 3 2 1
//! mallory 400 {"type":"about:blank",…}
//! ```
use std::{
    collections::HashMap,
    error::Error,
    fmt,
    io::{self, Write as _},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use tower::{Service as _, ServiceBuilder, ServiceExt as _, service_fn};
use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Limit, Missing, RateLimitLayer},
    store::{Identifier, MemoryStore},
};

/// A body of the application's own: it has no `Default`, and is made from nothing.
struct Countdown(u8);

impl Body for Countdown {
    type Data = Bytes;
    type Error = Overheated;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Overheated>>> {
        let frame = (self.0 > 0).then(|| Ok(Frame::data(format!(" {}", self.0).into())));
        self.0 = self.0.saturating_sub(1);
        Poll::Ready(frame)
    }
}

/// An error of the application's own: the layer adds none to it.
#[derive(Debug)]
struct Overheated;

impl fmt::Display for Overheated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("overheated")
    }
}

impl Error for Overheated {}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A limit is a `const`, unless one of its functions captures something.
    let tenants = HashMap::from([("alice", 1_u64), ("bob", 2)]);
    let by_tenant = By::parts_with(move |parts| {
        let name = parts.headers.get("x-tenant")?.to_str().ok()?;
        tenants
            .get(name)
            .map(|id| Identifier::new(id.to_be_bytes()))
    });
    let starts = Limit::new("starts", Quota::fixed(2, Duration::from_secs(60)))
        .by(by_tenant)
        .missing(Missing::Refuse);

    let mut service = ServiceBuilder::new()
        .layer(RateLimitLayer::new(MemoryStore::new()).limit(starts))
        .concurrency_limit(1) // a refusal takes no permit of it
        .service(service_fn(launch));
    for tenant in ["alice", "alice", "alice", "bob", "mallory"] {
        let request = Request::builder()
            .header("x-tenant", tenant)
            .body(Countdown(3))?;
        let response = service.ready().await?.call(request).await?;
        let status = response.status().as_u16();
        // The service's body or the refusal's, in one type.
        let body = response.into_body().collect().await?.to_bytes();
        let body = String::from_utf8_lossy(&body);
        writeln!(io::stdout(), "{tenant:<7} {status} {body}")?;
    }
    Ok(())
}

async fn launch(request: Request<Countdown>) -> Result<Response<Countdown>, Overheated> {
    Ok(Response::new(request.into_body()))
}
