//! Users and services that want others to see what is not theirs.

mod followers;
mod poisoning;
mod users;
mod validation;

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneService};
use tower_upstash::{
    response_cache::{CachePolicy, Personal, ResponseBody, ResponseCacheLayer},
    store::{MemoryStore, SharedStore},
    time::ManualClock,
};

const MINUTE: Duration = Duration::from_secs(60);

type Asked = Request<Empty<Bytes>>;
type Answer = Response<Full<Bytes>>;

/// A service behind a cache whose clock is moved by hand.
#[derive(Clone)]
struct App {
    clock: ManualClock,
    layer: ResponseCacheLayer,
    service: BoxCloneService<Asked, Response<ResponseBody<Full<Bytes>>>, Infallible>,
}

/// What a client sees.
struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl App {
    fn new(
        policy: CachePolicy,
        handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let clock = ManualClock::default();
        let layer = ResponseCacheLayer::new(SharedStore::new(MemoryStore::new()))
            .clock(clock.clone())
            .policy(policy);
        let handler = Arc::new(handler);
        let service = service_fn(move |request: Asked| {
            let handler = Arc::clone(&handler);
            async move { Ok::<_, Infallible>(handler(&request)) }
        });
        let service = BoxCloneService::new(layer.layer(service));
        Self {
            clock,
            layer,
            service,
        }
    }

    fn plain(handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::new(CachePolicy::new("http"), handler)
    }

    async fn get(&self, lines: &[(&str, &str)]) -> Seen {
        self.ask(request(Method::GET, "http://a.example/", lines))
            .await
    }

    async fn ask(&self, request: Asked) -> Seen {
        let response = self.service.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Seen {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.into()).unwrap(),
        }
    }
}

impl Seen {
    fn is_hit(&self) -> bool {
        self.says("cache-status", ";hit")
    }

    fn says(&self, name: &str, text: &str) -> bool {
        let mut lines = self.headers.get_all(name).iter();
        lines.any(|line| line.to_str().unwrap().contains(text))
    }
}

fn request(method: Method, uri: &str, lines: &[(&str, &str)]) -> Asked {
    let mut request = Request::new(Empty::new());
    *request.method_mut() = method;
    *request.uri_mut() = uri.parse().unwrap();
    put(request.headers_mut(), lines);
    request
}

fn answer(status: u16, lines: &[(&str, &str)], body: &str) -> Answer {
    let mut answer = Response::new(Full::from(body.to_owned()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    put(answer.headers_mut(), lines);
    answer
}

fn put(headers: &mut HeaderMap, lines: &[(&str, &str)]) {
    for (name, value) in lines {
        headers.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
}

fn is_conditional(asked: &Asked) -> bool {
    let headers = asked.headers();
    headers.contains_key("if-none-match") || headers.contains_key("if-modified-since")
}

fn user(asked: &Asked) -> &str {
    let user = asked.headers().get("x-user");
    user.map_or("nobody", |user| user.to_str().unwrap())
}

fn mark(asked: &Asked) {
    asked.extensions().get::<Personal>().unwrap().mark();
}
