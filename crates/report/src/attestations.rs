//! What people attested, as a period's report tells it: what was said by whom and when, and how that stands.

use std::collections::BTreeMap;

use exhibit_evidence::{
    Actor, Attestation, Envelope, Timestamp,
    attestation::{Statement, Word},
};

use crate::{
    fold::Fold,
    view::{AttestationView, Change},
};

impl Fold {
    pub(crate) fn attestation(&mut self, seq: u64, envelope: &Envelope, act: &Attestation) {
        let (id, at) = (envelope.id, envelope.recorded_at);
        self.attestations.take(id, seq, at, act);
        if !self.period.contains(at) {
            return;
        }
        let what = match act {
            Attestation::Make { environment, key, location, .. } => {
                format!("One person attested that {location} holds {key} of {environment}: attestation {id}, pending.")
            }
            // An act that changed nothing is told as what it is.
            Attestation::Confirm { attestation, .. } => match self.said(id) {
                true => format!("A second person confirmed attestation {attestation}."),
                false => format!("A confirmation of attestation {attestation} was recorded that does not count."),
            },
            Attestation::Withdraw { attestation, reason, .. } => match self.said(id) {
                true => format!("Attestation {attestation} was withdrawn: {}.", reason.trim_end_matches('.')),
                false => format!("A withdrawal of attestation {attestation} was recorded that does not count."),
            },
        };
        self.changes.push(Change { at, what, seq });
    }

    /// Whether this entry confirmed or withdrew something.
    fn said(&self, id: exhibit_evidence::EntryId) -> bool {
        let words =
            |one: &Statement| [&one.confirmation, &one.withdrawal].into_iter().flatten().any(|word| word.id == id);
        self.attestations.all().iter().any(words)
    }

    /// What was attested in the period; of a location of which nothing was, the last that was attested before. As it stood when
    /// the period ended, or stands now where it goes on.
    pub(crate) fn attestations(&self) -> Vec<AttestationView> {
        let at = self.told_at();
        let of_location = |one: &Statement| (one.environment.clone(), one.key.clone(), one.location.clone());
        let mut told: BTreeMap<_, Vec<&Statement>> = BTreeMap::new();
        for one in self.attestations.all().iter().filter(|one| one.made_at <= at) {
            let of_it = told.entry(of_location(one)).or_default();
            if self.period.contains(one.made_at) {
                of_it.retain(|before| self.period.contains(before.made_at));
            } else {
                of_it.clear();
            }
            of_it.push(one);
        }
        told.into_values().flatten().map(|one| view(one, at)).collect()
    }
}

fn view(one: &Statement, at: Timestamp) -> AttestationView {
    let pseudonym = |by: &Actor| by.person.pseudonym("person");
    // What was said after the instant that this tells of is for the next report.
    let said = |word: &Option<Word>| word.clone().filter(|word| word.at <= at);
    let (confirmation, withdrawal) = (said(&one.confirmation), said(&one.withdrawal));
    AttestationView {
        attestation: one.id,
        seq: one.seq,
        about: one.about.word().to_owned(),
        environment: one.environment.clone(),
        key: one.key.clone(),
        location: one.location.clone(),
        period: one.period.id,
        until: one.period.end,
        standing: one.standing(at).word().to_owned(),
        statement: one.words.pseudonym("statement"),
        made_at: one.made_at,
        made_by: pseudonym(&one.by),
        confirmed_at: confirmation.as_ref().map(|word| word.at),
        confirmed_by: confirmation.as_ref().map(|word| pseudonym(&word.by)),
        withdrawn_at: withdrawal.as_ref().map(|word| word.at),
        withdrawn_by: withdrawal.as_ref().map(|word| pseudonym(&word.by)),
        withdrawn_because: withdrawal.and_then(|word| word.reason),
    }
}
