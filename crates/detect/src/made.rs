//! Values with true checksums and structures for the rules' examples, made from words that say they are not real.
//!
//! The rule files hold what is made here; the test below compares, and says what to write where they differ.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::checksum;
use crate::engine::Engine;
use crate::matches::Confidence;

const WORDS: &str = "FakeExhibit4Value0NotReal7Key";

/// So many letters and digits that say what they are.
fn words(length: usize) -> String {
    WORDS.chars().cycle().take(length).collect()
}

/// So many bytes that vary.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 73 + at / 7 + 41) as u8).collect()
}

fn crc62(text: &str) -> String {
    ascii(&checksum::crc32_digits::<6>(
        text.as_bytes(),
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    ))
}

fn ascii(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("ASCII")
}

/// `prefix` + `payload` + the payload's CRC-32 in base62.
pub(crate) fn github(prefix: &str, payload: &str) -> String {
    format!("{prefix}{payload}{}", crc62(payload))
}

fn gitlab(prefix: &str) -> String {
    let payload = URL_SAFE_NO_PAD.encode([&bytes(16)[..], b"o:1\nu:1", &[7]].concat());
    let before = format!("{prefix}{payload}.01.{:02}", payload.len() % 36);
    let sum = checksum::crc32_digits::<7>(before.as_bytes(), b"0123456789abcdefghijklmnopqrstuvwxyz");
    format!("{before}{}", ascii(&sum))
}

fn grafana() -> String {
    let before = format!("glsa_{}", words(32));
    format!("{before}_{}", hex::encode(crc32fast::hash(before.as_bytes()).to_le_bytes()))
}

fn matrix(kind: &str) -> String {
    let before = format!("{kind}_{}_{}", STANDARD_NO_PAD.encode("fake"), "NotRealKeyFakeValueE");
    format!("{before}_{}", crc62(&before))
}

fn bech32(name: &str, bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let mut values: Vec<u8> = Vec::new();
    let (mut buffer, mut held) = (0u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            values.push((buffer >> held & 31) as u8);
        }
    }
    if held > 0 {
        values.push((buffer << (5 - held) & 31) as u8);
    }
    let head = name.bytes().map(|b| b >> 5).chain([0]).chain(name.bytes().map(|b| b & 31));
    let sum = checksum::bech32_polymod(head.chain(values.iter().copied()).chain([0; 6])) ^ 1;
    values.extend((0..6).map(|at| (sum >> (5 * (5 - at)) & 31) as u8));
    let data: Vec<u8> = values.iter().map(|v| DIGITS[usize::from(*v)]).collect();
    format!("{name}1{}", ascii(&data))
}

fn base58check(payload: &[u8]) -> String {
    const DIGITS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let all = [payload, &checksum::double_sha256(payload)].concat();
    let mut digits: Vec<u8> = Vec::new();
    for byte in all {
        let mut carry = u32::from(byte);
        for digit in digits.iter_mut().rev() {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while carry > 0 {
            digits.insert(0, (carry % 58) as u8);
            carry /= 58;
        }
    }
    ascii(&digits.iter().map(|d| DIGITS[usize::from(*d)]).collect::<Vec<_>>())
}

/// A private extended key: version, depth, fingerprint, child, chain code, and a key behind a zero byte.
fn extended_key() -> String {
    base58check(&[&[0x04, 0x88, 0xad, 0xe4][..], &[0; 9], &bytes(32), &[0], &bytes(32)].concat())
}

fn macaroon(location: &str) -> String {
    let identifier = br#"{"fake":"exhibit, not real"}"#;
    let mut all = vec![2, 1, location.len() as u8];
    all.extend(location.bytes());
    all.extend([2, identifier.len() as u8]);
    all.extend(identifier);
    all.extend([0, 0, 6, 32]);
    all.extend(bytes(32));
    format!("pypi-{}", URL_SAFE_NO_PAD.encode(all))
}

fn jwt(payload: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"HS256","typ":"JWT"}"#), part(payload), words(43))
}

fn snowflake(number: &str, stamp: &str) -> String {
    format!("{}.{stamp}.{}", URL_SAFE_NO_PAD.encode(number), words(38))
}

/// A PEM block around an ASN.1 sequence that holds nothing but varying bytes.
fn pem(label: &str, newline: &str) -> String {
    let der = [&[0x30, 0x82, 0x01, 0x2c][..], &bytes(300)].concat();
    block(label, &der, newline)
}

fn block(label: &str, body: &[u8], newline: &str) -> String {
    let text = STANDARD.encode(body);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|l| str::from_utf8(l).expect("base64")).collect();
    format!("-----BEGIN {label}-----{newline}{}{newline}-----END {label}-----{newline}", lines.join(newline))
}

fn openssh(newline: &str) -> String {
    block("OPENSSH PRIVATE KEY", &[b"openssh-key-v1\0\0\0\0\x04none", &bytes(200)[..]].concat(), newline)
}

fn pgp() -> String {
    let body = [&[0xc5, 0xc0][..], &bytes(240)].concat();
    block("PGP PRIVATE KEY BLOCK", &body, "\n").replace("-----\n", "-----\n\n").replacen(
        "\n\n-----END",
        "\n-----END",
        1,
    )
}

fn putty() -> String {
    let lines = |body: &[u8]| {
        let text = STANDARD.encode(body);
        text.as_bytes().chunks(64).map(ascii).collect::<Vec<_>>()
    };
    let (public, private) = (lines(&bytes(51)), lines(&bytes(36)));
    format!(
        "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: fake\nPublic-Lines: {}\n{}\nPrivate-Lines: {}\n{}\nPrivate-MAC: {}\n",
        public.len(),
        public.join("\n"),
        private.len(),
        private.join("\n"),
        hex::encode(bytes(32)),
    )
}

fn json(text: &str) -> String {
    STANDARD.encode(text)
}

/// Every made value with the rule whose example holds it.
fn all() -> Vec<(&'static str, String)> {
    let mut made = Vec::new();
    for (rule, prefix) in [
        ("github.personal-token", "ghp_"),
        ("github.oauth-token", "gho_"),
        ("github.app-token", "ghs_"),
        ("github.app-user-token", "ghu_"),
        ("github.refresh-token", "ghr_"),
        ("npm.access-token", "npm_"),
        ("netbird.access-token", "nbp_"),
    ] {
        made.push((rule, github(prefix, &words(30))));
    }
    made.push(("gitlab.personal-token", gitlab("glpat-")));
    made.push(("gitlab.runner-token", gitlab("glrt-t1_")));
    made.push(("grafana.service-account-token", grafana()));
    made.push((
        "grafana.cloud-token",
        format!("glc_{}", json(&format!(r#"{{"o":"1","n":"fake","k":"{}"}}"#, words(24)))),
    ));
    made.push(("grafana.legacy-api-key", json(&format!(r#"{{"k":"{}","n":"fake","id":1}}"#, words(32)))));
    made.push(("matrix.access-token", matrix("syt")));
    made.push(("matrix.refresh-token", matrix("syr")));
    made.push(("age.secret-key", bech32("age-secret-key-", &bytes(32)).to_ascii_uppercase()));
    made.push(("nostr.secret-key", bech32("nsec", &bytes(32))));
    made.push(("bitcoin.private-key", base58check(&[&[0x80][..], &bytes(32), &[1]].concat())));
    made.push(("bitcoin.extended-private-key", extended_key()));
    made.push(("pypi.api-token", macaroon("pypi.org")));
    made.push(("pypi.api-token", macaroon("test.pypi.org")));
    made.push(("supabase.service-role", jwt(r#"{"iss":"supabase","ref":"fake","role":"service_role"}"#)));
    made.push(("discord.bot-token", snowflake("404142439876540414", "GFakeX")));
    made.push((
        "sentry.organization-token",
        format!(
            "sntrys_{}_{}",
            json(r#"{"iat":1,"url":"https://sentry.test","region_url":"","org":"fake"}"#),
            words(43)
        ),
    ));
    made.push((
        "mapbox.secret-token",
        format!("sk.{}.{}", URL_SAFE_NO_PAD.encode(format!(r#"{{"u":"fake","a":"{}"}}"#, words(30))), words(22)),
    ));
    made.push((
        "onepassword.service-account-token",
        format!(
            "ops_{}",
            URL_SAFE_NO_PAD.encode(format!(
                r#"{{"signInAddress":"fake.1password.test","secretKey":"{}","email":"{}"}}"#,
                words(40),
                words(120)
            ))
        ),
    ));
    made.push((
        "cloudflare.tunnel-token",
        json(&format!(r#"{{"a":"{}","t":"fake","s":"{}"}}"#, hex::encode(bytes(16)), words(48))),
    ));
    made.push((
        "neptune.api-token",
        json(&format!(r#"{{"api_address":"https://neptune.test","api_key":"{}"}}"#, words(36))),
    ));
    made.push(("azure.storage-account-key", STANDARD.encode(bytes(64))));
    made.push((
        "tinybird.token",
        format!(
            "p.{}.{}",
            URL_SAFE_NO_PAD.encode(r#"{"u":"fake-exhibit-value-not-real","id":"key","host":"test"}"#),
            words(43)
        ),
    ));
    for label in ["RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
        made.push(("private-key.pem", pem(label, "\n")));
    }
    made.push(("google.service-account-key", pem("PRIVATE KEY", "\\n")));
    made.push(("private-key.openssh", openssh("\n")));
    made.push(("private-key.pgp", pgp()));
    made.push(("private-key.putty", putty()));
    made
}

#[test]
fn rule_files_hold_the_made_values_and_believe_them() {
    let mut wrong = Vec::new();
    for (id, value) in all() {
        let Some(rule) = Engine::builtin().rule(id) else {
            wrong.push(format!("{id}: there is no such rule"));
            continue;
        };
        let Some(example) = rule.examples.iter().find(|e| e.contains(value.trim_end())) else {
            wrong.push(format!("{id}: an example should hold {value:?}"));
            continue;
        };
        let sum = matches!(rule.check.map(crate::Check::as_str), Some("bech32" | "base58-check"))
            || rule.check.is_some_and(|check| check.as_str().ends_with("-crc32"));
        let expected = if sum { Confidence::Certain } else { rule.confidence };
        let alone = Engine::new(vec![rule.clone()]).expect("a built-in rule");
        let found: Vec<_> = alone.scan(example.as_bytes()).iter().map(|m| m.confidence).collect();
        if rule.check.is_none() || !found.contains(&expected) {
            wrong.push(format!("{id}: {expected:?} is expected of its made example, not {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_changed_digit_is_not_believed() {
    for (id, value) in all() {
        let rule = Engine::builtin().rule(id).expect("the test above looks at this").clone();
        let changes = rule.check.is_some_and(|c| c.as_str().ends_with("-crc32") || c.as_str() == "bech32");
        if !changes {
            continue;
        }
        let last = value.chars().last().expect("not empty");
        let other = if last == '0' { '2' } else { '0' };
        let changed = format!("{}{}", &value[..value.len() - 1], if last.is_ascii_uppercase() { 'Q' } else { other });
        let alone = Engine::new(vec![rule]).expect("a built-in rule");
        let text = format!("token={changed}\n");
        assert!(alone.scan(text.as_bytes()).iter().all(|m| m.confidence <= Confidence::Medium), "{id}");
    }
}
