//! Requests that meet at one session, and what must be true whoever comes first.

use std::{cell::RefCell, rc::Rc};

use tower_upstash::session::SessionLayer;

use super::{
    schedule::{Play, Stage, Task},
    site::{MINUTE, Reply, Told, add, ask, lives, log_in, number, show},
};

/// Replies as they come.
#[derive(Clone, Default)]
struct Replies(Rc<RefCell<Vec<(&'static str, Reply)>>>);

impl Replies {
    /// Makes a task of a request.
    fn of(&self, name: &'static str, request: impl Future<Output = Reply> + 'static) -> Task {
        let replies = self.clone();
        Box::pin(async move {
            let reply = request.await;
            replies.0.borrow_mut().push((name, reply));
        })
    }

    fn take(&self) -> Vec<(&'static str, Reply)> {
        self.0.take()
    }

    /// Returns the replies to requests of this name, all of which must be well.
    fn named(&self, name: &str) -> Vec<Told> {
        let all = self.0.borrow();
        let named = all.iter().filter(|(of, _)| *of == name);
        named
            .map(|(_, reply)| {
                assert!(reply.is_ok(), "{name}: {reply:?}");
                reply.told.clone()
            })
            .collect()
    }
}

async fn logs_out(layer: SessionLayer, token: String) -> Reply {
    ask(&layer, Some(&token), async |session| session.destroy()).await
}

async fn rotates(layer: SessionLayer, token: String) -> Reply {
    let rotated = ask(&layer, Some(&token), async |session| session.rotate());
    rotated.await
}

async fn reads(layer: SessionLayer, token: String) -> Reply {
    ask(&layer, Some(&token), async |session| {
        show(&session, "n").await
    })
    .await
}

async fn writes(layer: SessionLayer, token: String, key: &'static str) -> Reply {
    let written = ask(&layer, Some(&token), async |session| {
        session.set(key, &1)?;
        add(&session, "n")
    });
    written.await
}

/// Makes a session of a subject that holds a number.
async fn known(layer: &SessionLayer, subject: &'static str) -> String {
    let login = ask(layer, None, async |session| {
        session.set("n", &7)?;
        session.authenticate(subject)
    });
    login.await.token()
}

async fn live(layer: &SessionLayer, tokens: &[String]) -> usize {
    let mut live = 0;
    for token in tokens {
        live += usize::from(lives(layer, token).await);
    }
    live
}

fn tokens(told: Vec<Told>) -> Vec<String> {
    let tokens = told.into_iter().filter_map(|told| match told {
        Told::Token(token) => Some(token),
        Told::Nothing => None,
        Told::Removal => panic!("nobody has logged out"),
    });
    tokens.collect()
}

/// A logout, and two who write slowly: nothing brings the session back. Who begins later begins with nothing.
pub(super) async fn logout_and_writers(stage: &Stage) -> Play {
    let (aside, replies) = (stage.aside(), Replies::default());
    let token = known(&aside, "alice").await;
    let write = |key| writes(stage.layer(), token.clone(), key);
    let tasks = vec![
        replies.of("write", write("a")),
        replies.of("logout", logs_out(stage.layer(), token.clone())),
        replies.of("write", write("b")),
    ];
    let check = Box::pin(async move {
        assert!(!lives(&aside, &token).await);
        assert_eq!(aside.handle().list("alice").await.unwrap().len(), 0);
        for token in tokens(replies.named("write")) {
            assert_eq!(number(&aside, &token, "n").await, "1", "a new session");
        }
        assert_eq!(replies.named("logout"), [Told::Removal]);
    });
    Play { tasks, check }
}

/// Two who write other keys, and count; and one who looks on.
pub(super) async fn two_writers(stage: &Stage) -> Play {
    let (aside, replies) = (stage.aside(), Replies::default());
    let begun = ask(&aside, None, async |session| session.set("n", &1)).await;
    let token = begun.token();
    let tasks = vec![
        replies.of("write", writes(stage.layer(), token.clone(), "a")),
        replies.of("write", writes(stage.layer(), token.clone(), "b")),
        replies.of("read", reads(stage.layer(), token.clone())),
    ];
    let check = Box::pin(async move {
        assert_eq!(replies.named("write"), [Told::Nothing, Told::Nothing]);
        assert_eq!(replies.named("read"), [Told::Nothing]);
        for (key, expected) in [("a", "1"), ("b", "1"), ("n", "3")] {
            assert_eq!(number(&aside, &token, key).await, expected, "{key}");
        }
        let read = replies.take().into_iter().find(|(name, _)| *name == "read");
        let seen: u64 = read.unwrap().1.text.parse().unwrap();
        assert!((1..=3).contains(&seen), "{seen}");
    });
    Play { tasks, check }
}

/// All sessions of a subject are ended while one of them gets a new token: that ends, too.
pub(super) async fn revoke_all_and_rotation(stage: &Stage) -> Play {
    revoke_all_and(stage, false, rotates).await
}

/// The same, by the password asked for once more. Who is asked afterwards has a new session.
pub(super) async fn revoke_all_and_authentication(stage: &Stage) -> Play {
    revoke_all_and(stage, true, |layer, token| async move {
        let login = ask(&layer, Some(&token), async |session| {
            session.authenticate("alice")
        });
        login.await
    })
    .await
}

async fn revoke_all_and<F: Future<Output = Reply> + 'static>(
    stage: &Stage,
    is_login: bool,
    moves: impl FnOnce(SessionLayer, String) -> F,
) -> Play {
    let (aside, replies) = (stage.aside(), Replies::default());
    let all = [
        known(&aside, "alice").await,
        log_in(&aside, None, "alice").await,
    ];
    let other = log_in(&aside, None, "bob").await;
    let sessions = stage.layer().handle();
    let tasks = vec![
        replies.of("move", moves(stage.layer(), all[0].clone())),
        Box::pin(async move {
            assert!(sessions.revoke_all("alice").await.unwrap() >= 2);
        }) as Task,
    ];
    let check = Box::pin(async move {
        assert_eq!(live(&aside, &all).await, 0);
        assert!(lives(&aside, &other).await);
        let new = tokens(replies.named("move"));
        // Who is authenticated afterwards has a session that knows nothing of the one before.
        let later = live(&aside, &new).await;
        assert!(later == 0 || is_login, "{new:?}");
        for token in new.iter().take(later) {
            assert_eq!(number(&aside, token, "n").await, "-");
        }
        assert_eq!(aside.handle().list("alice").await.unwrap().len(), later);
        for subject in ["alice", "bob"] {
            aside.handle().revoke_all(subject).await.unwrap();
        }
    });
    Play { tasks, check }
}

/// All sessions of a subject are ended while it logs in where it was not: it is ended, or comes after.
pub(super) async fn revoke_all_and_login(stage: &Stage) -> Play {
    let (aside, replies) = (stage.aside(), Replies::default());
    let old = log_in(&aside, None, "alice").await;
    let anonymous = ask(&aside, None, async |session| session.set("n", &7)).await;
    let anonymous = anonymous.token();
    let (layer, sessions) = (stage.layer(), stage.layer().handle());
    let from = anonymous.clone();
    let login = async move {
        let login = ask(&layer, Some(&from), async |session| {
            session.authenticate("alice")
        });
        login.await
    };
    let tasks = vec![
        replies.of("login", login),
        Box::pin(async move {
            assert!(sessions.revoke_all("alice").await.unwrap() >= 1);
        }) as Task,
    ];
    let check = Box::pin(async move {
        assert_eq!(live(&aside, &[old, anonymous]).await, 0);
        let new = tokens(replies.named("login"));
        assert_eq!(new.len(), 1, "nobody has ended the anonymous session");
        let live = live(&aside, &new).await;
        assert_eq!(aside.handle().list("alice").await.unwrap().len(), live);
        if live > 0 {
            assert_eq!(number(&aside, &new[0], "n").await, "7");
        }
        aside.handle().revoke_all("alice").await.unwrap();
    });
    Play { tasks, check }
}

/// Two who ask for a new token, and one who looks on: there is one session all the time.
pub(super) async fn two_rotations(stage: &Stage) -> Play {
    let (aside, replies) = (stage.aside(), Replies::default());
    let token = log_in(&aside, None, "alice").await;
    let tasks = vec![
        replies.of("rotate", rotates(stage.layer(), token.clone())),
        replies.of("rotate", rotates(stage.layer(), token.clone())),
        replies.of("read", reads(stage.layer(), token.clone())),
    ];
    let check = Box::pin(async move {
        assert!(!lives(&aside, &token).await);
        let new = tokens(replies.named("rotate"));
        assert_eq!(new.len(), 1, "the other one has found it gone");
        assert!(lives(&aside, &new[0]).await);
        assert_eq!(replies.named("read"), [Told::Nothing]);
        assert_eq!(aside.handle().list("alice").await.unwrap().len(), 1);
        aside.handle().revoke_all("alice").await.unwrap();
    });
    Play { tasks, check }
}

/// Two whose activity is to be written down, and a logout.
pub(super) async fn logout_and_activity(stage: &Stage) -> Play {
    let (aside, replies) = (stage.aside(), Replies::default());
    let token = log_in(&aside, None, "alice").await;
    // On Redis the store's own clock stands: nothing expires.
    stage.clock.advance(2 * MINUTE);
    let tasks = vec![
        replies.of("read", reads(stage.layer(), token.clone())),
        replies.of("logout", logs_out(stage.layer(), token.clone())),
        replies.of("read", reads(stage.layer(), token.clone())),
    ];
    let check = Box::pin(async move {
        assert!(!lives(&aside, &token).await);
        assert_eq!(replies.named("read"), [Told::Nothing, Told::Nothing]);
        assert_eq!(replies.named("logout"), [Told::Removal]);
    });
    Play { tasks, check }
}

/// A slow answer to the old token, and a login: the cookie of the login is the last one. Only a write that begins after the
/// login finds no session, and begins another one.
pub(super) async fn login_and_activity(stage: &Stage) -> Play {
    let (aside, replies) = (stage.aside(), Replies::default());
    let begun = ask(&aside, None, async |session| session.set("n", &7)).await;
    let token = begun.token();
    stage.clock.advance(2 * MINUTE);
    let (layer, from) = (stage.layer(), token.clone());
    let login = async move {
        ask(&layer, Some(&from), async |session| {
            session.authenticate("carol")
        })
        .await
    };
    let tasks = vec![
        replies.of("read", reads(stage.layer(), token.clone())),
        replies.of("login", login),
        replies.of("write", writes(stage.layer(), token.clone(), "a")),
    ];
    let check = Box::pin(async move {
        assert!(!lives(&aside, &token).await);
        assert_eq!(replies.named("read"), [Told::Nothing]);
        for other in tokens(replies.named("write")) {
            assert_eq!(number(&aside, &other, "n").await, "1", "a new session");
        }
        let new = tokens(replies.named("login"));
        assert_eq!(new.len(), 1);
        // What was written before has come along; what came later was dropped.
        let (a, n) = (
            number(&aside, &new[0], "a").await,
            number(&aside, &new[0], "n").await,
        );
        assert!([("-", "7"), ("1", "8")].contains(&(&*a, &*n)), "{a} {n}");
        aside.handle().revoke_all("carol").await.unwrap();
    });
    Play { tasks, check }
}
