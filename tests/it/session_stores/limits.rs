//! Logins that race each other: a subject never has more sessions than it may have.

use http::StatusCode;
use tokio::task::JoinSet;
use tower_upstash::session::{SessionLayer, SessionLimit};

use super::site::{Place, Told, ask, everywhere, lives, log_in};

const LOGINS: usize = 50;
const MOST: u32 = 3;

/// Logs in many times at once, on two processes, and looks on; returns what was answered.
async fn race(place: &Place<'_>, limit: SessionLimit) -> (SessionLayer, Vec<(StatusCode, Told)>) {
    let layers = place.two().map(|layer| layer.per_subject(limit));
    let subject = format!("alice with {limit:?}");
    let mut logins = JoinSet::new();
    for at in 0..LOGINS {
        let (layer, subject) = (layers[at % 2].clone(), subject.clone());
        logins.spawn(async move {
            let login = ask(&layer, None, |session| async move {
                session.authenticate(subject)
            });
            let reply = login.await;
            (reply.status, reply.told)
        });
    }
    let [layer, _] = layers;
    let mut answers = Vec::new();
    while let Some(answer) = logins.join_next().await {
        answers.push(answer.unwrap());
        let live = layer.handle().list(&subject).await.unwrap().len();
        assert!(live <= MOST as usize, "{live} over {}", place.name);
    }
    let live = layer.handle().list(&subject).await.unwrap().len();
    assert_eq!(live, MOST as usize, "{}", place.name);
    (layer, answers)
}

async fn living(layer: &SessionLayer, answers: &[(StatusCode, Told)]) -> usize {
    let mut living = 0;
    for (status, told) in answers {
        match told {
            Told::Token(token) => {
                assert_eq!(*status, StatusCode::OK);
                living += usize::from(lives(layer, token).await);
            }
            told => assert_eq!(*told, Told::Nothing),
        }
    }
    living
}

#[tokio::test]
async fn fifty_logins_at_once_evict_the_oldest_and_leave_three() {
    everywhere(async |place| {
        let (layer, answers) = race(place, SessionLimit::evict_oldest(MOST)).await;
        let done = answers
            .iter()
            .filter(|(status, _)| *status == StatusCode::OK)
            .count();
        // Nobody is refused: whoever finds no room makes some.
        assert_eq!(done, LOGINS, "{}: {answers:?}", place.name);
        assert_eq!(
            living(&layer, &answers).await,
            MOST as usize,
            "{}",
            place.name
        );
    })
    .await;
}

#[tokio::test]
async fn fifty_logins_at_once_beyond_the_limit_are_refused() {
    everywhere(async |place| {
        let (layer, answers) = race(place, SessionLimit::reject(MOST)).await;
        let with = |status| answers.iter().filter(|(own, _)| *own == status).count();
        let counts = [with(StatusCode::OK), with(StatusCode::FORBIDDEN)];
        assert_eq!(
            counts,
            [MOST as usize, LOGINS - MOST as usize],
            "{}",
            place.name
        );
        assert_eq!(
            living(&layer, &answers).await,
            MOST as usize,
            "{}",
            place.name
        );
    })
    .await;
}

/// The session that ends in the same request was counted, or ended twice in one batch, which no store takes.
#[tokio::test]
async fn who_logs_out_and_in_at_once_takes_the_place_of_the_own_session() {
    everywhere(async |place| {
        for (limit, looks) in [
            (SessionLimit::evict_oldest(1), false),
            (SessionLimit::evict_oldest(1), true),
            (SessionLimit::reject(1), false),
            (SessionLimit::reject(1), true),
        ] {
            let layer = place.layer().per_subject(limit);
            let subject = format!("bob with {limit:?} {looks}");
            let old = log_in(&layer, None, &subject).await;
            let again = ask(&layer, Some(&old), async |session| {
                if looks {
                    session.subject().await?;
                }
                session.destroy()?;
                session.authenticate(&*subject)
            });
            let new = again.await.token();
            assert!(!lives(&layer, &old).await, "{}: {subject}", place.name);
            assert!(lives(&layer, &new).await, "{}: {subject}", place.name);
            let all = layer.handle().list(&subject).await.unwrap();
            assert_eq!(all.len(), 1, "{}: {subject}", place.name);
        }
    })
    .await;
}
