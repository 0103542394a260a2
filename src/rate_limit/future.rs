//! The [`ResponseFuture`] of [`RateLimit`](super::RateLimit).

use std::{
    fmt,
    future::Future,
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
    head::Head,
    question::Pending,
    respond::Passed,
};
use crate::{
    body::{ResponseBody, Task},
    store::Result,
};

pin_project! {
    /// Asks the store, then the inner service.
    ///
    /// # Cancellation
    /// Dropped while it waits for the store, the request has been charged or not; it has not reached the service. Dropped
    /// later, what it was charged stays charged.
    pub struct ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S, S::Future, S::Response, ReqBody>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F, R, ReqBody> {
        // The store has to wait: the ready service and the request wait with it.
        Asking { asking: Asking, waiting: Option<Box<(S, Request<ReqBody>)>>, config: Arc<Config> },
        Passed { #[pin] future: F, passed: Option<Passed> },
        // The head waits until what the request was charged is corrected.
        Settling { settling: Task, response: Option<(R, Passed)> },
        Refused { response: Option<Response<Bytes>> },
    }
}

type Asking = Pin<Box<dyn Future<Output = (Answer, Outcome)> + Send>>;

impl<S, ReqBody> ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    #[inline]
    pub(super) fn new(config: &Arc<Config>, mut service: S, mut request: Request<ReqBody>) -> Self {
        let mut answer = Answer::default();
        let mut pending = Vec::new();
        let asked = if config.needs_parts() {
            let (parts, body) = request.into_parts();
            let asked = config.ask(&Head::whole(&parts), &mut answer.question, &mut pending);
            request = Request::from_parts(parts, body);
            asked
        } else {
            config.ask(&Head::of(&request), &mut answer.question, &mut pending)
        };
        let outcome = match asked {
            Err(refused) => {
                let outcome;
                (answer, outcome) = config.refused(refused);
                outcome
            }
            Ok(()) if !pending.is_empty() => {
                return Self::asking(config, answer, pending, service, request);
            }
            Ok(()) if answer.question.is_empty() => Outcome::Pass,
            Ok(()) => match config.decide_at_once(&mut answer) {
                Some(outcome) => outcome,
                None => return Self::asking(config, answer, pending, service, request),
            },
        };
        Self {
            state: State::decided(config, answer, outcome, &mut service, request),
        }
    }

    fn asking(
        config: &Arc<Config>,
        answer: Answer,
        pending: Vec<Pending>,
        service: S,
        request: Request<ReqBody>,
    ) -> Self {
        let charged = Charged::of(request.extensions()).cloned();
        let asking = Arc::clone(config).decide(answer, pending, charged);
        Self {
            state: State::Asking {
                asking: Box::pin(asking),
                waiting: Some(Box::new((service, request))),
                config: Arc::clone(config),
            },
        }
    }
}

impl<S, ReqBody> State<S, S::Future, S::Response, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    #[inline]
    fn decided(
        config: &Arc<Config>,
        answer: Answer,
        outcome: Outcome,
        service: &mut S,
        mut request: Request<ReqBody>,
    ) -> Self {
        match outcome {
            Outcome::Pass => {
                let passed = Some(Passed::new(config, answer, &mut request));
                let future = service.call(request);
                Self::Passed { future, passed }
            }
            Outcome::Refuse(reason) => {
                let response = Some(config.refuse(&answer, reason, request));
                Self::Refused { response }
            }
        }
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Asking {
                    asking,
                    waiting,
                    config,
                } => {
                    let (answer, outcome) = ready!(asking.as_mut().poll(cx));
                    let (mut service, request) = *waiting.take().expect(POLLED_AGAIN);
                    State::decided(config, answer, outcome, &mut service, request)
                }
                StateProjection::Passed { future, passed } => {
                    let response = ready!(future.poll(cx))?;
                    let mut passed = passed.take().expect(POLLED_AGAIN);
                    let (response, settling) = passed.settle(response);
                    match settling {
                        None => return Poll::Ready(Ok(passed.finish(response))),
                        Some(settling) => State::Settling {
                            settling,
                            response: Some((response, passed)),
                        },
                    }
                }
                StateProjection::Settling { settling, response } => {
                    ready!(settling.as_mut().poll(cx));
                    let (response, passed) = response.take().expect(POLLED_AGAIN);
                    return Poll::Ready(Ok(passed.finish(response)));
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

const POLLED_AGAIN: &str = "a future is not polled after it has answered";

impl<S, ReqBody> fmt::Debug for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
