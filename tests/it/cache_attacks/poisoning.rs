//! Answers under keys that they do not belong to, and ones that do harm.

use super::*;

#[tokio::test]
async fn no_spelling_of_a_host_fills_what_another_one_gets() {
    let app = App::plain(|asked| {
        let host = asked
            .headers()
            .get("host")
            .map_or("none", |host| host.to_str().unwrap());
        answer(200, &[("cache-control", "max-age=60")], host)
    });
    let get = |uri, lines: &[(&str, &str)]| app.ask(request(Method::GET, uri, lines));
    let spelled = [
        "a.example:80",
        "a.example:443",
        "a.example.",
        "a.example:8080",
        "evil.example",
        "[::1]",
    ];
    for host in spelled {
        assert_eq!(get("/", &[("host", host)]).await.body, host);
        assert_eq!(get("http://b.example/", &[("host", host)]).await.body, host);
    }
    assert_eq!(get("/", &[("host", "a.example")]).await.body, "a.example");
    assert_eq!(
        get("http://b.example/", &[("host", "b.example")])
            .await
            .body,
        "b.example"
    );
    for bad in [
        &[("host", "c.example"), ("host", "evil.example")][..],
        &[("host", "u@c.example")],
    ] {
        get("/", bad).await;
        get("/", bad).await;
    }
    let c = get("/", &[("host", "c.example")]).await;
    assert!(!c.is_hit() && c.body == "c.example");
}

#[tokio::test]
async fn a_purge_takes_every_spelling_of_the_host() {
    let app = App::plain(|asked| answer(200, &[("cache-control", "max-age=60")], user(asked)));
    let get = |lines: &[(&str, &str)]| app.ask(request(Method::GET, "/", lines));
    for host in ["a.example", "a.example:80"] {
        get(&[("host", host), ("x-user", "before")]).await;
    }
    let url = "http://a.example/".parse().unwrap();
    app.layer.handle().purge_url(&url).await.unwrap();
    for host in ["a.example", "a.example:80"] {
        let seen = get(&[("host", host), ("x-user", "after")]).await;
        assert_eq!(seen.body, "after", "{host}");
    }
}

#[tokio::test]
async fn an_answer_with_two_lengths_or_none_that_is_a_number_is_not_stored() {
    for lengths in [
        &["4", "9"][..],
        &["4", "4"],
        &["+4"],
        &["4, 4"],
        &["x"],
        &[""],
    ] {
        let app = App::plain(move |_| {
            let lengths = lengths.iter().map(|length| ("content-length", *length));
            let lines: Vec<_> = lengths.chain([("cache-control", "max-age=60")]).collect();
            answer(200, &lines, "page")
        });
        app.get(&[]).await;
        assert!(!app.get(&[]).await.is_hit(), "{lengths:?}");
    }
}

#[tokio::test]
async fn as_many_fields_as_a_map_takes_do_no_harm() {
    for count in [8_000, 24_575, 24_576] {
        let app = App::plain(move |_| {
            let mut answer = answer(200, &[], "page");
            let headers = answer.headers_mut();
            headers.insert("cache-control", "max-age=60".parse().unwrap());
            for n in 1..count {
                headers.insert(
                    HeaderName::try_from(format!("x-{n}")).unwrap(),
                    "1".parse().unwrap(),
                );
            }
            answer
        });
        app.get(&[]).await;
        let again = app.get(&[]).await;
        assert_eq!(again.is_hit(), count == 8_000);
        assert!(again.headers.len() >= count);
    }
}

#[tokio::test]
async fn a_long_url_and_strange_bytes_are_as_good_as_others() {
    let app = App::plain(|asked| {
        let len = asked.uri().path().len();
        answer(
            200,
            &[("cache-control", "max-age=60"), ("vary", "x-any")],
            &len.to_string(),
        )
    });
    let long = format!("http://a.example/{}", "a".repeat(60_000));
    for _ in 0..2 {
        for any in ["", " ", "\u{fc}", "a,b", "a, b", "a\tb"] {
            let mut asked = request(Method::GET, &long, &[]);
            let value = http::HeaderValue::from_bytes(any.as_bytes()).unwrap();
            asked.headers_mut().append("x-any", value);
            assert_eq!(app.ask(asked).await.body, "60001");
        }
    }
}
