//! What is told of sessions, and that no token is in it.

use http::Response;
use tower_upstash::session::{Check, Session, SessionLimit};

use super::{
    app::{App, HOUR, MINUTE, count, log_out, n, subject},
    browser::{Browser, request},
    spy::Trouble,
};

/// Each kind of event, caused once, and what is told of it.
#[tokio::test]
async fn each_event_is_told_once() {
    let app = App::with(|layer| layer.per_subject(SessionLimit::evict_oldest(1)));
    let browser = app.browser();
    browser.visit(count).await.value();
    assert_eq!(app.events(), ["Created"]);
    browser.visit(async |s| s.rotate()).await.value();
    assert_eq!(app.events(), ["Rotated"]);
    browser
        .visit(async |s| s.authenticate("alice"))
        .await
        .value();
    assert_eq!(app.events(), ["Rotated", "Authenticated"]);
    let other = app.browser();
    other.visit(async |s| s.authenticate("alice")).await.value();
    assert_eq!(app.events(), ["Created", "Evicted", "Authenticated"]);
    browser.visit(n).await.value();
    assert_eq!(app.events(), ["Unknown"]);
    other.visit(log_out).await.value();
    assert_eq!(app.events(), ["Destroyed"]);
    let user = app.user("bob").await;
    app.layer.handle().revoke_all("bob").await.unwrap();
    assert_eq!(app.events(), ["Revoked"]);
    user.visit(subject).await.value();
    assert_eq!(app.events(), ["Unknown"]);
}

#[tokio::test]
async fn what_reads_change_nothing_of_tells_nothing() {
    let app = App::new();
    let browser = app.visitor().await;
    app.clock.advance(2 * MINUTE);
    browser.visit(n).await.value();
    browser.visit(count).await.value();
    browser.visit(async |_| Ok(())).await.value();
    app.browser().visit(n).await.value();
    app.browser().visit(log_out).await.value();
    assert_eq!(app.events(), [""; 0]);
}

#[tokio::test]
async fn an_expired_session_and_a_dropped_write_are_told() {
    let app = App::on_an_eternal_store();
    let browser = app.visitor().await;
    let thief = browser.copy();
    browser
        .visit(async |s| {
            n(s.clone()).await?;
            thief.visit(log_out).await.value();
            count(s).await
        })
        .await
        .value();
    assert_eq!(app.events(), ["Destroyed", "Dropped"]);
    let browser = app.visitor().await;
    app.clock.advance(HOUR);
    browser.visit(n).await.value();
    assert_eq!(app.events(), ["Expired"]);
}

/// One that was known, and came twice in the list of what had ended, was told twice.
#[tokio::test]
async fn the_end_of_the_second_of_two_sessions_is_told_once() {
    let app = App::new();
    let (one, two) = (app.visitor().await, app.user("alice").await);
    let [first, second] = [&one, &two].map(|browser| browser.token().unwrap());
    for cookie in [
        format!("__Host-id={first}; __Host-id={second}"),
        format!("__Host-id={second}; __Host-id={first}"),
    ] {
        let handler = async |s: Session| {
            subject(s.clone()).await?;
            s.destroy()?;
            s.commit().await?;
            Ok((Response::default(), ()))
        };
        let request = request("GET", &[("cookie", &cookie)]);
        app.browser().send(request, handler).await.value();
        let mut told = app.told();
        told.retain(|event| event.starts_with("Destroyed"));
        told.sort();
        told.dedup();
        assert_eq!(told.len(), 2, "{told:?}");
        let again = app.events();
        assert_eq!(again, [""; 0]);
    }
}

/// Causes about everything that there is, and returns all tokens that were ever given out, with all texts that came up.
async fn everything(app: &App) -> (Vec<String>, String) {
    let mut tokens = Vec::new();
    let mut texts = String::new();
    let browser = app.browser();
    let mut keep = |browser: &Browser| tokens.extend(browser.token());
    browser.visit(count).await.value();
    keep(&browser);
    let shown = browser
        .visit(async |s| {
            n(s.clone()).await?;
            s.authenticate("alice")?;
            Ok(format!("{s:?} {:?}", s.csrf_token().await?))
        })
        .await;
    texts += &format!("{:?}", shown.result);
    keep(&browser);
    let seen = browser
        .visit(async |s| {
            let detached = s.detach().await?.unwrap();
            let check = detached.check().await?;
            Ok(format!("{detached:?} {check:?} {:?}", s.list().await?))
        })
        .await;
    texts += &seen.value();
    let late = browser.copy();
    late.visit(async |s| {
        n(s.clone()).await?;
        browser.visit(async |s| s.rotate()).await.value();
        count(s).await
    })
    .await
    .value();
    keep(&browser);
    app.store.set(Trouble::Writes);
    let failed = browser.visit(count).await;
    texts += &format!("{} {:?}", failed.body, failed.result);
    app.store.set(Trouble::Reads);
    let failed = browser.visit(n).await;
    let error = failed.result.unwrap_err();
    texts += &format!(
        "{} {error:?} {error} {:?}",
        failed.body,
        error.to_response()
    );
    app.store.set(Trouble::None);
    browser.visit(log_out).await.value();
    browser.visit(count).await.value();
    keep(&browser);
    texts += &format!("{:?} {:?}", app.layer, app.layer.handle());
    texts += &app.told().concat();
    (tokens, texts)
}

#[tokio::test]
async fn no_token_is_in_the_store_nor_in_anything_that_is_told() {
    let app = App::new();
    let (tokens, texts) = everything(&app).await;
    assert_eq!(tokens.len(), 4);
    let given = app.store.given();
    for token in &tokens {
        // Nor a part of it: the first letters are the slot, which is no secret.
        let secret = &token[4..24];
        assert!(!given.contains(secret), "{given}");
        assert!(!texts.contains(secret), "{texts}");
    }
    assert!(!texts.contains("alice"), "{texts}");
    for line in given.lines() {
        let key = line.split(' ').next().unwrap().rsplit(':').next().unwrap();
        assert!(!texts.contains(key), "{key}");
    }
}

/// Whoever reads the store has nothing to log in with.
#[tokio::test]
async fn what_is_stored_is_no_token() {
    let app = App::new();
    app.user("alice").await;
    let given = app.store.given();
    let key = given.split(' ').next().unwrap().rsplit(':').next().unwrap();
    for text in [key.to_owned(), format!("AAA{key}"), format!("{key}AAA")] {
        let cookie = format!("__Host-id={text}");
        let handler = async |s: Session| Ok((Response::default(), subject(s).await?));
        let request = request("GET", &[("cookie", &cookie)]);
        assert_eq!(app.browser().send(request, handler).await.value(), None);
    }
}

#[tokio::test]
async fn tokens_are_marked_as_secret_for_those_who_log_fields() {
    let app = App::new();
    let seen = app.browser().visit(count).await;
    assert!(seen.headers["set-cookie"].is_sensitive());
    assert!(!format!("{:?}", seen.headers).contains("__Host-id"));
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let app = App::new();
    let browser = app.user("alice").await;
    let detached = browser.visit(async |s| s.detach().await).await.value();
    let detached = detached.unwrap();
    let Check::Live(info) = detached.check().await.unwrap() else {
        panic!("it has just begun");
    };
    assert!(info.authenticated().is_some());
    app.layer.handle().revoke_all("alice").await.unwrap();
    // The answer is good for half a minute.
    assert!(matches!(detached.check().await.unwrap(), Check::Live(_)));
    app.clock.advance(MINUTE / 2);
    assert!(matches!(detached.check().await.unwrap(), Check::Ended));
    detached.ended().await.unwrap();
    let nobody = app.browser().visit(async |s| s.detach().await).await;
    assert!(nobody.value().is_none());
}

#[tokio::test]
async fn a_stream_ends_when_its_token_changes_and_is_no_activity() {
    let app = App::new();
    let browser = app.user("alice").await;
    let detached = browser
        .visit(async |s| s.detach().await)
        .await
        .value()
        .unwrap();
    let detached = detached.every(MINUTE);
    for _ in 0..29 {
        app.clock.advance(MINUTE);
        assert!(matches!(detached.check().await.unwrap(), Check::Live(_)));
    }
    app.clock.advance(MINUTE);
    assert!(matches!(detached.check().await.unwrap(), Check::Ended));
    let browser = app.user("alice").await;
    let detached = browser
        .visit(async |s| s.detach().await)
        .await
        .value()
        .unwrap();
    browser.visit(async |s| s.rotate()).await.value();
    assert!(matches!(detached.check().await.unwrap(), Check::Ended));
}
