//! JavaScript's timer.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use gloo_timers::future::TimeoutFuture;
use send_wrapper::SendWrapper;

use super::Timer;

impl Timer {
    /// Returns the timer of the platform.
    pub(crate) fn platform() -> Self {
        Self::javascript()
    }

    /// Returns the timer of the JavaScript host, `setTimeout`.
    ///
    /// It knows no instants, which nothing in this crate sleeps until.
    #[must_use]
    pub fn javascript() -> Self {
        Self::new(JavaScript)
    }
}

pub(super) fn timer() -> Option<Timer> {
    Some(Timer::javascript())
}

struct JavaScript;

impl hyper::rt::Timer for JavaScript {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        let millis = u32::try_from(duration.as_millis()).unwrap_or(i32::MAX as u32);
        // Beyond that `setTimeout` fires at once.
        let millis = millis.min(i32::MAX as u32);
        Box::pin(Sleep(SendWrapper::new(TimeoutFuture::new(millis))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }
}

struct Sleep(SendWrapper<TimeoutFuture>);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut *self.0).poll(cx)
    }
}

impl hyper::rt::Sleep for Sleep {}
