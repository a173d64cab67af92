//! Values that are weak by themselves: defaults, placeholders, too short, supplied by default.

use super::facts::CredentialFacts;
use super::judge::{Case, Noted, Rules, capitalised, is_grave};
use super::matrix::View;
use crate::JudgeError;
use exhibit_detect::{Alphabet, Sensitivity};
use exhibit_evidence::Severity;

pub(super) const DEFAULT: Rules = Rules {
    check: "unique-credentials.default-password",
    since: 1,
    looks_at_others: false,
    needs_others: false,
    spares_disposable: true,
    failing: "with a default or common password",
    passing: "none with a default or common password",
};

pub(super) const PLACEHOLDER: Rules = Rules {
    check: "unique-credentials.placeholder",
    since: 1,
    looks_at_others: false,
    needs_others: false,
    spares_disposable: true,
    failing: "with a placeholder that was never replaced",
    passing: "none with a placeholder",
};

pub(super) const WEAK: Rules = Rules {
    check: "unique-credentials.weak",
    since: 1,
    looks_at_others: false,
    needs_others: false,
    spares_disposable: true,
    failing: "too short, too easily guessed or of the wrong form",
    passing: "all are long and random enough",
};

pub(super) const SUPPLIED: Rules = Rules {
    check: "unique-credentials.supplied-by-default",
    since: 1,
    looks_at_others: false,
    needs_others: false,
    spares_disposable: true,
    failing: "supplied by a default written beside the variable",
    passing: "none supplied by a default written beside the variable",
};

/// In the shipped list of default and common passwords. Placeholders have their own check.
pub(super) fn default_password(case: &Case<'_>) -> Result<Noted, JudgeError> {
    each(
        case,
        DEFAULT,
        |_, place| place.dictionary && !place.placeholder,
        |view, _| {
            let severity = if view.engine().is_some() { Severity::Critical } else { Severity::High };
            (severity, "is a default or common password".to_owned())
        },
    )
}

/// A stand-in that somebody was meant to replace.
pub(super) fn placeholder(case: &Case<'_>) -> Result<Noted, JudgeError> {
    each(
        case,
        PLACEHOLDER,
        |_, place| place.placeholder || place.from_example,
        |view, place| {
            let severity = if is_grave(view) { Severity::Critical } else { Severity::High };
            let words = match place.placeholder {
                true => "still holds a placeholder",
                false => "still holds the value that the example file shows",
            };
            (severity, words.to_owned())
        },
    )
}

/// Against the policy's lengths, classes and alphabets.
pub(super) fn weak(case: &Case<'_>) -> Result<Noted, JudgeError> {
    let wrong = |view: &View<'_>, place: &CredentialFacts| {
        // Placeholders and default passwords are noted by their own checks.
        !place.placeholder && !place.dictionary && weakness(case, view, place).is_some()
    };
    each(case, WEAK, wrong, |view, place| {
        weakness(case, view, place).unwrap_or((Severity::Medium, "is weak".to_owned()))
    })
}

/// The default of `${VAR:-default}`: it is in version control, and everybody has the same.
pub(super) fn supplied_by_default(case: &Case<'_>) -> Result<Noted, JudgeError> {
    each(
        case,
        SUPPLIED,
        |_, place| place.by_default,
        |_, place| {
            let variable = place.through.first().map_or("its variable", String::as_str);
            let words = format!("takes its value from the default written for `{variable}`");
            (Severity::High, words)
        },
    )
}

/// One finding for each name of a non-disposable environment with places that are `wrong`.
pub(super) fn each(
    case: &Case<'_>,
    rules: Rules,
    wrong: impl Fn(&View<'_>, &CredentialFacts) -> bool,
    say: impl Fn(&View<'_>, &CredentialFacts) -> (Severity, String),
) -> Result<Noted, JudgeError> {
    let mut noted = Noted::default();
    for (at, view) in case.matrix.views.iter().enumerate() {
        if case.matrix.disposable(at) {
            continue;
        }
        let places: Vec<_> = view.places.iter().filter(|place| wrong(view, place)).collect();
        let Some(first) = places.first() else { continue };
        let leader = case.matrix.leader(at);
        let spoken_for = &case.matrix.views[leader];
        if leader != at && spoken_for.places.iter().any(|place| wrong(spoken_for, place)) {
            continue;
        }
        noted.fail(case.matrix.id(at), view.name);
        let (severity, words) = say(view, first);
        let words = format!("{} {words}.", capitalised(&case.in_words(at)));
        noted.findings.push(case.finding(rules, at, severity, words, places.len())?);
    }
    Ok(noted)
}

/// How a value falls short, if it does.
fn weakness(case: &Case<'_>, view: &View<'_>, place: &CredentialFacts) -> Option<(Severity, String)> {
    if place.length == 0 {
        // An empty variable is an absent one; an empty password in a connection string is not.
        return place.in_url.then(|| (Severity::High, "is empty".to_owned()));
    }
    let policy = &case.policy;
    let rule = view.names().find_map(|name| policy.key(name));
    let encryption = place.kind == Some(Sensitivity::EncryptionKey);
    let of_form = if encryption { Severity::High } else { Severity::Medium };
    if let Some(exact) = rule.and_then(|rule| rule.length)
        && place.length != exact
    {
        return Some((of_form, format!("is {} bytes long, expected {exact}", place.length)));
    }
    if let Some(wanted) = rule.and_then(|rule| rule.alphabet)
        && !fits(place.alphabet, wanted)
    {
        let wanted = format!("{wanted:?}").to_lowercase();
        return Some((of_form, format!("is not written in the alphabet {wanted}")));
    }
    let minimum = rule.and_then(|rule| rule.minimum_length.or(rule.length));
    let minimum = minimum.unwrap_or(policy.minimum_length);
    if place.length < minimum {
        let severity = if place.length < 8 { Severity::High } else { Severity::Medium };
        return Some((severity, format!("is {} bytes long, expected at least {minimum}", place.length)));
    }
    let least = rule.and_then(|rule| rule.minimum_entropy).unwrap_or(policy.minimum_entropy);
    (place.entropy < least).then(|| {
        let words = format!("is of {} entropy, expected at least {}", place.entropy.as_str(), least.as_str());
        (Severity::Medium, words)
    })
}

/// Whether every text of the class `found` is also one of the class `wanted`.
fn fits(found: Alphabet, wanted: Alphabet) -> bool {
    use Alphabet::{Base62, Base64, Base64Url, Binary, Digits, Empty, Hex, Letters, Lower, Mixed, Text, Upper};
    let within = match wanted {
        Empty => &[Empty][..],
        Digits => &[Digits],
        Hex => &[Digits, Hex],
        Lower => &[Lower],
        Upper => &[Upper],
        Letters => &[Lower, Upper, Letters],
        Base62 => &[Digits, Hex, Lower, Upper, Letters, Base62],
        Base64 => &[Digits, Hex, Lower, Upper, Letters, Base62, Base64],
        Base64Url => &[Digits, Hex, Lower, Upper, Letters, Base62, Base64Url],
        Mixed => return !matches!(found, Text | Binary),
        Text => return found != Binary,
        Binary => return true,
    };
    within.contains(&found)
}
