//! Whose place is given to another key when the table is full.

use tokio_test::{assert_pending, assert_ready_ok, task};

use super::*;

const MOST: usize = 1024;

fn made_up(id: usize) -> Claim {
    take(&format!("made up {id}"), PLENTY, 1)
}

/// A thousand keys in the life of a lease kept all others unleased.
#[test]
fn keys_that_are_made_up_do_not_keep_a_hot_key_unleased() {
    let site = Site::new();
    for id in 0..MOST {
        site.serve(&[made_up(id)]);
    }
    let hot = take("hot", PLENTY, 1);
    for round in 0..200 {
        site.serve_times(10, &hot);
        for id in 0..5 {
            site.serve(&[made_up(MOST + round * 5 + id)]);
        }
    }
    let trips = site.gate.calls().len() - MOST - 1000;
    assert!(trips < 20, "{trips} trips for 2000 requests");
    assert_eq!(site.leases.len(), MOST);
}

#[test]
fn a_key_with_units_at_hand_keeps_its_place() {
    let site = Site::new();
    let hot: Vec<_> = (0..MOST)
        .map(|id| take(&id.to_string(), PLENTY, 1))
        .collect();
    hot.iter().for_each(|claim| {
        site.heat(claim, 1);
    });
    site.gate.calls();
    assert_eq!(site.serve_times(10, &made_up(0)), 10);
    assert_eq!(site.gate.calls(), vec![vec![Spend::Take(1)]; 10]);
    assert!(hot.iter().all(|claim| site.at_hand(claim) > 0));
    // Used up, one makes room.
    hot.iter().for_each(
        |claim| {
            while site.locally(std::slice::from_ref(claim)).is_some() {}
        },
    );
    site.heat(&made_up(0), 5);
}

#[test]
fn a_key_that_is_asked_for_waited_for_or_owed_for_keeps_its_place() {
    let site = Site::new();
    let open = SharedStore::new(site.gate.memory().clone());
    let flood = || {
        for id in 0..3 * MOST {
            let claims = [made_up(id)];
            let call = site.leases.acquire(&open, &claims, &[LEASE]);
            assert!(tokio_test::block_on(call).unwrap().allowed());
        }
    };
    let knows = |id: &str| site.leases.lock().0.find(&key(id)).is_some();
    // What is to be given back cannot go with a call under another quota.
    let owed = take("owed", Quota::aligned(1000, 60 * SECOND), 1);
    site.heat(&owed, 5);
    let plan = take("owed", Quota::aligned(2000, 60 * SECOND), 1);
    site.serve(std::slice::from_ref(&plan));
    assert_eq!(site.at_hand(&plan), 0);
    site.serve(&[take("idle", PLENTY, 1)]);

    site.gate.shut();
    let claims = [take("asked", PLENTY, 1)];
    let mut leader = task::spawn(site.acquire(&claims));
    let mut waiting = task::spawn(site.acquire(&claims));
    assert_pending!(leader.poll());
    flood();
    assert!(knows("asked") && knows("owed") && !knows("idle"));
    assert_pending!(waiting.poll());
    site.gate.turns(2);
    assert_ready_ok!(leader.poll());
    flood();
    assert!(knows("asked"), "somebody has been woken");
    site.gate.calls();
    assert_pending!(waiting.poll());
    assert_eq!(site.gate.calls().len(), 1);
    site.gate.turns(2);
    assert_ready_ok!(waiting.poll());
    while site.locally(&claims).is_some() {}
    flood();
    assert!(!knows("asked") && knows("owed"));
}

#[test]
fn what_was_under_way_for_a_replaced_key_is_neither_handed_out_nor_given_back() {
    let site = Site::new();
    let (hot, cold) = (take("hot", PLENTY, 1), take("cold", PLENTY, 1));
    site.heat(&hot, 1);
    while site.at_hand(&hot) > 1 {
        site.serve_times(1, &hot);
    }
    site.gate.shut();
    let claims = [hot.clone(), cold];
    let mut call = task::spawn(site.acquire(&claims));
    assert_pending!(call.poll());
    // Its last unit is in that call.
    let open = SharedStore::new(site.gate.memory().clone());
    for id in 0..3 * MOST {
        let made_up = [made_up(id)];
        tokio_test::block_on(site.leases.acquire(&open, &made_up, &[LEASE])).unwrap();
    }
    let again = [hot.clone()];
    tokio_test::block_on(site.leases.acquire(&open, &again, &[LEASE])).unwrap();
    drop(call);
    assert_eq!(site.at_hand(&hot), 0);
    site.gate.turns(100);
    site.gate.calls();
    tokio_test::block_on(site.leases.drain(&site.store)).unwrap();
    assert!(site.gate.calls().is_empty());
}
