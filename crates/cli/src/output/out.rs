//! Standard output: data, and nothing else.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use clap::builder::styling::Style;
use serde::Serialize;

use super::table::Table;

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

/// Where data goes. A reader that has gone away (`| head`) is no error and no panic: what is left is dropped,
/// and the command's own verdict still becomes its exit code.
pub(crate) struct Out {
    sink: Box<dyn Write>,
    width: Option<u16>,
    colours: bool,
    terminal: bool,
    closed: bool,
}

impl Out {
    /// The process's standard output; tables take the terminal's width if it is one.
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let width = terminal.then(terminal_size::terminal_size).flatten().map(|(width, _)| width.0);
        let colours = terminal && anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
        // Buffered by blocks, not by lines: an export has millions of them.
        Self { colours, terminal, ..Self::to(Box::new(io::BufWriter::new(stdout)), width) }
    }

    /// Any other sink, with the width that tables are fitted into.
    pub(crate) fn to(sink: Box<dyn Write>, width: Option<u16>) -> Self {
        Self { sink, width, colours: false, terminal: false, closed: false }
    }

    /// The text in this style where a person sees colours, else as it is.
    pub(crate) fn styled(&self, style: Style, text: &str) -> String {
        if self.colours { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// Whether it is a terminal, which bytes could steer.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether nobody reads any more, so that a long export may stop.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// If the sink fails in another way than that its reader is gone.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let written = self.sink.write_all(bytes);
        self.tolerate(written)
    }

    /// Writes text and a line end.
    ///
    /// # Errors
    /// As [`Out::bytes`].
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    /// Writes a value as indented JSON.
    ///
    /// # Errors
    /// As [`Out::bytes`], or if the value cannot be said in JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(value)?;
        text.push(b'\n');
        self.bytes(&text)
    }

    /// Writes a table, fitted to the terminal.
    ///
    /// # Errors
    /// As [`Out::bytes`].
    pub(crate) fn table(&mut self, table: &Table) -> io::Result<()> {
        self.line(&table.render(self.width))
    }

    /// Writes a value as JSON, or what a table makes of it.
    ///
    /// # Errors
    /// As [`Out::json`].
    pub(crate) fn data<T: Serialize>(
        &mut self,
        format: Format,
        value: &T,
        table: impl FnOnce(&T) -> Table,
    ) -> io::Result<()> {
        match format {
            Format::Json => self.json(value),
            Format::Table => self.table(&table(value)),
        }
    }

    /// Hands everything over to the reader; to be called before the process ends.
    ///
    /// # Errors
    /// As [`Out::bytes`].
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let flushed = self.sink.flush();
        self.tolerate(flushed)
    }

    fn tolerate(&mut self, result: io::Result<()>) -> io::Result<()> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            other => other,
        }
    }
}

/// A buffer that can be read after [`Out`] was given it.
#[cfg(test)]
#[derive(Clone, Default)]
pub(super) struct Shared(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

#[cfg(test)]
impl Shared {
    /// What was written so far.
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("UTF-8")
    }
}

#[cfg(test)]
impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let mut out = Out::to(Box::new(Failing(io::ErrorKind::BrokenPipe)), None);
        assert!(!out.is_closed());
        out.line("one").expect("no error");
        assert!(out.is_closed());
        out.json(&["two"]).expect("no error");
        out.flush().expect("no error");
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let mut out = Out::to(Box::new(Failing(io::ErrorKind::StorageFull)), None);
        assert!(out.line("one").is_err());
        assert!(out.flush().is_err());
        assert!(!out.is_closed());
    }

    #[test]
    fn one_value_has_two_forms() {
        let buffer = Shared::default();
        let mut out = Out::to(Box::new(buffer.clone()), None);
        let value = vec!["a", "b"];
        let table = |value: &Vec<&str>| {
            let mut table = Table::new(["NAME"]);
            for name in value {
                table.row([name.to_string()]);
            }
            table
        };
        out.data(Format::Json, &value, table).expect("written");
        out.data(Format::Table, &value, table).expect("written");
        assert_eq!(buffer.text(), "[\n  \"a\",\n  \"b\"\n]\nNAME\na\nb\n");
    }
}
