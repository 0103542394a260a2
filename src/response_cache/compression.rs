//! Large bodies at rest, compressed with LZ4 where it helps.
//!
//! Only what lies in the store is compressed, and never what is sent: a client sees the body that the service made.

use std::borrow::Cow;

use bytes::Bytes;
use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use crate::lz4;

/// Which bodies are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// None: the store is in this process, and would only trade memory for time.
    Never,
    /// Those of at least so many bytes.
    From(usize),
}

impl Default for Compression {
    /// Four kibibytes: what is smaller fits the packets it would take anyway.
    fn default() -> Self {
        Self::From(4 << 10)
    }
}

/// What tells whether a body is worth it.
const SAMPLE: usize = 16 << 10;
/// What has to be saved: an eighth.
const SAVED: usize = 8;

/// Returns a compressed body, or `None` where it stays as it is: it is too small, says that it is compressed already, or
/// would not lose an eighth.
pub(super) fn compress(setting: Compression, headers: &HeaderMap, body: &[Bytes]) -> Option<Bytes> {
    let Compression::From(threshold) = setting else {
        return None;
    };
    let length: usize = body.iter().map(Bytes::len).sum();
    if length < threshold.max(1) || !promises(headers) {
        return None;
    }
    let body = whole(body);
    if let Some(sample) = body.get(..SAMPLE).filter(|_| body.len() >= 2 * SAMPLE) {
        lz4::pack(sample, SAVED)?;
    }
    lz4::pack(&body, SAVED).map(Bytes::from)
}

/// Returns what was compressed. `None` if it is damaged, or longer than `max` bytes.
pub(super) fn expand(compressed: &[u8], whole: usize, max: usize) -> Option<Bytes> {
    if whole > max {
        return None;
    }
    lz4::unpack(compressed, whole)
}

fn whole(chunks: &[Bytes]) -> Cow<'_, [u8]> {
    match chunks {
        [chunk] => Cow::Borrowed(chunk),
        chunks => Cow::Owned(chunks.concat()),
    }
}

fn promises(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
        && types.all(|media| !is_dense(media.as_bytes()))
}

/// Returns whether a media type is compressed by itself. An unknown one is tried.
fn is_dense(media: &[u8]) -> bool {
    const FAMILIES: &[&[u8]] = &[b"image/", b"video/", b"audio/", b"font/woff"];
    const TYPES: &[&[u8]] = &[
        b"application/gzip",
        b"application/pdf",
        b"application/vnd.rar",
        b"application/x-7z-compressed",
        b"application/x-gzip",
        b"application/zip",
        b"application/zstd",
    ];
    const LOOSE: &[&[u8]] = &[b"image/svg+xml", b"image/bmp"];

    let end = media
        .iter()
        .position(|byte| *byte == b';')
        .unwrap_or(media.len());
    let essence = media.get(..end).unwrap_or(media).trim_ascii();
    let is = |listed: &&[u8]| essence.eq_ignore_ascii_case(listed);
    let begins = |family: &&[u8]| {
        let start = essence.get(..family.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(family))
    };
    (FAMILIES.iter().any(begins) && !LOOSE.iter().any(is)) || TYPES.iter().any(is)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const ALWAYS: Compression = Compression::From(0);

    fn headers(encoding: Option<&'static str>, media: Option<&'static str>) -> HeaderMap {
        let encoding = encoding.map(|value| (CONTENT_ENCODING, HeaderValue::from_static(value)));
        let media = media.map(|value| (CONTENT_TYPE, HeaderValue::from_static(value)));
        encoding.into_iter().chain(media).collect()
    }

    /// As hard to compress as it gets.
    fn noise(length: usize) -> Bytes {
        let mut state = 1_u64;
        let next = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        (0..length).map(next).collect()
    }

    #[test]
    fn a_text_in_pieces_comes_back_whole() {
        let pieces = [
            Bytes::from("ab".repeat(9_000)),
            Bytes::new(),
            Bytes::from("c".repeat(9_000)),
        ];
        let compressed =
            compress(Compression::default(), &HeaderMap::new(), &pieces).expect("small");
        assert!(compressed.len() < 1000);
        let expanded = expand(&compressed, 27_000, 27_000).expect("whole");
        assert_eq!(expanded, pieces.concat());
    }

    #[test]
    fn what_saves_too_little_stays_as_it_is() {
        let text = Bytes::from("a".repeat(4095));
        assert_eq!(
            compress(
                Compression::default(),
                &HeaderMap::new(),
                std::slice::from_ref(&text)
            ),
            None
        );
        assert_eq!(
            compress(
                Compression::Never,
                &HeaderMap::new(),
                std::slice::from_ref(&text)
            ),
            None
        );
        assert!(compress(ALWAYS, &HeaderMap::new(), &[text]).is_some());
        for length in [0, 1, 100, SAMPLE, 3 * SAMPLE] {
            assert_eq!(
                compress(ALWAYS, &HeaderMap::new(), &[noise(length)]),
                None,
                "{length}"
            );
        }
        let late = [noise(SAMPLE), Bytes::from(vec![0; 3 * SAMPLE])];
        assert_eq!(
            compress(ALWAYS, &HeaderMap::new(), &late),
            None,
            "the sample decides"
        );
    }

    #[test]
    fn what_is_compressed_already_is_not_tried() {
        let body = [Bytes::from("a".repeat(9000))];
        for (encoding, media, tried) in [
            (Some("gzip"), None, false),
            (Some("identity, br"), None, false),
            (Some("Identity"), None, true),
            (None, Some("image/png"), false),
            (None, Some("Video/MP4; codecs=x"), false),
            (None, Some("application/ZIP ; x"), false),
            (None, Some("image/svg+xml; charset=utf-8"), true),
            (None, Some("text/html; charset=utf-8"), true),
            (None, Some("application/zipped"), true),
            (None, Some(""), true),
        ] {
            let headers = headers(encoding, media);
            assert_eq!(
                compress(ALWAYS, &headers, &body).is_some(),
                tried,
                "{encoding:?} {media:?}"
            );
        }
    }

    #[test]
    fn no_more_is_expanded_than_was_promised_and_allowed() {
        let body = Bytes::from("a".repeat(9000));
        let compressed = compress(ALWAYS, &HeaderMap::new(), &[body]).expect("small");
        assert_eq!(expand(&compressed, 9000, 8999), None);
        for whole in [0, 1, 8999, 9001, usize::MAX] {
            assert_eq!(expand(&compressed, whole, usize::MAX), None, "{whole}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_body_comes_back(body in prop::collection::vec(0_u8..4, 0..3000)) {
            let length = body.len();
            let body = Bytes::from(body);
            if let Some(compressed) = compress(ALWAYS, &HeaderMap::new(), std::slice::from_ref(&body)) {
                prop_assert!(compressed.len() <= length - length / 8);
                prop_assert_eq!(expand(&compressed, length, length), Some(body));
            }
        }

        #[test]
        fn damaged_bytes_expand_to_nothing_else_and_without_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            whole in 0_usize..5000,
        ) {
            prop_assert!(expand(&bytes, whole, 4000).is_none_or(|body| body.len() == whole));
        }
    }
}
