//! What a name, a value and a notation are worth together.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::matches::Confidence;
use crate::passwords::is_dictionary_password;
use crate::placeholder::is_placeholder;
use crate::sensitive::Sensitivity;
use crate::{entropy, shape};

use super::names;

/// What is known beside the value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    pub(super) kind: Sensitivity,
    /// The name is a word that often means something else.
    pub(super) bare: bool,
    /// The name is that of a token against forged requests.
    pub(super) forgery: bool,
    pub(super) quoted: bool,
    pub(super) line: bool,
    pub(super) code: bool,
    pub(super) words_follow: bool,
    /// The name has no lower-case letter.
    pub(super) screaming: bool,
    pub(super) strict: bool,
    /// The name is that of what is called.
    pub(super) call: bool,
    /// A flag's value, or all that follows the sign in a line of its own.
    pub(super) setting: bool,
    /// The name promises several words.
    pub(super) phrase: bool,
}

/// Values that name a kind, a method or a state and so are none. Lower case, without `-`, `_` and blanks.
const TERMS: &[&str] = &[
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "ok",
    "none",
    "null",
    "nil",
    "undefined",
    "required",
    "optional",
    "enabled",
    "disabled",
    "string",
    "str",
    "text",
    "number",
    "integer",
    "boolean",
    "object",
    "array",
    "bytes",
    "bearer",
    "basic",
    "digest",
    "negotiate",
    "oauth",
    "oauth2",
    "jwt",
    "openid",
    "saml",
    "ldap",
    "kerberos",
    "ntlm",
    "plain",
    "login",
    "md5",
    "sha1",
    "sha256",
    "sha384",
    "sha512",
    "sha224",
    "hs256",
    "hs384",
    "hs512",
    "rs256",
    "rs384",
    "rs512",
    "es256",
    "es384",
    "es512",
    "ps256",
    "aes",
    "aes128",
    "aes192",
    "aes256",
    "aes128cbc",
    "aes256cbc",
    "aes128gcm",
    "aes256gcm",
    "aescbc",
    "aesgcm",
    "des",
    "3des",
    "rsa",
    "rsa2048",
    "rsa4096",
    "ecdsa",
    "ed25519",
    "x25519",
    "dsa",
    "bcrypt",
    "scrypt",
    "argon2",
    "argon2i",
    "argon2id",
    "pbkdf2",
    "crypt",
    "hmacsha256",
    "hmac256",
    "base64",
    "base32",
    "hex",
    "utf8",
    "utf16",
    "ascii",
    "binary",
    "pkcs8",
    "pkcs12",
    "x509",
    "pem",
    "der",
    "rs256key",
    "failed",
    "success",
    "succeeded",
    "invalid",
    "valid",
    "expired",
    "missing",
    "incorrect",
    "accepted",
    "refreshed",
    "created",
    "updated",
    "deleted",
    "revoked",
    "rotated",
    "generated",
    "authenticated",
    "unauthorized",
    "forbidden",
    "denied",
    "unknown",
    "default",
    "system",
    "internal",
    "external",
    "public",
    "private",
    "ephemeral",
    "masked",
    "hidden",
    "secret",
    "password",
    "token",
    "key",
    "apikey",
    "passwd",
    "credentials",
    "auth",
    "self",
    "this",
    "env",
    "environment",
    "vault",
    "keychain",
    "keyring",
    "prompt",
    "stdin",
    "file",
    "interactive",
    "scramsha256",
    "scramsha1",
    "trust",
    "peer",
    "ident",
    "cert",
    "mtls",
    "tls",
    "ssl",
    "sha2",
    "sha3256",
    "ripemd160",
];

/// Quick reasons to look no further, before the name is weighed.
pub(super) fn is_hopeless(value: &[u8]) -> bool {
    value.len() < 4
        || !value.iter().any(u8::is_ascii_alphanumeric)
        || matches!(value[0], b'<' | b'(' | b'[' | b'{' | b'*' | b'"')
        || value.starts_with(b"--")
        || value.starts_with(b"\\\"")
        || value.starts_with(b"\\[")
}

/// How sure it is that `value` is a secret; `None` if it is none.
pub(super) fn grade(value: &[u8], name: &str, context: Context) -> Option<Confidence> {
    if is_placeholder(value) || shape::is_masked(value) || is_public(value) || is_pointer(value) || is_term(value) {
        return None;
    }
    if is_template(value) || is_alphabet(value) {
        return None;
    }
    if value.iter().any(|b| b.is_ascii_whitespace()) {
        // Prose, unless the name promises words.
        return (context.phrase && context.quoted && is_phrase(value)).then_some(Confidence::Medium);
    }
    let set = context.setting && value.iter().any(u8::is_ascii_digit);
    if !context.quoted
        && (is_call(value)
            || (is_chain(value) && !set)
            || (context.code && (is_constant(value) || is_type_name(value)))
            || name.as_bytes().ends_with(value))
    {
        return None;
    }
    // What a signed request says about its key; the key itself is not in it.
    if memchr::memmem::find(value, b"aws4_request").is_some() {
        return None;
    }
    if is_measure(value) || repeats(value) {
        return None;
    }
    let bits = u64::from(entropy::hundredths(value)) * value.len() as u64 / 100;
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = value.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let special = value
        .iter()
        .any(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'-' | b'_' | b'.' | b'/' | b':' | b'+' | b'=' | b'\\'));
    let wordy = is_wordy(value);
    if context.call && digits == 0 && context.kind != Sensitivity::Password {
        return None;
    }

    let confidence = if context.kind == Sensitivity::Password {
        password(value, name, context, &Spread { bits, digits, letters, special, wordy })?
    } else {
        token(value, context, &Spread { bits, digits, letters, special, wordy })?
    };
    let doubtful = context.strict || context.bare || context.words_follow;
    let inside = value.windows(2).any(|w| w[0].is_ascii_digit() && w[1].is_ascii_alphabetic());
    let short = context.bare && context.quoted && names::is_short_password(name);
    let named = wordy && !special && !inside && !short;
    if doubtful && (digits == 0 || letters == 0 || value.len() < 8 || named || bits < 22) {
        return (!context.strict && !context.bare).then_some(Confidence::Low);
    }
    Some(match confidence {
        _ if context.forgery => Confidence::Low,
        // By name and value alone nothing is proven.
        sure if context.bare || context.strict => sure.min(Confidence::Medium),
        sure => sure,
    })
}

/// How sure it is that the value behind a name that promises personal data is some.
pub(super) fn grade_personal(value: &[u8], quoted: bool, tight: bool) -> Option<Confidence> {
    let empty = value.len() < 2 || !value.iter().any(u8::is_ascii_alphanumeric);
    if empty || is_placeholder(value) || shape::is_masked(value) || is_term(value) || is_template(value) {
        return None;
    }
    if matches!(value[0], b'<' | b'(' | b'[' | b'{' | b'*' | b'$' | b':' | b'@' | b'%')
        || (!quoted && (is_call(value) || is_chain(value)))
    {
        return None;
    }
    // What a program writes there is a name of its own.
    let program = !quoted && !tight && !value.iter().any(u8::is_ascii_digit);
    Some(if program || identifier_of_code(value) { Confidence::Low } else { Confidence::Medium })
}

/// What a value is made of.
struct Spread {
    /// Shannon entropy of all of it.
    bits: u64,
    digits: usize,
    letters: usize,
    special: bool,
    wordy: bool,
}

fn password(value: &[u8], name: &str, context: Context, spread: &Spread) -> Option<Confidence> {
    if value.len() > 128 {
        return None;
    }
    let identifier = value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if is_dictionary_password(value) {
        // What everybody sets: told, but only where it is sure to be set.
        let repeats_name = holds_name(value, name);
        let set = context.line && context.screaming && !repeats_name;
        let graded = spread.digits > 0 && spread.letters > 0 && !repeats_name && !context.code;
        return match (set || graded || (context.quoted && spread.special), context.code) {
            (true, false) => Some(Confidence::Medium),
            (_, false) => Some(Confidence::Low),
            _ => None,
        };
    }
    if spread.letters == 0 {
        let plain = spread.digits == value.len();
        return (!plain || value.len() >= 6).then_some(Confidence::Low);
    }
    if spread.digits == 0 && !spread.special {
        // Letters alone: a word or the name of a variable, unless no word looks like that.
        if spread.wordy || spread.bits < 36 {
            return (context.line && !context.code && !identifier_of_code(value)).then_some(Confidence::Low);
        }
        let sure = context.quoted || context.line || (value.len() >= 10 && !context.code);
        return Some(if sure { Confidence::Medium } else { Confidence::Low });
    }
    if !context.quoted && identifier && (context.code || holds_name(value, name)) && spread.wordy {
        return None;
    }
    if spread.wordy && !spread.special && holds_name(value, name) {
        return Some(Confidence::Low);
    }
    if value.len() < 6 {
        return Some(Confidence::Low);
    }
    Some(if spread.bits >= 50 && !spread.wordy { Confidence::High } else { Confidence::Medium })
}

fn token(value: &[u8], context: Context, spread: &Spread) -> Option<Confidence> {
    // Salesforce's client secrets are digits alone.
    let number = context.kind == Sensitivity::Secret && context.quoted && value.len() >= 16;
    if value.len() < 8 || spread.letters == 0 && value.len() < 24 && !number {
        return None;
    }
    // Ordinary values that go by such names: addresses, names of things, numbers with units, lists.
    let odd = value.iter().any(|b| !b.is_ascii_graphic()) || (spread.wordy && value.contains(&b'/'));
    if odd || spread.wordy || (spread.digits == 0 && value.len() < 20) {
        let password_like = context.kind == Sensitivity::Secret && spread.special && spread.digits > 0 && !odd;
        return password_like.then_some(Confidence::Medium);
    }
    if context.code && spread.bits < 48 {
        return None;
    }
    if value.starts_with(b"http://") || value.starts_with(b"https://") {
        return None;
    }
    let per_byte = entropy::hundredths(value);
    match value.len() {
        8..12 => (spread.bits >= 26).then_some(if context.quoted || context.line {
            Confidence::Medium
        } else {
            Confidence::Low
        }),
        12..16 => (per_byte >= 270).then_some(Confidence::Medium),
        _ if per_byte >= 300 => Some(if is_uuid(value) { Confidence::Medium } else { Confidence::High }),
        _ => (per_byte >= 250).then_some(Confidence::Medium),
    }
}

/// Published by design: public keys, certificates, digests, or already encrypted.
fn is_public(value: &[u8]) -> bool {
    const STARTS: &[&[u8]] = &[
        b"ssh-rsa",
        b"ssh-ed25519",
        b"ecdsa-sha2",
        b"-----BEGIN",
        b"sha256:",
        b"sha512:",
        b"sha1:",
        b"md5:",
        b"sha256-",
        b"sha384-",
        b"sha512-",
        b"SHA256:",
        b"MD5:",
        b"ENC[",
        b"ENC(",
        b"{cipher}",
        b"vault:",
        b"$ANSIBLE_VAULT",
        b"pk_live_",
        b"pk_test_",
        b"arn:",
        b"projects/",
        b"kms:",
        b"urn:",
        b"data:image",
        b"!vault",
        b"!Ref",
        b"!Sub",
        b"!GetAtt",
        b"spki:",
        b"did:",
    ];
    STARTS.iter().any(|start| value.starts_with(start))
}

/// A place where the value would be: a path, a file, an address without a password, a bound parameter.
fn is_pointer(value: &[u8]) -> bool {
    let absolute =
        value.starts_with(b"/") || value.starts_with(b"./") || value.starts_with(b"../") || value.starts_with(b"~/");
    let wordy_path = || value.split(|b| *b == b'/').all(|part| part.len() < 24);
    let drive =
        value.len() > 3 && value[0].is_ascii_alphabetic() && value[1] == b':' && matches!(value[2], b'\\' | b'/');
    let bound = matches!(value[0], b':' | b'@' | b'&' | b'%')
        && value[1..].iter().all(|b| b.is_ascii_alphabetic() || *b == b'_');
    let file = [
        &b".pem"[..],
        b".key",
        b".crt",
        b".json",
        b".yaml",
        b".yml",
        b".txt",
        b".p12",
        b".jks",
        b".env",
        b".conf",
        b".cfg",
        b".xml",
        b".html",
        b".js",
        b".py",
        b".go",
        b".md",
        b".sh",
        b".php",
        b".local",
        b".internal",
        b".com",
        b".org",
        b".io",
        b".net",
    ]
    .iter()
    .any(|end| value.ends_with(end));
    let address = memchr::memmem::find(value, b"://").is_some();
    (absolute && wordy_path()) || drive || bound || file || address
}

/// Does something else fill it in later?
fn is_template(value: &[u8]) -> bool {
    const PARTS: &[&[u8]] =
        &[b"{{", b"${", b"#{", b"<%", b"%(", b"%{", b"$(", b"{0}", b"{}", b"%s", b"@{", b"$[", b"\\u00"];
    value[0] == b'$'
        && value.get(1).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
        && !value.starts_with(b"$argon")
        && !value.starts_with(b"$apr1$")
        && !value.starts_with(b"$y$")
        || (value.iter().any(|b| matches!(b, b'{' | b'#' | b'<' | b'%' | b'$' | b'@' | b'\\'))
            && PARTS.iter().any(|part| memchr::memmem::find(value, part).is_some()))
        || (value[0] == b'{' && value[value.len() - 1] == b'}')
}

/// An unquoted piece of a program: calls, indexes, addresses of memory.
fn is_call(value: &[u8]) -> bool {
    let has = |pair: &[u8; 2]| value.windows(2).any(|two| two == pair);
    value.contains(&b'(')
        || has(b"->")
        || has(b"::")
        || value.contains(&b'[')
        || has(b"=>")
        || has(b"==") && !value.ends_with(b"==")
        || value.starts_with(b"0x") && value.len() <= 18
}

/// An unquoted chain of names: `settings.db.password`, `ed25519.Ed25519PrivateKey`.
fn is_chain(value: &[u8]) -> bool {
    let part = |part: &[u8]| {
        part.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
            && part.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
    };
    let last = value.rsplit(|b| *b == b'.').next().unwrap_or(value);
    value.contains(&b'.')
        && value.split(|b| *b == b'.').all(part)
        && (value.split(|b| *b == b'.').all(is_wordy) || (!last.is_empty() && is_type_name(last)))
}

/// `ABCDEFGHIJ…`, `0123456789…`: what texts are made of.
fn is_alphabet(value: &[u8]) -> bool {
    let mut run = 1;
    value.windows(2).any(|w| {
        run = if w[1].is_ascii_alphanumeric() && w[1] == w[0].wrapping_add(1) { run + 1 } else { 1 };
        run >= 10
    })
}

/// Words that somebody learned by heart: many plain ones, or a few with something among them that no sentence has.
fn is_phrase(value: &[u8]) -> bool {
    let words: Vec<&[u8]> = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    let plain = words.iter().all(|word| (3..=9).contains(&word.len()) && word.iter().all(u8::is_ascii_lowercase));
    const PROSE: &[&[u8]] = &[
        b"the", b"your", b"for", b"and", b"must", b"with", b"this", b"that", b"from", b"are", b"not", b"enter", b"new",
    ];
    let prose = words.iter().any(|word| PROSE.iter().any(|one| word.eq_ignore_ascii_case(one)));
    let odd = |word: &&[u8]| {
        word.len() >= 5 && word.iter().any(u8::is_ascii_digit) && word.iter().any(u8::is_ascii_alphabetic)
    };
    (2..=24).contains(&words.len()) && !prose && (plain && words.len() >= 4 || words.iter().any(odd))
}

/// `SOME_NAME_2`, `some_name`: names that programs use, all in one case.
fn is_constant(value: &[u8]) -> bool {
    let name = value.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_') && value.contains(&b'_');
    let lower = value.iter().any(u8::is_ascii_lowercase);
    let upper = value.iter().any(u8::is_ascii_uppercase);
    let long = value.split(|b| *b == b'_').any(|part| part.len() > 24 && part.iter().any(u8::is_ascii_digit));
    name && !(lower && upper) && !long
}

/// `X509HardwareKeyUsageFlags`: words with humps, and a number in one place at most.
fn is_type_name(value: &[u8]) -> bool {
    let letters: Vec<u8> = value.iter().copied().filter(|b| !b.is_ascii_digit()).collect();
    let places = value.windows(2).filter(|w| w[0].is_ascii_digit() && !w[1].is_ascii_digit()).count();
    let humps = letters.iter().filter(|b| b.is_ascii_uppercase()).count();
    value[0].is_ascii_uppercase()
        && value.iter().all(u8::is_ascii_alphanumeric)
        && places <= 1
        && (is_wordy(&letters) || (humps >= 3 && letters.len() >= 3 * humps && words_of_humps(&letters)))
}

/// `SslExpandPreSharedKeyFn`: a capital, and small letters behind it, over and over.
fn words_of_humps(letters: &[u8]) -> bool {
    let capital = |w: &[u8]| w[0].is_ascii_uppercase() && w[1].is_ascii_uppercase();
    !letters.windows(2).any(capital)
}

/// `30s`, `1.2.3`, `24h`, `512MB`, `2024-01-02`, `10.0.0.1:80`.
fn is_measure(value: &[u8]) -> bool {
    let unit = value.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    let plain = value.iter().all(|b| {
        b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'T' | b'Z' | b'+' | b'/' | b'%' | b',' | b'_')
    });
    let starts = value[0].is_ascii_digit();
    plain
        && starts
        && digits > 0
        && unit <= 3
        && (unit > 0 || digits < value.len())
        && value.len() <= 32
        && (unit <= 2 || value.len() <= 8)
        && value.iter().rev().take(unit).filter(|b| b.is_ascii_alphabetic()).count() + 2 >= unit
        && (value.iter().any(|b| matches!(b, b'.' | b'-' | b':' | b'/' | b'%')) || value.len() <= 6)
}

/// One or two bytes over and over, or a row of the keyboard's digits.
fn repeats(value: &[u8]) -> bool {
    let mut seen = [false; 256];
    value.iter().for_each(|b| seen[usize::from(*b)] = true);
    let different = seen.iter().filter(|s| **s).count();
    different <= 2 || (value.len() >= 16 && different <= 4)
}

fn is_term(value: &[u8]) -> bool {
    static ALL: LazyLock<HashSet<&[u8]>> = LazyLock::new(|| TERMS.iter().map(|term| term.as_bytes()).collect());
    let plain: Vec<u8> =
        value.iter().filter(|b| !matches!(b, b'-' | b'_' | b' ' | b'/')).map(u8::to_ascii_lowercase).collect();
    ALL.contains(plain.strip_suffix(b"encryption").unwrap_or(&plain))
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// Does the value say what the name says: `password1`, `my_token`, `dbPassword`?
fn holds_name(value: &[u8], name: &str) -> bool {
    let lower = String::from_utf8_lossy(value).to_ascii_lowercase();
    let last = name.rsplit(['.', '-', '_']).next().unwrap_or(name).to_ascii_lowercase();
    ["password", "passwd", "passwort", "secret", "token", "apikey", "api_key", "pwd"].iter().any(|w| lower.contains(w))
        || (last.len() >= 4 && lower.contains(&last))
        || lower == "pass"
}

/// `userPassword`, `DB_PASS`, `some_name`: letters with humps or underscores.
fn identifier_of_code(value: &[u8]) -> bool {
    value.contains(&b'_') || value.windows(2).any(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase())
}

/// Is the value made of words, as names of things are, perhaps with short numbers behind them?
fn is_wordy(value: &[u8]) -> bool {
    let mut words = 0;
    for piece in value.split(|b| !b.is_ascii_alphanumeric()) {
        // `sha256withrsa` is a name, `7Gx7ZpO0g` is none.
        let turns = piece.windows(2).filter(|w| w[0].is_ascii_digit() && w[1].is_ascii_alphabetic()).count();
        if turns >= 2 && piece.len() >= 8 {
            return false;
        }
        let mut rest = piece;
        while !rest.is_empty() {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits > 0 {
                if digits > 4 && !(words == 0 && digits == rest.len()) {
                    return false;
                }
                rest = &rest[digits..];
                // A number in front of letters: `2fa` is a word, `9tq2Lw` is none.
                if !rest.is_empty() && words == 0 && digits > 2 {
                    return false;
                }
                continue;
            }
            let head = rest.iter().take_while(|b| b.is_ascii_uppercase()).count();
            let tail = rest[head..].iter().take_while(|b| b.is_ascii_lowercase()).count();
            let word = &rest[..head + tail];
            if !is_word(word) {
                return false;
            }
            words += 1;
            rest = &rest[head + tail..];
        }
    }
    // Words of one or two letters on average are no words.
    let letters = value.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let separated = value.iter().any(|b| !b.is_ascii_alphanumeric());
    let least = match value.len() {
        _ if separated => 3,
        24.. if value.iter().any(u8::is_ascii_digit) => 5,
        16.. => 4,
        _ => 3,
    };
    words > 0 && letters >= words * least
}

fn is_word(word: &[u8]) -> bool {
    let mut consonants = 0;
    let mut longest = 0;
    let mut vowels = 0;
    for byte in word {
        if matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u' | b'y') {
            vowels += 1;
            consonants = 0;
        } else {
            consonants += 1;
            longest = longest.max(consonants);
        }
    }
    let short = word.len() <= 3;
    short || (longest <= 5 && vowels * 6 >= word.len() && word.len() <= 22)
}
