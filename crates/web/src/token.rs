//! The text of a token: `exh_`, 30 random characters, and 6 that check them.
//!
//! The form is that of GitHub's tokens: a prefix that scanners know, and a checksum by which they tell a token from a
//! look-alike without asking anybody. The database keeps the keyed hash alone.

use std::fmt;

use exhibit_store::service::KeyedHash;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// What every token begins with.
pub const PREFIX: &str = "exh_";
/// Random characters: about 178 bits.
const RANDOM: usize = 30;
/// Characters of the checksum.
const CHECK: usize = 6;
/// How many of the random ones the database knows, to find the hash by: about 131 bits stay unknown.
const LOOKUP: usize = 8;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A token's text. Debug shows nothing of it, and its memory is wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenText(Zeroizing<String>);

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText([redacted])")
    }
}

/// A text that is no token. It says nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token: expected exh_ and {RANDOM} characters with their checksum", RANDOM = RANDOM + CHECK)]
pub struct NotAToken;

impl TokenText {
    /// A fresh token, of what `fill` gives as randomness.
    pub fn mint(fill: impl Fn(&mut [u8])) -> Self {
        let mut random = Zeroizing::new(String::with_capacity(RANDOM));
        while random.len() < RANDOM {
            let mut byte = [0];
            fill(&mut byte);
            // 248 is the largest multiple of 62 in a byte: beyond it some characters would come more often.
            if byte[0] < 248 {
                random.push(char::from(DIGITS[usize::from(byte[0]) % 62]));
            }
        }
        let check = checksum(&random);
        Self(Zeroizing::new(format!("{PREFIX}{}{check}", *random)))
    }

    /// Reads a token, and checks its form and checksum.
    ///
    /// # Errors
    /// When the text is none.
    pub fn parse(text: &str) -> Result<Self, NotAToken> {
        let rest = text.strip_prefix(PREFIX).ok_or(NotAToken)?;
        if rest.len() != RANDOM + CHECK || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(NotAToken);
        }
        let (random, check) = rest.split_at(RANDOM);
        if checksum(random) != check {
            return Err(NotAToken);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The characters by which the database finds the token.
    #[must_use]
    pub fn lookup(&self) -> &str {
        &self.0[PREFIX.len()..PREFIX.len() + LOOKUP]
    }

    /// The last four characters, by which people tell their tokens apart. They belong to the checksum.
    #[must_use]
    pub fn last4(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }

    /// The whole text, to be shown once to the person whose it is.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// CRC-32 (ISO 3309) of the random part, as six digits to the base 62.
fn checksum(random: &str) -> String {
    let mut rest = crc32fast::hash(random.as_bytes());
    let mut digits = [b'0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

/// The deployment's key for tokens' hashes: who has the database alone can't test a guess.
#[derive(Clone, ZeroizeOnDrop)]
pub struct TokenKey([u8; 32]);

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey([redacted])")
    }
}

impl TokenKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn mac(&self, token: &TokenText) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(b"exhibit token v1\0");
        mac.update(token.0.as_bytes());
        mac
    }

    /// What the database keeps of a session's id.
    pub(crate) fn session_hash(&self, id: &str) -> KeyedHash {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(b"exhibit session v1\0");
        mac.update(id.as_bytes());
        KeyedHash(mac.finalize().into_bytes().into())
    }

    /// What the database keeps of a token: HMAC-SHA-256 (RFC 2104).
    #[must_use]
    pub fn hash(&self, token: &TokenText) -> KeyedHash {
        KeyedHash(self.mac(token).finalize().into_bytes().into())
    }

    /// Whether the token is the one whose hash was kept, compared in constant time.
    #[must_use]
    pub fn matches(&self, token: &TokenText, kept: &KeyedHash) -> bool {
        self.mac(token).verify_slice(&kept.0).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn counting() -> impl Fn(&mut [u8]) {
        let next = Cell::new(0_u8);
        move |bytes| {
            for byte in bytes {
                *byte = next.get();
                next.set(next.get().wrapping_add(37));
            }
        }
    }

    #[test]
    fn a_token_reads_back_and_any_other_character_breaks_it() {
        let token = TokenText::mint(counting());
        assert_eq!(token.expose().len(), PREFIX.len() + RANDOM + CHECK);
        assert_eq!(TokenText::parse(token.expose()), Ok(token.clone()));
        for at in 0..token.expose().len() {
            let mut other = token.expose().as_bytes().to_vec();
            other[at] = if other[at] == b'x' { b'y' } else { b'x' };
            let other = String::from_utf8(other).expect("ASCII");
            assert_eq!(TokenText::parse(&other), Err(NotAToken), "{at}");
        }
        for text in ["", "exh_", "exh_é", &format!("{} ", token.expose()), &token.expose()[1..]] {
            assert_eq!(TokenText::parse(text), Err(NotAToken), "{text:?}");
        }
    }

    #[test]
    fn the_checksum_is_the_known_one() {
        // CRC-32 of 123456789 is cbf43926.
        let digits = checksum("123456789");
        let value = digits.bytes().fold(0_u64, |value, byte| {
            value * 62 + DIGITS.iter().position(|digit| *digit == byte).expect("a digit") as u64
        });
        assert_eq!(value, 0xcbf4_3926);
    }

    #[test]
    fn a_hash_is_of_one_token_under_one_key() {
        let (token, other) = (TokenText::mint(counting()), TokenText::mint(|bytes| bytes.fill(7)));
        let (key, another) = (TokenKey::new([1; 32]), TokenKey::new([2; 32]));
        let kept = key.hash(&token);
        assert!(key.matches(&token, &kept));
        assert!(!key.matches(&other, &kept) && !another.matches(&token, &kept));
        assert_eq!(format!("{token:?}{key:?}{kept:?}").matches("[redacted]").count(), 3);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_reading_panic_and_what_is_read_is_what_was_given(text in "(exh_)?[0-9A-Za-zé ]{0,50}") {
            if let Ok(token) = TokenText::parse(&text) {
                proptest::prop_assert_eq!(token.expose(), text.as_str());
                proptest::prop_assert!(token.lookup().len() == LOOKUP && text.ends_with(token.last4()));
            }
        }
    }
}
