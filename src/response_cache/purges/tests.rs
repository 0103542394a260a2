//! What is admitted, by whom and when.

mod durable;
mod races;

use super::*;
use crate::{
    store::{
        Batch, Claim, Cursor, Decisions, Entries, Epoch, Error, ErrorKind, Key, Kind, Members,
        MemoryStore, Position, PurgeView, Written,
    },
    time::{Clock, ManualClock},
};

const NOW: Timestamp = Timestamp::from_micros(1_000_000);
const LAG: Duration = Duration::from_secs(1);

fn log() -> Scope {
    Scope::new(Kind::Purge, "cache")
}

fn tag(name: &str) -> Tag {
    Tag::new(name)
}

fn purging(store: &SharedStore) -> Arc<Purging> {
    Purging::of(store, &log())
}

/// Two processes over one store.
fn processes() -> [(SharedStore, Arc<Purging>); 2] {
    let memory = MemoryStore::new();
    [0, 1].map(|_| {
        let store = SharedStore::new(memory.clone());
        let purging = purging(&store);
        (store, purging)
    })
}

fn look((store, purging): &(SharedStore, Arc<Purging>)) -> Stamp {
    let poll = purging.due(NOW, Duration::ZERO).expect("always");
    let polled = purging.poll_at_once(store, &poll).expect("in memory");
    polled.expect("in memory");
    purging.stamp().expect("known")
}

fn done<T>(future: impl Future<Output = T>) -> T {
    tokio_test::block_on(future)
}

#[test]
fn layers_over_clones_of_a_store_share_what_is_known_of_a_log() {
    let [(store, one), (_, other)] = processes();
    assert!(Arc::ptr_eq(&one, &purging(&store)));
    assert!(!Arc::ptr_eq(&one, &other));
    let apart = Purging::of(&store, &Scope::new(Kind::Purge, "other"));
    assert!(!Arc::ptr_eq(&one, &apart));
}

#[test]
fn a_purge_is_seen_at_once_here_and_with_the_next_poll_elsewhere() {
    let [here, elsewhere] = processes();
    let stamp = Some(look(&here));
    look(&elsewhere);
    let (a, b) = ([tag("a")], [tag("b")]);
    done(here.1.purge(&here.0, Purge::Tags(&a))).expect("in memory");
    assert!(!here.1.admits(stamp, &a) && here.1.admits(stamp, &b));
    assert!(elsewhere.1.admits(stamp, &a));
    look(&elsewhere);
    assert!(!elsewhere.1.admits(stamp, &a) && elsewhere.1.admits(stamp, &b));
    let later = Some(look(&here));
    assert!(here.1.admits(later, &a) && elsewhere.1.admits(later, &a));

    done(elsewhere.1.purge(&elsewhere.0, Purge::Everything)).expect("in memory");
    assert!(!elsewhere.1.admits(later, &[]) && elsewhere.1.stamp().is_none());
    assert!(here.1.admits(later, &[]));
    look(&here);
    look(&elsewhere);
    assert!(!here.1.admits(later, &[]) && !elsewhere.1.admits(later, &[]));
}

/// Its answer is beyond what the other has purged before, which nobody would have asked for then.
#[test]
fn a_purge_of_ones_own_skips_none_of_others() {
    let [here, elsewhere] = processes();
    let stamp = Some(look(&here));
    let (a, b) = ([tag("a")], [tag("b")]);
    done(elsewhere.1.purge(&elsewhere.0, Purge::Tags(&b))).expect("in memory");
    done(here.1.purge(&here.0, Purge::Tags(&a))).expect("in memory");
    look(&here);
    assert!(!here.1.admits(stamp, &a) && !here.1.admits(stamp, &b));
}

#[test]
fn nothing_is_admitted_without_a_stamp_or_before_the_first_poll() {
    let [here, elsewhere] = processes();
    let stamp = look(&here);
    assert!(!here.1.admits(None, &[]));
    assert!(here.1.admits(Some(stamp), &[]));
    assert!(!elsewhere.1.admits(Some(stamp), &[]) && elsewhere.1.stamp().is_none());
}

#[test]
fn more_tags_than_a_trip_takes_are_purged_in_several() {
    let [here, _] = processes();
    let stamp = Some(look(&here));
    let tags: Vec<Tag> = (0..600).map(|n: u64| Tag::new(n)).collect();
    done(here.1.purge(&here.0, Purge::Tags(&tags))).expect("in memory");
    look(&here);
    let admitted = tags
        .iter()
        .filter(|tag| here.1.admits(stamp, std::slice::from_ref(tag)));
    assert_eq!(admitted.count(), 0);
    assert!(here.1.admits(stamp, &[tag("another")]));
}

#[test]
fn with_a_lag_a_poll_is_due_when_the_last_one_is_older() {
    let (clock, [here, _]) = (ManualClock::default(), processes());
    let due = |lag| here.1.due(clock.now(), lag);
    let first = due(LAG).expect("the first");
    assert!(due(LAG).is_some(), "asked is not answered");
    clock.advance(LAG / 2);
    here.1
        .poll_at_once(&here.0, &first)
        .expect("at once")
        .expect("in memory");
    assert!(due(LAG).is_none() && due(Duration::ZERO).is_some());
    clock.advance(LAG / 2);
    assert!(due(LAG).is_none(), "as old as the lag");
    clock.advance(Duration::from_micros(1));
    let second = due(LAG).expect("counted from when it was asked");
    done(here.1.poll(&here.0, &second)).expect("in memory");
    assert!(due(LAG).is_none());
    clock.set(Timestamp::from_micros(1));
    assert!(due(LAG).is_some(), "a clock that went back says nothing");
}

#[test]
fn after_a_purge_the_next_lookup_polls_whatever_the_lag() {
    let [here, _] = processes();
    for what in [Purge::Tags(&[tag("a")]), Purge::Everything] {
        look(&here);
        let early = here.1.due(NOW, Duration::ZERO).expect("always");
        assert!(here.1.due(NOW, LAG).is_none());
        done(here.1.purge(&here.0, what)).expect("in memory");
        assert!(here.1.due(NOW, LAG).is_some());
        let answer = done(here.0.purges(&log(), early.since())).expect("in memory");
        here.1.apply(&early, answer);
        assert!(
            here.1.due(NOW, LAG).is_some(),
            "one from before does not count"
        );
    }
}

fn purges(epoch: u128, id: u128, complete: bool, marks: &[(&str, u128)]) -> Purges {
    let marks = marks.iter().map(|(name, id)| (tag(name), *id));
    Purges::new(
        Position::new(Epoch::new(epoch), id, 0),
        complete,
        marks.collect(),
    )
}

fn admits(picture: &Picture, epoch: u128, id: u128, name: &str) -> bool {
    picture
        .view()
        .admits(Stamp::new(Epoch::new(epoch), id), &[tag(name)])
}

#[test]
fn an_answer_that_comes_late_takes_nothing_back() {
    let mut picture = Picture::default();
    let [first, late, later] = [0; 3].map(|_| picture.poll(NOW));
    picture.apply(&first, purges(1, 5, true, &[("a", 5), ("b", 2)]));
    picture.apply(&late, purges(1, 4, true, &[("b", 2)]));
    assert!(!admits(&picture, 1, 4, "a") && !admits(&picture, 1, 1, "b"));
    assert!(admits(&picture, 1, 2, "b"));
    assert_eq!(picture.poll(NOW).since().map(|since| since.id()), Some(5));
    picture.apply(&later, purges(1, 7, true, &[("a", 5), ("b", 7)]));
    assert!(!admits(&picture, 1, 6, "b"));
}

#[test]
fn of_two_epochs_that_nobody_can_order_neither_is_believed() {
    let mut picture = Picture::default();
    let [first, late] = [0; 2].map(|_| picture.poll(NOW));
    picture.apply(&first, purges(1, 5, true, &[]));
    picture.apply(&late, purges(2, 0, true, &[]));
    assert!(!admits(&picture, 1, 5, "a") && !admits(&picture, 2, 0, "a"));
    // Nor one that was asked for before.
    picture.apply(&first, purges(1, 5, true, &[]));
    assert_eq!(picture.view().stamp(), None);
    let next = picture.poll(NOW);
    picture.apply(&next, purges(2, 0, true, &[]));
    assert!(admits(&picture, 2, 0, "a"));
    // And one that was asked for after the other was known is later.
    let next = picture.poll(NOW);
    picture.apply(&next, purges(3, 0, true, &[]));
    assert!(admits(&picture, 3, 0, "a") && !admits(&picture, 2, 0, "a"));
}

/// A replica that took over knows less. To ask for what it does not know would be told everything each time.
#[test]
fn a_log_that_lost_its_end_is_followed_back() {
    let mut picture = Picture::default();
    let first = picture.poll(NOW);
    picture.apply(&first, purges(1, 9, true, &[("a", 9)]));
    let [next, late] = [0; 2].map(|_| picture.poll(NOW));
    picture.apply(&next, purges(1, 5, true, &[("b", 5)]));
    assert_eq!(picture.poll(NOW).since().map(|since| since.id()), Some(5));
    assert!(!admits(&picture, 1, 4, "b"));
    // It tells what follows 9, and what lies between is not known.
    picture.apply(&late, purges(1, 11, false, &[("c", 11)]));
    assert_eq!(picture.view().stamp(), None);
}

#[test]
fn an_answer_that_is_not_complete_must_be_of_the_epoch_that_was_asked_for() {
    let mut picture = Picture::default();
    let first = picture.poll(NOW);
    picture.apply(&first, purges(1, 1, true, &[]));
    let next = picture.poll(NOW);
    picture.apply(&next, purges(2, 5, false, &[]));
    assert_eq!(picture.view().stamp(), None);
}

#[test]
fn a_store_that_never_forgets_does_not_fill_the_memory() {
    let mut picture = Picture::default();
    let first = picture.poll(NOW);
    let marks = (0..131_073_u64).map(|n| (Tag::new(n), 1));
    let position = Position::new(Epoch::new(1), 1, 0);
    picture.apply(&first, Purges::new(position, true, marks.collect()));
    assert_eq!(picture.view().stamp(), None);
    assert_eq!(picture.view().marks(), 0);
}

#[test]
fn a_view_sees_a_purge_of_its_own_without_knowing_more() {
    let mut view = PurgeView::new();
    let stamp = Stamp::new(Epoch::new(1), 3);
    view.apply(purges(1, 3, true, &[]));
    view.purged(Purge::Tags(&[tag("a")]), Position::new(Epoch::new(1), 5, 0));
    assert!(!view.admits(stamp, &[tag("a")]) && view.admits(stamp, &[tag("b")]));
    assert_eq!(view.stamp(), Some(stamp));
    view.apply(purges(1, 6, false, &[("b", 6)]));
    assert!(!view.admits(stamp, &[tag("a")]) && !view.admits(stamp, &[tag("b")]));
    view.purged(Purge::Tags(&[tag("a")]), Position::new(Epoch::new(2), 1, 0));
    assert_eq!(view.stamp(), None);
}

#[test]
fn a_trip_that_failed_in_part_serves_nothing_and_stores_nothing() {
    let fails = || Error::new(ErrorKind::Timeout, "told to fail");
    let (read, failed): (Result<u8>, Result<u8>) = (Ok(1), Err(fails()));
    let (polled, down) = (Ok(()), Err(fails()));
    assert_eq!(Trip::of(&read, None), Trip::Usable);
    assert_eq!(Trip::of(&read, Some(&polled)), Trip::Usable);
    assert_eq!(Trip::of(&read, Some(&down)), Trip::PassThrough);
    assert_eq!(Trip::of(&failed, Some(&polled)), Trip::PassThrough);
    assert_eq!(Trip::of(&failed, None), Trip::PassThrough);
}
