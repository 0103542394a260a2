//! New tokens: at login, and wherever the client may do more than before.

use tower_upstash::session::{Session, SessionErrorKind};

use super::{
    app::{App, HOUR, MINUTE, kind, n, subject},
    spy::{Call, Trouble},
};

#[tokio::test]
async fn a_login_gives_a_new_token_and_keeps_what_the_session_has() {
    let app = App::new();
    let browser = app.visitor().await;
    let before = browser.copy();
    let seen = browser
        .visit(async |s| {
            s.authenticate("alice")?;
            s.set("m", &2)?;
            subject(s).await
        })
        .await;
    assert_eq!(seen.field("cache-control"), Some("no-store"));
    assert_eq!(seen.value().as_deref(), Some("alice"));
    assert_eq!(app.store.calls(), [Call::Read(1), Call::Write(2)]);
    assert_eq!(app.events(), ["Rotated", "Authenticated"]);
    assert_ne!(browser.token(), before.token());
    let all = async |s: Session| {
        Ok((
            n(s.clone()).await?,
            s.get::<u64>("m").await?,
            subject(s).await?,
        ))
    };
    let expected = (Some(1), Some(2), Some("alice".into()));
    assert_eq!(browser.visit(all).await.value(), expected);
    // Whoever planted the token, or has stolen it before, has nothing.
    assert_eq!(before.visit(all).await.value(), (None, None, None));
}

#[tokio::test]
async fn a_login_without_a_session_makes_one() {
    let app = App::new();
    let browser = app.browser();
    browser
        .visit(async |s| s.authenticate("alice"))
        .await
        .value();
    assert_eq!(app.store.calls(), [Call::Write(1)]);
    assert_eq!(app.events(), ["Created", "Authenticated"]);
    assert_eq!(
        browser.visit(subject).await.value().as_deref(),
        Some("alice")
    );
}

/// The handler saw what the former user had put there, until its response left.
#[tokio::test]
async fn another_user_has_nothing_of_the_former_one() {
    let app = App::new();
    let browser = app.user("alice").await;
    browser.visit(async |s| s.set("n", &1)).await.value();
    let former = browser.visit(async |s| s.id().await).await.value();
    let seen = browser
        .visit(async |s| {
            assert_eq!(n(s.clone()).await?, Some(1));
            s.set("m", &2)?;
            assert_eq!(n(s.clone()).await?, Some(1));
            s.authenticate("bob")?;
            Ok((n(s.clone()).await?, s.get::<u64>("m").await?))
        })
        .await;
    assert_eq!(seen.value(), (None, Some(2)));
    assert_eq!(browser.visit(n).await.value(), None);
    assert_eq!(browser.visit(subject).await.value().as_deref(), Some("bob"));
    assert_ne!(browser.visit(async |s| s.id().await).await.value(), former);
    let handle = app.layer.handle();
    assert!(handle.list("alice").await.unwrap().is_empty());
    assert_eq!(handle.list("bob").await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_same_user_keeps_what_is_there() {
    let app = App::new();
    let browser = app.user("alice").await;
    browser.visit(async |s| s.set("n", &1)).await.value();
    browser
        .visit(async |s| s.authenticate("alice"))
        .await
        .value();
    assert_eq!(browser.visit(n).await.value(), Some(1));
    assert_eq!(app.layer.handle().list("alice").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_rotation_moves_all_at_once() {
    let app = App::new();
    let browser = app.user("alice").await;
    let before = browser.copy();
    let id = browser.visit(async |s| s.id().await).await.value();
    browser
        .visit(async |s| {
            s.rotate()?;
            s.set("n", &5)?;
            s.rotate()
        })
        .await
        .value();
    assert_ne!(browser.token(), before.token());
    assert_eq!(browser.visit(n).await.value(), Some(5));
    assert_eq!(browser.visit(async |s| s.id().await).await.value(), id);
    assert_eq!(before.visit(subject).await.value(), None);
}

#[tokio::test]
async fn there_is_nothing_to_rotate_without_a_session() {
    let app = App::new();
    let seen = app.browser().visit(async |s| s.rotate()).await;
    assert_eq!(seen.set_cookie(), None);
    assert_eq!(app.store.calls(), []);
}

/// tower-sessions 0.15 deletes the old record at once, and writes no new one if the response is a 5xx: the session is gone.
#[tokio::test]
async fn an_error_keeps_the_old_token_and_what_it_has() {
    for status in [500, 502, 599] {
        let app = App::new();
        let browser = app.visitor().await;
        let token = browser.token();
        let seen = browser
            .answered(status, async |s| {
                n(s.clone()).await?;
                s.authenticate("alice")?;
                s.set("n", &2)?;
                s.rotate()
            })
            .await;
        assert_eq!(seen.status, status);
        assert_eq!(seen.set_cookie(), None);
        assert_eq!(app.store.calls(), [Call::Read(1)]);
        assert_eq!(browser.token(), token);
        assert_eq!(browser.visit(n).await.value(), Some(1));
        assert_eq!(browser.visit(subject).await.value(), None);
    }
}

#[tokio::test]
async fn a_store_that_fails_keeps_the_old_token_and_what_it_has() {
    let app = App::new();
    let browser = app.visitor().await;
    let token = browser.token();
    app.store.set(Trouble::Writes);
    let seen = browser.visit(async |s| s.authenticate("alice")).await;
    assert_eq!((seen.status, seen.set_cookie()), (503, None));
    app.store.set(Trouble::None);
    assert_eq!(browser.token(), token);
    assert_eq!(browser.visit(n).await.value(), Some(1));
}

#[tokio::test]
async fn of_two_rotations_one_wins_and_the_session_lives_on() {
    let app = App::new();
    let browser = app.visitor().await;
    let other = browser.copy();
    browser
        .visit(async |s| {
            n(s.clone()).await?;
            other.visit(async |s| s.rotate()).await.value();
            s.rotate()
        })
        .await
        .value();
    assert_eq!(browser.visit(n).await.value(), None);
    assert_eq!(other.visit(n).await.value(), Some(1));
    assert!(app.events().contains(&"Dropped".into()));
}

#[tokio::test]
async fn a_rotation_takes_along_what_others_have_written_meanwhile() {
    let app = App::new();
    let browser = app.visitor().await;
    browser
        .visit(async |s| {
            n(s.clone()).await?;
            browser.visit(async |s| s.set("n", &2)).await.value();
            s.rotate()
        })
        .await
        .value();
    assert_eq!(browser.visit(n).await.value(), Some(2));
}

#[tokio::test]
async fn whoever_was_authenticated_long_ago_has_to_prove_it_again() {
    let app = App::new();
    let fresh = async |s: Session| s.require_fresh(5 * MINUTE).await;
    let nobody = app.browser().visit(fresh).await;
    assert_eq!(nobody.status, 401);
    assert_eq!(kind(&nobody.result), SessionErrorKind::Unauthenticated);
    let browser = app.user("alice").await;
    app.clock.advance(5 * MINUTE);
    browser.visit(fresh).await.value();
    // Neither activity nor a new token makes anybody fresh.
    app.clock.advance(MINUTE);
    browser.visit(async |s| s.rotate()).await.value();
    let stale = browser.visit(fresh).await;
    assert_eq!(stale.status, 401);
    assert_eq!(kind(&stale.result), SessionErrorKind::Stale);
    browser
        .visit(async |s| {
            s.authenticate("alice")?;
            fresh(s).await
        })
        .await
        .value();
    browser.visit(fresh).await.value();
    app.clock.advance(HOUR);
    assert_eq!(browser.visit(fresh).await.status, 401);
}
