//! Answers of a slow model, asked for again: a memo, in memory or in a database that all processes share.
//!
//! ```sh
//! cargo run --example ai_memo                         # asks four things, and tells how long each took
//! cargo run --example ai_memo -- "Why is the sky blue?"
//! ```
//!
//! With `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN` set, the answers lie in that database: run it twice, and
//! nothing is slow any more. `cargo run --example local_upstash` is a database for this machine.

use std::{
    env,
    error::Error,
    fmt,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower_upstash::{
    memo::{MemoEvent, MemoPolicy, cached, forget},
    store::{EnvStore, SharedStore},
};

/// The answers are the same whoever asks, and good for an hour. Another model would be another version.
const ANSWERS: MemoPolicy = MemoPolicy::shared("answers", Duration::from_secs(3600))
    .version(1)
    .on_event(|name, event| {
        if let MemoEvent::StoreError { error } = event {
            say(&format!("{name}: {error}; the model is asked"));
        }
    });

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let env = EnvStore::from_env_or_memory().map_err(|error| error.to_string())?;
    say(&format!("store: {env}"));
    let store = SharedStore::from(env);
    let model = Arc::new(Model::default());
    let prompt = env::args()
        .nth(1)
        .unwrap_or_else(|| "What is a memo?".into());

    let start = Instant::now();
    let answer = ask(&store, &model, &prompt).await?;
    report("first", start, &model, &answer);

    let start = Instant::now();
    let answer = ask(&store, &model, &prompt).await?;
    report("again", start, &model, &answer);

    let start = Instant::now();
    let new = format!("{prompt} In one word?");
    let mut tasks = JoinSet::new();
    for _ in 0..10 {
        let (store, model, new) = (store.clone(), Arc::clone(&model), new.clone());
        tasks.spawn(async move { ask(&store, &model, &new).await });
    }
    let answers: Vec<String> = tasks
        .join_all()
        .await
        .into_iter()
        .collect::<Result<_, _>>()?;
    report("ten at once", start, &model, &answers[9]);

    if let Err(error) = forget(&store, ANSWERS, &new).await {
        say(&format!("not forgotten: {error}"));
    }
    let start = Instant::now();
    let answer = ask(&store, &model, &new).await?;
    report("forgotten", start, &model, &answer);
    Ok(())
}

/// The pattern: the same prompt costs the model once.
async fn ask(store: &SharedStore, model: &Model, prompt: &str) -> Result<String, Busy> {
    cached(store, ANSWERS, prompt, || async { model.ask(prompt).await }).await
}

/// Stands for a model behind some API: slow, and paid for by the call.
#[derive(Default)]
struct Model {
    calls: AtomicUsize,
}

impl Model {
    async fn ask(&self, prompt: &str) -> Result<String, Busy> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_secs(1)).await;
        if prompt.is_empty() {
            return Err(Busy);
        }
        Ok(format!("{} letters, and a good question.", prompt.len()))
    }
}

/// What a model fails with. It is never kept.
#[derive(Debug)]
struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the model has nothing to say")
    }
}

impl Error for Busy {}

fn report(what: &str, start: Instant, model: &Model, answer: &str) {
    let calls = model.calls.load(Ordering::Relaxed);
    let took = start.elapsed().as_millis();
    say(&format!(
        "{what:<12}{took:>5} ms  {calls} calls so far  {answer}"
    ));
}

/// Prints a line. Whoever reads it may be gone: that is no reason to fail.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
