//! Settings, from the environment and by hand.

use std::collections::HashMap;

use tower_upstash::store::{
    Circuit, ConfigError, EnvStore, SharedStore, Store as _, UpstashStore, UpstashStoreBuilder,
};

const URL: &str = "https://eu1-canary.upstash.io";

fn from(vars: &[(&str, &str)]) -> Result<UpstashStore, ConfigError> {
    UpstashStoreBuilder::from_vars(lookup(vars))?.build()
}

fn lookup(vars: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    let vars: HashMap<String, String> = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    move |name| vars.get(name).cloned()
}

fn problem(vars: &[(&str, &str)]) -> String {
    from(vars).unwrap_err().to_string()
}

#[test]
fn either_pair_of_variables_opens_a_store() {
    from(&[
        ("UPSTASH_REDIS_REST_URL", URL),
        ("UPSTASH_REDIS_REST_TOKEN", "t"),
    ])
    .unwrap();
    from(&[("KV_REST_API_URL", URL), ("KV_REST_API_TOKEN", "t")]).unwrap();
    from(&[
        ("UPSTASH_REDIS_REST_URL", " https://h.upstash.io/\n"),
        ("UPSTASH_REDIS_REST_TOKEN", " t\n"),
    ])
    .unwrap();
}

#[test]
fn the_first_pair_counts_even_where_it_is_wrong() {
    let vars = [
        ("UPSTASH_REDIS_REST_TOKEN", "t"),
        ("KV_REST_API_URL", URL),
        ("KV_REST_API_TOKEN", "t"),
    ];
    assert_eq!(
        problem(&vars),
        "UPSTASH_REDIS_REST_URL is not set, but its token is"
    );
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(problem(&[]), "UPSTASH_REDIS_REST_URL is not set");
    assert_eq!(
        problem(&[("UPSTASH_REDIS_REST_URL", URL)]),
        "UPSTASH_REDIS_REST_TOKEN is not set, but its URL is"
    );
    assert_eq!(
        problem(&[("KV_REST_API_TOKEN", "t")]),
        "KV_REST_API_URL is not set, but its token is"
    );
}

#[test]
fn a_wrong_url_is_named_and_not_shown() {
    for (url, says) in [
        ("", "is empty"),
        ("  ", "is empty"),
        ("\"https://canary.upstash.io\"", "quotation marks"),
        ("canary.upstash.io", "is not a URL"),
        ("https://", "is not a URL"),
        ("https://canary host/", "is not a URL"),
        (
            "rediss://default:canary@canary.upstash.io:6379",
            "UPSTASH_REDIS_REST_URL",
        ),
        ("redis://canary.upstash.io", "TCP endpoint"),
        ("ftp://canary.upstash.io", "https://"),
        ("https://canary:canary@canary.upstash.io", "credentials"),
        ("https://canary.upstash.io?_token=canary", "query"),
        ("https://canary.upstash.io#canary", "fragment"),
        ("http://canary.upstash.io", "is not https"),
        ("http://127.0.0.1.canary.io", "is not https"),
        ("http://localhost.canary.io", "is not https"),
    ] {
        let error = from(&[("KV_REST_API_URL", url), ("KV_REST_API_TOKEN", "t")]).unwrap_err();
        assert_eq!(error.setting(), "KV_REST_API_URL");
        assert!(error.to_string().starts_with("KV_REST_API_URL "), "{error}");
        assert!(error.to_string().contains(says), "{url}: {error}");
        assert!(!format!("{error}{error:?}").contains("canary"), "{error:?}");
    }
}

#[test]
fn a_wrong_token_is_named_and_not_shown() {
    for token in [
        "", " ", "'canary'", "can\nary", "can\0ary", "can ary", "canäry", "\u{FFFD}",
    ] {
        let vars = [
            ("UPSTASH_REDIS_REST_URL", URL),
            ("UPSTASH_REDIS_REST_TOKEN", token),
        ];
        let error = from(&vars).unwrap_err();
        assert_eq!(error.setting(), "UPSTASH_REDIS_REST_TOKEN", "{token:?}");
        assert!(!format!("{error}{error:?}").contains("can"), "{error:?}");
    }
}

#[test]
fn plain_http_is_for_this_host_or_by_decision() {
    for url in [
        "http://127.0.0.1:8079",
        "http://localhost",
        "http://[::1]:80",
    ] {
        UpstashStore::new(url, "t").unwrap();
    }
    assert_eq!(
        UpstashStore::new("http://srh:80", "t")
            .unwrap_err()
            .setting(),
        "the URL"
    );
    UpstashStore::builder("http://srh:80", "t")
        .allow_plain_http()
        .build()
        .unwrap();
}

#[test]
fn memory_is_the_fallback_only_where_nothing_is_set() {
    let open = |vars: &'static [(&str, &str)]| {
        EnvStore::from_vars_or_memory_with(lookup(vars), |builder| builder.max_value(7))
    };
    let env = open(&[]).unwrap();
    assert!(env.upstash().is_none() && env.circuit().is_none());
    assert!(env.to_string().contains("memory"));

    const VARS: &[(&str, &str)] = &[("KV_REST_API_URL", URL), ("KV_REST_API_TOKEN", "t")];
    let env = open(VARS).unwrap();
    assert!(env.to_string().contains("KV_REST_API_URL"));
    assert_eq!(env.circuit(), Some(Circuit::Closed));
    assert_eq!(env.upstash().unwrap().limits().max_value, 7);
    assert_eq!(SharedStore::from(env).limits().max_value, 7);

    let error = open(&VARS[..1]).unwrap_err();
    assert_eq!(error.setting(), "KV_REST_API_TOKEN");
}
