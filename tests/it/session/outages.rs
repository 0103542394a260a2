//! A store that is down, hangs, or loses its answers.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use http::{Response, StatusCode};
use tower_upstash::session::{Session, SessionErrorKind};

use super::{
    app::{App, count, kind, n, subject},
    spy::{Call, Trouble},
};

/// axum_session and axum-sessions take a failure for "no session": everybody is logged out, and the empty session is
/// written over the stored one.
#[tokio::test]
async fn a_session_that_cannot_be_read_is_an_error_and_not_none() {
    let app = App::new();
    let browser = app.user("alice").await;
    app.store.set(Trouble::Reads);
    let seen = browser.visit(subject).await;
    assert_eq!(kind(&seen.result), SessionErrorKind::Store);
    assert_eq!((seen.status, seen.set_cookie()), (503, None));
    // The handler decides, and asks as often as it likes: the store is not asked again.
    app.forget();
    let seen = browser
        .visit(async |s| Ok([subject(s.clone()).await.is_err(), n(s).await.is_err()]))
        .await;
    assert_eq!(seen.value(), [true, true]);
    assert_eq!(app.store.calls(), [Call::Read(1)]);
    assert_eq!(app.events(), ["StoreError"]);
    app.store.set(Trouble::None);
    assert_eq!(
        browser.visit(subject).await.value().as_deref(),
        Some("alice")
    );
}

#[tokio::test]
async fn nothing_is_written_over_what_could_not_be_read() {
    type Change = fn(&Session) -> super::app::Outcome<()>;
    let changes: [Change; 6] = [
        |s| s.set("n", &1),
        |s| s.clear(),
        |s| s.rotate(),
        |s| s.authenticate("mallory"),
        |s| s.update("n", |n: Option<u64>| n.unwrap_or(7)),
        |s| s.flash("hello"),
    ];
    for change in changes {
        let app = App::new();
        let browser = app.user("alice").await;
        app.store.set(Trouble::Reads);
        let seen = browser
            .visit(async |s| {
                assert!(n(s.clone()).await.is_err());
                app.store.set(Trouble::None);
                change(&s)
            })
            .await;
        assert_eq!((seen.status, seen.set_cookie()), (503, None));
        assert_eq!(app.store.calls(), [Call::Read(1)]);
        assert_eq!(
            browser.visit(subject).await.value().as_deref(),
            Some("alice")
        );
    }
}

/// What another version has written, say.
#[tokio::test]
async fn what_cannot_be_understood_is_an_error_and_left_alone() {
    let app = App::new();
    let browser = app.visitor().await;
    app.store.set(Trouble::Garbage);
    for _ in 0..2 {
        let seen = browser.visit(count).await;
        assert_eq!((seen.status, seen.set_cookie()), (500, None));
        assert_eq!(app.events(), ["Corrupt"]);
        assert_eq!(app.store.calls(), [Call::Read(1)]);
    }
    assert_eq!(
        kind(&browser.visit(n).await.result),
        SessionErrorKind::Corrupt
    );
    app.store.set(Trouble::None);
    assert_eq!(browser.visit(n).await.value(), Some(1));
    app.store.set(Trouble::Garbage);
    browser.visit(async |s| s.destroy()).await.value();
    assert_eq!(browser.token(), None);
}

#[tokio::test]
async fn a_logout_works_while_nothing_can_be_read() {
    let app = App::new();
    let browser = app.user("alice").await;
    let thief = browser.copy();
    app.store.set(Trouble::Reads);
    browser
        .visit(async |s| {
            assert!(subject(s.clone()).await.is_err());
            s.destroy()
        })
        .await
        .value();
    app.store.set(Trouble::None);
    assert_eq!(browser.token(), None);
    assert_eq!(thief.visit(subject).await.value(), None);
}

#[tokio::test]
async fn whoever_cannot_log_out_is_told() {
    let app = App::new();
    let browser = app.user("alice").await;
    app.store.set(Trouble::Writes);
    let seen = browser.visit(async |s| s.destroy()).await;
    assert_eq!((seen.status, seen.set_cookie()), (503, None));
}

#[tokio::test]
async fn a_commit_that_fails_takes_the_place_of_the_response() {
    for trouble in [Trouble::Writes, Trouble::Answers] {
        let app = App::new();
        let browser = app.visitor().await;
        app.store.set(trouble);
        let seen = browser.visit(count).await;
        seen.result.as_ref().unwrap();
        assert_eq!(seen.status, 503);
        assert_eq!(seen.field("content-type"), Some("application/problem+json"));
        assert_eq!(seen.field("cache-control"), Some("no-store"));
        assert_eq!(seen.field("retry-after"), Some("1"));
        assert_eq!(seen.set_cookie(), None);
        let document: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
        assert_eq!(document["status"], 503);
        for detail in ["10.0.0.7", "down", "unavailable:", "n\":"] {
            assert!(!seen.body.contains(detail), "{}", seen.body);
        }
        assert_eq!(app.events(), ["StoreError"]);
    }
}

#[tokio::test]
async fn an_error_of_the_service_stays_that_error() {
    let app = App::new();
    let browser = app.visitor().await;
    app.store.set(Trouble::Writes);
    let seen = browser
        .answered(500, async |s| {
            s.set("n", &2)?;
            s.destroy()
        })
        .await;
    assert_eq!((seen.status, &*seen.body), (500, "page"));
}

#[tokio::test]
async fn the_response_to_a_failed_commit_can_be_set() {
    let app = App::with(|layer| {
        layer.on_error(|error| {
            assert_eq!(error.kind(), SessionErrorKind::Store);
            let mut response = Response::new(Bytes::from_static(b"come back later"));
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            response
        })
    });
    let browser = app.visitor().await;
    app.store.set(Trouble::Writes);
    let seen = browser.visit(count).await;
    assert_eq!((seen.status, &*seen.body), (418, "come back later"));
    assert_eq!(seen.field("vary"), Some("Cookie"));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_beyond_the_limit() {
    for (trouble, limit) in [
        (Trouble::HangingReads, Duration::from_secs(2)),
        (Trouble::HangingWrites, Duration::from_secs(2)),
    ] {
        let app = App::new();
        let browser = app.visitor().await;
        app.store.set(trouble);
        let start = tokio::time::Instant::now();
        let seen = browser
            .visit(async |s| {
                let _ = n(s.clone()).await;
                count(s).await
            })
            .await;
        assert_eq!(seen.status, 503);
        let waited = start.elapsed();
        assert!(
            limit <= waited && waited < limit + Duration::from_millis(50),
            "{waited:?}"
        );
        assert_eq!(app.events(), ["StoreError"]);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_twice() {
    let app = App::new();
    let browser = app.visitor().await;
    app.store.set(Trouble::HangingReads);
    let start = tokio::time::Instant::now();
    let seen = browser
        .visit(async |s| {
            count(s.clone()).await?;
            assert_eq!(kind(&s.commit().await), SessionErrorKind::Store);
            assert_eq!(kind(&n(s.clone()).await), SessionErrorKind::Store);
            count(s).await
        })
        .await;
    assert_eq!(seen.status, 503);
    let waited = start.elapsed();
    assert!(waited < Duration::from_millis(2050), "{waited:?}");
}

/// A read that was begun, and is not polled any more, kept all others of the request waiting without an end.
#[tokio::test(start_paused = true)]
async fn a_read_that_nobody_goes_on_with_holds_up_nobody_for_long() {
    let app = App::new();
    let browser = app.visitor().await;
    let seen = browser
        .visit(async |s| {
            let mut begun = pin!(n(s.clone()));
            tokio::select! {
                biased;
                _ = &mut begun => unreachable!("the store never answers at once"),
                () = std::future::ready(()) => {}
            }
            s.set("m", &1)?;
            let late = n(s.clone()).await;
            assert_eq!(kind(&late), SessionErrorKind::Store);
            Ok(())
        })
        .await;
    // What could not be read is not written to.
    assert_eq!(seen.status, 503);
    let m = browser.visit(async |s| s.get::<u64>("m").await).await;
    assert_eq!(m.value(), None);
}

#[tokio::test]
async fn a_commit_that_is_dropped_half_way_leaves_no_session_to_go_on_with() {
    let app = App::new();
    let browser = app.visitor().await;
    let drops = async |s: &Session| {
        s.set("n", &2)?;
        tokio::select! {
            biased;
            committed = s.commit() => committed,
            () = std::future::ready(()) => Ok(()),
        }
    };
    let seen = browser
        .visit(async |s| {
            n(s.clone()).await?;
            drops(&s).await?;
            s.set("m", &3)
        })
        .await;
    assert_eq!((seen.status, seen.set_cookie()), (503, None));
    let seen = browser
        .visit(async |s| {
            n(s.clone()).await?;
            drops(&s).await?;
            n(s).await
        })
        .await;
    assert_eq!(
        (seen.status, kind(&seen.result)),
        (503, SessionErrorKind::Store)
    );
}

/// What was written after a rotation whose answer was lost was dropped in silence: the old token was gone.
#[tokio::test]
async fn after_a_commit_that_failed_nothing_else_is_written() {
    let app = App::new();
    let browser = app.visitor().await;
    let seen = browser
        .visit(async |s| {
            s.rotate()?;
            app.store.set(Trouble::Answers);
            assert_eq!(kind(&s.commit().await), SessionErrorKind::Store);
            app.store.set(Trouble::None);
            s.set("n", &2)
        })
        .await;
    assert_eq!((seen.status, seen.set_cookie()), (503, None));
}

#[tokio::test]
async fn a_request_that_is_dropped_writes_nothing() {
    let app = App::new();
    let browser = app.visitor().await;
    {
        let visit = browser.visit(async |s| {
            s.set("n", &2)?;
            s.destroy()?;
            std::future::pending::<super::app::Outcome<()>>().await
        });
        let mut visit = pin!(visit);
        tokio::select! {
            biased;
            _ = &mut visit => unreachable!("it never answers"),
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(app.store.calls(), []);
    assert_eq!(browser.visit(n).await.value(), Some(1));
}
