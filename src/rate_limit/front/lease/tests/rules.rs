//! How much is leased, and what is told of it.

use super::*;
use crate::store::{MAX_CLAIMS, MemoryStore, Store};

#[test]
fn units_of_a_lease_are_handed_out_without_a_trip() {
    let site = Site::new();
    let claim = take("a", PLENTY, 1);
    assert_eq!(site.serve_times(2000, &claim), 2000);
    let trips = site.gate.calls().len();
    assert!(trips <= 12, "{trips} trips for 2000 requests");
    assert!(site.gate.debited() >= 2000);
}

#[test]
fn a_cold_key_costs_what_it_always_did() {
    let site = Site::new();
    let claim = take("a", PLENTY, 3);
    for _ in 0..10 {
        assert!(site.serve(std::slice::from_ref(&claim)).allowed());
        site.clock.advance(SECOND);
    }
    assert_eq!(site.gate.calls(), vec![vec![Spend::Take(3)]; 10]);
}

#[test]
fn a_lease_doubles_when_it_is_used_up_and_halves_when_it_is_not() {
    let site = Site::new();
    let claim = take("a", PLENTY, 1);
    let last = |site: &Site| match site.gate.calls().last().unwrap().last().unwrap() {
        Spend::Take(units) => *units,
        other => panic!("{other:?}"),
    };
    site.serve_times(1 + 2 + 4, &claim);
    assert_eq!(last(&site), 4);
    site.serve_times(8, &claim);
    assert_eq!(last(&site), 8);
    site.serve_times(1, &claim);
    assert_eq!(last(&site), 16);
    site.clock.advance(SECOND);
    site.serve_times(1, &claim);
    assert_eq!(last(&site), 8);
    // Used up, but not before its end: large enough. Three lives later, an eighth.
    site.serve_times(7, &claim);
    site.clock.advance(SECOND);
    site.serve_times(8, &claim);
    assert_eq!(last(&site), 8);
    site.clock.advance(4 * SECOND);
    site.serve_times(1, &claim);
    assert_eq!(last(&site), 1);
}

#[test]
fn a_lease_is_never_larger_than_its_setting() {
    let site = Site::new();
    let claims = [take("a", PLENTY, 1)];
    let leases = [Some(Lease::new().most(5))];
    for _ in 0..100 {
        if !site
            .leases
            .try_take(&claims, &leases, &mut Decisions::new())
        {
            let call = site.leases.acquire(&site.store, &claims, &leases);
            assert!(tokio_test::block_on(call).unwrap().allowed());
        }
    }
    let calls = site.gate.calls();
    assert!(
        calls
            .iter()
            .flatten()
            .all(|spend| matches!(spend, Spend::Take(1..=5)))
    );
    assert_eq!(calls.last().unwrap()[..], [Spend::Take(5)]);
    // What costs more is asked for by itself.
    let dear = [take("b", PLENTY, 6)];
    let call = site.leases.acquire(&site.store, &dear, &leases);
    assert!(tokio_test::block_on(call).unwrap().allowed());
    assert_eq!(site.leases.len(), 1);
}

#[test]
fn one_process_admits_exactly_the_limit() {
    for quota in [
        Quota::fixed(100, SECOND),
        Quota::aligned(100, SECOND),
        Quota::sliding(100, SECOND),
        Quota::token_bucket(100, SECOND),
        Quota::per_second(100),
    ] {
        let site = Site::new();
        assert_eq!(
            site.serve_times(300, &take("a", quota, 1)),
            100,
            "{quota:?}"
        );
    }
}

#[test]
fn a_lease_leaves_three_quarters_to_others() {
    let site = Site::new();
    let claim = take("a", Quota::fixed(100, 60 * SECOND), 1);
    let mut left = 100;
    for _ in 0..100 {
        site.serve_times(1, &claim);
        for call in site.gate.calls() {
            let [Spend::Take(units)] = call[..] else {
                panic!("{call:?}")
            };
            assert!(units == 1 || units <= left / 4, "{units} of {left}");
            left -= units;
        }
    }
    assert_eq!(left, 0);
}

#[test]
fn where_a_lease_is_refused_the_claim_itself_is_asked_again() {
    let site = Site::new();
    let quota = Quota::fixed(100, 60 * SECOND);
    let claim = take("a", quota, 1);
    site.heat(&claim, 5);
    while site.locally(std::slice::from_ref(&claim)).is_some() {}
    // Others take all but two, unseen.
    let left = site.gate.memory().clone();
    let peek = Claim::new(key("a"), quota).spend(Spend::Peek(1));
    let peeked = tokio_test::block_on(left.acquire(&[peek])).unwrap()[0].remaining();
    tokio_test::block_on(left.acquire(&[take("a", quota, peeked - 2)])).unwrap();
    site.gate.calls();
    let decision = site.serve(std::slice::from_ref(&claim))[0];
    assert!(decision.allowed());
    assert_eq!(decision.remaining(), 1);
    let calls = site.gate.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1][..], [Spend::Take(1)]);
    // Now it is known: one trip each, and the refusal is that of the claim itself.
    assert!(site.serve(std::slice::from_ref(&claim)).allowed());
    assert!(!site.serve(std::slice::from_ref(&claim)).allowed());
    assert_eq!(site.gate.calls(), vec![vec![Spend::Take(1)]; 2]);
}

#[test]
fn decisions_tell_what_the_store_would() {
    let site = Site::new();
    let claim = take("a", PLENTY, 1);
    let mut served = 0;
    for _ in 0..100 {
        let decisions = site.serve(std::slice::from_ref(&claim));
        served += 1;
        let decision = decisions[0];
        assert!(decisions.allowed() && decision.allowed());
        assert_eq!(decision.limit(), 1_000_000);
        assert_eq!(decision.remaining(), 1_000_000 - served);
        let gone = MICRO * (served - 1);
        assert_eq!(decision.reset_after(), 3600 * SECOND - gone);
        assert_eq!(decision.window().as_u64(), 1_700_000_000_000_000);
        site.clock.advance(MICRO);
    }
}

#[test]
fn only_takes_that_can_be_leased_are() {
    let site = Site::new();
    let strict = take("strict", Quota::strict(10, SECOND), 1);
    let claims = [
        strict,
        Claim::new(key("peek"), PLENTY).spend(Spend::Peek(1)),
        Claim::new(key("shadow"), PLENTY).spend(Spend::Shadow(1)),
        Claim::new(key("charge"), PLENTY).spend(Spend::Charge(1)),
        take("nothing", PLENTY, 0),
    ];
    for claim in &claims {
        let claim = std::slice::from_ref(claim);
        for _ in 0..3 {
            assert!(site.locally(claim).is_none());
            assert!(site.serve(claim).allowed());
        }
        assert_eq!(site.gate.calls(), vec![vec![claim[0].spending()]; 3]);
    }
    assert_eq!(site.leases.len(), 0);
    // And none without a lease.
    let plain = [take("plain", PLENTY, 1)];
    for leases in [&[None][..], &[]] {
        let call = site.leases.acquire(&site.store, &plain, leases);
        assert!(tokio_test::block_on(call).unwrap().allowed());
        assert!(!site.leases.try_take(&plain, leases, &mut Decisions::new()));
    }
    assert_eq!(site.leases.len(), 0);
    assert!(site.locally(&[]).unwrap().allowed());
}

#[test]
fn of_several_claims_all_are_at_hand_or_none_is_taken() {
    let site = Site::new();
    let (a, b) = (take("a", PLENTY, 1), take("b", PLENTY, 1));
    site.heat(&a, 10);
    let before = site.at_hand(&a);
    let both = [a.clone(), b.clone()];
    assert!(site.locally(&both).is_none());
    assert_eq!(site.at_hand(&a), before);
    site.gate.calls();
    assert!(site.serve(&both).allowed());
    // Only what was not at hand was asked for.
    assert_eq!(site.gate.calls(), [[Spend::Take(1)]]);
    assert_eq!(site.at_hand(&a), before - 1);
    site.heat(&b, 10);
    let twice = [a.clone(), b, a.clone()];
    assert_eq!(site.locally(&twice).unwrap().len(), 3);
    assert_eq!(site.at_hand(&a), before - 3);
}

#[test]
fn two_claims_on_one_key_add_up() {
    let site = Site::new();
    let claim = take("a", Quota::fixed(5, 60 * SECOND), 1);
    let twice = [claim.clone(), claim.clone()];
    let allowed = (0..5).filter(|_| site.serve(&twice).allowed()).count();
    assert_eq!(allowed, 2);
    assert_eq!(site.serve_times(3, &claim), 1);
}

#[test]
fn a_lease_does_not_refuse_another_claim_on_its_key() {
    let site = Site::new();
    let quota = Quota::fixed(1000, 60 * SECOND);
    let claim = take("a", quota, 1);
    site.heat(&claim, 5);
    while site.locally(std::slice::from_ref(&claim)).is_some() {}
    let peek = Claim::new(key("a"), quota).spend(Spend::Peek(1));
    let memory = site.gate.memory();
    let left = tokio_test::block_on(memory.acquire(&[peek])).unwrap()[0].remaining();
    // As many as the next lease takes, and hence none for the second claim.
    site.gate.calls();
    let twin = Site::new();
    twin.heat(&claim, 5);
    while twin.locally(std::slice::from_ref(&claim)).is_some() {}
    twin.gate.calls();
    twin.serve_times(1, &claim);
    let [Spend::Take(next)] = twin.gate.calls()[0][..] else {
        panic!("one lease")
    };
    tokio_test::block_on(memory.acquire(&[take("a", quota, left - next)])).unwrap();
    let decisions = site.serve(&[claim.clone(), claim]);
    assert!(decisions.allowed());
    assert_eq!(
        site.gate.calls(),
        [[Spend::Take(next), Spend::Take(1)], [Spend::Take(1); 2]]
    );
}

#[test]
fn a_full_table_asks_for_each_claim_by_itself() {
    let site = Site::new();
    let serve = |id: usize| site.serve(&[take(&id.to_string(), PLENTY, 1)]);
    for id in 0..3000 {
        assert!(serve(id).allowed());
        assert!(site.leases.len() <= 1024);
    }
    assert_eq!(site.gate.calls(), vec![vec![Spend::Take(1)]; 3000]);
    // Once their leases have ended, there is room again.
    site.clock.advance(SECOND);
    let hot = take("hot", PLENTY, 1);
    site.serve_times(100, &hot);
    assert!(site.gate.calls().len() < 20);
    assert_eq!(site.leases.len(), 1);
}

#[test]
fn a_memory_store_is_leased_as_any_other() {
    let store = SharedStore::new(MemoryStore::new());
    let leases = Leases::new(Arc::new(ManualClock::default()));
    let claims = [take("a", Quota::fixed(50, 3600 * SECOND), 1)];
    let mut allowed = 0;
    for _ in 0..100 {
        let mut decisions = Decisions::new();
        if !leases.try_take(&claims, &[LEASE], &mut decisions) {
            let mut call = tokio_test::task::spawn(leases.acquire(&store, &claims, &[LEASE]));
            decisions = tokio_test::assert_ready!(call.poll()).unwrap();
        }
        allowed += usize::from(decisions.allowed());
    }
    assert_eq!(allowed, 50);
}

#[test]
fn a_call_of_eight_claims_stays_one() {
    let site = Site::new();
    let claims: Vec<_> = (0..MAX_CLAIMS)
        .map(|id| take(&id.to_string(), PLENTY, 1))
        .collect();
    for _ in 0..20 {
        assert_eq!(site.serve(&claims).len(), MAX_CLAIMS);
        // Ended, with units left: to be given back, but there is no room.
        site.clock.advance(SECOND / 3);
    }
    let calls = site.gate.calls();
    assert!(calls.iter().all(|call| call.len() <= MAX_CLAIMS));
}

#[test]
fn strict_quotas_do_not_fit() {
    const FITS: bool = Lease::fits(&Quota::strict(1, SECOND));
    const { assert!(!FITS) };
    assert!(Lease::fits(&PLENTY) && Lease::fits(&Quota::per_second(1)));
    assert_eq!(Lease::default(), Lease::new());
    let refused = |make: fn() -> Lease| std::panic::catch_unwind(make).is_err();
    assert!(refused(|| Lease::new().life(Duration::from_micros(999))));
    assert!(refused(|| Lease::new().life(60 * SECOND + MICRO)));
    assert!(refused(|| Lease::new().most(0)));
    assert!(!refused(|| Lease::new().life(60 * SECOND).most(1)));
}
