//! Forms, and requests that other origins make a browser send.

use tower_upstash::session::{Session, SessionErrorKind};

use super::app::{App, Outcome, kind, n, subject};

async fn form(session: Session) -> Outcome<String> {
    session.csrf_token().await
}

#[tokio::test]
async fn a_form_comes_from_the_session_that_it_was_made_for() {
    let app = App::new();
    let [one, other] = [app.visitor().await, app.visitor().await];
    let text = one.visit(form).await.value();
    one.post("same-origin", async |s| s.verify_csrf(&text).await)
        .await
        .value();
    app.forget();
    let foreign = other
        .post("same-origin", async |s| s.verify_csrf(&text).await)
        .await;
    assert_eq!(foreign.status, 403);
    assert_eq!(kind(&foreign.result), SessionErrorKind::CsrfToken);
    assert_eq!(app.events(), ["CsrfToken"]);
    for wrong in ["", "x", &text[1..], &format!("{text}A")] {
        let seen = one
            .post("same-origin", async |s| s.verify_csrf(wrong).await)
            .await;
        assert_eq!(kind(&seen.result), SessionErrorKind::CsrfToken);
    }
}

#[tokio::test]
async fn each_form_has_another_text_and_all_are_good() {
    let app = App::new();
    let browser = app.visitor().await;
    let mut texts = Vec::new();
    for _ in 0..5 {
        texts.push(browser.visit(form).await.value());
    }
    for text in &texts {
        browser
            .visit(async |s| s.verify_csrf(text).await)
            .await
            .value();
    }
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 5);
    assert!(!texts.concat().contains(&browser.token().unwrap()));
}

#[tokio::test]
async fn a_form_makes_a_session_where_there_is_none() {
    let app = App::new();
    let browser = app.browser();
    let [first, second] = browser
        .visit(async |s| Ok([form(s.clone()).await?, form(s).await?]))
        .await
        .value();
    assert_eq!(app.events(), ["Created"]);
    for text in [first, second] {
        browser
            .visit(async |s| s.verify_csrf(&text).await)
            .await
            .value();
    }
    let nobody = app
        .browser()
        .visit(async |s| s.verify_csrf("x").await)
        .await;
    assert_eq!(kind(&nobody.result), SessionErrorKind::CsrfToken);
}

#[tokio::test]
async fn a_new_token_makes_old_forms_void() {
    let app = App::new();
    let browser = app.visitor().await;
    let old = browser.visit(form).await.value();
    let (before, after) = browser
        .visit(async |s| {
            let before = form(s.clone()).await?;
            s.authenticate("alice")?;
            Ok((before, form(s).await?))
        })
        .await
        .value();
    for void in [old, before] {
        let seen = browser.visit(async |s| s.verify_csrf(&void).await).await;
        assert_eq!(kind(&seen.result), SessionErrorKind::CsrfToken);
    }
    browser
        .visit(async |s| s.verify_csrf(&after).await)
        .await
        .value();
}

/// The form is made for the token to come, which must be the one that the client gets however often the commit is repeated.
#[tokio::test]
async fn a_form_of_a_login_survives_a_conflict() {
    let app = App::new();
    let browser = app.visitor().await;
    let text = browser
        .visit(async |s| {
            n(s.clone()).await?;
            browser.visit(async |s| s.set("m", &1)).await.value();
            s.authenticate("alice")?;
            form(s).await
        })
        .await
        .value();
    assert!(app.events().contains(&"Conflict".into()));
    browser
        .visit(async |s| s.verify_csrf(&text).await)
        .await
        .value();
}

#[tokio::test]
async fn another_origin_uses_no_session() {
    let app = App::new();
    let browser = app.user("alice").await;
    type Use = fn(&Session) -> Outcome<()>;
    let uses: [Use; 4] = [
        |s| s.set("n", &1),
        Session::destroy,
        Session::rotate,
        |s| s.authenticate("mallory"),
    ];
    for site in ["cross-site", "same-site"] {
        for uses in uses {
            let seen = browser.post(site, async |s| uses(&s)).await;
            assert_eq!(seen.status, 403);
            assert_eq!(seen.set_cookie(), None);
            assert_eq!(kind(&seen.result), SessionErrorKind::CrossOrigin);
            assert_eq!(app.events(), ["CrossOrigin"]);
        }
        let seen = browser.post(site, subject).await;
        assert_eq!(kind(&seen.result), SessionErrorKind::CrossOrigin);
        // Login CSRF: nor does it make one.
        let seen = app
            .browser()
            .post(site, async |s| s.authenticate("mallory"))
            .await;
        assert_eq!((seen.status, seen.set_cookie()), (403, None));
        app.forget();
    }
    assert_eq!(app.store.calls(), []);
    for site in ["same-origin", "none"] {
        assert_eq!(
            browser.post(site, subject).await.value().as_deref(),
            Some("alice")
        );
    }
}

#[tokio::test]
async fn a_page_that_ignores_its_session_may_be_asked_from_anywhere() {
    let app = App::new();
    let browser = app.user("alice").await;
    browser.post("cross-site", async |_| Ok(())).await.value();
    assert_eq!(app.events(), [""; 0]);
}
