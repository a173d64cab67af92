//! `GET /slots`: expected against performed, day by day.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use chrono::{Datelike as _, Days, NaiveDate};
use chrono_tz::Tz;
use exhibit_evidence::{JobId, Period};
use exhibit_report::{
    slots::{SlotStanding, SlotView},
    view::JobView,
};
use serde::Serialize;
use serde_json::json;

use super::{
    frame,
    status::{about, period_of},
};
use crate::{problem::Problem, service::Service, status::standing, who::Caller};

/// Gaps on the page; all of them stand in the API.
const MOST_GAPS: usize = 300;

pub(super) async fn page(State(service): State<Service>, caller: Caller) -> Result<Response, Problem> {
    let found = match period_of(&service, &caller) {
        Some(period) => Some((standing(&service, &caller.scope, &period).await?, period)),
        None => None,
    };
    let Some((found, period)) = found else {
        return frame::page(&service, &caller, "slots.html", &json!({"here": "slots", "standing": null}), 0);
    };
    let zone: Tz = period.time_zone.parse().unwrap_or(Tz::UTC);
    let mut by_job: BTreeMap<&JobId, Vec<&SlotView>> = BTreeMap::new();
    for slot in &found.slots {
        by_job.entry(&slot.job).or_default().push(slot);
    }
    let jobs: Vec<_> = found
        .status
        .jobs
        .iter()
        .map(|job| Calendar::of(job, by_job.get(&job.job).map_or(&[][..], Vec::as_slice), &period, zone))
        .collect();
    let gaps: Vec<_> = found.status.gaps.iter().rev().take(MOST_GAPS).collect();
    let data = json!({
        "here": "slots",
        "standing": about(&service, &found).await?,
        "period": period,
        "jobs": jobs,
        "gaps": gaps,
        "all_gaps": found.status.gaps.len(),
        "totals": found.status.totals,
        "overdue": found.slots.iter().filter(|slot| slot.standing == SlotStanding::Overdue).count(),
    });
    frame::page(&service, &caller, "slots.html", &data, found.slots.len())
}

/// A job's quarter as weeks of days, in the period's time zone.
#[derive(Serialize)]
struct Calendar<'a> {
    job: &'a JobView,
    weeks: Vec<Week>,
}

#[derive(Serialize)]
struct Week {
    /// Its Monday, such as `5 Oct`.
    monday: String,
    days: Vec<Day>,
}

/// A day. Outside of the period it holds nothing.
#[derive(Serialize)]
struct Day {
    /// Such as `Mon 5 Oct`.
    name: String,
    inside: bool,
    slots: usize,
    /// The worst standing of its slots; none where it promises none.
    worst: Option<SlotStanding>,
    /// How many have that standing.
    worst_count: usize,
}

impl<'a> Calendar<'a> {
    fn of(job: &'a JobView, slots: &[&SlotView], period: &Period, zone: Tz) -> Self {
        let day_of = |instant: exhibit_evidence::Timestamp| instant.utc().with_timezone(&zone).date_naive();
        let mut by_day: BTreeMap<NaiveDate, Vec<SlotStanding>> = BTreeMap::new();
        for slot in slots {
            by_day.entry(day_of(slot.scheduled_for)).or_default().push(slot.standing);
        }
        let (first, after) = (day_of(period.start), day_of(period.end));
        let mut weeks = Vec::new();
        let mut monday = first - Days::new(u64::from(first.weekday().num_days_from_monday()));
        while monday < after && !by_day.is_empty() {
            let days = (0..7).map(|offset| monday + Days::new(offset));
            let days = days.map(|day| Day::of(day, first <= day && day < after, by_day.get(&day))).collect();
            weeks.push(Week { monday: monday.format("%-d %b").to_string(), days });
            monday = monday + Days::new(7);
        }
        Self { job, weeks }
    }
}

impl Day {
    fn of(day: NaiveDate, inside: bool, slots: Option<&Vec<SlotStanding>>) -> Self {
        let slots = slots.map_or(&[][..], Vec::as_slice);
        let worst = slots.iter().min().copied();
        Self {
            name: day.format("%a %-d %b").to_string(),
            inside,
            slots: slots.len(),
            worst,
            worst_count: slots.iter().filter(|standing| Some(**standing) == worst).count(),
        }
    }
}
