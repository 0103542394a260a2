//! One write without an index: one command, where the server has one that does it.
//!
//! A key of another type, which is nobody's entry, exists here; in a batch (`write.lua`) it does not, since to find it
//! would cost every batch that creates an entry an EXISTS.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{Command, RemoteStore, Reply, Wire, command::Effect, value, write::millis};
use crate::store::{Change, Condition, Refusal, Result, Version, Write, Written};

impl<W: Wire> RemoteStore<W> {
    /// Returns `None` for what the server has no command for: nothing was done.
    pub(super) async fn write_single(&self, write: &Write) -> Result<Option<Written>> {
        if let Condition::Unchanged(version) = write.condition() {
            return self.write_unchanged(write, version).await;
        }
        let key = Bytes::from(write.key().to_text());
        let (done, version) = match (write.change(), write.condition()) {
            (Change::Put { value, .. }, condition) => {
                let raw = *condition == Condition::Always && W::carries_raw(key.len(), value.len());
                let stored = value::encode(value, W::BINARY || raw);
                let mut command = put(write, &stored);
                match condition {
                    Condition::Absent => command = command.word("NX"),
                    Condition::Present => command = command.word("XX"),
                    Condition::Always | Condition::Unchanged(_) => {}
                }
                let done = self.send(command).await?.text()?.is_some();
                (done, Some(Version::new(stored)))
            }
            // Nothing to delete: it is enough to look.
            (Change::Delete, Condition::Absent) => {
                let command = Command::new("EXISTS", Effect::Read).word(key);
                (self.send(command).await?.integer()? == 0, None)
            }
            (Change::Delete, condition) => {
                let command = Command::new("DEL", Effect::Write).word(key);
                let deleted = self.send(command).await?.integer()? > 0;
                (deleted || *condition == Condition::Always, None)
            }
        };
        let why = match write.condition() {
            Condition::Absent => Refusal::Exists,
            _ => Refusal::Gone,
        };
        Ok(Some(if done {
            Written::Done(vec![version])
        } else {
            Written::Refused { at: 0, why }
        }))
    }

    /// SET or DELEX, with the option IFEQ.
    async fn write_unchanged(&self, write: &Write, version: &Version) -> Result<Option<Written>> {
        let refused = match write.change() {
            Change::Put { .. } => &self.no_set_ifeq,
            Change::Delete => &self.no_delex, // servers have had one without the other
        };
        // A server that does not know DELEX shows its words in the error, which has to be text on any wire.
        let is_text = std::str::from_utf8(version.as_bytes()).is_ok();
        if refused.load(Ordering::Relaxed) || !is_text {
            return Ok(None);
        }
        let (command, new) = match write.change() {
            Change::Put { value, .. } => {
                let stored = value::encode(value, W::BINARY);
                (put(write, &stored), Some(Version::new(stored)))
            }
            Change::Delete => {
                let command = Command::new("DELEX", Effect::Write).word(write.key().to_text());
                (command, None)
            }
        };
        let command = command.word("IFEQ").word(version.as_bytes().clone());
        let done = match self.send(command).await? {
            Reply::Refused(refusal) if refusal.is_unknown_command() => {
                refused.store(true, Ordering::Relaxed);
                return Ok(None);
            }
            Reply::Integer(deleted) => deleted > 0,
            reply => reply.text()?.is_some(),
        };
        if done {
            return Ok(Some(Written::Done(vec![new])));
        }
        // Another entry and none are answered alike. What this finds may be the very version that was demanded, written
        // in between. Even so nothing was written: it is a conflict, whose entry the caller can try again from.
        let command = Command::new("GET", Effect::Read).word(write.key().to_text());
        let why = match self.send(command).await?.text()? {
            Some(stored) => Refusal::Conflict(value::decode(stored)?),
            None => Refusal::Gone,
        };
        Ok(Some(Written::Refused { at: 0, why }))
    }
}

/// Returns whether a command can carry the bytes of a version: what left as the body of a request cannot come back in
/// JSON.
pub(super) fn carried<W: Wire>(version: &Version) -> bool {
    W::BINARY || std::str::from_utf8(version.as_bytes()).is_ok()
}

/// Returns the SET of a put; nothing of a delete.
fn put(write: &Write, stored: &Bytes) -> Command {
    let command = Command::new("SET", Effect::Write)
        .word(write.key().to_text())
        .word(stored.clone());
    match write.change() {
        Change::Put { ttl, .. } => command.word("PX").number(millis(*ttl)),
        Change::Delete => command,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::{Mutex, PoisonError},
        time::Duration,
    };

    use super::{super::Settings, *};
    use crate::store::{Entry, Kind, Limits, Scope, remote::Refusal as Refused};

    /// A server that has IFEQ, as Upstash, Valkey and Redis 8.4 have; or not.
    struct Scripted {
        replies: Mutex<VecDeque<Reply>>,
        sent: Mutex<Vec<String>>,
    }

    impl Wire for Scripted {
        const BINARY: bool = true;
        const LOCKS_KEYS: bool = false;

        async fn send(&self, command: Command) -> Result<Reply> {
            let words = command.arguments().iter().take(4);
            let words = words.map(|word| String::from_utf8_lossy(word).into_owned());
            let words: Vec<_> = [command.name().to_owned()]
                .into_iter()
                .chain(words)
                .collect();
            let lock = |_: PoisonError<_>| unreachable!("a test of one thread");
            self.sent.lock().unwrap_or_else(lock).push(words.join(" "));
            let reply = self.replies.lock().map(|mut replies| replies.pop_front());
            Ok(reply.ok().flatten().unwrap_or(Reply::Nil))
        }

        fn limits(&self) -> Limits {
            Limits::default()
        }
    }

    fn store(replies: impl IntoIterator<Item = Reply>) -> RemoteStore<Scripted> {
        let wire = Scripted {
            replies: Mutex::new(replies.into_iter().collect()),
            sent: Mutex::default(),
        };
        RemoteStore::new(wire, Settings::default())
    }

    fn sent(store: &RemoteStore<Scripted>) -> Vec<String> {
        let sent = store.wire().sent.lock();
        sent.map(|sent| sent.clone()).unwrap_or_default()
    }

    fn write(store: &RemoteStore<Scripted>, write: Write) -> Result<Written> {
        let condition = Condition::Unchanged(Version::new("old".into()));
        tokio_test::block_on(store.write_batch(&write.when(condition).into()))
    }

    fn put() -> Write {
        Write::put(
            Scope::new(Kind::Data, "x").key("y"),
            "new",
            Duration::from_secs(1),
        )
    }

    fn delete() -> Write {
        Write::delete(Scope::new(Kind::Data, "x").key("y"))
    }

    #[test]
    fn version_is_compared_by_one_command() {
        let store = store([Reply::Text("OK".into()), Reply::Integer(1)]);
        let version = Version::new("new".into());
        let done = write(&store, put()).ok();
        assert_eq!(done, Some(Written::Done(vec![Some(version)])));
        assert_eq!(
            write(&store, delete()).ok(),
            Some(Written::Done(vec![None]))
        );
        let words = ["SET d:x:y new PX 1000", "DELEX d:x:y IFEQ old"];
        assert_eq!(sent(&store), words);
    }

    #[test]
    fn refusal_is_explained_by_a_second_command() {
        for (found, why) in [
            (Reply::Nil, Refusal::Gone),
            (
                Reply::Text("b".into()),
                Refusal::Conflict(Entry::new("b".into())),
            ),
            // Written between the two commands. Still nothing of ours was.
            (
                Reply::Text("old".into()),
                Refusal::Conflict(Entry::new("old".into())),
            ),
        ] {
            for (refused, change) in [(Reply::Nil, put()), (Reply::Integer(0), delete())] {
                let store = store([refused, found.clone()]);
                let written = write(&store, change).ok();
                assert_eq!(
                    written,
                    Some(Written::Refused {
                        at: 0,
                        why: why.clone()
                    })
                );
                assert_eq!(sent(&store).last().map(String::as_str), Some("GET d:x:y"));
            }
        }
    }

    #[test]
    fn server_without_one_command_is_still_asked_for_the_other() {
        let refused = Reply::Refused(Refused::new("ERR unknown command 'DELEX'"));
        let done = Reply::Array(vec![Reply::Integer(1), Reply::Integer(1)]);
        let store = store([refused, done, Reply::Text("OK".into())]);
        for change in [delete(), put()] {
            assert!(write(&store, change).is_ok_and(|written| written.is_done()));
        }
        let last = sent(&store).pop();
        assert_eq!(last.as_deref(), Some("SET d:x:y new PX 1000"));
    }

    #[test]
    fn server_without_the_option_is_asked_once() {
        let done = || Reply::Array(vec![Reply::Integer(1), Reply::Integer(1)]);
        let refused = Reply::Refused(Refused::new("ERR syntax error"));
        let store = store([refused, done(), done()]);
        for _ in 0..2 {
            assert!(write(&store, put()).is_ok_and(|written| written.is_done()));
        }
        let names: Vec<_> = sent(&store)
            .iter()
            .filter_map(|words| words.split(' ').next().map(str::to_owned))
            .collect();
        assert_eq!(names, ["SET", "EVALSHA", "EVALSHA"]);
    }
}
