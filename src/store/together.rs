//! Calls that leave together: what is asked within one poll goes out as one request.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    thread,
};

use pin_project_lite::pin_project;

/// Lets the calls that a future makes in one poll leave as one request, where the store can group them.
///
/// [`UpstashStore`](super::UpstashStore) groups whatever leaves at the same time anyway. Without this, calls that are
/// joined in one task may still leave apart: something else sends the first before the second is made. Other stores
/// take no notice.
///
/// A poll that blocks its thread for one of these calls, as `block_on` inside of `block_in_place` does, cannot end before
/// that call is answered: after some milliseconds, its calls leave all the same.
///
/// ```
/// use tower_upstash::store::{Kind, MemoryStore, Scope, SharedStore, together};
///
/// # tokio_test::block_on(async {
/// # let store = SharedStore::new(MemoryStore::new());
/// let answers = Scope::new(Kind::Data, "answers");
/// let (question, answer) = (answers.key("question"), answers.key("answer"));
///
/// let both = together(async { tokio::join!(store.get(&question), store.get(&answer)) });
/// let (question, answer) = both.await;
/// # question.unwrap(); answer.unwrap();
/// # });
/// ```
pub const fn together<F: Future>(future: F) -> Together<F> {
    Together { future }
}

pin_project! {
    /// The future of [`together`].
    #[derive(Clone, Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Together<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Together<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _end = OnStack::begin();
        self.project().future.poll(cx)
    }
}

/// A queue that holds back what joins a group, until the group leaves.
pub(crate) trait Departure {
    fn leave(self: Arc<Self>, group: u64);
}

#[derive(Default)]
struct Group {
    // How many polls of `Together` are on the stack.
    depth: usize,
    id: Option<u64>,
    departures: Vec<Arc<dyn Departure>>,
}

thread_local! {
    static GROUP: RefCell<Group> = RefCell::default();
}

/// Returns the group of the poll that we are in, if any. `departure` is told when it leaves.
#[cfg_attr(
    not(feature = "upstash"),
    expect(dead_code, reason = "only `UpstashStore` groups calls")
)]
pub(crate) fn join(departure: &Arc<impl Departure + 'static>) -> Option<u64> {
    static NEXT: AtomicU64 = AtomicU64::new(0);

    GROUP.with_borrow_mut(|group| {
        if group.depth == 0 {
            return None;
        }
        let address = Arc::as_ptr(departure).cast::<()>();
        let known = group.departures.iter();
        if known
            .map(|each| Arc::as_ptr(each).cast::<()>())
            .all(|each| each != address)
        {
            group.departures.push(Arc::clone(departure) as _);
        }
        Some(
            *group
                .id
                .get_or_insert_with(|| NEXT.fetch_add(1, Ordering::Relaxed)),
        )
    })
}

/// Lets a group leave if the poll that it belongs to is on this thread's stack: a call that is polled again meanwhile may
/// be what that poll waits for.
#[cfg_attr(
    not(feature = "upstash"),
    expect(dead_code, reason = "only `UpstashStore` groups calls")
)]
pub(crate) fn depart(id: u64) {
    let departures = GROUP.with_borrow_mut(|group| {
        group.id.take_if(|group| *group == id)?;
        Some(std::mem::take(&mut group.departures))
    });
    tell(departures.unwrap_or_default(), id);
}

/// Tells all departures, also if one of them panics: nobody else would let its calls leave.
fn tell(departures: Vec<Arc<dyn Departure>>, group: u64) {
    let mut panicked = None;
    for departure in departures {
        let told = panic::catch_unwind(AssertUnwindSafe(|| departure.leave(group)));
        panicked = panicked.or(told.err());
    }
    if let Some(payload) = panicked.filter(|_| !thread::panicking()) {
        panic::resume_unwind(payload);
    }
}

/// A poll that is on the stack; its drop ends it, also when the poll panics.
struct OnStack;

impl OnStack {
    fn begin() -> Self {
        GROUP.with_borrow_mut(|group| group.depth += 1);
        Self
    }
}

impl Drop for OnStack {
    fn drop(&mut self) {
        let group = GROUP.with_borrow_mut(|group| {
            group.depth -= 1;
            (group.depth == 0).then(|| std::mem::take(group))
        });
        if let Some((id, departures)) = group.and_then(|group| Some((group.id?, group.departures)))
        {
            tell(departures, id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Remembers who left, and panics if told to.
    struct Gate(bool, Mutex<Vec<u64>>);

    impl Departure for Gate {
        fn leave(self: Arc<Self>, group: u64) {
            self.1.lock().expect("no panic under it").push(group);
            assert!(!self.0, "told to");
        }
    }

    fn gate(panics: bool) -> Arc<Gate> {
        Arc::new(Gate(panics, Mutex::default()))
    }

    fn departures(gate: &Gate) -> usize {
        gate.1.lock().expect("no panic under it").len()
    }

    // The calls of all stores behind one that panicked waited until their time limit.
    #[test]
    fn a_departure_that_panics_does_not_hold_up_the_others() {
        let (bad, good) = (gate(true), gate(false));
        let polled = panic::catch_unwind(AssertUnwindSafe(|| {
            let _end = OnStack::begin();
            join(&bad);
            join(&good);
        }));
        assert!(polled.is_err());
        assert_eq!((departures(&bad), departures(&good)), (1, 1));
    }

    #[test]
    fn a_group_departs_early_once_and_on_its_own_thread_only() {
        let gate = gate(false);
        let end = OnStack::begin();
        let Some(group) = join(&gate) else {
            panic!("in a group");
        };
        thread::scope(|scope| scope.spawn(|| depart(group)).join()).expect("no panic");
        assert_eq!(departures(&gate), 0);
        depart(group);
        depart(group);
        assert_eq!(departures(&gate), 1);
        assert_ne!(join(&gate), Some(group), "what follows is another group");
        drop(end);
        assert_eq!(departures(&gate), 2);
    }
}
