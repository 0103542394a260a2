//! The addresses of peers and clients, end to end.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{HeaderValue, Request};
use tower_upstash::rate_limit::{By, Limit, Missing, RateLimitLayer, TrustedProxies};

use super::app::{Body, TWO, layer, left, status, statuses};
use crate::support::request_from;

const PROXY: &str = "10.0.0.1:9";

fn by_client(proxies: TrustedProxies) -> RateLimitLayer {
    layer()
        .limit(Limit::new("ip", TWO))
        .trusted_proxies(proxies)
}

fn forwarded(peer: &str, name: &'static str, lines: &[&str]) -> Request<Body> {
    let mut request = request_from(peer);
    for line in lines {
        let value = HeaderValue::from_bytes(line.as_bytes()).unwrap();
        request.headers_mut().append(name, value);
    }
    request
}

fn xff(lines: &[&str]) -> Request<Body> {
    forwarded(PROXY, "x-forwarded-for", lines)
}

fn ten() -> TrustedProxies {
    TrustedProxies::networks(["10.0.0.0/8"]).unwrap()
}

#[tokio::test]
async fn one_client_is_one_address_or_one_ipv6_network() {
    for (same, other) in [
        (
            ["192.0.2.1:1", "[::ffff:192.0.2.1]:1", "192.0.2.1:9"],
            "[::ffff:192.0.2.2]:1",
        ),
        (
            [
                "[2001:db8::1]:1",
                "[2001:db8::ffff:0:1]:1",
                "[2001:db8::ffff:ffff:ffff:ffff]:1",
            ],
            "[2001:db8:0:1::1]:1",
        ),
    ] {
        for by in [By::CLIENT_IP, By::PEER_IP] {
            let layer = layer().limit(Limit::new("ip", TWO).by(by));
            assert_eq!(
                statuses(&layer, same.map(request_from)).await,
                [200, 200, 429]
            );
            assert_eq!(status(&layer, request_from(other)).await, 200);
        }
    }
}

#[tokio::test]
async fn the_network_of_a_client_can_be_wider_or_narrower() {
    let wide = layer().limit(Limit::new("ip", TWO)).ipv6_prefix(48);
    let peers = [
        "[2001:db8:0:1::]:1",
        "[2001:db8:0:2::]:1",
        "[2001:db8:0:3::]:1",
    ];
    assert_eq!(
        statuses(&wide, peers.map(request_from)).await,
        [200, 200, 429]
    );
    let narrow = layer().limit(Limit::new("ip", TWO)).ipv6_prefix(128);
    let peers = ["[2001:db8::1]:1", "[2001:db8::1]:1", "[2001:db8::2]:1"];
    assert_eq!(statuses(&narrow, peers.map(request_from)).await, [200; 3]);
}

#[test]
#[should_panic(expected = "an IPv6 prefix has 1 to 128 bits")]
fn a_network_of_no_bits_is_a_mistake() {
    let _ = layer().ipv6_prefix(0);
}

#[tokio::test]
async fn the_peer_is_found_where_axum_leaves_it() {
    let layer = layer().limit(Limit::new("ip", TWO).by(By::PEER_IP));
    for (peer, expected) in [
        ("192.0.2.1:1", 200),
        ("192.0.2.1:2", 200),
        ("192.0.2.1:3", 429),
        ("192.0.2.2:1", 200),
    ] {
        let mut request = Request::new(Body::default());
        let info = ConnectInfo(peer.parse::<SocketAddr>().unwrap());
        request.extensions_mut().insert(info);
        assert_eq!(status(&layer, request).await, expected);
    }
}

#[tokio::test]
async fn the_peer_is_found_where_a_hook_says() {
    let layer = layer().limit(Limit::new("ip", TWO)).peer(|parts| {
        let peer = parts.headers.get("x-peer")?.to_str().ok()?;
        peer.parse::<IpAddr>().ok()
    });
    let from = |peer: &str| forwarded("203.0.113.1:1", "x-peer", &[peer]);
    let requests = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"].map(from);
    assert_eq!(statuses(&layer, requests).await, [200, 200, 429, 200]);
}

#[tokio::test]
async fn rotating_what_a_client_can_write_gains_nothing() {
    // Nobody is trusted; then one hop; then a network. The last entry is the proxy's, the rest is the client's.
    let untrusting = layer().limit(Limit::new("ip", TWO));
    for layer in [
        untrusting,
        by_client(TrustedProxies::hops(1)),
        by_client(ten()),
    ] {
        for n in 0..100 {
            let lies = format!("198.51.100.{n}, 2001:db8:{n}::1, 192.0.2.7");
            let expected = if n < 2 { 200 } else { 429 };
            assert_eq!(status(&layer, xff(&[&lies])).await, expected, "{n}");
        }
    }
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_told_apart() {
    for layer in [by_client(TrustedProxies::hops(1)), by_client(ten())] {
        let requests = ["192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.8"].map(|ip| xff(&[ip]));
        assert_eq!(statuses(&layer, requests).await, [200, 200, 429, 200]);
        let other = "192.0.2.8".parse::<IpAddr>().unwrap();
        assert_eq!(left(&layer, "ip", layer.handle().client(other)).await, 1);
    }
}

#[tokio::test]
async fn a_client_behind_a_proxy_is_one_in_all_its_spellings() {
    let layer = by_client(ten());
    let spellings = [
        &["192.0.2.7"][..],
        &["::ffff:192.0.2.7"],
        &["1.1.1.1", "192.0.2.7:4711, 10.9.9.9"],
    ];
    let requests = spellings.map(xff);
    assert_eq!(statuses(&layer, requests).await, [200, 200, 429]);
    let network = ["2001:db8::1", "[2001:db8::2]:80", "2001:db8::ffff:0:0:3"].map(|ip| xff(&[ip]));
    assert_eq!(statuses(&layer, network).await, [200, 200, 429]);
}

#[tokio::test]
async fn the_standard_field_is_read_where_it_is_asked_for() {
    let layer = by_client(ten().forwarded());
    let request = |line: &str| forwarded(PROXY, "forwarded", &[line]);
    let requests = [
        "for=192.0.2.7",
        "for=1.2.3.4, For=\"192.0.2.7:4711\";proto=https",
        "for=\"[2001:db8::1]\", for=192.0.2.7, for=10.1.1.1",
    ];
    assert_eq!(
        statuses(&layer, requests.map(request)).await,
        [200, 200, 429]
    );
    // Nobody wrote the other field.
    assert_eq!(status(&layer, xff(&["192.0.2.7"])).await, 200);
}

#[tokio::test]
async fn the_peer_is_the_peer_whatever_proxies_say() {
    let layer = by_client(ten()).with(Limit::new("peer", TWO).by(By::PEER_IP));
    let requests = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|ip| xff(&[ip]));
    assert_eq!(statuses(&layer, requests).await, [200, 200, 429]);
}

#[tokio::test]
async fn whoever_is_no_proxy_is_not_believed() {
    let layer = by_client(ten());
    for n in 0..4 {
        let request = forwarded(
            "203.0.113.7:1",
            "x-forwarded-for",
            &[&format!("192.0.2.{n}")],
        );
        assert_eq!(status(&layer, request).await, if n < 2 { 200 } else { 429 });
    }
}

#[tokio::test]
async fn a_hundred_lines_and_what_cannot_be_read_are_no_way_out() {
    let layer = by_client(ten());
    let lines: Vec<String> = (0..100).map(|n| format!("198.51.100.{n}")).collect();
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lines.push("192.0.2.7");
    let requests = [xff(&lines), xff(&lines), xff(&lines)];
    assert_eq!(statuses(&layer, requests).await, [200, 200, 429]);

    // Unreadable: the proxy that wrote it stands for its client.
    for bad in [
        "unknown",
        "300.1.1.1",
        "\u{ff}",
        "",
        ",,,",
        "\"",
        "192.0.2.7.9",
        "[::1",
    ] {
        let answer = status(&layer, xff(&["192.0.2.9", bad])).await;
        assert!(answer == 200 || answer == 429, "{bad}");
    }
    let huge = "1.2.3.4,".repeat(2_000);
    assert!(status(&layer, xff(&[&huge, "192.0.2.70"])).await == 200);
}

#[tokio::test]
async fn a_request_without_an_address_is_a_decision_and_no_error() {
    for (missing, expected) in [
        (Missing::Shared, [200, 200, 429]),
        (Missing::Refuse, [400, 400, 400]),
        (Missing::Exempt, [200, 200, 200]),
    ] {
        for by in [By::CLIENT_IP, By::PEER_IP] {
            let layer = layer().limit(Limit::new("ip", TWO).by(by).missing(missing));
            let requests = [0; 3].map(|_| Request::new(Body::default()));
            assert_eq!(statuses(&layer, requests).await, expected, "{missing:?}");
        }
    }
}
