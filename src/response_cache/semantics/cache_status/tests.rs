#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;

use super::{Outcome::*, *};
use sfv::{List, ListEntry, Parser};

fn text(status: &CacheStatus<'_>) -> String {
    status.value().to_str().unwrap().to_owned()
}

#[test]
fn a_member_says_what_was_done() {
    let name = Name::new("tower");
    let hit = CacheStatus::new(&name, Hit);
    assert_eq!(text(&hit), "tower;hit");
    let fresh = CacheStatus {
        ttl: Some(376),
        ..hit
    };
    assert_eq!(text(&fresh), "tower;hit;ttl=376");
    let stale = CacheStatus {
        ttl: Some(-412),
        detail: Some("stale-if-error"),
        ..hit
    };
    assert_eq!(text(&stale), "tower;hit;ttl=-412;detail=stale-if-error");
    let all = CacheStatus {
        fwd_status: Some(StatusCode::NOT_MODIFIED),
        ttl: Some(i64::MAX),
        stored: true,
        collapsed: true,
        key: Some("GET /a\"b\\c\u{e9}\n"),
        detail: Some("two words"),
        ..CacheStatus::new(&name, Fwd(FwdReason::Stale))
    };
    assert_eq!(
        text(&all),
        "tower;fwd=stale;fwd-status=304;ttl=999999999999999;stored;collapsed;\
         key=\"GET /a\\\"b\\\\c%C3%A9%0A\";detail=\"two words\""
    );
}

#[test]
fn the_reasons_are_tokens_of_the_registry() {
    let name = Name::new("c");
    for (reason, expected) in [
        (FwdReason::Bypass, "c;fwd=bypass"),
        (FwdReason::Method, "c;fwd=method"),
        (FwdReason::UriMiss, "c;fwd=uri-miss"),
        (FwdReason::VaryMiss, "c;fwd=vary-miss"),
        (FwdReason::Stale, "c;fwd=stale"),
        (FwdReason::Request, "c;fwd=request"),
    ] {
        assert_eq!(text(&CacheStatus::new(&name, Fwd(reason))), expected);
    }
}

#[test]
fn every_name_key_and_detail_is_a_structured_field() {
    for odd in [
        "", "a b", "\"", "\\", "1a", "\u{e9}", "\n", "a/b:c", "a;b", "a,b", "\u{7f}",
    ] {
        let name = Name::new(odd);
        let status = CacheStatus {
            key: Some(odd),
            detail: Some(odd),
            ..CacheStatus::new(&name, Hit)
        };
        let text = text(&status);
        let list = Parser::new(&text).parse::<List>().unwrap();
        let Some(ListEntry::Item(item)) = list.first() else {
            panic!("{text} is one item");
        };
        let key = item.params.get("key").and_then(|key| key.as_string());
        let key = key.unwrap().as_str();
        assert!(key == odd || key.starts_with('%'), "{text}");
        assert!(item.params.contains_key("detail"), "{text}");
    }
    let name = |name| text(&CacheStatus::new(&Name::new(name), Hit));
    assert_eq!(name("ExampleCache"), "ExampleCache;hit");
    assert_eq!(name("cdn.example:80/x"), "cdn.example:80/x;hit");
    assert_eq!(name("Nginx \"A\""), "\"Nginx \\\"A\\\"\";hit");
}

#[test]
fn it_comes_after_the_caches_before() {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_STATUS, HeaderValue::from_static("origin;hit"));
    CacheStatus::new(&Name::new("c"), Hit).append(&mut headers);
    assert!(
        headers
            .get_all(CACHE_STATUS)
            .iter()
            .eq(["origin;hit", "c;hit"])
    );
}

#[test]
fn an_age_is_in_whole_seconds_and_fits() {
    for (duration, expected) in [
        (Duration::ZERO, "0"),
        (Duration::from_millis(1999), "1"),
        (Duration::from_secs(7200), "7200"),
        (Duration::from_secs(1 << 31), "2147483648"),
        (Duration::MAX, "2147483648"),
    ] {
        assert_eq!(age(duration), expected);
    }
}

proptest! {
    #[test]
    fn any_text_is_a_structured_field(odd: String) {
        let name = Name::new(&odd);
        let status = CacheStatus { key: Some(&odd), detail: Some(&odd), ..CacheStatus::new(&name, Hit) };
        prop_assert!(Parser::new(&text(&status)).parse::<List>().is_ok());
    }
}
