//! A fault at every call of the store: what a client was told is true, and no session is there twice, or lost.

use http::StatusCode;
use tower_upstash::session::{SessionError, SessionLayer, SessionLimit};

use super::{
    site::{Told, add, ask, lives, log_in, number, show},
    traps::{After, under_every_fault},
};

/// A session that holds a number.
async fn counted(layer: &SessionLayer) -> Vec<String> {
    let begun = ask(layer, None, async |session| session.set("n", &1)).await;
    vec![begun.token()]
}

/// A session of alice that holds a number.
async fn known(layer: &SessionLayer) -> Vec<String> {
    let begun = ask(layer, None, async |session| {
        session.set("n", &1)?;
        session.authenticate("alice")
    });
    vec![begun.await.token()]
}

async fn nobody(_: &SessionLayer) -> Vec<String> {
    Vec::new()
}

#[tokio::test]
async fn a_write_was_done_if_the_client_was_told_so() {
    let calls = under_every_fault(
        None,
        counted,
        async |session| add(&session, "n"),
        async |after| {
            assert_eq!(after.told(), &Told::Nothing, "{}", after.what);
            assert!(after.lives(0).await, "{}", after.what);
            let n = number(&after.aside, &after.tokens[0], "n").await;
            let expected: &[&str] = if after.is_well() { &["2"] } else { &["1", "2"] };
            assert!(expected.contains(&&*n), "{n}: {}", after.what);
        },
    );
    assert_eq!(calls.await, 2);
}

#[tokio::test]
async fn a_session_was_made_if_the_client_was_told_so() {
    let calls = under_every_fault(
        None,
        nobody,
        async |session| session.set("n", &1),
        async |after| {
            assert_eq!(after.held().is_some(), after.is_well(), "{}", after.what);
            if let Some(token) = after.held() {
                assert_eq!(
                    number(&after.aside, token, "n").await,
                    "1",
                    "{}",
                    after.what
                );
            }
        },
    );
    assert_eq!(calls.await, 1);
}

#[tokio::test]
async fn a_rotation_leaves_one_token_that_lives() {
    let calls = under_every_fault(
        None,
        known,
        async |session| {
            add(&session, "n")?;
            session.rotate()
        },
        async |after| {
            assert_eq!(after.held().is_some(), after.is_well(), "{}", after.what);
            assert_eq!(after.sessions_of("alice").await, 1, "{}", after.what);
            if let Some(token) = after.held() {
                assert!(!after.lives(0).await, "{}", after.what);
                assert_eq!(
                    number(&after.aside, token, "n").await,
                    "2",
                    "{}",
                    after.what
                );
            }
        },
    );
    assert_eq!(calls.await, 2);
}

/// A handler that commits by itself learns of it, and nothing is pretended later.
#[tokio::test]
async fn a_rotation_in_the_middle_leaves_one_token_that_lives() {
    let calls = under_every_fault(
        None,
        known,
        async |session| {
            session.rotate()?;
            let rotated = session.commit().await;
            add(&session, "n")?;
            if rotated.is_err() && session.get::<u64>("n").await.is_ok() {
                return Ok("nobody knows that");
            }
            Ok::<_, SessionError>("done")
        },
        async |after| {
            assert_eq!(after.sessions_of("alice").await, 1, "{}", after.what);
            if after.is_well() {
                let reply = after.reply.as_ref().unwrap();
                assert_eq!(reply.text, "done", "{}", after.what);
                let token = after.held().unwrap_or_else(|| panic!("{}", after.what));
                assert_eq!(
                    number(&after.aside, token, "n").await,
                    "2",
                    "{}",
                    after.what
                );
            } else if let Some(reply) = &after.reply {
                // The rotation may be done, and the write after it not: the client has the new token all the same.
                assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
                if let Told::Token(token) = &reply.told {
                    assert!(lives(&after.aside, token).await, "{}", after.what);
                }
            }
        },
    );
    assert_eq!(calls.await, 3);
}

#[tokio::test]
async fn a_login_leaves_the_session_before_it_or_the_one_after_it() {
    let calls = under_every_fault(
        None,
        counted,
        async |session| session.authenticate("alice"),
        async |after| {
            assert_eq!(after.held().is_some(), after.is_well(), "{}", after.what);
            let before = usize::from(after.lives(0).await);
            assert_eq!(
                before + after.sessions_of("alice").await,
                1,
                "{}",
                after.what
            );
            if let Some(token) = after.held() {
                assert_eq!(before, 0, "{}", after.what);
                assert_eq!(
                    number(&after.aside, token, "n").await,
                    "1",
                    "{}",
                    after.what
                );
            }
        },
    );
    assert_eq!(calls.await, 2);
}

#[tokio::test]
async fn a_login_that_evicts_leaves_the_old_session_or_the_new_one() {
    let calls = under_every_fault(
        Some(SessionLimit::evict_oldest(1)),
        async |layer| {
            let mut tokens = counted(layer).await;
            tokens.push(log_in(layer, None, "alice").await);
            tokens
        },
        async |session| session.authenticate("alice"),
        async |after| {
            assert_eq!(after.held().is_some(), after.is_well(), "{}", after.what);
            assert_eq!(after.sessions_of("alice").await, 1, "{}", after.what);
            // The anonymous one became the new one, or the old one is still there.
            assert_eq!(after.lives(0).await, after.lives(1).await, "{}", after.what);
            if let Some(token) = after.held() {
                assert!(lives(&after.aside, token).await, "{}", after.what);
                assert!(!after.lives(0).await, "{}", after.what);
            }
        },
    );
    assert_eq!(calls.await, 5);
}

async fn is_ended_if_told(after: &After) {
    let expected = if after.is_well() {
        &Told::Removal
    } else {
        &Told::Nothing
    };
    assert_eq!(after.told(), expected, "{}", after.what);
    let live = usize::from(after.lives(0).await);
    assert!(!after.is_well() || live == 0, "{}", after.what);
    assert_eq!(after.sessions_of("alice").await, live, "{}", after.what);
}

#[tokio::test]
async fn a_logout_is_done_if_the_client_was_told_so() {
    for limit in [None, Some(SessionLimit::reject(3))] {
        let logout = under_every_fault(
            limit,
            known,
            async |session| session.destroy(),
            is_ended_if_told,
        );
        assert_eq!(logout.await, 1);
        let goodbye = under_every_fault(
            limit,
            known,
            async |session| {
                let text = show(&session, "n").await?;
                session.destroy()?;
                Ok::<_, SessionError>(text)
            },
            is_ended_if_told,
        );
        assert_eq!(goodbye.await, 2);
    }
}

#[tokio::test]
async fn logging_out_everywhere_is_done_if_the_client_was_told_so() {
    let calls = under_every_fault(
        None,
        async |layer| {
            let mut tokens = known(layer).await;
            tokens.push(log_in(layer, None, "alice").await);
            tokens
        },
        async |session| session.revoke_all().await.map(|_| ()),
        async |after| {
            if after.is_well() {
                assert_eq!(after.told(), &Told::Removal, "{}", after.what);
                assert_eq!(after.sessions_of("alice").await, 0, "{}", after.what);
            } else {
                assert_eq!(after.told(), &Told::Nothing, "{}", after.what);
            }
        },
    );
    // A read, a listing, and in one trip deletes and a listing.
    assert_eq!(calls.await, 4);
}

/// Activity that could not be written down was a 503 where the store gave no answer.
#[tokio::test]
async fn activity_that_cannot_be_written_down_is_no_failure() {
    let calls = under_every_fault(
        None,
        known,
        async |session| show(&session, "n").await,
        async |after| {
            assert_eq!(after.told(), &Told::Nothing, "{}", after.what);
            assert!(after.lives(0).await, "{}", after.what);
            if let Some(reply) = &after.reply {
                assert_eq!(reply.is_ok(), after.at > 0, "{}", after.what);
            }
        },
    );
    assert_eq!(calls.await, 2);
}
