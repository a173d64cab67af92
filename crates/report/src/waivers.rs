//! Waivers, as a period's report tells them: what two persons agreed to leave open, until when, and what it covers. They change
//! no count that is not said to be after waivers.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use exhibit_evidence::{
    Actor, CheckId, Envelope, Finding, Fingerprint, JobId, Timestamp, Waiver,
    observation::Subject,
    waiver::{Exception, Standing, Word},
};

use crate::{
    fold::Fold,
    history::{Life, Line},
    view::{Change, Waived, WaiverView},
};

impl Fold {
    pub(crate) fn waiver(&mut self, seq: u64, envelope: &Envelope, act: &Waiver) {
        let (id, at) = (envelope.id, envelope.recorded_at);
        self.waivers.take(id, seq, at, act);
        if !self.period.contains(at) {
            return;
        }
        let what = match act {
            Waiver::Request { finding, until, .. } => {
                format!(
                    "One person asked to waive finding {} until {}: waiver {id}, pending.",
                    finding.short(),
                    until.human()
                )
            }
            // An act that changed nothing is told as what it is.
            Waiver::Approve { waiver, .. } => match self.agreed(id) {
                true => format!("A second person approved waiver {waiver}."),
                false => format!("An approval of waiver {waiver} was recorded that does not count."),
            },
            Waiver::Withdraw { waiver, reason, .. } => match self.agreed(id) {
                true => format!("Waiver {waiver} was withdrawn: {}.", reason.trim_end_matches('.')),
                false => format!("A withdrawal of waiver {waiver} was recorded that does not count."),
            },
        };
        self.changes.push(Change { at, what, seq });
    }

    /// Whether this entry approved or withdrew something.
    fn agreed(&self, id: exhibit_evidence::EntryId) -> bool {
        let words = |one: &Exception| [&one.approval, &one.withdrawal].into_iter().flatten().any(|word| word.id == id);
        self.waivers.all().iter().any(words)
    }

    /// The instant that a period's standings are told of: its last one, or now where it goes on.
    pub(crate) fn told_at(&self) -> Timestamp {
        let last = self.period.end.plus(-TimeDelta::microseconds(1));
        self.as_of.unwrap_or(self.period.start).min(last)
    }

    /// The waiver that covers a finding.
    pub(crate) fn waived(&self, finding: &Finding) -> Option<Waived> {
        let one = self.waivers.covering(finding.fingerprint, finding.severity, self.told_at())?;
        Some(Waived { waiver: one.id, until: one.until })
    }

    /// Whether all that a check has open on a subject is known, and every finding of it covered by a waiver.
    pub(crate) fn is_waived(&self, job: &JobId, check: &CheckId, subject: &Subject) -> bool {
        let line = Line { job: job.clone(), check: check.clone(), subject: subject.clone() };
        let Some(history) = self.lines.get(&line).filter(|history| !history.is_unanswered(&self.period)) else {
            return false;
        };
        let mut open = history.lives.values().filter(|life| life.open).peekable();
        open.peek().is_some() && open.all(|life| self.waived(&life.finding).is_some())
    }

    /// The waivers that held, or were asked for, at some time in the period; as they stood when it ended, or stand now.
    pub(crate) fn waivers(&self) -> Vec<WaiverView> {
        let at = self.told_at();
        let in_period = |one: &&Exception| one.requested_at <= at && one.end() >= self.period.start;
        // Several jobs may note one finding: what counts is where it is open, and worst.
        let mut lives: BTreeMap<Fingerprint, &Life> = BTreeMap::new();
        for (fingerprint, life) in self.lines.values().flat_map(|history| &history.lives) {
            let rank = |life: &Life| (!life.open, life.finding.severity);
            let known = lives.entry(*fingerprint).or_insert(life);
            if rank(life) < rank(known) {
                *known = life;
            }
        }
        let view = |one: &Exception| view(one, lives.get(&one.finding).copied(), at);
        self.waivers.all().iter().filter(in_period).map(view).collect()
    }

    /// What ended by itself in the period: nobody acts, and yet a finding counts again.
    pub(crate) fn expired_waivers(&self) -> Vec<Change> {
        let at = self.told_at();
        let expired = |one: &&Exception| {
            let before = one.until.plus(-TimeDelta::microseconds(1));
            self.period.contains(one.until) && one.until <= at && one.standing(before) == Standing::InForce
        };
        let change = |one: &Exception| {
            let what = format!("Waiver {} of finding {} expired.", one.id, one.finding.short());
            Change { at: one.until, what, seq: one.seq }
        };
        self.waivers.all().iter().filter(expired).map(change).collect()
    }
}

fn view(one: &Exception, life: Option<&Life>, at: Timestamp) -> WaiverView {
    let pseudonym = |by: &Actor| by.person.pseudonym("person");
    // What was said after the instant that this tells of is for the next report.
    let said = |word: &Option<Word>| word.clone().filter(|word| word.at <= at);
    let (approval, withdrawal) = (said(&one.approval), said(&one.withdrawal));
    let open = life.filter(|life| life.open);
    WaiverView {
        waiver: one.id,
        seq: one.seq,
        finding: one.finding,
        check: one.check.clone(),
        subject: one.subject.clone(),
        place_text: life.map(|life| life.finding.place.human()),
        title: life.map(|life| life.condition.title.clone()),
        severity: one.severity,
        standing: one.standing(at).word().to_owned(),
        is_open: open.is_some(),
        covers: open.is_some_and(|life| one.covers(life.finding.fingerprint, life.finding.severity, at)),
        reason: one.reason.clone(),
        compensating: one.compensating.clone(),
        until: one.until,
        requested_at: one.requested_at,
        requested_by: pseudonym(&one.by),
        approved_at: approval.as_ref().map(|word| word.at),
        approved_by: approval.as_ref().map(|word| pseudonym(&word.by)),
        withdrawn_at: withdrawal.as_ref().map(|word| word.at),
        withdrawn_by: withdrawal.as_ref().map(|word| pseudonym(&word.by)),
        withdrawn_because: withdrawal.and_then(|word| word.reason),
    }
}
