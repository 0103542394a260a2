//! What the leader of a fill shares with those who wait.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;

use super::{
    config::Config,
    personal::Marks,
    question::Question,
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
    Growing(Follow, Mutex<Progress>),
}

/// How far a body was when somebody has last seen it go on.
struct Progress {
    received: u64,
    at: Timestamp,
}

/// The body of a follower's response.
pub(super) enum Followed {
    Complete(Bytes),
    Growing(Reader),
}

impl Landed {
    pub(super) fn complete(stored: &Stored) -> Self {
        Self(Arc::new(Inner {
            head: Arc::new(stored.head.clone()),
            body: Body::Complete(stored.body.clone()),
            marks: None,
        }))
    }

    pub(super) fn growing(
        head: Arc<StoredHead>,
        recording: Follow,
        marks: Marks,
        at: Timestamp,
    ) -> Self {
        let progress = Progress { received: 0, at };
        Self(Arc::new(Inner {
            head,
            body: Body::Growing(recording, Mutex::new(progress)),
            marks: Some(marks),
        }))
    }

    pub(super) fn head(&self) -> &StoredHead {
        &self.0.head
    }

    /// Returns whether it answers another request for the same key.
    pub(super) fn suits(&self, config: &Config, question: &Question, request: &HeaderMap) -> bool {
        let (policy, head, now) = (&config.policy, self.head(), config.now());
        let is_personal = self.0.marks.as_ref().is_some_and(Marks::is_personal);
        !is_personal
            // The request may have seen a purge that the leader has not.
            && config.family.purging.admits(head.stamp, &head.tags)
            && question.admits(policy, head)
            && question.accepts(&head.freshness, now)
            && head.vary.matches(request, &policy.normalise)
            && self.goes_on(policy.policy.collapse_wait, now)
    }

    /// Returns whether the body has not stood still for so long. Else whoever came would wait with all who came before: as
    /// long as there is somebody, it is not given up.
    fn goes_on(&self, wait: Duration, now: Timestamp) -> bool {
        let Body::Growing(recording, progress) = &self.0.body else {
            return true;
        };
        let received = recording.received();
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        if received != progress.received {
            *progress = Progress { received, at: now };
        }
        now <= progress.at.after(wait)
    }

    /// Returns the body; `None` if it can no longer be shared.
    pub(super) fn body(&self) -> Option<Followed> {
        match &self.0.body {
            Body::Complete(bytes) => Some(Followed::Complete(bytes.clone())),
            Body::Growing(recording, _) => recording.reader().map(Followed::Growing),
        }
    }
}
