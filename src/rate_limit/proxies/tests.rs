//! Whom requests are from, behind proxies and past them.

mod bounds;
mod forwarded;

use std::{collections::HashSet, net::IpAddr};

use http::{HeaderMap, HeaderName, HeaderValue, header::FORWARDED};

use super::{InvalidNetwork, TrustedProxies};

const PROXY: &str = "10.0.0.1";
const XFF: HeaderName = HeaderName::from_static("x-forwarded-for");

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn networks(networks: &[&str]) -> TrustedProxies {
    TrustedProxies::networks(networks).expect("networks")
}

fn lines<V: AsRef<[u8]>>(name: &HeaderName, lines: impl IntoIterator<Item = V>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let line = HeaderValue::from_bytes(line.as_ref()).expect("a header value");
        headers.append(name, line);
    }
    headers
}

/// Checks rows of trust, peer, lines of a header, and the client.
fn check(name: &HeaderName, rows: &[(&TrustedProxies, &str, &[&str], &str)]) {
    for (proxies, peer, values, client) in rows {
        let headers = lines(name, *values);
        let found = proxies.client(Some(ip(peer)), &headers);
        assert_eq!(found, Some(ip(client)), "{proxies:?} {peer} {values:?}");
    }
}

#[test]
fn hops_are_counted_from_the_right_over_all_lines() {
    let [none, one, two, three] = [0, 1, 2, 3].map(TrustedProxies::hops);
    check(
        &XFF,
        &[
            (&none, PROXY, &["192.0.2.7"], PROXY),
            (&one, PROXY, &["192.0.2.7"], "192.0.2.7"),
            (&one, PROXY, &["6.6.6.6, 192.0.2.7"], "192.0.2.7"),
            (&one, PROXY, &["6.6.6.6", "192.0.2.7"], "192.0.2.7"),
            (&one, PROXY, &["192.0.2.7:4711"], "192.0.2.7"),
            (
                &one,
                PROXY,
                &["6.6.6.6,\t[2001:db8::1]:4711 "],
                "2001:db8::1",
            ),
            (&one, "::ffff:10.0.0.1", &["::ffff:192.0.2.7"], "192.0.2.7"),
            (&two, PROXY, &["6.6.6.6, 192.0.2.7, 10.0.0.2"], "192.0.2.7"),
            (
                &two,
                PROXY,
                &["6.6.6.6, 192.0.2.7", "10.0.0.2"],
                "192.0.2.7",
            ),
            // Past a proxy: whom the first one was called from.
            (&one, PROXY, &[], PROXY),
            (&two, PROXY, &["192.0.2.7"], "192.0.2.7"),
            (&three, PROXY, &["192.0.2.7, 10.0.0.2"], "192.0.2.7"),
        ],
    );
}

#[test]
fn networks_are_walked_from_the_right_as_far_as_they_are_trusted() {
    let proxies = &networks(&["10.0.0.0/8", "fd00::/8", "192.0.2.99"]);
    check(
        &XFF,
        &[
            (proxies, PROXY, &[], PROXY),
            (proxies, PROXY, &["192.0.2.7"], "192.0.2.7"),
            (proxies, PROXY, &["6.6.6.6, 192.0.2.7"], "192.0.2.7"),
            (
                proxies,
                PROXY,
                &["6.6.6.6, 192.0.2.7, 10.0.0.2"],
                "192.0.2.7",
            ),
            (
                proxies,
                PROXY,
                &["6.6.6.6", "192.0.2.7", "fd00::1"],
                "192.0.2.7",
            ),
            (proxies, PROXY, &["192.0.2.7, 192.0.2.99"], "192.0.2.7"),
            (
                proxies,
                PROXY,
                &["10.0.0.3, 192.0.2.7, 10.0.0.2"],
                "192.0.2.7",
            ),
            // Mapped on either side.
            (
                proxies,
                "::ffff:10.0.0.1",
                &["192.0.2.7, ::ffff:10.0.0.2"],
                "192.0.2.7",
            ),
            (
                &networks(&["::ffff:10.0.0.0/104"]),
                PROXY,
                &["192.0.2.7"],
                "192.0.2.7",
            ),
            // A peer that is no proxy is the client.
            (proxies, "203.0.113.5", &["192.0.2.7"], "203.0.113.5"),
            (proxies, "::ffff:203.0.113.5", &["10.0.0.2"], "203.0.113.5"),
            (&networks(&[]), PROXY, &["192.0.2.7"], PROXY),
            // Nobody but proxies.
            (
                proxies,
                PROXY,
                &["10.0.0.4, 10.0.0.3", "10.0.0.2"],
                "10.0.0.4",
            ),
        ],
    );
}

#[test]
fn at_an_entry_without_an_address_the_last_trusted_address_stands_for_the_client() {
    let one = &TrustedProxies::hops(1);
    let two = &TrustedProxies::hops(2);
    let ten = &networks(&["10.0.0.0/8"]);
    for garbage in [
        "",
        " ",
        "unknown",
        "_hidden",
        "localhost",
        "fe80::1%eth0",
        "192.0.2.7:x",
        "6.6.6.6 6.6.6.6",
    ] {
        let left = format!("6.6.6.6, {garbage}");
        let between = format!("6.6.6.6, {garbage}, 10.0.0.2");
        for proxies in [one, two, ten] {
            check(
                &XFF,
                &[
                    (proxies, PROXY, &[garbage], PROXY),
                    (proxies, PROXY, &[&left], PROXY),
                ],
            );
        }
        check(
            &XFF,
            &[
                (two, PROXY, &[&between], "10.0.0.2"),
                (ten, PROXY, &[&between], "10.0.0.2"),
            ],
        );
        check(
            &XFF,
            &[(ten, PROXY, &["6.6.6.6", garbage, "10.0.0.2"], "10.0.0.2")],
        );
    }
    let not_text = lines(&XFF, [&b"6.6.6.6, 192.0.2.\xff"[..]]);
    assert_eq!(ten.client(Some(ip(PROXY)), &not_text), Some(ip(PROXY)));
}

#[test]
fn rotated_entries_make_no_new_clients() {
    let client = |proxies: &TrustedProxies, peer, line: String| {
        let headers = lines(&XFF, [line]);
        proxies.client(Some(ip(peer)), &headers)
    };
    let ten = networks(&["10.0.0.0/8"]);
    let clients = |of: &dyn Fn(u8) -> Option<IpAddr>| (0..100).map(of).collect::<HashSet<_>>();
    for (expected, found) in [
        // In front of the proxy.
        (
            "192.0.2.7",
            clients(&|n| client(&ten, PROXY, format!("6.6.6.{n}, 192.0.2.7"))),
        ),
        (
            "192.0.2.7",
            clients(&|n| {
                client(
                    &TrustedProxies::hops(1),
                    PROXY,
                    format!("6.6.6.{n}, 192.0.2.7"),
                )
            }),
        ),
        // Past the proxy.
        (
            "192.0.2.7",
            clients(&|n| client(&ten, "192.0.2.7", format!("6.6.6.{n}"))),
        ),
        // Garbage that a proxy lets pass.
        (
            PROXY,
            clients(&|n| client(&ten, PROXY, format!("garbage-{n}"))),
        ),
        (
            PROXY,
            clients(&|n| client(&TrustedProxies::hops(2), PROXY, format!("6.6.6.{n}, _{n}"))),
        ),
    ] {
        assert_eq!(found, HashSet::from([Some(ip(expected))]));
    }
}

#[test]
fn without_a_peer_only_hops_are_believed() {
    let headers = lines(&XFF, ["6.6.6.6, 192.0.2.7"]);
    let one = TrustedProxies::hops(1);
    assert_eq!(one.client(None, &headers), Some(ip("192.0.2.7")));
    assert_eq!(one.client(None, &HeaderMap::new()), None);
    assert_eq!(one.client(None, &lines(&XFF, ["garbage"])), None);
    let two = TrustedProxies::hops(2);
    assert_eq!(two.client(None, &headers), Some(ip("6.6.6.6")));
    assert_eq!(TrustedProxies::hops(0).client(None, &headers), None);
    assert_eq!(
        networks(&["::/0", "0.0.0.0/0"]).client(None, &headers),
        None
    );
}

#[test]
fn the_headers_that_were_not_chosen_are_not_read() {
    let real = HeaderName::from_static("x-real-ip");
    let mut headers = lines(&XFF, ["192.0.2.1"]);
    headers.insert(FORWARDED, HeaderValue::from_static("for=192.0.2.2"));
    headers.insert(&real, HeaderValue::from_static("192.0.2.3"));
    let chosen = |proxies: &TrustedProxies| proxies.client(Some(ip(PROXY)), &headers);
    for proxies in [TrustedProxies::hops(1), networks(&["10.0.0.0/8"])] {
        assert_eq!(chosen(&proxies), Some(ip("192.0.2.1")));
        assert_eq!(chosen(&proxies.clone().forwarded()), Some(ip("192.0.2.2")));
        assert_eq!(chosen(&proxies.header(real.clone())), Some(ip("192.0.2.3")));
    }
    let other = TrustedProxies::hops(1).header(HeaderName::from_static("cf-connecting-ip"));
    assert_eq!(chosen(&other), Some(ip(PROXY)));
}

#[test]
fn a_header_of_its_own_has_one_line_with_one_address() {
    let name = HeaderName::from_static("cf-connecting-ip");
    let hops = &TrustedProxies::hops(2).header(name.clone());
    let none = &TrustedProxies::hops(0).header(name.clone());
    let ten = &networks(&["10.0.0.0/8"]).header(name.clone());
    check(
        &name,
        &[
            (hops, PROXY, &["192.0.2.7"], "192.0.2.7"),
            (ten, PROXY, &["2001:db8::1"], "2001:db8::1"),
            (ten, PROXY, &["10.0.0.9"], "10.0.0.9"),
            (ten, PROXY, &[], PROXY),
            (ten, PROXY, &["garbage"], PROXY),
            (ten, PROXY, &["6.6.6.6, 192.0.2.7"], PROXY),
            (ten, PROXY, &["6.6.6.6", "192.0.2.7"], PROXY),
            (ten, "203.0.113.5", &["192.0.2.7"], "203.0.113.5"),
            (none, PROXY, &["192.0.2.7"], PROXY),
        ],
    );
    let headers = lines(&name, ["192.0.2.7"]);
    assert_eq!(hops.client(None, &headers), Some(ip("192.0.2.7")));
}

#[test]
fn what_is_no_network_is_shown_with_the_reason() {
    let message = |text| {
        let found: Result<_, InvalidNetwork> = TrustedProxies::networks(["10.0.0.0/8", text]);
        found.expect_err(text).to_string()
    };
    for (text, reasons) in [
        (
            "10.0.0.1/8",
            &["\"10.0.0.1/8\"", "do you mean 10.0.0.0/8?"][..],
        ),
        ("fd00::1/8", &["\"fd00::1/8\"", "do you mean fd00::/8?"]),
        ("::ffff:10.0.0.1/104", &["do you mean ::ffff:10.0.0.0/104?"]),
        ("10.0.0.0/33", &["\"10.0.0.0/33\"", "from 0 to 32"]),
        ("fd00::/129", &["\"fd00::/129\"", "from 0 to 128"]),
        ("10.0.0.0/256", &["from 0 to 32"]),
        ("10.0.0.0/+8", &["from 0 to 32"]),
        ("10.0.0.0/", &["from 0 to 32"]),
        ("10.0.0.0/8/8", &["from 0 to 32"]),
        ("10.0.0.0/255.0.0.0", &["from 0 to 32"]),
        ("10.0.0/8", &["\"10.0.0/8\"", "IP address"]),
        ("proxy.internal", &["\"proxy.internal\"", "IP address"]),
        ("fe80::1%eth0", &["IP address"]),
        ("10.0.0.1:80", &["IP address"]),
        ("a\nb", &["\"a\\nb\""]),
        ("", &["\"\"", "IP address"]),
    ] {
        let message = message(text);
        for reason in reasons {
            assert!(message.contains(reason), "{text:?}: {message}");
        }
    }
}
