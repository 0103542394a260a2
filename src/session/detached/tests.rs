#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    task::{Context, Poll, Waker},
    time::Instant,
};

use super::{
    super::subject::tests::{World, id, now, rotate, schedule::Hooked},
    *,
};
use crate::{
    store::{self, ErrorKind, SharedStore, Store, Write},
    time::{Clock, ManualClock, Timer},
};

const INTERVAL: Duration = Duration::from_secs(30);

/// A timer whose sleeps move the clock, and are over at once.
struct Hand(ManualClock);

struct Over;

impl Future for Over {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl hyper::rt::Sleep for Over {}

impl hyper::rt::Timer for Hand {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.0.advance(duration);
        Box::pin(Over)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(Instant::now()))
    }
}

/// A session of Alice, and a store that fails or stalls if told to.
struct Watch {
    world: World,
    calls: Arc<AtomicUsize>,
    is_down: Arc<AtomicBool>,
    detached: Detached,
}

#[derive(Clone, Copy, PartialEq)]
enum Down {
    Fails,
    Stalls,
}

fn watch(down: Down, timer: Option<fn(ManualClock) -> Timer>) -> Watch {
    let (calls, is_down) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (count, fails) = (Arc::clone(&calls), Arc::clone(&is_down));
    let store = move |memory| {
        SharedStore::new(Hooked::new(memory, move || {
            count.fetch_add(1, Ordering::SeqCst);
            let is_down = fails.load(Ordering::SeqCst);
            Box::pin(async move {
                match down {
                    _ if !is_down => Ok(()),
                    Down::Fails => Err(store::Error::new(ErrorKind::Unavailable, "down")),
                    Down::Stalls => std::future::pending().await,
                }
            })
        }))
    };
    let world = World::with(store, timer);
    let identifier = world.session(1, 0);
    Watch {
        detached: Detached::new(Arc::clone(&world.config), identifier),
        world,
        calls,
        is_down,
    }
}

impl Watch {
    fn end(&self) {
        let delete = Write::delete(self.world.key(1));
        let written = now(self.world.memory.write(&delete.into()));
        assert!(written.unwrap().is_done());
    }

    fn check(&self) -> Result<bool> {
        now(self.detached.check()).map(|check| matches!(check, Check::Live(_)))
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }
}

fn hand(clock: ManualClock) -> Timer {
    Timer::new(Hand(clock))
}

#[test]
fn an_answer_is_good_for_an_interval() {
    let watch = watch(Down::Fails, None);
    assert!(watch.check().unwrap());
    watch.end();
    watch
        .world
        .clock
        .advance(INTERVAL - Duration::from_micros(1));
    assert!(watch.check().unwrap());
    assert_eq!(watch.calls(), 1);
    watch.world.clock.advance(Duration::from_micros(1));
    assert!(!watch.check().unwrap());
    assert!(!watch.check().unwrap());
    assert_eq!(watch.calls(), 2, "an end stays");
}

#[test]
fn without_an_interval_each_check_asks() {
    let mut watch = watch(Down::Fails, None);
    watch.detached = watch.detached.clone().every(Duration::ZERO);
    assert!(watch.check().unwrap());
    watch.end();
    assert!(!watch.check().unwrap());
}

#[test]
fn clones_share_what_they_know() {
    let watch = watch(Down::Fails, None);
    assert!(matches!(
        now(watch.detached.check()).unwrap(),
        Check::Live(_)
    ));
    assert!(watch.check().unwrap());
    assert_eq!(watch.calls(), 1);
}

#[test]
fn a_session_that_expired_has_ended_whatever_is_stored_and_looking_is_no_activity() {
    let watch = watch(Down::Fails, None);
    for _ in 0..59 {
        assert!(watch.check().unwrap());
        watch.world.clock.advance(INTERVAL);
    }
    assert!(watch.check().unwrap());
    watch.world.clock.advance(INTERVAL);
    assert!(
        !watch.check().unwrap(),
        "half an hour after its last activity"
    );
    assert!(watch.world.is_stored(1));
}

#[test]
fn memory_does_not_outlive_the_session() {
    let mut watch = watch(Down::Fails, None);
    watch.detached = watch.detached.clone().every(Duration::from_secs(1 << 20));
    assert!(watch.check().unwrap());
    watch.world.clock.advance(Duration::from_secs(30 * 60));
    assert!(!watch.check().unwrap());
}

#[test]
fn a_failure_and_what_is_corrupt_are_errors_and_no_end() {
    let watch = watch(Down::Fails, None);
    watch.set_down(true);
    assert_eq!(watch.check().unwrap_err().kind(), SessionErrorKind::Store);
    watch.set_down(false);
    watch.world.put_bytes(1, "alice", vec![255; 3]);
    assert_eq!(watch.check().unwrap_err().kind(), SessionErrorKind::Corrupt);
    watch.world.session(1, 0);
    assert!(watch.check().unwrap());
    assert_eq!(
        (watch.world.told("StoreError"), watch.world.told("Corrupt")),
        (1, 1)
    );
}

#[test]
fn a_new_token_ends_what_watches_the_old_one() {
    let watch = watch(Down::Fails, Some(hand));
    now(rotate(&watch.world, vec![1, 101]));
    now(watch.detached.ended()).unwrap();
    let new = Detached::new(Arc::clone(&watch.world.config), id(101));
    assert!(matches!(now(new.check()).unwrap(), Check::Live(_)));
}

#[test]
fn waiting_looks_once_in_an_interval_until_the_end() {
    let watch = watch(Down::Fails, Some(hand));
    // Its own timer moves the clock: it is idle after 30 minutes, which are 60 intervals.
    now(watch.detached.ended()).unwrap();
    assert_eq!(watch.calls(), 1 + 60);
    assert!(!watch.check().unwrap());
}

#[test]
fn waiting_gives_up_after_four_intervals_without_an_answer() {
    let watch = watch(Down::Fails, Some(hand));
    assert!(watch.check().unwrap());
    watch.set_down(true);
    let before = watch.world.clock.now();
    let error = now(watch.detached.ended()).unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Store);
    assert_eq!(watch.world.clock.now(), before.after(5 * INTERVAL));
    assert_eq!(watch.world.told("StoreError"), 4);
}

#[test]
fn a_store_that_comes_back_in_time_is_forgiven() {
    let watch = watch(Down::Fails, None);
    watch.set_down(true);
    for _ in 0..4 {
        watch.check().unwrap_err();
        watch.world.clock.advance(INTERVAL);
    }
    assert!(watch.detached.is_hopeless());
    watch.set_down(false);
    assert!(watch.check().unwrap());
    assert!(!watch.detached.is_hopeless());
}

#[test]
fn what_nobody_asked_for_hours_has_not_failed_for_hours() {
    let watch = watch(Down::Fails, Some(hand));
    watch.set_down(true);
    watch.check().unwrap_err();
    watch.world.clock.advance(10 * INTERVAL);
    assert!(!watch.detached.is_hopeless());
    watch.check().unwrap_err();
    assert!(!watch.detached.is_hopeless());
}

// A `select!` that begins anew with each message drops the question before it is answered.
#[test]
fn questions_that_are_dropped_again_and_again_end_in_an_error() {
    let watch = watch(Down::Stalls, None);
    watch.set_down(true);
    for _ in 0..120 {
        assert!(!watch.detached.is_hopeless());
        let dropped = pin!(watch.detached.check()).poll(&mut Context::from_waker(Waker::noop()));
        assert!(dropped.is_pending());
        watch.world.clock.advance(Duration::from_secs(1));
    }
    assert!(watch.detached.is_hopeless());
}

#[test]
fn without_a_timer_waiting_is_an_error_that_says_so() {
    let watch = watch(Down::Fails, None);
    let error = now(watch.detached.ended()).unwrap_err();
    assert!(error.to_string().contains("timer"));
    assert_eq!(watch.calls(), 0);
}

#[test]
fn it_can_be_watched_from_a_task_and_shows_no_token() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let watch = watch(Down::Fails, Some(hand));
    drop(is_send(watch.detached.ended()));
    let shown = format!("{:?}", watch.detached);
    assert_eq!(shown, "Detached { every: 30s, .. }");
}
