//! tokio's timer.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::Timer;

impl Timer {
    /// Returns the timer of the platform.
    #[cfg_attr(
        not(feature = "upstash"),
        expect(dead_code, reason = "only `UpstashStore` has a default timer")
    )]
    pub(crate) fn platform() -> Self {
        Self::tokio()
    }

    /// Returns the timer of the tokio runtime. Sleeping outside of one panics, and so it does in one that was built without
    /// [`enable_time`](tokio::runtime::Builder::enable_time), as with tokio itself.
    #[must_use]
    pub fn tokio() -> Self {
        Self::new(TokioTimer)
    }
}

struct TokioTimer;

impl hyper::rt::Timer for TokioTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(TokioSleep(Box::pin(tokio::time::sleep(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(TokioSleep(Box::pin(tokio::time::sleep_until(
            deadline.into(),
        ))))
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

struct TokioSleep(Pin<Box<tokio::time::Sleep>>);

impl Future for TokioSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl hyper::rt::Sleep for TokioSleep {}
