//! Sessions and the response cache around the same service: no page of one user is given to another.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneService};
use tower_upstash::{
    response_cache::{CachePolicy, ResponseCacheLayer},
    session::{Main, Session, SessionCookie, SessionError, SessionLayer},
    store::MemoryStore,
};

const POLICY: CachePolicy = CachePolicy::new("pages").default_ttl(Duration::from_secs(60));

struct Admin;

type Service = BoxCloneService<Request<Full<Bytes>>, Response<Page>, std::convert::Infallible>;
type Page = http_body_util::combinators::UnsyncBoxBody<Bytes, SessionError>;

/// A body that looks at the session when it is read.
struct Late<L> {
    look: Pin<Box<dyn Future<Output = Result<Option<String>, SessionError>> + Send>>,
    is_done: bool,
    layer: std::marker::PhantomData<fn() -> L>,
}

impl<L> Body for Late<L> {
    type Data = Bytes;
    type Error = SessionError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, SessionError>>> {
        if self.is_done {
            return Poll::Ready(None);
        }
        self.look.as_mut().poll(cx).map(|subject| {
            self.is_done = true;
            Some(subject.map(|subject| Frame::data(format!("{subject:?}").into())))
        })
    }
}

fn full(text: String) -> Page {
    let body = Full::new(Bytes::from(text));
    body.map_err(|never| match never {}).boxed_unsync()
}

/// `/late` looks while its body streams, `/any` not at all, all others at once.
async fn page<L: 'static>(
    request: Request<Full<Bytes>>,
) -> Result<Response<Page>, std::convert::Infallible> {
    let session = Session::<L>::of(request.extensions()).unwrap();
    let body = match request.uri().path() {
        "/any" => full("for everybody".into()),
        "/login" => {
            session.authenticate("alice").unwrap();
            full("welcome".into())
        }
        "/late" => Late::<L> {
            look: Box::pin(async move { session.subject().await }),
            is_done: false,
            layer: std::marker::PhantomData,
        }
        .boxed_unsync(),
        _ => full(format!("{:?}", session.subject().await.unwrap())),
    };
    let response = Response::builder().header("cache-control", "public, max-age=60");
    Ok(response.body(body).unwrap())
}

fn boxed<B>(
    service: impl tower::Service<
        Request<Full<Bytes>>,
        Response = Response<B>,
        Error = std::convert::Infallible,
        Future: Send,
    > + Clone
    + Send
    + 'static,
) -> Service
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Debug,
{
    let service = service.map_response(|response| {
        response.map(|body| {
            let fails = |error| panic!("a body has failed: {error:?}");
            body.map_err(fails).boxed_unsync()
        })
    });
    BoxCloneService::new(service)
}

/// Returns both orders: the session outside, and the cache outside.
fn stacks<L: 'static>() -> [Service; 2] {
    let sessions = || SessionLayer::new(MemoryStore::new()).marker::<L>();
    let cache = || ResponseCacheLayer::new(MemoryStore::new()).policy(POLICY);
    let inner = service_fn(page::<L>);
    let one = boxed(sessions().layer(boxed(cache().layer(inner))));
    let other = boxed(cache().layer(boxed(sessions().layer(inner))));
    [one, other]
}

async fn get(service: &Service, path: &str, cookie: Option<&str>) -> (String, Option<String>) {
    let mut request = Request::builder().uri(format!("https://example.com{path}"));
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie);
    }
    let request = request.body(Full::default()).unwrap();
    let response = service.clone().oneshot(request).await.unwrap();
    let set = response.headers().get("set-cookie");
    let set = set.map(|set| set.to_str().unwrap().split(';').next().unwrap().to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (String::from_utf8(body.to_vec()).unwrap(), set)
}

async fn assert_never_mixed<L: 'static>() {
    for stack in stacks::<L>() {
        let (_, cookie) = get(&stack, "/login", None).await;
        let cookie = cookie.unwrap();
        assert!(
            get(&stack, "/login", None)
                .await
                .1
                .is_some_and(|other| other != cookie)
        );
        for path in ["/now", "/late"] {
            // Each twice, so that what was stored would be found.
            for _ in 0..2 {
                let (alice, _) = get(&stack, path, Some(&cookie)).await;
                assert_eq!(alice, r#"Some("alice")"#, "{path}");
                let (nobody, _) = get(&stack, path, None).await;
                assert_eq!(nobody, "None", "{path}");
            }
        }
        // What has looked at no session is for everybody.
        for cookie in [None, Some(&*cookie)] {
            assert_eq!(get(&stack, "/any", cookie).await.0, "for everybody");
        }
    }
}

#[tokio::test]
async fn no_page_of_a_user_is_cached_in_either_order() {
    assert_never_mixed::<Main>().await;
}

#[tokio::test]
async fn nor_where_the_layer_has_a_marker_of_its_own() {
    assert_never_mixed::<Admin>().await;
}

/// A test that finds no mixture where nothing is stored at all would show nothing.
#[tokio::test]
async fn pages_that_look_at_no_session_are_cached() {
    for stack in stacks::<Main>() {
        for is_hit in [false, true] {
            let request = Request::builder().uri("https://example.com/any");
            let request = request.body(Full::default()).unwrap();
            let response = stack.clone().oneshot(request).await.unwrap();
            let status = response.headers()["cache-status"]
                .to_str()
                .unwrap()
                .to_owned();
            assert_eq!(status.contains(";hit"), is_hit, "{status}");
            response.into_body().collect().await.unwrap();
        }
    }
}

#[tokio::test]
async fn two_layers_and_a_cache_between_them_mix_nobody() {
    let store = MemoryStore::new();
    let users = SessionLayer::new(store.clone());
    let admins = SessionLayer::new(store)
        .name("admin")
        .cookie(SessionCookie::host("admin"))
        .marker::<Admin>();
    let cache = || ResponseCacheLayer::new(MemoryStore::new()).policy(POLICY);
    let stacks = [
        boxed(users.layer(boxed(
            cache().layer(boxed(admins.layer(service_fn(page::<Main>)))),
        ))),
        boxed(admins.layer(boxed(
            cache().layer(boxed(users.layer(service_fn(page::<Admin>)))),
        ))),
        boxed(users.layer(boxed(
            cache().layer(boxed(admins.layer(service_fn(page::<Admin>)))),
        ))),
        boxed(admins.layer(boxed(
            users.layer(boxed(cache().layer(service_fn(page::<Main>)))),
        ))),
        boxed(cache().layer(boxed(
            admins.layer(boxed(users.layer(service_fn(page::<Admin>)))),
        ))),
    ];
    for stack in stacks {
        let cookie = get(&stack, "/login", None).await.1.unwrap();
        for path in ["/now", "/late", "/now", "/late"] {
            assert_eq!(get(&stack, path, Some(&cookie)).await.0, r#"Some("alice")"#);
            assert_eq!(get(&stack, path, None).await.0, "None");
        }
    }
}
