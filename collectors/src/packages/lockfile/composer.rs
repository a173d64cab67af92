//! `composer.lock`.

use serde::Deserialize;

use super::text::{self, Text};
use super::{Gather, LockError, Why};

#[derive(Deserialize)]
struct File {
    packages: Vec<Installed>,
    #[serde(rename = "packages-dev", default)]
    development: Option<Vec<Installed>>,
}

#[derive(Deserialize)]
struct Installed {
    name: String,
    version: String,
    #[serde(default)]
    dist: Option<Dist>,
}

#[derive(Deserialize)]
struct Dist {
    #[serde(rename = "type", default)]
    kind: Text,
}

pub(super) fn read(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    let file: File = text::json(gather, text)?;
    for one in file.packages.iter().chain(file.development.iter().flatten()) {
        if one.dist.as_ref().is_some_and(|dist| dist.kind.get() == Some("path")) {
            gather.apart(&one.name, Why::Local)?;
        } else if one.version.starts_with("dev-") || one.version.ends_with("-dev") {
            // A branch: advisories name releases.
            gather.apart(&one.name, Why::Git)?;
        } else {
            gather.package("composer", &one.name, &one.version, None)?;
        }
    }
    Ok(())
}
