//! Runs the commands of one HTTP request on one connection.

use std::{io, mem, slice, sync::Arc};

use redis::Value;

use crate::{
    command::{Catalogue, Command},
    conditional::{self, Conditional},
    connection::{Connection, Wire, wire},
    monitor::Monitor,
    pool::Pool,
    scripts::Scripts,
};

pub(crate) struct Executor {
    pub(crate) pool: Pool,
    pub(crate) catalogue: Catalogue,
    pub(crate) scripts: Scripts,
    pub(crate) monitor: Option<Monitor>,
    pub(crate) key_locking: bool,
    pub(crate) conditional_writes: bool,
    pub(crate) largest_key: usize,
}

/// What the token of a request allows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Full,
    ReadOnly,
}

/// The replies of a request, and what they cost.
pub(crate) struct Outcome {
    pub(crate) replies: Vec<Reply>,
    pub(crate) commands: u64,
}

pub(crate) enum Reply {
    Value(Value),
    /// An error of the endpoint itself.
    Refused(String),
}

enum Step {
    Refuse(String),
    Send(Wire, Shape),
    Look(Conditional),
}

/// How the reply to what was sent becomes the reply to what was asked.
enum Shape {
    AsIs,
    /// The second of two.
    Second,
    Digest,
    /// This SHA-1 instead of the one that Redis tells.
    Loaded(String),
}

impl Executor {
    /// Runs commands one after another; each has its own reply.
    pub(crate) async fn pipeline(
        self: &Arc<Self>,
        commands: &[Command],
        access: Access,
    ) -> io::Result<Outcome> {
        let steps: Vec<Step> = commands.iter().map(|c| self.step(c, access)).collect();
        let sent = steps
            .iter()
            .filter(|s| !matches!(s, Step::Refuse(_)))
            .count() as u64;
        if sent == 0 {
            let replies = steps
                .into_iter()
                .filter_map(refusal)
                .map(Reply::Refused)
                .collect();
            return Ok(Outcome {
                replies,
                commands: 0,
            });
        }
        let scripts = commands.iter().any(Command::calls_others);
        let (replies, called) = self
            .billed(scripts, async |connection| run(connection, steps).await)
            .await?;
        Ok(Outcome {
            replies,
            commands: sent + called,
        })
    }

    /// Runs commands as one transaction. An error discards all of it.
    pub(crate) async fn transaction(
        self: &Arc<Self>,
        commands: &[Command],
        access: Access,
    ) -> io::Result<Result<Outcome, String>> {
        let (mut wires, mut shapes) = (vec![wire(&["MULTI"])], Vec::new());
        for command in commands {
            match self.step(command, access) {
                Step::Refuse(error) => return Ok(Err(error)),
                Step::Look(_) => {
                    return Ok(Err(
                        "ERR digests are not compared in /multi-exec by local-upstash".to_owned(),
                    ));
                }
                Step::Send(wire, shape) => {
                    wires.push(wire);
                    shapes.push(shape);
                }
            }
        }
        wires.push(wire(&["EXEC"]));
        let scripts = commands.iter().any(Command::calls_others);
        let (replies, called) = self
            .billed(scripts, async |connection| {
                connection.send(&wires).await?;
                let mut replies = Vec::new();
                for _ in &wires {
                    replies.push(connection.receive().await?);
                }
                Ok(replies)
            })
            .await?;
        let refused = replies.iter().find_map(|reply| match reply {
            Value::ServerError(e) => Some(crate::reply::error_text(e)),
            _ => None,
        });
        match (refused, replies.into_iter().next_back()) {
            (None, Some(Value::Array(values))) => {
                let values = values.into_iter().zip(shapes);
                Ok(Ok(Outcome {
                    replies: values
                        .map(|(value, shape)| Reply::Value(shape.apply(value)))
                        .collect(),
                    commands: commands.len() as u64 + called,
                }))
            }
            (Some(error), _) => Ok(Err(error)),
            (None, _) => Err(io::Error::other("redis did not reply to EXEC")),
        }
    }

    /// Sends one command that nobody asked for, so nobody pays.
    pub(crate) async fn unbilled(&self, arguments: &[&str]) -> io::Result<Value> {
        let mut connection = self.pool.take().await?;
        let reply = connection.call(arguments).await?;
        self.pool.put(connection);
        Ok(reply)
    }

    /// Lends a connection, and counts what scripts call meanwhile.
    async fn billed<T>(
        &self,
        scripts: bool,
        run: impl AsyncFnOnce(&mut Connection) -> io::Result<T>,
    ) -> io::Result<(T, u64)> {
        let mut connection = self.pool.take().await?;
        let Some(monitor) = self.monitor.as_ref().filter(|_| scripts) else {
            let done = run(&mut connection).await?;
            self.pool.put(connection);
            return Ok((done, 0));
        };
        monitor.ready().await;
        let marks = monitor.marks();
        connection.send_unanswered(&marks.begin).await?;
        let done = run(&mut connection).await?;
        connection.send(slice::from_ref(&marks.end)).await?;
        connection.receive().await?;
        self.pool.put(connection);
        Ok((done, marks.count().await))
    }

    fn step(&self, command: &Command, access: Access) -> Step {
        if let Some(error) = self.refuse(command, access) {
            return Step::Refuse(error);
        }
        if self.conditional_writes {
            if let Some(conditional) = Conditional::parse(command) {
                return match (conditional.is_well_formed(), conditional.needs_look()) {
                    (false, _) => Step::Refuse("ERR syntax error".to_owned()),
                    (true, true) => Step::Look(conditional),
                    (true, false) => Step::Send(conditional.wire(), Shape::Second),
                };
            }
            let key = command.arguments.get(1);
            match (command.name(), key, command.arguments.len()) {
                ("DIGEST", Some(key), 2) => {
                    return Step::Send(vec![b"GET".to_vec(), key.clone()], Shape::Digest);
                }
                ("DELEX", Some(key), 2) => {
                    return Step::Send(vec![b"DEL".to_vec(), key.clone()], Shape::AsIs);
                }
                ("DELEX", Some(_), 3..) => return Step::Refuse("ERR syntax error".to_owned()),
                ("DIGEST" | "DELEX", ..) => {
                    let name = command.name().to_ascii_lowercase();
                    return Step::Refuse(format!(
                        "ERR wrong number of arguments for '{name}' command"
                    ));
                }
                _ => {}
            }
        }
        let mut command = command.clone();
        let loaded = self
            .key_locking
            .then(|| self.scripts.rewrite(&mut command))
            .flatten();
        Step::Send(command.arguments, loaded.map_or(Shape::AsIs, Shape::Loaded))
    }

    fn refuse(&self, command: &Command, access: Access) -> Option<String> {
        let name = command.name();
        if !command.is_supported() {
            return Some(format!("ERR Command is not available: '{name}'"));
        }
        if access == Access::ReadOnly && !self.catalogue.only_reads(command) {
            let name = name.to_ascii_lowercase();
            return Some(format!(
                "NOPERM this user has no permissions to run the '{name}' command or its subcommand"
            ));
        }
        let (limit, actual) = (self.largest_key, self.catalogue.largest_key(command));
        (actual > limit).then(|| {
            format!("ERR max key size exceeded. Limit: {limit} bytes, Actual: {actual} bytes")
        })
    }
}

impl Shape {
    fn apply(self, value: Value) -> Value {
        match (self, value) {
            (Self::Second, Value::Array(mut fields)) => fields.pop().unwrap_or(Value::Nil),
            (Self::Digest, Value::BulkString(held)) => {
                Value::BulkString(conditional::digest(&held).into_bytes())
            }
            (Self::Loaded(sha), Value::BulkString(_)) => Value::BulkString(sha.into_bytes()),
            (_, value) => value,
        }
    }
}

fn refusal(step: Step) -> Option<String> {
    match step {
        Step::Refuse(error) => Some(error),
        Step::Send(..) | Step::Look(_) => None,
    }
}

/// Sends what can be sent together; a look waits for its turn.
async fn run(connection: &mut Connection, steps: Vec<Step>) -> io::Result<Vec<Reply>> {
    let mut replies = Vec::with_capacity(steps.len());
    let (mut wires, mut waiting) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Refuse(error) => waiting.push(Err(error)),
            Step::Send(wire, shape) => {
                wires.push(wire);
                waiting.push(Ok(shape));
            }
            Step::Look(conditional) => {
                flush(connection, &mut wires, &mut waiting, &mut replies).await?;
                let reply = conditional.run(connection).await?;
                replies.push(Reply::Value(Shape::Second.apply(reply)));
            }
        }
    }
    flush(connection, &mut wires, &mut waiting, &mut replies).await?;
    Ok(replies)
}

async fn flush(
    connection: &mut Connection,
    wires: &mut Vec<Wire>,
    waiting: &mut Vec<Result<Shape, String>>,
    replies: &mut Vec<Reply>,
) -> io::Result<()> {
    if !wires.is_empty() {
        connection.send(&mem::take(wires)).await?;
    }
    for shape in waiting.drain(..) {
        replies.push(match shape {
            Ok(shape) => Reply::Value(shape.apply(connection.receive().await?)),
            Err(error) => Reply::Refused(error),
        });
    }
    Ok(())
}
