//! Outcomes, and how several become one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a judge may say. "Could not find out" and "examined nothing" have words of their own: neither is a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A deviation was noted.
    Fail,
    /// It could not be found out.
    Error,
    /// Nothing was examined.
    Vacuous,
    /// Examined, and no deviation was noted.
    Pass,
    /// The check does not apply to this subject.
    NotApplicable,
}

/// A status as of a checkpoint: a judge's verdict, or what time and people made of it. Worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A deviation was noted.
    Fail,
    /// It could not be found out.
    Error,
    /// Older than its freshness allows.
    Stale,
    /// Promised, and nobody did it.
    Missing,
    /// Nothing was examined.
    Vacuous,
    /// A deviation under an approved, unexpired exception.
    Waived,
    /// Examined, and no deviation was noted. The only pass.
    Pass,
    /// Does not apply: neutral unless it stands alone.
    NotApplicable,
}

impl Outcome {
    /// Every outcome, worst first.
    pub const ALL: [Self; 8] = [
        Self::Fail,
        Self::Error,
        Self::Stale,
        Self::Missing,
        Self::Vacuous,
        Self::Waived,
        Self::Pass,
        Self::NotApplicable,
    ];

    /// The word that records and APIs use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Stale => "stale",
            Self::Missing => "missing",
            Self::Vacuous => "vacuous",
            Self::Waived => "waived",
            Self::Pass => "pass",
            Self::NotApplicable => "not-applicable",
        }
    }

    /// What a report says of it: an observation, never an opinion.
    pub fn observation(self) -> &'static str {
        match self {
            Self::Fail => "deviation noted",
            Self::Error => "could not be found out",
            Self::Stale => "evidence older than allowed",
            Self::Missing => "not performed",
            Self::Vacuous => "nothing was examined",
            Self::Waived => "deviation under an approved exception",
            Self::Pass => "no deviation noted",
            Self::NotApplicable => "does not apply",
        }
    }

    /// Several outcomes as one: the worst of them. None at all is [`Outcome::Missing`], and
    /// [`Outcome::NotApplicable`] counts only where nothing else was said.
    pub fn roll_up(outcomes: impl IntoIterator<Item = Self>) -> Self {
        outcomes.into_iter().min().unwrap_or(Self::Missing)
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Fail => Self::Fail,
            Verdict::Error => Self::Error,
            Verdict::Vacuous => Self::Vacuous,
            Verdict::Pass => Self::Pass,
            Verdict::NotApplicable => Self::NotApplicable,
        }
    }
}

impl Verdict {
    /// The word that records use.
    pub fn word(self) -> &'static str {
        Outcome::from(self).word()
    }

    /// The worst of several verdicts; nothing judged is nothing examined.
    pub fn roll_up(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts.into_iter().min_by_key(|verdict| Outcome::from(*verdict)).unwrap_or(Self::Vacuous)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_ever_rolled_up_into_a_pass() {
        assert_eq!(Outcome::roll_up([]), Outcome::Missing);
        assert_eq!(Verdict::roll_up([]), Verdict::Vacuous);
        assert_eq!(Outcome::roll_up([Outcome::NotApplicable]), Outcome::NotApplicable);
        assert_eq!(Outcome::roll_up([Outcome::NotApplicable, Outcome::Pass]), Outcome::Pass);
        for other in Outcome::ALL {
            let together = Outcome::roll_up([Outcome::Pass, other]);
            assert_eq!(together == Outcome::Pass, matches!(other, Outcome::Pass | Outcome::NotApplicable), "{other}");
        }
    }

    #[test]
    fn the_order_is_worst_first() {
        assert!(Outcome::ALL.is_sorted());
        for worse in 0..Outcome::ALL.len() {
            for better in worse..Outcome::ALL.len() {
                let pair = [Outcome::ALL[better], Outcome::ALL[worse]];
                assert_eq!(Outcome::roll_up(pair), Outcome::ALL[worse]);
            }
        }
    }
}
