//! Threads that race for a few keys.

use std::{
    future::poll_fn,
    sync::atomic::{AtomicU32, AtomicUsize},
};

use super::*;

/// What many threads do at once to a key: nobody waits for ever, and one leads at a time.
#[test]
fn of_threads_that_race_one_leads_at_a_time_and_all_come_to_an_end() {
    const TASKS: u32 = 2_000;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .expect("threads");
    let flights = Flights::<u8, u32>::new();
    let leading = Arc::new([0; 2].map(|_| AtomicUsize::new(0)));
    let ended = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..TASKS)
        .map(|n| {
            let (flights, leading, ended) =
                (flights.clone(), Arc::clone(&leading), Arc::clone(&ended));
            runtime.spawn(async move {
                let key = n % 2;
                let leader = match flights.enter(&(key as u8)) {
                    Join::Lead(leader) => Some(leader),
                    Join::Wait(waiter) if n % 7 == 0 => {
                        impatient(waiter).await;
                        None
                    }
                    Join::Wait(waiter) => match waiter.await {
                        Waited::Lead(leader) => Some(leader),
                        Waited::Shared(_) | Waited::Alone => None,
                    },
                    Join::Follow(_) | Join::Alone => None,
                };
                if let Some(leader) = leader {
                    let now = &leading[key as usize];
                    assert_eq!(now.fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    // Before it ends: the next may begin at once.
                    now.fetch_sub(1, Ordering::SeqCst);
                    match n % 3 {
                        0 => leader.share(n),
                        1 => leader.release(Duration::ZERO, NOW),
                        _ => drop(leader),
                    }
                }
                ended.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            task.await.expect("no panic");
        }
    });
    assert_eq!(ended.load(Ordering::SeqCst), TASKS);
    assert!(!flights.peek(&0) && !flights.peek(&1));
}

/// Polls once, and goes.
async fn impatient(mut waiter: Waiter<u8, u32>) {
    poll_fn(|cx| {
        let _ = poll(&mut waiter, cx.waker());
        Poll::Ready(())
    })
    .await;
}
