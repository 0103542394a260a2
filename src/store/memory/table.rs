//! A hash table whose entries lie in a slab: dense, so that it can be sampled and swept, and grown in chunks, so that
//! growing never copies an entry.

use hashbrown::{HashTable, hash_table::Entry as Place};

use crate::quota::Expire;

/// What stands for a key: 128 bits of a keyed hash.
pub(super) type Digest = (u64, u64);

pub(super) struct Table<T> {
    places: HashTable<u32>,
    chunks: Vec<Vec<Slot<T>>>,
    sweeper: usize,
}

struct Slot<T> {
    digest: Digest,
    value: T,
}

const CHUNK: usize = 128;

impl<T> Table<T> {
    pub(super) const fn new() -> Self {
        Self {
            places: HashTable::new(),
            chunks: Vec::new(),
            sweeper: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns the place of an entry, which is its own until the next insert or remove.
    #[inline]
    pub(super) fn find(&self, digest: Digest) -> Option<u32> {
        let chunks = &self.chunks;
        self.places
            .find(digest.0, |place| slot(chunks, *place).digest == digest)
            .copied()
    }

    /// Returns an entry, to be changed.
    #[inline]
    pub(super) fn find_mut(&mut self, digest: Digest) -> Option<&mut T> {
        self.find(digest).map(|place| self.get_mut(place))
    }

    #[inline]
    pub(super) fn get(&self, place: u32) -> &T {
        &slot(&self.chunks, place).value
    }

    #[inline]
    pub(super) fn get_mut(&mut self, place: u32) -> &mut T {
        &mut self.chunks[place as usize / CHUNK][place as usize % CHUNK].value
    }

    /// Inserts an entry, or replaces the one that is there and returns it.
    pub(super) fn insert(&mut self, digest: Digest, value: T) -> Option<T> {
        let Self { places, chunks, .. } = self;
        let len = places.len();
        let entry = places.entry(
            digest.0,
            |place| slot(chunks, *place).digest == digest,
            |place| slot(chunks, *place).digest.0,
        );
        match entry {
            Place::Occupied(place) => {
                let place = *place.get();
                Some(std::mem::replace(self.get_mut(place), value))
            }
            Place::Vacant(vacant) => {
                vacant.insert(len as u32);
                if len % CHUNK == 0 {
                    chunks.push(Vec::with_capacity(CHUNK));
                }
                chunks[len / CHUNK].push(Slot { digest, value });
                None
            }
        }
    }

    /// Removes the entry at a place; the last one takes it.
    pub(super) fn remove(&mut self, place: u32) -> T {
        let last = self.places.len() as u32 - 1;
        let digest = slot(&self.chunks, place).digest;
        if let Ok(entry) = self.places.find_entry(digest.0, |each| *each == place) {
            entry.remove();
        }
        let moved = slot(&self.chunks, last).digest;
        if let Some(each) = self.places.find_mut(moved.0, |each| *each == last) {
            *each = place;
        }
        let chunk = &mut self.chunks[last as usize / CHUNK];
        let removed = chunk.swap_remove(last as usize % CHUNK);
        if chunk.is_empty() {
            self.chunks.pop();
        }
        if place == last {
            return removed.value;
        }
        let hole = &mut self.chunks[place as usize / CHUNK][place as usize % CHUNK];
        std::mem::replace(hole, removed).value
    }

    /// Removes the entry of a digest, if there is one and it is unwanted.
    pub(super) fn remove_if(&mut self, digest: Digest, unwanted: impl FnOnce(&T) -> bool) {
        if let Some(place) = self.find(digest)
            && unwanted(self.get(place))
        {
            self.remove(place);
        }
    }

    /// Returns the lowest rank among eight neighbours somewhere in the table, and its place. `None` if it is empty.
    pub(super) fn sample<R: Ord>(&self, random: u64, rank: impl Fn(&T) -> R) -> Option<(R, u32)> {
        let len = self.len() as u64;
        let start = random.checked_rem(len)?;
        let places = (0..len.min(8)).map(|step| ((start + step) % len) as u32);
        places.map(|place| (rank(self.get(place)), place)).min()
    }
}

impl<T: Expire> Table<T> {
    /// Looks at the next entry in turn, and takes it out if it has expired.
    pub(super) fn sweep(&mut self, now: u64) -> Option<T> {
        if self.sweeper >= self.len() {
            self.sweeper = 0;
        }
        let place = self.sweeper as u32;
        if self.len() > 0 && self.get(place).expires() <= now {
            return Some(self.remove(place));
        }
        self.sweeper += 1;
        None
    }
}

#[cfg(test)]
impl<T> Table<T> {
    /// Returns all entries as they lie.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Digest, &T)> {
        let slots = self.chunks.iter().flatten();
        slots.map(|slot| (slot.digest, &slot.value))
    }
}

#[inline]
fn slot<T>(chunks: &[Vec<Slot<T>>], place: u32) -> &Slot<T> {
    &chunks[place as usize / CHUNK][place as usize % CHUNK]
}
