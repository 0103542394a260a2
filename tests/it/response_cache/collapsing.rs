//! Requests that miss at the same time.

use std::sync::Mutex;

use tower_upstash::response_cache::{CachePolicy, Interrupted, Reason};

use super::app::{
    Down, Got, Origin, SECOND, Site, answer, answer_with, channel, for_a_minute, get, get_with,
    next, request, settle, stream,
};

const MINUTE: (&str, &str) = ("cache-control", "max-age=60");

#[tokio::test]
async fn one_asks_for_all() {
    let site = Site::of(Origin::new(for_a_minute).held_up());
    let asked: Vec<_> = (0..100).map(|_| site.spawn(get("/"))).collect();
    let other = site.spawn(get("/other"));
    settle().await;
    assert_eq!(site.calls(), 2);
    site.origin.give_turns(2);
    let mut collapsed = 0;
    for asked in asked {
        let got = Got::of(asked.await.unwrap().unwrap()).await;
        assert_eq!(got.body, "http://example.com/");
        collapsed += usize::from(got.cache().contains("collapsed"));
    }
    assert_eq!(collapsed, 99);
    assert_eq!(
        Got::of(other.await.unwrap().unwrap()).await.body,
        "http://example.com/other"
    );
    assert_eq!(site.calls(), 2);
    assert!(site.get("/").await.is_hit());
}

#[tokio::test]
async fn everybody_asks_where_the_policy_says_so() {
    let site = Site::of(Origin::new(for_a_minute).held_up());
    let site = site.policy(CachePolicy::new("each").without_collapsing());
    let asked: Vec<_> = (0..5).map(|_| site.spawn(get("/"))).collect();
    settle().await;
    assert_eq!(site.calls(), 5);
    site.origin.give_turns(5);
    for asked in asked {
        Got::of(asked.await.unwrap().unwrap()).await;
    }
}

#[tokio::test]
async fn who_waits_reads_the_first_byte_before_the_last_one_is_there() {
    let (frames, body) = channel();
    let body = Mutex::new(Some(body));
    let site = Site::new(move |_| stream(200, &[MINUTE], body.lock().unwrap().take().unwrap()));
    let mut leader = site.open(get("/")).await.unwrap().into_body();
    frames.data("one ");
    assert_eq!(next(&mut leader).await.unwrap().unwrap(), "one ");
    let mut follower = site.open(get("/")).await.unwrap().into_body();
    assert_eq!(next(&mut follower).await.unwrap().unwrap(), "one ");
    // Whoever is there first gets on by himself.
    frames.data("two");
    assert_eq!(next(&mut follower).await.unwrap().unwrap(), "two");
    assert_eq!(next(&mut leader).await.unwrap().unwrap(), "two");
    drop(leader);
    drop(frames);
    assert!(next(&mut follower).await.is_none());
    let got = site.get("/").await;
    assert_eq!((got.is_hit(), &got.body[..]), (true, &b"one two"[..]));
    assert_eq!(site.calls(), 1);
}

#[tokio::test]
async fn an_error_of_the_body_reaches_all_who_read_it() {
    let (frames, body) = channel();
    let body = Mutex::new(Some(body));
    let site = Site::new(move |_| stream(200, &[MINUTE], body.lock().unwrap().take().unwrap()));
    let mut leader = site.open(get("/")).await.unwrap().into_body();
    let mut follower = site.open(get("/")).await.unwrap().into_body();
    frames.data("one");
    frames.fail("the disk is gone");
    for body in [&mut leader, &mut follower] {
        assert_eq!(next(body).await.unwrap().unwrap(), "one");
    }
    let errors =
        [next(&mut leader).await, next(&mut follower).await].map(|end| end.unwrap().unwrap_err());
    assert_eq!(errors[0].to_string(), "the disk is gone");
    assert!(errors[1].is::<Interrupted>(), "{}", errors[1]);
    assert_eq!(site.unstored(), [Reason::Incomplete]);
}

/// P11
#[tokio::test]
async fn an_answer_that_is_for_one_lets_all_others_go_at_once() {
    for fields in [
        [("cache-control", "private, max-age=60"), ("x", "y")],
        [("cache-control", "no-store"), ("x", "y")],
        [("cache-control", "max-age=60"), ("set-cookie", "a=b")],
        [("x", "x"), ("x", "y")],
    ] {
        let site = Site::of(Origin::new(move |_| answer(&fields, "mine")).held_up());
        let asked: Vec<_> = (0..5).map(|_| site.spawn(get("/"))).collect();
        settle().await;
        assert_eq!(site.calls(), 1);
        site.origin.give_turns(1);
        settle().await;
        // All at the same time, and not one after another.
        assert_eq!(site.calls(), 5, "{fields:?}");
        // And for a while nobody waits who comes now.
        let more: Vec<_> = (0..3).map(|_| site.spawn(get("/"))).collect();
        settle().await;
        assert_eq!(site.calls(), 8);
        site.origin.give_turns(7);
        for asked in asked.into_iter().chain(more) {
            let got = Got::of(asked.await.unwrap().unwrap()).await;
            assert!(!got.cache().contains("collapsed"));
        }
    }
}

/// P11
#[tokio::test]
async fn a_leader_that_is_dropped_hands_over() {
    let site = Site::of(Origin::new(for_a_minute).held_up());
    let leader = site.spawn(get("/"));
    settle().await;
    let others: Vec<_> = (0..3).map(|_| site.spawn(get("/"))).collect();
    settle().await;
    assert_eq!(site.calls(), 1);
    leader.abort();
    settle().await;
    assert_eq!(site.calls(), 2);
    site.origin.give_turns(1);
    for other in others {
        assert_eq!(Got::of(other.await.unwrap().unwrap()).await.status, 200);
    }
    assert_eq!(site.calls(), 2);
}

/// P11
#[tokio::test]
async fn a_leader_that_fails_hands_over() {
    let site = Site::of(Origin::new(for_a_minute).held_up());
    site.origin.set_down(true);
    let asked: Vec<_> = (0..4).map(|_| site.spawn(get("/"))).collect();
    settle().await;
    assert_eq!(site.calls(), 1);
    site.origin.give_turns(1);
    settle().await;
    assert!(site.calls() >= 2);
    site.origin.set_down(false);
    site.origin.give_turns(3);
    let mut failed = 0;
    for asked in asked {
        match asked.await.unwrap() {
            Ok(answer) => assert_eq!(Got::of(answer).await.status, 200),
            Err(Down) => failed += 1,
        }
    }
    // The error is that of who met it.
    assert_eq!(failed, 1);
}

/// P11
#[tokio::test]
async fn those_who_wait_get_what_is_stale_when_the_service_fails() {
    for status in [None, Some(503)] {
        let first = Mutex::new(true);
        let site =
            Site::new(
                move |_| match (std::mem::take(&mut *first.lock().unwrap()), status) {
                    (false, Some(status)) => answer_with(status, &[], ""),
                    _ => answer(
                        &[("cache-control", "max-age=10, stale-if-error=60")],
                        "good",
                    ),
                },
            );
        site.get("/").await;
        site.clock.advance(11 * SECOND);
        let site = site.held_up();
        site.origin.set_down(status.is_none());
        let asked: Vec<_> = (0..10).map(|_| site.spawn(get("/"))).collect();
        settle().await;
        site.origin.give_turns(1);
        settle().await;
        assert_eq!(site.calls(), 2, "the service that fails is asked once");
        site.origin.give_turns(100);
        for asked in asked {
            assert_eq!(Got::of(asked.await.unwrap().unwrap()).await.body, "good");
        }
    }
}

/// P11
#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_policy_says() {
    let site = Site::of(Origin::new(for_a_minute).held_up());
    let site = site.policy(CachePolicy::new("soon").collapse_wait(3 * SECOND));
    let leader = site.spawn(get("/"));
    settle().await;
    let start = tokio::time::Instant::now();
    let follower = site.spawn(get("/"));
    settle().await;
    assert_eq!(site.calls(), 1);
    tokio::time::sleep(3 * SECOND).await;
    settle().await;
    assert_eq!((site.calls(), start.elapsed()), (2, 3 * SECOND));
    site.origin.give_turns(2);
    for asked in [leader, follower] {
        assert_eq!(Got::of(asked.await.unwrap().unwrap()).await.status, 200);
    }
}

#[tokio::test]
async fn each_variant_is_waited_for_by_those_who_want_it() {
    let origin = Origin::new(|parts| {
        let language = parts.headers["accept-language"]
            .to_str()
            .unwrap()
            .to_owned();
        answer(&[MINUTE, ("vary", "accept-language")], language)
    });
    let site = Site::of(origin);
    let ask = |language: &'static str| get_with("/", &[("accept-language", language)]);
    site.send(ask("it")).await;
    let site = site.held_up();
    let asked: Vec<_> = (0..6)
        .map(|at| site.spawn(ask(["en", "de"][at % 2])))
        .collect();
    settle().await;
    assert_eq!(site.calls(), 3);
    site.origin.give_turns(2);
    for (at, asked) in asked.into_iter().enumerate() {
        assert_eq!(
            Got::of(asked.await.unwrap().unwrap()).await.body,
            ["en", "de"][at % 2]
        );
    }
}

/// Nobody knows yet that the answer varies.
#[tokio::test]
async fn who_waited_for_what_proves_another_variant_gets_their_own() {
    let origin = Origin::new(|parts| {
        let language = parts.headers["accept-language"]
            .to_str()
            .unwrap()
            .to_owned();
        answer(&[MINUTE, ("vary", "accept-language")], language)
    });
    let site = Site::of(origin.held_up());
    let languages = ["en", "de", "en", "fr", "de"];
    let asked =
        languages.map(|language| site.spawn(get_with("/", &[("accept-language", language)])));
    settle().await;
    assert_eq!(site.calls(), 1);
    site.origin.give_turns(5);
    for (asked, language) in asked.into_iter().zip(languages) {
        assert_eq!(Got::of(asked.await.unwrap().unwrap()).await.body, language);
    }
    assert!(site.calls() <= 4, "{}", site.calls());
}

/// A HEAD has no body to share, and a request of a user none that is for others.
#[tokio::test]
async fn heads_ranges_and_authorization_wait_for_nobody() {
    let asks = [
        request("HEAD", "/", &[]),
        get_with("/", &[("range", "bytes=0-1")]),
        get_with("/", &[("authorization", "alice")]),
    ];
    for ask in asks {
        let site = Site::of(Origin::new(for_a_minute).held_up());
        let asked: Vec<_> = (0..3).map(|_| site.spawn(ask.clone())).collect();
        settle().await;
        assert_eq!(site.calls(), 3, "{ask:?}");
        site.origin.give_turns(3);
        for asked in asked {
            Got::of(asked.await.unwrap().unwrap()).await;
        }
    }
}
