//! What tells requests apart.

use http::{Method, Request, header::COOKIE};
use tower_upstash::{
    rate_limit::{By, Limit, Missing, RateLimitLayer},
    store::Identifier,
};

use super::app::{
    BOB, Body, Events, TEN, TWO, get, layer, left, memory, status, statuses, with_header,
};
use crate::support::request_from;

fn by(by: By) -> RateLimitLayer {
    layer().limit(Limit::new("it", TWO).by(by))
}

/// Checks that some requests share a limit, and that another has one of its own.
async fn assert_apart(layer: &RateLimitLayer, same: [Request<Body>; 3], other: Request<Body>) {
    assert_eq!(statuses(layer, same).await, [200, 200, 429], "{layer:?}");
    assert_eq!(status(layer, other).await, 200, "{layer:?}");
}

#[tokio::test]
async fn each_value_of_a_header_has_a_limit_of_its_own() {
    let key = |value: &[u8]| with_header("x-api-key", value);
    let layer = by(By::header("x-api-key"));
    assert_apart(&layer, [key(b"a"), key(b"a"), key(b"a")], key(b"b")).await;
    // Of several values the first one counts.
    let mut two = key(b"c");
    two.headers_mut().append("x-api-key", "a".parse().unwrap());
    assert_eq!(status(&layer, two).await, 200);
    let secret = Identifier::secret("a");
    assert_eq!(left(&layer, "it", secret).await, 0);
}

#[tokio::test]
async fn a_header_of_any_bytes_and_length_is_a_limit_of_its_own() {
    let layer = by(By::header("x-api-key"));
    let long = vec![b'x'; 10_000];
    let longer = vec![b'x'; 10_001];
    for value in [
        &b"a"[..],
        b"a:b",
        b"\xff\xfe",
        b"\xff",
        b"",
        &long,
        &longer,
        &long[..255],
    ] {
        let key = || with_header("x-api-key", value);
        assert_eq!(
            statuses(&layer, [key(), key(), key()]).await,
            [200, 200, 429]
        );
    }
}

#[tokio::test]
async fn each_value_of_a_cookie_has_a_limit_of_its_own() {
    let cookie = |line: &str| {
        let mut request = get("/");
        request.headers_mut().insert(COOKIE, line.parse().unwrap());
        request
    };
    let same = [
        cookie("id=a"),
        cookie("x=1; id=a"),
        cookie("id=%61; i%64=\"a\""),
    ];
    assert_apart(&by(By::cookie("id")), same, cookie("id=b; x=a")).await;
}

/// Cookie jars take the last of several, so that another one in front made a new limit for the same session each time.
#[tokio::test]
async fn a_cookie_in_front_of_the_own_one_is_no_way_out_of_a_limit() {
    let layer = by(By::cookie("id"));
    let request = |n: u32| with_header("cookie", format!("id={n}; id=session"));
    let requests = [request(0), request(1), request(2)];
    assert_eq!(statuses(&layer, requests).await, [200, 200, 429]);
}

#[tokio::test]
async fn each_method_has_a_limit_of_its_own() {
    let mut post = get("/");
    *post.method_mut() = Method::POST;
    assert_apart(&by(By::METHOD), [get("/"), get("/a"), get("/b")], post).await;
}

#[tokio::test]
async fn everyone_shares_one_limit() {
    let layer = by(By::EVERYONE);
    let requests = [get("/"), request_from(BOB), request_from("[2001:db8::1]:1")];
    assert_eq!(statuses(&layer, requests).await, [200, 200, 429]);
}

#[derive(Clone)]
struct User(&'static str);

impl From<User> for Identifier {
    fn from(user: User) -> Self {
        Self::from(user.0)
    }
}

#[tokio::test]
async fn each_value_of_an_extension_has_a_limit_of_its_own() {
    let user = |name| {
        let mut request = get("/");
        request.extensions_mut().insert(User(name));
        request
    };
    let layer = by(By::extension::<User>());
    assert_apart(&layer, [user("ann"), user("ann"), user("ann")], user("bob")).await;
    assert_eq!(left(&layer, "it", "ann").await, 0);
}

#[tokio::test]
async fn a_function_or_a_closure_can_tell_requests_apart() {
    fn path(parts: &http::request::Parts) -> Option<Identifier> {
        Some(Identifier::from(parts.uri.path()))
    }
    let prefix = String::from("/");
    let closure = By::parts_with(move |parts| path(parts).filter(|_| prefix == "/"));
    for layer in [by(By::parts(path)), by(closure)] {
        assert_apart(&layer, [get("/a"), get("/a"), get("/a")], get("/b")).await;
    }
}

/// R22
#[tokio::test]
async fn parts_of_a_key_that_are_cut_otherwise_are_another_key() {
    let layer = by(By::header("x-a").and(By::header("x-b")));
    let pair = |a: &str, b: &str| {
        let mut request = with_header("x-a", a);
        request.headers_mut().insert("x-b", b.parse().unwrap());
        request
    };
    for (a, b) in [
        ("a:b", "c"),
        ("a", "b:c"),
        ("a,b", "c"),
        ("a", "b,c"),
        ("", "abc"),
        ("abc", ""),
        ("(a", "b)"),
        ("ab", "c"),
        ("c", "ab"),
        ("a%3Ab", "c"),
    ] {
        assert_apart_pair(&layer, || pair(a, b)).await;
    }
    // A composite is not its first part alone, either.
    let whole = Identifier::tuple(&[Identifier::secret("a"), Identifier::secret("b:c")]);
    assert_eq!(left(&layer, "it", whole).await, 0);
    assert_eq!(left(&layer, "it", Identifier::secret("a")).await, 2);
}

async fn assert_apart_pair(layer: &RateLimitLayer, request: impl Fn() -> Request<Body>) {
    assert_eq!(
        statuses(layer, [request(), request(), request()]).await,
        [200, 200, 429]
    );
}

#[tokio::test]
async fn where_a_part_is_missing_the_whole_key_is_unless_it_is_shared() {
    let composite = By::CLIENT_IP.and(By::header("x-api-key"));
    let limit = Limit::new("it", TWO).by(composite);
    for (missing, expected) in [
        // Each client has a limit of its own without a key.
        (Missing::Shared, [200, 200, 429, 200]),
        (Missing::Refuse, [400, 400, 400, 400]),
        (Missing::Exempt, [200, 200, 200, 200]),
    ] {
        let layer = layer().limit(limit.clone().missing(missing));
        let requests = [get("/"), get("/"), get("/"), request_from(BOB)];
        assert_eq!(statuses(&layer, requests).await, expected, "{missing:?}");
        // An empty header is not a missing one.
        assert_eq!(status(&layer, with_header("x-api-key", "")).await, 200);
    }
}

#[tokio::test]
async fn a_missing_key_is_no_value_that_a_client_could_send() {
    let layer = by(By::parts(|parts| {
        let key = parts.headers.get("x-key")?;
        Some(Identifier::new(key.as_bytes()))
    }));
    let keys = ["", "*", "!", "~", "missing", "%2A", "@"];
    assert_eq!(statuses(&layer, [get("/"), get("/")]).await, [200, 200]);
    for key in keys {
        assert_eq!(
            status(&layer, with_header("x-key", key)).await,
            200,
            "{key}"
        );
    }
    assert_eq!(status(&layer, get("/")).await, 429);
}

#[tokio::test]
async fn every_missing_key_is_told_as_an_event() {
    let events = Events::default();
    let limit = Limit::new("it", TEN).by(By::header("x-api-key"));
    let (store, _clock) = memory();
    let layer = events.of(RateLimitLayer::new(store).limit(limit));
    statuses(&layer, [get("/"), with_header("x-api-key", "a"), get("/")]).await;
    let expected = [
        "missing it",
        "allowed it",
        "allowed it",
        "missing it",
        "allowed it",
    ];
    assert_eq!(events.take(), expected);
}

#[test]
#[should_panic]
fn a_header_name_in_upper_case_is_a_mistake() {
    let _ = By::header("X-Api-Key");
}
