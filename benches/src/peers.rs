//! What others do for the same question.

use std::{hint::black_box, num::NonZeroU32};

use governor::{Quota, RateLimiter};

use crate::{
    row::Row,
    store::{self, TEXT},
};

pub const IP: &str = "governor, keyed IpAddr";
pub const STRING: &str = "governor, keyed String";

pub fn rows() -> Vec<Row> {
    let ample = || Quota::per_second(NonZeroU32::MAX);
    vec![
        Row::new("peers", IP, move || {
            let limiter = RateLimiter::keyed(ample());
            move || assert!(black_box(&limiter).check_key(black_box(&store::IP)).is_ok())
        }),
        Row::new("peers", STRING, move || {
            let limiter = RateLimiter::keyed(ample());
            let key = TEXT.to_owned();
            move || assert!(black_box(&limiter).check_key(black_box(&key)).is_ok())
        }),
    ]
}
