//! Users are never mixed, whoever knows who they are.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, util::MapRequest};
use tower_upstash::{
    response_cache::{CachePolicy, Caching, Personal, Reason, SetCookie},
    store::Identifier,
};

use super::app::{
    Body, Got, HOUR, Origin, SECOND, Site, answer, answer_with, channel, get, get_with, next,
    request, settle, stream,
};

const USERS: [&str; 2] = ["alice", "bob"];

fn as_user(user: &str) -> Request<Full<Bytes>> {
    get_with("/", &[("x-user", user)])
}

fn user(parts: &Parts) -> &str {
    parts
        .headers
        .get("x-user")
        .map_or("nobody", |user| user.to_str().unwrap())
}

/// What a layer of sessions puts into requests.
#[derive(Clone)]
struct Session(Personal);

fn with_session<B>(mut request: Request<B>) -> Request<B> {
    let personal = Personal::of(request.extensions_mut());
    request.extensions_mut().insert(Session(personal));
    request
}

/// Whose page it is, as a handler finds it out by the session.
fn page(parts: &Parts) -> Response<Body> {
    parts.extensions.get::<Session>().unwrap().0.mark();
    let fields = [("cache-control", "public, max-age=60"), ("etag", "\"1\"")];
    answer(&fields, user(parts).to_owned())
}

#[tokio::test]
async fn what_has_touched_a_session_is_nobody_elses_in_both_orders_of_stacking() {
    let site = Site::new(page);
    let outside = MapRequest::new(
        site.layer.layer(site.origin.clone()),
        with_session::<Full<Bytes>>,
    );
    let inside = site.layer.layer(MapRequest::new(
        site.origin.clone(),
        with_session::<Full<Bytes>>,
    ));
    for _ in 0..2 {
        for user in USERS {
            let got = Got::of(outside.clone().oneshot(as_user(user)).await.unwrap()).await;
            assert_eq!((got.body, got.status), (user.into(), 200));
            let got = Got::of(inside.clone().oneshot(as_user(user)).await.unwrap()).await;
            assert_eq!(got.body, user);
        }
    }
    assert_eq!(site.calls(), 8);
    assert_eq!(site.unstored(), [Reason::Personal; 8]);
}

#[tokio::test]
async fn a_session_that_is_not_touched_keeps_nothing_from_being_stored() {
    let site = Site::new(|_| answer(&[("cache-control", "max-age=60")], "for all"));
    let inside = site.layer.layer(MapRequest::new(
        site.origin.clone(),
        with_session::<Full<Bytes>>,
    ));
    for user in USERS {
        let service = MapRequest::new(inside.clone(), with_session::<Full<Bytes>>);
        Got::of(service.oneshot(as_user(user)).await.unwrap()).await;
    }
    assert_eq!(site.calls(), 1);
}

#[tokio::test]
async fn a_mark_in_the_response_will_do() {
    let site = Site::new(|parts| {
        let mut response = answer(
            &[("cache-control", "public, max-age=60")],
            user(parts).to_owned(),
        );
        response.extensions_mut().insert(Personal::marked());
        response
    });
    site.assert_unstored(|| as_user("alice"), Reason::Personal)
        .await;
}

#[tokio::test]
async fn a_session_that_is_touched_while_the_body_streams_is_in_time() {
    for is_outside in [true, false] {
        let marks = Arc::<Mutex<Vec<Personal>>>::default();
        let seen = Arc::clone(&marks);
        let (frames, body) = channel();
        let body = Mutex::new(Some(body));
        let site = Site::new(move |parts| {
            let mark = parts.extensions.get::<Session>().unwrap().0.clone();
            seen.lock().unwrap().push(mark);
            let body = body.lock().unwrap().take().unwrap();
            stream(200, &[("cache-control", "public, max-age=60")], body)
        });
        let answer = if is_outside {
            let service = site.layer.layer(site.origin.clone());
            let service = MapRequest::new(service, with_session::<Full<Bytes>>);
            service.oneshot(as_user("alice")).await.unwrap()
        } else {
            let service = MapRequest::new(site.origin.clone(), with_session::<Full<Bytes>>);
            site.layer
                .layer(service)
                .oneshot(as_user("alice"))
                .await
                .unwrap()
        };
        let mut body = answer.into_body();
        frames.data("hello ");
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "hello ");
        marks.lock().unwrap().iter().for_each(Personal::mark);
        frames.data("alice");
        drop(frames);
        assert_eq!(body.collect().await.unwrap().to_bytes(), "alice");
        assert_eq!(site.unstored(), [Reason::Personal]);
    }
}

/// Those who wait for the same answer read what is of a user only if nobody has said so before.
#[tokio::test]
async fn who_reads_along_gets_nothing_of_a_user_who_is_known_meanwhile() {
    let mark = Personal::new();
    let (frames, body) = channel();
    let (body, own) = (Mutex::new(Some(body)), mark.clone());
    let site = Site::new(move |parts| {
        let fields = [("cache-control", "public, max-age=60")];
        let Some(body) = body.lock().unwrap().take() else {
            return answer(&fields, user(parts).to_owned());
        };
        let mut response = stream(200, &fields, body);
        response.extensions_mut().insert(own.clone());
        response
    });
    let mut alice = site.open(as_user("alice")).await.unwrap().into_body();
    let mut bob = site.open(as_user("bob")).await.unwrap().into_body();
    assert_eq!(site.calls(), 1);
    frames.data("hello ");
    assert_eq!(next(&mut alice).await.unwrap().unwrap(), "hello ");
    assert_eq!(next(&mut bob).await.unwrap().unwrap(), "hello ");
    mark.mark();
    frames.data("alice");
    drop(frames);
    assert_eq!(next(&mut alice).await.unwrap().unwrap(), "alice");
    assert!(
        next(&mut bob).await.unwrap().is_err(),
        "cut off, not alice's"
    );
    // Nobody joins any more.
    assert_eq!(site.send(as_user("bob")).await.body, "bob");
}

/// A 304 tells what is of a user, too.
#[tokio::test]
async fn a_validation_that_touches_a_session_leaves_nothing_for_others() {
    let site = Site::new(|parts| {
        let fields = [
            ("cache-control", "public, max-age=60"),
            ("etag", "\"1\""),
            ("x-hello", user(parts)),
        ];
        if parts.headers.contains_key("if-none-match") {
            let mut response = answer_with(304, &fields, "");
            response.extensions_mut().insert(Personal::marked());
            return response;
        }
        answer(&fields, "for all")
    });
    site.get("/").await;
    for user in ["alice", "bob", "alice"] {
        site.clock.advance(61 * SECOND);
        let got = site.send(as_user(user)).await;
        assert_eq!(got.field("x-hello"), Some(user));
        assert_eq!(got.body, "for all");
        let next = site.get("/").await;
        assert_eq!(next.field("x-hello"), Some("nobody"));
    }
}

/// A 304 may set a cookie: it is for whoever caused it.
#[tokio::test]
async fn a_cookie_of_a_validation_is_for_whoever_caused_it() {
    for set_cookie in [SetCookie::Refuse, SetCookie::Strip] {
        let site = Site::new(|parts| {
            let fields = [("cache-control", "max-age=60"), ("etag", "\"1\"")];
            let fields_with = [fields[0], fields[1], ("set-cookie", "sid=alice")];
            match parts.headers.contains_key("if-none-match") {
                true if user(parts) == "alice" => answer_with(304, &fields_with, ""),
                true => answer_with(304, &fields, ""),
                false => answer(&fields, "for all"),
            }
        });
        let site = site.policy(CachePolicy::new("cookies").set_cookie(set_cookie));
        site.get("/").await;
        site.clock.advance(61 * SECOND);
        let got = site.send(as_user("alice")).await;
        assert_eq!(got.body, "for all");
        assert_eq!(got.field("set-cookie"), Some("sid=alice"), "{set_cookie:?}");
        assert_eq!(site.get("/").await.field("set-cookie"), None);
    }
}

/// P4
#[tokio::test]
async fn an_answer_with_a_cookie_is_not_stored() {
    for control in [
        "max-age=60",
        "public, max-age=60",
        "s-maxage=60",
        "immutable, max-age=9",
    ] {
        let site = Site::new(move |_| {
            answer(
                &[("cache-control", control), ("set-cookie", "sid=1")],
                "hello",
            )
        });
        site.assert_unstored(|| get("/"), Reason::SetCookie).await;
        let got = site.get("/").await;
        assert_eq!(got.field("set-cookie"), Some("sid=1"));
    }
}

/// P4
#[tokio::test]
async fn cookies_are_stripped_or_stored_where_the_policy_says_so() {
    for (set_cookie, expected) in [(SetCookie::Strip, None), (SetCookie::Store, Some("a=1"))] {
        let site = Site::new(|_| {
            let fields = [
                ("cache-control", "max-age=60"),
                ("set-cookie", "a=1"),
                ("set-cookie", "b=2"),
            ];
            answer(&fields, "hello")
        });
        let site = site.policy(CachePolicy::new("cookies").set_cookie(set_cookie));
        let first = site.get("/").await;
        assert_eq!(first.headers.get_all("set-cookie").iter().count(), 2);
        let second = site.get("/").await;
        assert!(second.is_hit());
        assert_eq!(second.field("set-cookie"), expected);
    }
}

/// P5
#[tokio::test]
async fn an_answer_to_authorization_is_stored_only_if_it_says_so() {
    let ask = || get_with("/", &[("authorization", "Bearer alice")]);
    for control in [
        "max-age=60",
        "max-age=60, proxy-revalidate",
        "max-age=60, immutable",
    ] {
        let site = Site::new(move |_| answer(&[("cache-control", control)], "alice's"));
        site.assert_unstored(ask, Reason::Authorization).await;
    }
    for control in [
        "public, max-age=60",
        "s-maxage=60",
        "max-age=60, must-revalidate",
    ] {
        let site = Site::new(move |_| answer(&[("cache-control", control)], "for all"));
        site.assert_stored(ask).await;
        assert!(site.get("/").await.is_hit());
    }
}

/// P5
#[tokio::test]
async fn what_was_stored_without_authorization_is_not_given_to_it() {
    let site = Site::new(|parts| {
        let control = match parts.uri.path() {
            "/" => "max-age=60",
            _ => "public, max-age=60",
        };
        answer(
            &[("cache-control", control)],
            format!("{:?}", parts.headers.get("authorization")),
        )
    });
    let authorization = [("authorization", "Bearer alice")];
    site.assert_stored(|| get("/")).await;
    site.assert_stored(|| get("/public")).await;
    let got = site.send(get_with("/", &authorization)).await;
    assert_eq!(got.body, r#"Some("Bearer alice")"#);
    // And what was stored stays.
    assert_eq!(site.get("/").await.body, "None");
    assert!(
        site.send(get_with("/public", &authorization))
            .await
            .is_hit()
    );
}

/// P5: validated for somebody, a response may cease to be for those with `Authorization`.
#[tokio::test]
async fn a_validation_that_takes_public_back_is_heard() {
    let site = Site::new(|parts| match parts.headers.contains_key("if-none-match") {
        true => answer_with(
            304,
            &[("cache-control", "max-age=60"), ("etag", "\"1\"")],
            "",
        ),
        false => answer(
            &[("cache-control", "public, max-age=60"), ("etag", "\"1\"")],
            "hello",
        ),
    });
    site.get("/").await;
    site.clock.advance(61 * SECOND);
    site.get("/").await;
    assert!(site.get("/").await.is_hit());
    let calls = site.calls();
    site.send(get_with("/", &[("authorization", "Bearer alice")]))
        .await;
    assert_eq!(site.calls(), calls + 1);
}

/// P5
#[tokio::test]
async fn who_has_credentials_gets_only_what_is_explicitly_for_everybody() {
    let silent = |parts: &Parts| answer(&[], user(parts).to_owned());
    for policy in [
        CachePolicy::new("silent").default_ttl(HOUR),
        CachePolicy::new("silent").override_ttl(HOUR),
        CachePolicy::new("silent").status_ttl(200, HOUR),
    ] {
        for name in ["cookie", "x-api-key", "x-auth-token", "proxy-authorization"] {
            let site = Site::new(silent).policy(policy.clone());
            let ask = || get_with("/", &[(name, "alice"), ("x-user", "alice")]);
            let why = match name {
                "cookie" => Reason::Credentials,
                _ => Reason::Authorization,
            };
            site.assert_unstored(ask, why).await;
            site.assert_stored(|| get("/")).await;
            // Nor is what was stored for those without given to her.
            assert_eq!(site.send(ask()).await.body, "alice");
            assert_eq!(site.get("/").await.body, "nobody");
        }
        let site = Site::new(silent).policy(policy.clone());
        let ask = || get_with("/", &[("authorization", "alice")]);
        site.assert_unstored(ask, Reason::Authorization).await;
        let site = Site::new(silent).policy(policy.credential_headers(&["x-user"]));
        site.assert_unstored(|| as_user("alice"), Reason::Authorization)
            .await;
        site.assert_stored(|| get_with("/", &[("cookie", "theme=dark")]))
            .await;
    }
    let explicit = Site::new(|_| answer(&[("cache-control", "max-age=60")], "for all"));
    explicit
        .assert_stored(|| get_with("/", &[("cookie", "theme=dark")]))
        .await;
    // An API key is taken for `Authorization`.
    let keyed = Site::new(|_| answer(&[("cache-control", "max-age=60")], "for one"));
    let ask = || get_with("/", &[("x-api-key", "alice")]);
    keyed.assert_unstored(ask, Reason::Authorization).await;
    let public = Site::new(|_| answer(&[("cache-control", "public, max-age=60")], "for all"));
    public.assert_stored(ask).await;
}

#[tokio::test]
async fn each_user_has_a_cache_of_their_own_where_the_policy_says_so() {
    let policy = CachePolicy::new("mine").default_ttl(HOUR).per(|parts| {
        let user = parts.headers.get("x-user")?;
        Some(Identifier::new(user.as_bytes()))
    });
    let site = Site::new(|parts| answer(&[], user(parts).to_owned())).policy(policy);
    for user in USERS {
        let ask = || {
            get_with(
                "/",
                &[("x-user", user), ("cookie", user), ("authorization", user)],
            )
        };
        site.assert_stored(ask).await;
    }
    for user in USERS {
        assert_eq!(site.send(as_user(user)).await.body, user);
    }
    assert_eq!(site.calls(), 2);
    // Who is nobody has no cache.
    for _ in 0..2 {
        assert!(site.get("/").await.cache().contains("fwd=bypass"));
    }
    // What a user changes, or an administrator, is gone for all of them.
    let changed = site
        .send(request("POST", "/", &[("x-user", "alice")]))
        .await;
    assert_eq!(changed.status, 200);
    for user in USERS {
        assert!(!site.send(as_user(user)).await.is_hit(), "{user}");
    }
}

#[tokio::test]
async fn a_cache_of_ones_own_stores_nothing_private() {
    let policy = CachePolicy::new("mine")
        .default_ttl(HOUR)
        .per(|_| Some(Identifier::new("alice")));
    let private = Site::new(|_| answer(&[("cache-control", "private, max-age=60")], ""));
    private
        .policy(policy.clone())
        .assert_unstored(|| get("/"), Reason::Private)
        .await;
    let cookie = Site::new(|_| answer(&[("set-cookie", "a=b")], ""));
    cookie
        .policy(policy)
        .assert_unstored(|| get("/"), Reason::SetCookie)
        .await;
}

#[tokio::test]
async fn private_answers_of_users_who_ask_at_the_same_time_are_not_mixed() {
    let origin = Origin::new(|parts| {
        answer(
            &[("cache-control", "private, max-age=60")],
            user(parts).to_owned(),
        )
    });
    let site = Site::of(origin.held_up());
    let asked = USERS.map(|user| site.spawn(as_user(user)));
    settle().await;
    site.origin.give_turns(2);
    for (asked, user) in asked.into_iter().zip(USERS) {
        assert_eq!(Got::of(asked.await.unwrap().unwrap()).await.body, user);
    }
}

#[tokio::test]
async fn a_lifetime_makes_no_private_answer_everybodys() {
    for (control, why) in [("private", Reason::Private), ("no-store", Reason::NoStore)] {
        let site = Site::new(move |_| {
            let mut response = answer(&[("cache-control", control)], "alice's");
            response.extensions_mut().insert(Caching::ttl(HOUR));
            response
        });
        for policy in [
            CachePolicy::new("own"),
            CachePolicy::new("own").override_ttl(HOUR),
            CachePolicy::new("own").default_ttl(HOUR),
        ] {
            let site = site.clone().policy(policy);
            site.assert_unstored(|| get("/"), why).await;
        }
    }
}
