//! What one user's 304, or answer to a `HEAD`, makes of what others get.

use super::*;

/// A page that is validated each time it has ended; what a 304 says is up to the test.
fn page(freshening: fn(&Asked) -> Answer) -> App {
    App::plain(move |asked| {
        if is_conditional(asked) {
            return freshening(asked);
        }
        answer(
            200,
            &[("cache-control", "max-age=60"), ("etag", "\"1\"")],
            "page",
        )
    })
}

async fn ended(app: &App) {
    assert_eq!(app.get(&[]).await.body, "page");
    app.clock.advance(2 * MINUTE);
}

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

#[tokio::test]
async fn a_304_that_is_marked_as_personal_is_of_its_user_alone() {
    let app = page(|asked| {
        mark(asked);
        answer(
            304,
            &[FRESH, ("etag", "\"1\""), ("x-greeting", user(asked))],
            "",
        )
    });
    ended(&app).await;
    let alice = app.get(&[("x-user", "alice")]).await;
    assert_eq!(alice.body, "page");
    assert!(alice.says("x-greeting", "alice"), "it was said to her");
    let bob = app.get(&[("x-user", "bob")]).await;
    assert!(!bob.is_hit() && !bob.says("x-greeting", "alice"));
}

#[tokio::test]
async fn fields_that_are_named_as_private_do_not_come_in_by_a_304() {
    const QUALIFIED: (&str, &str) = ("cache-control", "max-age=60, private=\"x-greeting\"");
    let app = page(|asked| {
        answer(
            304,
            &[QUALIFIED, ("etag", "\"1\""), ("x-greeting", user(asked))],
            "",
        )
    });
    ended(&app).await;
    let _alice = app.get(&[("x-user", "alice")]).await;
    let bob = app.get(&[("x-user", "bob")]).await;
    assert!(bob.is_hit() && !bob.headers.contains_key("x-greeting"));
}

#[tokio::test]
async fn the_cookie_of_a_304_reaches_its_client_and_nobody_else() {
    let app = page(|asked| {
        answer(
            304,
            &[
                FRESH,
                ("etag", "\"1\""),
                ("set-cookie", user(asked)),
                ("x-of", user(asked)),
            ],
            "",
        )
    });
    ended(&app).await;
    let alice = app.get(&[("x-user", "alice")]).await;
    assert!(alice.says("set-cookie", "alice"), "her session goes on");
    let bob = app.get(&[("x-user", "bob")]).await;
    assert!(!bob.is_hit() && bob.says("set-cookie", "bob") && bob.says("x-of", "bob"));
}

#[tokio::test]
async fn a_304_that_withdraws_what_allowed_it_for_the_authorized_is_heard() {
    let app = App::plain(|asked| {
        let etag = ("etag", "\"1\"");
        if is_conditional(asked) {
            return answer(304, &[FRESH, etag], "");
        }
        answer(
            200,
            &[("cache-control", "public, max-age=60"), etag],
            "page",
        )
    });
    ended(&app).await;
    app.get(&[]).await;
    assert!(app.get(&[]).await.is_hit());
    assert!(!app.get(&[("authorization", "Bearer x")]).await.is_hit());
}

#[tokio::test]
async fn what_a_304_varies_by_is_kept_apart_from_then_on_and_nothing_is_forgotten() {
    let app = App::plain(|asked| {
        let etag = ("etag", "\"1\"");
        if is_conditional(asked) {
            return answer(304, &[FRESH, etag, ("vary", "x-user")], "");
        }
        let tenant = asked
            .headers()
            .get("x-tenant")
            .map_or("none", |tenant| tenant.to_str().unwrap());
        let body = format!("{} of {tenant}", user(asked));
        answer(200, &[FRESH, etag, ("vary", "x-tenant")], &body)
    });
    let alice = [("x-user", "alice"), ("x-tenant", "one")];
    assert_eq!(app.get(&alice).await.body, "alice of one");
    app.clock.advance(2 * MINUTE);
    for _ in 0..3 {
        assert_eq!(app.get(&alice).await.body, "alice of one");
        let bob = app.get(&[("x-user", "bob"), ("x-tenant", "one")]).await;
        assert_eq!(bob.body, "bob of one");
        let carol = app.get(&[("x-user", "alice"), ("x-tenant", "two")]).await;
        assert_eq!(carol.body, "alice of two");
        app.clock.advance(2 * MINUTE);
    }
}

/// A service whose files all have one date, one tag, or both, as after a deployment.
fn tenants(validators: &'static [(&'static str, &'static str)], vary: &'static str) -> App {
    App::plain(move |asked| {
        if is_conditional(asked) {
            return answer(304, validators, "");
        }
        let value = asked
            .headers()
            .get(vary)
            .map_or("none", |value| value.to_str().unwrap());
        let lines = [validators, &[FRESH, ("vary", vary)]].concat();
        answer(200, &lines, value)
    })
}

#[tokio::test]
async fn no_validator_of_one_tenant_is_sent_for_another() {
    const DATE: (&str, &str) = ("last-modified", "Tue, 14 Nov 2023 10:00:00 GMT");
    for validators in [
        &[DATE][..],
        &[("etag", "\"v1\"")],
        &[("etag", "W/\"v1\"")],
        &[DATE, ("etag", "\"v1\"")],
    ] {
        let app = tenants(validators, "x-tenant");
        assert_eq!(app.get(&[("x-tenant", "one")]).await.body, "one");
        assert_eq!(
            app.get(&[("x-tenant", "two")]).await.body,
            "two",
            "{validators:?}"
        );
    }
}

#[tokio::test]
async fn a_date_or_a_weak_tag_validates_no_other_language() {
    const DATE: (&str, &str) = ("last-modified", "Tue, 14 Nov 2023 10:00:00 GMT");
    for validators in [&[DATE][..], &[("etag", "W/\"v1\"")]] {
        let app = tenants(validators, "accept-language");
        assert_eq!(app.get(&[("accept-language", "en")]).await.body, "en");
        assert_eq!(
            app.get(&[("accept-language", "de")]).await.body,
            "de",
            "{validators:?}"
        );
    }
}

#[tokio::test]
async fn nobody_gets_a_coding_that_was_not_asked_for_by_the_tag_it_shares() {
    let app = App::plain(|asked| {
        let lines = [FRESH, ("etag", "\"1\""), ("vary", "accept-encoding")];
        if is_conditional(asked) {
            return answer(304, &lines, "");
        }
        if asked.headers().contains_key("accept-encoding") {
            return answer(
                200,
                &[&lines[..], &[("content-encoding", "gzip")]].concat(),
                "packed",
            );
        }
        answer(200, &lines, "plain")
    });
    assert_eq!(app.get(&[("accept-encoding", "gzip")]).await.body, "packed");
    assert_eq!(app.get(&[]).await.body, "plain");
}

#[tokio::test]
async fn the_head_of_one_user_changes_nothing_for_others() {
    let app = App::plain(|asked| {
        let lines = [FRESH, ("x-greeting", user(asked)), ("content-length", "4")];
        if asked.method() == Method::HEAD {
            mark(asked);
            return answer(200, &lines, "");
        }
        answer(
            200,
            &[FRESH, ("last-modified", "Tue, 14 Nov 2023 10:00:00 GMT")],
            "page",
        )
    });
    ended(&app).await;
    let head = request(Method::HEAD, "http://a.example/", &[("x-user", "alice")]);
    assert!(app.ask(head).await.says("x-greeting", "alice"));
    let bob = app.get(&[("x-user", "bob")]).await;
    assert!(!bob.is_hit() && !bob.headers.contains_key("x-greeting"));
}

#[tokio::test]
async fn what_was_purged_softly_is_not_used_where_nothing_stale_may_be() {
    for control in ["max-age=60", "max-age=60, must-revalidate"] {
        let app = App::plain(move |asked| {
            if asked.headers().contains_key("x-failing") {
                return answer(503, &[], user(asked));
            }
            let lines = [("cache-control", control), ("etag", "\"1\"")];
            answer(200, &lines, user(asked))
        });
        app.get(&[("x-user", "before")]).await;
        let url = "http://a.example/".parse().unwrap();
        app.layer.handle().soft_purge_url(&url).await.unwrap();
        let failed = app.get(&[("x-failing", "1"), ("x-user", "failed")]).await;
        assert_eq!(
            (failed.status.as_u16(), &*failed.body),
            (503, "failed"),
            "{control}"
        );
        assert_eq!(
            app.get(&[("x-user", "after")]).await.body,
            "after",
            "{control}"
        );
    }
}
