//! The [`ResponseFuture`] of [`RateLimit`](super::RateLimit).

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    answer::{Answer, Outcome},
    charged::Charged,
    config::Config,
    question::Pending,
    settlement::{Settling, Stream},
};
use crate::{body::ResponseBody, store::Result};

pin_project! {
    /// Asks the store, then the inner service.
    ///
    /// # Cancellation
    /// Dropped while it waits for the store, the request has been charged or not; it has not reached the service. Dropped
    /// later, what it was charged stays charged; a correction that is under way goes on, if there is an
    /// [executor](super::RateLimitLayer::executor).
    pub struct ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S, S::Future, S::Response, ReqBody>,
        config: Arc<Config>,
        // Beside the state: it is large, and stays where it is.
        answer: Answer,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F, R, ReqBody> {
        // The store has to wait: the ready service and the request wait with it.
        Asking { asking: Asking, waiting: Option<Box<(S, Request<ReqBody>)>> },
        Passed { #[pin] future: F },
        // The head waits until what the request was charged is corrected.
        Settling { settling: Option<Settling>, response: Option<R> },
        Refused { response: Option<Response<Bytes>> },
    }
}

type Asking = Pin<Box<dyn Future<Output = (Answer, Outcome)> + Send>>;

impl<S, ReqBody> ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    #[inline(never)] // inlined, it copies the request once more
    pub(super) fn new(config: &Arc<Config>, mut service: S, mut request: Request<ReqBody>) -> Self {
        let mut answer = Answer::default();
        let mut pending = None;
        let state = match config.begin(&mut request, &mut answer, &mut pending) {
            Some(Outcome::Pass) => State::Passed {
                future: service.call(request),
            },
            Some(Outcome::Refuse(reason)) => State::Refused {
                response: Some(config.refuse(&answer, reason, &mut request)),
            },
            None => {
                let pending = pending.take().unwrap_or_default();
                State::asking(config, &mut answer, pending, service, request)
            }
        };
        Self {
            state,
            config: Arc::clone(config),
            answer,
        }
    }
}

impl<S, ReqBody> State<S, S::Future, S::Response, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    // Apart: its future is larger than all the rest, and room on the stack is not free.
    #[inline(never)]
    fn asking(
        config: &Arc<Config>,
        answer: &mut Answer,
        pending: Vec<Pending>,
        service: S,
        request: Request<ReqBody>,
    ) -> Self {
        let charged = Charged::of(request.extensions()).cloned();
        let asking = Arc::clone(config).decide(mem::take(answer), pending, charged);
        Self::Asking {
            asking: Box::pin(asking),
            waiting: Some(Box::new((service, request))),
        }
    }

    fn decided(
        config: &Config,
        answer: &mut Answer,
        outcome: Outcome,
        (mut service, mut request): (S, Request<ReqBody>),
    ) -> Self {
        match outcome {
            Outcome::Pass => {
                config.pass(answer, &mut request);
                Self::Passed {
                    future: service.call(request),
                }
            }
            Outcome::Refuse(reason) => Self::Refused {
                response: Some(config.refuse(answer, reason, &mut request)),
            },
        }
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (mut state, config, answer) = (this.state, this.config, this.answer);
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Asking { asking, waiting } => {
                    let outcome;
                    (*answer, outcome) = ready!(asking.as_mut().poll(cx));
                    let waiting = *waiting.take().expect(POLLED_AGAIN);
                    State::decided(config, answer, outcome, waiting)
                }
                StateProjection::Passed { future } => {
                    let mut response = ready!(future.poll(cx))?;
                    if !config.has_corrections(answer, response.extensions()) {
                        // By reference: each move of the response costs as much as all of this.
                        return Poll::Ready(Ok(match config.finish(answer, &mut response) {
                            None => response.map(ResponseBody::inner),
                            Some(stream) => watched(response, stream),
                        }));
                    }
                    let (settling, response) = settle(config, answer, response);
                    State::Settling {
                        settling,
                        response: Some(response),
                    }
                }
                StateProjection::Settling { settling, response } => {
                    if let Some(settling) = settling {
                        let corrected = ready!(Pin::new(settling).poll(cx));
                        answer.correct(&corrected);
                    }
                    let mut response = response.take().expect(POLLED_AGAIN);
                    return Poll::Ready(Ok(match config.finish(answer, &mut response) {
                        None => response.map(ResponseBody::inner),
                        Some(stream) => watched(response, stream),
                    }));
                }
                StateProjection::Refused { response } => {
                    let response = response.take().expect(POLLED_AGAIN);
                    return Poll::Ready(Ok(response.map(ResponseBody::own)));
                }
            };
            state.set(next);
        }
    }
}

#[inline(never)] // it takes the response apart, which is rarely asked
fn settle<B>(
    config: &Arc<Config>,
    answer: &mut Answer,
    response: Response<B>,
) -> (Option<Settling>, Response<B>) {
    let (parts, body) = response.into_parts();
    let settling = config.settle(answer, &parts);
    (settling, Response::from_parts(parts, body))
}

#[inline(never)]
fn watched<B>(response: Response<B>, stream: Box<Stream>) -> Response<ResponseBody<B>> {
    response.map(|body| ResponseBody::watched(body, stream))
}

const POLLED_AGAIN: &str = "a future is not polled after it has answered";

impl<S, ReqBody> fmt::Debug for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
