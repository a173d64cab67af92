//! The collectors' own tables `source` and `policy`: kept as they are, judged by their collector.

use std::ops::Range;

use exhibit_collectors::{Registry, SettingProblem, Settings};
use exhibit_evidence::canonical::MAX_INTEGER;
use toml::de::{DeTable, DeValue};

/// What the configuration has to know about collectors; the registry answers.
pub(crate) trait Collectors {
    /// Ids of every collector there is.
    fn ids(&self) -> Vec<String>;

    /// The collector's own `fresh_for`, such as `36h`.
    fn default_fresh_for(&self, collector: &str) -> Option<String>;

    /// The keys of `source` that a job with `pushed = true` may have.
    fn beside_pushed(&self, collector: &str) -> &'static [&'static str];

    /// Judges a job's own tables.
    ///
    /// # Errors
    /// Everything that is wrong in them.
    fn check(&self, collector: &str, settings: &Settings) -> Result<(), Vec<SettingProblem>>;
}

impl Collectors for Registry {
    fn ids(&self) -> Vec<String> {
        self.iter().map(|registered| registered.manifest.id.to_string()).collect()
    }

    fn default_fresh_for(&self, collector: &str) -> Option<String> {
        self.get(collector).map(|registered| registered.manifest.fresh_for.clone())
    }

    fn beside_pushed(&self, collector: &str) -> &'static [&'static str] {
        self.get(collector).map_or(&[], |registered| registered.collector.beside_imported())
    }

    fn check(&self, collector: &str, settings: &Settings) -> Result<(), Vec<SettingProblem>> {
        match self.get(collector) {
            Some(registered) => registered.collector.check_settings(settings),
            // An unknown collector is refused where it is named.
            None => Ok(()),
        }
    }
}

/// A value that canonical JSON cannot carry exactly.
pub(super) struct Unfit {
    /// Its place.
    pub(super) span: Range<usize>,
    /// What was expected instead.
    pub(super) expected: &'static str,
}

/// The table as the collector sees it: only what canonical JSON can carry, for it goes into digests.
pub(super) fn plain(entries: &DeTable<'_>) -> Result<toml::Table, Unfit> {
    entries.iter().map(|(key, entry)| Ok((key.get_ref().to_string(), value(entry)?))).collect()
}

fn value(entry: &toml::Spanned<DeValue<'_>>) -> Result<toml::Value, Unfit> {
    let unfit = |expected| Unfit { span: entry.span(), expected };
    Ok(match entry.get_ref() {
        DeValue::String(text) if text.contains('\0') => {
            return Err(unfit("expected a text without NUL"));
        }
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .filter(|number| number.unsigned_abs() <= MAX_INTEGER)
            .map(toml::Value::Integer)
            .ok_or_else(|| unfit("expected a whole number up to 2^53-1, or a text"))?,
        DeValue::Float(_) => {
            return Err(unfit("expected a whole number of a smaller unit, or a text"));
        }
        DeValue::Datetime(_) => return Err(unfit("expected a text in quotes")),
        DeValue::Boolean(flag) => toml::Value::Boolean(*flag),
        DeValue::Array(items) => toml::Value::Array(items.iter().map(value).collect::<Result<_, _>>()?),
        DeValue::Table(entries) => toml::Value::Table(plain(entries)?),
    })
}

/// The place in the file of the deepest part of `path` that exists, from a job's table downwards.
/// The last part that exists points at its key if it is a table, at its value otherwise.
pub(super) fn place(job: &DeTable<'_>, path: &[String], otherwise: Range<usize>) -> Range<usize> {
    let Some((first, rest)) = path.split_first() else {
        return otherwise;
    };
    let Some((key, entry)) = job.get_key_value(first.as_str()) else {
        return otherwise;
    };
    match entry.get_ref() {
        DeValue::Table(entries) => place(entries, rest, key.span()),
        DeValue::Array(_) => element(entry, rest),
        _ => entry.span(),
    }
}

fn element(entry: &toml::Spanned<DeValue<'_>>, path: &[String]) -> Range<usize> {
    match (entry.get_ref(), path.split_first()) {
        (DeValue::Array(items), Some((index, rest))) => index
            .parse()
            .ok()
            .and_then(|index: usize| items.get(index))
            .map_or(entry.span(), |item| element(item, rest)),
        (DeValue::Table(entries), Some(_)) => place(entries, path, entry.span()),
        _ => entry.span(),
    }
}
