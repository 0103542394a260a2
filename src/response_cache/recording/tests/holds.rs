//! What waits for the commit, and for how long.

use super::*;

#[test]
fn the_frame_that_completes_a_body_of_known_length_waits_for_the_commit() {
    let site = Site::new();
    site.shut();
    let mut options = site.options();
    options.expected = Some(6);
    let mut first = site.start_with(options);
    let mut second = follower(&first.follow());
    site.feed.give([data("one"), data("two"), Item::End]);
    assert_eq!(got(&mut first), bytes("one"));
    assert_eq!(got(&mut first), Got::Nothing);
    assert_eq!(got(&mut second), bytes("one"));
    assert_eq!(got(&mut second), Got::Nothing);
    assert_eq!(site.outcomes(), [stored("onetwo")]);
    site.open();
    assert!(first.is_woken() && second.is_woken());
    for reader in [&mut second, &mut first] {
        assert_eq!(got(reader), bytes("two"));
        assert!(reader.is_end_stream());
    }
    assert_eq!(site.outcomes(), [Outcome::Committed]);
}

#[test]
fn of_a_body_of_unknown_length_only_the_end_waits() {
    let site = Site::new();
    site.shut();
    let mut reader = site.start();
    site.feed.give([data("one"), Item::End]);
    assert_eq!(got(&mut reader), bytes("one"));
    assert_eq!(got(&mut reader), Got::Nothing);
    assert!(!reader.is_end_stream());
    site.open();
    assert_eq!(got(&mut reader), Got::End);
    assert_eq!(site.outcomes(), [stored("one"), Outcome::Committed]);
}

#[test]
fn a_frame_of_a_body_that_says_it_has_ended_waits_too() {
    let site = Site::new();
    site.shut();
    site.feed.0.lock().unwrap().says_end = true;
    let mut reader = site.start();
    site.feed.give([data("one"), Item::End]);
    assert_eq!(got(&mut reader), Got::Nothing);
    site.open();
    assert_eq!(got(&mut reader), bytes("one"));
    assert!(reader.is_end_stream());
}

#[test]
fn a_slow_commit_goes_to_the_background() {
    let site = Site::new();
    site.shut();
    let mut options = site.options();
    options.expected = Some(3);
    let mut first = site.start_with(options);
    let mut second = follower(&first.follow());
    site.feed.give([data("one"), Item::End]);
    assert_eq!(got(&mut first), Got::Nothing);
    assert_eq!(got(&mut second), Got::Nothing);
    site.hourglass.turn(Duration::from_millis(49));
    assert_eq!(got(&mut first), Got::Nothing);
    site.hourglass.turn(Duration::from_millis(1));
    assert!(first.is_woken() && second.is_woken());
    assert_eq!(got(&mut second), bytes("one"));
    assert_eq!(got(&mut first), bytes("one"));
    assert_eq!((site.shelf.run(), site.budget().held()), (1, 3));
    site.open();
    assert_eq!((site.shelf.run(), site.budget().held()), (0, 0));
    assert_eq!(site.outcomes(), [stored("one"), Outcome::Committed]);
    assert_eq!(site.hourglass.sleeps(), 1);
}

#[test]
fn without_an_executor_a_slow_commit_is_awaited() {
    let site = Site::new();
    site.shut();
    let mut options = site.options();
    options.hold.executor = None;
    let mut reader = site.start_with(options);
    site.feed.give([Item::End]);
    assert_eq!(got(&mut reader), Got::Nothing);
    site.hourglass.turn(HOLD * 2);
    assert_eq!(got(&mut reader), Got::Nothing);
    site.open();
    assert!(reader.is_woken());
    assert_eq!(got(&mut reader), Got::End);
}

#[test]
fn the_last_frame_does_not_wait_for_an_end_that_does_not_come() {
    for has_timer in [true, false] {
        let site = Site::new();
        let mut options = site.options();
        options.expected = Some(3);
        if !has_timer {
            options.hold.timer = None;
        }
        let mut reader = site.start_with(options);
        site.feed.give([data("one")]);
        if has_timer {
            assert_eq!(got(&mut reader), Got::Nothing);
            site.hourglass.turn(HOLD);
            assert!(reader.is_woken());
        }
        assert_eq!(got(&mut reader), bytes("one"));
        assert_eq!(got(&mut reader), Got::Nothing);
        assert_eq!(site.outcomes(), []);
        site.feed.give([Item::End]);
        assert_eq!(got(&mut reader), Got::End);
        assert_eq!(site.outcomes(), [stored("one")]);
    }
}

#[test]
fn readers_that_leave_during_the_commit_do_not_stop_it() {
    let site = Site::new();
    site.shut();
    let mut first = site.start();
    let follow = first.follow();
    site.feed.give([data("one"), Item::End]);
    got(&mut first);
    assert_eq!(got(&mut first), Got::Nothing);
    drop(first);
    site.open();
    assert_eq!(site.shelf.run(), 0);
    assert_eq!(site.outcomes(), [stored("one"), Outcome::Committed]);
    // What is complete can still be read.
    let mut second = follower(&follow);
    assert_eq!(got(&mut second), bytes("one"));
    assert_eq!(got(&mut second), Got::End);
}
