use proptest::prelude::*;

use super::*;

const LIFETIME: Lifetime = Lifetime::new(
    Duration::from_secs(30 * 60),
    Duration::from_secs(12 * HOURS),
);
const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn at(minutes: u64) -> Timestamp {
    START.after(Duration::from_secs(60 * minutes))
}

fn times(authenticated: Option<u64>, touched: u64) -> Times {
    Times {
        created: START,
        authenticated: authenticated.map(at),
        touched: at(touched),
    }
}

fn just_before(timestamp: Timestamp) -> Timestamp {
    Timestamp::from_micros(timestamp.as_micros() - 1)
}

#[test]
fn it_ends_after_so_long_without_activity() {
    let touched = times(None, 60);
    let live = Standing::Live { touch_due: true };
    assert_eq!(LIFETIME.standing(&touched, just_before(at(90))), live);
    assert_eq!(LIFETIME.standing(&touched, at(90)), Standing::Idle);
    assert_eq!(LIFETIME.standing(&touched, Timestamp::MAX), Standing::Idle);
}

#[test]
fn no_activity_extends_it_beyond_its_end() {
    let touched = times(None, 719);
    let live = Standing::Live { touch_due: false };
    assert_eq!(LIFETIME.standing(&touched, just_before(at(720))), live);
    assert_eq!(LIFETIME.standing(&touched, at(720)), Standing::Absolute);
    assert_eq!(LIFETIME.ttl(&touched, at(719)), 2 * MINUTE);
}

#[test]
fn only_an_authentication_starts_it_anew() {
    let again = times(Some(600), 1319);
    assert_eq!(LIFETIME.standing(&again, at(1320)), Standing::Absolute);
    assert!(matches!(
        LIFETIME.standing(&again, just_before(at(1320))),
        Standing::Live { .. }
    ));
    let before = Times {
        created: at(600),
        authenticated: Some(START),
        touched: at(1319),
    };
    assert_eq!(LIFETIME.longest(&before, at(1300)), 21 * MINUTE);
}

#[test]
fn activity_is_written_down_once_in_a_window() {
    let touched = times(None, 0);
    let due = |lifetime: Lifetime, now| match lifetime.standing(&touched, now) {
        Standing::Live { touch_due } => touch_due,
        ended => panic!("{ended:?}"),
    };
    assert!(!due(LIFETIME, START));
    assert!(!due(LIFETIME, just_before(at(1))));
    assert!(due(LIFETIME, at(1)));
    let rarely = LIFETIME.touch_every(Duration::from_secs(450));
    assert!(!due(rarely, at(7)));
    assert!(due(rarely, at(8)));
    assert!(due(LIFETIME.touch_every(Duration::ZERO), START));
}

#[test]
fn a_clock_that_went_back_gives_no_more_than_a_whole_lifetime() {
    let ahead = times(Some(100_000), 100_000);
    assert_eq!(LIFETIME.ttl(&ahead, START), 31 * MINUTE);
    assert_eq!(LIFETIME.longest(&ahead, START), 721 * MINUTE);
    let persistent = LIFETIME.persistent();
    assert_eq!(persistent.max_age(&ahead, START), Some(30 * MINUTE));
    let due = Standing::Live { touch_due: true };
    assert_eq!(
        LIFETIME.standing(&ahead, START),
        due,
        "a clock was put right"
    );
    let beside = Standing::Live { touch_due: false };
    assert_eq!(
        LIFETIME.standing(&times(None, 7), START),
        beside,
        "another server"
    );
}

#[test]
fn the_store_keeps_it_a_minute_longer_and_never_for_no_time() {
    assert_eq!(LIFETIME.ttl(&times(None, 10), at(20)), 21 * MINUTE);
    assert_eq!(LIFETIME.ttl(&times(None, 10), at(9000)), MINUTE);
    assert_eq!(LIFETIME.longest(&times(None, 10), at(20)), 701 * MINUTE);
    let longest = Lifetime::new(MAX_TTL, MAX_TTL);
    assert_eq!(longest.ttl(&times(None, 0), START), MAX_TTL);
    assert_eq!(longest.longest(&times(None, 0), START), MAX_TTL);
}

#[test]
fn a_cookie_has_an_age_only_if_it_is_to_stay() {
    let fresh = times(None, 0);
    assert_eq!(LIFETIME.max_age(&fresh, START), None);
    let persistent = LIFETIME.persistent();
    let half = Timestamp::from_micros(START.as_micros() + 500_000);
    let age = Some(Duration::from_secs(1799));
    assert_eq!(
        persistent.max_age(&fresh, half),
        age,
        "whole seconds, not beyond the end"
    );
    let late = times(None, 719);
    assert_eq!(persistent.max_age(&late, at(719)), Some(MINUTE));
    assert_eq!(persistent.max_age(&late, at(800)), Some(Duration::ZERO));
    let long = Lifetime::new(MAX_TTL, MAX_TTL).persistent();
    assert_eq!(long.max_age(&fresh, START), Some(MAX_AGE));
}

#[test]
fn presets_are_what_their_source_says() {
    let parts = |lifetime: Lifetime| (lifetime.idle.as_secs(), lifetime.absolute.as_secs());
    assert_eq!(parts(Lifetime::AAL1), (30 * DAYS, 30 * DAYS));
    assert_eq!(parts(Lifetime::AAL2), (1800, 12 * HOURS));
    assert_eq!(parts(Lifetime::AAL3), (900, 12 * HOURS));
    assert_eq!(parts(Lifetime::default()), (1800, 12 * HOURS));
    assert_eq!(Lifetime::default().touch_every, MINUTE);
    for preset in [Lifetime::AAL1, Lifetime::AAL2, Lifetime::AAL3] {
        assert!(!preset.persistent);
    }
}

#[test]
#[should_panic(expected = "at least a second")]
fn less_than_a_second_is_refused() {
    let _ = Lifetime::new(Duration::from_micros(999_999), SECOND);
}

#[test]
#[should_panic(expected = "longer without activity")]
fn more_without_activity_than_at_all_is_refused() {
    let _ = Lifetime::new(2 * SECOND, SECOND);
}

#[test]
#[should_panic(expected = "ten years")]
fn more_than_a_store_keeps_is_refused() {
    let _ = Lifetime::new(SECOND, Duration::MAX);
}

#[test]
#[should_panic(expected = "four times")]
fn a_window_that_would_end_it_much_earlier_is_refused() {
    let _ = LIFETIME.touch_every(Duration::from_micros(450_000_001));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn at_any_times_nothing_overflows_and_all_ends_agree(
        [created, authenticated, touched, now] in prop::array::uniform4(prop_oneof![any::<u64>(), 1_700_000_000_000_000..1_700_050_000_000_000_u64]),
        is_authenticated: bool,
    ) {
        let times = Times {
            created: Timestamp::from_micros(created),
            authenticated: is_authenticated.then_some(Timestamp::from_micros(authenticated)),
            touched: Timestamp::from_micros(touched),
        };
        let now = Timestamp::from_micros(now);
        let ttl = LIFETIME.ttl(&times, now);
        let longest = LIFETIME.longest(&times, now);
        prop_assert!(SLACK <= ttl && ttl <= LIFETIME.idle + SLACK && ttl <= longest);
        prop_assert!(longest <= LIFETIME.absolute + SLACK);
        let age = LIFETIME.persistent().max_age(&times, now).expect("it is persistent");
        prop_assert!(age + SLACK <= ttl);
        let is_live = matches!(LIFETIME.standing(&times, now), Standing::Live { .. });
        prop_assert_eq!(is_live, ttl > SLACK, "the store keeps what is live, and is not told to keep what is not");
    }
}
