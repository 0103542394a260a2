//! The [`ResponseFuture`] of [`SessionService`](super::SessionService).

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{answer::Verdict, error, state::State as Session};
use crate::body::ResponseBody;

pin_project! {
    /// Calls the inner service, and commits its session before the head of the response leaves.
    ///
    /// # Cancellation
    /// Dropped before the inner service has answered, nothing is written. Dropped while the session is committed, it is
    /// written wholly or not at all.
    pub struct ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S::Future, S::Response, S::Error>,
        session: Arc<Session>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, R, E> {
        Called { #[pin] future: F },
        // The answer waits until what it says is true.
        Committing { commit: Committing, answer: Option<Result<R, E>> },
    }
}

type Committing = Pin<Box<dyn Future<Output = error::Result<()>> + Send>>;

impl<S, ReqBody> ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    pub(super) const fn new(future: S::Future, session: Arc<Session>) -> Self {
        Self {
            state: State::Called { future },
            session,
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
        let (mut state, session) = (this.state, this.session);
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Called { future } => {
                    let answer = ready!(future.poll(cx));
                    if session.seal_unused() {
                        return Poll::Ready(
                            answer.map(|response| response.map(ResponseBody::inner)),
                        );
                    }
                    match session.conclude(Verdict::of(&answer)) {
                        None => return Poll::Ready(session.answer(answer, &Ok(()))),
                        Some(commit) => State::Committing {
                            commit,
                            answer: Some(answer),
                        },
                    }
                }
                StateProjection::Committing { commit, answer } => {
                    let committed = ready!(commit.as_mut().poll(cx));
                    let answer = answer
                        .take()
                        .expect("a future is not polled after it has answered");
                    return Poll::Ready(session.answer(answer, &committed));
                }
            };
            state.set(next);
        }
    }
}

impl<S, ReqBody> fmt::Debug for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
