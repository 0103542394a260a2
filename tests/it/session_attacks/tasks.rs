//! Several tasks of one request, and futures that are kept, dropped and forgotten.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Mutex, mpsc},
    task::Poll,
    thread,
};

use tokio::join;

use super::*;

/// Polls a future once.
async fn once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

#[tokio::test]
async fn a_logout_while_the_session_is_read_is_a_logout() {
    let world = World::new().with(|layer| layer.lifetime(BUSY));
    let cookie = world.login("alice").await;
    let seen = world.ask(&cookie, async |session| {
        world.store.reads.send_replace(false);
        let logout = async {
            world.store.held(1).await;
            session.destroy().unwrap();
            world.store.reads.send_replace(true);
        };
        let (secret, ()) = join!(session.get::<String>("secret"), logout);
        assert_eq!(secret.unwrap(), None, "it has ended");
        StatusCode::OK
    });
    let seen = seen.await;
    assert_eq!(seen.status, StatusCode::OK);
    assert_eq!(seen.cookie().as_deref(), Some(""));
    assert_eq!(world.who(&cookie).await, None);
}

#[tokio::test]
async fn a_logout_while_a_commit_runs_is_a_logout() {
    for rotates in [false, true] {
        let world = World::new().with(|layer| layer.lifetime(BUSY));
        let cookie = world.login("alice").await;
        let seen = world.ask(&cookie, async |session| {
            session.get::<String>("secret").await.unwrap();
            session.set("seen", &true).unwrap();
            if rotates {
                session.rotate().unwrap();
            }
            world.store.writes.send_replace(false);
            let logout = async {
                world.store.held(1).await;
                session.destroy().unwrap();
                session.set("bye", "alice").unwrap();
                world.store.writes.send_replace(true);
            };
            let (written, ()) = join!(session.commit(), logout);
            written.unwrap();
            StatusCode::OK
        });
        let seen = seen.await;
        assert_eq!(seen.status, StatusCode::OK);
        assert_eq!(world.who(&cookie).await, None);
        assert_eq!(world.who(&seen.cookie().unwrap()).await, None);
        let left = world.layer.handle().list("alice").await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[tokio::test]
async fn a_head_waits_for_the_commit_of_another_task() {
    let world = World::new();
    let cookie = world.login("alice").await;
    let seen = world.ask(&cookie, async |session| {
        session.get::<String>("secret").await.unwrap();
        session.rotate().unwrap();
        world.store.writes.send_replace(false);
        tokio::spawn(async move { session.commit().await });
        world.store.held(1).await;
        let store = world.store.clone();
        tokio::spawn(async move { store.writes.send_replace(true) });
        StatusCode::OK
    });
    let new = seen.await.cookie().unwrap();
    assert_eq!(world.who(&new).await.as_deref(), Some("alice"));
    assert_eq!(world.who(&cookie).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_kept_and_not_polled_holds_nobody_up_for_good() {
    let world = World::new();
    let cookie = world.login("alice").await;
    let aside = Mutex::new(None);
    let seen = world.ask(&cookie, async |session| {
        world.store.reads.send_replace(false);
        let kept = session.clone();
        let mut kept = Box::pin(async move { kept.get::<String>("secret").await });
        assert!(once(kept.as_mut()).await.is_pending());
        world.store.reads.send_replace(true);
        let other = session.get::<String>("secret").await;
        assert!(is(&other, SessionErrorKind::Store), "{other:?}");
        session.set("seen", &true).unwrap();
        *aside.lock().unwrap() = Some(kept);
        StatusCode::OK
    });
    let seen = tokio::time::timeout(Duration::from_secs(60), seen).await;
    assert_eq!(seen.unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.who(&cookie).await.as_deref(), Some("alice"));
}

#[tokio::test]
async fn what_a_commit_has_written_is_seen_by_who_looked_meanwhile() {
    let world = World::new();
    let cookie = world.login("alice").await;
    world
        .ask(&cookie, async |session| {
            session.get::<String>("secret").await.unwrap();
            session.set("one", &1).unwrap();
            world.store.writes.send_replace(false);
            let other = async {
                world.store.held(1).await;
                session.set("two", &2).unwrap();
                world.store.writes.send_replace(true);
                assert_eq!(session.get::<u32>("three").await.unwrap(), None);
            };
            let (written, ()) = join!(session.commit(), other);
            written.unwrap();
            assert_eq!(session.get::<u32>("one").await.unwrap(), Some(1));
            assert_eq!(session.get::<u32>("two").await.unwrap(), Some(2));
            StatusCode::OK
        })
        .await;
}

#[tokio::test]
async fn a_logout_whose_commit_is_dropped_is_done_with_the_head() {
    let world = World::new();
    let cookie = world.login("alice").await;
    let seen = world.ask(&cookie, async |session| {
        session.get::<String>("secret").await.unwrap();
        session.destroy().unwrap();
        world.store.writes.send_replace(false);
        assert!(once(pin!(session.commit())).await.is_pending());
        world.store.writes.send_replace(true);
        StatusCode::OK
    });
    assert_eq!(seen.await.cookie().as_deref(), Some(""));
    assert_eq!(world.who(&cookie).await, None);
}

/// In a thread of its own, since it would never end.
#[test]
fn an_update_may_look_at_its_session() {
    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let world = World::new();
            let seen = world.ask("", async |session| {
                let own = session.clone();
                let update = move |old: Option<u32>| {
                    own.no_touch();
                    old.unwrap_or(0) + 1
                };
                session.update("n", update).unwrap();
                assert_eq!(session.get::<u32>("n").await.unwrap(), Some(1));
                assert!(session.exists().await.unwrap());
                session
                    .update("n", |old: Option<u32>| old.unwrap_or(0) + 1)
                    .unwrap();
                assert_eq!(session.get::<u32>("n").await.unwrap(), Some(2));
                StatusCode::OK
            });
            done.send(seen.await.status).unwrap();
        });
    });
    let status = ended.recv_timeout(Duration::from_secs(20));
    assert_eq!(status, Ok(StatusCode::OK));
}

/// An update that holds its session is held by it.
#[tokio::test]
async fn a_request_that_is_given_up_leaves_nothing_behind() {
    let world = World::new();
    let counted = Arc::new(());
    let mut kept = None;
    {
        let request = world.ask("", async |session| {
            let (own, count) = (session.clone(), Arc::clone(&counted));
            let update = move |_: Option<u32>| {
                own.no_touch();
                Arc::strong_count(&count)
            };
            session
                .update("n", move |n: Option<u32>| update(n) as u32)
                .unwrap();
            kept = Some(session);
            std::future::pending().await
        });
        assert!(once(pin!(request)).await.is_pending());
    }
    assert_eq!(Arc::strong_count(&counted), 1);
    let late = kept.unwrap().set("n", &1);
    assert!(is(&late, SessionErrorKind::Committed));
}

#[tokio::test]
async fn an_update_that_panics_ends_its_request_and_no_other() {
    let world = World::new();
    let cookie = world.login("alice").await;
    let world = Arc::new(world);
    let (there, own) = (Arc::clone(&world), cookie.clone());
    let request = tokio::spawn(async move {
        there
            .ask(&own, async |session| {
                session
                    .update("n", |_: Option<u32>| -> u32 {
                        panic!("an update that panics, as it should")
                    })
                    .unwrap();
                StatusCode::OK
            })
            .await
            .status
    });
    assert!(request.await.unwrap_err().is_panic());
    assert_eq!(world.who(&cookie).await.as_deref(), Some("alice"));
}
