//! What all lanes share: the client, the limits, the bill.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, header::CONTENT_TYPE};

use super::{
    endpoint::Endpoint,
    failure::Failure,
    lanes::Answers,
    queue::Lesson,
    request::Request,
    response::{self, NoAnswer, Shape},
    sync::SyncToken,
    transport,
    usage::Meter,
};
use crate::{executor::Executor, store::ErrorKind, time::Timer};

pub(super) struct Link {
    pub(super) client: reqwest::Client,
    pub(super) endpoint: Endpoint,
    pub(super) executor: Executor,
    pub(super) timer: Timer,
    pub(super) time_limit: Duration,
    pub(super) connect_time_limit: Duration,
    pub(super) max_value: usize,
    pub(super) meter: Meter,
    // Requests that go on without their lane.
    pub(super) late: Arc<AtomicUsize>,
    // On a global database only.
    pub(super) sync: Option<SyncToken>,
}

/// The most requests that go on without their lane.
const MAX_LATE: usize = 32;

/// One of them.
pub(super) struct Late(Arc<AtomicUsize>);

impl Drop for Late {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request on its way: the answers, and what they teach.
pub(super) type Exchange = Pin<Box<dyn Future<Output = (Answers, Lesson)> + Send>>;

impl Link {
    /// Begins a request, which is sent once and never again.
    pub(super) fn exchange(self: &Arc<Self>, request: Result<Request, Failure>) -> Exchange {
        let link = Arc::clone(self);
        Box::pin(async move {
            match request {
                Ok(request) => link.send(request).await,
                Err(failure) => (Err(failure), Lesson::Nothing),
            }
        })
    }

    /// Returns the permission to let a request go on without its lane, unless too many do.
    pub(super) fn late(&self) -> Option<Late> {
        let late = Late(Arc::clone(&self.late));
        (late.0.fetch_add(1, Ordering::Relaxed) < MAX_LATE).then_some(late)
    }

    async fn send(&self, request: Request) -> (Answers, Lesson) {
        let mut headers = self.endpoint.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(request.content_type));
        let known = self.sync.as_ref().map(SyncToken::get);
        if let Some(token) = known.as_ref().and_then(|known| known.token.clone()) {
            headers.insert(SyncToken::HEADER, token);
        }
        self.meter.sent(request.body.len());
        let post = self.client.post(request.url).headers(headers);
        let limit = request.load.max_answer(self.max_value);
        let answer = match transport::exchange(post.body(request.body), limit).await {
            Ok(answer) => answer,
            Err(NoAnswer::Failed(failure)) => return (Err(failure), Lesson::Nothing),
            Err(NoAnswer::TooLong(bytes)) => {
                self.meter.received(bytes);
                return (Err(too_long(request.shape)), Lesson::Answer(bytes));
            }
        };
        let bytes = answer.body.len();
        self.meter.received(bytes);
        if let (Some(sync), Some(known)) = (&self.sync, &known)
            && answer.status.is_success()
        {
            sync.advance(known, request.effect, answer.headers.get(SyncToken::HEADER));
        }
        match (response::answers(&answer, request.shape), request.shape) {
            (Ok(answers), _) => (Ok(answers), Lesson::Answer(bytes)),
            // None of the commands is too large by itself: the next request is to be smaller.
            (Err(mut failure), Shape::Many(_)) if failure.kind == ErrorKind::TooLarge => {
                failure.kind = ErrorKind::Unavailable;
                (Err(failure), Lesson::TooLarge)
            }
            (Err(failure), _) => (Err(failure), Lesson::Nothing),
        }
    }
}

fn too_long(shape: Shape) -> Failure {
    let kind = match shape {
        Shape::One => ErrorKind::TooLarge,
        Shape::Many(_) => ErrorKind::Unavailable,
    };
    Failure::new(kind, "an answer beyond what was asked for")
}
