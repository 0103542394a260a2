//! Numbers of limits from configuration.

use std::time::Duration;

use tower_upstash::{
    quota::Quota,
    rate_limit::{Lease, Limit, Overrides},
};

use super::app::{TEN, TWO, get, layer, left_of_alice, statuses};

const API: Limit = Limit::new("api", TEN);
const LOGIN: Limit = Limit::new("login", TWO);

fn numbers(text: &str) -> Overrides {
    Overrides::new([("login", text)], [API, LOGIN]).unwrap()
}

#[tokio::test]
async fn numbers_apply_to_limits_that_are_added_before_and_after() {
    for layer in [
        layer().overrides(numbers("1/min")).limit(API).limit(LOGIN),
        layer().limit(API).limit(LOGIN).overrides(numbers("1/min")),
        layer().limit(API).overrides(numbers("1/min")).with(LOGIN),
    ] {
        assert_eq!(statuses(&layer, [get("/"), get("/")]).await, [200, 429]);
        assert_eq!(left_of_alice(&layer, "api").await, 9);
        let told = super::app::send(&layer, get("/")).await;
        let policies = told.headers()["ratelimit-policy"].to_str().unwrap();
        assert!(policies.ends_with(r#""login";q=1;w=60"#), "{policies}");
    }
}

#[test]
fn a_name_of_no_limit_is_an_error_that_lists_those_there_are() {
    let error = Overrides::new([("lgin", "1/min")], [API, LOGIN]).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"no limit named "lgin"; known: api, login"#
    );
}

#[test]
fn numbers_that_make_a_leased_limit_strict_are_an_error() {
    let hot = Limit::new("hot", TEN).lease(Lease::new());
    let error = Overrides::new([("hot", "strict 10/min")], [&hot]).unwrap_err();
    let error = error.to_string();
    assert!(error.starts_with("limit \"hot\": it is leased"), "{error}");
}

#[test]
#[should_panic(expected = "a strict quota cannot be leased")]
fn a_strict_limit_is_not_leased() {
    let _ = Limit::new("hot", Quota::strict(1, Duration::from_secs(1))).lease(Lease::new());
}
