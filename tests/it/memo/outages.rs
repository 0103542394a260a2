//! Stores that fail.

use tower_upstash::store::ErrorKind;

use super::*;
use crate::support::Remote;

#[tokio::test]
async fn a_store_that_is_down_costs_nobody_his_answer() {
    static ERRORS: AtomicUsize = AtomicUsize::new(0);
    let policy = ANSWERS.on_event(|_, event| {
        if let MemoEvent::StoreError { error } = event {
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            ERRORS.fetch_add(1, Ordering::SeqCst);
        }
    });
    let remote = Remote::open();
    let (store, model) = (remote.shared(), Model::default());
    remote.set_down(true);
    for answer in ["a 1", "a 2"] {
        let asked = cached(&store, policy, "a", || model.ask("a")).await;
        assert_eq!(asked.unwrap(), answer);
    }
    // The look and the write of each.
    assert_eq!(ERRORS.load(Ordering::SeqCst), 4);
    assert!(forget(&store, policy, "a").await.is_err());
    remote.set_down(false);
    for answer in ["a 3", "a 3"] {
        let asked = cached(&store, policy, "a", || model.ask("a")).await;
        assert_eq!(asked.unwrap(), answer);
    }
}

#[tokio::test]
async fn calls_at_once_are_one_also_without_a_store() {
    let remote = Remote::open();
    let (store, model) = (remote.shared(), Model::default());
    remote.set_down(true);
    let ask = || async {
        cached(&store, ANSWERS, "a", || async {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            model.ask("a").await
        })
        .await
    };
    let answers = tokio::join!(ask(), ask(), ask());
    let one = || Ok("a 1".to_owned());
    assert_eq!(answers, (one(), one(), one()));
}
