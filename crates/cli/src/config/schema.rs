//! `exhibit.toml` from its tables: what `keys` can't say, defaults, and what must fit together.

use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use exhibit_evidence::EnvironmentId;
use exhibit_evidence::deployment::Environment;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::keys;
use super::model::{Config, Database, Deployment, Signing};
use super::reader::{Reader, Section, nearest};
use super::secret_ref::SecretRef;
use super::settings::Collectors;
use super::suspicion::{holds_secret, is_reference};
use super::{archive, jobs, service};

/// Reads the whole file; `None` only if a problem was noted.
pub(super) fn read(
    root: &Spanned<DeTable<'_>>,
    file: &Path,
    collectors: &dyn Collectors,
    reader: &mut Reader,
) -> Option<Config> {
    let base = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let root = reader.enter(root.get_ref(), 0..0, "", "the file", &keys::FILE);
    let deployment = deployment(reader, &root, &base);
    let data_dir = deployment.as_ref().map_or(base.clone(), |found| found.data_dir.clone());
    let database = database(reader, &root, &base);
    let archive = archive::read(reader, &root, &base, &data_dir);
    let signing = signing(reader, &root, &base, &data_dir);
    let service = service::read(reader, &root, &base);
    let rules = rules(reader, &root, &base);
    let environments = environments(reader, &root);
    let jobs = jobs::read(reader, &root, &environments, collectors);
    Some(Config {
        base,
        deployment: deployment?,
        database: database?,
        archive,
        signing: signing?,
        service,
        rules,
        environments,
        jobs: jobs?,
    })
}

fn deployment(reader: &mut Reader, root: &Section<'_>, base: &Path) -> Option<Deployment> {
    let Some(section) = reader.table(root, "deployment", "[deployment]") else {
        if root.raw("deployment").is_none() {
            reader.refuse(
                Diagnostic::new("config.missing-key", 0..0, "the file lacks the table [deployment]")
                    .label("expected [deployment] in this file")
                    .hint("begin with:\n[deployment]\nname = \"Example Company\""),
            );
        }
        return None;
    };
    let name = line(reader, &section, "name");
    let origin = origin(reader, &section);
    let time_zone = time_zone(reader, &section);
    let data_dir = path(reader, &section, "data_dir").unwrap_or_else(|| PathBuf::from(".exhibit"));
    let change_reason = line(reader, &section, "change_reason");
    Some(Deployment {
        change_reason,
        fiscal_year_start: reader.number(&section, "fiscal_year_start").unwrap_or(1),
        grace_days: reader.number(&section, "grace_days").unwrap_or(5),
        // By its components, so that `.` does not stand in every path that is printed.
        data_dir: base.join(data_dir).components().collect(),
        name: name?,
        origin: origin?,
        time_zone: time_zone?,
    })
}

/// A name that can stand in a checkpoint: C2SP signed notes allow neither white space nor plus in it,
/// and tlog-checkpoint recommends a URL without its scheme.
fn origin(reader: &mut Reader, section: &Section<'_>) -> Option<Option<String>> {
    let Some(text) = reader.text(section, "origin") else {
        return section.raw("origin").is_none().then_some(None);
    };
    let (span, origin) = (text.span(), text.into_inner());
    let wrong = if origin.is_empty() || origin.len() > 255 {
        "expected 1 to 255 bytes"
    } else if origin.contains("://") {
        "expected no scheme: a host and a path, such as \"log.example.com/exhibit\""
    } else if origin.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+') {
        "expected neither white space nor `+`"
    } else {
        return Some(Some(origin));
    };
    reader.refuse(
        Diagnostic::new("config.bad-origin", span, "`origin` in [deployment] cannot name a log")
            .label(wrong)
            .hint("leave it out, and a name is made at the first start"),
    );
    None
}

fn time_zone(reader: &mut Reader, section: &Section<'_>) -> Option<Tz> {
    let Some(text) = reader.text(section, "time_zone") else {
        return section.raw("time_zone").is_none().then_some(Tz::UTC);
    };
    let found = text.get_ref().parse();
    if found.is_err() {
        let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let hint = match nearest(text.get_ref(), names) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "a city of the zone names it: \"Europe/Berlin\", not \"CET\" with an offset".to_owned(),
        };
        reader.refuse(
            Diagnostic::new("config.bad-time-zone", text.span(), "`time_zone` in [deployment] is unknown")
                .label("expected an IANA time zone, such as \"Europe/Berlin\" or \"UTC\"")
                .hint(hint),
        );
    }
    found.ok()
}

fn database(reader: &mut Reader, root: &Section<'_>, base: &Path) -> Option<Option<Database>> {
    if root.raw("database").is_none() {
        return Some(None);
    }
    let section = reader.table(root, "database", "[database]")?;
    let url = secret(reader, &section, "url", base);
    let owner = secret(reader, &section, "owner_url", base);
    if let (Some((url, first)), Some((owner, second))) = (&url, &owner)
        && url == owner
    {
        reader.refuse(
            Diagnostic::new("config.same-role", second.clone(), "`owner_url` and `url` in [database] are the same")
                .label("expected the connection string of another role")
                .context(first.clone(), "the service's role")
                .hint("the service's role must not own the schema, or it could change the ledger"),
        );
    }
    let owner_is_fine = owner.is_some() || section.raw("owner_url").is_none();
    let (url, span) = url?;
    let url_place = reader.place("[database] url", &span);
    let owner_url_place = owner.as_ref().map(|(_, span)| reader.place("[database] owner_url", span));
    let owner_url = owner.map(|(reference, _)| reference);
    owner_is_fine.then_some(Some(Database { url, url_place, owner_url, owner_url_place }))
}

fn signing(reader: &mut Reader, root: &Section<'_>, base: &Path, data_dir: &Path) -> Option<Signing> {
    let generated = Signing::Generated(data_dir.join("keys").join("log.key"));
    if root.raw("signing").is_none() {
        return Some(generated);
    }
    let section = reader.table(root, "signing", "[signing]")?;
    if section.raw("key").is_none() {
        return Some(generated);
    }
    let (reference, _) = secret(reader, &section, "key", base)?;
    Some(Signing::Given(reference))
}

/// `[detection] rules`; what the files say is read by who needs the rules.
fn rules(reader: &mut Reader, root: &Section<'_>, base: &Path) -> Vec<PathBuf> {
    let Some(section) = reader.table(root, "detection", "[detection]") else { return Vec::new() };
    let Some(list) = reader.texts(&section, "rules") else { return Vec::new() };
    let mut refuse = |span: Range<usize>| {
        reader.refuse(
            Diagnostic::new("config.bad-path", span, "`rules` in [detection] names no rule file")
                .label("expected paths, absolute or from this file's folder, such as [\"rules/*.toml\"]"),
        );
    };
    if list.get_ref().is_empty() {
        refuse(list.span());
    }
    for path in list.get_ref() {
        let folder = Path::new(path.get_ref()).parent().is_some_and(|folder| folder.to_string_lossy().contains('*'));
        if path.get_ref().trim().is_empty() || path.get_ref().contains('\0') || folder {
            refuse(path.span());
        }
    }
    list.into_inner().into_iter().map(|path| base.join(path.into_inner())).collect()
}

fn environments(reader: &mut Reader, root: &Section<'_>) -> Vec<Environment> {
    let mut found = Vec::new();
    let Some(entry) = root.raw("environments") else {
        return found;
    };
    let DeValue::Table(entries) = entry.get_ref() else {
        let expected = "tables [environments.ID]";
        reader.wrong_type(root, "environments", entry.span(), expected, entry.get_ref());
        return found;
    };
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, entry) in entries {
        let id: &str = key.get_ref();
        let path = format!("environments.{}", if holds_secret(id) { "***" } else { id });
        let fine = check_id(reader, id, key.span(), "an environment's id");
        let DeValue::Table(fields) = entry.get_ref() else {
            let expected = "a table [environments.ID]";
            reader.wrong_type(root, &path, entry.span(), expected, entry.get_ref());
            continue;
        };
        let name = format!("[{path}]");
        let section = reader.enter(fields, entry.span(), &path, &name, &keys::ENVIRONMENT);
        let title = line(reader, &section, "title");
        let disposable = reader.flag(&section, "disposable").unwrap_or(false);
        if let (true, Ok(declared)) = (fine, EnvironmentId::new(id)) {
            found.push(Environment { id: declared, title: title.unwrap_or_else(|| id.to_owned()), disposable });
        }
    }
    found
}

/// Ids are written by people, once, and stay: small letters, digits and `-`, at most 64. Narrower than what
/// the record format allows, so that an id is also a good name for a folder or a host.
pub(super) fn check_id(reader: &mut Reader, id: &str, span: Range<usize>, what: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fine =
        id.len() <= 64 && id.starts_with(letter) && id.ends_with(letter) && id.chars().all(|c| letter(c) || c == '-');
    if !fine {
        let title = format!("{what} has a form that it cannot have");
        let expected = "expected 1 to 64 small letters, digits and `-`, with `-` neither first nor last";
        reader.refuse(
            Diagnostic::new("config.bad-id", span, title)
                .label(expected)
                .hint("ids are permanent: they stand in evidence for years"),
        );
    }
    fine
}

/// A text of one line that is not empty, if it is there.
pub(super) fn line(reader: &mut Reader, section: &Section<'_>, key: &str) -> Option<String> {
    let text = reader.text(section, key)?;
    let value = text.get_ref().trim();
    let fine = !value.is_empty() && value.len() <= 200 && !value.contains(char::is_control);
    if !fine {
        let title = format!("`{key}` in {} is not a name", section.name());
        reader.refuse(
            Diagnostic::new("config.bad-text", text.span(), title).label("expected one line of 1 to 200 bytes"),
        );
    }
    fine.then(|| value.to_owned())
}

/// A path that is not empty, if it is there.
pub(super) fn path(reader: &mut Reader, section: &Section<'_>, key: &str) -> Option<PathBuf> {
    let text = reader.text(section, key)?;
    let value = text.get_ref();
    let fine = !value.trim().is_empty() && !value.contains('\0');
    if !fine {
        let title = format!("`{key}` in {} is not a path", section.name());
        reader.refuse(
            Diagnostic::new("config.bad-path", text.span(), title)
                .label("expected a path, absolute or from this file's folder"),
        );
    }
    fine.then(|| PathBuf::from(value))
}

/// A reference to a secret with its place, if it is there. A literal was refused before, without showing it.
pub(super) fn secret(
    reader: &mut Reader,
    section: &Section<'_>,
    key: &str,
    base: &Path,
) -> Option<(SecretRef, Range<usize>)> {
    let text = reader.text(section, key)?;
    match SecretRef::parse(text.get_ref(), base) {
        Ok(reference) => Some((reference, text.span())),
        Err(expected) => {
            if is_reference(text.get_ref()) {
                let title = format!("`{key}` in {} is a broken reference", section.name());
                reader.refuse(Diagnostic::new("config.bad-reference", text.span(), title).label(expected));
            }
            None
        }
    }
}
