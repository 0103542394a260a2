//! An app with sessions: its layer, its store, and a clock that is moved by hand.

use std::{
    future::{Future, poll_fn},
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use tower_upstash::{
    session::{Lifetime, Session, SessionError, SessionErrorKind, SessionLayer},
    store::{MemoryStore, SharedStore},
    time::ManualClock,
};

use super::{browser::Browser, spy::Spy};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);
/// As the default, with a cookie that is kept.
pub(super) const REMEMBERED: Lifetime = Lifetime::new(
    Duration::from_secs(30 * 60),
    Duration::from_secs(12 * 60 * 60),
)
.persistent();

pub(super) type Outcome<T> = Result<T, SessionError>;

pub(super) struct App {
    pub(super) layer: SessionLayer,
    pub(super) store: Spy,
    pub(super) clock: ManualClock,
    events: Arc<Mutex<Vec<String>>>,
}

impl App {
    pub(super) fn new() -> Self {
        Self::with(|layer| layer)
    }

    pub(super) fn with(change: impl FnOnce(SessionLayer) -> SessionLayer) -> Self {
        let clock = ManualClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        Self::over(store, clock, change)
    }

    /// Returns an app whose store ends nothing by itself.
    pub(super) fn on_an_eternal_store() -> Self {
        let store = MemoryStore::builder().clock(ManualClock::default()).build();
        Self::over(store, ManualClock::default(), |layer| layer)
    }

    fn over(
        store: MemoryStore,
        clock: ManualClock,
        change: impl FnOnce(SessionLayer) -> SessionLayer,
    ) -> Self {
        let store = Spy::new(store);
        let events = Arc::<Mutex<Vec<String>>>::default();
        let told = Arc::clone(&events);
        let layer = SessionLayer::new(SharedStore::new(store.clone()))
            .clock(clock.clone())
            .on_event(move |event| {
                told.lock().unwrap().push(format!("{event:?} — {event}"));
            });
        Self {
            layer: change(layer),
            store,
            clock,
            events,
        }
    }

    pub(super) fn browser(&self) -> Browser {
        Browser::new(&self.layer)
    }

    /// Returns a browser that has a session, in which `n` is 1.
    pub(super) async fn visitor(&self) -> Browser {
        let browser = self.browser();
        browser.visit(async |s| s.set("n", &1)).await.value();
        self.forget();
        browser
    }

    /// Returns a browser in which a user has logged in.
    pub(super) async fn user(&self, name: &str) -> Browser {
        let browser = self.browser();
        browser.visit(async |s| s.authenticate(name)).await.value();
        self.forget();
        browser
    }

    /// Forgets calls and events.
    pub(super) fn forget(&self) {
        self.store.calls();
        self.told();
    }

    /// Returns all texts of the events since the last time.
    pub(super) fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.events.lock().unwrap())
    }

    /// Returns the names of the events since the last time.
    pub(super) fn events(&self) -> Vec<String> {
        let told = self.told();
        let name = |text: &String| text.split(' ').next().unwrap().to_owned();
        told.iter().map(name).collect()
    }
}

/// What the handler of a page does that shows `n`.
pub(super) async fn n(session: Session) -> Outcome<Option<u64>> {
    session.get("n").await
}

pub(super) async fn subject(session: Session) -> Outcome<Option<String>> {
    session.subject().await
}

pub(super) async fn count(session: Session) -> Outcome<()> {
    session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1)
}

pub(super) async fn log_out(session: Session) -> Outcome<()> {
    session.destroy()
}

#[track_caller]
pub(super) fn kind<T: std::fmt::Debug>(result: &Outcome<T>) -> SessionErrorKind {
    result.as_ref().unwrap_err().kind()
}

/// Waits for all at the same time.
pub(super) async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures
        .into_iter()
        .map(|future| (Box::pin(future), None::<F::Output>))
        .collect();
    poll_fn(|cx| {
        for (future, output) in &mut futures {
            if output.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(cx)
            {
                *output = Some(ready);
            }
        }
        match futures.iter().all(|(_, output)| output.is_some()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    futures
        .into_iter()
        .map(|(_, output)| output.unwrap())
        .collect()
}
