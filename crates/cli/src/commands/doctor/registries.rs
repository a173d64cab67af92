//! The registries that jobs pull images of: whether they answer, take who asks, and have the image.

use std::path::Path;

use exhibit_collectors::pulling::{self, Login, Standing};

use super::item::{Findings, Item};
use crate::config::Config;

static REGISTRIES: Item = Item {
    code: "work.registries",
    good: "each image that a job pulls is there for who asks",
    remedy: "mend the reference, or host, username, password and authorities of [[jobs.source.registries]]; only a run shows more",
};

pub(super) static ITEMS: [&Item; 1] = [&REGISTRIES];

/// What was found of one image: whether it is well, and in which words.
type Told = Result<String, String>;

/// Asks for each image of each job. Nothing of it is pulled.
pub(super) async fn look(config: &Config, findings: &mut Findings) {
    let mut images = Vec::new();
    for job in config.jobs.iter().filter(|job| !job.pushed) {
        images.extend(pulling::all_in(&job.settings.source).into_iter().map(|named| (job.id.to_string(), named)));
    }
    if images.is_empty() {
        return findings.ok(&REGISTRIES, "no job pulls images");
    }
    let base = config.base.clone();
    // The collectors' client waits where it stands.
    let asked = tokio::task::spawn_blocking(move || images.iter().map(|(job, named)| ask(job, named, &base)).collect());
    let asked: Vec<Told> = match asked.await {
        Ok(asked) => asked,
        Err(error) => return findings.unknown(&REGISTRIES, error.to_string()),
    };
    for told in asked {
        match told {
            Ok(found) => findings.ok(&REGISTRIES, found),
            Err(found) => findings.fail(&REGISTRIES, found),
        }
    }
}

fn ask(job: &str, named: &pulling::Named, base: &Path) -> Told {
    let reference = named.reference();
    match pulling::standing(named, base) {
        Ok(standing) => Ok(format!("job {job}: {}", told(&reference, &standing))),
        Err(error) => Err(format!("job {job}: {reference}: {error}")),
    }
}

fn told(reference: &str, standing: &Standing) -> String {
    let leads = match standing.pinned {
        true => "is there".to_owned(),
        false => format!("leads to {}", standing.digest),
    };
    let login = match standing.login {
        Login::None => "asked without a password",
        Login::Taken => "user and password were taken",
        Login::NotAskedFor => "user and password were not asked for: anybody may pull it",
    };
    format!("{reference} {leads}; {login}")
}
