//! The samples beside the built-in template: views, and what they must render to.
//!
//! `EXHIBIT_RECORD=1 cargo test -p exhibit-report samples` writes them anew; look at the difference before committing it.

use std::{fs, path::PathBuf};

use chrono::{TimeDelta, Weekday};
use exhibit_evidence::{
    Condition, Finding, Outcome, Place, Severity, Timestamp, Verdict,
    assessment::Closing,
    finding::Carriers,
    observation::{Exclusion, Problem, Subject},
    report::Standing,
    slot::SlotState,
    to_canonical,
};

use super::{
    attested,
    story::{Look, Performance, Story, deployment, finding, look, outcome, subject, t},
    waived,
};
use crate::{PeriodView, TemplateSet, render};

const SHARED: &str = "unique-credentials.shared";
const WEAK: &str = "unique-credentials.weak";
const CI: &str = "ci-secrets.plaintext-value";
const CUSTODY: &str = "key-custody.current-key-held";
const LOGS: &str = "log-redaction.no-secret";
const SCANS: &str = "container-scan.captured";

fn condition(title: &str, risk: &str, impact: &str, recommendation: &str, steps: &[&str]) -> Condition {
    Condition {
        title: title.to_owned(),
        risk: risk.to_owned(),
        impact: impact.to_owned(),
        recommendation: recommendation.to_owned(),
        steps: steps.iter().map(|step| (*step).to_owned()).collect(),
        references: vec!["CWE-798: Use of Hard-coded Credentials".to_owned()],
    }
}

/// Mondays at 06:00 in Berlin, as instants.
fn mondays(from: &str, to: &str) -> Vec<Timestamp> {
    use chrono::{Datelike as _, TimeZone as _};
    let (from, to) = (t(from), t(to));
    let mut day = from.utc().date_naive();
    let mut slots = Vec::new();
    while day <= to.utc().date_naive() {
        let local = day.and_hms_opt(6, 0, 0).expect("a time");
        let slot = chrono_tz::Europe::Berlin.from_local_datetime(&local).single().expect("unambiguous");
        let slot = Timestamp::new(slot.to_utc());
        if day.weekday() == Weekday::Mon && from <= slot && slot < to {
            slots.push(slot);
        }
        day = day.succ_opt().expect("in range");
    }
    slots
}

fn usual<'a>(job: &'a str, collector: &'a str, slot: Timestamp, looks: &'a [Look]) -> Performance<'a> {
    let at = slot.plus(TimeDelta::seconds(5));
    Performance { job, collector, slot: Some(slot), at, looks, version: 1, population: None, problems: vec![] }
}

/// A quarter in which nothing was noted, and which is closed.
fn quiet() -> PeriodView {
    let mut story = Story::begin("2026-06-24 09:00");
    let jobs = [
        ("credentials", "unique_credentials"),
        ("ci-files", "ci_secrets"),
        ("key", "key_custody"),
        ("logs", "log_redaction"),
        ("scans", "container_scan"),
    ];
    for (job, collector) in jobs {
        story.promise(job, collector, Some("0 6 * * 1"), &["production", "staging"]);
    }
    let at = |environment| subject(environment, "shop");
    let pass = |check, environment, reason: &str| look(check, &at(environment), Verdict::Pass, reason);
    for slot in mondays("2026-06-24 09:00", "2026-10-06 00:00") {
        let looks = [
            pass(SHARED, "production", "48 values compared, none is shared."),
            pass(SHARED, "staging", "48 values compared, none is shared."),
            pass(WEAK, "production", "48 values are as long and random as the policy asks."),
            pass(WEAK, "staging", "48 values are as long and random as the policy asks."),
        ];
        story.run(usual("credentials", "unique_credentials", slot, &looks));
        let looks = [pass(CI, "production", "48 values under such names, all are references.")];
        story.run(usual("ci-files", "ci_secrets", slot, &looks));
        let looks = [pass(CUSTODY, "production", "The vault and 3 of 3 backups hold the key in use.")];
        story.run(usual("key", "key_custody", slot, &looks));
        let looks = [pass(LOGS, "production", "48 lines examined, none holds a secret.")];
        story.run(usual("logs", "log_redaction", slot, &looks));
        let looks = [pass(SCANS, "production", "48 packages listed, 48 scanned.")];
        story.run(usual("scans", "container_scan", slot, &looks));
    }
    story.freeze("2026-Q3");
    story.view("2026-Q3")
}

struct Busy {
    story: Story,
    production: Subject,
    staging: Subject,
    ci: Subject,
}

impl Busy {
    fn shared(&self) -> Look {
        let place = Place { key: Some("REDIS_PASSWORD".to_owned()), ..Place::default() };
        let detail = "Production and staging hold the same value under REDIS_PASSWORD; 24 characters, high entropy.";
        let noted = finding(SHARED, &self.production, "shared-value", Severity::High, place, 1, detail);
        look(SHARED, &self.production, Verdict::Fail, "1 of 48 values is shared with another environment.")
            .noting([noted])
    }

    fn weak(&self, instances: u64) -> Look {
        let place = Place {
            file: Some("deploy/<img src=x onerror=alert(1)>|`rm -rf`/.env".to_owned()),
            line: Some(7),
            key: Some("PG_PASSWORD](javascript:alert(1))".to_owned()),
            rule: Some("min-length **16**".to_owned()),
            carriers: None,
        };
        let detail = format!(
            "{instances} values are shorter than the policy asks.\n\n# Not a heading <script>alert(1)</script> | not a cell"
        );
        let noted = finding(WEAK, &self.staging, "weak-value", Severity::Medium, place, instances, &detail);
        look(
            WEAK,
            &self.staging,
            Verdict::Fail,
            "Some values are too short: `**`, <b>bold</b> | [link](https://example.com)",
        )
        .noting([noted])
    }

    /// Noted until somebody replaced it.
    fn soon_replaced(&self, still_weak: bool) -> Look {
        let weak = |key: &str, detail| {
            let place = Place { key: Some(key.to_owned()), ..Place::default() };
            finding(WEAK, &self.production, "weak-value", Severity::Low, place, 1, detail)
        };
        let noted = [weak("PGBOUNCER_PASSWORD", "12 characters."), weak("METRICS_PASSWORD", "15 characters.")];
        if !still_weak {
            let reason = "48 values are as long and random as the policy asks.";
            return look(WEAK, &self.production, Verdict::Pass, reason)
                .closing(&noted[0], Closing::Fixed)
                .closing(&noted[1], Closing::RulesChanged);
        }
        look(WEAK, &self.production, Verdict::Fail, "2 of 48 values are too short.").noting(noted)
    }

    fn token(&self) -> Finding {
        let place = Place {
            file: Some(".github/workflows/deploy.yml".to_owned()),
            line: Some(31),
            key: Some("jobs.deploy.env.API_TOKEN".to_owned()),
            rule: Some("literal".to_owned()),
            carriers: Some(Carriers {
                first: "1f3870be274f6c49".to_owned(),
                last: "a54d88e06612d820".to_owned(),
                count: 6,
                at_head: true,
            }),
        };
        let detail = "A literal of 40 characters stands where a reference belongs; shape of a provider's token.";
        finding(CI, &self.production, "literal-secret", Severity::Critical, place, 6, detail)
    }

    fn key(&self) -> Look {
        let place = Place { key: Some("backup/nightly".to_owned()), ..Place::default() };
        let detail = "The copy in the nightly backup is not the key in use.";
        let noted = finding(CUSTODY, &self.production, "old-key", Severity::High, place, 1, detail);
        look(CUSTODY, &self.production, Verdict::Fail, "2 of 3 backups hold the key in use.").noting([noted])
    }

    fn credentials(&mut self, slot: Timestamp, at: Timestamp, instances: u64, version: u8) {
        let looks = [
            self.shared(),
            look(SHARED, &self.staging, Verdict::Pass, "46 values compared, the shared one is noted in production."),
            self.soon_replaced(slot < t("2026-09-30 00:00")),
            self.weak(instances),
            look(WEAK, &self.ci, Verdict::NotApplicable, "The environment is disposable."),
        ];
        self.story.run(Performance {
            job: "credentials",
            collector: "unique_credentials",
            slot: Some(slot),
            at,
            looks: &looks,
            version,
            population: Some((48, sealed())),
            problems: vec![],
        });
    }

    fn ci_files(&mut self, slot: Timestamp, with_token: bool) {
        let verdict = if with_token { Verdict::Fail } else { Verdict::Pass };
        let reason = if with_token { "1 literal where a secret belongs." } else { "48 values, all are references." };
        let noted = with_token.then(|| self.token());
        let looks = [
            look(CI, &self.production, verdict, reason).noting(noted),
            look(CI, &self.staging, Verdict::Pass, "12 values, all are references."),
        ];
        self.story.run(usual("ci-files", "ci_secrets", slot, &looks));
    }
}

/// An open quarter with every outcome, gaps, a regression, late arrivals and strings that try to be markup.
fn busy() -> PeriodView {
    let mut busy = Busy {
        story: Story::begin("2026-09-10 09:00"),
        production: subject("production", "shop"),
        staging: subject("staging", "shop"),
        ci: subject("ci", "shop"),
    };
    let conditions = [
        (
            "shared-value",
            condition(
                "A credential is shared by two environments",
                "Whoever may see staging can act in production: a weaker environment opens the stronger one.",
                "Data of policy holders can be read or changed with a password that many more people know.",
                "Give each environment its own credential.",
                &[
                    "Create a new password for Redis in production.",
                    "Store it in production's vault path and roll the services.",
                    "Revoke the old one, and look through the access log for its use from elsewhere.",
                ],
            ),
        ),
        (
            "weak-value",
            condition(
                "A credential is shorter than the policy asks",
                "Short values can be guessed.",
                "The database can be entered without anyone's help.",
                "Replace the value by 32 random characters. <script>alert(1)</script>",
                &["Run `openssl rand -base64 24`.", "1) Store it | [here](javascript:alert(1))."],
            ),
        ),
        (
            "literal-secret",
            condition(
                "A CI file holds a literal where a secret belongs",
                "Everybody who can read the repository, now or in its history, holds the token.",
                "Deployments can be made in the organisation's name.",
                "Revoke the token and refer to the secret store instead.",
                &[
                    "Revoke the token at its provider.",
                    "Put the new one into the CI system's secret store.",
                    "Refer to it by name.",
                ],
            ),
        ),
        (
            "old-key",
            condition(
                "A backup does not hold the key in use",
                "What is encrypted now can't be decrypted from that backup.",
                "After a loss of the vault the data written since the last rotation is lost.",
                "Copy the key in use to the backup and test the restore.",
                &["Copy the key.", "Restore it on a separate machine, and decrypt one record."],
            ),
        ),
    ];
    for (id, condition) in conditions {
        busy.story.condition(id, condition);
    }
    let weekly = Some("0 6 * * 1");
    busy.story.promise("credentials", "unique_credentials", weekly, &["production", "staging", "ci"]);
    busy.story.promise("ci-files", "ci_secrets", weekly, &["production", "staging"]);
    busy.story.promise("key", "key_custody", weekly, &["production"]);
    for (index, slot) in mondays("2026-09-10 09:00", "2026-09-30 00:00").into_iter().enumerate() {
        busy.credentials(slot, slot, 4, 1);
        // Noted in the first week, gone in the second.
        busy.ci_files(slot, index == 0);
        let looks = [busy.key()];
        busy.story.run(usual("key", "key_custody", slot, &looks));
    }
    busy.story.issue("2026-Q3", Standing::Interim);
    busy.story.now(t("2026-10-01 08:00"));
    busy.story.pushed.insert("scans".to_owned());
    busy.story.promise("scans", "container_scan", weekly, &["production"]);
    busy.story.promise("scans-nightly", "container_scan", Some("0 2 * * 0"), &["staging"]);
    let slots = mondays("2026-10-01 08:00", "2026-11-22 00:00");
    for (index, slot) in slots.iter().copied().enumerate() {
        match index {
            // The scheduler stood still for a week; one job caught up on the Thursday after.
            1 => busy.story.close(
                "key",
                slot,
                SlotState::Missed,
                None,
                Some("nobody took the slot before its time was up"),
            ),
            2 => {
                busy.story.freeze("2026-Q3");
                busy.story.issue("2026-Q3", Standing::Final);
                busy.credentials(slot, slot.plus(TimeDelta::days(3)), 2, 2);
            }
            _ => busy.credentials(slot, slot, if index < 2 { 4 } else { 2 }, if index < 2 { 1 } else { 2 }),
        }
        if index < 5 && index != 1 {
            busy.ci_files(slot, index >= 3);
        }
        match index {
            0 => {
                let looks =
                    [look(CUSTODY, &busy.production, Verdict::Error, "The vault answered 403. This is not a pass.")];
                let problems = vec![Problem {
                    subject: Some(busy.production.clone()),
                    code: "refused".to_owned(),
                    message: "the vault answered 403 <b>Forbidden</b> | no list right".to_owned(),
                }];
                busy.story.run(Performance { problems, ..usual("key", "key_custody", slot, &looks) });
                let looks = [look(SCANS, &busy.production, Verdict::Pass, "48 packages listed, 48 scanned.")];
                busy.story.run(usual("scans", "container_scan", slot, &looks));
            }
            1 => {}
            _ => {
                let reason = "the collector could not reach the vault: connection refused";
                busy.story.close("key", slot, SlotState::Errored, Some((slot, slot, last(&busy.story))), Some(reason));
                let looks = [look(SCANS, &busy.production, Verdict::Vacuous, "The scanner found no package to scan.")];
                busy.story.run(Performance {
                    population: Some((0, vec![])),
                    ..usual("scans", "container_scan", slot, &looks)
                });
            }
        }
        if index == 3 {
            // Somebody brought a record of the closed quarter.
            let looks = [busy.shared()];
            let at = t("2026-09-29 10:00");
            busy.story.run(Performance { slot: None, at, ..usual("credentials", "unique_credentials", at, &looks) });
            busy.story.record(deployment("0.1.1"));
        }
    }
    // A deviation that is new in the last week.
    let place = Place { key: Some("SMTP_PASSWORD".to_owned()), ..Place::default() };
    let detail =
        "Staging and the test runs hold nearly the same value under SMTP_PASSWORD: they differ in trailing digits.";
    let noted = finding(SHARED, &busy.staging, "shared-value", Severity::Low, place, 1, detail);
    let looks = [
        busy.shared(),
        look(SHARED, &busy.staging, Verdict::Fail, "1 of 48 values is shared with another environment.")
            .noting([noted.clone()]),
        look(WEAK, &busy.production, Verdict::Pass, "48 values are as long and random as the policy asks."),
        busy.weak(2),
        look(WEAK, &busy.ci, Verdict::NotApplicable, "The environment is disposable."),
    ];
    let at = t("2026-11-20 15:30");
    busy.story.run(Performance {
        slot: None,
        version: 2,
        population: Some((48, sealed())),
        ..usual("credentials", "unique_credentials", at, &looks)
    });
    attested::tell(&mut busy.story);
    let (shared, weak) = (busy.shared().findings.remove(0), busy.weak(2).findings.remove(0));
    waived::tell(&mut busy.story, [(SHARED, &noted), (SHARED, &shared), (WEAK, &weak)]);
    busy.story.now(t("2026-11-22 03:00"));
    busy.story.rotate(
        "exhibit.example.com/log+5d2f7a10+AS9zQ0hXb1dYcFRrVjNnTm1ZdUpKZEx3RnFBQmM0ZDU=",
        "The yearly change of keys.",
    );
    busy.story.view("2026-Q4")
}

fn sealed() -> Vec<Exclusion> {
    vec![Exclusion {
        code: "sealed".to_owned(),
        reason: "sealed values can't be compared".to_owned(),
        count: 2,
        examples: vec!["DB_SEALED".to_owned()],
    }]
}

fn last(story: &Story) -> exhibit_evidence::EntryId {
    story.last_evidence.expect("a run")
}

pub(super) fn all() -> [(&'static str, PeriodView); 2] {
    [("quiet", quiet()), ("busy", busy())]
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../report-templates/quarterly/samples").join(name)
}

fn json(view: &PeriodView) -> String {
    let value: serde_json::Value = serde_json::from_slice(&to_canonical(view).expect("canonical")).expect("JSON");
    format!("{}\n", serde_json::to_string_pretty(&value).expect("JSON"))
}

#[test]
fn samples_render_to_what_stands_beside_them() {
    let templates = TemplateSet::built_in().expect("built in");
    for (name, view) in all() {
        let rendered = render(&view, &templates).expect("rendered");
        let files = [("view.json", json(&view)), ("report.md", rendered.markdown), ("report.html", rendered.html)];
        for (file, made) in files {
            let path = folder(name).join(file);
            if std::env::var_os("EXHIBIT_RECORD").is_some() {
                fs::create_dir_all(folder(name)).expect("a folder");
                fs::write(&path, &made).expect("written");
            }
            let recorded = fs::read_to_string(&path).expect("recorded");
            let same = recorded.lines().zip(made.lines()).position(|(a, b)| a != b);
            assert!(
                recorded == made,
                "{name}/{file} differs from what is recorded, first in line {:?}; EXHIBIT_RECORD=1 writes it anew",
                same.map(|line| line + 1)
            );
        }
    }
}

#[test]
fn a_view_read_back_renders_to_the_same_bytes() {
    let templates = TemplateSet::built_in().expect("built in");
    for (name, view) in all() {
        let first = render(&view, &templates).expect("rendered");
        let back: PeriodView = serde_json::from_str(&first.json).expect("a view");
        assert_eq!(back, view, "{name}");
        let again = render(&back, &TemplateSet::built_in().expect("built in")).expect("rendered");
        assert_eq!(first, again, "{name}");
    }
}

#[test]
fn the_busy_sample_holds_what_it_is_there_for() {
    let view = busy();
    for line in &view.totals.outcomes {
        assert_eq!(line.count == 0, line.outcome == Outcome::Waived, "{}", line.outcome);
        assert!(line.after_waivers > 0, "{}", line.outcome);
    }
    for line in &view.totals.follow_up {
        assert!(line.count > 0, "{:?}", line.state);
    }
    assert!(view.totals.late > 0 && view.totals.missed > 0 && view.totals.errored > 0 && view.totals.on_demand > 0);
    assert!(view.totals.pushed > 0 && view.checks.iter().any(|check| check.pushed == 0));
    assert!(!view.late_arrivals.is_empty() && !view.changes.is_empty() && !view.records.is_empty());
    assert_eq!(view.audit_items.iter().filter(|item| item.current.is_none()).count(), 1);
    let [first, second] = &view.signing_keys[..] else { panic!("two keys: {:?}", view.signing_keys) };
    assert_eq!((first.until_size, second.from_size), (Some(view.cover.size), view.cover.size));
    assert_eq!(second.key, view.cover.verifier_key);
    assert_eq!(outcome(&view, CI).0, Outcome::Fail);
}

#[test]
fn the_quiet_sample_is_quiet() {
    let view = quiet();
    assert!(view.audit_items.iter().all(|item| item.current == Some(Outcome::Pass)));
    assert!(view.gaps.is_empty() && view.deviations.is_empty() && view.follow_up.is_empty());
    assert_eq!(view.cover.standing, Standing::Final);
}
