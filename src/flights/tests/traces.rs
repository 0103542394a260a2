//! Random joins, polls, drops, shares, releases and purges, beside a model. Only who has been woken is polled, so that a
//! wake that is lost is a wait that never ends.

use proptest::{collection::vec, prelude::*};

use super::*;

type Numbered = Flights<u8, u32>;

const KEYS: u8 = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    Join(u8),
    Poll(usize),
    /// Polls with another waker, woken or not.
    Move(usize),
    Quit(usize),
    Share(usize),
    Leave(usize),
    Release(usize),
    Doom(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..64_usize;
    prop_oneof![
        6 => (0..KEYS).prop_map(Step::Join),
        4 => which.clone().prop_map(Step::Poll),
        1 => which.clone().prop_map(Step::Move),
        2 => which.clone().prop_map(Step::Quit),
        1 => which.clone().prop_map(Step::Share),
        2 => which.clone().prop_map(Step::Leave),
        1 => which.prop_map(Step::Release),
        1 => (0..KEYS).prop_map(Step::Doom),
    ]
}

struct Led {
    key: u8,
    flight: u32,
    is_doomed: bool,
    shared: Option<u32>,
    leader: Leader<u8, u32>,
}

struct Waits {
    key: u8,
    // The flight that it waits for, unless a purge has made it join another.
    flight: u32,
    flag: Arc<Flag>,
    waiter: Waiter<u8, u32>,
}

#[derive(Default)]
struct Model {
    now: u64,
    flights: u32,
    // The flight of a key that is not doomed.
    current: [Option<u32>; KEYS as usize],
    // Flights that have been released, and so bring nobody in.
    released: Vec<u32>,
    purged: bool,
    led: Vec<Led>,
    waiting: Vec<Waits>,
    landed: u32,
}

impl Model {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now)
    }

    fn run(&mut self, flights: &Numbered, step: Step) {
        // Longer than anything is remembered.
        self.now += 1_000_000;
        match step {
            Step::Join(key) => self.join(flights, key),
            Step::Poll(which) => {
                if let Some(at) = pick(&self.waiting, which)
                    && self.waiting[at].flag.take()
                {
                    self.poll(at);
                }
            }
            Step::Move(which) => {
                if let Some(at) = pick(&self.waiting, which) {
                    // Whoever had been woken still is.
                    self.waiting[at].flag = Arc::default();
                    self.poll(at);
                }
            }
            Step::Quit(which) => {
                if let Some(at) = pick(&self.waiting, which) {
                    drop(self.waiting.swap_remove(at));
                    self.see_what_is_over(flights);
                }
            }
            Step::Share(which) => {
                if let Some(at) = pick(&self.led, which) {
                    let led = &mut self.led[at];
                    led.leader.share(led.flight);
                    led.shared = Some(led.flight);
                }
            }
            Step::Leave(which) => {
                if let Some(at) = pick(&self.led, which) {
                    let led = self.led.swap_remove(at);
                    self.landed += u32::from(led.shared.is_some());
                    drop(led);
                    self.see_what_is_over(flights);
                }
            }
            Step::Release(which) => {
                if let Some(at) = pick(&self.led, which) {
                    let led = self.led.swap_remove(at);
                    self.released.push(led.flight);
                    led.leader.release(Duration::from_micros(1), self.now());
                    self.see_what_is_over(flights);
                    let has_shared = led.shared.is_some();
                    self.all_are_free(led.flight, has_shared);
                }
            }
            Step::Doom(key) => {
                flights.doom(&key);
                self.purged = true;
                let doomed = self.current[usize::from(key)].take();
                for led in &mut self.led {
                    led.is_doomed |= Some(led.flight) == doomed;
                    assert_eq!(led.leader.is_doomed(), led.is_doomed);
                }
            }
        }
        self.at_most_one_leads();
    }

    fn join(&mut self, flights: &Numbered, key: u8) {
        let leader = self.leader_of(key);
        match flights.join(&key, self.now()) {
            Join::Lead(leader) => {
                assert_eq!(self.current[usize::from(key)], None);
                self.flights += 1;
                self.lead(key, self.flights, leader);
            }
            Join::Wait(waiter) => {
                assert!(leader.is_none_or(|leader| leader.shared.is_none()));
                let flight = self.current[usize::from(key)].expect("somebody is under way");
                self.waiting.push(Waits {
                    key,
                    flight,
                    flag: Flag::raised(),
                    waiter,
                });
            }
            Join::Follow(shared) => {
                assert_eq!(leader.expect("it is led").shared, Some(shared));
            }
            Join::Alone => panic!("nothing is remembered for so long"),
        }
    }

    fn poll(&mut self, at: usize) {
        let waits = &mut self.waiting[at];
        let waker = Arc::clone(&waits.flag).into();
        let Poll::Ready(waited) = poll(&mut waits.waiter, &waker) else {
            return;
        };
        let Waits { key, flight, .. } = self.waiting.swap_remove(at);
        match waited {
            Waited::Shared(shared) => assert!(self.purged || shared == flight),
            Waited::Alone => assert!(self.purged || self.released.contains(&flight)),
            Waited::Lead(leader) if self.purged => {
                // Its own flight, or a new one.
                let flight = self.current[usize::from(key)].unwrap_or_else(|| {
                    self.flights += 1;
                    self.flights
                });
                self.lead(key, flight, leader);
            }
            Waited::Lead(leader) => self.lead(key, flight, leader),
        }
    }

    fn lead(&mut self, key: u8, flight: u32, leader: Leader<u8, u32>) {
        assert!(!leader.is_doomed());
        self.current[usize::from(key)] = Some(flight);
        self.led.push(Led {
            key,
            flight,
            is_doomed: false,
            shared: None,
            leader,
        });
    }

    fn leader_of(&self, key: u8) -> Option<&Led> {
        let flight = self.current[usize::from(key)]?;
        self.led.iter().find(|led| led.flight == flight)
    }

    fn see_what_is_over(&mut self, flights: &Numbered) {
        for key in 0..KEYS {
            if !flights.peek(&key) {
                self.current[usize::from(key)] = None;
            }
        }
    }

    /// After a release nobody waits for anybody: each is woken, and gets its answer with one poll.
    fn all_are_free(&mut self, flight: u32, has_shared: bool) {
        if self.purged {
            return;
        }
        while let Some(at) = self.waiting.iter().position(|each| each.flight == flight) {
            let mut waits = self.waiting.swap_remove(at);
            assert!(waits.flag.take(), "nobody has woken it");
            match poll(&mut waits.waiter, Waker::noop()) {
                Poll::Ready(Waited::Alone) => {}
                _ => panic!("still in a queue, {has_shared}"),
            }
        }
    }

    fn at_most_one_leads(&self) {
        for key in 0..KEYS {
            let led = self.led.iter().filter(|led| led.key == key);
            assert!(led.filter(|led| !led.is_doomed).count() <= 1);
        }
    }

    /// Lets everybody who is woken go on, and leaders go, until nobody is left.
    fn end(&mut self, flights: &Numbered) {
        loop {
            if let Some(at) = self.waiting.iter().position(|waits| waits.flag.take()) {
                self.poll(at);
            } else if let Some(led) = self.led.pop() {
                self.landed += u32::from(led.shared.is_some());
                drop(led);
                self.see_what_is_over(flights);
            } else {
                break;
            }
            self.at_most_one_leads();
        }
        assert!(self.waiting.is_empty(), "somebody waits for nobody");
    }
}

fn pick<T>(all: &[T], which: usize) -> Option<usize> {
    which.checked_rem(all.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everybody_who_waits_gets_an_answer_and_one_leads_at_a_time(steps in vec(step(), 0..120)) {
        let flights = Numbered::new();
        let mut model = Model::default();
        for step in steps {
            model.run(&flights, step);
        }
        model.end(&flights);
        for key in 0..KEYS {
            prop_assert!(!flights.peek(&key), "nobody is there, and it is under way");
        }
    }

    #[test]
    fn without_purges_everybody_gets_the_answer_of_his_flight(steps in vec(step(), 0..120)) {
        let flights = Numbered::new();
        let mut model = Model::default();
        for step in steps {
            if !matches!(step, Step::Doom(_)) {
                model.run(&flights, step);
            }
        }
        model.end(&flights);
        let landed: u64 = flights.0.shards.iter().map(|shard| shard.landed.load(Ordering::SeqCst)).sum();
        prop_assert_eq!(landed, u64::from(model.landed));
    }
}
