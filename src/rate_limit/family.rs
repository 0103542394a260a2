//! What all layers share that are made from one: per-route layers count, lease and remember together.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::front::{Denials, Leases, Local};
use crate::{
    background::Background,
    time::{Clock, SystemClock},
};

pub(super) struct Family {
    // For how long something is true in this process. What limits decide goes by the store's clock.
    pub(super) clock: Arc<dyn Clock>,
    pub(super) denials: Denials,
    pub(super) leases: Leases,
    pub(super) local: Local,
    pub(super) background: Background,
    // The last call to the store has failed.
    away: AtomicBool,
}

impl Family {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            denials: Denials::new(Denials::ENTRIES),
            leases: Leases::new(Arc::clone(&clock)),
            local: Local::with_clock(Arc::clone(&clock)),
            background: Background::default(),
            away: AtomicBool::new(false),
            clock,
        }
    }

    pub(super) fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    pub(super) fn set_away(&self, away: bool) {
        // A store that is there costs a load.
        if self.is_away() != away {
            self.away.store(away, Ordering::Relaxed);
        }
    }
}

impl Default for Family {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock::new()))
    }
}
