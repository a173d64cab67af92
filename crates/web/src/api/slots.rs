//! `GET /api/v1/slots` and `GET /api/v1/schedules`: what was performed of what was promised.

use axum::{extract::State, response::Response};
use chrono::TimeDelta;
use exhibit_evidence::{JobId, Timestamp};
use exhibit_report::slots::SlotStanding;
use exhibit_store::{
    Slot,
    service::{Page, Reading, SlotQuery, SlotRow},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    expected::{Expected, key},
    parameters::{Asked, instant, limit, position},
    requests::promised,
    shapes::Entry,
};
use crate::{
    answer,
    problem::{Kind, Problem, ProblemDocument},
    service::Service,
    who::Caller,
};

/// Every state, in the order in which a slot goes through them.
const STATES: [&str; 7] = ["to-come", "due", "overdue", "performed", "late", "missed", "errored"];
/// Those that an entry of the ledger says.
const CLOSED: [&str; 4] = ["performed", "late", "missed", "errored"];
/// So many promised times are looked at for one page.
const MOST_LOOKED_AT: usize = 50_000;
/// How much time is looked at first, and at least.
const STRETCH: TimeDelta = TimeDelta::hours(1);
/// More promised times in one stretch make the next one shorter, fewer make it longer.
const STRETCH_SLOTS: usize = 1_000;

/// Which slots to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Of this job.
    #[param(example = "ci")]
    job: Option<String>,
    /// In one of these states, with commas between: performed, late, missed, errored, overdue, due, to-come. Without it,
    /// all but those to come.
    #[param(
        example = "missed,overdue",
        pattern = "^(performed|late|missed|errored|overdue|due|to-come)(,(performed|late|missed|errored|overdue|due|to-come))*$"
    )]
    state: Option<String>,
    /// Promised for this instant or later.
    #[param(format = "date-time", example = "2026-10-01T00:00:00Z")]
    scheduled_from: Option<String>,
    /// Promised for before this instant. Slots to come are listed to the end of the open period, where nothing is said.
    #[param(format = "date-time", example = "2027-01-01T00:00:00Z")]
    scheduled_to: Option<String>,
    /// As of a checkpoint of this size: slots that were closed by then, and no others.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    as_of: Option<u64>,
    /// Where the page before ended: its `next`.
    #[param(example = "1791432000000000~ci", pattern = "^[0-9]{1,16}~[a-z0-9]([a-z0-9._-]{0,78}[a-z0-9])?$")]
    before: Option<String>,
    /// The page's size.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// A slot that a schedule promised.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Promised {
    /// The job.
    #[schema(example = "ci")]
    job: String,
    /// The time that the schedule promised.
    #[schema(format = "date-time", example = "2026-10-08T04:00:00.000000Z")]
    scheduled_for: String,
    /// performed, late, missed, errored, overdue (late, and nothing is recorded of it yet), due or to-come.
    #[schema(example = "performed")]
    state: String,
    /// Position of the closing entry; null where no entry closes it.
    #[schema(required = true, example = 414)]
    seq: Option<u64>,
    /// The closing entry.
    #[schema(required = true, format = "uuid", example = "01997a40-7c00-7000-8000-000000000414")]
    id: Option<String>,
    /// When it was recorded.
    #[schema(required = true, format = "date-time", example = "2026-10-08T04:00:02.000000Z")]
    recorded_at: Option<String>,
    /// How often it was tried, as the closing entry says.
    #[schema(required = true, example = 1)]
    attempts: Option<u64>,
    /// When the recorded performance began; null where there was none.
    #[schema(required = true, format = "date-time", example = "2026-10-08T04:00:00.100000Z")]
    started_at: Option<String>,
    /// When it ended.
    #[schema(required = true, format = "date-time", example = "2026-10-08T04:00:01.900000Z")]
    finished_at: Option<String>,
    /// The evidence it gave; null where there is none.
    #[schema(required = true, format = "uuid", example = "01997a40-7c00-7000-8000-000000000412")]
    evidence: Option<String>,
}

/// A page of slots, the latest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SlotPage {
    /// What is on it. It may be shorter than was asked for: only a `next` of null ends the list.
    items: Vec<Promised>,
    /// What to pass as `before` for the next page; null on the last one.
    #[schema(required = true, example = json!(null))]
    next: Option<String>,
}

/// A slot on its way to the page.
enum Found {
    Closed(SlotRow),
    Open(Slot, SlotStanding),
}

impl Found {
    fn key(&self) -> (Timestamp, &JobId) {
        match self {
            Self::Closed(row) => (row.scheduled_for, &row.job),
            Self::Open(slot, _) => key(slot),
        }
    }
}

impl From<Found> for Promised {
    fn from(found: Found) -> Self {
        match found {
            Found::Closed(row) => Self {
                job: row.job.to_string(),
                scheduled_for: row.scheduled_for.to_string(),
                state: row.state,
                seq: Some(row.seq),
                id: Some(row.id.to_string()),
                recorded_at: Some(row.recorded_at.to_string()),
                attempts: Some(row.attempts),
                started_at: row.started_at.map(|at| at.to_string()),
                finished_at: row.finished_at.map(|at| at.to_string()),
                evidence: row.evidence.map(|id| id.to_string()),
            },
            Found::Open(slot, standing) => Self {
                job: slot.job.to_string(),
                scheduled_for: slot.scheduled_for.to_string(),
                state: word(standing).to_owned(),
                seq: None,
                id: None,
                recorded_at: None,
                attempts: None,
                started_at: None,
                finished_at: None,
                evidence: None,
            },
        }
    }
}

fn word(standing: SlotStanding) -> &'static str {
    match standing {
        SlotStanding::Missed => "missed",
        SlotStanding::Errored => "errored",
        SlotStanding::Overdue => "overdue",
        SlotStanding::Late => "late",
        SlotStanding::Due => "due",
        SlotStanding::Performed => "performed",
        SlotStanding::ToCome => "to-come",
    }
}

/// Lists what schedules promised beside what was performed of it, the latest first. What was promised derives from the
/// ledger's entries, so that a slot nobody ever wrote down stands here too.
#[utoipa::path(get, path = "/api/v1/slots", tag = "slots", params(Which),
    responses(
        (status = 200, description = "A page of slots", body = SlotPage),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(service): State<Service>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let wanted = words("state", which.state.as_deref(), &STATES)?;
    let limit = limit(which.limit)?;
    let query = SlotQuery {
        states: wanted
            .as_ref()
            .map(|wanted| wanted.iter().filter(|state| CLOSED.contains(&state.as_str())).cloned().collect::<Vec<_>>()),
        job: which.job,
        from: instant("scheduled_from", which.scheduled_from.as_deref())?,
        to: instant("scheduled_to", which.scheduled_to.as_deref())?,
        as_of: position("as_of", which.as_of)?,
        before: which.before.as_deref().map(cursor).transpose()?,
        limit,
    };
    let now = service.now();
    let wants = |state: &str| match &wanted {
        Some(wanted) => wanted.iter().any(|one| one == state),
        None => state != "to-come",
    };
    let recorded = service.store.head().await?.last_recorded_at;
    let mut reading = service.store.reading(&caller.scope).await?;
    let closed = reading.slots(&query).await?;
    // Below the last one of a full page nothing has to be looked for.
    let floor = closed.next.as_ref().map(|last| last.scheduled_for);
    let mut open = Open::default();
    if query.as_of.is_none() && ["missed", "overdue", "due", "to-come"].into_iter().any(wants) {
        let promises = reading.promises(None).await?;
        let promises = promises.iter().filter_map(|row| promised(row.record.get())).collect();
        let expected = Expected::of(promises, query.job.as_deref()).map_err(|error| {
            tracing::error!(%error, "a promise can't be read");
            Problem::new(Kind::Internal, "a promise of the ledger can't be read")
        })?;
        let end = if wants("to-come") { service.known().calendar.period_of(now).end } else { just_after(now) };
        open = look(&mut reading, &expected, &query, floor, end, |slot| {
            let standing = expected.standing(slot, recorded, now);
            wants(word(standing)).then_some(standing)
        })
        .await?;
    }
    reading.close().await?;
    let page = merged(closed, open, limit as usize);
    answer::json(&page, page.items.len())
}

/// Slots that no entry closes, the latest first.
#[derive(Default)]
struct Open {
    found: Vec<(Slot, SlotStanding)>,
    /// Where the search was given up, if it was: nothing before this instant was looked at.
    given_up_at: Option<Timestamp>,
}

/// Looks for slots that no entry closes and that are wanted, stretch by stretch into the past, until a page is full.
async fn look(
    reading: &mut Reading,
    expected: &Expected,
    query: &SlotQuery,
    floor: Option<Timestamp>,
    end: Timestamp,
    wanted: impl Fn(&Slot) -> Option<SlotStanding>,
) -> Result<Open, Problem> {
    let mut open = Open::default();
    let Some(begins) = expected.begins() else { return Ok(open) };
    let lowest = [query.from, floor].into_iter().flatten().fold(begins, Timestamp::max);
    let before = query.before.as_ref().map(|before| just_after(before.scheduled_for));
    let mut upper = [query.to, before].into_iter().flatten().fold(end, Timestamp::min);
    let (mut stretch, mut looked_at) = (STRETCH, 0);
    while upper > lowest && open.found.len() <= query.limit as usize {
        if looked_at >= MOST_LOOKED_AT {
            open.given_up_at = Some(upper);
            break;
        }
        let lower = upper.plus(-stretch).max(lowest);
        let mut slots = expected.within(lower, upper);
        slots.retain(|slot| query.before.as_ref().is_none_or(|before| key(slot) < key(before)));
        looked_at += slots.len();
        stretch = if slots.len() < STRETCH_SLOTS { stretch * 2 } else { (stretch / 2).max(STRETCH) };
        slots.retain(|slot| wanted(slot).is_some());
        for slot in reading.unclosed(&slots).await? {
            open.found.extend(wanted(&slot).map(|standing| (slot, standing)));
        }
        upper = lower;
    }
    Ok(open)
}

/// Both in one order, and where the next page begins.
fn merged(closed: Page<SlotRow, Slot>, open: Open, limit: usize) -> SlotPage {
    let more_closed = closed.next;
    let mut found: Vec<Found> = closed.items.into_iter().map(Found::Closed).collect();
    found.extend(open.found.into_iter().map(|(slot, standing)| Found::Open(slot, standing)));
    found.sort_by(|a, b| b.key().cmp(&a.key()));
    // Below that there may be open ones that were not looked at.
    if let Some(given_up_at) = open.given_up_at {
        found.retain(|one| one.key().0 >= given_up_at);
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().map(|last| written(last.key().0, last.key().1.as_str()));
    let next = match open.given_up_at {
        // The first text that is an id: everything at that instant stands on this page already.
        Some(at) if !more => Some(written(at, "0")),
        _ if more || more_closed.is_some() => last,
        _ => None,
    };
    SlotPage { items: found.into_iter().map(Promised::from).collect(), next }
}

/// A cursor: the slot's time in microseconds since 1970, and its job.
fn written(at: Timestamp, job: &str) -> String {
    format!("{}~{job}", at.micros().max(0))
}

fn cursor(text: &str) -> Result<Slot, Problem> {
    let malformed = || Problem::invalid("before: expected the `next` of a page");
    let (micros, job) = text.split_once('~').ok_or_else(malformed)?;
    let digits = (1..=16).contains(&micros.len()) && micros.bytes().all(|byte| byte.is_ascii_digit());
    let at = micros.parse().ok().filter(|_| digits).and_then(Timestamp::from_micros).ok_or_else(malformed)?;
    Ok(Slot { job: job.parse().map_err(|_| malformed())?, scheduled_for: at })
}

fn just_after(at: Timestamp) -> Timestamp {
    at.plus(TimeDelta::microseconds(1))
}

/// Words with commas between, each one of those that are known.
pub(super) fn words(name: &str, asked: Option<&str>, known: &[&str]) -> Result<Option<Vec<String>>, Problem> {
    let Some(asked) = asked else { return Ok(None) };
    let all: Vec<String> = asked.split(',').map(str::to_owned).collect();
    match all.iter().all(|word| known.contains(&word.as_str())) {
        true => Ok(Some(all)),
        false => Err(Problem::invalid(format!("{name}: expected some of {}, with commas between", known.join(", ")))),
    }
}

/// As of when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AsOf {
    /// As of a checkpoint of this size: nothing recorded later is listed.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    as_of: Option<u64>,
}

/// Promises of schedules.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Schedules {
    /// Each change of each job's promise, earliest first.
    items: Vec<Entry>,
}

/// Lists what schedules promise, and since when: what should have been performed derives from these records alone.
#[utoipa::path(get, path = "/api/v1/schedules", tag = "slots", params(AsOf),
    responses(
        (status = 200, description = "All promises", body = Schedules),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn schedules(
    State(service): State<Service>,
    caller: Caller,
    Asked(AsOf { as_of }): Asked<AsOf>,
) -> Result<Response, Problem> {
    let as_of = position("as_of", as_of)?;
    let mut reading = service.store.reading(&caller.scope).await?;
    let items = reading.promises(as_of).await?;
    reading.close().await?;
    let items: Vec<Entry> = items.into_iter().map(Entry::from).collect();
    let rows = items.len();
    answer::json(&Schedules { items }, rows)
}
