//! SCRAM-SHA-256, RFC 5802 and RFC 7677, the client's side, without channel binding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Most rounds that a server may ask for: beyond it, it keeps us busy.
const MOST_ROUNDS: u32 = 2_000_000;

/// What the client says first, and how it goes on.
pub(super) struct Exchange {
    /// `n,,n=,r=…`: the server knows the user already.
    pub(super) first: String,
    nonce: String,
}

/// What the client says last, and what the server must answer.
pub(super) struct Proof {
    pub(super) last: String,
    /// The server's signature: only who knows the password's verifier can make it.
    pub(super) expected: Zeroizing<String>,
}

impl Exchange {
    /// Begins; `nonce` is fresh, printable, and has no comma.
    pub(super) fn new(nonce: String) -> Self {
        Self { first: format!("n,,n=,r={nonce}"), nonce }
    }

    /// Answers the server's first message; none where that is not in order.
    pub(super) fn proof(&self, server_first: &str, password: &[u8]) -> Option<Proof> {
        let mut fields = server_first.split(',');
        let nonce = fields.next()?.strip_prefix("r=")?;
        let salt = STANDARD.decode(fields.next()?.strip_prefix("s=")?).ok()?;
        let rounds: u32 = fields.next()?.strip_prefix("i=")?.parse().ok()?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() || !(1..=MOST_ROUNDS).contains(&rounds) {
            return None;
        }
        let salted = salted(&prepared(password), &salt, rounds);
        let client_key = Zeroizing::new(keyed(&salted[..], b"Client Key"));
        let stored_key = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(&client_key[..])));
        let without_proof = format!("c=biws,r={nonce}");
        let said = format!("n=,r={},{server_first},{without_proof}", self.nonce);
        let signature = keyed(&stored_key[..], said.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(one, other)| one ^ other).collect();
        let server_key = Zeroizing::new(keyed(&salted[..], b"Server Key"));
        let expected = Zeroizing::new(format!("v={}", STANDARD.encode(keyed(&server_key[..], said.as_bytes()))));
        Some(Proof { last: format!("{without_proof},p={}", STANDARD.encode(proof)), expected })
    }
}

/// The password as SASLprep (RFC 4013) wants it; as it is where that does not take it, as Postgres does.
fn prepared(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let text = std::str::from_utf8(password).ok().filter(|text| !text.is_ascii());
    let prepared = text.and_then(|text| stringprep::saslprep(text).ok());
    Zeroizing::new(prepared.map_or_else(|| password.to_vec(), |text| text.as_bytes().to_vec()))
}

/// PBKDF2 with HMAC-SHA-256, one block.
fn salted(password: &[u8], salt: &[u8], rounds: u32) -> Zeroizing<[u8; 32]> {
    let keyed = <Hmac<Sha256>>::new_from_slice(password).expect("HMAC takes keys of any length");
    let mut first = keyed.clone();
    first.update(salt);
    first.update(&1_u32.to_be_bytes());
    let mut block = Zeroizing::new(<[u8; 32]>::from(first.finalize().into_bytes()));
    let mut sum = block.clone();
    for _ in 1..rounds {
        let mut next = keyed.clone();
        next.update(&block[..]);
        *block = next.finalize().into_bytes().into();
        sum.iter_mut().zip(block.iter()).for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}

fn keyed(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256>>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677, section 3, with the user name left out as Postgres wants it: the salted password is the same.
    #[test]
    fn the_exchange_of_the_standard() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let salted = salted(b"pencil", &salt, 4096);
        let said = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let server = keyed(&keyed(&salted[..], b"Server Key"), said.as_bytes());
        assert_eq!(STANDARD.encode(server), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn a_server_that_is_not_in_order_gets_no_proof() {
        let exchange = Exchange::new("abc".to_owned());
        assert!(exchange.proof("r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2", b"x").is_some());
        for wrong in [
            "",
            "r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2",
            "r=xyzdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2",
            "r=abcdef,s=!,i=2",
            "r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",
            "r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4000000000",
        ] {
            assert!(exchange.proof(wrong, b"x").is_none(), "{wrong}");
        }
    }

    #[test]
    fn passwords_are_prepared_as_postgres_does() {
        assert_eq!(prepared("I\u{ad}X".as_bytes()).as_slice(), b"IX");
        assert_eq!(prepared(b"\xff\xfe").as_slice(), b"\xff\xfe");
        assert_eq!(prepared("\u{7}é".as_bytes()).as_slice(), "\u{7}é".as_bytes());
    }
}
