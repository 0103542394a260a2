mod random;

use http::{HeaderValue, header::HOST};
use proptest::prelude::*;

use super::*;

fn parts(query: Query) -> KeyParts {
    KeyParts {
        policy: "pages",
        scheme: None,
        query,
        headers: Vec::new(),
    }
}

fn uri(text: &str) -> Uri {
    text.parse().expect("a URI")
}

fn hosts(hosts: &[&str]) -> HeaderMap {
    hosts
        .iter()
        .map(|host| (HOST, HeaderValue::from_str(host).expect("a value")))
        .collect()
}

fn key(parts: &KeyParts, target: &str, host: &[&str]) -> Option<CacheKey> {
    CacheKey::of_request(parts, &uri(target), &hosts(host), None)
}

fn some(parts: &KeyParts, target: &str, host: &[&str]) -> CacheKey {
    key(parts, target, host).expect("a key")
}

fn of_query(query: Query, target: &str) -> Digest {
    *some(&parts(query), target, &["a.example"]).digest()
}

#[test]
fn one_host_of_any_case_is_the_authority() {
    let exact = parts(Query::Exact);
    let plain = some(&exact, "/x", &["a.example"]);
    assert_eq!(plain, some(&exact, "/x", &["A.Example"]));
    assert_eq!(plain, some(&exact, "http://a.example/x", &[]));
    assert_eq!(plain, some(&exact, "http://A.example:80/x", &["a.example"]));
    assert_eq!(
        Some(plain),
        CacheKey::of_url(&exact, &uri("http://a.example/x"))
    );
    for others in [
        some(&exact, "/x", &["b.example"]),
        some(&exact, "/x", &["a.example:8080"]),
        some(&exact, "/x", &["a.example:443"]),
        some(&exact, "https://a.example/x", &[]),
    ] {
        assert_ne!(plain.digest(), others.digest());
    }
}

#[test]
fn without_one_valid_host_there_is_no_key() {
    let exact = parts(Query::Exact);
    for bad in [
        &[][..],
        &["a.example", "a.example"],
        &["a.example", "b.example"],
        &[""],
        &[":80"],
        &["a.example, b.example"],
        &["a,b"],
        &["user@a.example"],
        &["a.example/x"],
        &["a.example:8x"],
        &["a:b:80"],
        &["[::1"],
        &["[]"],
        &["a b"],
    ] {
        assert_eq!(key(&exact, "/x", bad), None, "{bad:?}");
    }
    assert_eq!(
        key(&exact, "http://a.example/", &["a.example", "a.example"]),
        None
    );
    assert_eq!(key(&exact, "http://a.example/", &["b/c"]), None);
    assert_eq!(key(&exact, "http://user@a.example/", &[]), None);
    assert!(key(&exact, "/x", &["[2001:db8::1]:8080"]).is_some());
    assert_eq!(CacheKey::of_url(&exact, &uri("/x")), None);
}

#[test]
fn a_host_that_contradicts_the_uri_has_a_key_of_its_own() {
    let exact = parts(Query::Exact);
    let plain = some(&exact, "http://a.example/", &["a.example"]);
    let poison = some(&exact, "http://a.example/", &["evil.example"]);
    assert_ne!(plain.digest(), poison.digest());
    assert!(poison.has_more_than_url() && !plain.has_more_than_url());
    let tag = |host| url_tag(&exact, &uri("http://a.example/"), &hosts(&[host]));
    assert!(tag("a.example").is_some());
    assert_eq!(
        tag("a.example"),
        tag("evil.example"),
        "one purge takes both"
    );
}

#[test]
fn the_default_port_is_left_out_where_the_scheme_is_known() {
    let unsure = parts(Query::Exact);
    let secure = KeyParts {
        scheme: Some(Scheme::HTTPS),
        ..parts(Query::Exact)
    };
    for host in ["a.example:443", "a.example:"] {
        assert_eq!(
            some(&secure, "/", &[host]),
            some(&secure, "/", &["a.example"])
        );
    }
    assert_eq!(
        some(&secure, "https://a.example/", &[]),
        some(&secure, "/", &["a.example"])
    );
    assert_ne!(
        some(&secure, "/", &["a.example:80"]),
        some(&secure, "/", &["a.example"])
    );
    // A service behind TLS would redirect everybody to port 80.
    let port = some(&unsure, "/", &["a.example:80"]);
    assert_ne!(port.digest(), some(&unsure, "/", &["a.example"]).digest());
    assert!(port.has_more_than_url());
    let tag = |host| url_tag(&unsure, &uri("/"), &hosts(&[host]));
    assert_eq!(tag("a.example:80"), tag("a.example"));
}

#[test]
fn paths_are_what_the_service_sees() {
    let paths = [
        "/a/b", "/a%2fb", "/a%2Fb", "/a//b", "/A/b", "/a;b", "/a/b/", "/a/./b", "/a/b?", "/a/b?x",
    ];
    for (at, one) in paths.iter().enumerate() {
        for other in paths.iter().skip(at + 1) {
            assert_ne!(
                of_query(Query::Exact, one),
                of_query(Query::Exact, other),
                "{one} {other}"
            );
        }
    }
}

#[test]
fn sorted_queries_are_alike_but_for_the_order_of_one_name() {
    let sorted = |query| of_query(Query::Sorted, query);
    assert_eq!(sorted("/?b=2&a=1&b=1"), sorted("/?a=1&b=2&b=1"));
    assert_ne!(sorted("/?b=2&a=1&b=1"), sorted("/?a=1&b=1&b=2"));
    assert_ne!(sorted("/?a"), sorted("/?a="));
    assert_ne!(sorted("/?A=1&a=2"), sorted("/?a=2&A=1"));
    assert_ne!(sorted("/?a[]=1&a[0]=2"), sorted("/?a[0]=2&a[]=1"));
    assert_eq!(sorted("/?b[]=1&a[0]=2"), sorted("/?a[0]=2&b[]=1"));
    assert_ne!(
        sorted("/?id=1&%69d=2"),
        sorted("/?%69d=2&id=1"),
        "one name to the service"
    );
    assert_ne!(sorted("/?a=1;b=2&b=3"), sorted("/?b=3&a=1;b=2"));
    assert_ne!(sorted("/"), of_query(Query::Exact, "/"));
}

#[test]
fn ignored_parameters_do_not_count_unless_they_are_disguised() {
    let kept = |query| of_query(Query::Ignore(&["utm"]), query);
    for same in ["/?utm=1", "/?utm", "/?utm=2&utm=3"] {
        assert_eq!(kept(same), kept("/"), "{same}");
    }
    assert_eq!(kept("/?a=1&utm=1&b=2"), kept("/?a=1&b=2"));
    for other in [
        "/?u%74m=1",
        "/?UTM=1",
        "/?utm=1;id=7",
        "/?utm;id=7",
        "/?id=7",
        "/?utmx=1",
        "/?",
    ] {
        assert_ne!(kept(other), kept("/"), "{other}");
    }
    assert_ne!(kept("/?a=1&b=2"), kept("/?b=2&a=1"));
}

#[test]
fn picked_parameters_count_and_whatever_may_be_one_of_them() {
    let picked = |query| of_query(Query::Only(&["id"]), query);
    for same in ["/?utm=1", "/?x", "/?a[]=id"] {
        assert_eq!(picked(same), picked("/"), "{same}");
    }
    assert_eq!(picked("/?x=1&id=7&y"), picked("/?id=7"));
    for other in [
        "/?id=7",
        "/?%69d=7",
        "/?ID=7",
        "/?id[]=7",
        "/?x=1;id=7",
        "/?i+d=7",
        "/?id",
    ] {
        assert_ne!(picked(other), picked("/"), "{other}");
    }
    assert_eq!(
        of_query(Query::Nothing, "/?a=1"),
        of_query(Query::Nothing, "/")
    );
}

#[test]
fn policy_headers_and_subject_tell_apart() {
    let with = |policy, lines: &[&str], subject: Option<&str>| {
        let mut headers = hosts(&["a.example"]);
        for line in lines {
            headers.append("x-a", HeaderValue::from_str(line).expect("a value"));
        }
        let parts = KeyParts {
            policy,
            headers: vec![
                HeaderName::from_static("x-a"),
                HeaderName::from_static("x-b"),
            ],
            ..parts(Query::Exact)
        };
        let subject = subject.map(Identifier::from);
        let key = CacheKey::of_request(&parts, &uri("/"), &headers, subject.as_ref());
        key.expect("a key")
    };
    let all = [
        with("p", &[], None),
        with("q", &[], None),
        with("p", &[""], None),
        with("p", &["a"], None),
        with("p", &["A"], None),
        with("p", &["a", "b"], None),
        with("p", &["b", "a"], None),
        with("p", &["a, b"], None),
        with("p", &[], Some("")),
        with("p", &[], Some("a")),
        with("p", &["a"], Some("a")),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(one.has_more_than_url());
        assert!(
            all.iter()
                .skip(at + 1)
                .all(|other| other.digest() != one.digest()),
            "{at}"
        );
    }
}

#[test]
fn variants_have_identifiers_of_their_own() {
    let key = some(&parts(Query::Exact), "/", &["a.example"]);
    let varied = |names: &[&'static str], value: u8| Varied {
        names: names
            .iter()
            .map(|name| HeaderName::from_static(name))
            .collect(),
        values: Digest::from_bytes([value; 32]),
    };
    let all = [
        key.base_identifier(),
        key.variant_identifier(&varied(&[], 1)),
        key.variant_identifier(&varied(&["a"], 1)),
        key.variant_identifier(&varied(&["a"], 2)),
        key.variant_identifier(&varied(&["b"], 1)),
        key.variant_identifier(&varied(&["a", "b"], 1)),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(all.iter().skip(at + 1).all(|other| other != one), "{at}");
    }
    let elsewhere = some(&parts(Query::Exact), "/x", &["a.example"]);
    assert_ne!(
        elsewhere.variant_identifier(&varied(&["a"], 1)),
        key.variant_identifier(&varied(&["a"], 1))
    );
}
