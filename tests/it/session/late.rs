//! What happens after the head of the response has left.

use tower_upstash::session::{Session, SessionErrorKind};

use super::app::{App, REMEMBERED, kind, n};

type Change = fn(&Session) -> super::app::Outcome<()>;

const CHANGES: [Change; 9] = [
    |s| s.set("n", &1),
    |s| s.update("n", |n: Option<u64>| n.unwrap_or(0)),
    |s| s.remove("n"),
    Session::clear,
    |s| s.flash("hello"),
    Session::rotate,
    |s| s.authenticate("alice"),
    Session::destroy,
    |s| s.set_lifetime(REMEMBERED),
];

/// In tower-sessions 0.15 what is written while a body streams is lost without a word.
#[tokio::test]
async fn a_write_after_the_head_is_an_error() {
    for touches in [false, true] {
        let app = App::new();
        let browser = app.visitor().await;
        let session = browser
            .visit(async |s| {
                if touches {
                    n(s.clone()).await?;
                }
                Ok(s)
            })
            .await
            .value();
        app.forget();
        for change in CHANGES {
            assert_eq!(kind(&change(&session)), SessionErrorKind::Committed);
        }
        assert_eq!(kind(&session.commit().await), SessionErrorKind::Committed);
        assert_eq!(app.store.calls(), []);
        // Reading goes on.
        assert_eq!(n(session).await.unwrap(), Some(1));
    }
}

#[tokio::test]
async fn a_csrf_token_after_the_head_needs_a_session() {
    let app = App::new();
    let session = app.browser().visit(async |s| Ok(s)).await.value();
    let late = session.csrf_token().await;
    assert_eq!(kind(&late), SessionErrorKind::Committed);
    let browser = app.visitor().await;
    let session = browser.visit(async |s| Ok(s)).await.value();
    let text = session.csrf_token().await.unwrap();
    browser
        .visit(async |s| s.verify_csrf(&text).await)
        .await
        .value();
}

#[tokio::test]
async fn a_write_while_the_session_is_committed_is_an_error() {
    let app = App::new();
    let browser = app.visitor().await;
    let (handles, mut taken) = tokio::sync::mpsc::unbounded_channel::<Session>();
    let visit = browser.visit(async |s| {
        s.set("n", &2)?;
        handles.send(s).unwrap();
        Ok(())
    });
    let late = async {
        let session = taken.recv().await.unwrap();
        kind(&session.set("n", &3))
    };
    let (seen, late) = tokio::join!(visit, late);
    seen.value();
    assert_eq!(late, SessionErrorKind::Committed);
    assert_eq!(browser.visit(n).await.value(), Some(2));
}
