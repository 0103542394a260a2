//! What the command line says.

use std::{ffi::OsString, num::NonZeroUsize};

use http::{Uri, uri::Authority};

const USAGE: &str = "usage: reverse_proxy --listen ADDRESS:PORT --upstream http://HOST[:PORT]
  --listen 127.0.0.1:9000          where to listen; port 0 is any that is free
  --upstream http://127.0.0.1:8000 where requests go
  --store memory|env               env: the Upstash database of the environment, if there is one; default: memory
  --conformance                    also do what is allowed, yet no default: what the public suite of tests asks for
  --threads N                      default: one for each core";

/// The settings of one run.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) listen: String,
    pub(crate) upstream: Authority,
    pub(crate) store: StoreChoice,
    pub(crate) caching: Caching,
    pub(crate) threads: Option<NonZeroUsize>,
}

/// Where the cache keeps what it stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreChoice {
    Memory,
    Env,
}

/// Which settings the cache has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caching {
    /// The safe defaults.
    Default,
    /// Whatever a test of the public suite needs.
    Conformance,
}

impl Arguments {
    /// Reads the arguments after the name of the program; an error says what is wrong with which.
    pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let (mut listen, mut upstream) = (None, None);
        let (mut store, mut caching) = (StoreChoice::Memory, Caching::Default);
        let mut threads = None;
        let mut arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
        while let Some(option) = arguments.next() {
            let mut value = || {
                let missing = || format!("{option} needs a value\n{USAGE}");
                arguments.next().ok_or_else(missing)
            };
            match option.as_str() {
                "--listen" => listen = Some(value()?),
                "--upstream" => upstream = Some(authority(&value()?)?),
                "--store" => store = store_choice(&value()?)?,
                "--conformance" => caching = Caching::Conformance,
                "--threads" => threads = Some(count(&value()?)?),
                "--help" | "-h" => return Err(USAGE.to_owned()),
                _ => return Err(format!("there is no option {option}\n{USAGE}")),
            }
        }
        Ok(Self {
            listen: listen.ok_or_else(|| format!("--listen is missing\n{USAGE}"))?,
            upstream: upstream.ok_or_else(|| format!("--upstream is missing\n{USAGE}"))?,
            store,
            caching,
            threads,
        })
    }
}

fn authority(url: &str) -> Result<Authority, String> {
    let refused = |why: &str| format!("--upstream {url}: {why}");
    let parts = url
        .parse::<Uri>()
        .map_err(|error| refused(&error.to_string()))?
        .into_parts();
    if parts.scheme != Some(http::uri::Scheme::HTTP) {
        return Err(refused("must begin with http://"));
    }
    if parts.path_and_query.is_some_and(|path| path != "/") {
        return Err(refused("must have no path: requests keep theirs"));
    }
    let authority = parts.authority.ok_or_else(|| refused("names no host"))?;
    if authority.as_str().contains('@') {
        return Err(refused(
            "must have no user: requests keep their credentials",
        ));
    }
    Ok(authority)
}

fn store_choice(name: &str) -> Result<StoreChoice, String> {
    match name {
        "memory" => Ok(StoreChoice::Memory),
        "env" => Ok(StoreChoice::Env),
        _ => Err(format!("--store {name}: is memory or env")),
    }
}

fn count(number: &str) -> Result<NonZeroUsize, String> {
    number
        .parse()
        .map_err(|_| format!("--threads {number}: must be a number from 1 on"))
}
