//! `[[jobs]]`: each names a collector, where it looks, and when.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use exhibit_collectors::{SettingProblem, Settings};
use exhibit_evidence::deployment::Environment;
use exhibit_evidence::schedule::Schedule;
use exhibit_evidence::{CollectorId, EnvironmentId, JobId};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::duration;
use super::keys;
use super::model::Job;
use super::reader::{Reader, Section, nearest};
use super::schema::check_id;
use super::settings::{self, Collectors};
use super::suspicion::holds_secret;

/// What one needs to read a job.
struct Surroundings<'s> {
    environments: &'s [Environment],
    collectors: &'s dyn Collectors,
    known: Vec<String>,
}

/// Reads every job; `None` only if a problem was noted.
pub(super) fn read(
    reader: &mut Reader,
    root: &Section<'_>,
    environments: &[Environment],
    collectors: &dyn Collectors,
) -> Option<Vec<Job>> {
    let Some(entry) = root.raw("jobs") else {
        return Some(Vec::new());
    };
    let DeValue::Array(items) = entry.get_ref() else {
        reader.wrong_type(root, "jobs", entry.span(), "tables [[jobs]]", entry.get_ref());
        return None;
    };
    let surroundings = Surroundings { environments, collectors, known: collectors.ids() };
    let mut ids: BTreeMap<String, Range<usize>> = BTreeMap::new();
    let mut jobs = Vec::new();
    let mut complete = true;
    for item in items.iter() {
        let DeValue::Table(entries) = item.get_ref() else {
            reader.wrong_type(root, "jobs", item.span(), "a table [[jobs]]", item.get_ref());
            complete = false;
            continue;
        };
        match job(reader, entries, item.span(), &surroundings, &mut ids) {
            Some(job) => jobs.push(job),
            None => complete = false,
        }
    }
    complete.then_some(jobs)
}

fn job(
    reader: &mut Reader,
    entries: &DeTable<'_>,
    span: Range<usize>,
    surroundings: &Surroundings<'_>,
    ids: &mut BTreeMap<String, Range<usize>>,
) -> Option<Job> {
    let section = reader.enter(entries, span, "jobs", "[[jobs]]", &keys::JOB);
    let id = id(reader, &section, ids);
    let collector = collector(reader, &section, surroundings);
    let pushed = reader.flag(&section, "pushed").unwrap_or(false);
    let schedule = schedule(reader, &section);
    let environments = environments(reader, &section, surroundings);
    let fresh_for = fresh_for(reader, &section, collector.as_ref(), surroundings);
    let late_after = late_after(reader, &section);
    let source = own_table(reader, &section, "source");
    let policy = own_table(reader, &section, "policy");
    let job = Job {
        id: id?,
        collector: collector?,
        pushed,
        schedule: schedule?,
        environments: environments?,
        fresh_for: fresh_for?,
        late_after: late_after?,
        settings: Settings { source: source?, policy: policy? },
    };
    let beside = surroundings.collectors.beside_pushed(job.collector.as_str());
    let foreign = |key: &String| !beside.contains(&key.as_str());
    let refused = pushed && (beside.is_empty() || job.settings.source.keys().any(foreign));
    if let Some(source) = section.raw("source").filter(|_| refused) {
        let (title, label) = match beside {
            [] => ("a job with `pushed = true` has no `source`", "expected none".to_owned()),
            some => {
                ("a job with `pushed = true` looks at nothing", format!("expected no more than {}", some.join(", ")))
            }
        };
        reader.refuse(
            Diagnostic::new("config.pushed-source", source.span(), title)
                .label(label)
                .hint("another system hands its evidence in: Exhibit looks at nothing"),
        );
        return None;
    }
    let checked = surroundings.collectors.check(job.collector.as_str(), &job.settings);
    // What is pushed is judged by the policy, and by the lists that may stand beside it.
    let concerns = |problem: &SettingProblem| {
        let mut key = problem.key.iter().map(String::as_str);
        let (table, part) = (key.next(), key.next());
        !pushed || table == Some("policy") || part.is_some_and(|part| beside.contains(&part))
    };
    for problem in checked.err().unwrap_or_default().into_iter().filter(concerns) {
        let place = settings::place(entries, &problem.key, section.span.clone());
        let title = format!("the collector `{}` refuses `{}`", job.collector, problem.key.join("."));
        reader.refuse(Diagnostic::new("config.bad-setting", place, title).label(without_value(&problem.message)));
    }
    Some(job)
}

/// serde's messages quote the value before they say what was expected.
fn without_value(message: &str) -> &str {
    let quotes = message.starts_with("invalid ");
    match message.rfind(", expected ") {
        Some(at) if quotes => &message[at + 2..],
        _ if quotes || holds_secret(message) => "expected another value",
        _ => message,
    }
}

fn id(reader: &mut Reader, section: &Section<'_>, ids: &mut BTreeMap<String, Range<usize>>) -> Option<JobId> {
    let text = reader.text(section, "id")?;
    if !check_id(reader, text.get_ref(), text.span(), "a job's `id`") {
        return None;
    }
    if let Some(first) = ids.get(text.get_ref()) {
        reader.refuse(
            Diagnostic::new("config.duplicate-id", text.span(), "two jobs have the same `id`")
                .label("expected an id of its own")
                .context(first.clone(), "first used here")
                .hint("an id names one job's evidence for ever"),
        );
        return None;
    }
    ids.insert(text.get_ref().clone(), text.span());
    JobId::new(text.into_inner()).ok()
}

fn collector(reader: &mut Reader, section: &Section<'_>, surroundings: &Surroundings<'_>) -> Option<CollectorId> {
    let known = || surroundings.known.iter().map(String::as_str);
    let list = || known().collect::<Vec<_>>().join(", ");
    if section.raw("collector").is_none() {
        reader.missing(section, "collector", &format!("one of: {}", list()));
    }
    let text = reader.text(section, "collector")?;
    if known().any(|name| name == text.get_ref()) {
        return CollectorId::new(text.into_inner()).ok();
    }
    let hint = match nearest(text.get_ref(), known()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("there are: {};", list()),
    };
    reader.refuse(
        Diagnostic::new("config.unknown-collector", text.span(), "there is no such collector")
            .label("expected a collector's id")
            .hint(format!("{hint} `exhibit collectors list` shows them all")),
    );
    None
}

fn schedule(reader: &mut Reader, section: &Section<'_>) -> Option<Schedule> {
    let text = reader.text(section, "schedule")?;
    if holds_secret(text.get_ref()) {
        // Refused before; the schedule's own error would quote it.
        return None;
    }
    let reason = match Schedule::parse(text.get_ref()) {
        Ok(schedule) if schedule.next_after(Tz::UTC, DateTime::UNIX_EPOCH).is_some() => {
            return Some(schedule);
        }
        Ok(_) => "this time never comes".to_owned(),
        Err(error) => error.to_string(),
    };
    // The snippet shows the schedule already.
    let quoted = format!("schedule `{}`: ", text.get_ref().trim());
    let title = "`schedule` in [[jobs]] is not a crontab line";
    reader.refuse(
        Diagnostic::new("config.bad-schedule", text.span(), title)
            .label(reason.strip_prefix(&quoted).unwrap_or(&reason))
            .hint("five fields: minute, hour, day of month, month, day of week, as in \"30 6 * * 1-5\""),
    );
    None
}

fn environments(
    reader: &mut Reader,
    section: &Section<'_>,
    surroundings: &Surroundings<'_>,
) -> Option<Vec<EnvironmentId>> {
    let list = reader.texts(section, "environments")?;
    if list.get_ref().is_empty() {
        reader.refuse(
            Diagnostic::new("config.no-environment", list.span(), "`environments` in [[jobs]] is empty")
                .label("expected at least one id"),
        );
        return None;
    }
    let mut ids: Vec<EnvironmentId> = Vec::new();
    let mut fine = true;
    for given in list.into_inner() {
        let declared = surroundings
            .environments
            .iter()
            .map(|environment| &environment.id)
            .find(|id| id.as_str() == given.get_ref());
        let Some(id) = declared else {
            undeclared(reader, &given, surroundings);
            fine = false;
            continue;
        };
        if ids.contains(id) {
            reader.refuse(
                Diagnostic::new("config.duplicate-id", given.span(), "an environment is named twice")
                    .label("expected each id once"),
            );
            fine = false;
        } else {
            ids.push(id.clone());
        }
    }
    fine.then_some(ids)
}

fn undeclared(reader: &mut Reader, given: &Spanned<String>, surroundings: &Surroundings<'_>) {
    let known = || surroundings.environments.iter().map(|known| known.id.as_str());
    let hint = match nearest(given.get_ref(), known()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if surroundings.environments.is_empty() => {
            "declare it with a table [environments.ID]; an empty one is enough".to_owned()
        }
        None => format!("declared are: {}", known().collect::<Vec<_>>().join(", ")),
    };
    reader.refuse(
        Diagnostic::new("config.undeclared-environment", given.span(), "this environment is not declared")
            .label("expected the id of a table [environments.ID]")
            .hint(hint),
    );
}

fn fresh_for(
    reader: &mut Reader,
    section: &Section<'_>,
    collector: Option<&CollectorId>,
    surroundings: &Surroundings<'_>,
) -> Option<TimeDelta> {
    if section.raw("fresh_for").is_some() {
        return span_of_time(reader, section, "fresh_for");
    }
    // An unknown collector was refused already and has no default to offer.
    let default = surroundings.collectors.default_fresh_for(collector?.as_str());
    let default = default.as_deref().and_then(duration::parse);
    if default.is_none() {
        reader.missing(
            section,
            "fresh_for",
            "how long the evidence stays fresh, such as \"36h\"; this collector has no default",
        );
    }
    default
}

fn late_after(reader: &mut Reader, section: &Section<'_>) -> Option<TimeDelta> {
    if section.raw("late_after").is_none() {
        return Some(TimeDelta::hours(1));
    }
    span_of_time(reader, section, "late_after")
}

pub(super) fn span_of_time(reader: &mut Reader, section: &Section<'_>, key: &str) -> Option<TimeDelta> {
    let text = reader.text(section, key)?;
    let span = duration::parse(text.get_ref());
    if span.is_none() {
        let title = format!("`{key}` in {} is not a span of time", section.name());
        reader.refuse(
            Diagnostic::new("config.bad-duration", text.span(), title)
                .label(format!("expected {}", duration::EXPECTED))
                .hint("from one minute to 397 days"),
        );
    }
    span
}

/// `source` or `policy` as the collector sees it; an absent one is empty.
fn own_table(reader: &mut Reader, section: &Section<'_>, key: &str) -> Option<toml::Table> {
    let Some(entry) = section.raw(key) else {
        return Some(toml::Table::new());
    };
    let DeValue::Table(entries) = entry.get_ref() else {
        reader.wrong_type(section, key, entry.span(), "a table", entry.get_ref());
        return None;
    };
    match settings::plain(entries) {
        Ok(table) => Some(table),
        Err(unfit) => {
            let title = format!("a value in `{key}` of [[jobs]] has no exact form");
            reader.refuse(
                Diagnostic::new("config.not-exact", unfit.span, title)
                    .label(unfit.expected)
                    .hint("what is judged by is sealed with the evidence, so it must read the same everywhere"),
            );
            None
        }
    }
}
