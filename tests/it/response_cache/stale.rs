//! What has ended, and what may be done with it: RFC 5861, and RFC 9111, section 4.2.4.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use tower_upstash::{
    response_cache::{CachePolicy, Caching, Reason},
    store::MemoryStore,
    time::ManualClock,
};

use super::app::{
    Down, HOUR, MINUTE, Origin, SECOND, Site, answer, answer_with, channel, for_a_minute, get,
    get_with, next, settle, stream,
};

/// P7
#[tokio::test]
async fn no_error_is_stored_that_does_not_say_so() {
    for status in [400, 401, 403, 408, 418, 421, 451, 500, 502, 503, 504, 429] {
        let policy = CachePolicy::new("errors")
            .default_ttl(HOUR)
            .override_ttl(HOUR)
            .heuristic();
        let why = if status == 429 {
            Reason::Status
        } else {
            Reason::NotFresh
        };
        let old = [("last-modified", "Tue, 14 Nov 2000 22:13:20 GMT")];
        let site = Site::new(move |_| answer_with(status, &old, "oh no"));
        let site = site.policy(policy);
        for _ in 0..2 {
            let got = site.get("/").await;
            assert_eq!(got.status, status);
            assert!(!got.is_hit(), "{status}: {}", got.cache());
        }
        assert_eq!(site.unstored().first(), Some(&why), "{status}");
        let says = Site::new(move |_| {
            answer_with(status, &[("cache-control", "public, max-age=9")], "oh no")
        });
        says.assert_stored(|| get("/")).await;
    }
}

#[tokio::test]
async fn a_status_has_a_lifetime_of_its_own_where_the_policy_says_so() {
    let site = Site::new(|parts| {
        let status = parts.uri.path().trim_start_matches('/').parse().unwrap();
        answer_with(status, &[], "")
    });
    let site = site.policy(
        CachePolicy::new("status")
            .status_ttl(404, MINUTE)
            .status_ttl(503, SECOND),
    );
    site.assert_stored(|| get("/404")).await;
    site.assert_stored(|| get("/503")).await;
    site.assert_unstored(|| get("/200"), Reason::NotFresh).await;
    site.clock.advance(SECOND);
    assert!(!site.get("/503").await.is_hit());
    assert!(site.get("/404").await.is_hit());
    site.clock.advance(MINUTE);
    assert!(!site.get("/404").await.is_hit());
}

/// Answers once as it should, and then not.
fn fails_later(control: &'static str, status: u16) -> Origin {
    let first = Mutex::new(true);
    Origin::new(move |_| match std::mem::take(&mut *first.lock().unwrap()) {
        true => answer(&[("cache-control", control)], "good"),
        false => answer_with(status, &[], "bad"),
    })
}

#[tokio::test]
async fn what_is_stale_takes_the_place_of_an_error_for_so_long() {
    let by_policy = CachePolicy::new("errors").stale_if_error(MINUTE);
    let plain = CachePolicy::new("errors");
    for status in [500, 502, 503, 504] {
        for (control, policy) in [
            ("max-age=10, stale-if-error=60", &plain),
            ("max-age=10", &by_policy),
            // What the response says goes first.
            (
                "max-age=10, stale-if-error=60",
                &plain.clone().stale_if_error(SECOND),
            ),
        ] {
            let site = Site::of(fails_later(control, status)).policy(policy.clone());
            site.get("/").await;
            site.clock.advance(69 * SECOND);
            let got = site.get("/").await;
            assert_eq!((got.status, &got.body[..]), (200, &b"good"[..]));
            let expected = format!("fwd=stale;fwd-status={status};ttl=-59;detail=error");
            assert!(got.cache().ends_with(&expected), "{}", got.cache());
            assert_eq!(got.field("age"), Some("69"));
            site.clock.advance(SECOND);
            assert_eq!(site.get("/").await.status, status);
        }
    }
    for (control, status) in [
        ("max-age=10", 503),
        ("max-age=10, stale-if-error=60", 404),
        ("max-age=10, stale-if-error=60", 501),
        ("max-age=10, stale-if-error=60, must-revalidate", 503),
        ("max-age=10, stale-if-error=60, proxy-revalidate", 503),
        ("s-maxage=10, stale-if-error=60", 503),
    ] {
        let site = Site::of(fails_later(control, status)).policy(plain.clone());
        site.get("/").await;
        site.clock.advance(11 * SECOND);
        assert_eq!(site.get("/").await.status, status, "{control}");
    }
}

#[tokio::test]
async fn what_is_stale_takes_the_place_of_a_service_that_is_down() {
    let plain = CachePolicy::new("down");
    for (control, policy, is_served) in [
        ("max-age=10", plain.clone(), false),
        (
            "max-age=10",
            plain.clone().stale_on_disconnect(MINUTE),
            true,
        ),
        ("max-age=10", plain.clone().stale_if_error(MINUTE), true),
        ("max-age=10, stale-if-error=60", plain.clone(), true),
        (
            "max-age=10, must-revalidate",
            plain.stale_on_disconnect(MINUTE),
            false,
        ),
    ] {
        let site = Site::of(Origin::new(move |_| {
            answer(&[("cache-control", control)], "good")
        }));
        let site = site.policy(policy);
        site.get("/").await;
        site.origin.set_down(true);
        site.clock.advance(69 * SECOND);
        match site.open(get("/")).await {
            Ok(got) => assert!(is_served && got.status() == 200, "{control}"),
            Err(error) => assert!(!is_served && error == Down, "{control}"),
        }
        site.clock.advance(SECOND);
        assert_eq!(site.open(get("/")).await.err(), Some(Down));
    }
}

#[tokio::test]
async fn a_failed_validation_is_not_tried_again_for_a_while() {
    let site = Site::new(|_| {
        answer(
            &[("cache-control", "max-age=10, stale-if-error=600")],
            "good",
        )
    });
    site.get("/").await;
    site.origin.set_down(true);
    site.clock.advance(11 * SECOND);
    site.get("/").await;
    for _ in 0..5 {
        let got = site.get("/").await;
        assert!(
            got.cache().contains("detail=backing-off"),
            "{}",
            got.cache()
        );
    }
    assert_eq!(site.calls(), 2);
    site.origin.set_down(false);
    site.clock.advance(5 * SECOND);
    let got = site.get("/").await;
    assert!(got.cache().contains("fwd=stale"), "{}", got.cache());
    assert_eq!(site.calls(), 3);
}

#[tokio::test]
async fn what_is_stale_is_served_while_it_is_refreshed() {
    let plain = CachePolicy::new("refreshed");
    for (control, policy) in [
        ("max-age=10, stale-while-revalidate=60", plain.clone()),
        ("max-age=10", plain.stale_while_revalidate(MINUTE)),
    ] {
        let count = Mutex::new(0);
        let site = Site::new(move |_| {
            let mut count = count.lock().unwrap();
            *count += 1;
            answer(&[("cache-control", control)], count.to_string())
        });
        let site = site.policy(policy);
        site.get("/").await;
        site.clock.advance(69 * SECOND);
        let got = site.get("/").await;
        assert_eq!(got.cache(), "tower-upstash;hit;ttl=-59;detail=refreshing");
        assert_eq!(got.body, "1");
        site.layer.handle().drain().await;
        let got = site.get("/").await;
        assert_eq!(
            (got.cache(), &got.body[..]),
            ("tower-upstash;hit;ttl=10", &b"2"[..])
        );
        // Beyond the window it is waited for.
        site.clock.advance(70 * SECOND);
        assert_eq!(site.get("/").await.body, "3");
    }
}

#[tokio::test]
async fn one_refresh_is_enough_for_all() {
    let control = "max-age=10, stale-while-revalidate=60";
    let site = Site::new(move |_| answer(&[("cache-control", control)], "good"));
    site.get("/").await;
    site.clock.advance(11 * SECOND);
    let site = site.held_up();
    for _ in 0..10 {
        assert_eq!(site.get("/").await.body, "good");
    }
    settle().await;
    assert_eq!(site.calls(), 2);
    site.origin.give_turns(1);
    site.layer.handle().drain().await;
    assert!(!site.get("/").await.cache().contains("detail"));
    assert_eq!(site.calls(), 2);
}

#[tokio::test]
async fn a_refresh_that_fails_is_seen_by_nobody_and_waits_a_little() {
    let control = "max-age=10, stale-while-revalidate=600";
    let site = Site::of(fails_later(control, 500));
    site.get("/").await;
    site.clock.advance(11 * SECOND);
    for _ in 0..4 {
        assert_eq!(site.get("/").await.body, "good");
        site.layer.handle().drain().await;
    }
    let calls = site.calls();
    assert!(calls <= 2, "{calls} calls in a pause");
    site.clock.advance(6 * SECOND);
    assert_eq!(site.get("/").await.body, "good");
    site.layer.handle().drain().await;
    assert_eq!(site.calls(), calls + 1);
}

#[derive(Clone, Debug, PartialEq)]
struct Tenant(&'static str);

/// P15
#[tokio::test]
async fn a_refresh_has_the_extensions_of_its_request() {
    let control = "max-age=10, stale-while-revalidate=60";
    let site = Site::new(move |_| answer(&[("cache-control", control)], "good"));
    site.get("/").await;
    site.clock.advance(11 * SECOND);
    let mut request = get("/");
    request.extensions_mut().insert(Tenant("blue"));
    assert!(site.send(request).await.is_hit());
    site.layer.handle().drain().await;
    let last = site.origin.last();
    assert_eq!(last.extensions.get(), Some(&Tenant("blue")));
    assert_eq!(site.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_a_moment_for_what_is_fresh_where_the_policy_says_so() {
    let count = Mutex::new(0);
    let site = Site::new(move |_| {
        let mut count = count.lock().unwrap();
        *count += 1;
        answer(&[("cache-control", "max-age=10")], count.to_string())
    });
    let policy = CachePolicy::new("soon")
        .stale_while_revalidate(HOUR)
        .wait_at_most(SECOND);
    let site = site.policy(policy);
    site.get("/").await;
    site.clock.advance(11 * SECOND);
    // In time.
    assert_eq!(site.get("/").await.body, "2");
    site.clock.advance(11 * SECOND);
    // Too late: by the paused clock, a second passes when nothing else can happen.
    let site = site.held_up();
    let start = tokio::time::Instant::now();
    let got = site.get("/").await;
    assert_eq!(got.body, "2");
    assert!(got.is_hit(), "{}", got.cache());
    assert_eq!(start.elapsed(), SECOND);
    site.origin.give_turns(1);
    site.layer.handle().drain().await;
    assert_eq!(site.get("/").await.body, "3");
    // It has failed in time.
    site.clock.advance(11 * SECOND);
    site.origin.set_down(true);
    site.origin.give_turns(1);
    assert_eq!(site.get("/").await.body, "3");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_has_a_limit() {
    let control = "max-age=10, stale-while-revalidate=3600";
    let (_frames, body) = channel();
    let body = Mutex::new(Some(body));
    let first = Mutex::new(true);
    let site = Site::new(move |_| match std::mem::take(&mut *first.lock().unwrap()) {
        true => answer(&[("cache-control", control)], "good"),
        // Never ends.
        false => stream(
            200,
            &[("cache-control", control)],
            body.lock().unwrap().take().unwrap(),
        ),
    });
    let site = site.layered(|layer| layer.refresh_limit(MINUTE));
    site.get("/").await;
    site.clock.advance(11 * SECOND);
    assert_eq!(site.get("/").await.body, "good");
    let start = tokio::time::Instant::now();
    site.layer.handle().drain().await;
    assert_eq!(start.elapsed(), MINUTE);
    assert!(site.get("/").await.cache().contains("detail=backing-off"));
}

#[tokio::test]
async fn what_can_be_validated_is_kept_and_the_rest_is_not() {
    let by = |fields: &'static [(&str, &str)], policy: CachePolicy| {
        Site::new(
            move |parts| match parts.headers.contains_key("if-none-match") {
                true => answer_with(304, fields, ""),
                false => answer(fields, "once"),
            },
        )
        .policy(policy)
    };
    let tagged = &[("cache-control", "max-age=10"), ("etag", "\"1\"")];
    let site = by(tagged, CachePolicy::new("kept").keep(MINUTE));
    site.get("/").await;
    site.clock.advance(69 * SECOND);
    let got = site.get("/").await;
    assert!(
        got.cache().contains("fwd=stale;fwd-status=304"),
        "{}",
        got.cache()
    );
    assert_eq!((got.status, &got.body[..]), (200, &b"once"[..]));
    assert_eq!(site.origin.last().headers["if-none-match"], "\"1\"");
    assert!(site.get("/").await.is_hit());
    site.clock.advance(70 * SECOND);
    assert!(site.get("/").await.cache().contains("fwd=uri-miss"));
    assert!(!site.origin.last().headers.contains_key("if-none-match"));
    let site = by(&[("cache-control", "max-age=10")], CachePolicy::new("kept"));
    site.get("/").await;
    site.clock.advance(10 * SECOND);
    assert!(site.get("/").await.cache().contains("fwd=uri-miss"));
}

/// What a handler says of stale use goes before `Cache-Control`, which goes before the policy.
#[tokio::test]
async fn a_handler_has_the_last_word_on_stale_use() {
    for (control, caching, is_served) in [
        (
            "max-age=10",
            Caching::default().stale_if_error(MINUTE),
            true,
        ),
        (
            "max-age=10, stale-if-error=5",
            Caching::default().stale_if_error(MINUTE),
            true,
        ),
        (
            "max-age=10, stale-if-error=60",
            Caching::default().stale_if_error(SECOND),
            false,
        ),
        (
            "max-age=10, stale-if-error=60",
            Caching::ttl(10 * SECOND),
            true,
        ),
    ] {
        let site = Site::new(move |_| {
            let mut response = answer(&[("cache-control", control)], "good");
            response.extensions_mut().insert(caching.clone());
            response
        });
        site.get("/").await;
        site.origin.set_down(true);
        site.clock.advance(30 * SECOND);
        assert_eq!(site.open(get("/")).await.is_ok(), is_served, "{control}");
    }
}

/// A client that goes while it is answered takes no refresh with it.
#[tokio::test]
async fn a_refresh_goes_on_without_its_client() {
    let control = "max-age=10, stale-while-revalidate=60";
    let site = Site::new(move |_| answer(&[("cache-control", control)], "good"));
    site.get("/").await;
    site.clock.advance(11 * SECOND);
    let mut body = site.open(get("/")).await.unwrap().into_body();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "good");
    drop(body);
    site.layer.handle().drain().await;
    assert_eq!(site.get("/").await.cache(), "tower-upstash;hit;ttl=10");
}

/// An executor that is shut down drops what it is given.
#[tokio::test]
async fn a_refresh_that_is_dropped_is_begun_anew() {
    use tower_upstash::executor::{Executor, Task};

    #[derive(Clone)]
    struct Gone;

    impl hyper::rt::Executor<Task> for Gone {
        fn execute(&self, task: Task) {
            drop(task);
        }
    }
    let site = Site::new(for_a_minute).policy(CachePolicy::new("no").stale_while_revalidate(HOUR));
    let site = site.layered(|layer| layer.executor(Executor::new(Gone)));
    site.get("/").await;
    site.clock.advance(61 * SECOND);
    assert!(site.get("/").await.is_hit());
    // The refresh was dropped: nobody waits for it, and each request begins another one.
    for _ in 0..3 {
        let got = site.get("/").await;
        assert!(got.is_hit());
        assert!(got.cache().contains("detail=refreshing"), "{}", got.cache());
    }
}

/// A page that was deleted, or became private, was served for the rest of the hour.
#[tokio::test]
async fn what_the_service_has_replaced_by_something_unstorable_is_not_served_any_more() {
    for (status, control) in [(404, ""), (200, "private, max-age=60"), (200, "no-store")] {
        let gone = Arc::new(AtomicBool::new(false));
        let is_gone = Arc::clone(&gone);
        let site = Site::new(move |_| {
            if is_gone.load(Ordering::SeqCst) {
                return answer_with(status, &[("cache-control", control)], "new");
            }
            answer(&[("cache-control", "max-age=1")], "old")
        });
        let policy = CachePolicy::new("replaced").stale_while_revalidate(HOUR);
        let site = site.policy(policy.stale_if_error(HOUR));
        site.get("/").await;
        gone.store(true, Ordering::SeqCst);
        site.clock.advance(SECOND * 2);
        assert_eq!(site.get("/").await.body, "old", "while it is validated");
        settle().await;
        assert_eq!(site.get("/").await.body, "new", "{status} {control}");
    }
}

/// What a policy no longer takes was validated all the same, and its client got the 304.
#[tokio::test]
async fn a_body_that_is_too_large_by_now_is_fetched_anew() {
    let store = MemoryStore::new();
    let clock = ManualClock::default();
    let origin = || {
        Origin::new(|parts| {
            if parts.headers.contains_key("if-none-match") {
                return answer_with(304, &[("etag", "\"a\"")], "");
            }
            answer(
                &[("cache-control", "max-age=1"), ("etag", "\"a\"")],
                "0123456789",
            )
        })
    };
    let policy = CachePolicy::new("sizes");
    let large = Site::over(store.clone(), clock.clone(), origin()).policy(policy.clone());
    large.get("/").await;
    clock.advance(SECOND * 2);
    let small = Site::over(store, clock, origin()).policy(policy.max_body(5));
    let got = small.get("/").await;
    assert_eq!((got.status, &got.body[..]), (200, &b"0123456789"[..]));
}

/// A client that has the page of this second was told that it has the newest.
#[tokio::test]
async fn what_is_not_stored_is_not_known_since_its_date() {
    let date = "Tue, 14 Nov 2023 22:13:20 GMT";
    let site = Site::new(move |_| answer(&[("cache-control", "no-store"), ("date", date)], "new"));
    let got = site
        .send(get_with("/", &[("if-modified-since", date)]))
        .await;
    assert_eq!((got.status, &got.body[..]), (200, &b"new"[..]));
}

#[tokio::test]
async fn what_is_due_to_one_request_ends_nothing_that_others_are_served() {
    let site = Site::new(|parts| {
        if parts.headers.contains_key("x-bad") {
            return answer_with(400, &[], "bad");
        }
        let control = match parts.headers.get("cookie") {
            Some(_) => "private",
            None => "max-age=1",
        };
        answer(&[("cache-control", control)], "page")
    });
    let site = site.policy(CachePolicy::new("refused").stale_if_error(HOUR));
    site.get("/").await;
    site.clock.advance(SECOND * 2);
    for (field, status) in [("x-bad", 400), ("cookie", 200)] {
        let got = site.send(get_with("/", &[(field, "1")])).await;
        assert_eq!((got.status, got.is_hit()), (status, false), "{field}");
    }
    site.origin.set_down(true);
    assert_eq!(site.get("/").await.body, "page");
}
