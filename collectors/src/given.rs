//! What is handed in, as every collector reads it that takes results of others: its name, its form, its time.

use std::{fs::File, io::Read as _, path::Path};

use chrono::TimeDelta;
use exhibit_evidence::{Digest, Timestamp};

use crate::{
    CollectError, Given,
    results::{Format, Opened, text},
};

/// By how much clocks may differ.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::days(1);

impl Given<'_> {
    /// The file's name, without its folders.
    pub(crate) fn name(&self) -> String {
        name_of(self.file)
    }

    /// The form that the giver names, if one is named.
    pub(crate) fn form(&self) -> Result<Option<Format>, CollectError> {
        let named = self.format.map(str::parse::<Format>).transpose();
        named.map_err(|_| {
            let known: Vec<&str> = Format::ALL.iter().map(|one| one.name()).collect();
            CollectError::Other(format!("the format: expected one of {}", known.join(", ")))
        })
    }

    /// The file, opened; when it was written, `now` at the latest; and who says so.
    pub(crate) fn open(&self, now: Timestamp) -> Result<(Opened, Timestamp, String), CollectError> {
        let unread = |source| CollectError::Io { what: format!("the result `{}` can't be read", self.name()), source };
        let file = File::open(self.file).map_err(unread)?;
        let own =
            file.metadata().and_then(|seen| seen.modified()).map(|at| Timestamp::new(at.into())).map_err(unread)?;
        let (at, by) = written(own, self.observed_at, now).map_err(CollectError::Other)?;
        Ok((Opened(file), at, by))
    }

    /// What evidence says of the file that was handed in.
    pub(crate) fn told(&self, digest: Digest, size: u64) -> String {
        format!("handed in as `{}`: {size} bytes, {digest}", text::visible(&self.name(), text::NAME))
    }
}

/// When it was written, and by whose word; or why neither the file nor whoever hands it in can be right.
fn written(own: Timestamp, given: Option<Timestamp>, now: Timestamp) -> Result<(Timestamp, String), String> {
    match given {
        Some(at) if at > now => Err(format!("it is said to have been written at {at}, and now it is {now}")),
        Some(at) => Ok((at, format!("whoever handed it in says when it was written; the file's own time is {own}"))),
        None if own.since(now) > CLOCKS_DIFFER => {
            Err(format!("the file's own time is {own}, and now it is {now}: say when it was written"))
        }
        None => Ok((own.min(now), "the file's own time counts as when it was written".to_owned())),
    }
}

/// A file's name, without its folders.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The text of a file of at most `most` bytes.
pub(crate) fn text_of(path: &Path, most: u64) -> Result<String, CollectError> {
    let unread = |source| CollectError::Io { what: format!("`{}` can't be read", name_of(path)), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(unread)?;
    if bytes.len() as u64 > most {
        return Err(CollectError::Other(format!("`{}`: expected at most {most} bytes", name_of(path))));
    }
    String::from_utf8(bytes).map_err(|_| CollectError::Other(format!("`{}`: expected text in UTF-8", name_of(path))))
}
