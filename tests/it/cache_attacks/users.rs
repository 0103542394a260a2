//! One user, and the answer of another.

use std::sync::atomic::{AtomicUsize, Ordering};

use tower_upstash::{response_cache::Caching, store::Identifier};

use super::*;

const SILENT: CachePolicy = CachePolicy::new("silent").default_ttl(MINUTE);

#[tokio::test]
async fn what_is_never_cached_is_not_cached_by_a_layer_around_it_either() {
    let clock = ManualClock::default();
    let outer = ResponseCacheLayer::new(MemoryStore::new())
        .clock(clock)
        .policy(SILENT);
    let inner = outer.with(CachePolicy::new("admin").never());
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let service = service_fn(move |_: Asked| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, Infallible>(answer(200, &[], "admin")) }
    });
    let service = outer.layer(inner.layer(service));
    for _ in 0..2 {
        let asked = request(Method::GET, "http://a.example/", &[]);
        service
            .clone()
            .oneshot(asked)
            .await
            .unwrap()
            .into_body()
            .collect()
            .await
            .unwrap();
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn credentials_of_any_kind_neither_fill_nor_get_what_says_nothing() {
    for name in [
        "authorization",
        "Cookie",
        "X-API-Key",
        "x-auth-token",
        "proxy-authorization",
    ] {
        let app = App::new(SILENT, |asked| answer(200, &[], user(asked)));
        let alice = app.get(&[(name, "alice"), ("x-user", "alice")]).await;
        assert_eq!(alice.body, "alice");
        assert_eq!(app.get(&[]).await.body, "nobody", "{name}");
        let bob = app.get(&[(name, "bob"), ("x-user", "bob")]).await;
        assert_eq!(bob.body, "bob", "{name}");
    }
}

#[tokio::test]
async fn nobody_gets_what_a_handler_keeps_for_a_user_with_authorization() {
    let app = App::plain(|asked| {
        let mut answer = answer(200, &[], user(asked));
        answer.extensions_mut().insert(Caching::ttl(MINUTE));
        answer
    });
    for name in ["alice", "bob"] {
        let seen = app.get(&[("authorization", name), ("x-user", name)]).await;
        assert_eq!(seen.body, name);
    }
    assert_eq!(app.get(&[]).await.body, "nobody");
}

#[tokio::test]
async fn each_has_a_cache_of_their_own_and_whoever_is_nobody_has_none() {
    const MINE: CachePolicy = CachePolicy::new("mine")
        .per(|parts| Some(Identifier::new(parts.headers.get("x-user")?.as_bytes())));
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let app = App::new(MINE, move |asked| {
        counted.fetch_add(1, Ordering::SeqCst);
        answer(
            200,
            &[("cache-control", "public, max-age=60"), ("vary", "cookie")],
            user(asked),
        )
    });
    for _ in 0..2 {
        for name in ["alice", "bob"] {
            let lines = [
                ("x-user", name),
                ("cookie", "same"),
                ("authorization", "same"),
            ];
            assert_eq!(app.get(&lines).await.body, name);
        }
        assert_eq!(app.get(&[("cookie", "same")]).await.body, "nobody");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn limits_and_cookies_of_one_are_not_given_to_the_next() {
    let policy =
        CachePolicy::new("strip").set_cookie(tower_upstash::response_cache::SetCookie::Strip);
    let app = App::new(policy, |asked| {
        let own = [
            "set-cookie",
            "ratelimit",
            "x-ratelimit-remaining",
            "proxy-authentication-info",
        ];
        let own = own.map(|name| (name, user(asked)));
        answer(
            200,
            &[&own[..], &[("cache-control", "max-age=60")]].concat(),
            "page",
        )
    });
    let alice = app.get(&[("x-user", "alice")]).await;
    assert!(alice.says("set-cookie", "alice"));
    let bob = app.get(&[("x-user", "bob")]).await;
    assert!(bob.is_hit());
    for value in bob.headers.values() {
        assert_ne!(value, "alice");
    }
}
