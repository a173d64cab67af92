//! Names as they may be shown. A value that was broken over several lines without quotes looks like names, line by line: what
//! looks as if it was drawn at random is not shown.

use super::Place;

/// From so many letters and digits on, a word can look drawn at random.
const LONG: usize = 10;
/// No word that people chose changes between letters and digits so often.
const CHANGES: usize = 4;

/// From so many letters on, a word of a name that stands alone is written in one case.
const MIXED: usize = 8;
/// What stands for a name that is not shown.
const UNNAMED: &str = "unnamed";

/// The name of something that has no value here, or an empty one, and its place, as they may be shown: that is what a line of a
/// value looks like which was broken over several.
pub(super) fn alone(name: String, place: Place) -> (String, Place) {
    let mixed =
        |word: &str| word.len() >= MIXED && word.contains(char::is_lowercase) && word.contains(char::is_uppercase);
    if !looks_drawn(&name) && !words(&name).any(mixed) {
        return (name, place);
    }
    let key = match place.key.strip_suffix(&name) {
        Some(above) => format!("{above}{UNNAMED}"),
        None => place.key,
    };
    (UNNAMED.to_owned(), Place { key, ..place })
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|letter: char| !letter.is_alphanumeric())
}

/// Whether a word of the name looks like a value rather than like something that people called something.
pub(super) fn looks_drawn(name: &str) -> bool {
    words(name).any(|word| {
        let kinds: Vec<Kind> = word.chars().map(Kind::of).collect();
        let changes = |counts: fn(Kind, Kind) -> bool| kinds.windows(2).filter(|two| counts(two[0], two[1])).count();
        let of_digits = changes(|one, next| (one == Kind::Digit) != (next == Kind::Digit));
        // `dbHostUrl`: a word that begins in capitals is no change.
        let of_any = changes(|one, next| one != next && (one, next) != (Kind::Upper, Kind::Lower));
        kinds.len() >= LONG && (of_digits >= CHANGES || of_any * 5 > kinds.len() * 2)
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Digit,
    Lower,
    Upper,
}

impl Kind {
    fn of(letter: char) -> Self {
        match letter {
            letter if letter.is_numeric() => Self::Digit,
            letter if letter.is_uppercase() => Self::Upper,
            _ => Self::Lower,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str) -> (String, String) {
        let (shown, place) = alone(name.to_owned(), Place::keyed("f", format!("services.app.{name}")));
        (shown, place.key)
    }

    #[test]
    fn names_that_people_gave_are_shown_and_values_are_not() {
        for name in [
            "POSTGRES_PASSWORD",
            "OAUTH2_CLIENT_SECRET",
            "AWS_S3_SSE_KMS_KEY_2",
            "EC2_INSTANCE_METADATA_V2_TOKEN",
            "K8S_API_V1BETA2",
            "BASE64ENCODEDKEY",
            "UTF8_ISO8859_TABLE",
            "no_proxy",
            "db-password",
            "A",
            "",
        ] {
            assert_eq!(shown(name), (name.to_owned(), format!("services.app.{name}")));
        }
        assert!(!looks_drawn("spring.datasource.hikari.maximumPoolSize") && !looks_drawn("dbHostUrlV2Api"));
        for value in [
            "6e0f5b92c47a13d8af30429be5816c7d0d94f7b1832e6ac55fb8c90e7a41d326",
            "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
            "bg9bksR6E9ivMEKb5YFsfQ2U97GDLmrFX7jJDnpB0yY",
            "Cnry-shop-7Hq2VzKw9TnX",
            "kQzRtXwYpLmN",
            "ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5",
        ] {
            assert_eq!(shown(value), (UNNAMED.to_owned(), format!("services.app.{UNNAMED}")), "{value}");
        }
    }
}
