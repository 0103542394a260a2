//! Limits, sessions and cache around one service, over one store, in all six orders.
//!
//! The service is careless: each of its answers says that all may keep it.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    extract::Path,
    http::{HeaderName, Request, Response, header::CACHE_CONTROL},
    routing::{get, post},
};
use local_upstash::{LocalUpstash, RedisServer};
use tower::ServiceExt;
use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Limit, RateLimitLayer},
    response_cache::ResponseCacheLayer,
    session::{Session, SessionError, SessionLayer},
    store::{MemoryStore, SharedStore, UpstashStore},
};

const REQUESTS: Limit = Limit::new("requests", Quota::fixed(1000, HOUR)).by(By::EVERYONE);
const LOGINS: Limit = Limit::new("logins", Quota::fixed(1000, HOUR)).by(By::EVERYONE);
const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

/// From the outermost on: limits, sessions, cache.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    LimitsSessionsCache,
    LimitsCacheSessions,
    SessionsLimitsCache,
    SessionsCacheLimits,
    CacheLimitsSessions,
    CacheSessionsLimits,
}

use Order::*;

const ORDERS: [Order; 6] = [
    LimitsSessionsCache,
    LimitsCacheSessions,
    SessionsLimitsCache,
    SessionsCacheLimits,
    CacheLimitsSessions,
    CacheSessionsLimits,
];

impl Order {
    /// Hits do not reach the limits that lie inside of the cache.
    fn counts_hits(self) -> bool {
        !matches!(
            self,
            SessionsCacheLimits | CacheLimitsSessions | CacheSessionsLimits
        )
    }
}

type Public = ([(HeaderName, &'static str); 1], String);

fn public(text: String) -> Public {
    ([(CACHE_CONTROL, "public, max-age=600")], text)
}

/// Counts how often pages are made.
#[derive(Clone)]
struct Site {
    made: Arc<AtomicU32>,
}

async fn report(Extension(site): Extension<Site>) -> Public {
    let number = site.made.fetch_add(1, Ordering::SeqCst) + 1;
    public(format!("report {number}"))
}

async fn me(session: Session) -> Result<Public, SessionError> {
    Ok(public(format!("{:?}", session.subject().await?)))
}

/// Takes its time, before it looks who asks.
async fn slow(session: Session) -> Result<Public, SessionError> {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    me(session).await
}

/// Writes to the session without a look at it.
async fn visit(session: Session) -> Result<Public, SessionError> {
    session.update("visits", |visits: Option<u32>| visits.unwrap_or(0) + 1)?;
    Ok(public("visited".to_owned()))
}

async fn login(session: Session, Path(name): Path<String>) -> Result<Public, SessionError> {
    session.authenticate(name)?;
    Ok(public("welcome".to_owned()))
}

async fn logout(session: Session) -> Result<Public, SessionError> {
    session.destroy()?;
    Ok(public("good-bye".to_owned()))
}

struct Stack {
    app: Router,
    limits: RateLimitLayer,
    site: Site,
}

impl Stack {
    fn new(order: Order, store: &SharedStore) -> Self {
        let site = Site {
            made: Arc::default(),
        };
        let limits = RateLimitLayer::new(store.clone()).limit(REQUESTS);
        let sessions = SessionLayer::new(store.clone());
        let cache = ResponseCacheLayer::new(store.clone());
        let logins = limits.with(LOGINS);
        let around = |routes: Router, limits: &RateLimitLayer| {
            let (limits, sessions, cache) = (limits.clone(), sessions.clone(), cache.clone());
            match order {
                LimitsSessionsCache => routes.layer((limits, sessions, cache)),
                LimitsCacheSessions => routes.layer((limits, cache, sessions)),
                SessionsLimitsCache => routes.layer((sessions, limits, cache)),
                SessionsCacheLimits => routes.layer((sessions, cache, limits)),
                CacheLimitsSessions => routes.layer((cache, limits, sessions)),
                CacheSessionsLimits => routes.layer((cache, sessions, limits)),
            }
        };
        let pages = Router::new()
            .route("/report", get(report))
            .route("/me", get(me))
            .route("/slow", get(slow))
            .route("/visit", get(visit))
            .route("/logout", post(logout));
        let entrance = Router::new().route("/login/{name}", get(login).post(login));
        let app = around(pages, &limits).merge(around(entrance, &logins));
        Self {
            app: app.layer(Extension(site.clone())),
            limits: logins,
            site,
        }
    }

    async fn used(&self) -> [u32; 2] {
        let handle = self.limits.handle();
        let mut used = [0; 2];
        for (used, name) in used.iter_mut().zip(["requests", "logins"]) {
            let limit = handle.limit(name).unwrap();
            *used = 1000 - limit.peek("").await.unwrap().remaining();
        }
        used
    }
}

/// Somebody with a cookie, or without one.
struct Client<'a> {
    stack: &'a Stack,
    cookie: Option<String>,
}

impl<'a> Client<'a> {
    fn new(stack: &'a Stack) -> Self {
        Self {
            stack,
            cookie: None,
        }
    }

    async fn named(stack: &'a Stack, name: &str) -> Self {
        let mut client = Self::new(stack);
        client.send("POST", &format!("/login/{name}")).await;
        assert!(client.cookie.is_some());
        client
    }

    async fn send(&mut self, method: &str, path: &str) -> Response<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost");
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.stack.app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        if let Some(line) = response.headers().get("set-cookie") {
            let line = line.to_str().unwrap();
            let pair = line.split(';').next().unwrap().to_owned();
            self.cookie = Some(pair).filter(|pair| !pair.ends_with('='));
            assert!(!is_stored(&response), "{path}: {response:?}");
            assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
        }
        response
    }

    async fn get(&mut self, path: &str) -> (Response<()>, String) {
        let (head, body) = self.send("GET", path).await.into_parts();
        let body = to_bytes(body, 1000).await.unwrap().to_vec();
        let head = Response::from_parts(head, ());
        (head, String::from_utf8(body).unwrap())
    }

    async fn page(&mut self, path: &str) -> String {
        self.get(path).await.1
    }
}

fn cache_status<B>(response: &Response<B>) -> &str {
    let status = response.headers().get("cache-status");
    status.map_or("", |status| status.to_str().unwrap())
}

fn is_hit<B>(response: &Response<B>) -> bool {
    cache_status(response).contains(";hit")
}

fn is_stored<B>(response: &Response<B>) -> bool {
    cache_status(response).contains(";stored")
}

/// All orders, on a store in memory and on one that is a trip away; each with a database of its own.
async fn everywhere(check: impl AsyncFn(Order, Stack)) {
    for order in ORDERS {
        check(order, Stack::new(order, &MemoryStore::new().into())).await;
    }
    let redis = RedisServer::start().await.unwrap();
    let endpoint = LocalUpstash::builder().redis(&redis).start().await.unwrap();
    for order in ORDERS {
        redis.command(&["FLUSHALL"]).await.unwrap();
        let store = UpstashStore::builder(&endpoint.url(), endpoint.token());
        let store = store.time_limit(std::time::Duration::from_secs(20));
        let store = SharedStore::from(store.build().unwrap());
        check(order, Stack::new(order, &store)).await;
    }
}

#[tokio::test]
async fn a_page_for_all_is_a_hit_with_and_without_a_cookie() {
    everywhere(async |order, stack| {
        let mut anybody = Client::new(&stack);
        let (first, text) = anybody.get("/report").await;
        assert!(is_stored(&first), "{order:?}: {first:?}");
        assert_eq!(text, "report 1");
        let mut alice = Client::named(&stack, "alice").await;
        for client in [&mut anybody, &mut alice] {
            let (again, text) = client.get("/report").await;
            assert!(is_hit(&again), "{order:?}: {again:?}");
            assert_eq!(text, "report 1", "{order:?}");
            assert!(again.headers().get("set-cookie").is_none());
            assert!(again.headers().get("vary").is_none());
        }
        assert_eq!(stack.site.made.load(Ordering::SeqCst), 1);
    })
    .await;
}

#[tokio::test]
async fn a_page_of_a_user_is_never_shared() {
    everywhere(async |order, stack| {
        let mut alice = Client::named(&stack, "alice").await;
        let mut bob = Client::named(&stack, "bob").await;
        let mut nobody = Client::new(&stack);
        for _ in 0..3 {
            for (client, expected) in [
                (&mut alice, "Some(\"alice\")"),
                (&mut bob, "Some(\"bob\")"),
                (&mut nobody, "None"),
            ] {
                let (head, text) = client.get("/me").await;
                assert_eq!(text, expected, "{order:?}");
                assert!(!is_hit(&head) && !is_stored(&head), "{order:?}: {head:?}");
                assert_eq!(head.headers()["vary"], "Cookie");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn users_who_come_at_the_same_time_are_not_mixed() {
    everywhere(async |order, stack| {
        let mut alice = Client::named(&stack, "alice").await;
        let mut bob = Client::named(&stack, "bob").await;
        let mut nobody = Client::new(&stack);
        // The first time, nobody knows yet that there is no sharing the answer.
        for _ in 0..3 {
            let answers =
                tokio::join!(alice.page("/slow"), bob.page("/slow"), nobody.page("/slow"));
            let expected = ("Some(\"alice\")", "Some(\"bob\")", "None");
            let answers = (&*answers.0, &*answers.1, &*answers.2);
            assert_eq!(answers, expected, "{order:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_brings_a_cookie_is_never_stored() {
    everywhere(async |order, stack| {
        let mut cookies = Vec::new();
        for _ in 0..3 {
            let mut client = Client::new(&stack);
            let (head, text) = client.get("/visit").await;
            assert_eq!(text, "visited");
            assert!(!is_hit(&head) && !is_stored(&head), "{order:?}: {head:?}");
            cookies.push(client.cookie.expect("a session is made"));
            let mut login = Client::new(&stack);
            let (head, _) = login.get("/login/alice").await;
            assert!(!is_hit(&head) && !is_stored(&head), "{order:?}: {head:?}");
            cookies.push(login.cookie.expect("a session is made"));
        }
        cookies.sort();
        cookies.dedup();
        assert_eq!(cookies.len(), 6, "{order:?}");
        // What only writes is as personal, also where it sets no cookie any more.
        let mut client = Client::new(&stack);
        for _ in 0..3 {
            let (head, _) = client.get("/visit").await;
            assert!(!is_hit(&head) && !is_stored(&head), "{order:?}: {head:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn limits_count_each_request_once() {
    everywhere(async |order, stack| {
        let mut alice = Client::named(&stack, "alice").await;
        assert_eq!(stack.used().await, [1, 1], "{order:?}");
        alice.get("/me").await;
        alice.get("/report").await;
        assert_eq!(stack.used().await, [3, 1], "{order:?}");
        let (hit, _) = alice.get("/report").await;
        assert!(is_hit(&hit), "{order:?}");
        let used = if order.counts_hits() { 4 } else { 3 };
        assert_eq!(stack.used().await, [used, 1], "{order:?}");
        // The count of an earlier request is not told to a later one.
        let told = hit.headers().get("ratelimit").is_some();
        assert_eq!(told, order.counts_hits(), "{order:?}: {hit:?}");
    })
    .await;
}

#[tokio::test]
async fn a_logout_ends_the_session_and_what_is_for_all_stays_stored() {
    everywhere(async |order, stack| {
        let mut alice = Client::named(&stack, "alice").await;
        alice.get("/report").await;
        let kept = alice.cookie.clone();
        alice.send("POST", "/logout").await;
        assert_eq!(alice.cookie, None, "{order:?}");
        alice.cookie = kept;
        assert_eq!(alice.page("/me").await, "None", "{order:?}");
        let (report, _) = alice.get("/report").await;
        assert!(is_hit(&report), "{order:?}: {report:?}");
    })
    .await;
}
