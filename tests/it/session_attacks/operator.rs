//! Nights with a store that is slow, hangs, or fails, and set-ups that change.

use super::*;

#[tokio::test(start_paused = true)]
async fn activity_that_hangs_is_no_failure_of_a_page() {
    let world = World::new().with(|layer| layer.lifetime(BUSY));
    let cookie = world.login("alice").await;
    world.store.writes.send_replace(false);
    let seen = world.ask(&cookie, async |session| {
        assert!(session.exists().await.unwrap());
        StatusCode::OK
    });
    let seen = seen.await;
    assert_eq!(seen.status, StatusCode::OK);
    assert_eq!(seen.cookie(), None);
    world.store.writes.send_replace(true);
    assert_eq!(world.who(&cookie).await.as_deref(), Some("alice"));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_hangs_is_a_failure_and_no_logout() {
    let world = World::new();
    let cookie = world.login("alice").await;
    world.store.writes.send_replace(false);
    let start = tokio::time::Instant::now();
    let seen = world.ask(&cookie, async |session| {
        session.set("seen", &true).unwrap();
        StatusCode::OK
    });
    let seen = seen.await;
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(seen.cookie(), None);
    assert!(
        start.elapsed() <= Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    world.store.writes.send_replace(true);
    assert_eq!(world.who(&cookie).await.as_deref(), Some("alice"));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_told() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let world = World::new();
    let cookie = world.login("alice").await;
    let world = world
        .with(|layer| layer.on_event(move |event| heard.lock().unwrap().push(event.to_string())));
    world.store.reads.send_replace(false);
    world
        .ask(&cookie, async |session| {
            let read = session.get::<String>("secret").await;
            assert!(is(&read, SessionErrorKind::Store));
            let again = session.get::<String>("secret").await;
            assert!(is(&again, SessionErrorKind::Store));
            StatusCode::OK
        })
        .await;
    let events = events.lock().unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].starts_with("session store failed"), "{events:?}");
}

#[tokio::test]
async fn a_logout_whose_commit_failed_is_tried_again_with_the_head() {
    let world = World::new();
    let cookie = world.login("alice").await;
    let seen = world.ask(&cookie, async |session| {
        session.destroy().unwrap();
        world.store.down.send_replace(true);
        let written = session.commit().await;
        assert!(is(&written, SessionErrorKind::Store));
        world.store.down.send_replace(false);
        StatusCode::OK
    });
    assert_eq!(seen.await.cookie().as_deref(), Some(""));
    assert_eq!(world.who(&cookie).await, None);

    let cookie = world.login("alice").await;
    let seen = world.ask(&cookie, async |session| {
        session.destroy().unwrap();
        world.store.down.send_replace(true);
        assert!(session.commit().await.is_err());
        StatusCode::OK
    });
    let seen = seen.await;
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(seen.cookie(), None);
}

/// A server whose clock was years ahead has made it.
#[tokio::test]
async fn a_clock_that_was_ahead_prolongs_no_session_for_years() {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let world = World::new();
    let now = world.clock.now();
    world.clock.advance(24 * 365 * HOUR);
    let cookie = world.login("alice").await;
    world.clock.set(now);
    let mut live = Vec::new();
    for _ in 0..45 {
        let seen = world.ask(&cookie, async |session| {
            live.push(session.subject().await.unwrap().is_some());
            StatusCode::OK
        });
        assert_eq!(seen.await.status, StatusCode::OK);
        world.clock.advance(HOUR / 3);
    }
    let lived = live.iter().filter(|live| **live).count();
    // Twelve hours at all, of which each third is looked at.
    assert_eq!(lived, 36, "{live:?}");
}

#[tokio::test]
async fn limits_that_were_lowered_keep_nobody_from_a_page() {
    let world = World::new().with(|layer| layer.lifetime(BUSY));
    let seen = world.ask("", async |session| {
        for key in ["a", "b", "c"] {
            session.set(key, &1).unwrap();
        }
        StatusCode::OK
    });
    let cookie = seen.await.cookie().unwrap();
    let world = world.with(|layer| layer.max_keys(2));
    let page = async |session: Session| {
        assert_eq!(session.get::<u32>("a").await.unwrap(), Some(1));
        StatusCode::OK
    };
    assert_eq!(world.ask(&cookie, page).await.status, StatusCode::OK);
    let login = async |session: Session| {
        session.authenticate("alice").unwrap();
        StatusCode::OK
    };
    let seen = world.ask(&cookie, login).await;
    assert_eq!(seen.status, StatusCode::OK);
    let cookie = seen.cookie().unwrap();
    let grows = async |session: Session| {
        session.set("d", &1).unwrap();
        StatusCode::OK
    };
    let seen = world.ask(&cookie, grows).await;
    assert_eq!(seen.status, StatusCode::PAYLOAD_TOO_LARGE);
}
