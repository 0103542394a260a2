//! What the leader of a fill shares with those who wait.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;

use super::{
    personal::Marks,
    question::Question,
    ready::Ready,
    recording::{Follow, Reader},
    stored::{Stored, StoredHead},
};
use crate::time::Timestamp;

/// A response that others may have, too. Cheap to clone.
#[derive(Clone)]
pub(super) struct Landed(Arc<Inner>);

struct Inner {
    head: Arc<StoredHead>,
    body: Body,
    marks: Option<Marks>,
}

enum Body {
    Complete(Bytes),
    Growing(Follow),
}

/// The body of a follower's response.
pub(super) enum Followed {
    Complete(Bytes),
    // And what says that it is for one user after all.
    Growing(Reader, Marks),
}

impl Landed {
    pub(super) fn complete(stored: &Stored) -> Self {
        Self(Arc::new(Inner {
            head: Arc::new(stored.head.clone()),
            body: Body::Complete(stored.body.clone()),
            marks: None,
        }))
    }

    pub(super) fn growing(head: Arc<StoredHead>, recording: Follow, marks: Marks) -> Self {
        Self(Arc::new(Inner {
            head,
            body: Body::Growing(recording),
            marks: Some(marks),
        }))
    }

    pub(super) fn head(&self) -> &StoredHead {
        &self.0.head
    }

    /// Returns whether it answers another request for the same key.
    pub(super) fn suits(
        &self,
        policy: &Ready,
        question: &Question,
        request: &HeaderMap,
        now: Timestamp,
    ) -> bool {
        let is_personal = self.0.marks.as_ref().is_some_and(Marks::is_personal);
        !is_personal
            && question.admits(policy, self.head())
            && question.accepts(&self.head().freshness, now)
            && self.head().vary.matches(request, &policy.normalise)
    }

    /// Returns the body; `None` if it can no longer be shared.
    pub(super) fn body(&self) -> Option<Followed> {
        match &self.0.body {
            Body::Complete(bytes) => Some(Followed::Complete(bytes.clone())),
            Body::Growing(recording) => {
                let marks = self.0.marks.clone()?;
                let reader = recording.reader()?;
                Some(Followed::Growing(reader, marks))
            }
        }
    }
}
