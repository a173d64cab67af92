//! A bill that somebody else's pipeline made, held against the lockfiles that are handed in with it, or told by itself.

use std::io::Read as _;

use super::collect::{All, Trouble};
use super::comparing::Given;
use super::facts::HandedIn;
use crate::kept::KeepUpTo;
use crate::packages::bill::Bill;
use crate::packages::lockfile::LARGEST;
use crate::results::{Format, HEAD, Source as _, recognise, text};
use crate::vulnerable::counting::{self, Counted};
use crate::{CollectError, Collected, Scope};

/// What one file says, as an observation of the subject that is given.
pub(super) fn import(
    scope: &Scope<'_>,
    keep: KeepUpTo,
    handed: &crate::Given<'_>,
) -> Result<Collected, CollectError> {
    let form = handed.form()?;
    if form.is_some_and(|form| begins(form).is_none()) {
        let known = [Format::CycloneDx.name(), Format::Spdx.name()].join(" and ");
        return Err(CollectError::Other(format!("the format: bills of materials are in one of {known}")));
    }
    let (file, written_at, by) = handed.open(scope.clock.now())?;
    let unread = |source| CollectError::Io { what: format!("the result `{}` can't be read", handed.name()), source };
    let printed = keep.read(&mut *file.open().map_err(unread)?).map_err(unread)?.of_others(form);
    let (digest, size) = (printed.digest, printed.size);
    let mut bytes = Vec::new();
    // One byte more than is read, so that what is too large is seen to be.
    let mut source = file.open().map_err(unread)?.take(LARGEST as u64 + 1);
    source.read_to_end(&mut bytes).map_err(unread)?;
    let name = text::visible(&handed.name(), text::NAME);
    let trouble = trouble(&name, &bytes, form)?;
    let (counted, handed_in) = match handed.counted_in {
        [] => (Counted { part: true, ..Counted::default() }, HandedIn::Alone),
        lockfiles => (counting::handed_in(lockfiles), HandedIn::WithLockfiles),
    };
    let given = Given { name, run: None, bytes, printed };
    let mut all = All::default();
    all.take(scope, handed.subject.clone(), counted, Some(handed_in), |all, counted, problems| match trouble {
        Some(trouble) => all.not_read(given, trouble, problems),
        None => all.read(given, counted, problems),
    });
    let Collected { mut observation, artifacts } = all.collected((written_at, written_at))?;
    observation.rights = "the bill was handed in: who made it, and with which rights, is not known here".to_owned();
    observation.filters.insert(0, handed.told(digest, size));
    observation.filters.insert(0, by);
    Ok(Collected { observation, artifacts })
}

/// How a bill's own form begins where it is what was said; none for what is no bill.
fn begins(form: Format) -> Option<&'static str> {
    match form {
        Format::CycloneDx => Some("CycloneDX "),
        Format::Spdx => Some("SPDX-"),
        _ => None,
    }
}

/// Why it is no bill of the form that was said, where it was said, or where what it is can be told.
fn trouble(name: &str, bytes: &[u8], form: Option<Format>) -> Result<Option<Trouble>, CollectError> {
    let seen = recognise(&bytes[..bytes.len().min(HEAD)]);
    match (Bill::read(bytes), form.or(seen)) {
        (Ok(bill), Some(said)) if begins(said).is_some_and(|begins| bill.form.starts_with(begins)) => Ok(None),
        (Ok(_), None) => Ok(None),
        (Ok(bill), Some(said)) => {
            let message = format!("{name}: it is {}, and was handed in as {}", bill.form, said.name());
            Ok(Some(("bill-unreadable", message)))
        }
        (Err(error), None) => Err(CollectError::Other(format!("{name}: {error}"))),
        (Err(error), Some(_)) => {
            let is = seen.filter(|seen| begins(*seen).is_none());
            let is = is.map(|seen| format!("; it is what {} prints", seen.prints())).unwrap_or_default();
            Ok(Some(("bill-unreadable", format!("{name}: {error}{is}"))))
        }
    }
}
