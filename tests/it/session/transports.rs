//! Tokens in header fields, several transports in order, and what responses say.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use tower_upstash::session::{Session, SessionCookie, SessionError, SessionLayer, Transport};

use super::{
    app::{App, Outcome, count, kind, log_out, n, subject},
    browser::{Seen, request},
};

async fn send<T>(
    app: &App,
    fields: &[(&str, &str)],
    handler: impl AsyncFnOnce(Session) -> Result<T, SessionError>,
) -> Seen<T> {
    let handler = async |s| Ok((Response::default(), handler(s).await?));
    app.browser().send(request("POST", fields), handler).await
}

fn programs(layer: SessionLayer) -> SessionLayer {
    layer.transports([Transport::bearer()])
}

#[tokio::test]
async fn a_program_keeps_what_it_is_told_and_sends_it_as_bearer() {
    let app = App::with(programs);
    let seen = send(&app, &[], count).await;
    assert_eq!(seen.set_cookie(), None);
    assert_eq!(seen.field("cache-control"), Some("no-store"));
    assert_eq!(seen.field("vary"), Some("Authorization"));
    let token = seen.field("session-token").unwrap().to_owned();
    let bearer = format!("bearer {token}");
    let seen = send(&app, &[("authorization", &bearer)], n).await;
    assert_eq!(seen.field("session-token"), None);
    assert_eq!(seen.value(), Some(1));
    // A cookie is nothing here.
    let cookie = format!("__Host-id={token}");
    assert_eq!(send(&app, &[("cookie", &cookie)], n).await.value(), None);
    let seen = send(&app, &[("authorization", &bearer)], log_out).await;
    assert_eq!(seen.field("session-token"), Some(""));
    assert_eq!(seen.field("cache-control"), Some("no-store"));
    assert_eq!(
        send(&app, &[("authorization", &bearer)], n).await.value(),
        None
    );
}

#[tokio::test]
async fn a_header_field_carries_tokens_both_ways() {
    let app = App::with(|layer| layer.transports([Transport::header("x-session")]));
    let seen = send(&app, &[], count).await;
    assert_eq!(seen.field("vary"), Some("x-session"));
    let token = seen.field("x-session").unwrap().to_owned();
    let seen = send(&app, &[("x-session", &token)], async |s| s.rotate()).await;
    let next = seen.field("x-session").unwrap().to_owned();
    assert_ne!(token, next);
    assert_eq!(send(&app, &[("x-session", &token)], n).await.value(), None);
    assert_eq!(
        send(&app, &[("x-session", &next)], n).await.value(),
        Some(1)
    );
    let seen = send(&app, &[("x-session", &next)], log_out).await;
    assert_eq!(seen.field("x-session"), Some(""));
}

#[tokio::test]
async fn the_answer_goes_the_way_of_the_request() {
    let cookie = Transport::cookie(SessionCookie::host("id"));
    let app = App::with(|layer| layer.transports([Transport::bearer(), cookie]));
    let seen = send(&app, &[], count).await;
    assert_eq!(seen.lines("vary"), ["Authorization", "Cookie"]);
    assert_eq!(seen.set_cookie(), None);
    let token = seen.field("session-token").unwrap().to_owned();
    let rotate = async |s: Session| s.rotate();
    let cookie = format!("__Host-id={token}");
    let seen = send(&app, &[("cookie", &cookie)], rotate).await;
    assert_eq!(seen.field("session-token"), None);
    let set = seen.set_cookie().unwrap();
    let token = set["__Host-id=".len()..]
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    // The first one that brings a token counts; another scheme brings none.
    let (bearer, cookie) = (format!("Bearer {token}"), "__Host-id=x");
    let fields = [("authorization", &*bearer), ("cookie", cookie)];
    assert_eq!(send(&app, &fields, n).await.value(), Some(1));
    let mut cookie = format!("__Host-id={token}");
    for other in ["Basic YTpi", "Bearer x", "Bearer"] {
        let fields = [("authorization", other), ("cookie", &*cookie)];
        let seen = send(&app, &fields, rotate).await;
        assert_eq!(seen.field("session-token"), None);
        let set = seen.set_cookie().unwrap();
        cookie = set.split(';').next().unwrap().to_owned();
    }
    assert_eq!(send(&app, &[("cookie", &cookie)], n).await.value(), Some(1));
}

/// Browsers send cookies by themselves, and nothing else.
#[tokio::test]
async fn another_origin_is_refused_for_cookies_only() {
    let cookie = || Transport::cookie(SessionCookie::host("id"));
    let app = App::with(|layer| layer.transports([Transport::bearer(), cookie()]));
    let seen = send(&app, &[], count).await;
    let token = seen.field("session-token").unwrap().to_owned();
    let (bearer, cookie) = (format!("Bearer {token}"), format!("__Host-id={token}"));
    let site = ("sec-fetch-site", "cross-site");
    let seen = send(&app, &[site, ("authorization", &bearer)], n).await;
    assert_eq!(seen.value(), Some(1));
    for fields in [&[site, ("cookie", &*cookie)][..], &[site]] {
        let seen = send(&app, fields, n).await;
        assert_eq!(seen.status, 403);
        kind(&seen.result);
    }
}

#[tokio::test]
async fn trusted_origins_use_sessions() {
    let app = App::with(|layer| layer.trusted_origins(["https://app.example.com"]));
    let seen = send(&app, &[("origin", "https://app.example.com")], count).await;
    assert!(seen.set_cookie().is_some());
    for origin in ["https://evil.example.com", "http://app.example.com", "null"] {
        assert_eq!(send(&app, &[("origin", origin)], count).await.status, 403);
    }
}

async fn with_fields(
    app: &App,
    fields: &[(&'static str, &'static str)],
    handler: impl AsyncFnOnce(Session) -> Outcome<()>,
) -> HeaderMap {
    let request: Request<Full<Bytes>> = request("GET", &[]);
    let handler = async |s| {
        handler(s).await?;
        let mut response = Response::new(Full::default());
        for (name, value) in fields {
            response.headers_mut().append(*name, value.parse().unwrap());
        }
        Ok((response, ()))
    };
    app.browser().send(request, handler).await.headers
}

/// Django had a CVE (2026-35192) for the lack of it: a cache answered one user with the page and the cookie of another.
#[tokio::test]
async fn what_depends_on_a_session_varies_by_its_cookie() {
    let app = App::new();
    let browser = app.visitor().await;
    for seen in [
        browser.visit(n).await,
        browser.copy().visit(n).await,
        app.browser().visit(n).await,
    ] {
        assert_eq!(seen.lines("vary"), ["Cookie"]);
        assert_eq!(seen.field("cache-control"), None);
    }
    let read = async |s| n(s).await.map(drop);
    for (vary, expected) in [
        ("Accept", &["Accept", "Cookie"][..]),
        ("accept, COOKIE", &["accept, COOKIE"]),
        ("*", &["*"]),
    ] {
        let headers = with_fields(&app, &[("vary", vary)], read).await;
        assert_eq!(headers.get_all("vary").iter().collect::<Vec<_>>(), expected);
    }
    // Also where the handler, or the store, has failed.
    assert_eq!(browser.answered(500, n).await.lines("vary"), ["Cookie"]);
    assert_eq!(
        browser
            .visit(async |s| s.get::<String>("n").await)
            .await
            .lines("vary"),
        ["Cookie"]
    );
    assert_eq!(
        browser.post("cross-site", subject).await.lines("vary"),
        ["Cookie"]
    );
}

#[tokio::test]
async fn no_cache_keeps_what_brings_a_token() {
    let app = App::new();
    let fields = [
        ("cache-control", "public, max-age=60"),
        ("cdn-cache-control", "max-age=600"),
        ("surrogate-control", "max-age=600"),
        ("set-cookie", "other=1"),
    ];
    let headers = with_fields(&app, &fields, count).await;
    assert_eq!(
        headers.get_all("cache-control").iter().collect::<Vec<_>>(),
        ["no-store"]
    );
    assert!(!headers.contains_key("cdn-cache-control"));
    assert!(!headers.contains_key("surrogate-control"));
    assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
    // Without a token, what the handler says stays.
    let headers = with_fields(&app, &fields, async |_| Ok(())).await;
    assert_eq!(headers["cache-control"], "public, max-age=60");
}
