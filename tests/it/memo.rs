//! Answers that are asked for again, outside of HTTP.

mod collapsed;
mod held;
mod outages;
mod trips;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use bytes::Bytes;
use tower_upstash::{
    memo::{MemoEvent, MemoPolicy, MemoValue, PerSubject, cached, forget},
    store::{Kind, MemoryStore, Scope, SharedStore, Store as _},
    time::ManualClock,
};

const HOUR: Duration = Duration::from_secs(3600);
const ANSWERS: MemoPolicy = MemoPolicy::shared("answers", HOUR);
const DRAFTS: MemoPolicy<PerSubject> = MemoPolicy::per_subject("drafts", HOUR);

/// Counts its calls, and answers which one it was.
#[derive(Default)]
struct Model(AtomicUsize);

impl Model {
    async fn ask(&self, prompt: &str) -> Result<String, &'static str> {
        Ok(format!("{prompt} {}", self.begin()))
    }

    fn begin(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn calls(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn memory() -> SharedStore {
    MemoryStore::new().into()
}

async fn ask(store: &SharedStore, model: &Model, prompt: &str) -> Result<String, &'static str> {
    cached(store, ANSWERS, prompt, || model.ask(prompt)).await
}

#[tokio::test]
async fn what_was_asked_is_not_asked_again_until_it_expires() {
    let clock = ManualClock::default();
    let memory = MemoryStore::builder().clock(clock.clone()).build();
    let (store, model) = (SharedStore::new(memory), Model::default());
    assert_eq!(ask(&store, &model, "a").await.unwrap(), "a 1");
    assert_eq!(ask(&store, &model, "b").await.unwrap(), "b 2");
    clock.advance(HOUR - Duration::from_secs(1));
    assert_eq!(ask(&store, &model, "a").await.unwrap(), "a 1");
    clock.advance(Duration::from_secs(1));
    assert_eq!(ask(&store, &model, "a").await.unwrap(), "a 3");
    assert_eq!(model.calls(), 3);
}

#[tokio::test]
async fn a_subject_never_gets_what_was_made_for_another() {
    let (store, model) = (memory(), Model::default());
    for (subject, answer) in [(1_u64, "a 1"), (2, "a 2"), (1, "a 1"), (2, "a 2")] {
        let drafted = cached(&store, DRAFTS.of(subject), "a", || model.ask("a"));
        assert_eq!(drafted.await.unwrap(), answer);
    }
    let other = MemoPolicy::shared("drafts", HOUR);
    let shared = cached(&store, other, "a", || model.ask("a")).await;
    assert_eq!(shared.unwrap(), "a 3");
}

#[tokio::test]
async fn a_new_version_begins_anew_and_the_old_one_goes_on() {
    let (store, model) = (memory(), Model::default());
    for (version, answer) in [(0, "a 1"), (1, "a 2"), (0, "a 1"), (1, "a 2")] {
        let policy = ANSWERS.version(version);
        let asked = cached(&store, policy, "a", || model.ask("a")).await;
        assert_eq!(asked.unwrap(), answer);
    }
}

#[tokio::test]
async fn an_error_is_its_callers_and_is_not_kept() {
    let (store, model) = (memory(), Model::default());
    let failed = cached(&store, ANSWERS, "a", || async { Err::<String, _>("busy") });
    assert_eq!(failed.await, Err("busy"));
    assert_eq!(ask(&store, &model, "a").await.unwrap(), "a 1");
}

#[tokio::test]
async fn what_is_forgotten_is_asked_again() {
    let (store, model) = (memory(), Model::default());
    ask(&store, &model, "a").await.unwrap();
    ask(&store, &model, "b").await.unwrap();
    forget(&store, ANSWERS, "a").await.unwrap();
    assert_eq!(ask(&store, &model, "a").await.unwrap(), "a 3");
    assert_eq!(ask(&store, &model, "b").await.unwrap(), "b 2");
    forget(&store, DRAFTS.of(1), "nobody asked").await.unwrap();
}

/// What a value becomes that a program cannot read any more.
#[derive(Debug, PartialEq)]
struct Odd(u8);

impl MemoValue for Odd {
    fn to_bytes(&self) -> Bytes {
        vec![self.0].into()
    }

    fn from_bytes(bytes: Bytes) -> Option<Self> {
        let &[byte] = &bytes[..] else { return None };
        (byte % 2 == 1).then_some(Self(byte))
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_made_anew() {
    let store = memory();
    for (made, expected) in [(2, 2), (3, 3), (5, 3)] {
        let asked = cached(&store, ANSWERS, "a", || async { Ok::<_, ()>(Odd(made)) });
        assert_eq!(asked.await, Ok(Odd(expected)));
    }
    // A string is none of them either.
    let text: String = cached(&store, ANSWERS, "a", || async {
        Ok::<_, ()>("text".into())
    })
    .await
    .unwrap();
    assert_eq!(text, "\u{3}");
}

#[tokio::test]
async fn a_value_that_the_store_does_not_take_is_returned_all_the_same() {
    static TOO_LARGE: AtomicUsize = AtomicUsize::new(0);
    let policy = ANSWERS.on_event(|name, event| {
        if let MemoEvent::TooLarge { bytes } = event {
            assert_eq!(name, "answers");
            TOO_LARGE.store(bytes, Ordering::SeqCst);
        }
    });
    let store = memory();
    let most = store.limits().max_value;
    for (size, calls) in [(most, [1, 2]), (most - 1, [3, 3])] {
        for call in calls {
            let value = cached(&store, policy, size.to_string(), || async {
                Ok::<_, ()>(vec![call; size])
            });
            assert!(value.await.unwrap() == vec![call; size], "{size}");
        }
    }
    assert_eq!(TOO_LARGE.load(Ordering::SeqCst), most);
}

#[tokio::test]
async fn values_lie_under_the_name_of_their_policy() {
    let (store, model) = (memory(), Model::default());
    ask(&store, &model, "a").await.unwrap();
    // What a key is made of, is told by no input: only its own policy finds it.
    let guess = Scope::new(Kind::Cache, "answers").key("a");
    assert!(store.get(&guess).await.unwrap().is_none());
}
