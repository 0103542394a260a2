//! Bills: what a server counted is what was billed, in both layouts and on every path.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{super::Refusal, *};
use crate::{
    quota::Quota,
    store::{Kind, Limits, Scope, remote::Command},
    time::ManualClock,
};

#[path = "../../../../tests/it/redis_server.rs"]
mod redis_server;

use self::redis_server::RedisServer;

/// A wire that adds up bills, and asks the server for its own.
struct Probe {
    stream: Mutex<BufReader<TcpStream>>,
    bill: Mutex<Bill>,
}

impl Probe {
    fn open(server: &RedisServer) -> Self {
        let stream =
            TcpStream::connect(server.url().trim_start_matches("redis://")).expect("a server");
        Self {
            stream: Mutex::new(BufReader::new(stream)),
            bill: Mutex::default(),
        }
    }

    fn ask(&self, words: &[&[u8]]) -> Reply {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend(format!("${}\r\n", word.len()).into_bytes());
            request.extend(*word);
            request.extend(b"\r\n");
        }
        stream.get_mut().write_all(&request).expect("a connection");
        read(&mut stream)
    }

    /// Returns how many commands the server has run since the last call: those in scripts, too.
    fn ran(&self) -> u64 {
        let Reply::Text(info) = self.ask(&[b"INFO", b"commandstats"]) else {
            panic!("INFO answers text");
        };
        let info = String::from_utf8_lossy(&info).into_owned();
        let calls = info.lines().filter(|line| !line.contains("config"));
        let calls = calls.filter_map(|line| line.split_once("calls=")?.1.split(',').next());
        let sum = calls.filter_map(|calls| calls.parse::<u64>().ok()).sum();
        self.ask(&[b"CONFIG", b"RESETSTAT"]);
        sum
    }

    fn billed(&self) -> Bill {
        std::mem::take(&mut *self.bill.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> Reply {
    let mut line = String::new();
    stream.read_line(&mut line).expect("a reply");
    let (kind, rest) = line.trim_end().split_at(1);
    let number = rest.parse::<i64>();
    match kind {
        ":" => Reply::Integer(number.expect("a number")),
        "$" => {
            let mut text = vec![0; number.expect("a length") as usize + 2];
            stream.read_exact(&mut text).expect("text");
            text.truncate(text.len() - 2);
            Reply::Text(text.into())
        }
        "*" => Reply::Array(
            (0..number.expect("a length"))
                .map(|_| read(stream))
                .collect(),
        ),
        "-" => Reply::Refused(Refusal::new(rest)),
        _ => Reply::Text(rest.to_owned().into()),
    }
}

impl Wire for Probe {
    const BINARY: bool = true;
    const LOCKS_KEYS: bool = false;

    async fn send(&self, command: Command) -> Result<Reply> {
        let words = command.arguments().iter().map(|word| &word[..]);
        let words: Vec<_> = [command.name().as_bytes()]
            .into_iter()
            .chain(words)
            .collect();
        Ok(self.ask(&words))
    }

    fn bill(&self, bill: Bill) {
        let mut sum = self.bill.lock().unwrap_or_else(PoisonError::into_inner);
        sum.reads += bill.reads;
        sum.writes += bill.writes;
    }

    fn limits(&self) -> Limits {
        Limits::default()
    }
}

struct Checked {
    store: RemoteStore<Probe>,
    clock: ManualClock,
    _server: RedisServer,
}

impl Checked {
    fn new(by_client: bool) -> Self {
        let server = RedisServer::start();
        let clock = ManualClock::default();
        let settings = Settings::default().clock(clock.clone());
        let settings = if by_client {
            settings.client_clock()
        } else {
            settings
        };
        let settings = settings
            .shared_limit("fixed", "f")
            .shared_limit("sliding", "s");
        let settings = settings.shared_limit("bucket", "b");
        let checked = Self {
            store: RemoteStore::new(Probe::open(&server), settings),
            clock,
            _server: server,
        };
        for script in Call::SCRIPTS.into_iter().chain([&FIXED]) {
            let source = &script.text(super::super::script::Flavour::Plain).source;
            checked.store.wire().ask(&[b"SCRIPT", b"LOAD", source]);
        }
        checked.store.wire().ran();
        checked
    }

    fn claim(name: &str, quota: Quota, spend: Spend) -> Claim {
        Claim::new(Scope::new(Kind::Limit, name).key("x"), quota).spend(spend)
    }

    /// Checks what a call costs, and that the server agrees.
    async fn costs(&self, claims: &[Claim], reads: u64, writes: u64) -> Decisions {
        let decisions = self.store.acquire_claims(claims).await.expect("a decision");
        let (wire, what) = (self.store.wire(), format!("{claims:?}"));
        assert_eq!(wire.billed(), Bill::new(reads, writes), "{what}");
        // The INFO of the last time counts itself after it has answered.
        assert_eq!(wire.ran(), reads + writes, "{what}");
        decisions
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn ours_cost_three_and_one_for_each_change() {
    for (by_client, reads) in [(false, 3), (true, 2)] {
        let it = Checked::new(by_client);
        let quota = Quota::fixed(2, HOUR);
        let take = |name, cost| Checked::claim(name, quota, Spend::Take(cost));
        it.costs(&[], 0, 0).await;
        it.costs(&[take("a", 1)], reads, 1).await;
        it.costs(&[take("a", 1), take("b", 1), take("c", 1)], reads, 3)
            .await;
        it.costs(&[take("a", 1)], reads, 0).await;
        it.costs(&[take("b", 1), take("a", 1)], reads, 0).await;
        it.costs(&[take("d", 1), take("d", 1)], reads, 1).await;
        it.costs(&[Checked::claim("b", quota, Spend::Peek(1))], reads, 0)
            .await;
        it.costs(&[take("b", 0)], reads, 0).await;
        // Back to none: deleted, once.
        let gcra = Quota::per_hour(5);
        let taken = it
            .costs(&[Checked::claim("g", gcra, Spend::Take(5))], reads, 1)
            .await;
        let window = taken[0].window();
        let refund = Spend::Refund { cost: 5, window };
        if by_client {
            it.costs(&[Checked::claim("g", gcra, refund)], reads, 1)
                .await;
            it.costs(&[Checked::claim("g", gcra, refund)], reads, 0)
                .await;
            let both = [Spend::Charge(5), refund].map(|spend| Checked::claim("g", gcra, spend));
            it.costs(&both, reads, 1).await;
        }
    }
}

#[tokio::test]
async fn a_shared_fixed_window_costs_two() {
    let it = Checked::new(true);
    let quota = Quota::aligned(3, HOUR);
    let claim = |spend| [Checked::claim("fixed", quota, spend)];
    it.costs(&claim(Spend::Take(1)), 1, 2).await;
    it.costs(&claim(Spend::Take(1)), 1, 1).await;
    it.costs(&claim(Spend::Take(2)), 1, 2).await;
    it.costs(&claim(Spend::Take(1)), 1, 1).await;
    it.costs(&claim(Spend::Take(4)), 2, 0).await;
    it.costs(&claim(Spend::Peek(1)), 2, 0).await;
    it.clock.advance(HOUR);
    it.costs(&claim(Spend::Charge(1)), 2, 2).await;
    it.costs(&claim(Spend::Shadow(1)), 2, 1).await;
}

#[tokio::test]
async fn other_shared_limits_cost_no_more_than_theirs() {
    let it = Checked::new(false);
    let sliding = |cost| {
        [Checked::claim(
            "sliding",
            Quota::sliding(3, HOUR),
            Spend::Take(cost),
        )]
    };
    it.costs(&sliding(1), 2, 2).await;
    it.costs(&sliding(1), 2, 1).await;
    it.costs(&sliding(2), 2, 0).await;
    let bucket = |cost| Checked::claim("bucket", Quota::token_bucket(3, HOUR), Spend::Take(cost));
    it.costs(&[bucket(1)], 2, 2).await;
    it.costs(&[bucket(3)], 2, 0).await;
    let ours = Checked::claim("a", Quota::fixed(2, HOUR), Spend::Take(1));
    it.costs(&[bucket(1), ours], 4, 3).await;
}
