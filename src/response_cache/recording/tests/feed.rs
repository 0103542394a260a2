//! Bodies that are fed by hand.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, Ordering},
};

use super::*;

/// What a body gives.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Data(Bytes),
    Trailers,
    Error,
    Panic,
    End,
}

/// The hand that feeds a body.
#[derive(Clone, Default)]
pub(super) struct Feed(pub(super) Arc<Mutex<Fed>>);

#[derive(Default)]
pub(super) struct Fed {
    pub(super) items: VecDeque<Item>,
    pub(super) waker: Option<Waker>,
    /// How many bytes the body says are still to come.
    pub(super) remaining: Option<u64>,
    /// Whether it says that it is at its end.
    pub(super) says_end: bool,
    pub(super) is_over: bool,
    pub(super) is_dropped: bool,
}

pub(super) struct Hands {
    feed: Feed,
    is_polled: AtomicBool,
}

impl Feed {
    pub(super) fn give(&self, items: impl IntoIterator<Item = Item>) {
        let mut fed = self.0.lock().unwrap();
        fed.items.extend(items);
        let waker = fed.waker.take();
        drop(fed);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.0.lock().unwrap().is_dropped
    }

    pub(super) fn body(&self) -> Hands {
        Hands {
            feed: self.clone(),
            is_polled: AtomicBool::new(false),
        }
    }
}

impl Body for Hands {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        assert!(!self.is_polled.swap(true, Ordering::SeqCst));
        let mut fed = self.feed.0.lock().unwrap();
        assert!(!fed.is_over, "polled after its end");
        let item = fed.items.pop_front();
        if let Some(Item::Data(data)) = &item {
            fed.remaining = fed
                .remaining
                .map(|left| left.saturating_sub(data.len() as u64));
        }
        fed.is_over = matches!(item, Some(Item::End | Item::Error | Item::Panic));
        let old = match item {
            None => fed.waker.replace(cx.waker().clone()),
            Some(_) => fed.waker.take(),
        };
        drop(fed);
        drop(old);
        self.is_polled.store(false, Ordering::SeqCst);
        match item {
            None => Poll::Pending,
            Some(Item::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Item::Trailers) => Poll::Ready(Some(Ok(Frame::trailers(trailers())))),
            Some(Item::Error) => Poll::Ready(Some(Err("broken".into()))),
            Some(Item::Panic) => panic!("the body panics"),
            Some(Item::End) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        let fed = self.feed.0.lock().unwrap();
        fed.says_end && matches!(fed.items.front(), Some(Item::End))
    }

    fn size_hint(&self) -> SizeHint {
        let fed = self.feed.0.lock().unwrap();
        fed.remaining.map(SizeHint::with_exact).unwrap_or_default()
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        let mut fed = self.feed.0.lock().unwrap();
        fed.is_dropped = true;
        let waker = fed.waker.take();
        drop(fed);
        drop(waker);
    }
}
