//! Faults of purge logs.

use tower_upstash::store::{Epoch, Position, Purge, Purges, Result, Scope, Store};

use super::{Broken, Fault};

impl Broken {
    pub(super) async fn faulty_purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        match (self.fault, what) {
            (Fault::KeepsEverything, Purge::Everything) => {
                self.inner.purge(log, Purge::Tags(&[])).await
            }
            (Fault::KnowsNoMost, Purge::Tags(tags)) if tags.len() > 256 => {
                self.inner.purge(log, Purge::Tags(&tags[..256])).await?;
                self.inner.purge(log, Purge::Tags(&tags[256..])).await
            }
            (Fault::WorksInSteps, Purge::Tags(tags)) => {
                for tag in tags.chunks(1) {
                    self.inner.purge(log, Purge::Tags(tag)).await?;
                    tokio::task::yield_now().await;
                }
                self.inner.purge(log, Purge::Tags(&[])).await
            }
            (Fault::NumbersPurgesAlike, what) => self.inner.purge(log, what).await.map(alike),
            (_, what) => self.inner.purge(log, what).await,
        }
    }

    pub(super) async fn faulty_purges(
        &self,
        log: &Scope,
        since: Option<Position>,
    ) -> Result<Purges> {
        let mut purges = self.inner.purges(log, since).await?;
        match self.fault {
            Fault::BeginsALogOnEachLook => {
                self.notes().reads += 1;
                let epoch = Epoch::new(self.notes().reads.into());
                purges.position = Position::new(epoch, 0, 0);
            }
            Fault::NumbersPurgesAlike => purges.position = alike(purges.position),
            Fault::ForgetsMarks => purges.marks.clear(),
            Fault::MarksTooLate => purges.marks.iter_mut().for_each(|(_, id)| *id += 1000),
            Fault::AnswersOnlyWhatIsNew if since.is_some() => purges.complete = false,
            Fault::ForgetsOldMarks => {
                purges.marks.sort_by_key(|(_, id)| std::cmp::Reverse(*id));
                purges.marks.truncate(1024);
            }
            _ => {}
        }
        Ok(purges)
    }
}

fn alike(position: Position) -> Position {
    Position::new(position.epoch(), 1, position.nonce())
}
