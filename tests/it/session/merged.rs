//! Several requests that write at the same time. Whoever visits within the handler of another one is faster.

use http::Extensions;
use serde_json::json;
use tower_upstash::session::{Session, SessionErrorKind, TypedSession};

use super::{
    app::{App, all, count, kind, n},
    spy::{Call, Trouble},
};

/// tower-sessions 0.15 writes the whole record back: of two keys that were set at the same time, one is lost.
#[tokio::test]
async fn different_keys_are_merged() {
    let app = App::new();
    let browser = app.visitor().await;
    let tab = browser.clone();
    browser
        .visit(async |s| {
            n(s.clone()).await?;
            tab.visit(async |s| s.set("a", "faster")).await.value();
            s.set("b", "slower")
        })
        .await
        .value();
    let values = async |s: Session| {
        let a: Option<String> = s.get("a").await?;
        Ok((a, s.get::<String>("b").await?, n(s).await?))
    };
    let expected = (Some("faster".into()), Some("slower".into()), Some(1));
    assert_eq!(browser.visit(values).await.value(), expected);
    assert_eq!(app.events(), ["Conflict"]);
}

#[tokio::test]
async fn of_one_key_the_later_value_stays() {
    let app = App::new();
    let browser = app.visitor().await;
    browser
        .visit(async |s| {
            n(s.clone()).await?;
            browser.visit(async |s| s.set("n", &2)).await.value();
            s.set("n", &3)
        })
        .await
        .value();
    assert_eq!(browser.visit(n).await.value(), Some(3));
}

#[tokio::test]
async fn an_update_runs_again_on_what_others_wrote() {
    let app = App::new();
    let browser = app.visitor().await;
    browser
        .visit(async |s| {
            n(s.clone()).await?;
            for _ in 0..3 {
                browser.visit(count).await.value();
            }
            count(s.clone()).await?;
            count(s).await
        })
        .await
        .value();
    assert_eq!(browser.visit(n).await.value(), Some(6));
}

#[tokio::test]
async fn nothing_is_lost_of_what_fifty_count() {
    let app = App::new();
    let browser = app.visitor().await;
    for seen in all((0..50).map(|_| browser.visit(count))).await {
        seen.value();
    }
    assert_eq!(browser.visit(n).await.value(), Some(51));
}

#[tokio::test]
async fn what_is_taken_is_taken_once_and_a_newer_value_stays() {
    let app = App::new();
    let browser = app.visitor().await;
    let taken = browser
        .visit(async |s| {
            let taken: Option<u64> = s.take("n").await?;
            assert_eq!(s.take::<u64>("n").await?, None);
            browser.visit(async |s| s.set("n", &2)).await.value();
            Ok(taken)
        })
        .await;
    assert_eq!(taken.value(), Some(1));
    let taken = browser.visit(async |s| s.take::<u64>("n").await).await;
    assert_eq!(taken.value(), Some(2));
    assert_eq!(browser.visit(n).await.value(), None);
}

#[tokio::test]
async fn flashes_are_shown_once_and_those_of_others_stay() {
    let app = App::new();
    let browser = app.browser();
    browser
        .visit(async |s| {
            s.flash("saved")?;
            s.flash("twice")
        })
        .await
        .value();
    let shown = browser
        .visit(async |s| {
            let shown = s.take_flashes::<String>().await?;
            browser.visit(async |s| s.flash("late")).await.value();
            Ok(shown)
        })
        .await;
    assert_eq!(shown.value(), ["saved", "twice"]);
    let shown = browser
        .visit(async |s| s.take_flashes::<String>().await)
        .await;
    assert_eq!(shown.value(), ["late"]);
    let shown = browser
        .visit(async |s| s.take_flashes::<String>().await)
        .await;
    assert!(shown.value().is_empty());
}

#[tokio::test]
async fn typed_sessions_replay_their_changes() {
    let app = App::new();
    let browser = app.browser();
    let push = async |s: Session, item: u64| {
        let cart = TypedSession::<Vec<u64>>::new(s);
        cart.modify(move |items| items.push(item))
    };
    browser.visit(async |s| push(s, 1).await).await.value();
    browser
        .visit(async |s| {
            let cart = TypedSession::<Vec<u64>>::new(s.clone());
            assert_eq!(cart.get().await?, [1]);
            browser.visit(async |s| push(s, 2).await).await.value();
            push(s, 3).await?;
            assert_eq!(cart.get().await?, [1, 3]);
            Ok(())
        })
        .await
        .value();
    let items = async |s| TypedSession::<Vec<u64>>::new(s).get().await;
    assert_eq!(browser.visit(items).await.value(), [1, 2, 3]);
    let replaced = async |s| TypedSession::<Vec<u64>>::new(s).replace(&vec![9]);
    browser.visit(replaced).await.value();
    assert_eq!(browser.visit(items).await.value(), [9]);
    let missing = TypedSession::<Vec<u64>>::of(&Extensions::new());
    assert_eq!(missing.unwrap_err().kind(), SessionErrorKind::MissingLayer);
}

#[tokio::test]
async fn an_explicit_commit_is_written_at_once_and_what_comes_later_with_the_head() {
    let app = App::new();
    let browser = app.visitor().await;
    browser
        .visit(async |s| {
            s.set("a", &1)?;
            s.commit().await?;
            assert_eq!(app.store.calls(), [Call::Read(1), Call::Write(1)]);
            let seen = browser.visit(async |s| s.get::<u64>("a").await).await;
            assert_eq!(seen.value(), Some(1));
            s.set("b", &2)?;
            assert_eq!(s.get::<u64>("a").await?, Some(1));
            app.store.calls();
            Ok(())
        })
        .await
        .value();
    assert_eq!(app.store.calls(), [Call::Write(1)]);
    let both = async |s: Session| Ok([s.get::<u64>("a").await?, s.get("b").await?]);
    assert_eq!(browser.visit(both).await.value(), [Some(1), Some(2)]);
}

/// A read that runs beside a commit made a view of the data from before it, which was kept after it.
#[tokio::test]
async fn what_is_read_beside_a_commit_is_not_kept() {
    let app = App::new();
    let browser = app.visitor().await;
    let seen = browser
        .visit(async |s| {
            n(s.clone()).await?;
            s.set("a", &1)?;
            let beside = async {
                s.set("b", &2)?;
                s.get::<u64>("n").await
            };
            let (committed, read) = tokio::join!(s.commit(), beside);
            committed?;
            assert_eq!(read?, Some(1));
            Ok([s.get::<u64>("a").await?, s.get("b").await?])
        })
        .await;
    assert_eq!(seen.value(), [Some(1), Some(2)]);
}

#[tokio::test]
async fn whoever_never_wins_is_told_of_the_conflict() {
    let app = App::new();
    let browser = app.visitor().await;
    app.store.set(Trouble::Rivals);
    let seen = browser.visit(count).await;
    assert_eq!((seen.status, seen.field("retry-after")), (409, Some("1")));
    let explicit = browser
        .visit(async |s| {
            count(s.clone()).await?;
            let written = s.commit().await;
            assert_eq!(kind(&written), SessionErrorKind::Conflict);
            // Nothing was written: the session can be used as before.
            n(s).await
        })
        .await;
    assert_eq!(explicit.value(), Some(1));
    app.store.set(Trouble::None);
    assert_eq!(browser.visit(n).await.value(), Some(1));
}

#[tokio::test]
async fn a_closure_that_panics_breaks_nothing_else() {
    let app = App::new();
    let browser = app.visitor().await;
    let seen = browser
        .visit(async |s| {
            n(s.clone()).await?;
            s.set("m", &5)?;
            s.get::<u64>("m").await?; // from here on, updates run at once
            s.exists().await?;
            s.update("x", |x: Option<u64>| x.unwrap_or(1))?;
            s.get::<u64>("x").await?;
            s.update("n", |_: Option<u64>| -> u64 { panic!("for a test") })?;
            let looks = tokio::spawn(n(s.clone()));
            assert!(looks.await.unwrap_err().is_panic());
            s.set("n", &1)?; // in the place of the update
            s.set("a", &json!({"still": "here"}))?;
            n(s).await
        })
        .await;
    assert_eq!(seen.value(), Some(1));
    let values = async |s: Session| Ok((s.get::<u64>("m").await?, s.get::<u64>("x").await?));
    assert_eq!(browser.visit(values).await.value(), (Some(5), Some(1)));
}

#[tokio::test]
async fn an_update_that_finds_another_type_fails_the_commit() {
    let app = App::new();
    let browser = app.visitor().await;
    let broken = async |s: Session| s.update("n", |text: Option<String>| text.unwrap_or_default());
    let seen = browser.visit(broken).await;
    assert_eq!(seen.status, 500);
    assert!(seen.result.is_ok());
    assert_eq!(browser.visit(n).await.value(), Some(1));
    assert_eq!(
        kind(
            &browser
                .visit(async |s| {
                    broken(s.clone()).await?;
                    n(s).await
                })
                .await
                .result
        ),
        SessionErrorKind::Value
    );
}
