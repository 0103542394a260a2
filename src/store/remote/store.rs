//! The contract over any wire.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;

use super::{
    Command, Reply, Wire,
    acquire::Settings,
    bill::Tally,
    command::Effect,
    reply::unexpected,
    script::{Flavour, Script},
};
use crate::store::{
    Batch, Claim, Cursor, Decisions, Entries, Key, Limits, Members, Position, Purge, Purges,
    Result, Scope, Store, Written,
};

/// A store behind a wire. What each method sends is in the file named after it.
pub(crate) struct RemoteStore<W> {
    pub(super) wire: W,
    pub(super) settings: Settings,
    // Whether the server has refused the flag of scripts; the option IFEQ of SET; and DELEX.
    plain_scripts: AtomicBool,
    pub(super) no_set_ifeq: AtomicBool,
    pub(super) no_delex: AtomicBool,
}

impl<W: Wire> RemoteStore<W> {
    pub(crate) fn new(wire: W, settings: Settings) -> Self {
        Self {
            wire,
            settings,
            plain_scripts: AtomicBool::new(!W::LOCKS_KEYS),
            no_set_ifeq: AtomicBool::new(false),
            no_delex: AtomicBool::new(false),
        }
    }

    pub(crate) const fn wire(&self) -> &W {
        &self.wire
    }

    pub(super) async fn send(&self, command: Command) -> Result<Reply> {
        self.wire.send(command).await
    }

    /// Runs a script, and loads it where the server does not know it: nothing ran then, so it is no silent retry.
    ///
    /// `tally` reads from the reply what it has run.
    pub(super) async fn run(
        &self,
        script: &Script,
        keys: &[Bytes],
        arguments: &[Bytes],
        tally: &Tally,
    ) -> Result<Reply> {
        let command = |name, word: &Bytes| {
            let command = Command::new(name, Effect::Read)
                .word(word.clone())
                .number(keys.len())
                .words(keys.iter().cloned())
                .words(arguments.iter().cloned())
                .answering(script.values(keys.len()))
                .tallied(tally.clone());
            if script.decides() {
                command.deciding()
            } else {
                command
            }
        };
        loop {
            let flavour = self.flavour();
            let text = script.text(flavour);
            let mut reply = self.send(command("EVALSHA", &text.sha)).await?;
            if matches!(&reply, Reply::Refused(refusal) if refusal.is_unknown_script()) {
                reply = self.send(command("EVAL", &text.source)).await?;
            }
            match &reply {
                // At most once: the flavour without the flag follows.
                Reply::Refused(refusal)
                    if refusal.is_unknown_flag() && flavour == Flavour::LocksKeys =>
                {
                    self.plain_scripts.store(true, Ordering::Relaxed);
                }
                _ => return Ok(reply),
            }
        }
    }

    /// Runs a script that answers first how many commands it ran that read, and how many that write. Returns what else it
    /// answers.
    pub(super) async fn run_counted(
        &self,
        script: &Script,
        keys: &[Bytes],
        arguments: &[Bytes],
    ) -> Result<std::vec::IntoIter<Reply>> {
        let reply = self.run(script, keys, arguments, &Tally::counted()).await?;
        let mut answer = reply.array()?.into_iter();
        answer.nth(1).ok_or_else(unexpected)?;
        Ok(answer)
    }

    fn flavour(&self) -> Flavour {
        if self.plain_scripts.load(Ordering::Relaxed) {
            Flavour::Plain
        } else {
            Flavour::LocksKeys
        }
    }
}

impl<W: Wire> Store for RemoteStore<W> {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.read_entries(keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.write_batch(batch).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.increment_counter(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.acquire_claims(claims).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.list_members(index, cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.purge_log(log, what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.read_log(log, since).await
    }

    fn limits(&self) -> Limits {
        self.wire.limits()
    }

    async fn ping(&self) -> Result<()> {
        self.send(Command::new("PING", Effect::Read))
            .await?
            .ok()
            .map(|_| ())
    }
}

impl<W> fmt::Debug for RemoteStore<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteStore").finish_non_exhaustive()
    }
}
