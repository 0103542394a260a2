//! Stores that are down or mute at each of their calls.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_at_any_look_lets_the_request_pass_and_says_so_once() {
    for ask in [Ask::Read, Ask::Poll] {
        let store = Stepped::open();
        let process = Process::new(store.clone());
        process.fill("max-age=60", "page").await;
        process.events();
        store.set_down(ask, true);
        let mut client = process.get();
        assert!(ready(&mut client).await.is_none());
        process.origin.answer(1, "max-age=60", "passed");
        let response = got(&mut client).await;
        assert!(status(&response).contains("bypass"));
        assert_eq!(read(response).await, "passed");
        assert_eq!(process.events(), ["StoreError"]);
        store.set_down(ask, false);
        assert_eq!(text(&mut process.get()).await, "page");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_at_the_commit_leaves_the_answer_whole_and_the_next_one_stores() {
    let store = Stepped::open();
    let process = Process::new(store.clone());
    store.set_down(Ask::Write, true);
    process.fill("max-age=60", "page").await;
    settle().await;
    assert_eq!(process.events(), ["Miss", "StoreError"]);
    store.set_down(Ask::Write, false);
    process.fill("max-age=60", "again").await;
    settle().await;
    assert_eq!(text(&mut process.get()).await, "again");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_mute_at_the_commit_holds_the_end_back_only_a_little() {
    let store = Stepped::open();
    let process = Process::new(store.clone());
    store.hold(Ask::Write);
    let mut client = process.get();
    assert!(ready(&mut client).await.is_none());
    process.origin.answer(0, "max-age=60", "page");
    let body = got(&mut client).await.into_body();
    let mut whole = spawn(body.collect());
    assert!(whole.poll().is_pending());
    // Who comes meanwhile reads what is there.
    let mut second = process.get();
    let second = got(&mut second).await;
    assert!(status(&second).contains("collapsed"));
    tokio::time::advance(Duration::from_millis(51)).await;
    assert!(whole.is_woken() && whole.poll().is_ready());
    assert_eq!(read(second).await, "page");
    store.step(Ask::Write);
    settle().await;
    assert_eq!(text(&mut process.get()).await, "page");
    assert_eq!(process.origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_answers_after_the_client_has_gone_is_no_harm() {
    let store = Stepped::open();
    let process = Process::new(store.clone());
    for ask in [Ask::Read, Ask::Poll, Ask::Write] {
        store.hold(ask);
        let mut client = process.get();
        let answer = ready(&mut client).await;
        drop((client, answer));
        store.release(ask);
        settle().await;
    }
    let calls = process.origin.calls();
    let mut client = process.get();
    assert!(ready(&mut client).await.is_none());
    process.origin.answer(calls, "max-age=60", "page");
    assert_eq!(text(&mut client).await, "page");
}
