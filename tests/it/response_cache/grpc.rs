//! gRPC through the layer: calls, streams and trailers pass.

use std::net::SocketAddr;

use http::HeaderMap;
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tonic::{
    Code,
    transport::{Endpoint, Server, server::TcpIncoming},
};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_check_response, health_client::HealthClient},
};
use tower_upstash::response_cache::{CachePolicy, Reason};

use super::app::{HOUR, Site, channel, for_a_minute, request, stream};

async fn serve(site: &Site) -> (SocketAddr, tonic_health::server::HealthReporter) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (reporter, health) = tonic_health::server::health_reporter();
    let server = Server::builder()
        .layer(site.layer.clone())
        .add_service(health)
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    (address, reporter)
}

fn asks(service: &str) -> HealthCheckRequest {
    let service = service.to_owned();
    HealthCheckRequest { service }
}

/// P10
#[tokio::test]
async fn calls_and_their_streams_pass_with_their_trailers() {
    let site = Site::new(for_a_minute).policy(CachePolicy::new("all").default_ttl(HOUR));
    let (address, mut reporter) = serve(&site).await;
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut client = HealthClient::new(endpoint.connect().await.unwrap());
    reporter
        .set_service_status("one", ServingStatus::Serving)
        .await;

    let mut watched = client.watch(asks("one")).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(
        first.status(),
        health_check_response::ServingStatus::Serving
    );
    // The first message has come although the stream has not ended; what changes is not what was before.
    reporter
        .set_service_status("one", ServingStatus::NotServing)
        .await;
    let second = watched.message().await.unwrap().unwrap();
    assert_eq!(
        second.status(),
        health_check_response::ServingStatus::NotServing
    );
    let checked = client.check(asks("one")).await.unwrap().into_inner();
    assert_eq!(
        checked.status(),
        health_check_response::ServingStatus::NotServing
    );
    let unknown = client.check(asks("two")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    // By the trailers: the service is no longer there.
    reporter.clear_service_status("one").await;
    let end = watched.message().await;
    assert!(matches!(end, Ok(None)) || end.is_err_and(|status| status.code() == Code::NotFound));
}

/// P10
#[tokio::test]
async fn what_looks_like_grpc_is_not_stored_and_changes_nothing() {
    let (frames, body) = channel();
    let body = std::sync::Mutex::new(Some(body));
    let site = Site::new(move |parts| {
        let fields = [
            ("cache-control", "max-age=60"),
            ("content-type", "application/grpc+proto"),
        ];
        match parts.method == http::Method::POST || parts.uri.path() == "/get" {
            true => stream(200, &fields, body.lock().unwrap().take().unwrap()),
            false => for_a_minute(parts),
        }
    });
    site.get("/").await;
    let call = [("content-type", "application/grpc"), ("te", "trailers")];
    let answer = site.open(request("POST", "/", &call)).await.unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    frames.data("message");
    frames.trailers(trailers.clone());
    drop(frames);
    let all = answer.into_body().collect().await.unwrap();
    assert_eq!(all.trailers(), Some(&trailers));
    // A successful call is a POST like any other to HTTP; for gRPC it may have been a question.
    assert!(site.get("/").await.is_hit());
    assert_eq!(site.unstored(), Vec::<Reason>::new());
}
