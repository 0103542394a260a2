//! Faults that requests run into.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The request is executed and answered later.
    Delay(Duration),
    /// The request is read and never answered, nor executed.
    BlackHole,
    /// The connection ends without an answer; nothing is executed.
    DropBefore,
    /// The connection ends without an answer; the request *is* executed.
    DropAfter,
    /// The connection is reset; nothing is executed.
    Reset,
    /// This status with a page of HTML, as proxies answer; nothing is executed.
    Html(u16),
    /// Status 200 with `{"error":…}` of this text; nothing is executed.
    ErrorWith200(String),
    /// The connection ends in the middle of the body; the request is executed.
    Truncated,
    /// A complete HTTP response whose JSON is cut in the middle; the request is executed.
    CutJson,
    /// Redis forgets its scripts just before the request.
    ScriptsLost,
    /// 401, as if the token were wrong.
    WrongToken,
    /// The daily quota is used up; nothing is executed.
    QuotaExceeded,
    /// Bytes that are not HTTP; nothing is executed.
    Garbage,
}

/// A fault, and which requests it hits: all of them until cleared, unless narrowed.
#[derive(Clone, Debug)]
pub struct Injection {
    fault: Fault,
    left: Option<u64>,
    path: Option<String>,
}

/// The faults of a server. A clone is the same handle.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    injections: Arc<Mutex<Vec<Injection>>>,
}

impl Fault {
    /// Hits only the next `requests`.
    #[must_use]
    pub fn times(self, requests: u64) -> Injection {
        Injection::from(self).times(requests)
    }

    /// Hits only requests whose path starts with this one, such as `/pipeline`; `/` alone is exactly itself.
    #[must_use]
    pub fn on(self, path: impl Into<String>) -> Injection {
        Injection::from(self).on(path)
    }
}

impl Injection {
    /// Hits only the next `requests`.
    #[must_use]
    pub fn times(mut self, requests: u64) -> Self {
        self.left = Some(requests);
        self
    }

    /// Hits only requests whose path starts with this one, such as `/pipeline`; `/` alone is exactly itself.
    #[must_use]
    pub fn on(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    fn hits(&self, path: &str) -> bool {
        self.left != Some(0)
            && match self.path.as_deref() {
                None => true,
                Some("/") => path == "/",
                Some(prefix) => path.starts_with(prefix),
            }
    }
}

impl From<Fault> for Injection {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            left: None,
            path: None,
        }
    }
}

impl Faults {
    /// Adds a fault. A request runs into the first one, in the order of injection, that hits it.
    pub fn inject(&self, injection: impl Into<Injection>) {
        self.lock().push(injection.into());
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn take(&self, path: &str) -> Option<Fault> {
        let mut injections = self.lock();
        let place = injections.iter().position(|i| i.hits(path))?;
        let injection = &mut injections[place];
        injection.left = injection.left.map(|left| left - 1);
        let fault = injection.fault.clone();
        if injection.left == Some(0) {
            injections.remove(place);
        }
        Some(fault)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Injection>> {
        self.injections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
