//! Purge logs: one sorted set for each, of marks by the id of the last purge of their tag.
//!
//! | member | score |
//! |---|---|
//! | the text of a tag | the id of its last purge |
//! | `~~slot:epoch`, a proof | the id of a purge; its slot is that id modulo 1024 |
//! | `~~:epoch`, the proof of the beginning | 0 |
//!
//! No tag's text begins with `~~`, and no member sorts behind one that does, so the last member of the set is the proof
//! of its last purge. Ids are microseconds of the store's clock; where that is not beyond the last id, they are up to a
//! second more than that, by chance. Not a new epoch: a server whose clock counts milliseconds would purge everything at
//! every second purge of a burst.
//!
//! A poll is one ZRANGE from the position on, which has to find the proof of that position: the reader then has seen
//! every mark up to it, in this very history, and is told all later ones. Otherwise it is told all marks, and drops what
//! it knows. This is as safe as a stream whose entries carry nonces:
//!
//! - *The log was deleted, expired, or evicted*: the proof is gone. What begins has another epoch, which is part of the
//!   proof, so that no id that comes again is taken for an earlier one.
//! - *A replica took over that has lost purges*: the ids a reader knows of those are not proven, until it has read
//!   everything. That the last id is later does not count: the new clock may lag behind. Nor does an id come again: the
//!   clock would have to show that very microsecond once more, or where it is behind, chance repeat 20 bits.
//!   What a lost purge had purged is served again, as wherever replicas lag behind; and where that clock is behind the
//!   last lost id, its purges miss entries that were looked up at lost positions.
//! - *The proof was overwritten* by one of about a thousand later purges: all marks, which is only more to read.
//! - *Marks are not trimmed*: a tag has one, however often it is purged. Where tags become too many, a new epoch begins.
//! - *A node that knows nothing* asks for everything, and one whose poll fails keeps its old position, and asks again.
//!
//! | call | commands |
//! |---|---|
//! | a poll, with news or without | 1 (ZRANGE) |
//! | all marks | 2 (script, ZRANGE), after a poll 3; where a log begins, 2 more |
//! | a purge of tags | 5 (script, ZRANGE, TIME, ZADD, PEXPIRE), 6 if the set grows (ZCARD) |
//! | a purge of everything | 4 (script, DEL, ZADD, PEXPIRE) |

use bytes::Bytes;

use super::{
    Command, RemoteStore, Reply, Wire,
    command::{Effect, text},
    members::identifier,
    reply::unexpected,
    script::Script,
    write::millis,
};
use crate::store::{
    Epoch, Error, ErrorKind, Identifier, MAX_TTL, Position, Purge, Purges, Result, Scope, Tag,
};

static PURGE: Script = Script::new(concat!(
    include_str!("counted.lua"),
    include_str!("proof.lua"),
    include_str!("purge.lua")
));
static PURGES: Script = Script::new(concat!(
    include_str!("counted.lua"),
    include_str!("proof.lua"),
    include_str!("purges.lua")
));

/// Beyond it, everything is purged: a mark that was forgotten would let a stale entry live.
const MARKS: u64 = 65_536;
const SLOTS: u128 = 1024;
const PROOF: &str = "~~";

impl<W: Wire> RemoteStore<W> {
    pub(super) async fn purge_log(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        let tags = match what {
            Purge::Tags(tags) => tags,
            Purge::Everything => &[],
        };
        log.validate_log(tags)?;
        if let Purge::Tags([]) = what {
            // Nothing to mark: the end of the log is where it was.
            return Ok(self.read_whole_log(log).await?.position);
        }
        let mut arguments = vec![
            hex(Epoch::random()?),
            text(millis(MAX_TTL)),
            text(MARKS + SLOTS as u64),
        ];
        for tag in tags {
            arguments.push(mark(tag)?);
        }
        let end = self.run_counted(&PURGE, &[key(log)], &arguments).await?;
        let end = scored(end.collect())?;
        position(&end).ok_or_else(unexpected)
    }

    pub(super) async fn read_log(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        log.validate_log(&[])?;
        let Some(since) = since else {
            return self.read_whole_log(log).await;
        };
        let command = Command::new("ZRANGE", Effect::Read)
            .word(key(log))
            .number(since.id())
            .word("+inf")
            .word("BYSCORE")
            .word("WITHSCORES");
        let found = scored(self.send(command).await?.array()?)?;
        let proof = Bytes::from(proof(since));
        let proven = found
            .iter()
            .any(|each| *each == (proof.clone(), since.id()));
        match position(&found).filter(|_| proven) {
            Some(end) => {
                let mut marks = marks(&found);
                marks.retain(|(_, id)| *id > since.id());
                Ok(Purges::new(end, false, marks))
            }
            None => self.read_whole_log(log).await,
        }
    }

    async fn read_whole_log(&self, log: &Scope) -> Result<Purges> {
        let arguments = [hex(Epoch::random()?), text(millis(MAX_TTL))];
        let mut answer = self.run_counted(&PURGES, &[key(log)], &arguments).await?;
        let found = scored(answer.next().ok_or_else(unexpected)?.array()?)?;
        let end = position(&found).ok_or_else(unexpected)?;
        Ok(Purges::new(end, true, marks(&found)))
    }
}

/// Returns the key of a log: its scope is all there is to tell it apart.
fn key(log: &Scope) -> Bytes {
    log.key("").to_text().into()
}

/// Returns the text of a tag, which has to be one that a reader can turn back: a mark that nobody understands would
/// purge nothing.
fn mark(tag: &Tag) -> Result<Bytes> {
    let text = tag.identifier().to_text();
    if Identifier::from_text(&text).is_none() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "a secret as a tag, which no text brings back",
        ));
    }
    Ok(text.into())
}

fn hex(epoch: Epoch) -> Bytes {
    format!("{:032x}", epoch.as_u128()).into()
}

fn proof(position: Position) -> String {
    let (id, epoch) = (position.id(), position.epoch().as_u128());
    match id {
        0 => format!("{PROOF}:{epoch:032x}"),
        _ => format!("{PROOF}{}:{epoch:032x}", id % SLOTS),
    }
}

/// Returns the position that the last member proves.
fn position(found: &[(Bytes, u128)]) -> Option<Position> {
    let (member, id) = found.last()?;
    let (_, epoch) = std::str::from_utf8(member).ok()?.split_once(':')?;
    let epoch = Epoch::new(u128::from_str_radix(epoch, 16).ok()?);
    let position = Position::new(epoch, *id, 0);
    (proof(position).as_bytes() == member).then_some(position)
}

fn marks(found: &[(Bytes, u128)]) -> Vec<(Tag, u128)> {
    // Proofs are no identifiers.
    let marks = found.iter();
    marks
        .filter_map(|(member, id)| Some((Tag::new(identifier(member)?), *id)))
        .collect()
}

/// Reads members and their scores, flat as in RESP2 or in pairs as in RESP3.
fn scored(replies: Vec<Reply>) -> Result<Vec<(Bytes, u128)>> {
    let mut flat = Vec::with_capacity(replies.len());
    for reply in replies {
        match reply {
            Reply::Array(pair) => flat.extend(pair),
            reply => flat.push(reply),
        }
    }
    let mut flat = flat.into_iter();
    let mut found = Vec::with_capacity(flat.len() / 2);
    while let Some(member) = flat.next() {
        let member = member.text()?.ok_or_else(unexpected)?;
        let score = flat.next().ok_or_else(unexpected)?;
        found.push((member, id(&score.text()?.ok_or_else(unexpected)?)?));
    }
    Ok(found)
}

/// Reads an id: a score, which may be written as any double.
fn id(score: &Bytes) -> Result<u128> {
    std::str::from_utf8(score)
        .ok()
        .and_then(|score| score.parse::<f64>().ok())
        .map(|score| score as u128)
        .ok_or_else(unexpected)
}
