//! One list of scenarios, played over every store, by two processes that share it.

use std::time::Duration;

use http::StatusCode;
use tokio::sync::oneshot;
use tower_upstash::session::{SessionError, SessionLayer};

use super::site::{MINUTE, Place, Reply, Told, add, ask, everywhere, lives, log_in, number, show};

const HOUR: Duration = Duration::from_secs(3600);

async fn counted(layer: &SessionLayer) -> String {
    ask(layer, None, async |session| session.set("n", &1))
        .await
        .token()
}

/// Sends a request that reads, waits until the other thing was done, and adds.
async fn slow_write(
    layer: &SessionLayer,
    token: &str,
    meanwhile: impl Future<Output = ()>,
) -> Reply {
    let (read, has_read) = oneshot::channel();
    let (go, goes) = oneshot::channel();
    let slow = ask(layer, Some(token), async |session| {
        let seen = show(&session, "n").await?;
        read.send(()).unwrap();
        goes.await.unwrap();
        add(&session, "n")?;
        Ok::<_, SessionError>(seen)
    });
    let fast = async {
        has_read.await.unwrap();
        meanwhile.await;
        go.send(()).unwrap();
    };
    tokio::join!(slow, fast).0
}

/// Returns what Redis holds: keys, values, and what is left of their time.
async fn held(place: &Place<'_>) -> Vec<(String, Vec<u8>, i64)> {
    let ask = async |words: &[&str]| place.site.redis.command(words).await.unwrap();
    let keys: Vec<String> = redis::from_redis_value(ask(&["KEYS", "*"]).await).unwrap();
    let mut held = Vec::new();
    for key in keys {
        let kind: String = redis::from_redis_value(ask(&["TYPE", &key]).await).unwrap();
        let value = if kind == "string" {
            ask(&["GET", &key]).await
        } else {
            redis::Value::Nil
        };
        let value = redis::from_redis_value::<Option<Vec<u8>>>(value).unwrap();
        let left = redis::from_redis_value(ask(&["PTTL", &key]).await).unwrap();
        held.push((key, value.unwrap_or_default(), left));
    }
    held
}

#[tokio::test]
async fn a_token_that_nobody_was_given_is_never_taken_over() {
    everywhere(async |place| {
        let layer = place.layer();
        let given = counted(&layer).await;
        let mut chosen = given.clone();
        let flipped = if chosen.ends_with(['A', 'E']) {
            "IQ"
        } else {
            "AE"
        };
        chosen.replace_range(10..12, flipped);
        let reply = ask(&layer, Some(&chosen), async |session| session.set("n", &2)).await;
        let new = reply.token();
        assert_ne!(new, chosen, "{}", place.name);
        assert!(!lives(&layer, &chosen).await, "{}", place.name);
        assert_eq!(number(&layer, &given, "n").await, "1", "{}", place.name);
        assert_eq!(number(&layer, &new, "n").await, "2", "{}", place.name);
    })
    .await;
}

#[tokio::test]
async fn no_store_holds_a_token_nor_anything_of_anonymous_clients() {
    everywhere(async |place| {
        let layer = place.layer();
        for _ in 0..10 {
            let reply = ask(&layer, None, async |session| show(&session, "n").await).await;
            assert_eq!(
                (reply.is_ok(), reply.told),
                (true, Told::Nothing),
                "{}",
                place.name
            );
        }
        assert_eq!(held(place).await, [], "{}", place.name);
        let token = log_in(&layer, None, "alice").await;
        for (key, value, _) in held(place).await {
            assert!(
                !key.contains(&token[3..]) && !key.contains("alice"),
                "{}",
                place.name
            );
            let value = String::from_utf8_lossy(&value);
            assert!(!value.contains(&token[3..]), "{}", place.name);
            // What lies in the store opens nothing.
            for piece in key.split(':').chain([&*key]) {
                let reply = ask(&layer, Some(piece), async |session| {
                    session.subject().await.map(Option::unwrap_or_default)
                });
                assert_eq!(reply.await.text, "", "{}", place.name);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_login_ends_the_token_before_it_for_all_at_once() {
    everywhere(async |place| {
        let [one, other] = place.two();
        let before = counted(&one).await;
        assert!(lives(&other, &before).await, "{}", place.name);
        let after = log_in(&other, Some(&before), "alice").await;
        for layer in [&one, &other] {
            assert!(!lives(layer, &before).await, "{}", place.name);
            assert_eq!(number(layer, &after, "n").await, "1", "{}", place.name);
        }
    })
    .await;
}

/// Elsewhere the old session was deleted at once, and the new one was never told.
#[tokio::test]
async fn a_failure_leaves_the_session_as_it_was_but_a_logout_is_done() {
    everywhere(async |place| {
        let layer = place.layer();
        let token = counted(&layer).await;
        let failed = ask(&layer, Some(&token), async |session| {
            add(&session, "n")?;
            session.rotate()?;
            Ok::<_, SessionError>(StatusCode::INTERNAL_SERVER_ERROR)
        });
        let failed = failed.await;
        assert_eq!(failed.status, 500, "{}", place.name);
        assert_eq!(failed.told, Told::Nothing, "{}", place.name);
        assert_eq!(number(&layer, &token, "n").await, "1", "{}", place.name);
        let failed = ask(&layer, Some(&token), async |session| {
            session.destroy()?;
            Ok::<_, SessionError>(StatusCode::INTERNAL_SERVER_ERROR)
        });
        assert_eq!(failed.await.told, Told::Removal, "{}", place.name);
        assert!(!lives(&layer, &token).await, "{}", place.name);
    })
    .await;
}

/// Elsewhere the slow request brings the session back, its user logged in.
#[tokio::test]
async fn a_logout_beats_a_slow_writer() {
    everywhere(async |place| {
        let [one, other] = place.two();
        let token = counted(&one).await;
        let token = log_in(&one, Some(&token), "alice").await;
        let reply = slow_write(&one, &token, async {
            let logout = ask(&other, Some(&token), async |session| session.destroy());
            assert_eq!(logout.await.told, Told::Removal);
        });
        let reply = reply.await;
        assert_eq!(
            (&*reply.text, reply.told),
            ("1", Told::Nothing),
            "{}",
            place.name
        );
        for layer in [&one, &other] {
            assert!(!lives(layer, &token).await, "{}", place.name);
        }
        assert_eq!(
            one.handle().list("alice").await.unwrap().len(),
            0,
            "{}",
            place.name
        );
    })
    .await;
}

/// Elsewhere the later one takes all, and what the other has written is lost.
#[tokio::test]
async fn what_two_write_at_once_is_merged_and_adds_up() {
    everywhere(async |place| {
        let [one, other] = place.two();
        let token = counted(&one).await;
        let reply = slow_write(&one, &token, async {
            let write = ask(&other, Some(&token), async |session| {
                session.set("b", &2)?;
                add(&session, "n")
            });
            assert!(write.await.is_ok());
        });
        let reply = reply.await;
        assert_eq!(
            (reply.status, reply.told),
            (StatusCode::OK, Told::Nothing),
            "{}",
            place.name
        );
        assert_eq!(number(&other, &token, "n").await, "3", "{}", place.name);
        assert_eq!(number(&one, &token, "b").await, "2", "{}", place.name);
    })
    .await;
}

#[tokio::test]
async fn a_late_answer_to_the_old_token_leaves_the_cookie_of_a_login_alone() {
    everywhere(async |place| {
        let [one, other] = place.two();
        let token = counted(&one).await;
        place.site.advance(2 * MINUTE);
        let mut after = String::new();
        let reply = slow_write(&one, &token, async {
            after = log_in(&other, Some(&token), "alice").await;
        });
        assert_eq!(reply.await.told, Told::Nothing, "{}", place.name);
        assert_eq!(number(&one, &after, "n").await, "1", "{}", place.name);
        assert!(!lives(&one, &token).await, "{}", place.name);
    })
    .await;
}

#[tokio::test]
async fn both_ends_of_a_session_are_those_of_its_entry_too() {
    /// What is kept beyond an end, and what a test takes.
    const SLACK: i64 = 60_000;
    const BUSY: i64 = 15_000;
    everywhere(async |place| {
        let layer = place.layer();
        let token = log_in(&layer, None, "alice").await;
        let check = async |end: Duration, members: Duration| {
            let held = held(place).await;
            assert_eq!(
                held.len(),
                if place.is_memory() { 0 } else { 2 },
                "{}",
                place.name
            );
            for (key, value, left) in held {
                let whole = if value.is_empty() { members } else { end };
                let whole = whole.as_millis() as i64 + SLACK;
                assert!(
                    (whole - BUSY..=whole).contains(&left),
                    "{}: {key} {left} {whole}",
                    place.name
                );
            }
        };
        check(30 * MINUTE, 12 * HOUR).await;
        for minutes in (25..12 * 60).step_by(25) {
            place.site.advance(25 * MINUTE);
            let read = ask(&layer, Some(&token), async |session| {
                session.subject().await.map(Option::unwrap_or_default)
            });
            assert_eq!(
                read.await.text,
                "alice",
                "{} after {minutes} minutes",
                place.name
            );
            let left = (12 * HOUR).saturating_sub(minutes * MINUTE);
            check(left.min(30 * MINUTE), left).await;
        }
        // 11 hours and 40 minutes: no activity helps any more.
        place.site.advance(20 * MINUTE);
        assert!(!lives(&layer, &token).await, "{}", place.name);
        place.site.advance(2 * MINUTE);
        assert_eq!(held(place).await, [], "{}", place.name);
        // And without activity.
        let token = counted(&layer).await;
        place.site.advance(29 * MINUTE);
        assert!(lives(&layer, &token).await, "{}", place.name);
        place.site.advance(MINUTE);
        assert!(!lives(&layer, &token).await, "{}", place.name);
    })
    .await;
}

#[tokio::test]
async fn sessions_of_a_subject_are_ended_one_by_one_all_others_and_all() {
    everywhere(async |place| {
        let [one, other] = place.two();
        let mut tokens = Vec::new();
        for _ in 0..4 {
            tokens.push(log_in(&one, None, "alice").await);
            place.site.advance(MINUTE / 60);
        }
        let bystander = log_in(&one, None, "bob").await;
        let sessions = other.handle();
        let listed = sessions.list("alice").await.unwrap();
        assert_eq!(listed.len(), 4, "{}", place.name);
        // The latest one first.
        assert!(
            sessions.revoke("alice", listed[0].id()).await.unwrap(),
            "{}",
            place.name
        );
        assert!(!lives(&one, &tokens[3]).await, "{}", place.name);
        assert!(
            !sessions.revoke("alice", listed[0].id()).await.unwrap(),
            "{}",
            place.name
        );
        assert!(
            !sessions.revoke("bob", listed[1].id()).await.unwrap(),
            "{}",
            place.name
        );
        // While a request of one of them is under way.
        let slow = slow_write(&one, &tokens[1], async {
            let others = ask(&other, Some(&tokens[0]), async |session| {
                session.revoke_others().await.map(|ended| ended.to_string())
            });
            assert_eq!(others.await.text, "2", "{}", place.name);
        });
        let slow = slow.await;
        assert_eq!(
            (slow.is_ok(), slow.told),
            (true, Told::Nothing),
            "{}",
            place.name
        );
        assert!(lives(&one, &tokens[0]).await, "{}", place.name);
        for token in &tokens[1..] {
            assert!(!lives(&one, token).await, "{}", place.name);
        }
        tokens.push(log_in(&one, None, "alice").await);
        assert_eq!(
            sessions.revoke_all("alice").await.unwrap(),
            2,
            "{}",
            place.name
        );
        for token in &tokens {
            assert!(!lives(&one, token).await, "{}", place.name);
        }
        assert!(lives(&other, &bystander).await, "{}", place.name);
        assert!(
            sessions.list("alice").await.unwrap().is_empty(),
            "{}",
            place.name
        );
    })
    .await;
}
