//! Calls of several claims: what they add up to, what they report, and that their order means nothing.

use std::time::Duration;

use tower_upstash::{
    quota::{Algorithm, Quota},
    store::{Claim, Key, MemoryStore, Spend},
};

use super::{ALGORITHMS, acquire, limit, still};

pub(super) fn quota(algorithm: Algorithm, limit: u32) -> Quota {
    Quota::new(algorithm, limit, Duration::from_secs(3600)).unwrap()
}

pub(super) fn left(store: &MemoryStore, key: &Key, quota: Quota) -> u32 {
    acquire(
        store,
        &[Claim::new(key.clone(), quota).spend(Spend::Peek(0))],
    )[0]
    .remaining()
}

/// R5.
#[test]
fn the_costs_of_two_claims_on_one_key_add_up() {
    for algorithm in ALGORITHMS {
        let (store, _) = still();
        let claim = |cost| Claim::new(limit("one"), quota(algorithm, 10)).spend(Spend::Take(cost));
        let both = acquire(&store, &[claim(6), claim(4)]);
        assert!(both.allowed(), "{algorithm:?}");
        assert_eq!((both[0].remaining(), both[1].remaining()), (4, 0));

        let (store, _) = still();
        let both = acquire(&store, &[claim(6), claim(5)]);
        assert!(!both.allowed() && both[0].allowed() && !both[1].allowed());
        assert_eq!(left(&store, &limit("one"), quota(algorithm, 10)), 10);
    }
}

/// R4.
#[test]
fn a_refused_call_reports_every_claim_and_the_longest_wait() {
    let (store, _) = still();
    let (slow, fast, idle) = (
        Quota::per_hour(1),
        Quota::per_second(1),
        Quota::per_minute(7),
    );
    let claims = [
        Claim::new(limit("slow"), slow),
        Claim::new(limit("fast"), fast),
        Claim::new(limit("idle"), idle),
    ];
    acquire(&store, &claims[..2]);
    let refused = acquire(&store, &claims);
    assert!(!refused.allowed());
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(refused[1].retry_after(), Some(Duration::from_secs(1)));
    assert!(refused[2].allowed());
    assert_eq!((refused[2].remaining(), refused[2].limit()), (6, 7));
    assert_eq!(left(&store, &limit("idle"), idle), 7);

    let never = Claim::new(limit("idle"), idle).spend(Spend::Take(8));
    let refused = acquire(&store, &[claims[0].clone(), never]);
    assert!(!refused.allowed());
    assert_eq!(refused.retry_after(), None);
}

/// R6.
#[test]
fn the_order_of_claims_on_different_keys_means_nothing() {
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    for refuser in 0..4 {
        let mut answers = Vec::new();
        for order in orders {
            let (store, _) = still();
            let claims = [0, 1, 2].map(|each| {
                let quota = quota(ALGORITHMS[each * 2], 10 + each as u32);
                Claim::new(limit(&each.to_string()), quota).spend(Spend::Take(3))
            });
            if let Some(full) = claims.get(refuser) {
                acquire(&store, &[full.clone().spend(Spend::Take(9))]);
            }
            let asked = order.map(|each| claims[each].clone());
            let decisions = acquire(&store, &asked);
            let mut each: Vec<_> = order.into_iter().zip(decisions.iter().copied()).collect();
            each.sort_by_key(|(place, _)| *place);
            let after = claims
                .each_ref()
                .map(|claim| left(&store, claim.key(), *claim.quota()));
            answers.push((decisions.allowed(), decisions.retry_after(), each, after));
        }
        assert!(
            answers.windows(2).all(|pair| pair[0] == pair[1]),
            "refused by {refuser}"
        );
    }
}

/// R3, with what does not refuse: trials and peeks never hold a call up, charges and refunds wait for it.
#[test]
fn a_refused_call_neither_charges_nor_refunds() {
    for algorithm in ALGORITHMS {
        let (store, _) = still();
        let quota = quota(algorithm, 10);
        let claim = |name| Claim::new(limit(name), quota);
        let taken = acquire(
            &store,
            &[
                claim("full").spend(Spend::Take(10)),
                claim("part").spend(Spend::Take(4)),
            ],
        );
        let window = taken[1].window();
        let with = |last: Spend| {
            [
                claim("new").spend(Spend::Charge(3)),
                claim("part").spend(Spend::Refund { cost: 4, window }),
                claim("trial").spend(Spend::Shadow(2)),
                claim("full").spend(last),
            ]
        };
        assert!(!acquire(&store, &with(Spend::Take(1))).allowed());
        let rest = |name| left(&store, &limit(name), quota);
        assert_eq!([rest("new"), rest("part"), rest("trial")], [10, 6, 10]);
        for last in [Spend::Shadow(1), Spend::Peek(1)] {
            let (before, decisions) = (rest("new"), acquire(&store, &with(last)));
            assert!(decisions.allowed() && !decisions[3].allowed());
            assert_eq!(rest("new"), before - 3);
        }
        assert_eq!([rest("part"), rest("trial")], [10, 6]);
    }
}

#[test]
fn nothing_is_asked_and_nothing_is_done() {
    let (store, _) = still();
    assert!(acquire(&store, &[]).allowed());
}
