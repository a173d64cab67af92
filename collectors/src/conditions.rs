//! What the findings of one condition share, as collectors write it beside their judges.

use exhibit_evidence::Condition;

/// A condition's words.
pub(crate) struct Told {
    /// What is the case.
    pub(crate) title: &'static str,
    /// What may happen.
    pub(crate) risk: &'static str,
    /// Whom or what it would hit.
    pub(crate) impact: &'static str,
    /// What to do, in a sentence.
    pub(crate) recommendation: &'static str,
    /// How, step by step.
    pub(crate) steps: &'static [&'static str],
    /// Where to read on.
    pub(crate) references: &'static [&'static str],
}

impl From<Told> for Condition {
    fn from(told: Told) -> Self {
        let owned = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
        Self {
            title: told.title.to_owned(),
            risk: told.risk.to_owned(),
            impact: told.impact.to_owned(),
            recommendation: told.recommendation.to_owned(),
            steps: owned(told.steps),
            references: owned(told.references),
        }
    }
}
