#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use http::{Request, header};
use http_body_util::{BodyExt, Empty, Full};
use tokio_test::block_on;
use tower::{ServiceExt, service_fn, util::BoxCloneService};
use tower_layer::Layer;

use super::*;
use crate::{
    response_cache::{CachePolicy, ResponseCacheLayer},
    store::MemoryStore,
    time::ManualClock,
};

type Service =
    BoxCloneService<Request<Empty<Bytes>>, Response<ResponseBody<Full<Bytes>>>, Infallible>;

struct Bench {
    clock: ManualClock,
    layer: ResponseCacheLayer,
    calls: Arc<AtomicU32>,
}

impl Bench {
    fn new() -> Self {
        let clock = ManualClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        Self {
            layer: ResponseCacheLayer::new(store).clock(clock.clone()),
            clock,
            calls: Arc::default(),
        }
    }

    /// A service that counts, and answers with the number of the call.
    fn service(&self, layer: &ResponseCacheLayer, fields: &'static [(&str, &str)]) -> Service {
        let calls = Arc::clone(&self.calls);
        let inner = service_fn(move |_: Request<Empty<Bytes>>| {
            let call = calls.fetch_add(1, Relaxed) + 1;
            let mut response = Response::new(Full::from(format!("call {call}")));
            for (name, value) in fields {
                let value = HeaderValue::from_static(value);
                response.headers_mut().append(*name, value);
            }
            async { Ok::<_, Infallible>(response) }
        });
        BoxCloneService::new(layer.layer(inner))
    }
}

/// Returns `Age`, `Cache-Status` and the body.
fn ask(service: &Service, fields: &[(&'static str, &'static str)]) -> (String, String, String) {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = "http://a/".parse().unwrap();
    for (name, value) in fields {
        let value = HeaderValue::from_static(value);
        request.headers_mut().append(*name, value);
    }
    let response = block_on(service.clone().oneshot(request)).unwrap();
    let (parts, body) = response.into_parts();
    let of = |name| {
        let value = parts.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default().to_owned()
    };
    let body = block_on(body.collect()).unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    (of(header::AGE), of(header::CACHE_STATUS), body)
}

fn is_hot(layer: &ResponseCacheLayer) -> bool {
    layer.config.hot.table.taken() > 0
}

const FRESH: &[(&str, &str)] = &[("cache-control", "max-age=10"), ("etag", "\"v\"")];

#[test]
fn the_age_goes_up_and_the_rest_goes_down_until_it_is_stale() {
    let bench = Bench::new();
    bench.clock.advance(Duration::from_millis(700));
    let service = bench.service(&bench.layer, FRESH);
    ask(&service, &[]);
    ask(&service, &[]);
    assert!(is_hot(&bench.layer));
    let mut seconds = 0;
    for tenths in 0..100 {
        let (age, status, body) = ask(&service, &[]);
        assert_eq!(age, (tenths / 10).to_string());
        let ttl = (100 - tenths) / 10;
        assert_eq!(status, format!("tower-upstash;hit;ttl={ttl}"), "{tenths}");
        assert_eq!(body, "call 1");
        seconds += u32::from(tenths % 10 == 0);
        bench.clock.advance(Duration::from_millis(100));
    }
    assert_eq!(seconds, 10);
    let (_, status, body) = ask(&service, &[]);
    assert!(status.contains("fwd=stale"), "{status}");
    assert_eq!(body, "call 2");
}

#[test]
fn what_was_purged_or_replaced_is_not_served() {
    let bench = Bench::new();
    let service = bench.service(&bench.layer, FRESH);
    let handle = bench.layer.handle();
    for round in 1..4 {
        for _ in 0..3 {
            assert_eq!(ask(&service, &[]).2, format!("call {round}"));
        }
        assert!(is_hot(&bench.layer));
        match round {
            1 => block_on(handle.purge_url(&"http://a/".parse().unwrap())).unwrap(),
            2 => block_on(handle.purge_everything()).unwrap(),
            _ => {}
        }
    }
}

#[test]
fn requests_that_may_not_have_it_do_not_get_it() {
    let bench = Bench::new();
    let service = bench.service(&bench.layer, FRESH);
    ask(&service, &[]);
    ask(&service, &[]);
    assert_eq!(ask(&service, &[]).2, "call 1");
    assert_eq!(ask(&service, &[("authorization", "Basic x")]).2, "call 2");
    let policy = CachePolicy::new("lax").default_ttl(Duration::from_secs(9));
    let layer = bench.layer.with(policy);
    let service = bench.service(&layer, &[]);
    ask(&service, &[]);
    ask(&service, &[]);
    assert_eq!(ask(&service, &[]).2, "call 3");
    assert_eq!(ask(&service, &[("cookie", "a=b")]).2, "call 4");
}

#[test]
fn each_variant_is_for_those_who_match_it() {
    let bench = Bench::new();
    let fields = &[("cache-control", "max-age=10"), ("vary", "accept")];
    let service = bench.service(&bench.layer, fields);
    for _ in 0..3 {
        assert_eq!(ask(&service, &[("accept", "a")]).2, "call 1");
    }
    for _ in 0..3 {
        assert_eq!(ask(&service, &[("accept", "b")]).2, "call 2");
        assert_eq!(ask(&service, &[("accept", "a")]).2, "call 1");
    }
}

#[test]
fn conditions_ranges_and_head_are_answered_from_it() {
    let bench = Bench::new();
    let service = bench.service(&bench.layer, FRESH);
    ask(&service, &[]);
    ask(&service, &[]);
    assert!(is_hot(&bench.layer));
    assert_eq!(ask(&service, &[("if-none-match", "\"v\"")]).2, "");
    assert_eq!(ask(&service, &[("if-none-match", "\"w\"")]).2, "call 1");
    assert_eq!(ask(&service, &[("range", "bytes=5-")]).2, "1");
    assert_eq!(bench.calls.load(Relaxed), 1);
}

#[test]
fn layers_with_other_names_say_their_own() {
    let bench = Bench::new();
    let other = bench.layer.clone().cache_status("other");
    let services = [&bench.layer, &other].map(|layer| bench.service(layer, FRESH));
    for _ in 0..3 {
        for (service, name) in services.iter().zip(["tower-upstash;", "other;"]) {
            let (_, status, body) = ask(service, &[]);
            assert!(status.starts_with(name), "{status}");
            assert_eq!(body, "call 1");
        }
    }
}

#[test]
fn an_entry_is_known_by_all_bytes_of_its_head_and_its_length() {
    let bench = Bench::new();
    let service = bench.service(&bench.layer, FRESH);
    ask(&service, &[]);
    ask(&service, &[]);
    let hot = &bench.layer.config.hot;
    let place = |key| {
        hot.table
            .look(key, Timestamp::from_micros(0), |place| Some(place.clone()))
    };
    let uri = "http://a/".parse().unwrap();
    let parts = &bench.layer.config.policy.key_parts;
    let key = crate::response_cache::key::CacheKey::of_url(parts, &uri).unwrap();
    let known = place(key.digest().halves()).unwrap().known;
    let entry = [&known.text[..], b"call 1"].concat();
    assert!(known.is_of(key.digest(), &entry));
    assert!(!known.is_of(&Digest::of([&b"other"[..]]), &entry));
    assert!(!known.is_of(key.digest(), &[&entry[..], b"x"].concat()));
    for at in 0..known.text.len() {
        let mut other = entry.clone();
        other[at] ^= 1;
        assert!(!known.is_of(key.digest(), &other), "{at}");
    }
}

#[test]
fn a_hit_gives_back_what_an_outer_limit_has_reserved() {
    use crate::{
        quota::Quota,
        rate_limit::{By, Limit, RateLimitLayer},
    };
    const TOKENS: Limit = Limit::new("tokens", Quota::per_day(20))
        .by(By::EVERYONE)
        .reserve(|_| 10);
    let bench = Bench::new();
    let limiter = RateLimitLayer::new(MemoryStore::new()).limit(TOKENS);
    let service = limiter.layer(bench.service(&bench.layer, FRESH));
    let ask = |uri: &str| {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = uri.parse().unwrap();
        let response = block_on(service.clone().oneshot(request)).unwrap();
        let (parts, body) = response.into_parts();
        block_on(body.collect()).unwrap();
        parts.status.as_u16()
    };
    // The miss keeps ten, and each hit needs the other ten while it is asked.
    assert!((0..5).all(|_| ask("http://a/") == 200));
    assert_eq!(ask("http://a/other"), 200);
    assert_eq!(ask("http://a/other"), 429);
}
