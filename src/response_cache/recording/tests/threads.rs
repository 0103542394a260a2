//! The same on many threads at once.

use http_body_util::BodyExt;
use tokio::sync::mpsc;

use super::*;

struct Channel(mpsc::Receiver<Bytes>);

impl Body for Channel {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0
            .poll_recv(cx)
            .map(|data| data.map(|data| Ok(Frame::data(data))))
    }
}

async fn read(reader: Option<Reader>, at_most: usize) -> Option<Vec<u8>> {
    let mut reader = reader?;
    let mut all = Vec::new();
    for _ in 0..at_most {
        match reader.frame().await {
            None => return Some(all),
            Some(frame) => {
                let data = frame.unwrap().into_data().unwrap();
                all.extend_from_slice(&data);
            }
        }
    }
    None
}

async fn round(round: usize) {
    let site = Site::new();
    let (sender, receiver) = mpsc::channel(2);
    let whole: Vec<u8> = (0..200_000).map(|at| (at % 251) as u8).collect();
    let mut options = site.options();
    // Every other one grows too large on its way.
    options.most = if round.is_multiple_of(2) {
        1 << 20
    } else {
        100_000
    };
    let on_end = Storing {
        site: site.clone(),
        is_told: false,
    };
    let first = Recording::start(Channel(receiver), options, Box::new(on_end));
    let follow = first.follow();
    let mut tasks = vec![tokio::spawn(read(Some(first), usize::MAX))];
    for at in 0..8 {
        let at_most = if at < 4 { usize::MAX } else { at * round };
        tasks.push(tokio::spawn(read(follow.reader(), at_most)));
    }
    let source = whole.clone();
    tokio::spawn(async move {
        for chunk in source.chunks(700 + round * 13) {
            sender.send(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
    });
    for task in tasks {
        if let Some(all) = task.await.unwrap() {
            assert!(all == whole);
        }
    }
    let outcome = match round % 2 {
        0 => Outcome::Stored(whole),
        _ => Outcome::Discarded(Discarded::TooLarge),
    };
    assert!(site.outcomes() == [outcome]);
    drop(follow);
    assert_eq!(site.budget().held(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_on_many_threads_all_get_everything() {
    for at in 0..60 {
        let round = tokio::time::timeout(Duration::from_secs(60), round(at)).await;
        assert!(round.is_ok(), "somebody sleeps for good in round {at}");
    }
}
