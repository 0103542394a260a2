//! tokio's timer.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::runtime::Handle;

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

/// The default timer of layers: where there is no tokio runtime, nothing that it times ever ends.
pub(super) fn timer() -> Option<Timer> {
    Some(Timer::new(WhereTokioIs))
}

struct WhereTokioIs;

impl hyper::rt::Timer for WhereTokioIs {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        match Handle::try_current() {
            Ok(_) => TokioTimer.sleep(duration),
            Err(_) => Box::pin(Never),
        }
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        match Handle::try_current() {
            Ok(_) => TokioTimer.sleep_until(deadline),
            Err(_) => Box::pin(Never),
        }
    }
}

struct Never;

impl Future for Never {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl hyper::rt::Sleep for Never {}

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
