//! `SET … IFEQ`, `DELEX` and `DIGEST`, which Redis has from 8.4 only.
//!
//! One script of our own compares and writes. Digests are compared here, against the value that was read; the script
//! then compares with that very value, and all is tried again if it has changed.

use std::io;

use redis::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    command::Command,
    connection::{Connection, Wire},
};

const SCRIPT: &str = include_str!("compare.lua");

/// A write under a condition.
pub(crate) struct Conditional {
    verb: &'static str,
    condition: &'static str,
    value: Vec<u8>,
    key: Vec<u8>,
    /// What `SET` takes after the key.
    rest: Wire,
}

/// Whether a line of MONITOR, after its first quote, is our script.
pub(crate) fn is_ours(command: &str) -> bool {
    command.starts_with("EVAL\" \"-- local-upstash:")
}

/// The 16 digits of `DIGEST`.
pub(crate) fn digest(value: &[u8]) -> String {
    format!("{:016x}", xxh3_64(value))
}

impl Conditional {
    /// Finds the condition of a `SET` or `DELEX`. Without one, the command is left to Redis.
    pub(crate) fn parse(command: &Command) -> Option<Self> {
        let arguments = &command.arguments;
        let (verb, from) = match command.name() {
            "SET" => ("SET", 3),
            "DELEX" => ("DEL", 2),
            _ => return None,
        };
        let mut place = from;
        while place < arguments.len() {
            let word = String::from_utf8_lossy(&arguments[place]).to_ascii_uppercase();
            if let Some(condition) = condition(&word) {
                let value = arguments.get(place + 1)?.clone();
                let rest = arguments[2..place].iter().chain(&arguments[place + 2..]);
                return Some(Self {
                    verb,
                    condition,
                    value,
                    key: arguments[1].clone(),
                    rest: rest.cloned().collect(),
                });
            }
            let takes_value = matches!(word.as_str(), "EX" | "PX" | "EXAT" | "PXAT");
            place += if takes_value { 2 } else { 1 };
        }
        None
    }

    /// Whether it compares digests, which takes a look at the value first.
    pub(crate) fn needs_look(&self) -> bool {
        matches!(self.condition, "IFDEQ" | "IFDNE")
    }

    /// Whether it is written as Redis would take it.
    pub(crate) fn is_well_formed(&self) -> bool {
        let clash = |a: &Vec<u8>| {
            ["NX", "XX"]
                .iter()
                .any(|w| a.eq_ignore_ascii_case(w.as_bytes()))
        };
        match self.verb {
            "SET" => !self
                .rest
                .iter()
                .skip(1)
                .any(|a| clash(a) || is_condition(a)),
            _ => self.rest.is_empty(),
        }
    }

    /// The command that compares and writes at once.
    pub(crate) fn wire(&self) -> Wire {
        self.script(self.condition, &self.value)
    }

    /// Compares digests and writes; returns the reply of the script.
    pub(crate) async fn run(&self, connection: &mut Connection) -> io::Result<Value> {
        loop {
            connection
                .send(&[vec![b"GET".to_vec(), self.key.clone()]])
                .await?;
            let held = match connection.receive().await? {
                Value::BulkString(held) => Some(held),
                Value::Nil => None,
                other => return Ok(other),
            };
            let equal = held
                .as_deref()
                .is_some_and(|h| digest(h).as_bytes() == self.value.to_ascii_lowercase());
            let met = equal == (self.condition == "IFDEQ");
            let wire = match (&held, met) {
                (Some(held), true) => self.script("IFEQ", held),
                (None, true) => self.script("ABSENT", b""),
                // Not to write was right at the moment of the look; the script replies what `GET` asks for.
                (_, false) => self.script("NEVER", b""),
            };
            connection.send(&[wire]).await?;
            let reply = connection.receive().await?;
            let Value::Array(fields) = &reply else {
                return Ok(reply);
            };
            let wrote = fields.first() == Some(&Value::Int(1));
            if wrote == met || (self.verb == "DEL" && held.is_none()) {
                return Ok(reply);
            }
        }
    }

    fn script(&self, condition: &str, value: &[u8]) -> Wire {
        let head = [
            b"EVAL",
            SCRIPT.as_bytes(),
            b"1",
            &self.key,
            self.verb.as_bytes(),
            condition.as_bytes(),
            value,
        ];
        head.into_iter()
            .map(<[u8]>::to_vec)
            .chain(self.rest.iter().cloned())
            .collect()
    }
}

fn condition(word: &str) -> Option<&'static str> {
    ["IFEQ", "IFNE", "IFDEQ", "IFDNE"]
        .into_iter()
        .find(|c| *c == word)
}

fn is_condition(argument: &[u8]) -> bool {
    condition(&String::from_utf8_lossy(argument).to_ascii_uppercase()).is_some()
}
