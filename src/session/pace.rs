//! How those who write the same session at the same time get out of each other's way.

use std::time::Duration;

use crate::{jitter, time::Timer};

/// So many attempts are made with a pause each.
const NEW_ATTEMPTS: u32 = 8;
/// So many further ones are made one after the other.
const PAUSE_EVERY: u32 = 4;

/// Waits, by chance, before the next attempt. Those who are new leave the field to those who have tried for long: without
/// that, some would lose until the time limit. Those still wait once in a while: two processes that are as far from the
/// store write in the same order each time, and the second one is always late.
pub(super) async fn pause(timer: &Timer, attempts: u32, taken: Duration) {
    let attempt = taken / attempts.max(1);
    let most = match attempts {
        1 => return, // Most conflicts are the only one.
        ..=NEW_ATTEMPTS => attempt * 2,
        attempts if attempts.is_multiple_of(PAUSE_EVERY) => attempt,
        _ => return,
    };
    timer.sleep(jitter::up_to(most)).await;
}
