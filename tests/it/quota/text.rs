//! Quotas as text.

use std::time::Duration;

use proptest::prelude::*;
use tower_upstash::quota::{Algorithm, Quota};

use super::trace::quotas;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn error(text: &str) -> String {
    text.parse::<Quota>().unwrap_err().to_string()
}

fn replaced(quota: Quota, text: &str) -> String {
    match quota.with_numbers(text) {
        Ok(quota) => quota.to_string(),
        Err(error) => error.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_as_the_same(quota in quotas()) {
        prop_assert_eq!(quota.to_string().parse(), Ok(quota));
        prop_assert_eq!(quota.to_string().to_uppercase().replace(' ', "\t "). parse(), Ok(quota));
        if quota.capacity() == quota.limit() {
            // Over a quota of its own algorithm it needs no word, unless the old one has a burst.
            let other = Quota::new(quota.algorithm(), 3, MINUTE).unwrap();
            let text = quota.to_string();
            let numbers = text.split(' ').next_back().unwrap();
            prop_assert_eq!(other.with_numbers(numbers), Ok(quota));
        }
    }

    #[test]
    fn any_text_is_a_quota_or_an_error_of_bounded_length(
        text in prop_oneof!["[0-9_]{0,22} ?/ ?[0-9_]{0,22} ?(us|d|h|x)?( burst [0-9]{0,11})?", ".{0,200}"],
    ) {
        match text.parse::<Quota>() {
            Ok(quota) => prop_assert_eq!(quota.to_string().parse(), Ok(quota)),
            Err(error) => prop_assert!(error.to_string().len() < 1000),
        }
    }
}

#[test]
fn configuration_reads_as_it_is_meant() {
    let bucket = Quota::token_bucket(10, MINUTE).burst(50);
    for (text, quota) in [
        ("60/min", Quota::per_minute(60)),
        ("600/h", Quota::per_hour(600)),
        ("5/s", Quota::per_second(5)),
        ("1000/day", Quota::per_day(1000)),
        ("1_000/1day", Quota::per_day(1000)),
        (
            "10/10s",
            Quota::new(Algorithm::Gcra, 10, Duration::from_secs(10)).unwrap(),
        ),
        ("100/1h burst 20", Quota::per_hour(100).burst(20)),
        ("1/500ms", Quota::every(Duration::from_millis(500))),
        ("1/7us", Quota::every(Duration::from_micros(7))),
        ("strict 5/15min", Quota::strict(5, MINUTE * 15)),
        ("sliding 100/1min", Quota::sliding(100, MINUTE)),
        ("fixed 10/10s", Quota::fixed(10, Duration::from_secs(10))),
        ("aligned 1000/1day", Quota::aligned(1000, DAY)),
        ("bucket 10/1min burst 50", bucket),
        ("none", Quota::NONE),
        (" NONE\n", Quota::NONE),
        (
            "GCRA 60 / 1 Minute Burst 7 ",
            Quota::per_minute(60).burst(7),
        ),
        ("\tstrict5/15m", Quota::strict(5, MINUTE * 15)),
        (
            "2/2hours",
            Quota::new(Algorithm::Gcra, 2, HOUR * 2).unwrap(),
        ),
        ("fixed 1/3650days", Quota::fixed(1, DAY * 3650)),
    ] {
        assert_eq!(text.parse(), Ok(quota), "{text}");
    }
}

#[test]
fn a_quota_is_written_as_people_write_it() {
    for text in [
        "none",
        "60/min",
        "90/90s",
        "1000/d",
        "1/1500us",
        "100/h burst 20",
        "strict 5/15min",
        "bucket 10/2d burst 50",
    ] {
        assert_eq!(text.parse::<Quota>().unwrap().to_string(), text);
    }
}

#[test]
fn what_is_no_quota_is_quoted_with_the_reason_and_an_example() {
    assert_eq!(
        error("60/fortnight"),
        "\"60/fortnight\" is not a quota: the units of time are us, ms, s, min, h and d; \
         quotas are written as `60/min`, `100/h burst 20` or `strict 5/15min`"
    );
    for (text, reason) in [
        ("", "it has no limit"),
        ("strict", "it has no limit"),
        ("/min", "it has no limit"),
        ("60", "a `/` and a window follow the limit"),
        ("-5/s", "it has no limit"),
        ("1.5/s", "a `/` and a window follow the limit"),
        ("1 000/s", "a `/` and a window follow the limit"),
        ("60/", "it has no unit of time"),
        ("60/10", "it has no unit of time"),
        ("60//s", "it has no unit of time"),
        ("5/0.5s", "it has no unit of time"),
        ("_5/s", "a number begins with a digit"),
        ("loose 5/s", "the algorithms are gcra, fixed,"),
        ("strict none", "it has no limit"),
        ("5/s bust 3", "only `burst` follows the window"),
        ("5/s burst", "`burst` is followed by a number"),
        ("5/s burst 3 4", "it goes on where it should end"),
        ("5/s, 100/min", "it goes on where it should end"),
        ("none burst 3", "it goes on where it should end"),
        ("none at all", "it goes on where it should end"),
        ("4294967296/s", "limit and burst are at most 4294967295"),
        (
            "5/s burst 99999999999999999999999",
            "limit and burst are at most 4294967295",
        ),
        // As `Quota::new` and `Quota::try_burst` say.
        ("0/s", "a limit of zero"),
        ("5/0s", "a window is from one microsecond to ten years"),
        ("5/3651d", "a window is from one microsecond to ten years"),
        (
            "5/99999999999999999999d",
            "a window is from one microsecond to ten years",
        ),
        ("sliding 5/1us", "a sliding window is a whole number"),
        (
            "strict 5/min burst 5",
            "only GCRA and token buckets have a burst",
        ),
        ("5/s burst 0", "a burst of zero admits nothing"),
        ("4294967295/3650d", "too fine to count"),
    ] {
        let error = error(text);
        assert!(error.contains(reason), "{error}");
        assert!(error.contains(&format!("{text:?}")), "{error}");
    }
}

#[test]
fn hostile_text_is_quoted_in_part_and_escaped() {
    let long = error(&"é".repeat(10_000));
    assert!(
        long.starts_with(&format!("\"{}\"… is not", "é".repeat(32))),
        "{long}"
    );
    let odd = error(&format!("x{}", "é".repeat(10_000)));
    assert!(
        odd.starts_with(&format!("\"x{}\"… is not", "é".repeat(31))),
        "{odd}"
    );
    assert!(error("\u{1b}[31m\n\"").starts_with("\"\\u{1b}[31m\\n\\\"\" is not"));
}

#[test]
fn an_operator_changes_numbers_and_keeps_the_algorithm() {
    let strict = Quota::strict(5, MINUTE * 15);
    assert_eq!(replaced(strict, "10/15min"), "strict 10/15min");
    assert_eq!(replaced(strict, "fixed 10/15min"), "fixed 10/15min");
    assert_eq!(replaced(strict, "gcra 10/15min"), "10/15min");
    assert_eq!(replaced(strict, "none"), "none");
    assert_eq!(replaced(Quota::NONE, "10/15min"), "10/15min");
    assert_eq!(
        replaced(Quota::token_bucket(5, MINUTE), "7/min burst 9"),
        "bucket 7/min burst 9"
    );
    for (text, reason) in [
        (
            "10/15min burst 20",
            "only GCRA and token buckets have a burst",
        ),
        ("10", "a `/` and a window follow the limit"),
    ] {
        assert!(replaced(strict, text).contains(reason));
    }
    assert!(replaced(Quota::sliding(5, MINUTE), "5/1us").contains("whole number of milliseconds"));
}

#[test]
fn a_burst_of_its_own_is_neither_kept_nor_dropped_in_silence() {
    let quota = Quota::per_minute(120).burst(30);
    assert!(replaced(quota, "600/min").contains("the burst must be stated"));
    assert_eq!(replaced(quota, "600/min burst 150"), "600/min burst 150");
    assert_eq!(replaced(quota, "600/min burst 600"), "600/min");
    assert_eq!(replaced(quota, "gcra 600/min"), "600/min");
    assert_eq!(replaced(quota, "none"), "none");
    assert_eq!(replaced(Quota::per_minute(120), "600/min"), "600/min");
}

/// An error that owned memory could not be dropped there.
#[test]
fn a_const_takes_a_quota_that_was_checked() {
    const QUOTA: Quota = match Quota::new(Algorithm::Gcra, 5, Duration::from_secs(90)) {
        Ok(quota) => quota,
        Err(_) => panic!(),
    };
    assert_eq!(QUOTA.to_string(), "5/90s");
}
