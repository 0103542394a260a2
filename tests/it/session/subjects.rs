//! All sessions of a user: lists, limits, and how they are ended.

use tower_upstash::session::{Session, SessionErrorKind, SessionLimit};

use super::{
    app::{App, MINUTE, Outcome, all, kind, n, subject},
    browser::Browser,
};

async fn is_in(browser: &Browser) -> bool {
    browser.visit(subject).await.value().is_some()
}

async fn living(browsers: &[Browser]) -> Vec<bool> {
    let mut living = Vec::new();
    for browser in browsers {
        living.push(is_in(browser).await);
    }
    living
}

/// Returns an app, two browsers of alice and one of bob.
async fn three() -> (App, [Browser; 3]) {
    let app = App::new();
    let browsers = [
        app.user("alice").await,
        app.user("alice").await,
        app.user("bob").await,
    ];
    (app, browsers)
}

#[tokio::test]
async fn all_sessions_of_a_user_are_ended_at_once() {
    let (app, browsers) = three().await;
    assert_eq!(app.layer.handle().revoke_all("alice").await.unwrap(), 2);
    assert_eq!(app.events(), ["Revoked", "Revoked"]);
    assert_eq!(living(&browsers).await, [false, false, true]);
    let (_app, browsers) = three().await;
    let ended = browsers[0].visit(async |s| s.revoke_all().await).await;
    assert!(ended.set_cookie().unwrap().contains("Max-Age=0"));
    assert_eq!(ended.value(), 2);
    assert_eq!(browsers[0].token(), None);
    assert_eq!(living(&browsers).await, [false, false, true]);
}

#[tokio::test]
async fn all_others_are_ended_and_the_one_that_asks_stays() {
    let (_app, browsers) = three().await;
    let ended = browsers[1].visit(async |s| s.revoke_others().await).await;
    assert_eq!(ended.value(), 1);
    assert_eq!(living(&browsers).await, [false, true, true]);
    // After a change of the password, with a new token in the same request.
    let (_app, browsers) = three().await;
    let changes = async |s: Session| {
        s.authenticate("alice")?;
        s.revoke_others().await
    };
    assert_eq!(browsers[0].visit(changes).await.value(), 1);
    assert_eq!(living(&browsers).await, [true, false, true]);
}

#[tokio::test]
async fn one_session_is_ended_by_its_name_and_never_that_of_another_user() {
    let (app, browsers) = three().await;
    let [mine, other] = [&browsers[0], &browsers[2]].map(|browser| browser.clone());
    let id = async |s: Session| s.id().await;
    let (mine, other) = (
        mine.visit(id).await.value().unwrap(),
        other.visit(id).await.value().unwrap(),
    );
    let ended = browsers[1]
        .visit(async |s| {
            Ok([
                s.revoke(mine).await?,
                s.revoke(mine).await?,
                s.revoke(other).await?,
            ])
        })
        .await;
    assert_eq!(ended.value(), [true, false, false]);
    assert_eq!(living(&browsers).await, [false, true, true]);
    assert!(app.layer.handle().revoke("bob", other).await.unwrap());
    assert_eq!(living(&browsers).await, [false, true, false]);
}

/// The request had its session in hand, and wrote it back.
#[tokio::test]
async fn whoever_is_under_way_does_not_survive() {
    type Late = fn(&Session) -> Outcome<()>;
    let late: [Late; 3] = [|s| s.set("n", &1), Session::rotate, |_| Ok(())];
    for late in late {
        let app = App::new();
        let browser = app.user("alice").await;
        app.clock.advance(2 * MINUTE);
        let seen = browser
            .visit(async |s| {
                subject(s.clone()).await?;
                app.layer.handle().revoke_all("alice").await?;
                late(&s)
            })
            .await;
        assert_eq!(seen.set_cookie(), None);
        assert!(!is_in(&browser).await);
        assert!(app.layer.handle().list("alice").await.unwrap().is_empty());
    }
}

/// The login was dropped, and the client told that it was done.
#[tokio::test]
async fn a_login_in_the_place_of_a_session_that_is_gone_makes_another_one() {
    let app = App::new();
    let browser = app.user("alice").await;
    browser.visit(async |s| s.set("n", &1)).await.value();
    browser
        .visit(async |s| {
            subject(s.clone()).await?;
            app.layer.handle().revoke_all("alice").await?;
            s.authenticate("alice")
        })
        .await
        .value();
    assert!(is_in(&browser).await);
    assert_eq!(browser.visit(n).await.value(), None);
}

#[tokio::test]
async fn a_list_names_devices_and_no_token() {
    let (app, browsers) = three().await;
    app.clock.advance(MINUTE);
    browsers[1]
        .visit(async |s| s.set("device", "phone"))
        .await
        .value();
    let list = browsers[1].visit(async |s| s.list().await).await.value();
    assert_eq!(list.len(), 2);
    assert!(list[0].is_current() && !list[1].is_current());
    assert_eq!(
        list[0].get::<String>("device").unwrap().as_deref(),
        Some("phone")
    );
    assert!(list[0].last_active() > list[1].last_active());
    assert!(list.iter().all(|info| info.authenticated().is_some()));
    let shown = format!("{list:?} {}", serde_json::to_string(&list[0].id()).unwrap());
    let given = app.store.given();
    for browser in &browsers[..2] {
        assert!(!shown.contains(&browser.token().unwrap()));
    }
    for key in given.lines().map(|line| line.split(' ').next().unwrap()) {
        assert!(!shown.contains(key.rsplit(':').next().unwrap()));
    }
    let nobody = app.browser().visit(async |s| s.list().await).await;
    assert_eq!(kind(&nobody.result), SessionErrorKind::Unauthenticated);
}

#[tokio::test]
async fn fifty_logins_at_one_time_leave_three_sessions() {
    let app = App::with(|layer| layer.per_subject(SessionLimit::evict_oldest(3)));
    let browsers: Vec<_> = (0..50).map(|_| app.browser()).collect();
    let logins = browsers
        .iter()
        .map(|browser| browser.visit(async |s| s.authenticate("alice")));
    for seen in all(logins).await {
        seen.value();
    }
    let living = living(&browsers).await;
    assert_eq!(living.iter().filter(|is_in| **is_in).count(), 3);
    assert_eq!(app.layer.handle().list("alice").await.unwrap().len(), 3);
    let told = app.events();
    assert_eq!(told.iter().filter(|event| **event == "Evicted").count(), 47);
}

#[tokio::test]
async fn of_fifty_logins_at_one_time_three_are_let_in_where_more_are_refused() {
    let app = App::with(|layer| layer.per_subject(SessionLimit::reject(3)));
    let browsers: Vec<_> = (0..50).map(|_| app.browser()).collect();
    let logins = browsers
        .iter()
        .map(|browser| browser.visit(async |s| s.authenticate("alice")));
    let mut statuses: Vec<u16> = all(logins).await.iter().map(|seen| seen.status).collect();
    statuses.sort();
    assert_eq!(statuses[..3], [200; 3]);
    assert_eq!(statuses[3..], [403; 47]);
    let living = living(&browsers).await;
    assert_eq!(living.iter().filter(|is_in| **is_in).count(), 3);
    let told = app.events();
    assert_eq!(
        told.iter()
            .filter(|event| **event == "LimitReached")
            .count(),
        47
    );
    // There is room again after a logout.
    let at = living.iter().position(|is_in| *is_in).unwrap();
    browsers[at].visit(async |s| s.destroy()).await.value();
    let seen = app.browser().visit(async |s| s.authenticate("alice")).await;
    seen.value();
}

#[tokio::test]
async fn whoever_is_refused_keeps_what_he_had() {
    let app = App::with(|layer| layer.per_subject(SessionLimit::reject(1)));
    let alice = app.user("alice").await;
    let visitor = app.visitor().await;
    let seen = visitor.visit(async |s| s.authenticate("alice")).await;
    assert_eq!((seen.status, seen.set_cookie()), (403, None));
    assert_eq!(visitor.visit(n).await.value(), Some(1));
    assert!(is_in(&alice).await && !is_in(&visitor).await);
    // To log in again is no other session.
    alice.visit(async |s| s.authenticate("alice")).await.value();
    assert!(is_in(&alice).await);
}

#[tokio::test]
async fn the_oldest_login_goes() {
    let app = App::with(|layer| layer.per_subject(SessionLimit::evict_oldest(2)));
    let mut browsers = Vec::new();
    for _ in 0..4 {
        browsers.push(app.user("alice").await);
        app.clock.advance(MINUTE);
    }
    assert_eq!(living(&browsers).await, [false, false, true, true]);
}
