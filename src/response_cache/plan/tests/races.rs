//! Purges and fills of one key at the same time.

use super::*;

#[test]
fn a_purge_wins_over_what_was_looked_up_before() {
    for filled_before in [false, true] {
        let mut bench = bench();
        let all = varied("", 0);
        if filled_before {
            bench.fill(all.clone(), "old", 8);
        }
        let found = bench.lookup();
        let new = head(all.clone(), "racing", bench.now());
        let racing = bench.plan(&found, &new, 8);
        let purge = plan_purge(&bench.place, bench.terms(8).generation);
        assert!(bench.write(&purge.into()).is_done());
        let refused = refusal(bench.write(&racing));
        assert!(retry_after(&refused, (&bench.place, &found), &new).is_none());
        assert_eq!(bench.answer(&all), None);
        // And over one that another fill has covered.
        bench.fill(all.clone(), "new", 8);
        let refused = refusal(bench.write(&racing));
        assert!(retry_after(&refused, (&bench.place, &found), &new).is_none());
        assert_eq!(bench.body(&all).as_deref(), Some("new"));
    }
}

#[test]
fn variants_of_before_a_purge_do_not_come_back() {
    let mut bench = bench();
    let [a, b, c] = [1, 2, 3].map(|n| varied("accept", n));
    bench.fill(a.clone(), "a", 8);
    bench.fill(b.clone(), "b", 8);
    let purge = plan_purge(&bench.place, bench.terms(8).generation);
    assert!(bench.write(&purge.into()).is_done());
    bench.fill(c, "c", 8);
    let base = bench.base();
    let orphan = bench.get(&bench.place.variant(&a)).expect("not deleted");
    let key = bench.place.key.digest();
    assert!(decode_variant(orphan.value(), key, &base.generation, &a).is_none());
    assert_eq!((bench.body(&a), bench.body(&b)), (None, None));
}

#[test]
fn a_tombstone_lies_as_long_as_a_fill_may_take() {
    let bench = bench();
    let purge = plan_purge(&bench.place, bench.terms(8).generation);
    assert!(bench.write(&purge.into()).is_done());
    bench.clock.advance(LONGEST_FILL - Duration::from_millis(1));
    assert!(matches!(bench.lookup(), Lookup::Base(base, _) if base.newest.is_none()));
    bench.clock.advance(Duration::from_millis(1));
    assert!(matches!(bench.lookup(), Lookup::Absent));
}

#[test]
fn fills_of_two_variants_are_merged() {
    let mut bench = bench();
    let [a, b, c] = [1, 2, 3].map(|n| varied("accept", n));
    bench.fill(a.clone(), "a", 8);
    let found = bench.lookup();
    let new = head(c.clone(), "c", bench.now().after(Duration::from_secs(2)));
    let slower = bench.plan(&found, &new, 8);
    bench.fill(b.clone(), "b", 8);
    let refused = refusal(bench.write(&slower));
    let found = retry_after(&refused, (&bench.place, &found), &new).expect("another variant");
    let again = bench.plan(&found, &new, 8);
    assert!(bench.write(&again).is_done());
    assert_eq!(
        [a, b, c].map(|variant| bench.body(&variant)),
        ["a", "b", "c"].map(|body| Some(body.to_owned()))
    );
}

#[test]
fn an_older_response_does_not_replace_a_newer_one() {
    for (older, newer) in [
        (varied("accept", 1), varied("accept", 1)),
        (varied("accept", 2), varied("", 0)),
        (varied("", 0), varied("accept", 2)),
    ] {
        let mut bench = bench();
        bench.fill(varied("accept", 1), "first", 8);
        let found = bench.lookup();
        let new = head(older, "older", bench.now());
        let slower = bench.plan(&found, &new, 8);
        bench.fill(newer, "newer", 8);
        let refused = refusal(bench.write(&slower));
        assert!(retry_after(&refused, (&bench.place, &found), &new).is_none());
    }
}

#[test]
fn the_first_fill_of_an_empty_key_wins() {
    let mut bench = bench();
    let found = bench.lookup();
    let new = head(varied("", 0), "second", bench.now());
    let slower = bench.plan(&found, &new, 8);
    bench.fill(varied("", 0), "first", 8);
    let refused = refusal(bench.write(&slower));
    assert_eq!(refused, Refusal::Exists);
    assert!(retry_after(&refused, (&bench.place, &found), &new).is_none());
}

#[test]
fn a_soft_purge_makes_everything_stale_and_a_racing_fill_loses() {
    let mut bench = bench();
    let [a, b] = [1, 2].map(|n| varied("accept", n));
    bench.fill(a.clone(), "a", 8);
    bench.fill(b.clone(), "b", 8);
    let found = bench.lookup();
    let new = head(
        a.clone(),
        "racing",
        bench.now().after(Duration::from_secs(9)),
    );
    let racing = bench.plan(&found, &new, 8);
    let soft = plan_soft_purge(&bench.place, &found, &bench.terms(8));
    assert!(bench.write(&soft.into()).is_done());
    assert!(
        [&a, &b]
            .map(|variant| bench.answer(variant))
            .iter()
            .flatten()
            .all(|(_, stale)| *stale)
    );
    let refused = refusal(bench.write(&racing));
    assert!(retry_after(&refused, (&bench.place, &found), &new).is_none());
    // What is filled anew is fresh, and the others stay stale.
    bench.fill(a.clone(), "a2", 8);
    assert_eq!(bench.answer(&a), Some((Bytes::from("a2"), false)));
    assert_eq!(bench.answer(&b), Some((Bytes::from("b"), true)));
}

#[test]
fn a_soft_purge_of_nothing_is_a_purge() {
    let mut bench = bench();
    let found = bench.lookup();
    let racing = bench.plan(&found, &head(varied("", 0), "x", bench.now()), 8);
    let soft = plan_soft_purge(&bench.place, &found, &bench.terms(8));
    assert!(bench.write(&soft.clone().into()).is_done());
    assert!(!bench.write(&racing).is_done());
    assert!(bench.base().newest.is_none());
    bench.fill(varied("", 0), "new", 8);
    assert!(
        !bench.write(&soft.into()).is_done(),
        "a fill was faster: plan again"
    );
}
