//! Lists of breached passwords that are asked by range: which of our credentials stands in one?
//!
//! Of a credential's SHA-1 the first five hexadecimal digits are asked for, one in a million; the answer is all endings that the
//! list has for them, some hundreds, and is searched here. Whoever runs the list learns five digits, by which each of our
//! values could be any of thousands of millions, and with padded answers not even whether anything was found. The form is that
//! of the Pwned Passwords range API. Off unless the policy names a list; no list is named here.

use super::judge::{Case, Noted, Rules};
use super::strength::each;
use crate::JudgeError;
use crate::remote::{HeaderName, HeaderValue, Request, Url};
use crate::sources::{Root, SourceError, service};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use exhibit_evidence::Severity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// Digits that are shown to the list.
const SHOWN: usize = 5;
/// Digits that stay here: the rest of a SHA-1.
const KEPT: usize = 40 - SHOWN;
/// So many questions go out at once.
const AT_ONCE: usize = 4;
/// No run asks for more ranges.
const MOST_RANGES: usize = 20_000;
/// No answer is longer: a padded range has about 80 kB.
const MOST: u64 = 1024 * 1024;
/// Asks for endings that nobody has among the others, so that the answer's length tells nothing.
const PADDING: HeaderName = HeaderName::from_static("add-padding");
const LIST: &str = "the list of breached passwords";

pub(super) const BREACHED: Rules = Rules {
    check: "unique-credentials.breached",
    since: 2,
    looks_at_others: false,
    needs_others: false,
    spares_disposable: true,
    failing: "in a public list of breached passwords",
    passing: "none in the public list of breached passwords",
};

/// The `policy.breached` table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breached {
    /// Where the list is asked: five digits are added to it as the last part of its path.
    pub range_url: String,
    /// A file with the certificates of the authorities that its own may come from; without it, those that this machine trusts.
    pub authorities: Option<String>,
}

impl Breached {
    /// What is wrong with it, if anything is.
    pub(super) fn problem(&self) -> Option<&'static str> {
        let url = Url::parse(&self.range_url).ok();
        let fits = url.is_some_and(|url| {
            matches!(url.scheme(), "https" | "http") && url.has_host() && url.query().is_none() && url.fragment().is_none()
        });
        (!fits).then_some("expected https://HOST/range/, to which five digits are added")
    }
}

/// How often a list has seen a password: no closer, because the number itself is as good as the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// Once.
    Once,
    /// 2 to 100 times.
    UpTo100,
    /// 101 to 10,000 times.
    UpTo10000,
    /// Oftener.
    More,
}

impl Seen {
    /// The class of a count; none for zero, which only pads.
    fn of(count: u64) -> Option<Self> {
        match count {
            0 => None,
            1 => Some(Self::Once),
            2..=100 => Some(Self::UpTo100),
            101..=10_000 => Some(Self::UpTo10000),
            _ => Some(Self::More),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::UpTo100 => "2 to 100 times",
            Self::UpTo10000 => "101 to 10,000 times",
            Self::More => "more than 10,000 times",
        }
    }
}

/// What came of asking a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListFacts {
    /// How many ranges were asked for.
    pub ranges: u64,
    /// Environments that were disposable then, so that nothing of them was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spared: Vec<String>,
    /// Why the list could not be asked for all of them, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Reads the answer for the range of that number; false where it is not understood.
pub(super) type Reader<'r> = &'r (dyn Fn(usize, &[u8]) -> bool + Sync);

/// Who asks lists.
pub(super) trait Lists {
    /// Asks for each range, by its digits.
    fn ask(&self, settings: &Breached, ranges: &[String], read: Reader<'_>) -> Result<(), SourceError>;
}

/// Over the network.
pub(super) struct Network {
    pub(super) root: Root,
}

impl Lists for Network {
    fn ask(&self, settings: &Breached, ranges: &[String], read: Reader<'_>) -> Result<(), SourceError> {
        let client = service::client(&self.root, settings.authorities.as_deref(), false)?;
        let base = client.url(&settings.range_url).map_err(|error| service::refused(LIST, &error))?;
        let numbers: Vec<usize> = (0..ranges.len()).collect();
        let one = |number: &usize| {
            let mut url = base.clone();
            if let (Ok(mut path), Some(range)) = (url.path_segments_mut(), ranges.get(*number)) {
                path.pop_if_empty().push(range);
            }
            let request = Request::get("asking for a range", url).most(MOST).header(PADDING, HeaderValue::from_static("true"));
            let answer = client.fetch(&request).map_err(|error| service::refused(LIST, &error))?;
            match read(*number, &answer.body) {
                true => Ok(()),
                false => Err(service::refused(LIST, &answer.not_understood("endings with their counts, a line each"))),
            }
        };
        service::each(&numbers, AT_ONCE, &one).map(|_| ())
    }
}

/// The SHA-1 of a value, in hexadecimal capitals.
type Digits = Zeroizing<String>;

/// Digests of a run's credentials, in memory until the list was asked.
#[derive(Default)]
pub(super) struct Digests {
    /// By what is shown of them: the number of the credential, and what is kept.
    by_range: BTreeMap<String, Vec<(usize, Digits)>>,
}

impl Digests {
    /// Keeps the digest of the credential of that number.
    pub(super) fn note(&mut self, number: usize, value: &[u8]) {
        let digits = digits(value);
        let (shown, kept) = digits.split_at(SHOWN);
        self.by_range.entry(shown.to_owned()).or_default().push((number, Zeroizing::new(kept.to_owned())));
    }

    /// Asks the list, and says which credentials are in it.
    pub(super) fn ask(self, lists: &dyn Lists, settings: &Breached) -> (ListFacts, Vec<(usize, Seen)>) {
        let (ranges, held): (Vec<String>, Vec<_>) = self.by_range.into_iter().unzip();
        let number = ranges.len() as u64;
        let refused = |problem: String| (ListFacts { ranges: number, spared: Vec::new(), problem: Some(problem) }, Vec::new());
        if ranges.len() > MOST_RANGES {
            return refused(format!("there are {number} ranges to ask for, and no run asks for more than {MOST_RANGES}"));
        }
        let found = Mutex::new(Vec::new());
        let read = |at: usize, body: &[u8]| {
            let Some(counts) = held.get(at).and_then(|held| counts(body, held)) else { return false };
            found.lock().unwrap_or_else(PoisonError::into_inner).extend(counts);
            true
        };
        match lists.ask(settings, &ranges, &read) {
            Ok(()) => {
                let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
                (ListFacts { ranges: number, spared: Vec::new(), problem: None }, found)
            }
            // What was found until then may not be all.
            Err(error) => refused(error.to_string()),
        }
    }
}

/// The SHA-1 of a value as the list writes it.
pub(super) fn digits(value: &[u8]) -> Digits {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |half: u8| char::from(HEX[usize::from(half & 15)]);
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, value);
    let mut digits = Zeroizing::new(String::with_capacity(2 * digest.as_ref().len()));
    digits.extend(digest.as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]));
    digits
}

/// How often the list has seen each of these, where it has; none where the answer is not in its form.
fn counts(body: &[u8], held: &[(usize, Digits)]) -> Option<Vec<(usize, Seen)>> {
    let text = std::str::from_utf8(body).ok()?;
    let (mut lines, mut found) = (0, Vec::new());
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        let (ending, count) = line.split_once(':')?;
        let digits = |text: &str, one: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|byte| one(&byte));
        if ending.len() != KEPT || !digits(ending, u8::is_ascii_hexdigit) || !digits(count, u8::is_ascii_digit) {
            return None;
        }
        lines += 1;
        let Some(seen) = Seen::of(count.parse().unwrap_or(u64::MAX)) else { continue };
        found.extend(held.iter().filter(|(_, kept)| kept.eq_ignore_ascii_case(ending)).map(|(number, _)| (*number, seen)));
    }
    // A range without an ending does not occur: a page that says something else does.
    (lines > 0).then_some(found)
}

/// In a public list of breached passwords.
pub(super) fn breached(case: &Case<'_>) -> Result<Noted, JudgeError> {
    if case.policy.breached.is_none() {
        let switched_off = Some("the policy names no list of breached passwords".to_owned());
        return Ok(Noted { switched_off, ..Noted::default() });
    }
    let (problem, spared) = match &case.facts.breached {
        None => (Some("the evidence does not say: no list of breached passwords was asked".to_owned()), &[][..]),
        Some(list) => (list.problem.clone(), &list.spared[..]),
    };
    if let Some(problem) = problem {
        let environments = case.matrix.environments.iter();
        let errors = environments.map(|environment| (environment.id.to_string(), problem.clone())).collect();
        return Ok(Noted { errors, ..Noted::default() });
    }
    let mut noted = each(
        case,
        BREACHED,
        |_, place| place.breached.is_some(),
        |view, place| {
            let severity = if view.engine().is_some() { Severity::Critical } else { Severity::High };
            let often = place.breached.map_or("once", Seen::words);
            (severity, format!("appears in a public list of breached passwords, {often}"))
        },
    )?;
    // Who judges anew, by other words on what is disposable, has no answer for what was not asked.
    let asked_for = case.matrix.environments.iter().filter(|environment| !environment.disposable);
    let unasked = asked_for.filter(|environment| spared.iter().any(|spared| spared == environment.id.as_str()));
    let why = "the evidence does not say: it was disposable when the list of breached passwords was asked";
    noted.errors.extend(unasked.map(|environment| (environment.id.to_string(), why.to_owned())));
    Ok(noted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_written_as_the_list_writes_them() {
        // FIPS 180-4's example.
        assert_eq!(digits(b"abc").as_str(), "A9993E364706816ABA3E25717850C26C9CD0D89D");
    }

    /// What stands in an answer, and which of ours are found there; none where it is not understood.
    type Case = (String, Option<&'static [(usize, Seen)]>);

    #[test]
    fn an_answer_is_read_in_its_form_and_in_no_other() {
        let (ours, other) = ("0018A45C4D1DEF81644B54AB7F969B88D65", "00D4F6E8FA6EECAD2A3AA415EEC418D38EC");
        let held = [(7, Zeroizing::new(ours.to_owned())), (9, Zeroizing::new(other.to_owned()))];
        let cases: [Case; 13] = [
            (format!("{ours}:1\r\n{other}:2"), Some(&[(7, Seen::Once), (9, Seen::UpTo100)])),
            (format!("{}:100\n{other}:101\n", ours.to_lowercase()), Some(&[(7, Seen::UpTo100), (9, Seen::UpTo10000)])),
            (format!("{ours}:10000\r\n{other}:10001\r\n"), Some(&[(7, Seen::UpTo10000), (9, Seen::More)])),
            (format!("{ours}:99999999999999999999999"), Some(&[(7, Seen::More)])),
            (format!("{ours}:0\r\n{other}:0"), Some(&[])),
            (format!("{}:5", ours.replace('8', "9")), Some(&[])),
            (String::new(), None),
            ("<html>blocked</html>".to_owned(), None),
            (format!("{ours}:1\nnot a line"), None),
            (format!("{ours}:-1"), None),
            (format!("{ours}:"), None),
            (format!("{}:1", &ours[1..]), None),
            (format!("{}G:1", &ours[1..]), None),
        ];
        for (body, expected) in cases {
            assert_eq!(counts(body.as_bytes(), &held).as_deref(), expected, "{body}");
        }
        assert_eq!(counts(b"\xff\xfe", &held), None);
    }
}
