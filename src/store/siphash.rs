//! SipHash-1-3 with 128 bits of output: a keyed hash whose collisions nobody finds who does not know the key.
//!
//! By Aumasson and Bernstein (<https://www.aumasson.jp/siphash/siphash.pdf>). Written out here because it is a quarter of
//! what a limit costs, and keys are short: in one piece over a slice it takes half of what a streaming hasher does.

/// Hashes `bytes` under a key.
pub(super) fn siphash128(key: (u64, u64), bytes: &[u8]) -> (u64, u64) {
    let (words, rest) = bytes.as_chunks();
    let rest = rest
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte));
    hash(key, words, rest, bytes.len())
}

/// Hashes the first `len` bytes of what is zero from there on.
#[inline]
pub(super) fn siphash128_padded<const N: usize>(
    key: (u64, u64),
    padded: &[u8; N],
    len: usize,
) -> (u64, u64) {
    let words = padded.as_chunks().0;
    match words.split_at_checked(len / 8) {
        Some((words, [rest, ..])) => hash(key, words, u64::from_le_bytes(*rest), len),
        _ => siphash128(key, padded.get(..len).unwrap_or(padded)),
    }
}

#[inline]
fn hash((key0, key1): (u64, u64), words: &[[u8; 8]], rest: u64, len: usize) -> (u64, u64) {
    let state = [
        key0 ^ 0x736f_6d65_7073_6575,
        key1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
        key0 ^ 0x6c79_6765_6e65_7261,
        key1 ^ 0x7465_6462_7974_6573,
    ];
    let state = words.iter().fold(state, |state, word| {
        absorb(state, u64::from_le_bytes(*word))
    });
    let [v0, v1, v2, v3] = absorb(state, (len as u64) << 56 | rest);
    let [v0, v1, v2, v3] = round(round(round([v0, v1, v2 ^ 0xee, v3])));
    let first = v0 ^ v1 ^ v2 ^ v3;
    let [v0, v1, v2, v3] = round(round(round([v0, v1 ^ 0xdd, v2, v3])));
    (first, v0 ^ v1 ^ v2 ^ v3)
}

#[inline(always)]
fn absorb([v0, v1, v2, v3]: [u64; 4], word: u64) -> [u64; 4] {
    let [v0, v1, v2, v3] = round([v0, v1, v2, v3 ^ word]);
    [v0 ^ word, v1, v2, v3]
}

#[inline(always)]
const fn round([v0, v1, v2, v3]: [u64; 4]) -> [u64; 4] {
    let v0 = v0.wrapping_add(v1);
    let v2 = v2.wrapping_add(v3);
    let v1 = v1.rotate_left(13) ^ v0;
    let v3 = v3.rotate_left(16) ^ v2;
    let v0 = v0.rotate_left(32).wrapping_add(v3);
    let v2 = v2.wrapping_add(v1);
    let v3 = v3.rotate_left(21) ^ v0;
    let v1 = v1.rotate_left(17) ^ v2;
    [v0, v1, v2.rotate_left(32), v3]
}

#[cfg(test)]
mod tests {
    use siphasher::sip128::SipHasher13;

    use super::{siphash128, siphash128_padded};

    #[test]
    fn equals_the_reference_for_every_short_length() {
        let bytes: Vec<u8> = (0..=255).collect();
        for len in 0..bytes.len() {
            for key in [
                (0, 0),
                (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908),
                (u64::MAX, 1),
            ] {
                let reference = SipHasher13::new_with_keys(key.0, key.1).hash(&bytes[..len]);
                assert_eq!(siphash128(key, &bytes[..len]), reference.as_u64());
                let mut padded = [0; 40];
                if let Some(start) = padded.get_mut(..len) {
                    start.copy_from_slice(&bytes[..len]);
                    assert_eq!(siphash128_padded(key, &padded, len), reference.as_u64());
                }
            }
        }
    }
}
