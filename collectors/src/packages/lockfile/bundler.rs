//! `Gemfile.lock`.

use super::{Gather, LockError, Why};

/// Which part of the file a line stands in.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Gems,
    Apart(Why),
    Other,
}

pub(super) fn read(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    let mut part: Option<Part> = None;
    let (mut specs, mut ends) = (false, false);
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let indent = line.len() - line.trim_start_matches(' ').len();
        let bare = line.trim();
        if bare.is_empty() {
            continue;
        }
        if bare.starts_with("<<<<<<<") || bare.starts_with(">>>>>>>") {
            return Err(gather.wrong(Some(number), "", "a lockfile whose conflicts are merged"));
        }
        if indent == 0 {
            specs = false;
            ends |= bare == "DEPENDENCIES";
            part = Some(match bare {
                "GEM" => Part::Gems,
                "GIT" => Part::Apart(Why::Git),
                "PATH" => Part::Apart(Why::Local),
                "PLUGIN SOURCE" => Part::Apart(Why::Url),
                "PLATFORMS" | "DEPENDENCIES" | "RUBY VERSION" | "BUNDLED WITH" | "CHECKSUMS" => Part::Other,
                _ => return Err(gather.wrong(Some(number), "", "the name of a part that is known, such as `GEM`")),
            });
            continue;
        }
        match part {
            None => return Err(gather.wrong(Some(number), "", "the name of a part, such as `GEM`")),
            Some(Part::Other) => continue,
            Some(_) if bare == "specs:" => specs = true,
            // Four spaces are what is installed; six are what that depends on.
            Some(part) if specs && indent == 4 => spec(gather, part, bare, number)?,
            Some(_) => {}
        }
    }
    match part {
        None => Err(gather.wrong(None, "GEM", "at least one part")),
        // Every version writes it, behind all that is installed.
        Some(_) if !ends => Err(gather.wrong(None, "DEPENDENCIES", "what the project depends on: was it cut off?")),
        Some(_) => Ok(()),
    }
}

fn spec(gather: &mut Gather<'_>, part: Part, text: &str, line: usize) -> Result<(), LockError> {
    let parts =
        text.trim_end_matches('!').split_once(" (").and_then(|(name, rest)| Some((name, rest.strip_suffix(')')?)));
    let Some((name, version)) = parts else {
        return Err(gather.wrong(Some(line), text, "a name and a version, such as `rake (13.0.6)`"));
    };
    match part {
        Part::Apart(why) => gather.apart(name, why),
        // The platform that a gem was built for stands behind its version: `1.13.0-x86_64-linux`.
        _ => gather.package("gem", name, version.split('-').next().unwrap_or(version), Some(line)),
    }
}
