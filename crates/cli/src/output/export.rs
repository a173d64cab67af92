//! Exports, one record at a time: JSON, JSON lines, CSV.

use std::io;

use clap::ValueEnum;
use serde::Serialize;

use super::out::Out;

/// How records are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One JSON list
    Json,
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header line (RFC 4180)
    Csv,
}

/// An export under way; holds one record in memory, whatever the number.
pub(crate) struct Export<'o> {
    out: &'o mut Out,
    format: ExportFormat,
    written: u64,
}

impl<'o> Export<'o> {
    /// Begins; `columns` are the headings of CSV.
    ///
    /// # Errors
    /// As [`Out::bytes`].
    pub(crate) fn begin(out: &'o mut Out, format: ExportFormat, columns: &[&str]) -> io::Result<Self> {
        match format {
            ExportFormat::Json => out.bytes(b"[")?,
            ExportFormat::Ndjson => {}
            ExportFormat::Csv => out.bytes(&csv_line(columns.iter().copied())?)?,
        }
        Ok(Self { out, format, written: 0 })
    }

    /// Writes a record; `cells` makes it a line of CSV.
    ///
    /// # Errors
    /// As [`Out::json`].
    pub(crate) fn record<T: Serialize>(&mut self, record: &T, cells: impl FnOnce(&T) -> Vec<String>) -> io::Result<()> {
        let bytes = match self.format {
            ExportFormat::Json => {
                let separator: &[u8] = if self.written == 0 { b"\n" } else { b",\n" };
                let mut bytes = separator.to_vec();
                serde_json::to_writer(&mut bytes, record)?;
                bytes
            }
            ExportFormat::Ndjson => {
                let mut bytes = serde_json::to_vec(record)?;
                bytes.push(b'\n');
                bytes
            }
            ExportFormat::Csv => csv_line(cells(record).iter().map(String::as_str))?,
        };
        self.written += 1;
        self.out.bytes(&bytes)
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.out.is_closed()
    }

    /// Ends; returns how many records were written.
    ///
    /// # Errors
    /// As [`Out::bytes`].
    pub(crate) fn end(self) -> io::Result<u64> {
        if self.format == ExportFormat::Json {
            self.out.bytes(if self.written == 0 { b"]\n" } else { b"\n]\n" })?;
        }
        self.out.flush()?;
        Ok(self.written)
    }
}

fn csv_line<'c>(cells: impl Iterator<Item = &'c str>) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(cells.map(harmless))?;
    writer.into_inner().map_err(|error| error.into_error())
}

/// Spreadsheets run cells that begin like a formula; an apostrophe before them makes them text (OWASP, "CSV
/// injection"). Numbers stay numbers.
fn harmless(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula && cell.parse::<i64>().is_err() { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::out::Shared;
    use super::*;

    fn export(format: ExportFormat, records: &[(&str, i64)]) -> (String, u64) {
        let buffer = Shared::default();
        let mut out = Out::to(Box::new(buffer.clone()), None);
        let mut export = Export::begin(&mut out, format, &["name", "count"]).expect("begun");
        for record in records {
            export.record(record, |(name, count)| vec![name.to_string(), count.to_string()]).expect("written");
        }
        let written = export.end().expect("ended");
        (buffer.text(), written)
    }

    #[test]
    fn every_format_is_complete() {
        let records = [("a,b", 1), ("=1+1", -2), ("line\n\"q\"", 3)];
        for (format, expected) in [
            (ExportFormat::Json, "[\n[\"a,b\",1],\n[\"=1+1\",-2],\n[\"line\\n\\\"q\\\"\",3]\n]\n"),
            (ExportFormat::Ndjson, "[\"a,b\",1]\n[\"=1+1\",-2]\n[\"line\\n\\\"q\\\"\",3]\n"),
            (ExportFormat::Csv, "name,count\r\n\"a,b\",1\r\n'=1+1,-2\r\n\"line\n\"\"q\"\"\",3\r\n"),
        ] {
            assert_eq!(export(format, &records), (expected.to_owned(), 3));
        }
    }

    #[test]
    fn nothing_is_still_a_document() {
        for (format, expected) in
            [(ExportFormat::Json, "[]\n"), (ExportFormat::Ndjson, ""), (ExportFormat::Csv, "name,count\r\n")]
        {
            assert_eq!(export(format, &[]), (expected.to_owned(), 0));
        }
    }
}
