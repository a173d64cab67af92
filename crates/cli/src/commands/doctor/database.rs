//! The database: reachable, fit, fenced, and by the same clock.

use chrono::TimeDelta;
use exhibit_evidence::{Timestamp, schedule::TZDATA_VERSION};
use exhibit_store::{Condition, Store};

use super::item::{Findings, Item, State, first};

pub(super) static REACHABLE: Item = Item {
    code: "database.reachable",
    good: "the database answers",
    remedy: "start the server, or mend the connection string's place and rights",
};
static VERSION: Item = Item {
    code: "database.version",
    good: "Postgres 15 to 18",
    remedy: "move to a supported version: nothing else was tried",
};
static ENCODING: Item = Item {
    code: "database.encoding",
    good: "encoding UTF8, collation C",
    remedy: "make a database with ENCODING 'UTF8' LC_COLLATE 'C' TEMPLATE template0, and restore into it",
};
static SCHEMA: Item = Item {
    code: "database.schema",
    good: "the schema is the one that this program knows",
    remedy: "with owner_url configured, any command but this one migrates; if it is newer, use a newer program",
};
static ROLE: Item = Item {
    code: "database.role",
    good: "the service's role has no rights but those it was given",
    remedy: "connect as a role that is neither superuser nor the schema's owner: else it could change the ledger",
};
static WRITABLE: Item = Item {
    code: "database.writable",
    good: "the database takes writes",
    remedy: "connect to the primary server, or switch default_transaction_read_only off",
};
static FENCES: Item = Item {
    code: "database.fences",
    good: "triggers, functions and rights are what the migrations made them",
    remedy: "find out who changed them and what they did meanwhile: exhibit fsck",
};
static CLOCK: Item = Item {
    code: "clock.offset",
    good: "this host's clock and the database's agree",
    remedy: "let both hosts follow a time server: times in evidence hang on it",
};
static ZONES: Item = Item {
    code: "clock.time-zones",
    good: "the time zone data are no older than this machine's",
    remedy: "use a newer program: schedules and quarters are counted by its time zone data",
};

pub(super) static ITEMS: [&Item; 9] =
    [&REACHABLE, &VERSION, &ENCODING, &SCHEMA, &ROLE, &WRITABLE, &FENCES, &CLOCK, &ZONES];

/// Judges what the database says of itself; `asked_at` is this host's clock when it was asked.
pub(super) fn judge(condition: &Condition, asked_at: Timestamp, findings: &mut Findings) {
    let said = format!("Postgres {}", condition.major);
    findings.note(&VERSION, if (15..=18).contains(&condition.major) { State::Ok } else { State::Fail }, said);
    let said = format!("encoding {}, collation {}", condition.encoding, condition.collation);
    let bytewise = matches!(condition.collation.as_str(), "C" | "POSIX" | "C.UTF-8" | "C.utf8");
    findings.note(
        &ENCODING,
        if condition.encoding != "UTF8" {
            State::Fail
        } else if bytewise {
            State::Ok
        } else {
            State::Warn
        },
        said,
    );
    let (state, said) = match condition.schema {
        None => (State::Fail, "it was never migrated".to_owned()),
        Some(found) => {
            let state = if found == condition.expected_schema { State::Ok } else { State::Fail };
            (state, format!("version {found}; this program knows {}", condition.expected_schema))
        }
    };
    findings.note(&SCHEMA, state, said);
    if condition.too_much.is_empty() {
        findings.ok(&ROLE, condition.role.clone());
    } else {
        findings.fail(&ROLE, format!("{}: {}", condition.role, condition.too_much.join(", ")));
    }
    if condition.read_only {
        findings.fail(&WRITABLE, "it only reads");
    } else {
        findings.ok(&WRITABLE, "it is a primary server");
    }
    let offset = asked_at.since(condition.time).abs();
    findings.note(&CLOCK, apart(offset), format!("{} ms apart", offset.num_milliseconds()));
}

/// How far two clocks may be apart.
fn apart(offset: TimeDelta) -> State {
    if offset > TimeDelta::seconds(60) {
        State::Fail
    } else if offset > TimeDelta::seconds(2) {
        State::Warn
    } else {
        State::Ok
    }
}

/// Whether triggers, functions and rights stand.
pub(super) async fn fences(store: &Store, findings: &mut Findings) {
    match store.fences().await {
        Ok(differences) if differences.is_empty() => findings.ok(&FENCES, "all as the migrations say"),
        Ok(differences) => {
            let told: Vec<String> = differences.iter().map(ToString::to_string).collect();
            findings.fail(&FENCES, first(&told));
        }
        Err(error) => findings.unknown(&FENCES, error.to_string()),
    }
}

/// The built-in time zone data beside this machine's.
pub(super) fn zones(findings: &mut Findings) {
    let files = ["/usr/share/zoneinfo/tzdata.zi", "/usr/share/zoneinfo/+VERSION", "/usr/share/zoneinfo/version"];
    let machine = files.iter().find_map(|file| release(&std::fs::read_to_string(file).ok()?));
    compare(TZDATA_VERSION, machine.as_deref(), findings);
}

fn compare(own: &str, machine: Option<&str>, findings: &mut Findings) {
    match machine {
        Some(newer) if newer > own => findings.warn(&ZONES, format!("{own} is built in; this machine has {newer}")),
        Some(machine) => findings.ok(&ZONES, format!("{own} is built in; this machine has {machine}")),
        None => findings.ok(&ZONES, format!("{own} is built in; this machine keeps none to compare with")),
    }
}

/// The release in the first line of such a file: `# version 2025b`, or the release alone.
fn release(text: &str) -> Option<String> {
    let word = text.lines().next()?.split_whitespace().last()?;
    let (year, letter) = word.split_at_checked(4)?;
    let fine = year.bytes().all(|byte| byte.is_ascii_digit())
        && (1..=2).contains(&letter.len())
        && letter.bytes().all(|byte| byte.is_ascii_lowercase());
    fine.then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Condition {
        Condition {
            major: 17,
            encoding: "UTF8".to_owned(),
            collation: "C".to_owned(),
            schema: Some(9),
            expected_schema: 9,
            role: "exhibit_service".to_owned(),
            too_much: Vec::new(),
            read_only: false,
            time: Timestamp::from_micros(0).expect("an instant"),
        }
    }

    #[test]
    fn each_unfit_condition_is_named() {
        let text = str::to_owned;
        let cases = [
            (well(), None),
            (Condition { major: 14, ..well() }, Some((&VERSION, State::Fail))),
            (Condition { major: 19, ..well() }, Some((&VERSION, State::Fail))),
            (Condition { encoding: text("LATIN1"), ..well() }, Some((&ENCODING, State::Fail))),
            (Condition { collation: text("de_DE.UTF-8"), ..well() }, Some((&ENCODING, State::Warn))),
            (Condition { schema: None, ..well() }, Some((&SCHEMA, State::Fail))),
            (Condition { schema: Some(8), ..well() }, Some((&SCHEMA, State::Fail))),
            (Condition { schema: Some(10), ..well() }, Some((&SCHEMA, State::Fail))),
            (Condition { too_much: vec![text("it is a superuser")], ..well() }, Some((&ROLE, State::Fail))),
            (Condition { read_only: true, ..well() }, Some((&WRITABLE, State::Fail))),
            (Condition { time: well().time.plus(TimeDelta::seconds(5)), ..well() }, Some((&CLOCK, State::Warn))),
            (Condition { time: well().time.plus(TimeDelta::minutes(-5)), ..well() }, Some((&CLOCK, State::Fail))),
        ];
        for (condition, expected) in cases {
            let mut findings = Findings::default();
            judge(&condition, well().time, &mut findings);
            assert_eq!(findings.0.len(), 6);
            let wrong: Vec<_> =
                findings.0.iter().filter(|one| one.state != State::Ok).map(|one| (one.code, one.state)).collect();
            assert_eq!(wrong, expected.map(|(item, state)| (item.code, state)).into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn time_zone_data_are_compared_by_release() {
        assert_eq!(release("# version 2025b\nR d"), Some("2025b".to_owned()));
        assert_eq!(release("2024a\n"), Some("2024a".to_owned()));
        for text in ["", "# version x", "20", "# version 2025"] {
            assert_eq!(release(text), None, "{text}");
        }
        for (machine, state) in
            [(Some("2025c"), State::Warn), (Some("2025b"), State::Ok), (Some("2024a"), State::Ok), (None, State::Ok)]
        {
            let mut findings = Findings::default();
            compare("2025b", machine, &mut findings);
            assert_eq!(findings.0[0].state, state, "{machine:?}");
        }
    }
}
