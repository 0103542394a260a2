//! How much room refusals take, and which gives way.

use super::*;

#[test]
fn a_table_of_none_keeps_nothing_and_one_too_large_is_cut() {
    let front = Front::new(0);
    let one = claim(Quota::per_hour(1), 1);
    front.note(&one);
    assert!(!front.note(&one).allowed());
    assert_eq!(front.find(&one), None);
    let front = Front::new(usize::MAX);
    front.note(&one);
    front.note(&one);
    assert!(front.find(&one).is_some());
    assert!(front.denials.0.bytes() < 150 << 20);
}

#[test]
fn what_has_ended_gives_way_first_and_then_what_ends_soonest() {
    let front = Front::new(4);
    let refuse = |number: u32, millis: u64| {
        let claim = Claim::new(key(number), Quota::per_hour(1));
        let verdict = Verdict::Refused {
            retry_micros: millis * 1000,
        };
        let refused = Decision::new(verdict, 1, 0, millis * 1000, Window::from_u64(0));
        let now = front.clock.now();
        front.denials.note(&[claim], &[refused], now, now);
    };
    let kept = || {
        let found = |number: &u32| front.find(&Claim::new(key(*number), Quota::per_hour(1)));
        (0..6)
            .filter(|number| found(number).is_some())
            .collect::<Vec<_>>()
    };
    for (number, millis) in [(0, 300), (1, 200), (2, 100), (3, 400)] {
        refuse(number, millis);
    }
    assert_eq!(kept(), [0, 1, 2, 3]);
    refuse(4, 500);
    assert_eq!(kept(), [0, 1, 3, 4]);
    refuse(4, 900);
    assert_eq!(kept(), [0, 1, 3, 4], "its own place");
    front.clock.advance(200 * MILLI);
    refuse(5, 1);
    assert_eq!(kept(), [0, 3, 4, 5]);
}

#[test]
fn a_flood_of_refused_keys_stays_within_the_table() {
    let denials = Denials::default();
    assert_eq!(denials.0.bytes(), 0, "nothing before the first refusal");
    let quota = Quota::per_hour(1);
    let verdict = Verdict::Refused {
        retry_micros: 3_600_000_000,
    };
    let refused = [Decision::new(verdict, 1, 0, 1, Window::from_u64(0))];
    let scope = Scope::new(Kind::Limit, "flood");
    let mut now = ManualClock::default().now();
    let flood: u32 = if cfg!(debug_assertions) {
        1_000_000
    } else {
        10_000_000
    };
    for address in 0..flood {
        let claim = Claim::new(scope.key(IpAddr::from(Ipv4Addr::from_bits(address))), quota);
        now = now.after(Duration::from_micros(1));
        denials.note(std::slice::from_ref(&claim), &refused, now, now);
        assert!(denials.find(&claim, now).is_some(), "{address}");
    }
    assert_eq!(denials.0.taken(), Denials::ENTRIES);
    assert!(denials.0.bytes() <= 540 << 10, "{}", denials.0.bytes());
}
