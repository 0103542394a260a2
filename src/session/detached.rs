//! A session that is watched beyond its request: by WebSockets, streams and jobs.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Event, Fingerprint, SessionError, SessionErrorKind, SessionInfo, config::Config, error::Result,
    subject,
};
use crate::{store::Identifier, time::Timestamp};

/// A session beyond its request: for a WebSocket, a stream or a job, which must end with it. Cheap to clone; clones share
/// what they know.
///
/// It ends with the token that it was made of: by a logout, by its lifetime, from elsewhere, and **by rotation**, hence also
/// when somebody logs in on the same session. Whoever holds the new token opens a new stream.
///
/// To look is no activity: a session whose only use is an open stream expires.
///
/// ```
/// use std::pin::pin;
/// use tower_upstash::session::Detached;
///
/// async fn socket(session: Detached, mut messages: tokio::sync::mpsc::Receiver<String>) {
///     // Outside of the loop: else each message begins it anew.
///     let mut ended = pin!(session.ended());
///     loop {
///         tokio::select! {
///             _ = &mut ended => break, // it has ended, or nobody knows for too long
///             message = messages.recv() => match message {
///                 Some(message) => println!("{message}"),
///                 None => break,
///             },
///         }
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Detached {
    config: Arc<Config>,
    identifier: Identifier,
    every: Duration,
    known: Arc<Mutex<Known>>,
}

/// What became of a session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Check {
    /// It is live.
    Live(SessionInfo),
    /// It has ended, or has another token. It stays so.
    Ended,
}

#[derive(Default)]
struct Known {
    /// The last answer, and when it came.
    answer: Option<(Timestamp, Check)>,
    /// When the last failure came.
    failed: Option<Timestamp>,
    trying: Option<Trying>,
}

/// Attempts of which none was answered; also those that were dropped, as by a `select!` that begins them anew.
#[derive(Clone, Copy)]
struct Trying {
    since: Timestamp,
    last: Timestamp,
}

impl Detached {
    /// After how many intervals without an answer [`ended`](Self::ended) gives up.
    const PATIENCE: u32 = 4;
    const SHORTEST: Duration = Duration::from_millis(100);

    /// Watches a stored session.
    pub(super) fn new(config: Arc<Config>, identifier: Identifier) -> Self {
        Self {
            config,
            identifier,
            every: Duration::from_secs(30),
            known: Arc::default(),
        }
    }

    /// Sets how old an answer may be, and how often [`ended`](Self::ended) looks. Default: 30 seconds. Zero: each
    /// [`check`](Self::check) asks the store; `ended` looks at most ten times a second.
    ///
    /// # Security
    /// For so long, a stream may outlive its session.
    #[must_use]
    pub const fn every(mut self, interval: Duration) -> Self {
        self.every = interval;
        self
    }

    /// Looks whether the session is live: one trip, or none if somebody has looked within the
    /// [interval](Self::every), by the clock of the layer.
    ///
    /// # Errors
    /// [`Store`](SessionErrorKind::Store), [`Corrupt`](SessionErrorKind::Corrupt): it is not known whether the session is
    /// live. Never an end.
    ///
    /// # Cancellation
    /// Nothing is written.
    pub async fn check(&self) -> Result<Check, SessionError> {
        match self.remembered() {
            Some(check) => Ok(check),
            None => self.ask().await,
        }
    }

    /// Waits until the session has ended, at most an [interval](Self::every) longer.
    ///
    /// Keep one call, as in the example. Where each message begins it anew, a store that answers more slowly than messages
    /// come is never heard; that counts as a failure of the store.
    ///
    /// # Errors
    /// A store that fails is asked again after each interval. If there was no answer for four intervals (two minutes by
    /// default), the last error: end the stream then too, since nobody knows about its session.
    /// [`Store`](SessionErrorKind::Store) at once if the layer has no timer.
    ///
    /// # Cancellation
    /// Nothing is written. What was learned is kept.
    pub async fn ended(&self) -> Result<(), SessionError> {
        let Some(timer) = &self.config.timer else {
            let why = "a session cannot be watched without a timer";
            return Err(SessionError::new(SessionErrorKind::Store, why));
        };
        loop {
            if let Some(Check::Ended) = self.remembered() {
                return Ok(());
            }
            let pause = self.pause();
            if !pause.is_zero() {
                timer.sleep(pause).await;
            }
            if self.is_hopeless() {
                let why = "it was not known for too long whether the session is live";
                return Err(SessionError::new(SessionErrorKind::Store, why));
            }
            match self.ask().await {
                Ok(Check::Ended) => return Ok(()),
                Err(error) if self.is_hopeless() => return Err(error),
                Ok(Check::Live(_)) | Err(_) => {}
            }
        }
    }

    /// Returns what is known, if it is young enough and still true by the clock.
    fn remembered(&self) -> Option<Check> {
        let known = self.known();
        let (at, check) = known.answer.as_ref()?;
        let now = self.config.now();
        let is_true = match check {
            Check::Ended => true,
            Check::Live(info) => {
                since(*at, now).is_some_and(|age| age < self.every)
                    && subject::is_live(&self.config, &info.record, now)
            }
        };
        is_true.then(|| check.clone())
    }

    /// Returns how often to look: a store in this process answers at once, and the thread would do nothing else.
    fn interval(&self) -> Duration {
        self.every.max(Self::SHORTEST)
    }

    /// Returns how long to wait before the next look.
    fn pause(&self) -> Duration {
        let known = self.known();
        let last = known.answer.as_ref().map(|(at, _)| *at).max(known.failed);
        let age = last.and_then(|last| since(last, self.config.now()));
        age.map_or(Duration::ZERO, |age| self.interval().saturating_sub(age))
    }

    /// Returns whether there was no answer for too long.
    fn is_hopeless(&self) -> bool {
        let patience = self.interval().saturating_mul(Self::PATIENCE);
        let trying = self.known().trying;
        let tried = trying.and_then(|trying| since(trying.since, self.config.now()));
        tried.is_some_and(|tried| tried >= patience) && self.is_trying(self.config.now())
    }

    /// Returns whether the last attempt is so near that the next one belongs to it: a stream that was silent for an hour
    /// has not failed for an hour.
    fn is_trying(&self, now: Timestamp) -> bool {
        let pause = self.interval().saturating_mul(2);
        let pause = pause.saturating_add(self.config.time_limit);
        let trying = self.known().trying;
        trying.is_some_and(|trying| since(trying.last, now).is_some_and(|age| age <= pause))
    }

    async fn ask(&self) -> Result<Check> {
        let now = self.config.now();
        let is_trying = self.is_trying(now);
        {
            let mut known = self.known();
            let earlier = known.trying.filter(|_| is_trying);
            known.trying = Some(Trying {
                since: earlier.map_or(now, |trying| trying.since),
                last: now,
            });
        }
        let answer = self.config.within(self.read()).await;
        let mut known = self.known();
        match &answer {
            Ok(check) => {
                known.trying = None;
                known.failed = None;
                // An end that was seen by a clone stays.
                if !matches!(known.answer, Some((_, Check::Ended))) {
                    known.answer = Some((now, check.clone()));
                }
            }
            Err(_) => known.failed = Some(self.config.now()),
        }
        answer
    }

    async fn read(&self) -> Result<Check> {
        let config = &self.config;
        let key = config.key(&self.identifier);
        let entry = config.heard(config.store.get(&key).await)?;
        let Some(entry) = entry else {
            return Ok(Check::Ended);
        };
        let record = config
            .decode(&self.identifier, entry.value())
            .inspect_err(|_| {
                let session = Fingerprint::of(&self.identifier);
                config.tell(&Event::Corrupt { session });
            })?;
        if !subject::is_live(config, &record, config.now()) {
            return Ok(Check::Ended);
        }
        Ok(Check::Live(SessionInfo {
            record: Box::new(record),
            is_current: true,
        }))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns how much later `now` is; `None` if the clock has gone back.
fn since(then: Timestamp, now: Timestamp) -> Option<Duration> {
    let age = now.as_micros().checked_sub(then.as_micros());
    age.map(Duration::from_micros)
}

impl fmt::Debug for Detached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detached")
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
