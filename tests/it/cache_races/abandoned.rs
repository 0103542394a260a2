//! Clients that go at any moment.

use super::*;

/// What happens in a fill, one after another.
const STEPS: [&str; 9] = [
    "nothing",
    "polled",
    "read",
    "poll",
    "head",
    "frame",
    "last frame",
    "end",
    "commit",
];

/// Does everything up to a step, and drops the client.
async fn drop_after(process: &Process, store: &Stepped, last: usize) {
    let mut client = process.get();
    let mut writer = None;
    let mut response = None;
    let mut body = None;
    for step in 1..=last {
        match step {
            2 => store.step(Ask::Read),
            3 => store.step(Ask::Poll),
            4 => writer = Some(process.origin.begin(0, "max-age=60")),
            5 | 6 => drop(
                writer
                    .as_ref()
                    .map(|writer| writer.send(Bytes::from_static(b"half"))),
            ),
            7 => drop(writer.take()),
            8 => store.step(Ask::Write),
            _ => {}
        }
        if body.is_none() && response.is_none() {
            response = ready(&mut client).await;
        }
        if step >= 5 && body.is_none() {
            let answer: Got = response.take().unwrap().unwrap();
            body = Some(answer.into_body());
        }
        if let Some(body) = &mut body {
            let _ = spawn(body.frame()).poll();
        }
        settle().await;
    }
    assert_eq!(process.origin.calls(), usize::from(last >= 3));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_at_any_moment_leaves_nothing_stuck_and_nothing_half() {
    for (last, step) in STEPS.iter().enumerate() {
        for has_follower in [false, true] {
            let store = Stepped::open();
            let process = Process::new(store.clone());
            let asks = [Ask::Read, Ask::Poll, Ask::Write];
            asks.into_iter().for_each(|ask| store.hold(ask));
            drop_after(&process, &store, last).await;
            asks.into_iter().for_each(|ask| store.release(ask));
            let mut follower = has_follower.then(|| process.get());
            if let Some(follower) = &mut follower {
                let _ = ready(follower).await;
            }
            settle().await;
            drop(follower);
            settle().await;
            let calls = process.origin.calls();
            let mut next = process.get();
            let text = match ready(&mut next).await {
                Some(answer) => read(answer.unwrap()).await,
                None => {
                    assert_eq!(process.origin.calls(), calls + 1, "stuck after: {step}");
                    process.origin.answer(calls, "max-age=60", "halfhalf");
                    text(&mut next).await
                }
            };
            assert_eq!(text, "halfhalf", "{step}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_while_others_wait_hands_over_at_any_moment() {
    for last in 0..5 {
        let store = Stepped::open();
        let process = Process::new(store.clone());
        let mut leader = process.get();
        assert!(ready(&mut leader).await.is_none());
        let mut waiting = process.get();
        assert!(ready(&mut waiting).await.is_none());
        let mut writer = None;
        let mut response = None;
        for step in 0..last {
            match step {
                0 => writer = Some(process.origin.begin(0, "max-age=60")),
                1 => response = ready(&mut leader).await,
                2 => drop(
                    writer
                        .as_ref()
                        .map(|writer| writer.send(Bytes::from_static(b"page"))),
                ),
                _ => drop(writer.take()),
            }
        }
        drop((leader, response));
        let answer = ready(&mut waiting).await;
        let text = if let Some(answer) = answer {
            if let Some(writer) = writer.take().filter(|_| last == 2) {
                writer.send(Bytes::from_static(b"page")).unwrap();
            }
            drop(writer);
            read(answer.unwrap()).await
        } else {
            assert_eq!(process.origin.calls(), 2);
            process.origin.answer(1, "max-age=60", "page");
            text(&mut waiting).await
        };
        assert_eq!(text, "page");
    }
}
