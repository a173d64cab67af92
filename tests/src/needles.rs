//! Looks for values that must be nowhere, in the forms in which they might have slipped through.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::AhoCorasick;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE};
use md5::{Digest as _, Md5};

/// So many bytes before a value are told.
const BEFORE: usize = 80;

/// Values in all their forms. Written without the detector's help, so that it is held against something else.
pub struct Needles {
    forms: Vec<(String, Vec<u8>)>,
    /// All forms at once: whole data directories are searched.
    finder: AhoCorasick,
}

impl Needles {
    /// The values plainly and backwards, URL-encoded, in hexadecimal, in base64 at each alignment, and their digests: who holds
    /// one of those can try values, and knows a value again.
    ///
    /// # Panics
    /// When a value is so short that it would be found by chance.
    #[must_use]
    pub fn new(values: &[String]) -> Self {
        let named: Vec<(String, Vec<u8>)> =
            values.iter().map(|value| (format!("{}…", &value[..4]), value.clone().into_bytes())).collect();
        Self::named(&named)
    }

    /// The same with a name for each value, by which what is found is told.
    ///
    /// # Panics
    /// When a value is so short that it would be found by chance.
    #[must_use]
    pub fn named(values: &[(String, Vec<u8>)]) -> Self {
        let mut forms = Vec::new();
        for (name, value) in values {
            assert!(value.len() >= 6, "a needle of {} bytes is found by chance", value.len());
            let mut form = |how: &str, bytes: Vec<u8>| forms.push((format!("{name} {how}"), bytes));
            form("in plain", value.clone());
            form("as URL", url_encoded(value).into_bytes());
            form("as URL, all of it", value.iter().map(|byte| format!("%{byte:02X}")).collect::<String>().into_bytes());
            form("in hex", hex(value, |byte| format!("{byte:02x}")));
            form("in capital hex", hex(value, |byte| format!("{byte:02X}")));
            form(
                "backwards",
                match str::from_utf8(value) {
                    Ok(text) => text.chars().rev().collect::<String>().into_bytes(),
                    Err(_) => value.iter().rev().copied().collect(),
                },
            );
            for skipped in 0..3 {
                // Without what a neighbour's bits could change at either end.
                let padded = [vec![0; skipped], value.clone()].concat();
                let whole = padded.len() * 8 / 6;
                let start = (skipped * 8).div_ceil(6);
                form("in base64", STANDARD.encode(&padded).as_bytes()[start..whole].to_vec());
                form("in URL-safe base64", URL_SAFE.encode(&padded).as_bytes()[start..whole].to_vec());
            }
            for (how, digest) in [
                ("as SHA-256", digest(&SHA256, value).as_ref().to_vec()),
                ("as SHA-1", digest(&SHA1_FOR_LEGACY_USE_ONLY, value).as_ref().to_vec()),
                ("as MD5", Md5::digest(value).to_vec()),
            ] {
                form(how, hex(&digest, |byte| format!("{byte:02x}")));
                form(how, hex(&digest, |byte| format!("{byte:02X}")));
                let whole = digest.len() * 8 / 6;
                form(how, STANDARD.encode(&digest).as_bytes()[..whole].to_vec());
                form(how, URL_SAFE.encode(&digest).as_bytes()[..whole].to_vec());
                form(how, digest);
            }
        }
        forms.sort_by(|one, other| one.1.cmp(&other.1));
        forms.dedup_by(|one, other| one.1 == other.1);
        let finder = AhoCorasick::new(forms.iter().map(|(_, bytes)| bytes)).expect("a few thousand short needles");
        Self { forms, finder }
    }

    /// The forms that are in the hay, by name.
    #[must_use]
    pub fn found_in(&self, hay: &[u8]) -> Vec<&str> {
        let hits: BTreeSet<usize> =
            self.finder.find_overlapping_iter(hay).map(|hit| hit.pattern().as_usize()).collect();
        hits.into_iter().map(|hit| self.forms[hit].0.as_str()).collect()
    }

    /// The same with what stands before each, which says where it came from.
    #[must_use]
    pub fn told_in(&self, hay: &[u8]) -> Vec<String> {
        let mut first = BTreeMap::new();
        for hit in self.finder.find_overlapping_iter(hay) {
            first.entry(hit.pattern().as_usize()).or_insert(hit.start());
        }
        let before =
            |at: usize| String::from_utf8_lossy(&hay[at.saturating_sub(BEFORE)..at]).escape_debug().to_string();
        first.into_iter().map(|(form, at)| format!("{} after `{}`", self.forms[form].0, before(at))).collect()
    }

    /// Name and bytes of each form.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.forms.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }
}

fn hex(value: &[u8], digits: impl Fn(u8) -> String) -> Vec<u8> {
    value.iter().copied().map(digits).collect::<String>().into_bytes()
}

fn url_encoded(value: &[u8]) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value
        .iter()
        .copied()
        .map(|byte| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_found_wherever_it_lies() {
        let value = "Cnry+7Hq2/Vz".to_owned();
        let needles = Needles::new(std::slice::from_ref(&value));
        let encoded = |before: &str| STANDARD.encode(format!("{before}{value} and more")).into_bytes();
        let hays = [
            format!("x={value}&").into_bytes(),
            b"x=Cnry%2B7Hq2%2FVz".to_vec(),
            value.bytes().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes(),
            encoded(""),
            encoded("a"),
            encoded("ab"),
            encoded("abc"),
            b"its reverse, zV/2qH7+yrnC, too".to_vec(),
            // By sha256sum, sha1sum and md5sum.
            b"cddc223c528f7992811832577ce9575c1a5f49c0cf1802ec9938ff4a47dd586e".to_vec(),
            b"7E097CDDDC43097B9192A69EF229E3A09941B8E3".to_vec(),
            b"776b3a503b79264be3c4ee7c300ef94a".to_vec(),
            b"zdwiPFKPeZKBGDJXfOlXXBpfScDPGALsmTj/SkfdWG4=".to_vec(),
        ];
        for hay in hays {
            assert!(!needles.found_in(&hay).is_empty(), "not found in {}", String::from_utf8_lossy(&hay));
        }
        assert_eq!(needles.found_in(b"Cnry+7Hq2/V, nearly"), Vec::<&str>::new());
    }
}
