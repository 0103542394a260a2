//! The wire over HTTPS: small commands in shared requests, large ones each in its own.

use std::sync::Arc;

use super::{
    lanes::Lanes,
    link::Link,
    load,
    queue::Shape,
    request::{self, LARGE},
    transport,
};
use crate::{
    store::{
        Limits, Result,
        remote::{Command, Reply, Wire},
    },
    time::Stopwatch,
};

/// The most large requests at once.
const LARGE_LANES: usize = 8;
/// What one request carries, of replies and of bytes: more would be late together.
const MAX_COMMANDS: usize = 256;
const MAX_BYTES: usize = 1 << 20;

pub(super) struct Rest {
    link: Arc<Link>,
    small: Arc<Lanes>,
    large: Arc<Lanes>,
}

impl Rest {
    pub(super) fn new(link: Link, lanes: usize) -> Self {
        let link = Arc::new(link);
        let small = Shape {
            lanes: transport::lanes(lanes),
            max_commands: MAX_COMMANDS,
            max_bytes: MAX_BYTES,
            max_values: load::max_values(link.max_value),
            patience: (link.time_limit.saturating_add(link.connect_time_limit)).saturating_mul(2),
        };
        let large = Shape {
            lanes: transport::lanes(LARGE_LANES),
            max_commands: 1,
            max_bytes: 0,
            ..small
        };
        Self {
            small: Lanes::new(Arc::clone(&link), small),
            large: Lanes::new(Arc::clone(&link), large),
            link,
        }
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }
}

impl Wire for Rest {
    const BINARY: bool = false;
    const LOCKS_KEYS: bool = true;

    fn carries_raw(key: usize, value: usize) -> bool {
        request::is_raw(key, value)
    }

    async fn send(&self, command: Command) -> Result<Reply> {
        let load = request::weigh(&command)?;
        let lanes = if load.bytes < LARGE {
            &self.small
        } else {
            &self.large
        };
        let stopwatch = Stopwatch::start();
        self.link.meter.trip();
        let answer = lanes.send(command, load).await;
        if answer.is_ok() {
            self.link.meter.answered(stopwatch.elapsed());
        }
        Ok(answer?)
    }

    fn limits(&self) -> Limits {
        Limits::new(self.link.max_value)
    }
}
