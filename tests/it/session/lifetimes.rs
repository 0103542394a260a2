//! How long sessions live, and what counts as activity.

use tower_upstash::session::{Lifetime, Session};

use super::{
    app::{App, HOUR, MINUTE, REMEMBERED, SECOND, n, subject},
    spy::{Call, Trouble},
};

#[tokio::test]
async fn a_session_ends_without_activity_whatever_the_store_does() {
    let app = App::on_an_eternal_store();
    let browser = app.visitor().await;
    app.clock.advance(30 * MINUTE - SECOND);
    assert_eq!(
        browser
            .copy()
            .visit(async |s| {
                s.no_touch();
                n(s).await
            })
            .await
            .value(),
        Some(1)
    );
    app.clock.advance(SECOND);
    app.forget();
    assert_eq!(browser.visit(n).await.value(), None);
    assert!(app.told()[0].contains("idle: true"));
    assert_eq!(app.store.calls(), [Call::Read(1)]);
    // What is written then is another session.
    let token = browser.token();
    browser.visit(async |s| s.set("m", &1)).await.value();
    assert_ne!(browser.token(), token);
    assert_eq!(browser.visit(n).await.value(), None);
}

#[tokio::test]
async fn a_session_ends_after_its_time_whatever_is_done_with_it() {
    let app = App::on_an_eternal_store();
    let browser = app.visitor().await;
    for minute in 0..12 * 60 / 20 {
        app.clock.advance(20 * MINUTE - SECOND / 100);
        match minute % 3 {
            0 => assert_eq!(browser.visit(n).await.value(), Some(1)),
            1 => browser.visit(async |s| s.rotate()).await.value(),
            _ => browser.visit(async |s| s.set("m", &minute)).await.value(),
        }
    }
    app.clock.advance(SECOND);
    app.forget();
    assert_eq!(browser.visit(n).await.value(), None);
    assert!(app.told()[0].contains("idle: false"));
}

#[tokio::test]
async fn a_login_begins_the_time_anew() {
    let app = App::on_an_eternal_store();
    let browser = app.visitor().await;
    for _ in 0..24 {
        app.clock.advance(29 * MINUTE);
        browser.visit(n).await.value();
    }
    browser
        .visit(async |s| s.authenticate("alice"))
        .await
        .value();
    for _ in 0..24 {
        app.clock.advance(29 * MINUTE);
        assert_eq!(
            browser.visit(subject).await.value().as_deref(),
            Some("alice")
        );
    }
    app.clock.advance(29 * MINUTE);
    assert_eq!(browser.visit(subject).await.value(), None);
}

/// express-session and scs write with each request; tower-sessions either so or not at all.
#[tokio::test]
async fn activity_is_written_down_once_in_a_window() {
    let app = App::new();
    let browser = app.visitor().await;
    app.clock.advance(MINUTE - SECOND);
    for _ in 0..3 {
        browser.visit(n).await.value();
        assert_eq!(app.store.calls(), [Call::Read(1)]);
    }
    app.clock.advance(SECOND);
    let seen = browser.visit(n).await;
    assert_eq!(seen.set_cookie(), None);
    assert_eq!(app.store.calls(), [Call::Read(1), Call::Write(1)]);
    browser.visit(n).await.value();
    assert_eq!(app.store.calls(), [Call::Read(1)]);
}

#[tokio::test]
async fn what_is_no_activity_keeps_nothing_alive() {
    let app = App::new();
    let browser = app.visitor().await;
    app.clock.advance(20 * MINUTE);
    browser.visit(async |_| Ok(())).await.value();
    let poll = async |s: Session| {
        s.no_touch();
        n(s).await
    };
    assert_eq!(browser.visit(poll).await.value(), Some(1));
    assert_eq!(browser.answered(500, n).await.result.unwrap(), Some(1));
    assert_eq!(app.store.calls(), [Call::Read(1), Call::Read(1)]);
    app.clock.advance(10 * MINUTE);
    assert_eq!(browser.visit(n).await.value(), None);
}

#[tokio::test]
async fn activity_keeps_a_session_alive() {
    let app = App::new();
    let browser = app.visitor().await;
    for _ in 0..20 {
        app.clock.advance(29 * MINUTE);
        assert_eq!(browser.visit(n).await.value(), Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn activity_that_cannot_be_written_down_fails_no_request() {
    for trouble in [Trouble::Writes, Trouble::Answers, Trouble::HangingWrites] {
        let app = App::new();
        let browser = app.visitor().await;
        app.clock.advance(2 * MINUTE);
        app.store.set(trouble);
        assert_eq!(browser.visit(n).await.value(), Some(1), "{trouble:?}");
        assert_eq!(app.events(), ["StoreError"]);
    }
}

#[tokio::test]
async fn activity_never_undoes_what_others_write() {
    let app = App::new();
    let browser = app.visitor().await;
    app.clock.advance(2 * MINUTE);
    browser
        .visit(async |s| {
            n(s).await?;
            browser.visit(async |s| s.set("n", &2)).await.value();
            Ok(())
        })
        .await
        .value();
    assert_eq!(browser.visit(n).await.value(), Some(2));
    assert_eq!(app.events(), [""; 0]);
}

/// In tower-sessions 0.15 a lifetime of its own is not stored: the next write takes that of the layer.
#[tokio::test]
async fn a_lifetime_of_its_own_survives_later_writes() {
    const WEEKS: Lifetime =
        Lifetime::new(HOUR.saturating_mul(24 * 7), HOUR.saturating_mul(24 * 30));
    let app = App::new();
    let browser = app.visitor().await;
    browser
        .visit(async |s| {
            s.authenticate("alice")?;
            s.set_lifetime(WEEKS.persistent())
        })
        .await
        .value();
    for day in 1..=20 {
        app.clock.advance(24 * HOUR);
        let seen = browser.visit(async |s| s.set("n", &day)).await;
        let cookie = seen.set_cookie().unwrap();
        let left = (24 * 7).min(24 * (30 - day)) * 3600;
        assert!(cookie.ends_with(&format!("; Max-Age={left}")), "{cookie}");
    }
    browser.visit(async |s| s.rotate()).await.value();
    app.clock.advance(6 * 24 * HOUR);
    assert_eq!(
        browser.visit(subject).await.value().as_deref(),
        Some("alice")
    );
    app.clock.advance(4 * 24 * HOUR);
    assert_eq!(browser.visit(subject).await.value(), None);
}

#[tokio::test]
async fn a_cookie_has_no_age_by_default_and_gets_one_on_demand() {
    let app = App::new();
    let browser = app.browser();
    let seen = browser.visit(async |s| s.set("n", &1)).await;
    let cookie = seen.set_cookie().unwrap();
    assert!(
        !cookie.contains("Max-Age") && !cookie.contains("Expires"),
        "{cookie}"
    );
    let seen = browser.visit(async |s| s.set_lifetime(REMEMBERED)).await;
    assert!(seen.set_cookie().unwrap().ends_with("; Max-Age=1800"));
    // Activity that is written down prolongs the cookie, too.
    app.clock.advance(MINUTE);
    let seen = browser.visit(n).await;
    assert!(seen.set_cookie().unwrap().ends_with("; Max-Age=1800"));
    let seen = browser.visit(n).await;
    assert_eq!(seen.set_cookie(), None);
    // And back.
    let seen = browser
        .visit(async |s| s.set_lifetime(Lifetime::AAL2))
        .await;
    assert!(!seen.set_cookie().unwrap().contains("Max-Age"));
}

#[tokio::test]
async fn a_lifetime_alone_makes_no_session() {
    let app = App::new();
    let seen = app
        .browser()
        .visit(async |s| s.set_lifetime(REMEMBERED))
        .await;
    assert_eq!(seen.set_cookie(), None);
    assert_eq!(app.store.calls(), []);
}
