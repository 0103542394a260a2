//! What is stored and what is not.

use super::*;

#[test]
fn a_body_that_ends_cleanly_is_stored_whole() {
    let site = Site::new();
    let mut reader = site.start();
    site.feed.give([data("one"), data("two")]);
    assert_eq!(got(&mut reader), bytes("one"));
    assert_eq!(got(&mut reader), bytes("two"));
    assert_eq!(got(&mut reader), Got::Nothing);
    assert_eq!(site.budget().held(), 6);
    site.feed.give([Item::End]);
    assert!(reader.is_woken());
    assert!(!reader.is_end_stream());
    assert_eq!(got(&mut reader), Got::End);
    assert_eq!(got(&mut reader), Got::End);
    assert!(reader.is_end_stream() && site.feed.is_dropped());
    assert_eq!(site.outcomes(), [stored("onetwo")]);
    assert_eq!((site.budget().held(), site.hourglass.sleeps()), (0, 0));
}

#[test]
fn an_empty_body_is_stored_without_being_polled() {
    let site = Site::new();
    site.feed.0.lock().unwrap().says_end = true;
    site.feed.give([Item::End]);
    let mut reader = site.start();
    assert_eq!(site.outcomes(), [stored("")]);
    assert!(reader.is_end_stream());
    assert_eq!(reader.size_hint().exact(), Some(0));
    assert_eq!(got(&mut reader), Got::End);
}

#[test]
fn an_empty_body_whose_commit_takes_time_is_committed_although_nobody_polls() {
    let site = Site::new();
    site.shut();
    site.feed.0.lock().unwrap().says_end = true;
    site.feed.give([Item::End]);
    let reader = site.start();
    assert!(!reader.is_end_stream());
    drop(reader);
    site.open();
    assert_eq!(site.shelf.run(), 0);
    assert_eq!(site.outcomes(), [stored(""), Outcome::Committed]);
}

#[test]
fn more_or_fewer_bytes_than_announced_are_passed_on_and_not_stored() {
    for (announced, items) in [
        (4, vec![data("abc"), Item::End]),
        (0, vec![data("abc"), Item::End]),
        (2, vec![data("abc"), Item::End]),
        (1, vec![data("a"), data("bc"), Item::End]),
        (2, vec![data("a"), data("b"), data("c"), Item::End]),
    ] {
        for says_end in [false, true] {
            let site = Site::new();
            site.feed.0.lock().unwrap().says_end = says_end;
            site.feed.give(items.clone());
            let mut options = site.options();
            options.expected = Some(announced);
            let mut reader = site.start_with(options);
            let mut all = Vec::new();
            while let Got::Data(data) = got(&mut reader) {
                all.extend_from_slice(&data);
            }
            assert_eq!(all, b"abc");
            assert_eq!(got(&mut reader), Got::End);
            let incomplete = Outcome::Discarded(Discarded::Incomplete);
            assert_eq!(site.outcomes(), [incomplete]);
        }
    }
}

#[test]
fn an_error_reaches_every_reader_after_what_came_before_it() {
    for items in [0, 1, 2] {
        let site = Site::new();
        let mut options = site.options();
        // The error comes after all bytes that were announced.
        options.expected = Some(6);
        let mut first = site.start_with(options);
        let follow = first.follow();
        let mut second = follower(&follow);
        site.feed
            .give([data("one"), data("two")].into_iter().take(items));
        site.feed.give([Item::Error]);
        for (reader, error) in [(&mut first, Got::Error), (&mut second, Got::Interrupted)] {
            let mut all = Vec::new();
            let end = loop {
                match got(reader) {
                    Got::Data(data) => all.extend_from_slice(&data),
                    end => break end,
                }
            };
            assert_eq!(all, &b"onetwo"[..items * 3]);
            assert_eq!(end, error);
            assert_eq!(got(reader), Got::End);
        }
        assert_eq!(site.outcomes(), [Outcome::Discarded(Discarded::Failed)]);
        assert!(follow.reader().is_none() && site.feed.is_dropped());
    }
}

#[test]
fn a_body_that_panics_fails_for_the_others() {
    let site = Site::new();
    let mut first = site.start();
    let mut second = follower(&first.follow());
    site.feed.give([data("one")]);
    assert_eq!(got(&mut first), bytes("one"));
    assert_eq!(got(&mut second), bytes("one"));
    assert_eq!(got(&mut second), Got::Nothing);
    site.feed.give([Item::Panic]);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| got(&mut first)));
    assert!(panic.is_err() && second.is_woken());
    assert_eq!(got(&mut second), Got::Interrupted);
    assert_eq!(site.outcomes(), [Outcome::Discarded(Discarded::Failed)]);
    drop((first, second));
    assert_eq!(site.budget().held(), 0);
}

#[test]
fn a_commit_that_panics_does_not_cut_off_the_others() {
    let site = Site::new();
    site.shut();
    site.gate.lock().unwrap().panics = true;
    let mut first = site.start();
    let mut second = follower(&first.follow());
    assert_eq!(got(&mut second), Got::Nothing);
    site.feed.give([data("one"), Item::End]);
    assert_eq!(got(&mut first), bytes("one"));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| got(&mut first)));
    // It has poisoned the lock of the test.
    site.gate.clear_poison();
    assert!(panic.is_err() && second.is_woken());
    assert_eq!(got(&mut second), bytes("one"));
    assert_eq!(got(&mut second), Got::End);
}

#[test]
fn trailers_reach_every_reader_and_nothing_is_stored() {
    for expected in [None, Some(3)] {
        let site = Site::new();
        let mut options = site.options();
        options.expected = expected;
        let mut first = site.start_with(options);
        let mut second = follower(&first.follow());
        site.feed.give([data("one"), Item::Trailers, Item::End]);
        for reader in [&mut first, &mut second] {
            assert_eq!(got(reader), bytes("one"));
            assert!(!reader.is_end_stream());
            assert_eq!(got(reader), Got::Trailers);
            assert_eq!(got(reader), Got::End);
        }
        assert_eq!(site.outcomes(), [Outcome::Discarded(Discarded::Trailers)]);
    }
}

#[test]
fn what_remains_is_known_where_the_body_knows() {
    let site = Site::new();
    site.feed.0.lock().unwrap().remaining = Some(9);
    let mut first = site.start();
    let mut second = follower(&first.follow());
    let left = |reader: &Spawn<Reader>| reader.size_hint().exact();
    assert_eq!((left(&first), left(&second)), (Some(9), Some(9)));
    site.feed.give([data("one"), data("two")]);
    got(&mut first);
    assert_eq!((left(&first), left(&second)), (Some(6), Some(9)));
    got(&mut first);
    got(&mut second);
    assert_eq!((left(&first), left(&second)), (Some(3), Some(3)));
    site.feed.give([data("end"), Item::End]);
    while got(&mut second) != Got::End {}
    assert_eq!((left(&first), left(&second)), (Some(3), Some(0)));
    assert_eq!(got(&mut first), bytes("end"));
    assert_eq!(left(&first), Some(0));
    assert!(first.is_end_stream());
    assert_eq!(site.outcomes(), [stored("onetwoend")]);
}

#[test]
fn empty_frames_change_nothing() {
    let site = Site::new();
    let mut options = site.options();
    options.expected = Some(3);
    let mut reader = site.start_with(options);
    site.feed.give([data(""), data("one"), data(""), Item::End]);
    assert_eq!(got(&mut reader), bytes(""));
    assert_eq!(got(&mut reader), bytes("one"));
    assert_eq!(got(&mut reader), Got::End);
    assert_eq!(site.outcomes(), [stored("one")]);
}
