//! Cookies that somebody else has set, and tokens in places where none belongs.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower_upstash::session::{Session, SessionCookie, SessionLayer};

use super::{
    app::{App, MINUTE, n, subject},
    browser::request,
    spy::Call,
};

async fn subject_of(app: &App, request: Request<Full<Bytes>>) -> Option<String> {
    let handler = async |s: Session| Ok((Response::default(), subject(s).await?));
    app.browser().send(request, handler).await.value()
}

/// tower-sessions 0.15 takes the last cookie of the name only: who can set one for the domain logs its users out.
#[tokio::test]
async fn a_tossed_cookie_logs_nobody_out() {
    let app = App::new();
    let alice = app.user("alice").await.token().unwrap();
    let attacker = app.visitor().await.token().unwrap();
    let unknown = "B".repeat(45) + "A";
    for tossed in ["", "garbage", "\"\"", &unknown, &attacker] {
        for cookie in [
            format!("__Host-id={alice}; __Host-id={tossed}"),
            format!("__Host-id={tossed}; __Host-id={alice}"),
            format!("a=b; __Host-id={tossed}; c; __Host-id={alice}; __Host-id={tossed}"),
        ] {
            let request = request("GET", &[("cookie", &cookie)]);
            let found = subject_of(&app, request).await;
            assert_eq!(found.as_deref(), Some("alice"), "{tossed}");
        }
        let lines = [format!("__Host-id={tossed}"), format!("__Host-id={alice}")];
        let lines = [("cookie", &*lines[0]), ("cookie", &*lines[1])];
        let found = subject_of(&app, request("GET", &lines)).await;
        assert_eq!(found.as_deref(), Some("alice"), "{tossed}");
    }
}

#[tokio::test]
async fn several_tokens_are_one_read_and_told() {
    let app = App::new();
    let alice = app.user("alice").await.token().unwrap();
    let tossed: Vec<String> = (0..9)
        .map(|at| {
            format!(
                "__Host-id={}A; ",
                ["C", "D", "E", "F", "G", "H", "I", "J", "K"][at].repeat(45)
            )
        })
        .collect();
    let cookie = tossed[..3].concat() + "__Host-id=" + &alice;
    let found = subject_of(&app, request("GET", &[("cookie", &cookie)])).await;
    assert_eq!(found.as_deref(), Some("alice"));
    assert_eq!(app.store.calls(), [Call::Read(4)]);
    assert_eq!(app.events(), ["Duplicate", "Unknown", "Unknown", "Unknown"]);
    // No more than four, however many are sent.
    let cookie = tossed.concat() + "__Host-id=" + &alice;
    assert_eq!(
        subject_of(&app, request("GET", &[("cookie", &cookie)])).await,
        None
    );
    assert_eq!(app.store.calls(), [Call::Read(4)]);
}

#[tokio::test]
async fn of_two_users_none_is_believed() {
    let app = App::new();
    let [alice, mallory] = [app.user("alice").await, app.user("mallory").await];
    let [alice, mallory] = [alice, mallory].map(|browser| browser.token().unwrap());
    for (one, other) in [(&alice, &mallory), (&mallory, &alice)] {
        let cookie = format!("__Host-id={one}; __Host-id={other}");
        assert_eq!(
            subject_of(&app, request("GET", &[("cookie", &cookie)])).await,
            None
        );
    }
}

#[tokio::test]
async fn of_two_sessions_of_a_user_the_later_login_counts() {
    let app = App::new();
    let first = app.user("alice").await;
    first.visit(async |s| s.set("n", &1)).await.value();
    app.clock.advance(MINUTE);
    let second = app.user("alice").await;
    second.visit(async |s| s.set("n", &2)).await.value();
    let [first, second] = [first, second].map(|browser| browser.token().unwrap());
    for (one, other) in [(&first, &second), (&second, &first)] {
        let cookie = format!("__Host-id={one}; __Host-id={other}");
        let handler = async |s: Session| Ok((Response::default(), n(s).await?));
        let request = request("GET", &[("cookie", &cookie)]);
        assert_eq!(app.browser().send(request, handler).await.value(), Some(2));
    }
}

/// The cookie of axum_session 0.22 is written with its prefix and looked for without: each request is a new session. And
/// prefixes are told apart by their case (RFC 6265bis), so that these are cookies that any page may set.
#[tokio::test]
async fn other_names_are_other_cookies() {
    let app = App::new();
    let alice = app.user("alice").await.token().unwrap();
    let found = async |name: &str| {
        let cookie = format!("{name}={alice}");
        subject_of(&app, request("GET", &[("cookie", &cookie)])).await
    };
    assert_eq!(found("__Host-id").await.as_deref(), Some("alice"));
    app.store.calls();
    for name in [
        "id",
        "__HOST-id",
        "__host-id",
        "__Host-ID",
        "__Secure-id",
        "x__Host-id",
        "__Host-id ",
    ] {
        assert_eq!(found(name).await, None, "{name}");
    }
    assert_eq!(app.store.calls(), []);
}

#[tokio::test]
async fn tokens_are_taken_from_nowhere_else() {
    let app = App::new();
    let alice = app.user("alice").await.token().unwrap();
    let uri = format!("https://example.com/{alice}?__Host-id={alice}&session={alice}#{alice}");
    let request = Request::builder()
        .method("POST")
        .uri(uri)
        .header("authorization", format!("Bearer {alice}"))
        .header("session-token", &alice)
        .header("x-session", &alice)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::from(format!("__Host-id={alice}")))
        .unwrap();
    assert_eq!(subject_of(&app, request).await, None);
    assert_eq!(app.store.calls(), []);
}

#[tokio::test]
async fn the_default_cookie_is_bound_to_its_host() {
    let app = App::new();
    let seen = app.browser().visit(async |s| s.set("n", &1)).await;
    let (pair, attributes) = seen.set_cookie().unwrap().split_once("; ").unwrap();
    assert_eq!(pair.len(), "__Host-id=".len() + 46);
    assert_eq!(attributes, "HttpOnly; SameSite=Lax; Secure; Path=/");
}

#[tokio::test]
async fn a_cookie_for_development_works_over_plain_http() {
    let app = App::with(|layer: SessionLayer| {
        layer.cookie(SessionCookie::insecure_for_development("id"))
    });
    let browser = app.visitor().await;
    assert_eq!(browser.visit(n).await.value(), Some(1));
}
