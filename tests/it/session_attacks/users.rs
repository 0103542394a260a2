//! One user after the other, in one session.

use super::*;

#[tokio::test]
async fn what_one_user_has_left_is_not_seen_once_another_is_authenticated() {
    let world = World::new();
    let cookie = world.login("alice").await;
    let seen = world.ask(&cookie, async |session| {
        let name = session.id().await.unwrap().unwrap();
        assert_eq!(
            session.get::<String>("secret").await.unwrap().unwrap(),
            "alice"
        );
        session
            .update("n", |n: Option<u32>| n.unwrap_or(0) + 1)
            .unwrap();
        assert_eq!(session.get::<u32>("n").await.unwrap(), Some(1));
        session.authenticate("bob").unwrap();
        assert_eq!(session.get::<String>("secret").await.unwrap(), None);
        assert_eq!(session.get::<u32>("n").await.unwrap(), Some(1));
        assert_ne!(session.id().await.unwrap(), Some(name));
        StatusCode::OK
    });
    let bob = seen.await.cookie().unwrap();
    world
        .ask(&bob, async |session| {
            assert_eq!(session.subject().await.unwrap().as_deref(), Some("bob"));
            assert_eq!(session.get::<String>("secret").await.unwrap(), None);
            StatusCode::OK
        })
        .await;
    assert_eq!(world.who(&cookie).await, None);
    let handle = world.layer.handle();
    assert!(handle.list("alice").await.unwrap().is_empty());
    assert_eq!(handle.list("bob").await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_two_subjects_in_one_request_the_last_one_is_it() {
    for commits in [false, true] {
        let world = World::new();
        let seen = world.ask("", async |session| {
            session.authenticate("alice").unwrap();
            session.set("secret", "alice").unwrap();
            if commits {
                session.commit().await.unwrap();
            }
            session.authenticate("bob").unwrap();
            StatusCode::OK
        });
        let cookie = seen.await.cookie().unwrap();
        assert_eq!(world.who(&cookie).await.as_deref(), Some("bob"));
        let handle = world.layer.handle();
        assert!(handle.list("alice").await.unwrap().is_empty());
        assert_eq!(handle.list("bob").await.unwrap().len(), 1);
    }
}

/// What ends makes room for what begins, whether anybody has looked at it or not.
#[tokio::test]
async fn a_clean_start_at_a_login_is_within_the_limit() {
    for limit in [SessionLimit::reject(1), SessionLimit::evict_oldest(1)] {
        for reads in [false, true] {
            let world = World::new().with(|layer| layer.per_subject(limit));
            let cookie = world.login("alice").await;
            let seen = world.ask(&cookie, async |session| {
                if reads {
                    session.get::<String>("secret").await.unwrap();
                }
                session.destroy().unwrap();
                session.authenticate("alice").unwrap();
                StatusCode::OK
            });
            let seen = seen.await;
            assert_eq!(seen.status, StatusCode::OK, "{limit:?} {reads}");
            let new = seen.cookie().unwrap();
            assert_eq!(world.who(&new).await.as_deref(), Some("alice"));
            assert_eq!(world.who(&cookie).await, None);
        }
    }
}

/// All of it is one batch, and a batch is of sixteen writes.
#[tokio::test]
async fn a_clean_start_with_many_cookies_is_possible_also_where_the_limit_was_lowered() {
    let world = World::new().with(|layer| layer.per_subject(SessionLimit::evict_oldest(20)));
    let mut cookie = String::new();
    for _ in 0..16 {
        cookie = world.login("alice").await;
        world.clock.advance(Duration::from_secs(1));
    }
    let (name, token) = cookie.split_once('=').unwrap();
    let planted = ["AA", "BB", "CC", "DD"]
        .map(|start| format!("{name}={start}{}", &token[2..]))
        .join("; ");
    let world = world.with(|layer| layer.per_subject(SessionLimit::evict_oldest(3)));
    let seen = world.ask(&planted, async |session| {
        session.destroy().unwrap();
        session.authenticate("alice").unwrap();
        StatusCode::OK
    });
    let seen = seen.await;
    assert_eq!(seen.status, StatusCode::OK);
    assert_eq!(world.layer.handle().list("alice").await.unwrap().len(), 3);
    assert_eq!(world.who(&cookie).await.as_deref(), Some("alice"));
}

#[tokio::test]
async fn a_failed_request_still_tells_the_token_that_it_has_committed() {
    let world = World::new();
    let cookie = world.login("alice").await;
    let seen = world.ask(&cookie, async |session| {
        session.rotate().unwrap();
        session.commit().await.unwrap();
        session.set("seen", &true).unwrap();
        StatusCode::INTERNAL_SERVER_ERROR
    });
    let new = seen.await.cookie().unwrap();
    assert_eq!(world.who(&new).await.as_deref(), Some("alice"));
    assert_eq!(world.who(&cookie).await, None);
}

#[tokio::test]
async fn a_lifetime_alone_makes_no_session() {
    let world = World::new();
    let seen = world.ask("", async |session| {
        session.set_lifetime(BUSY.persistent()).unwrap();
        assert!(!session.exists().await.unwrap());
        StatusCode::OK
    });
    assert_eq!(seen.await.cookie(), None);
}

#[tokio::test]
async fn a_handler_that_takes_names_from_its_client_stops_somewhere() {
    let world = World::new();
    let seen = world.ask("", async |session| {
        let mut sets = (0..100_000).map(|n| session.set(&n.to_string(), &n));
        let refused = sets.find(std::result::Result::is_err).unwrap();
        assert!(is(&refused, SessionErrorKind::TooLarge));
        refused.unwrap_err().status()
    });
    assert_eq!(seen.await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_logout_that_has_looked_ends_also_what_got_a_new_token_meanwhile() {
    let world = World::new();
    let cookie = world.login("alice").await;
    let mut new = None;
    let seen = world.ask(&cookie, async |session| {
        assert!(session.subject().await.unwrap().is_some());
        let rotates = async |session: Session| {
            session.rotate().unwrap();
            StatusCode::OK
        };
        new = world.ask(&cookie, rotates).await.cookie();
        session.destroy().unwrap();
        StatusCode::OK
    });
    assert_eq!(seen.await.cookie().as_deref(), Some(""));
    assert_eq!(world.who(&new.unwrap()).await, None);
}

/// Whoever rotates, touches or writes under a token that has ended brings nothing back, and leaves the newer cookie alone.
#[tokio::test]
async fn a_request_that_is_late_says_nothing() {
    let world = World::new().with(|layer| layer.lifetime(BUSY.persistent()));
    for kind in 0..4 {
        let cookie = world.login("alice").await;
        let seen = world.ask(&cookie, async |session| {
            assert!(session.subject().await.unwrap().is_some());
            let newer = async |session: Session| {
                session.authenticate("alice").unwrap();
                StatusCode::OK
            };
            world.ask(&cookie, newer).await;
            match kind {
                0 => {}
                1 => session.set("late", &true).unwrap(),
                2 => session.rotate().unwrap(),
                _ => session.set_lifetime(BUSY).unwrap(),
            }
            StatusCode::OK
        });
        let seen = seen.await;
        assert_eq!((seen.status, seen.cookie()), (StatusCode::OK, None));
        assert_eq!(world.who(&cookie).await, None);
    }
    assert_eq!(world.layer.handle().list("alice").await.unwrap().len(), 4);
}
