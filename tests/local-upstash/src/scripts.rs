//! Scripts with the flag `allow-key-locking`, which only Upstash knows.
//!
//! Redis gets them without the flag and under another SHA-1; clients go on to use the SHA-1 of what they sent.

use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sha1::{Digest, Sha1};

use crate::command::Command;

const FLAG: &str = "allow-key-locking";

/// The SHA-1s of scripts as clients know them, each with the one that Redis knows.
///
/// An entry may outlive the script in Redis, which then answers NOSCRIPT as it should.
#[derive(Default)]
pub(crate) struct Scripts {
    rewritten: Mutex<HashMap<String, String>>,
}

impl Scripts {
    /// Rewrites what the command says about scripts. Returns the SHA-1 to answer, where it loads one.
    pub(crate) fn rewrite(&self, command: &mut Command) -> Option<String> {
        match command.name() {
            "EVAL" | "EVAL_RO" => {
                self.replace(command.arguments.get_mut(1)?);
            }
            "EVALSHA" | "EVALSHA_RO" => self.translate(command.arguments.get_mut(1)?),
            "SCRIPT" if command.is(1, "LOAD") => {
                return self.replace(command.arguments.get_mut(2)?);
            }
            "SCRIPT" if command.is(1, "EXISTS") => {
                command
                    .arguments
                    .iter_mut()
                    .skip(2)
                    .for_each(|sha| self.translate(sha));
            }
            "SCRIPT" if command.is(1, "FLUSH") => self.lock().clear(),
            _ => {}
        }
        None
    }

    /// Takes the flag out of a script that has it. Returns the SHA-1 of the original.
    fn replace(&self, script: &mut Vec<u8>) -> Option<String> {
        let rewritten = without_flag(script)?;
        let original = sha1(script);
        self.lock().insert(original.clone(), sha1(&rewritten));
        *script = rewritten;
        Some(original)
    }

    fn translate(&self, sha: &mut Vec<u8>) {
        let known = String::from_utf8_lossy(sha).to_ascii_lowercase();
        if let Some(rewritten) = self.lock().get(&known) {
            *sha = rewritten.clone().into_bytes();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.rewritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The script without the flag, all of its lines under the same numbers; nothing if it has no such flag.
///
/// Other flags stay. A shebang that had only this one goes, as it would change the rules of plain Redis.
fn without_flag(script: &[u8]) -> Option<Vec<u8>> {
    let end = script
        .iter()
        .position(|&b| b == b'\n')
        .unwrap_or(script.len());
    let (shebang, rest) = script.split_at(end);
    let shebang = str::from_utf8(shebang)
        .ok()
        .filter(|s| s.starts_with("#!"))?;
    let mut words = Vec::new();
    let mut found = false;
    for word in shebang.split_ascii_whitespace() {
        let Some(flags) = word.strip_prefix("flags=") else {
            words.push(word.to_owned());
            continue;
        };
        let kept: Vec<&str> = flags.split(',').filter(|flag| *flag != FLAG).collect();
        found |= kept.len() < flags.split(',').count();
        if !kept.is_empty() {
            words.push(format!("flags={}", kept.join(",")));
        }
    }
    if !found {
        return None;
    }
    let mut rewritten = Vec::new();
    if words.len() > 1 {
        rewritten.extend(words.join(" ").bytes());
        // The guard stands in the first line after the shebang.
        rewritten.push(b'\n');
        rewritten.extend(guard().bytes());
        rewritten.extend(rest.strip_prefix(b"\n").unwrap_or(rest));
    } else {
        rewritten.extend(guard().bytes());
        rewritten.extend(rest);
    }
    Some(rewritten)
}

fn guard() -> String {
    let lines = include_str!("guard.lua")
        .lines()
        .filter(|line| !line.starts_with("--"));
    lines.fold(String::new(), |guard, line| guard + line.trim() + " ")
}

fn sha1(script: &[u8]) -> String {
    Sha1::digest(script)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
