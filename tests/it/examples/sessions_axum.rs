//! `sessions_axum`: logins, devices and forms, without a browser. `tests/browser` has one.

use super::browser::{Browser, Server};

/// What the page says.
#[derive(Debug, PartialEq)]
struct Page {
    views: u32,
    who: Option<String>,
    news: Vec<String>,
    devices: usize,
    csrf: String,
    text: String,
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    Some(text.split_once(start)?.1.split_once(end)?.0)
}

async fn home(browser: &mut Browser<'_>) -> Page {
    let response = browser.get("/").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["vary"], "Cookie");
    let text = response.text().await.unwrap();
    let news = text.split("<p role=status>").skip(1);
    Page {
        views: between(&text, "<b id=views>", "<")
            .unwrap()
            .parse()
            .unwrap(),
        who: between(&text, "<span id=who>", "<").map(str::to_owned),
        news: news
            .map(|rest| rest.split('<').next().unwrap().to_owned())
            .collect(),
        devices: text.matches("<li>").count(),
        csrf: between(&text, "name=csrf value=\"", "\"")
            .unwrap()
            .to_owned(),
        text,
    }
}

async fn submit(browser: &mut Browser<'_>, path: &str, csrf: &str, fields: &str) -> u16 {
    let body = format!("csrf={csrf}{fields}");
    let request = browser.request(reqwest::Method::POST, path).body(body);
    let request = request
        .header("content-type", "application/x-www-form-urlencoded")
        .header("user-agent", "a test & more");
    browser.send(request).await.status().as_u16()
}

async fn login(browser: &mut Browser<'_>, name: &str) -> Page {
    let csrf = home(browser).await.csrf;
    let fields = format!("&name={name}&password=sesame");
    assert_eq!(submit(browser, "/login", &csrf, &fields).await, 303);
    home(browser).await
}

#[tokio::test]
async fn a_login_has_a_new_token_keeps_what_was_there_and_ends() {
    let server = Server::start("sessions_axum", &[]);
    let mut alice = server.browser();
    assert_eq!(home(&mut alice).await.views, 1);
    let before = alice.cookie.clone();
    let page = login(&mut alice, "alice").await;
    assert_eq!((page.views, page.devices), (3, 1));
    assert_eq!(page.who.as_deref(), Some("alice"));
    assert_eq!(page.news, ["Welcome, alice."]);
    assert!(page.text.contains("a test &#38; more"), "{}", page.text);
    assert!(home(&mut alice).await.news.is_empty());
    let after = alice.cookie.clone();
    assert_ne!(after, before);

    let mut mallory = server.browser();
    mallory.cookie = before;
    let page = home(&mut mallory).await;
    assert_eq!((page.views, page.who), (1, None));

    let csrf = home(&mut alice).await.csrf;
    assert_eq!(submit(&mut alice, "/logout", &csrf, "").await, 303);
    assert_eq!(alice.cookie, None);
    mallory.cookie = after;
    assert_eq!(home(&mut mallory).await.who, None);
}

#[tokio::test]
async fn a_wrong_password_is_told_once_and_logs_nobody_in() {
    let server = Server::start("sessions_axum", &[]);
    let mut alice = server.browser();
    let csrf = home(&mut alice).await.csrf;
    let fields = "&name=alice&password=guessed";
    assert_eq!(submit(&mut alice, "/login", &csrf, fields).await, 303);
    let page = home(&mut alice).await;
    assert_eq!(
        (page.who, &*page.news),
        (None, &["That is not the password.".to_owned()][..])
    );
    assert!(home(&mut alice).await.news.is_empty());
}

#[tokio::test]
async fn a_form_needs_the_token_of_its_session() {
    let server = Server::start("sessions_axum", &[]);
    let (mut alice, mut mallory) = (server.browser(), server.browser());
    let before = home(&mut alice).await.csrf;
    let own = login(&mut alice, "alice").await.csrf;
    let foreign = login(&mut mallory, "mallory").await.csrf;
    for csrf in ["", "guessed", &foreign, &before] {
        assert_eq!(submit(&mut alice, "/logout", csrf, "").await, 403);
    }
    assert_eq!(home(&mut alice).await.who.as_deref(), Some("alice"));
    // That of an older page is as good.
    assert_ne!(home(&mut alice).await.csrf, own);
    assert_eq!(submit(&mut alice, "/logout", &own, "").await, 303);
}

#[tokio::test]
async fn another_origin_sends_no_form_whatever_token_it_has() {
    let server = Server::start("sessions_axum", &[]);
    let mut alice = server.browser();
    let csrf = login(&mut alice, "alice").await.csrf;
    for (name, value) in [
        ("origin", "https://stranger.example"),
        ("sec-fetch-site", "same-site"),
    ] {
        let request = alice.request(reqwest::Method::POST, "/logout");
        let request = request
            .header(name, value)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("csrf={csrf}"));
        assert_eq!(alice.send(request).await.status(), 403, "{name}");
    }
    assert_eq!(home(&mut alice).await.who.as_deref(), Some("alice"));
}

#[tokio::test]
async fn devices_are_listed_and_ended_one_by_one_or_all_but_this() {
    let server = Server::start("sessions_axum", &[]);
    let mut devices = [(); 3].map(|()| server.browser());
    for device in &mut devices {
        login(device, "alice").await;
    }
    let mut bob = server.browser();
    let theirs = login(&mut bob, "bob").await;
    assert_eq!(theirs.devices, 1);

    let page = home(&mut devices[0]).await;
    assert_eq!(page.devices, 3);
    let end = between(&page.text, "action=\"/devices/", "\"").unwrap();
    let end = format!("/devices/{end}");
    assert_eq!(submit(&mut bob, &end, &theirs.csrf, "").await, 303);
    assert_eq!(
        home(&mut bob).await.news,
        ["There is no such device (any more)."]
    );
    assert_eq!(home(&mut devices[0]).await.devices, 3);

    assert_eq!(submit(&mut devices[0], &end, &page.csrf, "").await, 303);
    let page = home(&mut devices[0]).await;
    assert_eq!(
        (page.devices, &*page.news),
        (2, &["It is logged out.".to_owned()][..])
    );

    let all = "/logout-everywhere";
    assert_eq!(submit(&mut devices[0], all, &page.csrf, "").await, 303);
    let page = home(&mut devices[0]).await;
    assert_eq!(page.news, ["Logged out elsewhere: 1."]);
    assert_eq!((page.who.as_deref(), page.devices), (Some("alice"), 1));
    for device in &mut devices[1..] {
        assert_eq!(home(device).await.who, None);
    }
    assert_eq!(home(&mut bob).await.who.as_deref(), Some("bob"));
}

#[tokio::test]
async fn whoever_wants_to_be_remembered_has_a_cookie_that_stays() {
    let server = Server::start("sessions_axum", &[]);
    let mut alice = server.browser();
    let csrf = home(&mut alice).await.csrf;
    let request = alice.request(reqwest::Method::POST, "/login");
    let request = request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!(
            "csrf={csrf}&name=alice&password=sesame&remember=on"
        ));
    let response = alice.send(request).await;
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    let week = 7 * 24 * 60 * 60;
    let stays = [week, week - 1].map(|age| cookie.contains(&format!("; Max-Age={age}")));
    assert!(stays.contains(&true), "{cookie}");
}
