//! Calls that leave together: what is asked within one poll goes out as one request.

use std::{
    cell::RefCell,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

/// Lets the calls that a future makes in one poll leave as one request, where the store can group them.
///
/// [`UpstashStore`](super::UpstashStore) groups whatever leaves at the same time anyway. Without this, calls that are
/// joined in one task may still leave apart: something else sends the first before the second is made. Other stores
/// take no notice.
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
        let Some((id, departures)) = group.and_then(|group| Some((group.id?, group.departures)))
        else {
            return;
        };
        for departure in departures {
            departure.leave(id);
        }
    }
}
