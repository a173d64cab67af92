//! Looks for values that must be nowhere, in the forms in which they might have slipped through.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE};

/// Values in all their forms. Written without the detector's help, so that it is held against something else.
pub struct Needles {
    forms: Vec<(String, Vec<u8>)>,
    /// All forms at once: whole data directories are searched.
    finder: AhoCorasick,
}

impl Needles {
    /// The values plainly, URL-encoded, in hexadecimal, and in base64 at each alignment.
    ///
    /// # Panics
    /// When a value is so short that it would be found by chance.
    #[must_use]
    pub fn new(values: &[String]) -> Self {
        let mut forms = Vec::new();
        for value in values {
            assert!(value.len() >= 6, "a needle of {} bytes is found by chance", value.len());
            let mut form = |name: &str, bytes: Vec<u8>| forms.push((format!("{}… {name}", &value[..4]), bytes));
            form("in plain", value.clone().into_bytes());
            form("as URL", url_encoded(value).into_bytes());
            form(
                "as URL, all of it",
                value.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>().into_bytes(),
            );
            form("in hex", hex(value, |byte| format!("{byte:02x}")));
            form("in capital hex", hex(value, |byte| format!("{byte:02X}")));
            for skipped in 0..3 {
                // Without what a neighbour's bits could change at either end.
                let padded = [vec![0; skipped], value.clone().into_bytes()].concat();
                let whole = padded.len() * 8 / 6;
                let start = (skipped * 8).div_ceil(6);
                form("in base64", STANDARD.encode(&padded).as_bytes()[start..whole].to_vec());
                form("in URL-safe base64", URL_SAFE.encode(&padded).as_bytes()[start..whole].to_vec());
            }
        }
        forms.sort_by(|one, other| one.1.cmp(&other.1));
        forms.dedup_by(|one, other| one.1 == other.1);
        let finder = AhoCorasick::new(forms.iter().map(|(_, bytes)| bytes)).expect("a few hundred short needles");
        Self { forms, finder }
    }

    /// The forms that are in the hay, by name.
    #[must_use]
    pub fn found_in(&self, hay: &[u8]) -> Vec<&str> {
        let hits: BTreeSet<usize> =
            self.finder.find_overlapping_iter(hay).map(|hit| hit.pattern().as_usize()).collect();
        hits.into_iter().map(|hit| self.forms[hit].0.as_str()).collect()
    }

    /// Name and bytes of each form.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.forms.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }
}

fn hex(value: &str, digits: impl Fn(u8) -> String) -> Vec<u8> {
    value.bytes().map(digits).collect::<String>().into_bytes()
}

fn url_encoded(value: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value.bytes().map(|byte| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
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
        ];
        for hay in hays {
            assert!(!needles.found_in(&hay).is_empty(), "not found in {}", String::from_utf8_lossy(&hay));
        }
        assert_eq!(needles.found_in(b"Cnry+7Hq2/V, nearly"), Vec::<&str>::new());
    }
}
