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
    Report,
    by::Head,
    config::{Config, Question, Verdict},
    refusal,
};
use crate::{
    body::ResponseBody,
    store::{Decisions, Result, Store},
};

pin_project! {
    /// Asks the store, then the inner service.
    ///
    /// Dropped while it waits for the store, the request has been charged or not; it has not reached the service.
    pub struct ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S, S::Future, ReqBody>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F, ReqBody> {
        // The store has to wait: the ready service and the request wait with it.
        Asking { asking: Asking, waiting: Option<Box<(S, Request<ReqBody>)>>, config: Arc<Config> },
        Passed { #[pin] future: F, report: Option<Report> },
        Refused { response: Option<Response<Bytes>> },
    }
}

type Asking = Pin<Box<dyn Future<Output = (Question, Result<Decisions>)> + Send>>;

impl<S, ReqBody> ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    #[inline]
    pub(super) fn new(config: &Arc<Config>, service: S, mut request: Request<ReqBody>) -> Self {
        let mut question = Question::default();
        let asked = if config.needs_parts() {
            let (parts, body) = request.into_parts();
            let asked = config.ask(&Head::whole(&parts), &mut question);
            request = Request::from_parts(parts, body);
            asked
        } else {
            config.ask(&Head::of(&request), &mut question)
        };
        if let Err(limit) = asked {
            return Self::refused(refusal::missing(limit));
        }
        let mut decisions = Decisions::new();
        if question.claims.is_empty() {
            return Self::answered(config.answer(&question, Ok(&decisions)), service, request);
        }
        let Some(answer) = config.store.try_acquire(&question.claims, &mut decisions) else {
            return Self::asking(config, question, service, request);
        };
        let verdict = config.answer(&question, answer.as_ref().map(|()| &decisions));
        Self::answered(verdict, service, request)
    }

    #[inline]
    fn answered(verdict: Verdict, mut service: S, request: Request<ReqBody>) -> Self {
        match verdict {
            Verdict::Pass(report) => Self {
                state: State::Passed {
                    future: service.call(request),
                    report,
                },
            },
            Verdict::Refuse(response) => Self::refused(response),
        }
    }

    fn asking(
        config: &Arc<Config>,
        question: Question,
        service: S,
        request: Request<ReqBody>,
    ) -> Self {
        let store = config.store.clone();
        let asking = Box::pin(async move {
            let answer = store.acquire_later(&question.claims).await;
            (question, answer)
        });
        let waiting = Some(Box::new((service, request)));
        Self {
            state: State::Asking {
                asking,
                waiting,
                config: Arc::clone(config),
            },
        }
    }

    const fn refused(response: Response<Bytes>) -> Self {
        Self {
            state: State::Refused {
                response: Some(response),
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
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Asking {
                    asking,
                    waiting,
                    config,
                } => {
                    let (question, answer) = ready!(asking.as_mut().poll(cx));
                    let (mut service, request) = *waiting.take().expect(POLLED_AGAIN);
                    match config.answer(&question, answer.as_ref()) {
                        Verdict::Pass(report) => State::Passed {
                            future: service.call(request),
                            report,
                        },
                        Verdict::Refuse(response) => State::Refused {
                            response: Some(response),
                        },
                    }
                }
                StateProjection::Passed { future, report } => {
                    let mut response = ready!(future.poll(cx))?;
                    if let Some(report) = report.take() {
                        response.extensions_mut().insert(report);
                    }
                    return Poll::Ready(Ok(response.map(ResponseBody::inner)));
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
