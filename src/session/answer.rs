//! What becomes of a response: what it says of the session, and what takes its place where that is not true.

use std::{future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Response};

use super::{
    SessionError,
    error::Result,
    grpc::{is_grpc, is_server_error},
    headers,
    state::{Current, State, Telling},
};
use crate::body::ResponseBody;

/// Whether the service has done what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Done,
    /// It has failed, and what it has queued goes with it.
    Failed,
}

impl Verdict {
    pub(super) fn of<B, E>(answer: &Result<Response<B>, E>) -> Self {
        match answer {
            Ok(response) if !is_server_error(response.status(), response.headers()) => Self::Done,
            _ => Self::Failed,
        }
    }
}

impl State {
    /// Decides what is written, now that the head is there; none if nothing is.
    pub(super) fn conclude(
        self: &Arc<Self>,
        verdict: Verdict,
    ) -> Option<Pin<Box<dyn Future<Output = Result<()>> + Send>>> {
        let mut work = self.work();
        self.seal();
        let touches = verdict == Verdict::Done && !work.is_no_activity;
        if verdict == Verdict::Failed {
            work.discard();
        }
        let is_due = |current: &Arc<Current>| touches && current.is_touch_due;
        if work.is_abandoned && verdict == Verdict::Done {
            work.discard();
        }
        let may_fail = verdict == Verdict::Done;
        // What another task commits is told by this head, or by none.
        let has_work = !work.pending.is_nothing()
            || work.commits > 0
            || work.is_abandoned && may_fail
            || work.current.as_ref().is_some_and(is_due);
        drop(work);
        has_work.then(|| {
            let state = Arc::clone(self);
            Box::pin(async move {
                state.commit(touches).await?;
                // Also by another task, while this one waited.
                if may_fail && state.work().is_abandoned {
                    return Err(SessionError::abandoned());
                }
                Ok(())
            }) as _
        })
    }

    /// Finishes a response: with what became of the commit.
    pub(super) fn answer<B, E>(
        &self,
        answer: Result<Response<B>, E>,
        committed: &Result<()>,
    ) -> Result<Response<ResponseBody<B>>, E> {
        let verdict = Verdict::of(&answer);
        let mut response = answer?.map(ResponseBody::inner);
        if let (Verdict::Done, Err(error)) = (verdict, committed) {
            response = self
                .refusal(error, response.headers())
                .map(ResponseBody::own);
        }
        self.mark(response.headers_mut());
        Ok(response)
    }

    /// Says that the client's request was not done, in its own language.
    fn refusal(&self, error: &SessionError, headers: &HeaderMap) -> Response<Bytes> {
        match &self.config.on_error {
            _ if is_grpc(headers) => error.to_grpc_response(headers),
            Some(hook) => hook(error),
            None => error.to_response(),
        }
    }

    fn mark(&self, fields: &mut HeaderMap) {
        headers::vary(fields, &self.config.transports);
        let Some(telling) = self.take_telling() else {
            return;
        };
        if let Some(transport) = self.config.transports.get(self.presented.transport) {
            telling.with(|tell| headers::tell(fields, transport, tell));
        }
        if self.config.clears_site_data && matches!(telling, Telling::Removal) {
            headers::clear_site_data(fields);
        }
    }
}
