//! Any order of feeding, polling, joining and leaving, by an executor that only polls what was woken.

use super::*;

/// A small generator (xorshift64*): a run is told by its seed alone.
struct Dice(u64);

impl Dice {
    const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % most
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

struct Client {
    reader: Spawn<Reader>,
    all: Vec<u8>,
    end: Option<Got>,
    has_trailers: bool,
    /// Whether its last poll had something for it.
    is_ready: bool,
}

impl Client {
    const fn new(reader: Spawn<Reader>) -> Self {
        Self {
            reader,
            all: Vec::new(),
            end: None,
            has_trailers: false,
            is_ready: true,
        }
    }

    fn is_runnable(&self) -> bool {
        self.end.is_none() && (self.is_ready || self.reader.is_woken())
    }

    fn poll(&mut self) {
        let hint = self.reader.size_hint();
        let got = got(&mut self.reader);
        self.is_ready = got != Got::Nothing;
        match got {
            Got::Nothing => {}
            Got::Data(data) => {
                self.all.extend_from_slice(&data);
                if let Some(before) = hint.exact() {
                    let left = before - data.len() as u64;
                    assert_eq!(self.reader.size_hint().exact(), Some(left));
                }
            }
            Got::Trailers => self.has_trailers = true,
            end => self.end = Some(end),
        }
    }
}

/// What the body gives, all told.
struct Script {
    items: Vec<Item>,
    whole: Vec<u8>,
    expected: Option<u64>,
    fails: bool,
    has_trailers: bool,
}

impl Script {
    fn roll(dice: &mut Dice) -> Self {
        let mut items = Vec::new();
        let mut whole = Vec::new();
        for _ in 0..dice.below(12) {
            let len = match dice.below(8) {
                0 => 0,
                1 => 40_000 + dice.below(100_000),
                2 | 3 => 1_000 + dice.below(100),
                _ => dice.below(300),
            };
            let data: Vec<u8> = (0..len).map(|at| (at + whole.len()) as u8).collect();
            whole.extend_from_slice(&data);
            items.push(Item::Data(data.into()));
        }
        let expected = match dice.below(6) {
            0 => Some(dice.below(whole.len() + 2) as u64),
            1 | 2 => Some(whole.len() as u64),
            _ => None,
        };
        let has_trailers = dice.once_in(8);
        if has_trailers {
            items.push(Item::Trailers);
        }
        let fails = dice.once_in(5);
        items.push(if fails { Item::Error } else { Item::End });
        Self {
            items,
            whole,
            expected,
            fails,
            has_trailers,
        }
    }
}

struct Run {
    seed: u64,
    dice: Dice,
    site: Site,
    script: Script,
    fed: usize,
    clients: Vec<Client>,
    follow: Option<Follow>,
    most: u64,
    /// How often all readers were gone, perhaps before the end, and how often that does no harm.
    abandoned: usize,
    harmless: usize,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let site = Site {
            budget: Some(Arc::new(Budget::new(300_000))),
            ..Site::default()
        };
        let script = Script::roll(&mut dice);
        let most = if dice.once_in(3) {
            dice.below(script.whole.len() + 1) as u64
        } else {
            400_000
        };
        {
            let mut fed = site.feed.0.lock().unwrap();
            fed.says_end = dice.once_in(2);
            fed.remaining = dice.once_in(3).then_some(script.whole.len() as u64);
        }
        if dice.once_in(2) {
            site.shut();
        }
        let mut options = site.options();
        options.expected = script.expected;
        options.most = most;
        if dice.once_in(4) {
            options.hold.executor = None;
        }
        if dice.once_in(6) {
            options.hold.timer = None;
        }
        let fills = dice.once_in(3);
        options.keep_filling = fills.then(|| KeepFilling {
            executor: Executor::new(site.shelf.clone()),
            timer: Timer::new(site.hourglass.clone()),
            limit: Duration::from_secs(1_000),
        });
        let client = Client::new(site.start_with(options));
        let follow = Some(client.reader.follow());
        Self {
            seed,
            dice,
            site,
            script,
            fed: 0,
            clients: vec![client],
            follow,
            most,
            abandoned: 0,
            harmless: usize::from(fills),
        }
    }

    fn act(&mut self) {
        match self.dice.below(20) {
            0..4 => self.feed(),
            4..14 => {
                self.poll_one();
            }
            14 if !self.clients.is_empty() => {
                // Also one that nobody has woken.
                let at = self.dice.below(self.clients.len());
                if self.clients[at].end.is_none() {
                    self.clients[at].poll();
                }
            }
            15 | 16 => {
                let joined = self.follow.as_ref().and_then(Follow::reader);
                let joined = joined.map(tokio_test::task::spawn);
                self.clients.extend(joined.map(Client::new));
            }
            17 if !self.clients.is_empty() => {
                let at = self.dice.below(self.clients.len());
                let client = self.clients.swap_remove(at);
                self.abandoned += usize::from(self.clients.is_empty() && client.end.is_none());
                self.check_prefix(&client);
            }
            18 if self.dice.once_in(4) => self.site.open(),
            19 if self.dice.once_in(8) => self.follow = None,
            19 if self.dice.once_in(2) => self.site.hourglass.turn(HOLD),
            _ => {
                self.site.shelf.run();
            }
        }
    }

    fn feed(&mut self) {
        if let Some(item) = self.script.items.get(self.fed) {
            self.fed += 1;
            self.site.feed.give([item.clone()]);
        }
    }

    /// Polls one that would be polled. Returns whether there was one.
    fn poll_one(&mut self) -> bool {
        let count = self.clients.len();
        let first = self.dice.below(count.max(1));
        let mut order = (0..count).map(|at| (at + first) % count);
        let Some(at) = order.find(|at| self.clients[*at].is_runnable()) else {
            return false;
        };
        self.clients[at].poll();
        self.check_memory();
        true
    }

    fn check_memory(&self) {
        // A frame may be ahead of the window.
        let most = self.most.min(300_000) + WINDOW + 140_000;
        assert!(self.site.budget().held() <= most, "seed {}", self.seed);
    }

    fn check_prefix(&self, client: &Client) {
        assert!(
            self.script.whole.starts_with(&client.all),
            "seed {}",
            self.seed
        );
    }

    /// Feeds and polls until nothing happens any more: everybody has to be at the end.
    fn settle(&mut self) {
        while self.fed < self.script.items.len() {
            self.feed();
        }
        self.site.open();
        // What runs last may wake one more.
        while self.poll_one() || self.site.shelf.run() > 0 || self.poll_one() {}
        for client in &self.clients {
            let seed = self.seed;
            self.check_prefix(client);
            match client.end {
                Some(Got::End) => {
                    assert!(!self.script.fails, "seed {seed}");
                    assert_eq!(client.all.len(), self.script.whole.len(), "seed {seed}");
                    assert_eq!(client.has_trailers, self.script.has_trailers, "seed {seed}");
                    assert!(client.reader.is_end_stream());
                }
                Some(Got::Error | Got::Interrupted) => assert!(self.script.fails, "seed {seed}"),
                _ => panic!("seed {seed}: a reader sleeps for good"),
            }
        }
    }

    fn check_outcomes(&self, outcomes: &[Outcome]) {
        let seed = self.seed;
        let last = outcomes.iter().filter(|each| **each != Outcome::Committed);
        let last: Vec<_> = last.collect();
        let [outcome] = last.as_slice() else {
            panic!("seed {seed}: {} outcomes", last.len());
        };
        let len = self.script.whole.len() as u64;
        let is_complete = self.script.expected.is_none_or(|expected| expected == len);
        let may_store = is_complete && !self.script.fails && !self.script.has_trailers;
        match outcome {
            Outcome::Stored(whole) => {
                assert!(may_store && len <= self.most, "seed {seed}");
                assert!(*whole == self.script.whole, "seed {seed}");
            }
            Outcome::Dropped | Outcome::Committed => panic!("seed {seed}: nobody was told"),
            Outcome::Discarded(why) => {
                let fits = len <= self.most && len <= 300_000;
                let is_wrong = may_store && fits && self.abandoned <= self.harmless;
                assert!(!is_wrong, "seed {seed}: {why:?}");
            }
        }
    }
}

#[test]
fn whatever_happens_nobody_sleeps_for_good_and_nothing_wrong_is_stored() {
    let mut stored = 0;
    for seed in 0..1_000 {
        let mut run = Run::new(seed);
        for _ in 0..run.dice.below(80) {
            run.act();
        }
        run.settle();
        run.clients.clear();
        run.follow = None;
        while run.site.shelf.run() > 0 {}
        let outcomes = run.site.outcomes();
        run.check_outcomes(&outcomes);
        stored += usize::from(matches!(outcomes.first(), Some(Outcome::Stored(_))));
        assert_eq!(run.site.budget().held(), 0, "seed {seed}");
        assert!(run.site.feed.is_dropped(), "seed {seed}");
    }
    // Neither all nor none.
    assert!((150..850).contains(&stored), "{stored}");
}

#[test]
fn a_reader_that_is_never_polled_holds_up_nobody() {
    for seed in 0..500 {
        let mut run = Run::new(seed);
        run.most = 400_000;
        if run.script.whole.len() > 250_000 {
            continue;
        }
        let site = Site::new();
        let mut first = Client::new(site.start());
        let follow = first.reader.follow();
        let mut second = Client::new(follower(&follow));
        for item in run.script.items.clone() {
            // The first is woken with the second, and never comes.
            if first.is_runnable() && run.dice.once_in(2) && !matches!(item, Item::End) {
                first.poll();
            }
            while second.is_runnable() {
                second.poll();
            }
            site.feed.give([item]);
        }
        while second.is_runnable() {
            second.poll();
        }
        let is_closed = follow.reader().is_none();
        assert!(second.end.is_some() || is_closed, "seed {seed}");
        if second.end == Some(Got::End) {
            assert!(second.all == run.script.whole, "seed {seed}");
        }
    }
}
