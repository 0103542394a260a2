//! Answers that are asked for again: a memo for slow calls outside of HTTP, such as those of a model.
//!
//! ```
//! use std::time::Duration;
//! use tower_upstash::{memo::{MemoPolicy, cached}, store::{MemoryStore, SharedStore}};
//! # struct Model;
//! # impl Model {
//! #     async fn ask(&self, prompt: &str) -> Result<String, std::io::Error> { Ok(format!("{prompt}? 42.")) }
//! # }
//!
//! // A name, how long an answer may be used, and whose it is.
//! const ANSWERS: MemoPolicy = MemoPolicy::shared("answers", Duration::from_secs(3600));
//!
//! # tokio_test::block_on(async {
//! # let model = Model;
//! let store = SharedStore::new(MemoryStore::new());
//! let prompt = "The answer";
//!
//! let answer: String = cached(&store, ANSWERS, prompt, || async { model.ask(prompt).await }).await?;
//! # assert_eq!(answer, "The answer? 42.");
//! # Ok::<_, std::io::Error>(())
//! # }).unwrap();
//! ```
//!
//! The SHA-256 of the input is the key, so inputs may be long, and the store never sees them. Calls for the same input at
//! the same time, in one process, are one call. A store that fails is told to [`MemoPolicy::on_event`] and is no error:
//! the call is made. An error of the call is its caller's alone, and is never stored.
//!
//! What depends on who asks must say so; it is then impossible to forget whose an answer is:
//!
//! ```
//! # use std::time::Duration;
//! # use tower_upstash::{memo::{MemoPolicy, PerSubject, cached, forget}, store::{MemoryStore, SharedStore}};
//! const DRAFTS: MemoPolicy<PerSubject> = MemoPolicy::per_subject("drafts", Duration::from_secs(600));
//!
//! # tokio_test::block_on(async {
//! # let store = SharedStore::new(MemoryStore::new());
//! # let (user_id, input) = (7_u64, "a letter");
//! # async fn draft() -> Result<String, std::io::Error> { Ok("Dear".into()) }
//! let mine: String = cached(&store, DRAFTS.of(user_id), input, draft).await?;
//! forget(&store, DRAFTS.of(user_id), input).await?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! ```compile_fail,E0277
//! # use std::time::Duration;
//! # use tower_upstash::{memo::{MemoPolicy, PerSubject, cached}, store::SharedStore};
//! # const DRAFTS: MemoPolicy<PerSubject> = MemoPolicy::per_subject("drafts", Duration::from_secs(600));
//! # async fn draft() -> Result<String, std::io::Error> { Ok("Dear".into()) }
//! # async fn wrong(store: &SharedStore) {
//! let whose = cached(&store, DRAFTS, "a letter", draft).await; // "say whose … by `.of(subject)`"
//! # }
//! ```
//!
//! # Structured inputs and values
//! An input is bytes: of several parts, or of a structure, give them in one form that tells all inputs apart, such as
//! JSON. Values are strings, bytes, or any type that implements [`MemoValue`].
//!
//! ```
//! use serde_json::{Value, json};
//! use tower_upstash::memo::MemoValue;
//! # use std::time::Duration;
//! # use tower_upstash::{memo::{MemoPolicy, cached}, store::{MemoryStore, SharedStore}};
//!
//! struct Answer(Value);
//!
//! impl MemoValue for Answer {
//!     fn to_bytes(&self) -> bytes::Bytes {
//!         self.0.to_string().into()
//!     }
//!
//!     fn from_bytes(bytes: bytes::Bytes) -> Option<Self> {
//!         serde_json::from_slice(&bytes).ok().map(Self)
//!     }
//! }
//!
//! # const ANSWERS: MemoPolicy = MemoPolicy::shared("answers", Duration::from_secs(3600));
//! # tokio_test::block_on(async {
//! # let store = SharedStore::new(MemoryStore::new());
//! let question = json!({ "model": "small", "messages": ["Hello"] });
//! let input = serde_json::to_vec(&question)?;
//! let answer = cached(&store, ANSWERS, &input, || async {
//!     Ok::<_, serde_json::Error>(Answer(json!({ "text": "Hello!" })))
//! })
//! .await?;
//! # assert_eq!(answer.0["text"], "Hello!");
//! # Ok::<_, serde_json::Error>(())
//! # }).unwrap();
//! ```

mod call;
mod event;
mod place;
mod policy;
mod value;

pub use self::{
    call::{cached, forget},
    event::MemoEvent,
    policy::{MemoPolicy, MemoScope, PerSubject, Shared},
    value::MemoValue,
};

#[cfg(test)]
mod tests;
