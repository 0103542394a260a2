//! When a session is made, and when nothing is written.

use super::{
    app::{App, MINUTE, Outcome, kind, n},
    browser::request,
    spy::Call,
};
use tower_upstash::session::{Session, SessionErrorKind};

/// As long as a token, and never given to anybody.
const UNKNOWN: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ";

#[tokio::test]
async fn ten_thousand_who_only_look_leave_nothing() {
    let app = App::new();
    for _ in 0..10_000 {
        let seen = app.browser().visit(n).await;
        assert_eq!(seen.set_cookie(), None);
        assert_eq!(seen.value(), None);
    }
    assert_eq!(app.store.calls(), []);
}

#[tokio::test]
async fn the_first_write_makes_a_session() {
    let app = App::new();
    let browser = app.browser();
    let seen = browser
        .visit(async |s| {
            assert!(!s.exists().await?);
            s.set("n", &7)?;
            assert!(s.exists().await?);
            s.get::<u64>("n").await
        })
        .await;
    assert!(seen.set_cookie().unwrap().starts_with("__Host-id="));
    assert_eq!(seen.value(), Some(7));
    assert_eq!(app.store.calls(), [Call::Write(1)]);
    assert_eq!(browser.visit(n).await.value(), Some(7));
    assert_eq!(app.store.calls(), [Call::Read(1)]);
}

#[tokio::test]
async fn a_request_that_ignores_its_session_asks_nothing() {
    let app = App::new();
    let browser = app.visitor().await;
    let seen = browser.visit(async |_| Ok(())).await;
    assert_eq!(app.store.calls(), []);
    for name in ["set-cookie", "vary", "cache-control"] {
        assert_eq!(seen.field(name), None);
    }
}

#[tokio::test]
async fn a_write_to_a_session_is_a_read_and_a_write_and_no_cookie() {
    let app = App::new();
    let browser = app.visitor().await;
    let seen = browser.visit(async |s| s.set("n", &2)).await;
    assert_eq!(seen.set_cookie(), None);
    assert_eq!(app.store.calls(), [Call::Read(1), Call::Write(1)]);
}

/// In tower-sessions 0.15 `remove` of an absent key saves the session, and sends its cookie anew.
#[tokio::test]
async fn what_changes_nothing_is_no_write() {
    type Changes = fn(&Session) -> Outcome<()>;
    let changes: [Changes; 5] = [
        |s| s.remove("absent"),
        |s| s.set("n", &1),
        |s| s.update("n", |n: Option<u64>| n.unwrap()),
        |s| s.set("n", &2).and_then(|()| s.set("n", &1)),
        |s| s.set("m", &2).and_then(|()| s.remove("m")),
    ];
    let app = App::new();
    let browser = app.visitor().await;
    for change in changes {
        let seen = browser.visit(async |s| change(&s)).await;
        assert_eq!(seen.set_cookie(), None);
        seen.value();
        assert_eq!(app.store.calls(), [Call::Read(1)]);
    }
    for change in [changes[0], changes[4]] {
        let seen = app.browser().visit(async |s| change(&s)).await;
        assert_eq!(seen.set_cookie(), None);
        assert_eq!(app.store.calls(), []);
    }
}

/// tower-sessions 0.15 keeps an empty record and its cookie alive after `clear`, also where there was none.
#[tokio::test]
async fn clear_makes_no_session() {
    let app = App::new();
    let seen = app
        .browser()
        .visit(async |s| s.set("n", &1).and_then(|()| s.clear()))
        .await;
    assert_eq!(seen.set_cookie(), None);
    seen.value();
    assert_eq!(app.store.calls(), []);
}

#[tokio::test]
async fn clear_takes_all_keys_and_keeps_who_is_logged_in() {
    let app = App::new();
    let browser = app.user("alice").await;
    let all = async |s: Session| {
        s.set("n", &1)?;
        s.flash("hello")
    };
    browser.visit(all).await.value();
    let seen = browser.visit(async |s| s.clear()).await;
    assert_eq!(seen.set_cookie(), None);
    let left = browser
        .visit(async |s| {
            let flashes = s.take_flashes::<String>().await?;
            Ok((s.get::<u64>("n").await?, flashes, s.subject().await?))
        })
        .await;
    assert_eq!(left.value(), (None, vec![], Some("alice".into())));
}

/// As many stores do: `clear` with a token that nobody knows stored an empty session under it.
#[tokio::test]
async fn clear_with_an_unknown_token_adopts_nothing() {
    let app = App::new();
    let cookie = format!("__Host-id={UNKNOWN}");
    let handler = async |s: Session| Ok((http::Response::default(), s.clear()?));
    let seen = app
        .browser()
        .send(request("GET", &[("cookie", &cookie)]), handler)
        .await;
    assert_eq!(seen.set_cookie(), None);
    assert_eq!(app.store.calls(), [Call::Read(1)]);
    assert_eq!(app.store.given(), "");
}

/// axum_session 0.22 adopts any id that a client makes up, so an attacker can plant one that he knows.
#[tokio::test]
async fn an_unknown_token_is_never_adopted() {
    let app = App::new();
    let browser = app.browser();
    let cookie = format!("__Host-id={UNKNOWN}");
    let handler = async |s: Session| Ok((http::Response::default(), s.set("n", &1)?));
    browser
        .send(request("GET", &[("cookie", &cookie)]), handler)
        .await
        .value();
    assert_eq!(app.events(), ["Unknown", "Created"]);
    assert_ne!(browser.token().unwrap(), UNKNOWN);
    let handler = async |s: Session| Ok((http::Response::default(), n(s).await?));
    let planted = app
        .browser()
        .send(request("GET", &[("cookie", &cookie)]), handler)
        .await;
    assert_eq!(planted.value(), None);
}

#[tokio::test]
async fn malformed_tokens_never_reach_the_store() {
    let app = App::new();
    let long = "A".repeat(5000);
    let tokens = [
        "",
        "A",
        "..",
        &UNKNOWN[1..],
        &long,
        "AAEC AwQ",
        "\u{e9}",
        "%41",
    ];
    for token in tokens {
        let cookie = format!("__Host-id={token}");
        let handler = async |s: Session| Ok((http::Response::default(), n(s).await?));
        let mut request = request("GET", &[]);
        let value = http::HeaderValue::from_bytes(cookie.as_bytes()).unwrap();
        request.headers_mut().insert("cookie", value);
        assert_eq!(app.browser().send(request, handler).await.value(), None);
    }
    assert_eq!(app.store.calls(), []);
}

#[tokio::test]
async fn reads_at_one_time_ask_once() {
    let app = App::new();
    let browser = app.visitor().await;
    let seen = browser
        .visit(async |s| {
            let other = s.clone();
            let (n, m, user) = tokio::join!(s.get("n"), other.get("m"), s.subject());
            Ok::<(Option<u64>, Option<u64>, _), _>((n?, m?, user?))
        })
        .await;
    assert_eq!(seen.value(), (Some(1), None, None));
    assert_eq!(app.store.calls(), [Call::Read(1)]);
}

#[tokio::test]
async fn a_value_of_another_type_is_an_error_and_no_loss() {
    let app = App::new();
    let browser = app.visitor().await;
    let seen = browser.visit(async |s| s.get::<String>("n").await).await;
    assert_eq!(seen.status, 500);
    assert_eq!(kind(&seen.result), SessionErrorKind::Value);
    app.clock.advance(MINUTE);
    assert_eq!(browser.visit(n).await.value(), Some(1));
}
