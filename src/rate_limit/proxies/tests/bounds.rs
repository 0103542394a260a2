//! Many entries, long ones, and any bytes at all.

use http::header::FORWARDED;
use proptest::prelude::*;

use super::{PROXY, TrustedProxies, XFF, ip, lines, networks};

#[test]
fn a_hundred_entries_are_walked_and_no_more() {
    let entries = |n: usize| {
        (0..n)
            .rev()
            .map(|n| format!("10.1.{}.{}", n / 256, n % 256))
    };
    let in_lines = |n| lines(&XFF, entries(n));
    let in_one = |n| lines(&XFF, [entries(n).collect::<Vec<_>>().join(", ")]);
    let forwarded = |n| lines(&FORWARDED, entries(n).map(|entry| format!("for={entry}")));
    for proxies in [TrustedProxies::hops(255), networks(&["10.0.0.0/8"])] {
        for (n, client) in [(99, "10.1.0.98"), (100, "10.1.0.99"), (300, "10.1.0.99")] {
            for headers in [in_lines(n), in_one(n)] {
                assert_eq!(proxies.client(Some(ip(PROXY)), &headers), Some(ip(client)));
            }
            let proxies = proxies.clone().forwarded();
            assert_eq!(
                proxies.client(Some(ip(PROXY)), &forwarded(n)),
                Some(ip(client))
            );
        }
    }
}

#[test]
fn long_values_are_no_addresses_and_hide_none() {
    let one = TrustedProxies::hops(1);
    for filler in [",", " ", "1", "\"", "\\", ";", "a=b;", "\\\"", "="] {
        let long = filler.repeat(10_000 / filler.len());
        let overwritten = one.clone().header(XFF);
        let alone = lines(&XFF, [&long]);
        assert_eq!(overwritten.client(Some(ip(PROXY)), &alone), Some(ip(PROXY)));
        for (proxies, name, entry) in [
            (one.clone(), &XFF, "192.0.2.7"),
            (one.clone().forwarded(), &FORWARDED, "for=192.0.2.7"),
        ] {
            let alone = lines(name, [&long]);
            assert_eq!(proxies.client(Some(ip(PROXY)), &alone), Some(ip(PROXY)));
            let before = lines(name, [format!("{long}, {entry}")]);
            assert_eq!(
                proxies.client(Some(ip(PROXY)), &before),
                Some(ip("192.0.2.7"))
            );
        }
    }
    // 512 bytes are searched for the beginning of an element.
    let ten = networks(&["10.0.0.0/8"]).forwarded();
    for (host, client) in [(400, "192.0.2.7"), (600, PROXY)] {
        let line = format!("for=6.6.6.6, for=192.0.2.7;host={}", "a".repeat(host));
        assert_eq!(
            ten.client(Some(ip(PROXY)), &lines(&FORWARDED, [line])),
            Some(ip(client))
        );
    }
}

/// Bytes that a header value may have, mostly those that mean something here.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(
            [
                ",",
                ";",
                "=",
                "\"",
                "\\",
                " ",
                "for=",
                "host=\"",
                "10.0.0.2",
                "192.0.2.7",
                ", ",
                "[2001:db8::1]:80",
                "unknown",
                "\u{ff}",
            ]
            .map(str::as_bytes)
            .to_vec()
        )
        .prop_map(<[u8]>::to_vec),
        prop::collection::vec(prop_oneof![0x20..=0x7e_u8, 0x80..=0xff_u8], 0..4),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_header_panics(values in prop::collection::vec(value(), 0..4), n in 0..4_u8) {
        for proxies in [TrustedProxies::hops(n), networks(&["10.0.0.0/8"])] {
            let headers = [lines(&XFF, &values), lines(&FORWARDED, &values)];
            let [plain, forwarded] = headers;
            proxies.client(Some(ip(PROXY)), &plain);
            proxies.client(None, &plain);
            proxies.clone().header(XFF).client(None, &plain);
            let proxies = proxies.forwarded();
            proxies.client(Some(ip(PROXY)), &forwarded);
            proxies.client(None, &forwarded);
        }
    }

    #[test]
    fn nothing_left_of_the_decided_entry_counts(
        left in value(),
        other in value(),
        proxies in 0..3_usize,
        own_line in any::<bool>(),
    ) {
        // What trusted proxies have added, the client's address first.
        let added: Vec<_> = ["192.0.2.7".to_owned()]
            .into_iter()
            .chain((0..proxies).map(|n| format!("10.0.0.{n}")))
            .collect();
        let elements: Vec<_> = added.iter().map(|ip| format!("host=\"a, \\\"b\";for=\"{ip}:80\"")).collect();
        let hops = TrustedProxies::hops(proxies as u8 + 1);
        for trusted in [hops, networks(&["10.0.0.0/8"])] {
            for (name, added, trusted) in [
                (XFF, added.join(", "), trusted.clone()),
                (FORWARDED, elements.join(", "), trusted.forwarded()),
            ] {
                for left in [&left, &other] {
                    let values = if own_line {
                        vec![left.clone(), added.clone().into_bytes()]
                    } else {
                        vec![[left, &b", "[..], added.as_bytes()].concat()]
                    };
                    let client = trusted.client(Some(ip(PROXY)), &lines(&name, values));
                    prop_assert_eq!(client, Some(ip("192.0.2.7")));
                }
            }
        }
    }
}
