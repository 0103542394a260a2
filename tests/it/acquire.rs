//! Acquires on a real Redis: the same decisions as [`Quota::step`](tower_upstash::quota::Quota::step) makes.

mod clock;
mod model;
mod random;
mod shared;
mod traces;
