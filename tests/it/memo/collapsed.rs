//! Calls for the same at the same time.

use std::{
    pin::pin,
    sync::{Arc, Mutex},
};

use tokio::sync::Semaphore;
use tokio_test::{assert_pending, assert_ready, task::spawn};

use super::{held::Held, *};
use crate::support::Remote;

/// A model that answers as often as it is given turns.
struct Slow {
    model: Model,
    turns: Semaphore,
}

impl Slow {
    fn new() -> Self {
        Self {
            model: Model::default(),
            turns: Semaphore::new(0),
        }
    }

    async fn ask(&self) -> Result<String, &'static str> {
        let call = self.model.begin();
        self.turns.acquire().await.unwrap().forget();
        Ok(call.to_string())
    }
}

#[tokio::test]
async fn ten_calls_at_once_are_one() {
    let (store, slow) = (memory(), Slow::new());
    let mut tasks: Vec<_> = (0..10)
        .map(|_| spawn(cached(&store, ANSWERS, "a", || slow.ask())))
        .collect();
    for task in &mut tasks {
        assert_pending!(task.poll());
    }
    let mut other = spawn(cached(&store, ANSWERS, "b", || slow.ask()));
    assert_pending!(other.poll());
    assert_eq!(slow.model.calls(), 2);
    slow.turns.add_permits(2);
    for task in &mut tasks {
        assert_eq!(assert_ready!(task.poll()).unwrap(), "1");
    }
    assert_eq!(assert_ready!(other.poll()).unwrap(), "2");
}

#[tokio::test]
async fn clones_of_a_handle_share_their_calls() {
    let (store, slow) = (memory(), Slow::new());
    let clone = store.clone();
    let mut first = spawn(cached(&store, ANSWERS, "a", || slow.ask()));
    let mut second = spawn(cached(&clone, ANSWERS, "a", || slow.ask()));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    assert_eq!(slow.model.calls(), 1);
}

#[tokio::test]
async fn another_subject_does_not_wait() {
    let (store, slow) = (memory(), Slow::new());
    let mut tasks =
        [1_u64, 2, 1].map(|subject| spawn(cached(&store, DRAFTS.of(subject), "a", || slow.ask())));
    for task in &mut tasks {
        assert_pending!(task.poll());
    }
    assert_eq!(slow.model.calls(), 2);
}

#[tokio::test]
async fn a_call_that_is_dropped_is_made_by_the_next_and_by_nobody_else() {
    let (store, slow) = (memory(), Slow::new());
    let mut first = spawn(cached(&store, ANSWERS, "a", || slow.ask()));
    assert_pending!(first.poll());
    let mut others = [0; 3].map(|_| spawn(cached(&store, ANSWERS, "a", || slow.ask())));
    for other in &mut others {
        assert_pending!(other.poll());
    }
    drop(first);
    let woken = others.iter().filter(|other| other.is_woken()).count();
    assert_eq!(woken, 1);
    for other in &mut others {
        assert_pending!(other.poll());
    }
    assert_eq!(slow.model.calls(), 2);
    slow.turns.add_permits(1);
    for other in &mut others {
        assert_eq!(assert_ready!(other.poll()).unwrap(), "2");
    }
}

#[tokio::test]
async fn an_error_is_not_shared_and_the_next_one_tries() {
    let (store, slow) = (memory(), Slow::new());
    let mut failing = spawn(cached(&store, ANSWERS, "a", || async {
        slow.ask().await?;
        Err::<String, _>("busy")
    }));
    assert_pending!(failing.poll());
    let mut others = [0; 2].map(|_| spawn(cached(&store, ANSWERS, "a", || slow.ask())));
    for other in &mut others {
        assert_pending!(other.poll());
    }
    slow.turns.add_permits(1);
    assert_eq!(assert_ready!(failing.poll()), Err("busy"));
    for other in &mut others {
        assert_pending!(other.poll());
    }
    // Each for itself, and not one after another.
    slow.turns.add_permits(2);
    for (other, value) in others.iter_mut().zip(["2", "3"]) {
        assert_eq!(assert_ready!(other.poll()), Ok(value.to_owned()));
    }
}

#[tokio::test]
async fn who_waits_has_the_value_before_it_is_written() {
    let held = Held::new(10, 0);
    let (store, slow) = (held.shared(), Slow::new());
    let mut first = spawn(cached(&store, ANSWERS, "a", || slow.ask()));
    let mut second = spawn(cached(&store, ANSWERS, "a", || slow.ask()));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    slow.turns.add_permits(1);
    assert_pending!(first.poll());
    assert_eq!(assert_ready!(second.poll()).unwrap(), "1");
    // Who comes now finds nothing in the store, and need not call.
    let third = cached(&store, ANSWERS, "a", || slow.ask()).await;
    assert_eq!(third.unwrap(), "1");
    held.make_writes(1);
    assert_eq!(assert_ready!(first.poll()).unwrap(), "1");
    assert_eq!(slow.model.calls(), 1);
}

/// The look was made before another call had stored its value, and the lead was taken after it: without a second look the
/// call was made twice.
#[tokio::test]
async fn a_look_that_was_slower_than_a_whole_call_is_repeated() {
    let held = Held::new(0, 10);
    let (store, model) = (held.shared(), Model::default());
    let mut tasks = [0; 2].map(|_| spawn(cached(&store, ANSWERS, "a", || model.ask("a"))));
    for task in &mut tasks {
        assert_pending!(task.poll());
    }
    let [first, late] = &mut tasks;
    held.tell_looks(1);
    assert_eq!(assert_ready!(first.poll()).unwrap(), "a 1");
    held.tell_looks(2);
    assert_eq!(assert_ready!(late.poll()).unwrap(), "a 1");
    assert_eq!(model.calls(), 1);
}

/// Each of those who waited looked again, one after another.
#[tokio::test]
async fn what_a_second_look_finds_is_shared() {
    let held = Held::new(0, 10);
    let (store, model) = (held.shared(), Model::default());
    let mut tasks = [0; 4].map(|_| spawn(cached(&store, ANSWERS, "a", || model.ask("a"))));
    for task in &mut tasks {
        assert_pending!(task.poll());
    }
    let [first, late @ ..] = &mut tasks;
    held.tell_looks(1);
    assert_eq!(assert_ready!(first.poll()).unwrap(), "a 1");
    // The first of them leads and looks again, the others wait for him.
    held.tell_looks(3);
    for task in &mut *late {
        assert_pending!(task.poll());
    }
    held.tell_looks(1);
    for task in late {
        assert_eq!(assert_ready!(task.poll()).unwrap(), "a 1");
    }
    assert_eq!(model.calls(), 1);
}

#[tokio::test]
async fn what_is_forgotten_while_it_is_made_is_not_kept() {
    let (store, slow) = (memory(), Slow::new());
    let mut first = spawn(cached(&store, ANSWERS, "a", || slow.ask()));
    assert_pending!(first.poll());
    forget(&store, ANSWERS, "a").await.unwrap();
    let mut second = spawn(cached(&store, ANSWERS, "a", || slow.ask()));
    assert_pending!(second.poll());
    assert_eq!(slow.model.calls(), 2);
    slow.turns.add_permits(1);
    assert_eq!(assert_ready!(first.poll()).unwrap(), "1");
    slow.turns.add_permits(1);
    assert_eq!(assert_ready!(second.poll()).unwrap(), "2");
    let third = cached(&store, ANSWERS, "a", || slow.ask()).await;
    assert_eq!(third.unwrap(), "2");
}

/// A write that was on its way came after the deletion, and what was forgotten was there again.
#[tokio::test]
async fn what_is_forgotten_while_it_is_written_is_gone() {
    let held = Held::new(10, 0);
    let (store, model) = (held.shared(), Model::default());
    let mut first = spawn(cached(&store, ANSWERS, "a", || model.ask("a")));
    assert_pending!(first.poll());
    forget(&store, ANSWERS, "a").await.unwrap();
    held.make_writes(1);
    assert!(assert_ready!(first.poll()).is_ok());
    held.make_writes(1);
    let again = cached(&store, ANSWERS, "a", || model.ask("a")).await;
    assert_eq!(again.unwrap(), "a 2");
}

/// The value was there: whoever had asked for it is gone, and it is kept all the same.
#[tokio::test]
async fn a_write_is_finished_when_nobody_waits_for_it() {
    let held = Held::new(10, 0);
    let (store, model) = (held.shared(), Model::default());
    let mut first = spawn(cached(&store, ANSWERS, "a", || model.ask("a")));
    assert_pending!(first.poll());
    drop(first);
    held.make_writes(1);
    // Until it is written, whoever asks is given it.
    for _ in 0..3 {
        let again = cached(&store, ANSWERS, "a", || model.ask("a")).await;
        assert_eq!(again.unwrap(), "a 1");
        tokio::task::yield_now().await;
    }
    let other = SharedStore::new(held);
    let elsewhere = cached(&other, ANSWERS, "a", || model.ask("a")).await;
    assert_eq!(elsewhere.unwrap(), "a 1");
}

#[tokio::test]
async fn events_tell_who_called_and_who_did_not() {
    static TOLD: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    let policy = ANSWERS.on_event(|_, event| {
        TOLD.lock().unwrap().push(match event {
            MemoEvent::Hit => "hit",
            MemoEvent::Collapsed => "collapsed",
            MemoEvent::Called => "called",
            MemoEvent::CallFailed => "failed",
            _ => "other",
        });
    });
    let (store, slow) = (memory(), Arc::new(Slow::new()));
    let mut failing = pin!(cached(&store, policy, "a", || async {
        Err::<String, _>("busy")
    }));
    assert!(failing.as_mut().await.is_err());
    let [mut first, mut second] = [0; 2].map(|_| spawn(cached(&store, policy, "a", || slow.ask())));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    slow.turns.add_permits(1);
    assert!(assert_ready!(first.poll()).is_ok());
    assert!(assert_ready!(second.poll()).is_ok());
    assert!(cached(&store, policy, "a", || slow.ask()).await.is_ok());
    assert_eq!(
        *TOLD.lock().unwrap(),
        ["failed", "called", "collapsed", "hit"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_tasks_on_threads_one_calls_for_each_prompt() {
    let (store, model) = (Remote::open().shared(), Arc::new(Model::default()));
    let tasks: Vec<_> = (0..400)
        .map(|n| {
            let (store, model) = (store.clone(), Arc::clone(&model));
            tokio::spawn(async move { ask(&store, &model, &(n % 4).to_string()).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(model.calls(), 4);
}
