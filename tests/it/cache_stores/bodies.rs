//! Bodies of every size come back as they were, byte by byte, out of every store.

use bytes::Bytes;

use super::site::{App, Site};

/// Bytes of all values, of which no two places look alike, or that compress well.
fn body(size: usize, is_text: bool) -> Bytes {
    let mut state = size as u64 + 1;
    let bytes = (0..size).map(|at| {
        if is_text {
            return b"abc, "[at / 7 % 5];
        }
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    });
    bytes.collect()
}

#[tokio::test]
async fn bodies_of_all_sizes_come_back_as_they_were() {
    let site = Site::start().await;
    let edges = [1 << 10, 4 << 10, 16 << 10, 32 << 10, 64 << 10];
    let near = edges.iter().flat_map(|edge| [edge - 1, *edge, edge + 1]);
    let sizes: Vec<usize> = (0..6).chain(near).chain([200_000, 700_000]).collect();
    for place in site.places() {
        site.flush().await;
        let (app, layer, other) = (App::new(), place.layer(), place.layer());
        for size in &sizes {
            for is_text in [false, true] {
                let what = format!("{} {size} {is_text}", place.name);
                let body = body(*size, is_text);
                app.body(body.clone());
                let path = format!("/{size}/{is_text}");
                let answer = app.get(&layer, &path).await;
                assert!(answer.body == body, "{what}");
                for layer in [&layer, &other] {
                    let answer = app.get(layer, &path).await;
                    assert!(answer.is_hit(), "{what}: {}", answer.how());
                    assert!(answer.body == body, "{what}: {} bytes", answer.body.len());
                }
            }
        }
    }
}

/// What looks like a marker of the store or of the codec is only a body.
#[tokio::test]
async fn bodies_and_fields_that_look_like_ours_are_nothing_special() {
    let site = Site::start().await;
    for place in site.places() {
        site.flush().await;
        let (app, layer) = (App::new(), place.layer());
        let bodies: [&[u8]; 8] = [
            b"",
            b"\x01_wA",
            b"\x01",
            b"tc1B",
            b"\n\n",
            b"\xff\x00",
            "é\u{2028}".as_bytes(),
            b"12 9 content-type: text/html\n",
        ];
        for (at, body) in bodies.into_iter().enumerate() {
            for field in ["", " ", "a: b", ";", "12 9 x: y"] {
                app.header("x-own", field);
                app.header("content-type", "text/plain; charset=\"utf-8\"");
                app.body(Bytes::from_static(body));
                let path = format!("/{at}/{}", field.len());
                let first = app.get(&layer, &path).await;
                let answer = app.get(&layer, &path).await;
                assert!(answer.is_hit(), "{} {body:?} {field:?}", place.name);
                assert_eq!(answer.body, body, "{}", place.name);
                for name in ["x-own", "content-type", "cache-control"] {
                    assert_eq!(answer.headers.get(name), first.headers.get(name), "{name}");
                }
            }
        }
    }
}
