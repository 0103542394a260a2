//! The [`ResponseFuture`] of [`ResponseCache`](super::ResponseCache).

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    BoxError, ResponseBody, answer::How, config::Config, exchange::Exchange, question::Asked,
    reading::Begun, semantics::cache_status::FwdReason, unsafe_method,
};

pin_project! {
    /// Answers from the cache, or asks the inner service.
    ///
    /// # Cancellation
    /// Dropped while it waits for another request that misses, or for the store, nothing has happened. Dropped while it asks
    /// the service for others, too, one of them asks anew. A refresh in the background goes on. A body that is dropped
    /// before its end stores nothing, unless others read on, or the policy
    /// [finishes what is abandoned](super::CachePolicy::finish_abandoned).
    pub struct ResponseFuture<S, ReqBody, ResBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S::Future, S::Error, ResBody>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, E, ResBody> {
        Answered { response: Option<Response<ResponseBody<ResBody>>> },
        // What the cache has nothing to do with.
        Passed { #[pin] future: F, config: Arc<Config> },
        // All that has to wait.
        Working { future: Working<ResBody, E> },
    }
}

pub(super) type Working<B, E> =
    Pin<Box<dyn Future<Output = Result<Response<ResponseBody<B>>, E>> + Send>>;

impl<S, ReqBody, ResBody> ResponseFuture<S, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Send + 'static,
    S::Future: Send + 'static,
    ReqBody: Body + Send + 'static,
    ResBody: Body<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    pub(super) fn new(config: &Arc<Config>, mut service: S, mut request: Request<ReqBody>) -> Self {
        let state = match config.question(&mut request) {
            Asked::Bypass => State::Passed {
                future: service.call(request),
                config: Arc::clone(config),
            },
            Asked::Method => State::Working {
                future: Box::pin(unsafe_method::pass(Arc::clone(config), service, request)),
            },
            Asked::Question(question) => match config.begin(&question, request.headers()) {
                Begun::Answered(response) => State::Answered {
                    response: Some(response),
                },
                begun => {
                    let exchange = Exchange {
                        config: Arc::clone(config),
                        service,
                        request,
                        question,
                    };
                    State::Working {
                        future: Box::pin(exchange.run(begun)),
                    }
                }
            },
        };
        Self { state }
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project().state.project() {
            StateProjection::Answered { response } => Ok(response
                .take()
                .expect("a future is not polled after it has answered")),
            StateProjection::Passed { future, config } => ready!(future.poll(cx))
                .map(|response| config.pass(response, How::forwarded(FwdReason::Bypass))),
            StateProjection::Working { future } => ready!(future.as_mut().poll(cx)),
        })
    }
}

impl<S, ReqBody, ResBody> fmt::Debug for ResponseFuture<S, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
