//! Who joins and who leaves.

use std::time::Duration;

use super::{
    Discarded, Hold, KeepFilling, Work,
    state::{End, Garbage, Place, State},
};

/// How long a body may take to say that it has ended after its last byte, where nobody reads it any more.
const TO_END: Duration = Duration::from_secs(1);

/// What is left to do for a reader that leaves.
pub(super) enum Leaving {
    /// It was the last one: its place is for whoever reads on.
    Fill(KeepFilling),
    /// What is left over, and the work if nobody else does it.
    Gone(Garbage, Option<Box<Work>>),
}

impl State {
    /// Makes room for a reader that begins at the beginning, where that is still there.
    pub(super) fn join(&mut self) -> Option<usize> {
        let has_failed = matches!(self.end, End::Failed(_));
        if self.closed || has_failed || !self.kept.is_whole() {
            return None;
        }
        self.live += 1;
        let place = Some(Place::default());
        match self
            .readers
            .iter_mut()
            .enumerate()
            .find(|(_, free)| free.is_none())
        {
            Some((slot, free)) => {
                *free = place;
                Some(slot)
            }
            None => {
                self.readers.push(place);
                Some(self.readers.len() - 1)
            }
        }
    }

    /// Takes a reader out.
    pub(super) fn leave(&mut self, slot: usize, hold: &Hold) -> Leaving {
        if self.live == 1
            && let Some(filling) = self.filling(hold)
        {
            return Leaving::Fill(filling);
        }
        if let Some(place) = self.readers.get_mut(slot) {
            *place = None;
        }
        self.live -= 1;
        if self.live > 0 {
            return Leaving::Gone(self.free(), None);
        }
        let garbage = match self.end {
            End::Ahead => self.fail(None, Discarded::Abandoned),
            End::Seen => {
                self.pass();
                self.free()
            }
            End::Passed | End::Failed(_) => self.free(),
        };
        Leaving::Gone(garbage, self.work.take())
    }

    /// Returns who reads on without readers, at most once.
    fn filling(&mut self, hold: &Hold) -> Option<KeepFilling> {
        let may_store = matches!(self.end, End::Ahead) && self.on_end.is_some();
        if !may_store || self.is_filled {
            return None;
        }
        let is_complete = self.expected == Some(self.received);
        let to_end = || hold.to_end().filter(|_| is_complete);
        let filling = self.keep_filling.take().or_else(to_end)?;
        self.is_filled = true;
        filling.executor.is_here().then_some(filling)
    }
}

impl Hold {
    /// A server stops to read when it has as many bytes as were announced.
    fn to_end(&self) -> Option<KeepFilling> {
        Some(KeepFilling {
            executor: self.executor.clone()?,
            timer: self.timer.clone()?,
            limit: TO_END,
        })
    }
}
