//! Package databases of Linux distributions: dpkg's status (also in parts, one a package) and apk's list of what is installed.

use super::{Gather, LockError, Why};
use crate::packages::Package;

/// States of dpkg in which none of a package's files are there.
const ABSENT: [&str; 2] = ["not-installed", "config-files"];

/// One paragraph: what is needed of it, and where it begins.
#[derive(Default)]
struct Paragraph<'t> {
    line: usize,
    name: Option<&'t str>,
    version: Option<&'t str>,
    arch: Option<&'t str>,
    status: Option<&'t str>,
}

/// `/var/lib/dpkg/status`, as deb-control(5) describes it.
pub(super) fn dpkg(gather: &mut Gather<'_>, text: &str, distribution: &str) -> Result<(), LockError> {
    gather.locked.counted = Some("the packages whose files are there, and not those of which only settings are left");
    paragraphs(
        gather,
        text,
        |gather, paragraph, line| match line.split_once(':') {
            // What goes on from the line before.
            _ if line.starts_with([' ', '\t']) => Ok(()),
            Some((key, value)) => {
                let value = Some(value.trim());
                match key {
                    "Package" => paragraph.name = value,
                    "Version" => paragraph.version = value,
                    "Architecture" => paragraph.arch = value,
                    "Status" => paragraph.status = value,
                    _ => {}
                }
                Ok(())
            }
            None => Err(gather.wrong(Some(paragraph.line), "", "lines of the form `Key: value`")),
        },
        "deb",
        distribution,
    )
}

/// `/lib/apk/db/installed`, as the APK specification of Alpine describes it.
pub(super) fn apk(gather: &mut Gather<'_>, text: &str, distribution: &str) -> Result<(), LockError> {
    paragraphs(
        gather,
        text,
        |gather, paragraph, line| {
            let Some((key, value)) = line.split_once(':').filter(|(key, _)| key.len() == 1) else {
                return Err(gather.wrong(Some(paragraph.line), "", "lines of the form `P:value`"));
            };
            match key {
                "P" => paragraph.name = Some(value.trim()),
                "V" => paragraph.version = Some(value.trim()),
                "A" => paragraph.arch = Some(value.trim()),
                _ => {}
            }
            Ok(())
        },
        "apk",
        distribution,
    )
}

fn paragraphs<'t>(
    gather: &mut Gather<'_>,
    text: &'t str,
    mut take: impl FnMut(&Gather<'_>, &mut Paragraph<'t>, &'t str) -> Result<(), LockError>,
    kind: &str,
    distribution: &str,
) -> Result<(), LockError> {
    let mut paragraph: Option<Paragraph<'t>> = None;
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            if let Some(whole) = paragraph.take() {
                add(gather, &whole, kind, distribution)?;
            }
            continue;
        }
        let open = paragraph.get_or_insert_with(|| Paragraph { line: at + 1, ..Paragraph::default() });
        take(gather, open, line)?;
    }
    paragraph.map_or(Ok(()), |whole| add(gather, &whole, kind, distribution))
}

fn add(gather: &mut Gather<'_>, paragraph: &Paragraph<'_>, kind: &str, distribution: &str) -> Result<(), LockError> {
    let line = Some(paragraph.line);
    let filled = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(str::to_owned);
    let name = filled(paragraph.name).ok_or_else(|| gather.wrong(line, "", "the name of a package"))?;
    if let Some(status) = paragraph.status {
        let words: Vec<&str> = status.split_whitespace().collect();
        let [_, _, state] = words.as_slice() else {
            return Err(gather.wrong(line, &name, "a status of three words"));
        };
        if ABSENT.contains(state) {
            return Ok(());
        }
    }
    // apk keeps lists of packages under a name that begins with a dot: what they list is installed under its own.
    if kind == "apk" && name.starts_with('.') {
        return gather.apart(&name, Why::Local);
    }
    let version = filled(paragraph.version).ok_or_else(|| gather.wrong(line, &name, "a version"))?;
    let package = Package::installed(kind, distribution, &name, &version, paragraph.arch)
        .map_err(|error| gather.wrong(line, &name, format!("a package's name: {error}")))?;
    gather.add(package, line)
}
