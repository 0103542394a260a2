//! One shard: what one lock protects.

use super::{
    budget::{Account, Class, MemoryEvent},
    record::Record,
    table::{Digest, Table},
};
use crate::{
    quota::{Bannable, Cell, Expire, Ring, ban_micros},
    store::{Entry, Key, Result, Spend},
};

pub(super) struct Shard {
    pub(super) limits: Limits,
    pub(super) records: Records,
}

impl Shard {
    pub(super) const fn new(limit_bytes: u64) -> Self {
        Self {
            limits: Limits::new(limit_bytes),
            records: Records::new(),
        }
    }
}

/// The states of limits.
pub(super) struct Limits {
    cells: Table<Cell>,
    rings: Table<Ring>,
    budget: u64,
}

impl Limits {
    /// A slot, and its place in the table at the lowest load.
    const CELL: u64 = 52;
    const RING: u64 = 100;
    const LEAST: u64 = 64;

    const fn new(budget: u64) -> Self {
        let least = Self::LEAST * Self::CELL;
        Self {
            cells: Table::new(),
            rings: Table::new(),
            budget: if budget < least { least } else { budget },
        }
    }

    /// Stores the state of a new limit. Sweeps two slots of each table, and evicts what is closest to fresh while there is
    /// no room; returns how many were evicted.
    pub(super) fn insert<T: Kept>(&mut self, digest: Digest, state: T, now: u64) -> u32 {
        for _ in 0..2 {
            self.cells.sweep(now);
            self.rings.sweep(now);
        }
        let mut evicted = 0;
        while self.size() + Self::RING > self.budget && self.evict(digest.0, now) {
            evicted += 1;
        }
        T::table_mut(self).insert(digest, state);
        evicted
    }

    /// Forgets or bans a key whatever its algorithm: a ban lies in both tables, so that each claim looks into one. Called
    /// after the step, in the table of `T`, whose state stays if later claims have begun it anew. Returns how many states of
    /// other limits were evicted.
    #[cold]
    pub(super) fn settle<T: Kept>(&mut self, digest: Digest, spend: Spend, now: u64) -> u32 {
        match spend {
            Spend::Reset => {
                let ended = |own: bool, end: u64| !own || end <= now;
                self.cells
                    .remove_if(digest, |cell| ended(!T::RING, cell.expires()));
                self.rings
                    .remove_if(digest, |ring| ended(T::RING, ring.expires()));
                0
            }
            Spend::Ban(duration) => match ban_micros(duration) {
                0 => 0,
                lasts if T::RING => self.put(digest, Cell::ban(now + lasts), now),
                lasts => self.put(digest, Ring::ban(now + lasts), now),
            },
            _ => 0,
        }
    }

    /// Stores a state, be it of a new limit or not.
    fn put<T: Kept>(&mut self, digest: Digest, state: T, now: u64) -> u32 {
        match T::table_mut(self).find_mut(digest) {
            Some(kept) => {
                *kept = state;
                0
            }
            None => self.insert(digest, state, now),
        }
    }

    fn size(&self) -> u64 {
        self.cells.len() as u64 * Self::CELL + self.rings.len() as u64 * Self::RING
    }

    /// Evicts, of eight cells and eight rings, the one that is least used up, or else ends first.
    fn evict(&mut self, random: u64, now: u64) -> bool {
        let rank = |fullness, expires| {
            if expires > now {
                (fullness, expires)
            } else {
                (0, 0)
            }
        };
        let cell = self
            .cells
            .sample(random, |cell| rank(cell.fullness(), cell.expires()));
        let ring = self
            .rings
            .sample(random, |ring| rank(ring.fullness(), ring.expires()));
        match (cell, ring) {
            (Some((fresh, cell)), Some((fresher, _))) if fresh <= fresher => {
                self.cells.remove(cell);
            }
            (_, Some((_, ring))) => {
                self.rings.remove(ring);
            }
            (Some((_, cell)), None) => {
                self.cells.remove(cell);
            }
            (None, None) => return false,
        }
        true
    }
}

#[cfg(test)]
impl Limits {
    /// Returns all states as they lie.
    pub(super) fn dump(&self) -> Vec<(Digest, crate::quota::State)> {
        let cells = self.cells.iter();
        let rings = self.rings.iter();
        cells
            .map(|(digest, cell)| (digest, (*cell).into()))
            .chain(rings.map(|(digest, ring)| (digest, (*ring).into())))
            .collect()
    }
}

/// The state of a limit, in the table of its size.
pub(super) trait Kept: Expire + Copy {
    /// Whether it is that of a strict window.
    const RING: bool;

    fn table(limits: &Limits) -> &Table<Self>;
    fn table_mut(limits: &mut Limits) -> &mut Table<Self>;
}

impl Kept for Cell {
    const RING: bool = false;

    fn table(limits: &Limits) -> &Table<Self> {
        &limits.cells
    }

    fn table_mut(limits: &mut Limits) -> &mut Table<Self> {
        &mut limits.cells
    }
}

impl Kept for Ring {
    const RING: bool = true;

    fn table(limits: &Limits) -> &Table<Self> {
        &limits.rings
    }

    fn table_mut(limits: &mut Limits) -> &mut Table<Self> {
        &mut limits.rings
    }
}

/// The records, a table for each class.
pub(super) struct Records {
    sessions: Table<Record>,
    cache: Table<Record>,
    data: Table<Record>,
}

impl Records {
    const fn new() -> Self {
        Self {
            sessions: Table::new(),
            cache: Table::new(),
            data: Table::new(),
        }
    }

    pub(super) const fn of(&self, class: Class) -> &Table<Record> {
        match class {
            Class::Sessions => &self.sessions,
            Class::Cache => &self.cache,
            Class::Data => &self.data,
        }
    }

    pub(super) const fn of_mut(&mut self, class: Class) -> &mut Table<Record> {
        match class {
            Class::Sessions => &mut self.sessions,
            Class::Cache => &mut self.cache,
            Class::Data => &mut self.data,
        }
    }

    /// Returns the entry of a key, and remembers that it was used.
    #[inline]
    pub(super) fn read(&mut self, key: &Key, digest: Digest, now: u64) -> Result<Option<Entry>> {
        let record = self.live_mut(Class::of(key.scope().kind()), digest, now);
        record.map(|record| record.read(now)).transpose()
    }

    /// Returns a record that has not expired.
    pub(super) fn live(&self, class: Class, digest: Digest, now: u64) -> Option<&Record> {
        let table = self.of(class);
        table
            .find(digest)
            .map(|place| table.get(place))
            .filter(|record| record.expires > now)
    }

    /// Returns a record that has not expired, to be changed.
    pub(super) fn live_mut(
        &mut self,
        class: Class,
        digest: Digest,
        now: u64,
    ) -> Option<&mut Record> {
        let table = self.of_mut(class);
        let place = table.find(digest)?;
        Some(table.get_mut(place)).filter(|record| record.expires > now)
    }

    /// Returns the bytes of what is stored, expired or not.
    pub(super) fn size(&self, class: Class, digest: Digest) -> u64 {
        let table = self.of(class);
        table
            .find(digest)
            .map_or(0, |place| table.get(place).size())
    }

    /// Looks at up to `most` records, removes the expired ones and gives their bytes back. Returns how many it looked at.
    pub(super) fn sweep(
        &mut self,
        class: Class,
        account: &Account,
        now: u64,
        most: usize,
    ) -> usize {
        let table = self.of_mut(class);
        let looks = most.min(table.len());
        for _ in 0..looks {
            if let Some(record) = table.sweep(now) {
                account.release(record.size());
            }
        }
        looks
    }

    /// Evicts the stored response of eight that has expired, or was not used for longest. `last`: also the only one.
    pub(super) fn evict_cached(
        &mut self,
        account: &Account,
        random: u64,
        now: u64,
        last: bool,
    ) -> Option<MemoryEvent> {
        if self.cache.len() < 2 && !last {
            return None;
        }
        let rank = |record: &Record| if record.expires > now { record.used } else { 0 };
        let (_, place) = self.cache.sample(random, rank)?;
        account.release(self.cache.remove(place).size());
        Some(MemoryEvent::CacheEvicted)
    }
}
