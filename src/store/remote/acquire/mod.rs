//! Acquires: one script for all claims of a call, all or nothing; and two small ones for the commonest single claims.
//!
//! Our own layout is a string for each key, named [`Key::to_text`](crate::store::Key::to_text), decided by the server's
//! clock (or, by a [setting](Settings::client_clock), by the client's). It costs TIME, an MGET and a SET for each key that
//! changes: n + 3 with the script itself, 3 when refused, one less by the client's clock.
//!
//! Limits [shared](Settings::upstash_ratelimit) with `@upstash/ratelimit` lie as that has them, see [`shared`].
//!
//! Numbers are exact up to 2<sup>53</sup>: a wait, a debt or an end that reaches beyond is cut to it, as a timestamp is
//! to the year 2255. No limit is missed for that: by GCRA, whose state is its end, a burst takes half of it at most to
//! come back, which is 142 years, so until 2112 only debts are cut.

mod call;
mod settings;
mod shared;

pub(crate) use self::settings::Settings;
use self::{
    call::{Call, window},
    shared::{Place, place},
};
use super::{
    Bill, RemoteStore, Reply, Wire, bill::Tally, command::text, reply::unexpected, script::Script,
};
use crate::{
    store::{Claim, Decision, Decisions, Result, Spend, Verdict, Window},
    time::Timestamp,
};

static FIXED: Script = Script::new(include_str!("fixed.lua")).deciding();

impl<W: Wire> RemoteStore<W> {
    pub(super) async fn acquire_claims(&self, claims: &[Claim]) -> Result<Decisions> {
        Claim::validate(claims)?;
        let mut decisions = Decisions::new();
        match claims {
            [] => return Ok(decisions),
            [claim] => {
                if let Some(take) = FixedTake::of(claim, &self.settings)? {
                    decisions.push(claim, self.take_fixed(&take).await?);
                    return Ok(decisions);
                }
            }
            _ => {}
        }
        let call = Call::new(claims, &self.settings)?;
        let reads = call.reads;
        let tally =
            Tally::new(move |reply| Bill::new(reads, reply.count_at(0)).unless_refused(reply));
        let reply = self
            .run(call.script, &call.keys, &call.arguments, &tally)
            .await?;
        let mut numbers = reply.array()?.into_iter().skip(1).map(Reply::integer);
        let mut number = || numbers.next().unwrap_or_else(|| Err(unexpected()));
        for claim in claims {
            let verdict = match number()? {
                -1 => Verdict::Never,
                0 => Verdict::Allowed,
                wait => Verdict::Refused {
                    retry_micros: unsigned(wait)?,
                },
            };
            let remaining = u32::try_from(number()?).map_err(|_| unexpected())?;
            let reset = unsigned(number()?)?;
            let window = Window::from_u64(unsigned(number()?)?);
            let capacity = claim.quota().capacity();
            decisions.push(
                claim,
                Decision::new(verdict, capacity, remaining, reset, window),
            );
        }
        Ok(decisions)
    }

    async fn take_fixed(&self, take: &FixedTake<'_>) -> Result<Decision> {
        let quota = take.claim.quota();
        let (limit, cost) = (i64::from(quota.limit()), i64::from(take.cost));
        let arguments = [
            text(u64::from(take.cost)),
            text(u64::from(quota.limit())),
            text(window(quota) / 1000),
        ];
        let tally = Tally::new(move |reply| {
            let count = reply.number().unwrap_or_default();
            let writes = 1 + u64::from(count > limit || count == cost);
            Bill::new(0, writes).unless_refused(reply)
        });
        let key = std::slice::from_ref(&take.key);
        let count = self.run(&FIXED, key, &arguments, &tally).await?.integer()?;

        let now = take.now.as_micros();
        let start = now - now % window(quota);
        let wait = start + window(quota) - now;
        let (verdict, count) = if count > limit {
            (
                Verdict::Refused { retry_micros: wait },
                count.saturating_sub(cost),
            )
        } else {
            (Verdict::Allowed, count)
        };
        let remaining = limit.saturating_sub(count).clamp(0, limit) as u32;
        let reset = if count > 0 { wait } else { 0 };
        Ok(Decision::new(
            verdict,
            quota.capacity(),
            remaining,
            reset,
            Window::from_u64(start),
        ))
    }
}

/// A take from a fixed window that is shared.
struct FixedTake<'a> {
    claim: &'a Claim,
    key: bytes::Bytes,
    cost: u32,
    now: Timestamp,
}

impl<'a> FixedTake<'a> {
    fn of(claim: &'a Claim, settings: &Settings) -> Result<Option<Self>> {
        let (quota, key) = (claim.quota(), claim.key());
        let Spend::Take(cost @ 1..) = claim.spending() else {
            return Ok(None);
        };
        let Some(prefix) = settings
            .prefix(key.scope().name())
            .filter(|_| cost <= quota.limit())
        else {
            return Ok(None);
        };
        let now = settings.now();
        Ok(match place(prefix, key, quota, now)? {
            Place::Fixed { key } => Some(Self {
                claim,
                key: key.into(),
                cost,
                now,
            }),
            Place::Sliding { .. } | Place::Bucket { .. } => None,
        })
    }
}

fn unsigned(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| unexpected())
}
