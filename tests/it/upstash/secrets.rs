//! What is never shown: the token, keys, values.

use std::error::Error;

use tower_upstash::store::{Store as _, UpstashStore};

use super::{
    TOKEN, builder, key,
    server::{Answer, Server},
};

/// Everything that an error says.
fn whole(error: &dyn Error) -> String {
    let mut text = format!("{error}\n{error:?}\n{error:#?}\n");
    if let Some(source) = error.source() {
        text += &whole(source);
    }
    text
}

#[tokio::test]
async fn no_error_shows_what_was_asked() {
    let echo = |status| Answer::Echo(status);
    let error =
        |status, text: &str| Answer::page(status, format!("{{\"error\":\"{text} CANARY-scope\"}}"));
    for answer in [
        echo(200),
        echo(401),
        echo(404),
        echo(413),
        echo(429),
        echo(500),
        error(200, "CANARY"),
        error(400, "ERR user_script:1: CANARY-token"),
        error(500, "WRONGTYPE CANARY-scope"),
        Answer::Page(
            502,
            vec![("content-type", "text/CANARY".into())],
            "CANARY".into(),
        ),
        Answer::Nothing,
        Answer::Half,
    ] {
        let server = Server::open();
        server.answer(answer.clone());
        server.answer(answer.clone());
        let store = builder(&server).build().unwrap();
        for keys in [&[key("CANARY-id")][..], &[key("CANARY-a"), key("CANARY-b")]] {
            let text = whole(&store.read(keys).await.unwrap_err());
            assert!(!text.contains("CANARY"), "{answer:?}: {text}");
        }
    }
}

#[tokio::test]
async fn no_debug_shows_the_token() {
    let server = Server::open();
    let settings = builder(&server);
    assert!(!format!("{settings:?}").contains("CANARY"));
    let store = settings.build().unwrap();
    store.ping().await.unwrap();
    assert!(!format!("{store:?} {:?}", store.usage()).contains("CANARY"));
    let wrong = UpstashStore::builder("CANARY", TOKEN);
    assert!(!whole(&wrong.build().unwrap_err()).contains("CANARY"));
}
