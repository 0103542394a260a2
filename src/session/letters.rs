//! base64url without padding (RFC 4648, section 5), in one spelling, for the few lengths that there are.
//!
//! Every request with a token pays for it, and the general decoder takes several times as long.

/// Reads letters, of which each group of four makes three bytes. Returns whether all of them are letters.
pub(super) fn decode(groups: &[[u8; 4]], places: &mut [[u8; 3]]) -> bool {
    let mut all = 0;
    for (group, place) in groups.iter().zip(places) {
        let [a, b, c, d] = group.map(|letter| VALUES[usize::from(letter)]);
        let word = a << 18 | b << 12 | c << 6 | d;
        all |= word;
        let [_, bytes @ ..] = word.to_be_bytes();
        *place = bytes;
    }
    // What is no letter has set the highest bit, wherever it stood.
    all >> 24 == 0
}

/// Writes what [`decode`] reads.
pub(super) fn encode(places: &[[u8; 3]], groups: &mut [[u8; 4]]) {
    for ([a, b, c], group) in places.iter().zip(groups) {
        let word = u32::from_be_bytes([0, *a, *b, *c]);
        *group = [18, 12, 6, 0].map(|shift| LETTERS[(word >> shift & 63) as usize]);
    }
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What letters stand for.
const VALUES: &[u32; 256] = &{
    let mut values = [u32::MAX; 256];
    let mut value = 0;
    while value < LETTERS.len() {
        values[LETTERS[value] as usize] = value as u32;
        value += 1;
    }
    values
};
