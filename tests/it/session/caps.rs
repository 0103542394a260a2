//! How large a session may be.

use tower_upstash::session::{Session, SessionErrorKind};

use super::{
    app::{App, Outcome, kind, n},
    spy::Call,
};

#[tokio::test]
async fn a_value_that_is_too_large_is_refused_at_once() {
    let app = App::with(|layer| layer.max_bytes(100));
    let browser = app.visitor().await;
    let large = "x".repeat(200);
    type Change<'a> = &'a dyn Fn(&Session) -> Outcome<()>;
    let changes: [Change<'_>; 2] = [&|s| s.set("a", &large), &|s| s.flash(&large)];
    for change in changes {
        let seen = browser.visit(async |s| change(&s)).await;
        assert_eq!(seen.status, 413);
        assert_eq!(kind(&seen.result), SessionErrorKind::TooLarge);
        assert_eq!(app.store.calls(), []);
    }
}

#[tokio::test]
async fn values_that_are_too_large_together_are_never_sent_to_the_store() {
    let app = App::with(|layer| layer.max_bytes(100));
    let fill = async |s: Session| {
        for key in ["a", "b", "c"] {
            s.set(key, &"x".repeat(40))?;
        }
        Ok(())
    };
    let seen = app.browser().visit(fill).await;
    assert_eq!((seen.status, seen.set_cookie()), (413, None));
    assert_eq!(app.store.calls(), []);
    let browser = app.visitor().await;
    let seen = browser.visit(fill).await;
    assert_eq!(seen.status, 413);
    assert_eq!(app.store.calls(), [Call::Read(1)]);
    assert_eq!(browser.visit(n).await.value(), Some(1));
    // What is already there counts.
    let one = async |s: Session| s.set("a", &"x".repeat(80));
    browser.visit(one).await.value();
    let seen = browser.visit(async |s| s.set("b", &"x".repeat(40))).await;
    assert_eq!(seen.status, 413);
}

#[tokio::test]
async fn updates_and_flashes_that_grow_without_an_end_are_refused() {
    let app = App::with(|layer| layer.max_bytes(100));
    let browser = app.visitor().await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let seen = browser.visit(async |s| s.flash("0123456789")).await;
        statuses.push(seen.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 413, 413]);
    let grows = async |s: Session| {
        s.update("u", |text: Option<String>| {
            text.unwrap_or_default() + &"x".repeat(99)
        })
    };
    assert_eq!(app.browser().visit(grows).await.status, 413);
}

#[tokio::test]
async fn a_session_has_so_many_keys() {
    let app = App::with(|layer| layer.max_keys(3));
    let browser = app.visitor().await;
    let keys = async |s: Session, keys: &[&str]| keys.iter().try_for_each(|key| s.set(key, &1));
    browser
        .visit(async |s| keys(s, &["a", "b"]).await)
        .await
        .value();
    app.forget();
    let seen = browser.visit(async |s| keys(s, &["c"]).await).await;
    assert_eq!(seen.status, 413);
    assert_eq!(app.store.calls(), [Call::Read(1)]);
    let swap = async |s: Session| {
        s.remove("a")?;
        s.set("c", &1)
    };
    browser.visit(swap).await.value();
    let seen = app
        .browser()
        .visit(async |s| keys(s, &["a", "b", "c", "d"]).await)
        .await;
    assert_eq!((seen.status, seen.set_cookie()), (413, None));
}

#[tokio::test]
async fn what_is_no_key_is_refused_at_once() {
    let app = App::new();
    for key in ["", "\u{1}flash", "a\nb", &"k".repeat(129)] {
        let seen = app.browser().visit(async |s| s.set(key, &1)).await;
        assert_eq!(seen.status, 500);
        assert_eq!(kind(&seen.result), SessionErrorKind::InvalidKey);
    }
    assert_eq!(app.store.calls(), []);
}
