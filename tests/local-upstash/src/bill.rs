//! The bill: what Upstash would count.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Entries beyond this many push out the oldest; the totals stay exact.
const LOG: usize = 10_000;

/// The requests and billed commands of a server so far.
///
/// A clone shows the same bill. An entry is written before its answer is sent.
#[derive(Clone, Default)]
pub struct Bill {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    requests: u64,
    commands: u64,
    log: VecDeque<Entry>,
}

/// One HTTP request, without keys and values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The method.
    pub method: String,
    /// The first segment of the path: `/`, `/pipeline`, `/get`.
    pub path: String,
    /// What was answered, or nothing where a fault swallowed the answer.
    pub status: Option<u16>,
    /// The billed commands: each one sent, and each one that its scripts called.
    pub commands: u64,
}

impl Bill {
    /// Returns the number of HTTP requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// Returns the number of billed commands.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.lock().commands
    }

    /// Returns the last 10,000 requests, the oldest first.
    #[must_use]
    pub fn log(&self) -> Vec<Entry> {
        self.lock().log.iter().cloned().collect()
    }

    /// Starts a new bill.
    pub fn reset(&self) {
        *self.lock() = State::default();
    }

    pub(crate) fn record(&self, entry: Entry) {
        let mut state = self.lock();
        state.requests += 1;
        state.commands += entry.commands;
        if state.log.len() == LOG {
            state.log.pop_front();
        }
        state.log.push_back(entry);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bill")
            .field("requests", &self.requests())
            .field("commands", &self.commands())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self
            .status
            .map_or("no answer".to_owned(), |s| s.to_string());
        let Self {
            method,
            path,
            commands,
            ..
        } = self;
        let plural = if *commands == 1 { "" } else { "s" };
        write!(f, "{method} {path} {status}, {commands} command{plural}")
    }
}
