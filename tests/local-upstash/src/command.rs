//! Commands, and which of them the REST interface takes.

use std::{collections::HashMap, io};

use redis::Value;

use crate::connection::{Connection, Wire};

/// Not over REST: they block, belong to a connection, which HTTP has not, or to who runs the server.
const UNSUPPORTED: &[&str] = &[
    "ACL",
    "AUTH",
    "BGREWRITEAOF",
    "BGSAVE",
    "BLMOVE",
    "BLMPOP",
    "BLPOP",
    "BRPOP",
    "BRPOPLPUSH",
    "BZMPOP",
    "BZPOPMAX",
    "BZPOPMIN",
    "CLIENT",
    "CLUSTER",
    "CONFIG",
    "DEBUG",
    "DISCARD",
    "EXEC",
    "FAILOVER",
    "HELLO",
    "LATENCY",
    "MIGRATE",
    "MODULE",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "PSYNC",
    "PUNSUBSCRIBE",
    "QUIT",
    "REPLICAOF",
    "RESET",
    "SAVE",
    "SELECT",
    "SHUTDOWN",
    "SLAVEOF",
    "SLOWLOG",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SUNSUBSCRIBE",
    "SWAPDB",
    "SYNC",
    "UNSUBSCRIBE",
    "UNWATCH",
    "WAIT",
    "WAITAOF",
    "WATCH",
];
const SCRIPTS: &[&str] = &[
    "EVAL",
    "EVALSHA",
    "EVALSHA_RO",
    "EVAL_RO",
    "FCALL",
    "FCALL_RO",
];

/// A command as it was asked for, never empty.
#[derive(Clone)]
pub(crate) struct Command {
    name: String,
    pub(crate) arguments: Wire,
}

/// What Redis says about its commands.
pub(crate) struct Catalogue {
    commands: HashMap<String, Traits>,
}

struct Traits {
    reads: bool,
    first: i64,
    last: i64,
    step: i64,
}

impl Command {
    pub(crate) fn new(arguments: Wire) -> Option<Self> {
        let name = String::from_utf8_lossy(arguments.first()?).to_ascii_uppercase();
        Some(Self { name, arguments })
    }

    /// The name in upper case.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is(&self, place: usize, word: &str) -> bool {
        self.arguments
            .get(place)
            .is_some_and(|a| a.eq_ignore_ascii_case(word.as_bytes()))
    }

    pub(crate) fn calls_others(&self) -> bool {
        SCRIPTS.contains(&self.name())
    }

    pub(crate) fn is_supported(&self) -> bool {
        let blocks = matches!(self.name(), "XREAD" | "XREADGROUP")
            && (1..self.arguments.len())
                .take_while(|&place| !self.is(place, "STREAMS"))
                .any(|place| self.is(place, "BLOCK"));
        !blocks && !UNSUPPORTED.contains(&self.name())
    }
}

impl Catalogue {
    pub(crate) async fn load(connection: &mut Connection) -> io::Result<Self> {
        let Value::Array(entries) = connection.call(&["COMMAND"]).await? else {
            return Err(io::Error::other("redis does not list its commands"));
        };
        let commands = entries.into_iter().filter_map(entry).collect();
        Ok(Self { commands })
    }

    /// Whether the read-only token may.
    pub(crate) fn only_reads(&self, command: &Command) -> bool {
        match command.name() {
            "SCAN" | "KEYS" => false,
            "PING" | "ECHO" | "DIGEST" => true,
            name => !command.calls_others() && self.commands.get(name).is_some_and(|c| c.reads),
        }
    }

    /// Whether a replica may answer it.
    pub(crate) fn runs_on_replicas(&self, command: &Command) -> bool {
        command.name().ends_with("_RO") || self.only_reads(command)
    }

    /// The size of the largest key.
    pub(crate) fn largest_key(&self, command: &Command) -> usize {
        let arguments = &command.arguments;
        let keys: Vec<&Vec<u8>> = if command.calls_others() {
            let count = arguments
                .get(2)
                .and_then(|n| str::from_utf8(n).ok()?.parse().ok());
            arguments.iter().skip(3).take(count.unwrap_or(0)).collect()
        } else if command.name() == "DELEX" || command.name() == "DIGEST" {
            arguments.iter().skip(1).take(1).collect()
        } else {
            let places = self
                .commands
                .get(command.name())
                .map(|c| c.keys(arguments.len()));
            let places = places.into_iter().flatten();
            places.filter_map(|place| arguments.get(place)).collect()
        };
        keys.into_iter().map(Vec::len).max().unwrap_or(0)
    }
}

impl Traits {
    fn keys(&self, length: usize) -> impl Iterator<Item = usize> + use<> {
        let end = if self.last < 0 {
            length as i64 + self.last
        } else {
            self.last
        };
        let keyless = self.first == 0;
        (self.first..=end)
            .filter(move |_| !keyless)
            .step_by(self.step.max(1) as usize)
            .map(|place| place as usize)
    }
}

/// Reads `[name, arity, [flags], first key, last key, step, …]`.
fn entry(entry: Value) -> Option<(String, Traits)> {
    let Value::Array(fields) = entry else {
        return None;
    };
    let [
        Value::BulkString(name),
        _,
        Value::Array(flags),
        first,
        last,
        step,
        ..,
    ] = &fields[..]
    else {
        return None;
    };
    let (Value::Int(first), Value::Int(last), Value::Int(step)) = (first, last, step) else {
        return None;
    };
    let reads = flags.contains(&Value::SimpleString("readonly".to_owned()));
    let traits = Traits {
        reads,
        first: *first,
        last: *last,
        step: *step,
    };
    Some((String::from_utf8_lossy(name).to_ascii_uppercase(), traits))
}
