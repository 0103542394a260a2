//! Several readers, limits and windows.

use super::*;

const CHUNK: usize = 64 << 10;

fn chunk() -> Item {
    Item::Data(Bytes::from_static(&[7; CHUNK]))
}

fn is_chunk(got: &Got) -> bool {
    matches!(got, Got::Data(data) if data.len() == CHUNK)
}

#[test]
fn whoever_is_polled_drives_the_body_for_all() {
    let site = Site::new();
    let mut first = site.start();
    let follow = first.follow();
    let mut second = follower(&follow);
    assert_eq!(got(&mut first), Got::Nothing);
    assert_eq!(got(&mut second), Got::Nothing);
    site.feed.give([data("one")]);
    assert!(first.is_woken() && second.is_woken());
    assert_eq!(got(&mut second), bytes("one"));
    site.feed.give([data("two"), Item::End]);
    assert_eq!(got(&mut second), bytes("two"));
    assert_eq!(got(&mut second), Got::End);
    assert_eq!(site.outcomes(), [stored("onetwo")]);
    // Small chunks are together by now.
    assert_eq!(got(&mut first), bytes("onetwo"));
    assert_eq!(got(&mut first), Got::End);
    let mut late = follower(&follow);
    assert_eq!(got(&mut late), bytes("onetwo"));
    assert_eq!(got(&mut late), Got::End);
}

#[test]
fn large_chunks_are_shared_and_not_copied() {
    let site = Site::new();
    let mut first = site.start();
    let mut second = follower(&first.follow());
    let large = Bytes::from(vec![7; 5_000]);
    site.feed.give([Item::Data(large.clone())]);
    for reader in [&mut first, &mut second] {
        let Got::Data(data) = got(reader) else {
            panic!("there are data");
        };
        assert_eq!(data.as_ptr(), large.as_ptr());
    }
}

#[test]
fn a_reader_that_leaves_takes_its_waker_along() {
    let site = Site::new();
    let mut first = site.start();
    let mut second = follower(&first.follow());
    got(&mut first);
    got(&mut second);
    let recording = Arc::clone(first.recording());
    assert_eq!(recording.wakers.len(), 2);
    drop(first);
    assert_eq!(recording.wakers.len(), 1);
    site.feed.give([data("one")]);
    assert!(second.is_woken());
    assert_eq!(got(&mut second), bytes("one"));
}

#[test]
fn a_body_that_keeps_the_waker_does_not_keep_the_recording() {
    let site = Site::new();
    let mut reader = site.start();
    got(&mut reader);
    let waker = site.feed.0.lock().unwrap().waker.clone();
    let recording = Arc::downgrade(reader.recording());
    drop(reader);
    assert!(waker.is_some() && recording.upgrade().is_none());
}

#[test]
fn a_single_reader_of_what_is_too_large_keeps_nothing() {
    for at in 0..5 {
        let site = Site::new();
        let mut options = site.options();
        options.most = (at * CHUNK) as u64;
        let mut reader = site.start_with(options);
        for sent in 0..8 {
            site.feed.give([chunk()]);
            assert!(is_chunk(&got(&mut reader)));
            let kept = if sent < at { sent + 1 } else { 0 };
            assert_eq!(site.budget().held(), (kept * CHUNK) as u64);
        }
        assert_eq!(site.outcomes(), [Outcome::Discarded(Discarded::TooLarge)]);
        site.feed.give([Item::End]);
        assert_eq!(got(&mut reader), Got::End);
    }
}

#[test]
fn what_is_announced_as_too_large_is_not_even_begun() {
    let site = Site::new();
    let mut options = site.options();
    options.expected = Some(1 << 40);
    let reader = site.start_with(options);
    assert_eq!(site.outcomes(), [Outcome::Discarded(Discarded::TooLarge)]);
    assert!(reader.follow().reader().is_none());
}

#[test]
fn recordings_share_a_budget() {
    let site = Site::new();
    let mut other = Held::nothing(Arc::clone(site.budget()));
    other.take((1 << 20) - 100);
    let mut reader = site.start();
    site.feed.give([data("one"), chunk()]);
    assert_eq!(got(&mut reader), bytes("one"));
    assert!(is_chunk(&got(&mut reader)));
    assert_eq!(site.outcomes(), [Outcome::Discarded(Discarded::TooLarge)]);
    assert_eq!(site.budget().held(), (1 << 20) - 100);
}

#[test]
fn readers_of_what_is_too_large_go_at_the_pace_of_the_slowest() {
    let site = Site::new();
    let mut options = site.options();
    options.most = (6 * CHUNK) as u64;
    let mut fast = site.start_with(options);
    let follow = fast.follow();
    let mut slow = follower(&follow);
    site.feed.give((0..20).map(|_| chunk()).chain([Item::End]));
    // The seventh is one too many.
    for _ in 0..7 {
        assert!(is_chunk(&got(&mut fast)));
    }
    assert!(follow.reader().is_none());
    assert_eq!(got(&mut fast), Got::Nothing);
    assert_eq!(site.budget().held(), (7 * CHUNK) as u64);
    for _ in 0..3 {
        assert!(is_chunk(&got(&mut slow)));
        assert!(!fast.is_woken());
    }
    assert!(is_chunk(&got(&mut slow)));
    assert!(fast.is_woken());
    assert!(is_chunk(&got(&mut fast)));
    assert_eq!(got(&mut fast), Got::Nothing);
    assert_eq!(site.budget().held(), (4 * CHUNK) as u64);
    // The slow one leaves: the fast one goes on alone, and keeps nothing.
    drop(slow);
    assert!(fast.is_woken());
    for _ in 8..20 {
        assert!(is_chunk(&got(&mut fast)));
        assert_eq!(site.budget().held(), 0);
    }
    assert_eq!(got(&mut fast), Got::End);
}

#[test]
fn what_is_stored_and_followed_by_nobody_is_freed_as_it_is_read() {
    let site = Site::new();
    let mut fast = site.start();
    let mut slow = follower(&fast.follow());
    let large = Bytes::from(vec![7; CHUNK]);
    site.feed.give([Item::Data(large.clone()), Item::End]);
    assert!(is_chunk(&got(&mut fast)));
    assert_eq!(got(&mut fast), Got::End);
    assert!(is_chunk(&got(&mut slow)));
    // Neither the recording nor the readers have it any more.
    assert!(large.is_unique());
    assert_eq!(got(&mut slow), Got::End);
}

#[test]
fn a_body_that_wakes_itself_is_not_polled_in_a_loop() {
    struct Yields(usize);
    impl Body for Yields {
        type Data = Bytes;
        type Error = BoxError;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            if self.0 == 0 {
                return Poll::Ready(None);
            }
            self.0 -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
    let site = Site::new();
    let on_end = Storing {
        site: site.clone(),
        is_told: false,
    };
    let reader = Recording::start(Yields(3), site.options(), Box::new(on_end));
    let mut reader = tokio_test::task::spawn(reader);
    for _ in 0..3 {
        assert_eq!(got(&mut reader), Got::Nothing);
        assert!(reader.is_woken());
    }
    assert_eq!(got(&mut reader), Got::End);
}
