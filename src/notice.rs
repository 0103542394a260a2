//! What must be said aloud, once: a set-up that cannot work as it was meant.

#[cfg(feature = "tracing")]
mod subscriber;

use std::{
    fmt::Display,
    io::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

#[cfg(not(feature = "tracing"))]
use self::nobody as tell_subscriber;
#[cfg(feature = "tracing")]
use self::subscriber::tell_subscriber;

/// Something that is said once.
#[derive(Debug)]
pub(crate) struct Once(AtomicBool);

impl Once {
    /// Nothing has been said yet.
    pub(crate) const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Returns whether it has been said.
    #[inline]
    pub(crate) fn is_said(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Says it, unless it has been said: as an error to the `tracing` subscriber (feature `tracing`), or to standard
    /// error where there is none. A standard error that is closed is no reason to fail.
    #[inline]
    pub(crate) fn say<T: Display>(&self, text: impl FnOnce() -> T) {
        if !self.is_said() {
            self.say_now(text);
        }
    }

    #[cold]
    fn say_now<T: Display>(&self, text: impl FnOnce() -> T) {
        if self.0.swap(true, Ordering::Relaxed) {
            return; // Another thread was faster.
        }
        let text = text();
        if !tell_subscriber(&text) {
            let _ = writeln!(io::stderr(), "tower-upstash: {text}");
        }
    }
}

impl Default for Once {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(not(feature = "tracing"))]
const fn nobody(_: &impl Display) -> bool {
    false
}
