//! What has ended stays ended, and no late response takes a newer cookie away.

use tower_upstash::session::{SameSite, Session, SessionCookie, SessionErrorKind};

use super::{
    app::{App, MINUTE, REMEMBERED, kind, log_out, n, subject},
    browser::{Browser, request},
    spy::Call,
};

/// What the late request does after it has read its session.
type Late = fn(&Session) -> super::app::Outcome<()>;

/// Nothing, with activity to be written down; a write; a new token; a longer life; a commit of its own comes on top.
const LATE: [Late; 5] = [
    |_| Ok(()),
    |s| s.set("n", &9),
    Session::rotate,
    |s| s.set_lifetime(REMEMBERED),
    Session::clear,
];

/// Brings back what a session had, in tower-sessions 0.15 and its stores but Redis (rack-session had a CVE for it,
/// 2025-46336); actix-session 0.11 even makes a new one of it.
#[tokio::test]
async fn nothing_that_is_late_brings_a_session_back_after_logout() {
    for late in LATE {
        let app = App::new();
        let browser = app.user("alice").await;
        let thief = browser.copy();
        app.clock.advance(2 * MINUTE);
        let seen = browser
            .visit(async |s| {
                assert_eq!(subject(s.clone()).await?.unwrap(), "alice");
                browser.visit(log_out).await.value();
                late(&s)
            })
            .await;
        assert_eq!(seen.set_cookie(), None);
        seen.value();
        assert_eq!(browser.token(), None);
        assert_eq!(thief.visit(subject).await.value(), None);
        assert!(app.layer.handle().list("alice").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_late_response_leaves_a_newer_cookie_alone() {
    for late in LATE {
        let app = App::with(|layer| layer.lifetime(REMEMBERED));
        let browser = app.visitor().await;
        app.clock.advance(2 * MINUTE);
        let seen = browser
            .visit(async |s| {
                n(s.clone()).await?;
                browser.visit(async |s| s.authenticate("bob")).await.value();
                late(&s)
            })
            .await;
        assert_eq!(seen.set_cookie(), None);
        seen.value();
        assert_eq!(browser.visit(subject).await.value().unwrap(), "bob");
    }
}

/// What came after a commit that found nothing made a session anew, whose cookie took the place of the newer one.
#[tokio::test]
async fn a_request_whose_session_is_gone_makes_no_other_one() {
    let app = App::new();
    let browser = app.visitor().await;
    let seen = browser
        .visit(async |s| {
            n(s.clone()).await?;
            browser.visit(async |s| s.authenticate("bob")).await.value();
            s.set("n", &2)?;
            assert_eq!(kind(&s.commit().await), SessionErrorKind::Gone);
            s.set("n", &3)
        })
        .await;
    assert_eq!(seen.set_cookie(), None);
    seen.value();
    assert_eq!(browser.visit(subject).await.value().unwrap(), "bob");
    assert_eq!(browser.visit(n).await.value(), Some(1));
}

#[tokio::test]
async fn a_logout_is_one_trip_and_final() {
    let app = App::new();
    let browser = app.user("alice").await;
    let thief = browser.copy();
    let seen = browser.visit(log_out).await;
    assert_eq!(app.store.calls(), [Call::Write(1)]);
    assert_eq!(seen.field("cache-control"), Some("no-store"));
    seen.value();
    assert_eq!(browser.token(), None);
    assert_eq!(thief.visit(subject).await.value(), None);
}

#[tokio::test]
async fn a_logout_without_a_session_does_nothing() {
    let app = App::new();
    let seen = app.browser().visit(log_out).await;
    assert_eq!(seen.set_cookie(), None);
    assert_eq!(app.store.calls(), []);
}

#[tokio::test]
async fn a_logout_that_races_a_rotation_wins() {
    let app =
        App::with(|layer| layer.per_subject(tower_upstash::session::SessionLimit::evict_oldest(3)));
    let browser = app.user("alice").await;
    let other = browser.copy();
    browser
        .visit(async |s| {
            subject(s.clone()).await?;
            other.visit(async |s| s.rotate()).await.value();
            s.destroy()
        })
        .await
        .value();
    assert_eq!(other.visit(subject).await.value(), None);
}

#[tokio::test]
async fn what_comes_after_destroy_is_another_session() {
    let app = App::new();
    let browser = app.user("alice").await;
    browser.visit(async |s| s.set("n", &1)).await.value();
    let old = browser.copy();
    app.forget();
    browser
        .visit(async |s| {
            s.set("n", &2)?;
            s.destroy()?;
            assert!(!s.exists().await?);
            assert_eq!(s.subject().await?, None);
            s.flash("good-bye")?;
            n(s).await
        })
        .await
        .value();
    assert_eq!(app.events(), ["Destroyed", "Created"]);
    assert_ne!(browser.token(), old.token());
    let seen = browser
        .visit(async |s| {
            let flashes = s.take_flashes::<String>().await?;
            Ok((flashes, s.subject().await?, n(s).await?))
        })
        .await;
    assert_eq!(seen.value(), (vec!["good-bye".into()], None, None));
    assert_eq!(old.visit(subject).await.value(), None);
}

#[tokio::test]
async fn a_logout_is_done_whatever_the_response_is() {
    for status in [200, 303, 404, 500, 503] {
        let app = App::new();
        let browser = app.user("alice").await;
        let thief = browser.copy();
        let seen = browser
            .answered(status, async |s| {
                s.set("n", &1)?;
                s.destroy()?;
                s.flash("good-bye")
            })
            .await;
        assert_eq!(seen.status, status);
        assert_eq!(browser.token().is_none(), status >= 500);
        assert_eq!(thief.visit(subject).await.value(), None);
    }
}

/// tower-sessions 0.15 removes a `__Host-` cookie without `Secure`: browsers keep it then.
#[tokio::test]
async fn a_removal_has_the_attributes_of_the_cookie() {
    const COOKIES: [SessionCookie; 4] = [
        SessionCookie::host("id"),
        SessionCookie::host_http("id").same_site(SameSite::Strict),
        SessionCookie::secure("id")
            .domain("example.com")
            .path("/app"),
        SessionCookie::host("id")
            .same_site(SameSite::None)
            .partitioned(),
    ];
    fn attributes(line: &str) -> Vec<String> {
        let attributes = line.split("; ").skip(1).map(str::to_owned);
        let mut attributes: Vec<_> = attributes
            .filter(|each| !each.starts_with("Max-Age") && !each.starts_with("Expires"))
            .collect();
        attributes.sort();
        attributes
    }
    for cookie in COOKIES {
        let app = App::with(|layer| layer.cookie(cookie));
        let browser = app.browser();
        let set = browser.visit(async |s| s.set("n", &1)).await;
        let set = set.set_cookie().unwrap();
        let removed = browser.visit(log_out).await;
        let removed = removed.set_cookie().unwrap();
        assert_eq!(attributes(set), attributes(removed));
        assert!(removed.contains("Max-Age=0"), "{removed}");
        assert_eq!(browser.token(), None);
    }
}

#[tokio::test]
async fn a_logout_ends_every_session_that_the_browser_has_sent() {
    let app = App::new();
    let (one, two) = (app.visitor().await, app.user("alice").await);
    let [first, second] = [&one, &two].map(|browser| browser.token().unwrap());
    let cookie = format!("__Host-id={first}; __Host-id={second}");
    let request = request("GET", &[("cookie", &cookie)]);
    let handler = async |s: Session| {
        subject(s.clone()).await?;
        Ok((http::Response::default(), s.destroy()?))
    };
    app.browser().send(request, handler).await.value();
    assert_eq!(app.events(), ["Duplicate", "Destroyed", "Destroyed"]);
    assert_eq!(one.visit(n).await.value(), None);
    assert_eq!(two.visit(subject).await.value(), None);
}

#[tokio::test]
async fn browsers_are_told_to_forget_the_site_only_where_that_is_set() {
    async fn field(browser: Browser) -> Option<String> {
        let seen = browser.visit(log_out).await;
        seen.field("clear-site-data").map(str::to_owned)
    }
    let app = App::new();
    assert_eq!(field(app.user("alice").await).await, None);
    let app = App::with(|layer| layer.clear_site_data());
    let all = r#""cache", "cookies", "storage""#;
    let user = app.browser();
    let seen = user.visit(async |s| s.authenticate("alice")).await;
    assert_eq!(seen.field("clear-site-data"), None);
    assert_eq!(field(user).await.as_deref(), Some(all));
}
