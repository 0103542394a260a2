//! Requests: commands as JSON, or one large value as it is.
//!
//! | commands | request |
//! |---|---|
//! | one | `POST /` with `["GET","key"]` |
//! | several | `POST /pipeline` with `[["GET","key"],…]`: each answers for itself |
//! | a plain SET of a large value | `POST /set/key?PX=ms` with the value as the body: it may be any bytes |

use reqwest::Url;

use bytes::Bytes;

use super::{endpoint::Endpoint, failure::Failure, load::Load, response::Shape};
use crate::store::{
    ErrorKind,
    remote::{Command, Effect, escaped_len},
};

/// From this size on a command is a request of its own, so that small ones do not wait for it.
pub(super) const LARGE: usize = 16 << 10;
/// The longest key that is put into a URL.
const MAX_PATH_KEY: usize = 1 << 10;

/// A request, ready to be sent.
pub(super) struct Request {
    pub(super) url: Url,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
    pub(super) shape: Shape,
    pub(super) effect: Effects,
    pub(super) load: Load,
}

/// What the commands of a request do, the strongest of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effects {
    /// They decide limits.
    Decides,
    Reads,
    Writes,
}

impl Request {
    /// Fails for a command that no JSON can carry: nothing is sent.
    pub(super) fn new(
        endpoint: &Endpoint,
        commands: &[Command],
        load: Load,
    ) -> Result<Self, Failure> {
        let effect = commands.iter().map(Effects::of).max();
        let effect = effect.unwrap_or(Effects::Reads);
        if let [command] = commands {
            if let Some((key, millis, value)) = large_set(command) {
                let mut url = endpoint.path(&["set", key]);
                url.query_pairs_mut().append_pair("PX", millis);
                return Ok(Self {
                    url,
                    content_type: "application/octet-stream",
                    body: value,
                    shape: Shape::One,
                    effect,
                    load,
                });
            }
            let mut body = Vec::with_capacity(load.bytes);
            push_command(&mut body, command)?;
            return Ok(Self {
                url: endpoint.command.clone(),
                content_type: "application/json",
                body: body.into(),
                shape: Shape::One,
                effect,
                load,
            });
        }
        Ok(Self {
            url: endpoint.pipeline.clone(),
            content_type: "application/json",
            body: pipeline(commands, load.bytes)?.into(),
            shape: Shape::Many(commands.len()),
            effect,
            load,
        })
    }
}

impl Effects {
    fn of(command: &Command) -> Self {
        match (command.effect(), command.name()) {
            _ if command.decides() => Self::Decides,
            (Effect::Write, _) | (_, "EVAL" | "EVALSHA") => Self::Writes,
            (Effect::Read, _) => Self::Reads,
        }
    }
}

/// Returns whether the value of a plain SET goes as it is.
pub(super) const fn is_raw(key: usize, value: usize) -> bool {
    value >= LARGE && key > 0 && key <= MAX_PATH_KEY
}

/// Returns key, milliseconds and value of `SET key value PX ms`, if the value goes as it is.
fn large_set(command: &Command) -> Option<(&str, &str, Bytes)> {
    let [key, value, option, millis] = command.arguments() else {
        return None;
    };
    let text = std::str::from_utf8(key).ok()?;
    // A URL takes these away.
    let is_segment = !matches!(text, "." | "..");
    let is_plain = command.name() == "SET" && option == "PX" && is_segment;
    let millis = std::str::from_utf8(millis).ok()?;
    (is_plain && is_raw(key.len(), value.len())).then(|| (text, millis, value.clone()))
}

fn pipeline(commands: &[Command], bytes: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::with_capacity(bytes + 1);
    for command in commands {
        body.push(if body.is_empty() { b'[' } else { b',' });
        push_command(&mut body, command)?;
    }
    body.push(b']');
    Ok(body)
}

fn push_command(body: &mut Vec<u8>, command: &Command) -> Result<(), Failure> {
    body.push(b'[');
    push_word(body, command.name())?;
    for word in command.arguments() {
        body.push(b',');
        push_word(body, as_text(word)?)?;
    }
    body.push(b']');
    Ok(())
}

fn push_word(body: &mut Vec<u8>, word: &str) -> Result<(), Failure> {
    // Writing into memory cannot fail.
    serde_json::to_writer(body, word)
        .map_err(|_| Failure::new(ErrorKind::Invalid, "a word that is no JSON"))
}

fn as_text(word: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(word).map_err(|_| {
        Failure::new(
            ErrorKind::Unsupported,
            "a word that is not UTF-8 cannot be sent in JSON",
        )
    })
}

/// Returns what the command weighs if a request can carry it: refused before it is queued, it fails nobody else.
pub(super) fn weigh(command: &Command) -> Result<Load, Failure> {
    if let Some((_, _, value)) = large_set(command) {
        return Ok(Load::of(command, value.len()));
    }
    // A comma, and brackets; each word has two quotes and a comma.
    let mut bytes = command.name().len() + 5;
    for word in command.arguments() {
        as_text(word)?;
        bytes += escaped_len(word) + 3;
    }
    Ok(Load::of(command, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        let url = ("url", "https://eu1-example.upstash.io/base/");
        Endpoint::new(url, ("token", "t"), false).unwrap_or_else(|error| panic!("{error}"))
    }

    fn request(commands: &[Command]) -> Request {
        let loads = commands.iter().map(|command| weigh(command).ok());
        let load = loads.flatten().reduce(|all, each| all + each);
        Request::new(&endpoint(), commands, load.unwrap_or_default())
            .unwrap_or_else(|_| panic!("a good request"))
    }

    fn get(key: &'static str) -> Command {
        Command::new("GET", Effect::Read).word(key)
    }

    fn set(key: &'static str, value: Vec<u8>) -> Command {
        let command = Command::new("SET", Effect::Write).word(key).word(value);
        command.word("PX").number(1500)
    }

    #[test]
    fn words_are_escaped_as_json() {
        let lone = request(&[get("a\"b\\c\n\u{1}é")]);
        assert_eq!(lone.url.as_str(), "https://eu1-example.upstash.io/base/");
        assert_eq!(lone.body, "[\"GET\",\"a\\\"b\\\\c\\n\\u0001é\"]");
        let two = request(&[get("a"), get("b")]);
        assert_eq!(two.url.path(), "/base/pipeline");
        assert_eq!(two.body, r#"[["GET","a"],["GET","b"]]"#);
    }

    #[test]
    fn a_large_value_goes_as_it_is() {
        let value = vec![0xFF; LARGE];
        let large = request(&[set("p:d:a/b?c#d%e@f é", value.clone())]);
        assert_eq!(
            large.url.as_str(),
            "https://eu1-example.upstash.io/base/set/p:d:a%2Fb%3Fc%23d%25e@f%20%C3%A9?PX=1500"
        );
        assert_eq!(large.body, value);
        assert_eq!(large.content_type, "application/octet-stream");
    }

    #[test]
    fn a_key_that_a_url_would_lose_goes_as_json() {
        for key in [".", ".."] {
            let large = request(&[set(key, vec![b'x'; LARGE])]);
            assert_eq!(large.url.path(), "/base/");
        }
    }

    #[test]
    fn a_word_that_is_no_text_is_refused_before_it_is_sent() {
        assert!(weigh(&set("key", vec![0xFF; LARGE - 1])).is_err());
        assert!(weigh(&set("key", vec![0xFF; LARGE])).is_ok());
    }

    // The bytes of words were counted, and JSON may be six times as long.
    #[test]
    fn a_command_weighs_what_it_is_in_json() {
        let commands = [get("a\"b\\c\n\r\t\u{8}\u{c}\u{1}\u{7f}é"), get("b")];
        let load = request(&commands).load;
        assert_eq!(load.bytes + 1, request(&commands).body.len());
        let raw = request(&[set("key", vec![0xFF; LARGE])]);
        assert_eq!(raw.load.bytes, LARGE);
    }

    #[test]
    fn one_write_makes_a_request_a_write() {
        let decide = || Command::new("EVALSHA", Effect::Read).word("sha").deciding();
        let script = || Command::new("EVALSHA", Effect::Read).word("sha");
        let effect = |commands: &[Command]| request(commands).effect;
        assert_eq!(effect(&[decide(), decide()]), Effects::Decides);
        assert_eq!(effect(&[decide(), get("a")]), Effects::Reads);
        assert_eq!(effect(&[get("a"), script()]), Effects::Writes);
        assert_eq!(effect(&[set("a", vec![b'b']), decide()]), Effects::Writes);
    }
}
