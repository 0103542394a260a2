//! What Redis holds after each step, by the rules that both sides follow; and where they differ: Node (2.2) charges what
//! it refuses in fixed windows, and in sliding ones where only the cost of a request goes beyond the limit.

use std::collections::HashMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Fixed,
    Sliding,
    Bucket,
}

impl Algorithm {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Sliding => "sliding",
            Self::Bucket => "bucket",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) algorithm: Algorithm,
    pub(crate) limit: u64,
    /// Milliseconds, as all times here.
    pub(crate) window: u64,
    /// How many tokens come back in a window.
    pub(crate) refill: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Count(u64),
    Bucket { refilled_at: u64, tokens: u64 },
}

/// By key: what it holds, and until when.
#[derive(Default)]
pub(super) struct Model(HashMap<String, (Held, u64)>);

impl Model {
    /// Returns whether a key ends so soon that Redis may see it otherwise.
    pub(super) fn is_about_to_end(&self, now: u64, slack: u64) -> bool {
        self.0.values().any(|(_, ends)| ends.abs_diff(now) < slack)
    }

    /// Returns the keys that matter now.
    pub(super) fn keys(
        &self,
        limit: &Limit,
        id: &str,
        now: u64,
    ) -> Vec<(String, Option<(Held, u64)>)> {
        let number = now / limit.window;
        let keys = match limit.algorithm {
            Algorithm::Bucket => vec![format!("p:{id}")],
            _ => vec![format!("p:{id}:{number}"), format!("p:{id}:{}", number - 1)],
        };
        keys.into_iter()
            .map(|key| (key.clone(), self.get(&key, now)))
            .collect()
    }

    pub(super) fn take(
        &mut self,
        limit: &Limit,
        id: &str,
        cost: u64,
        now: u64,
        is_node: bool,
    ) -> (bool, u64) {
        let keys = self.keys(limit, id, now);
        let (key, held) = keys[0].clone();
        match limit.algorithm {
            Algorithm::Fixed => {
                let count = amount(held);
                let fits = count + cost <= limit.limit;
                if fits || is_node {
                    self.add(key, cost, now, limit.window);
                }
                let count = if fits || is_node { count + cost } else { count };
                (fits, limit.limit.saturating_sub(count))
            }
            Algorithm::Sliding => {
                let passed = (now % limit.window) as f64 / limit.window as f64;
                let weight = ((1.0 - passed) * amount(keys[1].1) as f64).floor() as u64;
                let used = weight + amount(held);
                let fits = used + cost <= limit.limit;
                if fits || is_node && used < limit.limit {
                    self.add(key, cost, now, 2 * limit.window + 1000);
                }
                let used = if fits || is_node { used + cost } else { used };
                (fits, limit.limit.saturating_sub(used))
            }
            Algorithm::Bucket => {
                let (mut refilled_at, mut tokens) = match held {
                    Some((
                        Held::Bucket {
                            refilled_at,
                            tokens,
                        },
                        _,
                    )) => (refilled_at, tokens),
                    _ => (now, limit.limit),
                };
                let refills = (now - refilled_at) / limit.window;
                refilled_at += refills * limit.window;
                tokens = (tokens + refills * limit.refill).min(limit.limit);
                if tokens < cost {
                    // Node does not say what is left.
                    return (false, if is_node { 0 } else { tokens });
                }
                tokens -= cost;
                let ends = now + (limit.limit - tokens).div_ceil(limit.refill) * limit.window;
                let held = Held::Bucket {
                    refilled_at,
                    tokens,
                };
                self.0.insert(key, (held, ends));
                (true, tokens)
            }
        }
    }

    fn get(&self, key: &str, now: u64) -> Option<(Held, u64)> {
        self.0.get(key).copied().filter(|(_, ends)| *ends > now)
    }

    /// Only what makes a key lets it end.
    fn add(&mut self, key: String, cost: u64, now: u64, ttl: u64) {
        let (count, ends) = match self.get(&key, now) {
            Some((Held::Count(count), ends)) => (count, ends),
            _ => (0, now + ttl),
        };
        self.0.insert(key, (Held::Count(count + cost), ends));
    }
}

fn amount(held: Option<(Held, u64)>) -> u64 {
    match held {
        Some((Held::Count(count), _)) => count,
        _ => 0,
    }
}
