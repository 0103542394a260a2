//! What is left when a layer has gone.

use std::sync::Weak;

use super::*;

/// A process whose layer keeps something that tells whether the layer is still there.
fn watched() -> (Process, Stepped, Weak<()>) {
    let (store, watched) = (Stepped::open(), Arc::new(()));
    let weak = Arc::downgrade(&watched);
    let layer = layer(store.clone()).trust_requests(move |_| {
        let _ = &watched;
        false
    });
    (Process::with(layer), store, weak)
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_is_dropped_keeps_nothing_whatever_was_under_way() {
    for last in 0..8 {
        let (process, store, weak) = watched();
        let mut clients = [process.get(), process.get(), process.get()];
        let mut answers = Vec::new();
        let mut writer = None;
        for step in 1..=last {
            match step {
                1 => {}
                2 => {
                    writer = Some(
                        process
                            .origin
                            .begin(0, "max-age=1, stale-while-revalidate=60"),
                    );
                }
                3 => store.hold(Ask::Write),
                4 => drop(
                    writer
                        .as_ref()
                        .map(|writer| writer.send(Bytes::from_static(b"page"))),
                ),
                5 => drop(writer.take()),
                6 => store.release(Ask::Write),
                _ => {
                    process.clock.advance(Duration::from_secs(2));
                    drop(ready(&mut process.get()).await);
                }
            }
            for client in &mut clients {
                if answers.len() < 3 {
                    answers.extend(ready(client).await);
                }
            }
            if step == 5 {
                for answer in answers.drain(..) {
                    let mut body = spawn(answer.unwrap().into_body().collect());
                    let _ = body.poll();
                }
            }
        }
        drop((process, clients, answers, writer));
        store.release(Ask::Write);
        settle().await;
        tokio::time::advance(Duration::from_secs(60)).await;
        settle().await;
        assert!(weak.upgrade().is_none(), "after {last}");
    }
}
