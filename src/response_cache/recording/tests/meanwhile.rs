//! Readers that come while another one polls the body.

use super::*;

type Other = Arc<Mutex<Option<Spawn<Reader>>>>;

/// A body in whose poll another reader is polled, as it may be on another thread.
struct Meanwhile {
    other: Other,
    /// Whether the body calls before that.
    calls: bool,
    gives: Poll<Option<&'static str>>,
}

impl Body for Meanwhile {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.calls {
            cx.waker().wake_by_ref();
        }
        if let Some(other) = self.other.lock().unwrap().as_mut() {
            assert_eq!(got(other), Got::Nothing);
            assert!(!other.is_woken());
        }
        self.gives
            .map(|text| text.map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
    }
}

/// Polls the first of two readers once, and returns both, the first of which is not polled again.
fn poll_once(calls: bool, gives: Poll<Option<&'static str>>) -> (Site, Spawn<Reader>, Other) {
    let site = Site::new();
    let other = Other::default();
    let body = Meanwhile {
        other: Arc::clone(&other),
        calls,
        gives,
    };
    let on_end = Storing {
        site: site.clone(),
        is_told: false,
    };
    let first = Recording::start(body, site.options(), Box::new(on_end));
    *other.lock().unwrap() = Some(follower(&first.follow()));
    let mut first = tokio_test::task::spawn(first);
    got(&mut first);
    (site, first, other)
}

fn is_woken(other: &Other) -> bool {
    other.lock().unwrap().as_ref().unwrap().is_woken()
}

#[test]
fn whoever_finds_the_body_away_is_woken_with_a_frame() {
    let (_site, _first, other) = poll_once(false, Poll::Ready(Some("one")));
    assert!(is_woken(&other));
    let mut other = other.lock().unwrap().take().unwrap();
    assert_eq!(got(&mut other), bytes("one"));
}

#[test]
fn whoever_finds_the_body_away_is_woken_at_the_end() {
    let (site, _first, other) = poll_once(false, Poll::Ready(None));
    assert!(is_woken(&other));
    assert_eq!(site.outcomes(), [stored("")]);
}

#[test]
fn whoever_finds_the_body_away_that_has_just_called_is_woken_although_the_first_never_comes_back() {
    let (_site, first, other) = poll_once(true, Poll::Pending);
    assert!(first.is_woken() && is_woken(&other));
}

#[test]
fn whoever_finds_the_body_away_sleeps_where_there_is_nothing_to_do() {
    let (_site, first, other) = poll_once(false, Poll::Pending);
    assert!(!first.is_woken() && !is_woken(&other));
}

#[test]
fn a_reader_that_leaves_may_be_dropped_in_the_poll_of_the_body() {
    struct Drops(Other);
    impl Body for Drops {
        type Data = Bytes;
        type Error = BoxError;
        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            let other = self.0.lock().unwrap().take();
            drop(other);
            Poll::Ready(None)
        }
    }
    let site = Site::new();
    let other = Other::default();
    let on_end = Storing {
        site: site.clone(),
        is_told: false,
    };
    let first = Recording::start(Drops(Arc::clone(&other)), site.options(), Box::new(on_end));
    *other.lock().unwrap() = Some(follower(&first.follow()));
    assert_eq!(got(&mut tokio_test::task::spawn(first)), Got::End);
    assert_eq!(site.outcomes(), [stored("")]);
}
