//! Quotas as text, for configuration: `60/min`, `strict 5/15min`, `100/h burst 20`.

use std::{fmt, str::FromStr, time::Duration};

use super::{Algorithm, InvalidQuota, Quota};

/// By words of configuration; GCRA needs none.
const ALGORITHMS: [(&str, Algorithm); 6] = [
    ("gcra", Algorithm::Gcra),
    ("fixed", Algorithm::FixedWindow),
    ("aligned", Algorithm::AlignedWindow),
    ("sliding", Algorithm::SlidingWindow),
    ("strict", Algorithm::StrictWindow),
    ("bucket", Algorithm::TokenBucket),
];

/// Names and microseconds, the longest first. Of each, the first name is the one that is written.
const UNITS: [(&[&str], u64); 6] = [
    (&["d", "day", "days"], 24 * 60 * 60 * 1_000_000),
    (&["h", "hour", "hours"], 60 * 60 * 1_000_000),
    (&["min", "m", "minute", "minutes"], 60 * 1_000_000),
    (&["s", "sec", "second", "seconds"], 1_000_000),
    (&["ms"], 1000),
    (&["us"], 1),
];

impl FromStr for Quota {
    type Err = InvalidQuota;

    /// Reads `algorithm limit / count unit burst n`, as in `60/min`, `10/10s`, `1_000/day`, `1/500ms`,
    /// `100/1h burst 20`, `strict 5/15min` and `bucket 10/min burst 50`; or `none`, which is [`Quota::NONE`].
    ///
    /// - The algorithm is `gcra`, `fixed`, `aligned`, `sliding`, `strict` or `bucket`. Default: `gcra`.
    /// - The count is a whole number. Default: 1.
    /// - The unit is `us`, `ms`, `s` (`sec`, `second`), `min` (`m`, `minute`), `h` (`hour`) or `d` (`day`), of which the
    ///   long ones also have a plural. A day has 24 hours.
    /// - The burst is for `gcra` and `bucket`. Default: the limit.
    ///
    /// Upper and lower case are the same, spaces may be anywhere but inside of numbers and words, and digits may be grouped
    /// by `_`.
    ///
    /// # Errors
    /// If the text is anything else, or as [`Quota::new`] and [`Quota::try_burst`].
    fn from_str(text: &str) -> Result<Self, InvalidQuota> {
        Self::read(text, |numbers| {
            numbers.quota(numbers.algorithm.unwrap_or(Algorithm::Gcra))
        })
    }
}

impl fmt::Display for Quota {
    /// Writes what [`FromStr`] reads as this quota.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("none");
        }
        let word = ALGORITHMS.iter().find(|(_, one)| *one == self.algorithm);
        if let Some((word, _)) = word.filter(|_| self.algorithm != Algorithm::Gcra) {
            write!(f, "{word} ")?;
        }
        write!(f, "{}/", self.limit)?;
        let fits = |(_, micros): &&(&[&str], u64)| self.window.is_multiple_of(*micros);
        if let Some(([unit, ..], micros)) = UNITS.iter().find(fits) {
            match self.window / micros {
                1 => f.write_str(unit)?,
                count => write!(f, "{count}{unit}")?,
            }
        }
        if self.burst != self.limit {
            write!(f, " burst {}", self.burst)?;
        }
        Ok(())
    }
}

impl Quota {
    /// Reads a text that stands for this quota in the configuration of an operator, who thinks of its numbers only: as
    /// [`FromStr`](Self::from_str), but without a word for the algorithm it stays the one of this quota. A
    /// quota in strict windows remains strict when it is replaced by `10/15min`.
    ///
    /// `none` is [`NONE`](Self::NONE), and where this quota is [`NONE`](Self::NONE), which has no algorithm to keep, the
    /// text is read by itself.
    ///
    /// # Errors
    /// As [`FromStr`](Self::from_str), and if this quota has a burst other than its limit, but the text has neither a burst
    /// nor an algorithm: the old burst need not suit the new limit, and the new limit as a burst may be many times the old
    /// one.
    pub fn with_numbers(&self, text: &str) -> Result<Self, InvalidQuota> {
        if *self == Self::NONE {
            return text.parse();
        }
        Self::read(text, |numbers| {
            if numbers.algorithm.is_none() && numbers.burst.is_none() && self.burst != self.limit {
                return Err(InvalidQuota::new(
                    "what it replaces has a burst apart from its limit, so the burst must be stated",
                ));
            }
            numbers.quota(numbers.algorithm.unwrap_or(self.algorithm))
        })
    }

    fn read(
        text: &str,
        quota: impl FnOnce(&Numbers) -> Result<Self, InvalidQuota>,
    ) -> Result<Self, InvalidQuota> {
        let read = Tokens(text).read();
        read.and_then(|numbers| numbers.as_ref().map_or(Ok(Self::NONE), quota))
            .map_err(|error| error.in_text(text))
    }
}

/// What a text says.
struct Numbers {
    algorithm: Option<Algorithm>,
    limit: u32,
    window: Duration,
    burst: Option<u32>,
}

impl Numbers {
    fn quota(&self, algorithm: Algorithm) -> Result<Quota, InvalidQuota> {
        let quota = Quota::new(algorithm, self.limit, self.window)?;
        self.burst.map_or(Ok(quota), |burst| quota.try_burst(burst))
    }
}

/// What is still to be read.
struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    /// Reads everything. `None` is the text of no quota.
    fn read(mut self) -> Result<Option<Numbers>, InvalidQuota> {
        let word = self.word();
        if word.eq_ignore_ascii_case("none") {
            return self.end().map(|()| None);
        }
        let algorithm = match word {
            "" => None,
            word => Some(algorithm(word)?),
        };
        let limit = self.units("it has no limit")?;
        self.slash()?;
        let window = self.window()?;
        let burst = match self.word() {
            "" => None,
            word if word.eq_ignore_ascii_case("burst") => {
                Some(self.units("`burst` is followed by a number")?)
            }
            _ => return Err(InvalidQuota::new("only `burst` follows the window")),
        };
        self.end()?;
        Ok(Some(Numbers {
            algorithm,
            limit,
            window,
            burst,
        }))
    }

    fn units(&mut self, missing: &'static str) -> Result<u32, InvalidQuota> {
        let number = self.number()?.ok_or(InvalidQuota::new(missing))?;
        let number = u32::try_from(number);
        number.map_err(|_| InvalidQuota::new("limit and burst are at most 4294967295"))
    }

    fn window(&mut self) -> Result<Duration, InvalidQuota> {
        let count = self.number()?.unwrap_or(1);
        let name = self.word();
        let is =
            |(names, _): &&(&[&str], u64)| names.iter().any(|one| one.eq_ignore_ascii_case(name));
        match UNITS.iter().find(is) {
            Some((_, micros)) => Ok(Duration::from_micros(count.saturating_mul(*micros))),
            None if name.is_empty() => Err(InvalidQuota::new("it has no unit of time")),
            None => Err(InvalidQuota::new(
                "the units of time are us, ms, s, min, h and d",
            )),
        }
    }

    fn word(&mut self) -> &'a str {
        self.take(|c| c.is_alphabetic())
    }

    /// Reads a number, if there is one: of those that are too large, the largest.
    fn number(&mut self) -> Result<Option<u64>, InvalidQuota> {
        let digits = self.take(|c| c.is_ascii_digit() || c == '_');
        if digits.is_empty() {
            return Ok(None);
        }
        if digits.starts_with('_') {
            return Err(InvalidQuota::new("a number begins with a digit"));
        }
        let digits = digits.bytes().filter(|byte| *byte != b'_');
        Ok(Some(digits.fold(0, |number: u64, digit| {
            let number = number.saturating_mul(10);
            number.saturating_add(u64::from(digit - b'0'))
        })))
    }

    fn slash(&mut self) -> Result<(), InvalidQuota> {
        let rest = self.0.trim_start().strip_prefix('/');
        self.0 = rest.ok_or(InvalidQuota::new("a `/` and a window follow the limit"))?;
        Ok(())
    }

    fn end(&self) -> Result<(), InvalidQuota> {
        if self.0.trim_start().is_empty() {
            Ok(())
        } else {
            Err(InvalidQuota::new("it goes on where it should end"))
        }
    }

    fn take(&mut self, of: impl Fn(char) -> bool) -> &'a str {
        let text = self.0.trim_start();
        let end = text.find(|c| !of(c)).unwrap_or(text.len());
        let (token, rest) = text.split_at(end);
        self.0 = rest;
        token
    }
}

fn algorithm(word: &str) -> Result<Algorithm, InvalidQuota> {
    let named = |(name, _): &&(&str, Algorithm)| name.eq_ignore_ascii_case(word);
    let found = ALGORITHMS.iter().find(named);
    found
        .map(|(_, algorithm)| *algorithm)
        .ok_or(InvalidQuota::new(
            "the algorithms are gcra, fixed, aligned, sliding, strict and bucket",
        ))
}
