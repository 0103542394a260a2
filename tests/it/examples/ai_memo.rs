//! `ai_memo`: a slow model that is asked once.

use super::output;

#[test]
fn a_model_is_asked_once_by_all_who_ask_the_same_until_that_is_forgotten() {
    let lines = output("ai_memo");
    let [store, answers @ ..] = &*lines else {
        panic!("it says nothing");
    };
    assert!(
        store.starts_with("store: the memory of this process"),
        "{store}"
    );
    let told = answers.iter().map(|line| {
        let (what, took) = line.split_at(12);
        let (took, calls) = took.split_once(" ms  ").unwrap();
        let took: u64 = took.trim().parse().unwrap();
        (what.trim(), took, calls.split_once("  ").unwrap().0)
    });
    let told: Vec<_> = told.collect();
    let calls: Vec<_> = told
        .iter()
        .map(|(what, _, calls)| (*what, *calls))
        .collect();
    assert_eq!(
        calls,
        [
            ("first", "1 calls so far"),
            ("again", "1 calls so far"),
            ("ten at once", "2 calls so far"),
            ("forgotten", "3 calls so far"),
        ]
    );
    let slow: Vec<_> = told.iter().map(|(_, took, _)| *took >= 1000).collect();
    assert_eq!(slow, [true, false, true, true], "{lines:?}");
}
