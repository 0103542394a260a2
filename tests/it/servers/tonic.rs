//! Refused gRPC calls, as tonic's client and the wire see them.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_types::StatusExt;
use tower_upstash::{
    quota::Quota,
    rate_limit::{Limit, OnStoreError, RateLimitLayer},
    store::MemoryStore,
    time::ManualClock,
};

use crate::support::Remote;

const CALLS: Limit = Limit::new("calls", Quota::fixed(1, Duration::from_millis(1500)));

/// Serves `grpc.health.v1.Health` behind the layer.
async fn serve(layer: &RateLimitLayer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_, health) = tonic_health::server::health_reporter();
    let server = Server::builder()
        .layer(layer.clone())
        .add_service(health)
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    address
}

async fn connect(address: SocketAddr) -> HealthClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    HealthClient::new(endpoint.connect().await.unwrap())
}

async fn call(client: &mut HealthClient<Channel>) -> Result<(), Status> {
    let answer = client.check(HealthCheckRequest::default()).await;
    answer.map(|_| ())
}

fn limited() -> (RateLimitLayer, ManualClock) {
    let clock = ManualClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    // What is remembered of refusals goes by the same clock.
    let layer = RateLimitLayer::new(store).clock(clock.clone()).limit(CALLS);
    (layer, clock)
}

#[tokio::test]
async fn a_refused_call_tells_its_client_when_to_retry_and_the_retry_succeeds() {
    let (layer, clock) = limited();
    let mut client = connect(serve(&layer).await).await;
    call(&mut client).await.unwrap();
    clock.advance(Duration::from_millis(300));

    let refused = call(&mut client).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(refused.code() as i32, 8);
    assert!(refused.message().contains(r#"limit "calls""#), "{refused}");
    let pushback = refused.metadata().get("grpc-retry-pushback-ms").unwrap();
    assert_eq!(pushback, "1200");
    let details = refused.get_error_details();
    let delay = details.retry_info().unwrap().retry_delay.unwrap();
    assert_eq!(delay, Duration::from_millis(1200));
    let violations = &details.quota_failure().unwrap().violations;
    let subjects: Vec<_> = violations
        .iter()
        .map(|violation| &*violation.subject)
        .collect();
    assert_eq!(subjects, ["calls"]);

    clock.advance(delay);
    call(&mut client).await.unwrap();
}

#[tokio::test]
async fn the_peer_that_tonic_has_found_is_whom_a_call_counts_for() {
    let (layer, _clock) = limited();
    let mut client = connect(serve(&layer).await).await;
    call(&mut client).await.unwrap();
    let limits = layer.handle();
    let calls = limits.limit("calls").unwrap();
    for (ip, expected) in [([127, 0, 0, 1], 0), ([127, 0, 0, 2], 1)] {
        let peek = calls.peek(limits.client(ip.into())).await.unwrap();
        assert_eq!(peek.remaining(), expected, "{ip:?}");
    }
}

#[tokio::test]
async fn a_call_is_told_that_a_limit_cannot_be_checked() {
    let store = Remote::open();
    let limit = CALLS.on_store_error(OnStoreError::Refuse);
    let layer = RateLimitLayer::new(store.shared()).limit(limit);
    let mut client = connect(serve(&layer).await).await;
    store.set_down(true);
    let refused = call(&mut client).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(refused.code() as i32, 14);
    let details = refused.get_error_details();
    let delay = details.retry_info().unwrap().retry_delay.unwrap();
    assert_eq!(delay, Duration::from_secs(1));
    assert!(details.quota_failure().is_none());
    store.set_down(false);
    call(&mut client).await.unwrap();
}

/// A frame of HTTP/2: its type, its flags, its stream.
type Frame = (u8, u8, u32);

const HEADERS: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Asks on a connection of its own, and returns the frames of the answer.
async fn frames(address: SocketAddr) -> Vec<Frame> {
    let mut fields = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        fields.push(0); // a literal with a literal name (RFC 7541, section 6.2.2)
        for text in [name, value] {
            fields.push(u8::try_from(text.len()).unwrap());
            fields.extend_from_slice(text.as_bytes());
        }
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(); // and no settings
    let length = u8::try_from(fields.len()).unwrap();
    out.extend([0, 0, length, HEADERS, END_HEADERS, 0, 0, 0, 1]); // the message may follow
    out.extend(fields);
    stream.write_all(&out).await.unwrap();

    let mut frames = Vec::new();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await.unwrap();
        let id = u32::from_be_bytes(id);
        if id == 1 {
            frames.push((kind, flags, id));
            if flags & END_STREAM != 0 {
                return frames;
            }
        }
    }
}

#[tokio::test]
async fn a_refused_call_is_one_frame_of_headers_that_ends_the_stream() {
    let (layer, _clock) = limited();
    let address = serve(&layer).await;
    call(&mut connect(address).await).await.unwrap();
    assert_eq!(
        frames(address).await,
        [(HEADERS, END_STREAM | END_HEADERS, 1)]
    );
}
