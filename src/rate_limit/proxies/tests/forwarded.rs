//! `Forwarded`, well formed, malformed and hostile.

use http::header::FORWARDED;

use super::{PROXY, TrustedProxies, check, networks};

#[test]
fn forwarded_elements_are_read_in_every_form() {
    let one = &TrustedProxies::hops(1).forwarded();
    for (element, client) in [
        ("for=192.0.2.7", "192.0.2.7"),
        ("For=\"192.0.2.7:4711\"", "192.0.2.7"),
        ("FOR=\"[2001:db8::1]:4711\"", "2001:db8::1"),
        ("for=\"[2001:db8::1]\"", "2001:db8::1"),
        ("for=192.0.2.7;proto=http;by=203.0.113.43", "192.0.2.7"),
        ("by=203.0.113.43;proto=http;for=192.0.2.7", "192.0.2.7"),
        (" proto=http ; for=192.0.2.7 ; ", "192.0.2.7"),
        (";;for=192.0.2.7;", "192.0.2.7"),
        ("host=\"a, for=6.6.6.6\";for=192.0.2.7", "192.0.2.7"),
        ("for=192.0.2.7;host=\"a;for=6.6.6.6\"", "192.0.2.7"),
        ("for=192.0.2.7;host=\"a\\\", for=6.6.6.6\"", "192.0.2.7"),
        ("for=192.0.2.7;host=\"a\\\\\"", "192.0.2.7"),
        ("for=192.0.2.7;host=\"\"", "192.0.2.7"),
        ("for=\"\\1\\9\\2.0.2.7\"", "192.0.2.7"),
        // Not allowed without quotes, but often seen.
        ("for=192.0.2.7:4711", "192.0.2.7"),
        ("for=[2001:db8::1]:4711", "2001:db8::1"),
    ] {
        let first = format!("for=6.6.6.6, {element}");
        check(
            &FORWARDED,
            &[
                (one, PROXY, &[element], client),
                (one, PROXY, &[&first], client),
            ],
        );
        check(
            &FORWARDED,
            &[(one, PROXY, &["for=6.6.6.6", element], client)],
        );
    }
}

#[test]
fn malformed_forwarded_elements_end_the_walk() {
    let ten = &networks(&["10.0.0.0/8"]).forwarded();
    for element in [
        "",
        "for",
        "for=",
        "for=\"\"",
        "=192.0.2.7",
        "192.0.2.7",
        "proto=http",
        "for=unknown",
        "for=_hidden",
        "for=\"_hidden:_port\"",
        "for =192.0.2.7",
        "for= 192.0.2.7",
        "for=192.0.2.7;for=192.0.2.8",
        "for=192.0.2.7;proto",
        "for=192.0.2.7;proto=",
        "for=192.0.2.7 proto=http",
        "for=\"192.0.2.7",
        "for=192.0.2.7\"",
        "for=\"192.0.2.7\"x",
        "for=x\"192.0.2.7\"",
        "for=192.0.2.7;host=\"a\\\"",
        "\"for=192.0.2.7\"",
        "for='192.0.2.7'",
        "for=2001:db8::1%1",
        "for=\"[fe80::1%eth0]\"",
        "for=192.0.2.7;host=a b",
        "for=192.0.2.7;host=(a)",
    ] {
        let right = format!("{element}, for=10.0.0.2");
        let middle = format!("for=6.6.6.6, {element}, for=\"10.0.0.2:80\"");
        check(
            &FORWARDED,
            &[
                (ten, PROXY, &[element], PROXY),
                (ten, PROXY, &[&right], "10.0.0.2"),
                (ten, PROXY, &[&middle], "10.0.0.2"),
            ],
        );
    }
}

#[test]
fn what_a_client_quotes_changes_nothing_that_a_proxy_adds() {
    let one = &TrustedProxies::hops(1).forwarded();
    let ten = &networks(&["10.0.0.0/8"]).forwarded();
    for hostile in [
        "for=\"",
        "for=\"6.6.6.6",
        "for=6.6.6.6\\",
        "for=\"6.6.6.6\\",
        "for=\"6.6.6.6\\\"",
        "\"",
        "\\\"",
        "for=6.6.6.6;host=\"a, for=7.7.7.7",
        ",,,;;;===",
    ] {
        for added in [
            "for=192.0.2.7",
            "for=\"192.0.2.7:80\"",
            "host=\"a\\\"b\";for=192.0.2.7",
        ] {
            let line = format!("{hostile}, {added}");
            check(
                &FORWARDED,
                &[
                    (one, PROXY, &[&line], "192.0.2.7"),
                    (ten, PROXY, &[&line], "192.0.2.7"),
                    (ten, PROXY, &[hostile, added], "192.0.2.7"),
                ],
            );
        }
    }
}
