//! `exhibit custody`: canaries for restore drills.

use exhibit_collectors::key_custody::canary::{self, CanaryError, Order, Written};
use exhibit_evidence::{EnvironmentId, JobId, SubjectId};
use exhibit_pipeline::{Random as _, SystemClock, SystemRandom};

use crate::{
    args::{CustodyArgs, CustodyCommand},
    config::Config,
    deployment,
    output::{Exit, Hint as _, Out, Table, Words},
};

/// The collector whose jobs perform drills.
const COLLECTOR: &str = "key_custody";

/// Which drill, as typed.
struct Chosen<'a> {
    job: &'a JobId,
    environment: Option<&'a EnvironmentId>,
    key: Option<&'a SubjectId>,
    drill: Option<&'a str>,
    from: Option<&'a str>,
}

pub(crate) fn run(args: &CustodyArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let CustodyCommand::Canary { job, environment, key, drill, from, place, printed } = &args.command;
    let config = deployment::load(place)?;
    let chosen = Chosen {
        job,
        environment: environment.as_ref(),
        key: key.as_ref(),
        drill: drill.as_deref(),
        from: from.as_deref(),
    };
    let written = match write(&config, &chosen) {
        Err(error @ CanaryError::NotCurrent { .. }) => {
            words.warn(error.to_string());
            return Ok(Exit::Differences);
        }
        Err(error) => {
            let hint = hint(&error);
            return Err(error).hint(hint);
        }
        Ok(written) => written,
    };
    out.data(printed.format, &written, facts)?;
    for silent in &written.not_asked {
        words.warn(format!("not asked whether it runs with the same key: {silent}"));
    }
    words.say(format!(
        "Wrote {} with the key of {}, which {} with now, and a note beside it. Keep both as long as there is data under this key.",
        written.canary,
        written.place,
        match written.current_for.as_slice() {
            [one] => format!("{one} runs"),
            all => format!("{} run", all.join(", ")),
        }
    ));
    Ok(Exit::Clean)
}

fn write(config: &Config, chosen: &Chosen<'_>) -> Result<Written, CanaryError> {
    let of_keys = || config.jobs.iter().filter(|job| job.collector.as_str() == COLLECTOR);
    let Some(job) = of_keys().find(|job| job.id == *chosen.job) else {
        let names: Vec<&str> = of_keys().map(|job| job.id.as_str()).collect();
        return Err(CanaryError::NoJob(if names.is_empty() { "none".to_owned() } else { names.join(", ") }));
    };
    let others = of_keys().filter(|other| other.id != job.id);
    let others: Vec<(&str, &toml::Table)> = others.map(|other| (other.id.as_str(), &other.settings.source)).collect();
    let mut random = [0; 64];
    SystemRandom.fill(&mut random);
    canary::write(&Order {
        base: &config.base,
        clock: &SystemClock,
        random: &random,
        source: &job.settings.source,
        others: &others,
        environment: chosen.environment,
        key: chosen.key,
        drill: chosen.drill,
        from: chosen.from,
    })
}

/// What people can do about it.
fn hint(error: &CanaryError) -> &'static str {
    match error {
        CanaryError::NoJob(_) => {
            "the drill has to be configured first: `exhibit collectors show key_custody` tells how"
        }
        CanaryError::NoDrill(_) | CanaryError::Several(_) => "--environment, --key and --drill say which",
        CanaryError::Exists(_) => {
            "let the drill name another file for the next key: this one is for the key that it was made with"
        }
        CanaryError::NoPlace(_) => "--from names the place that the key is read from",
        CanaryError::NotKnown { .. } => "say in `running` of this key, in any job, which services run with it",
        CanaryError::OfTheApplication => "let the application encrypt a text, and set the drill's `expect` to it",
        _ => "nothing was written",
    }
}

fn facts(written: &Written) -> Table {
    let mut table = Table::new(["canary", written.canary.as_str()]);
    for (name, value) in [
        ("note", written.note.clone()),
        ("key", format!("{} of {}", written.key, written.environment)),
        ("drill", written.drill.clone()),
        ("encrypted by", written.method.clone()),
        ("key read from", written.place.clone()),
        ("current on", written.written_at.human()),
        ("for", written.current_for.join(", ")),
    ] {
        table.row([name.to_owned(), value]);
    }
    table
}
