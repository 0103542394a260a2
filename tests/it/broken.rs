//! A check that never fails checks nothing: for every promise, a store that breaks it and is found out.

mod claims;
mod entries;
mod fault;
mod logs;
mod store;
mod writes;

use std::future::ready;

use tower_upstash::store::{
    SharedStore,
    conformance::{Fixture, PROMISES, Promise, check},
};

use self::{
    fault::{Fault, PROOFS},
    store::Broken,
};

fn fixture(fault: Fault) -> Fixture {
    let store = Broken::by(fault);
    let clock = store.clock.clone();
    Fixture::new(SharedStore::new(store), move |time| {
        clock.advance(time);
        ready(())
    })
}

async fn is_broken(promise: &Promise, fault: Fault) -> bool {
    match promise.check(&fixture(fault)).await {
        Ok(()) => false,
        Err(violation) => violation.promise() == promise.name(),
    }
}

#[tokio::test]
async fn store_without_a_fault_keeps_every_promise() {
    if let Err(violations) = check(&fixture(Fault::None)).await {
        panic!("{violations:#?}");
    }
}

// The next test shows that the fault does break it.
#[test]
fn every_promise_has_a_fault_that_breaks_it() {
    let proven = |name| PROOFS.iter().any(|(_, promises)| promises.contains(&name));
    let names = PROMISES.iter().map(Promise::name);
    let unproven: Vec<_> = names.filter(|name| !proven(name)).collect();
    assert!(unproven.is_empty(), "no fault breaks {unproven:#?}");
}

#[tokio::test]
async fn every_fault_breaks_the_promises_it_stands_for() {
    for (fault, promises) in PROOFS {
        for name in *promises {
            let promise = PROMISES.iter().find(|promise| promise.name() == *name);
            let promise = promise.unwrap_or_else(|| panic!("{name} is no promise"));
            assert!(is_broken(promise, *fault).await, "{fault:?} keeps {name}");
        }
    }
}

#[test]
fn promises_have_names_of_their_own() {
    let mut names: Vec<_> = PROMISES.iter().map(Promise::name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), PROMISES.len());
}
