use std::time::Duration;

use http::{HeaderMap, HeaderName, Method, header::AUTHORIZATION};

use super::{blocks, fields, lines, number, status};
use crate::{
    response_cache::semantics::{
        directives::ResponseDirectives,
        fields::{Strips, freshen, to_store},
        freshness::Freshness,
        rules::Rules,
        storable::{Asked, judge},
    },
    store::MAX_TTL,
    time::Timestamp,
};

/// Whether, and for how long, a response is stored: times saturate, and what forbids is obeyed.
///
/// `status requested received now`, one a line; the request's fields; those of the response; those of a 304.
pub fn responses(data: &[u8]) {
    let [times, request, response, answer] = blocks(data);
    let mut times = lines(times);
    let code = status(times.next().unwrap_or_default());
    let mut time = || Timestamp::from_micros(times.next().map_or(0, number));
    let (requested, received, now) = (time(), time(), time());
    let (request, response) = (fields(request), fields(response));
    let asked = Asked {
        method: &Method::GET,
        has_authorization: request.contains_key(AUTHORIZATION),
        has_credentials: request.contains_key("cookie"),
        is_keyed_by_user: request.contains_key("per"),
        is_range: request.contains_key("range"),
    };
    let rules = Rules {
        targets: vec![HeaderName::from_static("cdn-cache-control")],
        heuristic: Some(Duration::from_secs(86400)),
        stale_while_revalidate: Duration::MAX,
        stale_if_error: Duration::from_secs(60),
        ..Rules::default()
    };
    if let Ok(judged) = judge(&asked, code, &response, &rules, requested, received) {
        assert!(!matches!(code.as_u16(), ..200 | 206 | 304 | 600..));
        assert!(!asked.is_range);
        assert!(!asked.has_authorization || judged.is_for_authorized);
        assert!(asked.is_keyed_by_user || !asked.has_credentials || judged.is_explicit);
        obeyed(&response);
        saturated(&judged.freshness, now);
        let strips = Strips::of(&rules, &judged.without);
        kept(to_store(&response, &strips), &fields(answer), &strips);
    }
}

fn obeyed(response: &HeaderMap) {
    let said = ResponseDirectives::parse(response);
    let is_targeted = response.contains_key("cdn-cache-control");
    assert!(is_targeted || !said.no_store || said.must_understand);
    assert!(is_targeted || !said.private.is_response());
    let named = said.private.fields().iter().chain(said.no_cache.fields());
    let names_cookies = named.clone().any(|name| name == "set-cookie");
    assert!(is_targeted || names_cookies || !response.contains_key("set-cookie"));
}

fn saturated(freshness: &Freshness, now: Timestamp) {
    assert!(freshness.lifetime <= MAX_TTL);
    assert!(freshness.age(now) >= freshness.initial_age);
    assert_eq!(
        freshness.is_fresh(now),
        freshness.age(now) < freshness.lifetime
    );
    assert!(!freshness.is_fresh(now) || freshness.time_left(now) >= 0);
    assert!(freshness.is_fresh(now) || freshness.time_left(now) <= 0);
    assert!(freshness.keep_for(now, Duration::MAX, true) <= MAX_TTL);
    if freshness.stale.forbidden && !freshness.is_fresh(now) {
        assert!(!freshness.may_serve_while_revalidating(now));
        assert!(!freshness.may_serve_on_error(now) && !freshness.may_serve_on_disconnect(now));
    }
}

/// What is never stored does not come in by a 304 either, whose other fields are there as they came.
fn kept(mut stored: HeaderMap, answer: &HeaderMap, strips: &Strips<'_>) {
    let before = stored.clone();
    freshen(&mut stored, answer, strips);
    for name in stored.keys() {
        let lines = stored.get_all(name);
        assert!(lines == before.get_all(name) || lines == answer.get_all(name));
    }
    assert_eq!(to_store(&stored, strips), stored);
}
