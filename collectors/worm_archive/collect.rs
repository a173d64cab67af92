//! Asks the ledger for receipts and the store for the objects. It compares nothing.

use exhibit_evidence::{
    Digest, Observation, Population,
    observation::{Exclusion, Method, Problem, Subject, Tool},
};

use super::{
    facts::{FORMAT, Facts, Object},
    settings::{self, Source},
};
use crate::{CollectError, Collected, Scope, Settings, archived::ReceiptFacts};

/// The code of what a random sample left out.
pub(super) const NOT_DRAWN: &str = "not-drawn";
/// How many unanswered objects are told one by one.
const TOLD: usize = 10;

pub(super) fn collect(scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
    let source = settings::source(&settings.source).map_err(CollectError::Settings)?;
    let archive = scope.own.archive.ok_or_else(|| CollectError::Other("nothing supplies the archive to look at".to_owned()))?;
    let environment = scope.environments.first();
    let environment = environment.ok_or_else(|| CollectError::Other("the job names no environment".to_owned()))?;
    let id = source.id().map_err(CollectError::Settings)?;
    let subject = Subject { environment: environment.id.clone(), id };
    let observed_from = scope.clock.now();

    let receipts = archive.receipts().map_err(CollectError::Other)?;
    let all = receipts.len() as u64;
    let (drawn, method) = draw(receipts, &source, scope.run_key);
    let mut problems = Vec::new();
    let mut problem = |code: &str, message: String| {
        problems.push(Problem { subject: Some(subject.clone()), code: code.to_owned(), message });
    };
    let exist = match archive.count() {
        Ok(count) => Some(count),
        Err(why) => {
            problem("receipts-not-counted", format!("How many objects have a receipt could not be counted: {why}"));
            None
        }
    };
    let mut objects = Vec::with_capacity(drawn.len());
    let mut unanswered = 0_usize;
    for receipt in drawn {
        let seen = match archive.look(&receipt) {
            Ok(seen) => Some(seen),
            Err(why) => {
                unanswered += 1;
                if unanswered <= TOLD {
                    problem("no-answer", format!("The store gave no answer for {}: {why}", receipt.key));
                }
                None
            }
        };
        objects.push(Object { receipt, seen });
    }
    if unanswered > TOLD {
        problem("no-answer", format!("The store gave no answer for {} further objects.", unanswered - TOLD));
    }
    let surroundings = match archive.surroundings() {
        Ok(found) => Some(found),
        Err(why) => {
            problem("no-settings", format!("The store's settings could not be asked for: {why}"));
            None
        }
    };
    let examined = objects.len() as u64;
    let mut excluded = Vec::new();
    if all > examined {
        excluded.push(Exclusion {
            code: NOT_DRAWN.to_owned(),
            reason: "not drawn into the random sample".to_owned(),
            count: all - examined,
            examples: Vec::new(),
        });
    }
    let store = archive.store();
    let tool = Tool {
        name: format!("exhibit worm_archive, {}", store.kind),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: Vec::new(),
        rule_pack: None,
    };
    let facts = Facts { format: FORMAT, store, objects, surroundings };
    let facts = serde_json::to_value(&facts).map_err(|error| CollectError::Other(error.to_string()))?;
    let observation = Observation {
        observed_from,
        observed_to: scope.clock.now(),
        population: vec![Population {
            subject: subject.clone(),
            unit: "object version with a receipt".to_owned(),
            exist,
            counted_by: "the database's projection of receipts, while those examined come from the ledger's entries"
                .to_owned(),
            examined,
            excluded,
        }],
        subjects: vec![subject],
        method,
        tool,
        rights: "read access to the archive's versions, their retention and holds, and to the store's settings".to_owned(),
        filters: Vec::new(),
        blind_spots: vec![
            "objects that lie in the store without a receipt".to_owned(),
            "copies of the archive elsewhere".to_owned(),
        ],
        problems,
        facts,
        facts_artifact: None,
        artifacts: Vec::new(),
    };
    Ok(Collected { observation, artifacts: Vec::new() })
}

/// All receipts, or a random sample of them that anybody can draw again from the seed.
fn draw(mut receipts: Vec<ReceiptFacts>, source: &Source, run_key: &[u8; 32]) -> (Vec<ReceiptFacts>, Method) {
    let all = receipts.len() as u64;
    if all <= source.sample_above {
        return (receipts, Method::All);
    }
    // The run's key stays secret; what is drawn from it alone is published.
    let seed = Digest::of(&[b"exhibit worm_archive sample\0".as_slice(), run_key].concat()).hex();
    receipts.sort_by_cached_key(|receipt| place(&seed, receipt).0);
    let size = source.sample_size.min(all);
    receipts.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    receipts.sort_by(|one, other| (&one.key, &one.version).cmp(&(&other.key, &other.version)));
    let missed = 100.0 * 0.99_f64.powi(i32::try_from(size).unwrap_or(i32::MAX));
    let statement = format!(
        "Drawn from {all} object versions: ordered by SHA-256 of seed, NUL, key, NUL, version, and the first {size} taken. If one \
         in a hundred objects deviated, such a sample would show none of them {missed:.1} times in 100; a single deviating \
         object is most likely not in it."
    );
    (receipts, Method::Sample { seed, size, statement })
}

fn place(seed: &str, receipt: &ReceiptFacts) -> Digest {
    Digest::of([seed, &receipt.key, &receipt.version].join("\0").as_bytes())
}
