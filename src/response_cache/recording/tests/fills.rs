//! Bodies that nobody reads any more.

use super::*;

fn filling(site: &Site) -> Options<'_> {
    Options {
        keep_filling: Some(KeepFilling {
            executor: Executor::new(site.shelf.clone()),
            timer: Timer::new(site.hourglass.clone()),
            limit: Duration::from_secs(10),
        }),
        ..site.options()
    }
}

#[test]
fn a_body_that_nobody_reads_is_dropped() {
    let site = Site::new();
    let mut first = site.start();
    let follow = first.follow();
    let second = follower(&follow);
    site.feed.give([data("one")]);
    got(&mut first);
    drop(first);
    assert_eq!((site.feed.is_dropped(), site.outcomes()), (false, vec![]));
    drop(second);
    assert!(site.feed.is_dropped() && follow.reader().is_none());
    assert_eq!(site.outcomes(), [Outcome::Discarded(Discarded::Abandoned)]);
    assert_eq!(site.budget().held(), 0);
}

#[test]
fn a_body_can_be_filled_on_without_readers() {
    let site = Site::new();
    let mut first = site.start_with(filling(&site));
    let follow = first.follow();
    site.feed.give([data("one")]);
    got(&mut first);
    drop(first);
    assert_eq!(site.shelf.run(), 1);
    // Others still join.
    let mut second = follower(&follow);
    site.feed.give([data("two"), Item::End]);
    assert_eq!(site.shelf.run(), 0);
    assert_eq!(site.outcomes(), [stored("onetwo")]);
    assert_eq!(got(&mut second), bytes("onetwo"));
    assert_eq!(got(&mut second), Got::End);
}

#[test]
fn filling_on_has_a_time_limit() {
    let site = Site::new();
    drop(site.start_with(filling(&site)));
    assert_eq!(site.shelf.run(), 1);
    site.hourglass.turn(Duration::from_secs(10));
    assert_eq!(site.shelf.run(), 0);
    assert!(site.feed.is_dropped());
    assert_eq!(site.outcomes(), [Outcome::Discarded(Discarded::Abandoned)]);
}

#[test]
fn filling_on_ends_where_nothing_can_be_stored() {
    let site = Site::new();
    let mut options = filling(&site);
    options.most = 4;
    drop(site.start_with(options));
    site.feed.give([data("one"), data("two"), data("three")]);
    assert_eq!(site.shelf.run(), 0);
    assert_eq!(site.feed.0.lock().unwrap().items.len(), 1);
    assert!(site.feed.is_dropped());
    assert_eq!(site.outcomes(), [Outcome::Discarded(Discarded::TooLarge)]);
}

#[test]
fn an_executor_that_drops_its_tasks_ends_the_filling() {
    let site = Site::new();
    drop(site.start_with(filling(&site)));
    site.shelf.clear();
    assert_eq!(site.shelf.run(), 0);
    assert_eq!(site.outcomes(), [Outcome::Discarded(Discarded::Abandoned)]);
}

#[test]
fn a_body_that_is_dropped_between_its_last_byte_and_its_end_is_stored() {
    let site = Site::new();
    let mut options = site.options();
    options.expected = Some(3);
    let mut reader = site.start_with(options);
    site.feed.give([data("one")]);
    assert_eq!(got(&mut reader), Got::Nothing);
    site.hourglass.turn(HOLD);
    assert_eq!(got(&mut reader), bytes("one"));
    // As servers do.
    drop(reader);
    assert_eq!(site.shelf.run(), 1);
    site.feed.give([Item::End]);
    assert_eq!(site.shelf.run(), 0);
    assert_eq!(site.outcomes(), [stored("one")]);
}
