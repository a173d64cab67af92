//! For how long each kind of object is kept: classes, and making what is kept last longer where a class grew.
//!
//! A retention grows or stays. A longer class extends what is kept already; a shorter one is for new objects only.

use std::collections::BTreeMap;

use exhibit_archive::{ObjectKey, Version, retention};
use exhibit_evidence::report::{Archived, Receipt};
use exhibit_store::{Append, NewEntry};

use crate::{StepError, World, archiving::Failed, ledger_reads};

/// For how long a kind of object is kept, and by which word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionClass {
    /// The word, as receipts name it.
    pub word: String,
    /// Whole years from when an object is put, 1 to 100.
    pub years: u16,
}

/// A class that is offered by name, and whose rule it follows. Which one applies is for lawyers to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The word.
    pub word: &'static str,
    /// Years.
    pub years: u16,
    /// Where the number comes from.
    pub source: &'static str,
}

/// The classes that are offered by name; the first is the default.
pub const PRESETS: [Preset; 8] = [
    Preset { word: "seven-years", years: 7, source: "common practice where no rule says a number, as for SOC 2" },
    Preset { word: "sec-17a-4", years: 6, source: "SEC 17a-4, broker-dealer records kept six years" },
    Preset { word: "sec-17a-4-three-years", years: 3, source: "SEC 17a-4, broker-dealer records kept three years" },
    Preset { word: "finra-4511", years: 6, source: "FINRA 4511, where no other period is said" },
    Preset { word: "nydfs-500", years: 5, source: "NYDFS 500.6 and 500.17(b)(3)" },
    Preset { word: "naic-668", years: 5, source: "NAIC model law 668, 4.I" },
    Preset { word: "hipaa-164-316", years: 6, source: "HIPAA 164.316(b)(2)(i)" },
    Preset { word: "pci-10-5-1", years: 1, source: "PCI DSS 10.5.1, logs twelve months" },
];

impl RetentionClass {
    /// The offered class of this name.
    #[must_use]
    pub fn preset(word: &str) -> Option<Self> {
        let preset = PRESETS.iter().find(|preset| preset.word == word)?;
        Some(Self { word: preset.word.to_owned(), years: preset.years })
    }

    /// A class of one's own: so many years.
    #[must_use]
    pub fn years(years: u16) -> Self {
        if years == PRESETS[0].years {
            return Self { word: PRESETS[0].word.to_owned(), years };
        }
        Self { word: format!("{years}-years"), years }
    }
}

/// For how long what is archived is kept, by kind of object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    usual: RetentionClass,
    by_kind: BTreeMap<Archived, RetentionClass>,
}

impl Retention {
    /// The same class for every kind of object.
    #[must_use]
    pub fn new(usual: RetentionClass) -> Self {
        Self { usual, by_kind: BTreeMap::new() }
    }

    /// Another class for one kind of object.
    #[must_use]
    pub fn with(mut self, kind: Archived, class: RetentionClass) -> Self {
        self.by_kind.insert(kind, class);
        self
    }

    /// The class of a kind of object. Checkpoints are kept for as long as anything that they prove.
    #[must_use]
    pub fn of(&self, kind: Archived) -> &RetentionClass {
        if kind == Archived::Checkpoint {
            return self.by_kind.values().chain([&self.usual]).max_by_key(|class| class.years).unwrap_or(&self.usual);
        }
        self.by_kind.get(&kind).unwrap_or(&self.usual)
    }

    /// The most years that anything is kept: for what everything else is proven by.
    #[must_use]
    pub fn longest(&self) -> u16 {
        self.by_kind.values().chain([&self.usual]).map(|class| class.years).max().unwrap_or(self.usual.years)
    }

    /// In words, for the ledger: a change of it is a change of the deployment.
    #[must_use]
    pub fn sentence(&self) -> String {
        let told = |class: &RetentionClass| {
            let years = if class.years == 1 { "year" } else { "years" };
            format!("{} {years} ({})", class.years, class.word)
        };
        let mut text = format!("Objects are kept {}", told(&self.usual));
        for (kind, class) in &self.by_kind {
            text.push_str(&format!(", {kind} objects {}", told(class)));
        }
        text + "."
    }
}

/// Makes retentions longer that their class now asks for, reads each back, and records a new receipt. What a class became
/// shorter for stays as it is, and that is said.
///
/// # Errors
/// When the archive refuses; every other object was dealt with before.
pub(crate) async fn lengthen(world: &World) -> Result<(), StepError> {
    let mut failed = Failed::default();
    let mut shorter = 0_u64;
    for receipt in ledger_reads::latest_receipts(&world.store).await? {
        let class = world.plan.retention.of(receipt.subject);
        let wanted = retention::retain_until(receipt.put_at, class.years);
        if receipt.retain_until > wanted && receipt.retention_class != class.word {
            shorter += 1;
        }
        if receipt.retain_until < wanted {
            failed.note(extend(world, receipt, class, wanted).await);
        }
    }
    if shorter > 0 {
        tracing::warn!(
            objects = shorter,
            "the retention class is now shorter than the one under which objects are kept: they stay as long as before"
        );
    }
    failed.first()
}

async fn extend(
    world: &World,
    receipt: Receipt,
    class: &RetentionClass,
    wanted: exhibit_evidence::Timestamp,
) -> Result<(), StepError> {
    let key = ObjectKey::parse(&receipt.key).map_err(|error| StepError::Ledger(error.to_string()))?;
    let version = Version::new(receipt.version.clone());
    world.vault.retain_at_least(&key, &version, wanted, world.now()).await?;
    let back = world.vault.read_back(&key, &version).await?;
    if back.digest != receipt.digest {
        let (expected, found) = (receipt.digest.to_string(), back.digest.to_string());
        return Err(StepError::NotArchived { key: receipt.key, expected, found });
    }
    if back.retain_until < wanted {
        let (expected, found) = (wanted.human(), back.retain_until.human());
        let (expected, found) = (format!("kept until {expected}"), format!("kept until {found}"));
        return Err(StepError::NotArchived { key: receipt.key, expected, found });
    }
    let receipt = Receipt {
        mode: back.mode,
        retention_class: class.word.clone(),
        retain_until: back.retain_until,
        legal_hold: back.legal_hold,
        put_at: receipt.put_at,
        read_back_at: world.now(),
        ..receipt
    };
    let entry = NewEntry { id: world.entry_id(), body: receipt.into() };
    world.store.append(Append::entries(world.now(), vec![entry])).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_by_name_and_by_years() {
        assert_eq!(RetentionClass::preset("seven-years"), Some(RetentionClass::years(7)));
        assert_eq!(RetentionClass::years(10).word, "10-years");
        assert_eq!(RetentionClass::preset("for-ever"), None);
        let retention = Retention::new(RetentionClass::years(7)).with(Archived::Artifact, RetentionClass::years(1));
        assert_eq!((retention.of(Archived::Artifact).years, retention.of(Archived::Segment).years), (1, 7));
        assert_eq!((retention.longest(), retention.of(Archived::Checkpoint).years), (7, 7));
        assert_eq!(retention.sentence(), "Objects are kept 7 years (seven-years), artifact objects 1 year (1-years).");
    }
}
