//! Purges and writes of clients in every order with what is being filled.

use tower_upstash::{response_cache::CachePolicy, store::SharedStore};

use super::*;

const TAGGED: CachePolicy = CachePolicy::new("tagged").tags(&["posts"]);

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Url,
    Softly,
    Tag,
    Everything,
}

const HOWS: [How; 4] = [How::Url, How::Softly, How::Tag, How::Everything];

fn process(store: &Stepped) -> Process {
    Process::with(layer(store.clone()).policy(TAGGED))
}

async fn purge(process: &Process, how: How) {
    let url = "http://example.com/".parse().unwrap();
    let handle = process.layer.handle();
    match how {
        How::Url => handle.purge_url(&url).await.unwrap(),
        How::Softly => handle.soft_purge_url(&url).await.unwrap(),
        How::Tag => handle.purge_tags(["posts"]).await.unwrap(),
        How::Everything => handle.purge_everything().await.unwrap(),
    }
}

/// The steps of a fill, and the purge of another process before each of them: what the service said before is not
/// served after.
#[tokio::test(start_paused = true)]
async fn a_purge_of_another_process_wins_at_every_step_of_a_fill() {
    let orders = [[Ask::Read, Ask::Poll], [Ask::Poll, Ask::Read]];
    for how in HOWS {
        for order in orders {
            for purge_at in 0..5 {
                for is_stored in [false, true] {
                    one_order(how, order, purge_at, is_stored).await;
                }
            }
        }
    }
}

async fn one_order(how: How, order: [Ask; 2], purge_at: usize, is_stored: bool) {
    let memory = MemoryStore::new();
    let (own, other) = (Stepped::over(memory.clone()), Stepped::over(memory));
    let (filler, purger) = (process(&own), process(&other));
    if is_stored {
        filler.fill("max-age=1", "older").await;
        filler.clock.advance(Duration::from_secs(2));
        purger.clock.advance(Duration::from_secs(2));
    }
    let calls = filler.origin.calls();
    let asks = [Ask::Read, Ask::Poll, Ask::Write];
    asks.into_iter().for_each(|ask| own.hold(ask));
    let mut client = filler.get();
    let mut answer = None;
    for step in 0..5 {
        if step == purge_at {
            purge(&purger, how).await;
        }
        match step {
            0 => own.step(order[0]),
            1 => own.step(order[1]),
            2 if filler.origin.calls() > calls => filler.origin.answer(calls, "max-age=60", "old"),
            3 => own.step(Ask::Write),
            _ => {}
        }
        if answer.is_none() {
            answer = ready(&mut client).await;
        }
        if step == 3 {
            let response = answer.take().unwrap().unwrap();
            assert_eq!(read(response).await, "old");
        }
        settle().await;
        if step == 4 {
            break;
        }
    }
    asks.into_iter().for_each(|ask| own.release(ask));
    for process in [&filler, &purger] {
        let before = process.origin.calls();
        let mut after = process.get();
        let is_answered = ready(&mut after).await.is_some();
        // Called before the purge: gone. Called after it: may be stored.
        assert!(
            !is_answered || purge_at < 2,
            "{how:?} before step {purge_at}, stored: {is_stored}"
        );
        assert_eq!(process.origin.calls(), before + usize::from(!is_answered));
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_after_a_purge_of_another_process_takes_no_part_in_a_fill_from_before() {
    for how in HOWS {
        let memory = MemoryStore::new();
        let filler = process(&Stepped::over(memory.clone()));
        let purger = process(&Stepped::over(memory));
        let (mut early, mut late) = (filler.get(), filler.get());
        assert!(ready(&mut early).await.is_none());
        purge(&purger, how).await;
        assert!(ready(&mut late).await.is_none());
        filler.origin.answer(0, "max-age=60", "old");
        assert_eq!(text(&mut early).await, "old");
        assert!(ready(&mut late).await.is_none(), "{how:?}");
        filler.origin.answer(1, "max-age=60", "new");
        assert_eq!(text(&mut late).await, "new");
    }
}

#[tokio::test(start_paused = true)]
async fn a_validation_that_races_a_purge_brings_nothing_back() {
    for method in ["GET", "HEAD"] {
        for how in HOWS {
            let memory = MemoryStore::new();
            let filler = process(&Stepped::over(memory.clone()));
            let purger = process(&Stepped::over(memory));
            filler.fill("max-age=1", "old").await;
            filler.clock.advance(Duration::from_secs(2));
            purger.clock.advance(Duration::from_secs(2));
            let mut client = filler.request(method, "/");
            assert!(ready(&mut client).await.is_none());
            purge(&purger, how).await;
            filler.origin.confirm(1, "max-age=60");
            got(&mut client).await;
            let mut after = purger.get();
            assert!(ready(&mut after).await.is_none(), "{method} {how:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_writes_and_reads_sees_what_was_written_however_slow_the_store_is() {
    let store = Stepped::open();
    let process = Process::new(store.clone());
    process.fill("max-age=60", "old").await;
    store.hold(Ask::Write);
    let mut write = process.request("POST", "/");
    assert!(ready(&mut write).await.is_none());
    process.origin.answer(1, "no-store", "done");
    // However long the layer waits for the store.
    let mut answer = None;
    for _ in 0..100 {
        tokio::time::advance(Duration::from_millis(100)).await;
        answer = answer.or(ready(&mut write).await);
    }
    assert!(answer.is_some(), "a mute store holds nobody up for ever");
    let mut after = process.get();
    assert!(ready(&mut after).await.is_none());
    store.release(Ask::Write);
    assert!(ready(&mut after).await.is_none());
    assert_eq!(process.origin.calls(), 3);
    process.origin.answer(2, "max-age=60", "new");
    assert_eq!(text(&mut after).await, "new");
    settle().await;
    assert_eq!(text(&mut process.get()).await, "new");
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_write_goes_out_when_the_old_response_is_forgotten() {
    let memory = MemoryStore::new();
    let store = Stepped::over(memory.clone());
    let process = Process::new(store.clone());
    let other = Process::new(Stepped::over(memory));
    process.fill("max-age=60", "old").await;
    store.hold(Ask::Write);
    let mut write = process.request("POST", "/");
    assert!(ready(&mut write).await.is_none());
    process.origin.answer(1, "no-store", "done");
    assert!(ready(&mut write).await.is_none());
    // A store that takes its time limit.
    tokio::time::advance(Duration::from_millis(200)).await;
    assert!(ready(&mut write).await.is_none());
    store.step(Ask::Write);
    assert_eq!(text(&mut write).await, "done");
    assert!(ready(&mut other.get()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_forgotten_is_not_served_and_is_forgotten_later() {
    let memory = MemoryStore::new();
    let store = Stepped::over(memory.clone());
    let process = Process::new(store.clone());
    let other = Process::new(Stepped::over(memory));
    process.fill("max-age=60", "old").await;
    process.events();
    store.set_down(Ask::Write, true);
    let mut write = process.request("POST", "/");
    assert!(ready(&mut write).await.is_none());
    process.origin.answer(1, "no-store", "done");
    assert_eq!(text(&mut write).await, "done");
    assert_eq!(process.events(), ["StoreError"]);
    // Still down: the request passes by.
    let mut after = process.get();
    assert!(ready(&mut after).await.is_none());
    process.origin.answer(2, "max-age=60", "new");
    assert_eq!(text(&mut after).await, "new");
    store.set_down(Ask::Write, false);
    let mut after = process.get();
    assert!(ready(&mut after).await.is_none());
    assert!(ready(&mut other.get()).await.is_none());
    process.origin.answer(3, "max-age=60", "newer");
    assert_eq!(text(&mut after).await, "newer");
    settle().await;
    assert_eq!(text(&mut process.get()).await, "newer");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_dropped_while_the_store_forgets_is_finished() {
    let memory = MemoryStore::new();
    let store = Stepped::over(memory.clone());
    let process = Process::new(store.clone());
    let other = Process::new(Stepped::over(memory));
    process.fill("max-age=60", "old").await;
    store.hold(Ask::Write);
    let mut write = process.request("POST", "/");
    assert!(ready(&mut write).await.is_none());
    process.origin.answer(1, "no-store", "done");
    assert!(ready(&mut write).await.is_none());
    drop(write);
    store.step(Ask::Write);
    settle().await;
    assert!(ready(&mut other.get()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_look_from_before_a_purge_that_is_polled_after_it_leads_nobody_astray() {
    let store = SharedStore::new(MemoryStore::new());
    let process = Process::with(ResponseCacheLayer::new(store));
    process.fill("max-age=1, stale-if-error=60", "old").await;
    process.clock.advance(Duration::from_secs(2));
    // The store answers at once: this one has looked.
    let mut early = process.get();
    purge(&process, How::Url).await;
    assert!(ready(&mut early).await.is_none());
    let mut late = process.get();
    assert!(ready(&mut late).await.is_none());
    assert_eq!(process.origin.calls(), 3);
    process.origin.give_status(1, 503);
    assert_eq!(text(&mut early).await, "old");
    assert!(ready(&mut late).await.is_none());
}
