//! Tower's contract: the error of the service, services that are not `Clone`, bodies of any kind.

use std::{
    future::{Ready, ready},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_upstash::{
    session::{Session, SessionLayer, SessionService},
    store::MemoryStore,
};

use super::app::{App, n};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Down;

/// A body that has no `Default`, and no `From` anything.
struct Odd(Option<Bytes>);

impl Body for Odd {
    type Data = Bytes;
    type Error = Down;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Down>>> {
        Poll::Ready(self.0.take().map(|data| Ok(Frame::data(data))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |data| data.len() as u64))
    }
}

/// A service that is not `Clone`, is ready once, and fails by an error of its own.
struct Once {
    is_ready: bool,
    answer: Option<Result<Response<Odd>, Down>>,
}

impl Service<Request<u8>> for Once {
    type Response = Response<Odd>;
    type Error = Down;
    type Future = Ready<Result<Response<Odd>, Down>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Down>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<u8>) -> Self::Future {
        assert!(self.is_ready, "whoever is called was ready");
        let session: Session = Session::of(request.extensions()).unwrap();
        session.set("n", request.body()).unwrap();
        ready(self.answer.take().unwrap())
    }
}

fn once(answer: Result<Response<Odd>, Down>) -> Once {
    Once {
        is_ready: false,
        answer: Some(answer),
    }
}

#[tokio::test]
async fn a_service_that_is_no_clone_and_a_body_of_any_kind_will_do() {
    let layer = SessionLayer::new(MemoryStore::new());
    let service: SessionService<Once> =
        layer.layer(once(Ok(Response::new(Odd(Some("odd".into()))))));
    let response = service.oneshot(Request::new(7)).await.unwrap();
    assert!(response.headers().contains_key("set-cookie"));
    assert_eq!(response.body().size_hint().exact(), Some(3));
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "odd"
    );
}

#[tokio::test]
async fn the_error_of_the_service_is_that_of_the_layer_and_writes_nothing() {
    let app = App::new();
    let answer: Result<_, Down> = app
        .layer
        .layer(once(Err(Down)))
        .oneshot(Request::new(7))
        .await;
    assert_eq!(answer.map(|_| ()).unwrap_err(), Down);
    assert_eq!(app.store.calls(), []);
}

#[tokio::test]
async fn a_logout_is_done_even_if_the_service_fails() {
    let app = App::new();
    let browser = app.visitor().await;
    let cookie = format!("__Host-id={}", browser.token().unwrap());
    let fails = service_fn(async |request: Request<()>| {
        let session: Session = Session::of(request.extensions()).unwrap();
        session.destroy().unwrap();
        Err::<Response<Odd>, _>(Down)
    });
    let request = Request::builder()
        .header("cookie", cookie)
        .body(())
        .unwrap();
    let answer = app.layer.layer(fails).oneshot(request).await;
    assert_eq!(answer.map(|_| ()).unwrap_err(), Down);
    assert_eq!(browser.visit(n).await.value(), None);
}

#[tokio::test]
async fn an_error_of_readiness_passes() {
    #[derive(Clone)]
    struct Never;
    impl Service<Request<()>> for Never {
        type Response = Response<Odd>;
        type Error = Down;
        type Future = Ready<Result<Response<Odd>, Down>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Down>> {
            Poll::Ready(Err(Down))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            unreachable!("it is never ready")
        }
    }
    let mut service = SessionLayer::new(MemoryStore::new()).layer(Never);
    assert_eq!(service.ready().await.map(|_| ()).unwrap_err(), Down);
}
