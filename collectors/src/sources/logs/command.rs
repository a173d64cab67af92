//! What a command prints: `railway logs`, `gh run view --log`, `kubectl logs`, any other.

use std::path::PathBuf;
use std::time::Duration;

use super::counting::Lines;
use super::{Counted, Left, Listing, LogError, LogSource, Passed, Piece, Sink};
use crate::process::{Program, RunError};

/// Bytes that a counting command may print: a number.
const A_NUMBER: u64 = 256;

/// A command whose output is a log.
#[derive(Debug, Clone)]
pub struct CommandLog {
    /// The folder that it runs in.
    pub folder: PathBuf,
    /// Its name in findings: they have no file to name.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Another command that prints how many lines there are, by the source's own count.
    pub count: Option<Vec<String>>,
    /// Names of variables that both get from the environment.
    pub pass: Vec<String>,
    /// How long each may take.
    pub time_limit: Duration,
    /// How many bytes it may print.
    pub most: u64,
}

impl LogSource for CommandLog {
    fn kind(&self) -> &'static str {
        "command"
    }

    fn label(&self) -> String {
        format!("what `{}` prints", self.command.join(" "))
    }

    fn counted_by(&self) -> &'static str {
        match self.count {
            Some(_) => "the configured counting command",
            None => {
                "the ends of lines as they came out of the command; whether it prints all there is, only the command knows"
            }
        }
    }

    fn list(&self) -> Result<Listing, LogError> {
        Ok(Listing { pieces: vec![Box::new(CommandPiece(self.clone()))], left: Vec::new() })
    }
}

struct CommandPiece(CommandLog);

impl CommandPiece {
    fn run(&self, command: &[String], most: u64, out: &mut dyn FnMut(&[u8])) -> Result<(), Left> {
        let program = Program {
            command,
            folder: &self.0.folder,
            pass: &self.0.pass,
            set: &[],
            input: None,
            time_limit: self.0.time_limit,
            most,
        };
        program.run(out).map_err(|error: RunError| Left::new(error.code(), &self.0.name, error.to_string()))
    }
}

impl Piece for CommandPiece {
    fn identity(&self) -> String {
        "output".to_owned()
    }

    fn name(&self) -> &str {
        &self.0.name
    }

    fn count(&mut self) -> Result<Option<Counted>, Left> {
        let Some(command) = &self.0.count else { return Ok(None) };
        let mut printed = Vec::new();
        self.run(command, A_NUMBER, &mut |bytes| printed.extend_from_slice(bytes))?;
        let number = std::str::from_utf8(&printed).ok().and_then(|text| text.split_whitespace().next()?.parse().ok());
        let expected = "the counting command was expected to print a number first";
        let lines = number.ok_or_else(|| Left::new("command-failed", &self.0.name, expected))?;
        Ok(Some(Counted { lines: Some(lines), bytes: None }))
    }

    fn read(&mut self, sink: &mut dyn Sink) -> Result<Passed, Left> {
        let mut passed = Passed::default();
        let mut lines = Lines::default();
        sink.begin(&self.0.name, &self.0.name);
        let done = self.run(&self.0.command, self.0.most, &mut |bytes| {
            lines.feed(bytes);
            passed.bytes += bytes.len() as u64;
            sink.feed(bytes);
        });
        sink.end();
        passed.lines = lines.total();
        done.map(|()| passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::logs::recorded::Recorded;

    fn log(command: &[&str], count: Option<&[&str]>) -> CommandLog {
        let owned = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
        CommandLog {
            folder: PathBuf::from("/"),
            name: "deploy".to_owned(),
            command: owned(command),
            count: count.map(owned),
            pass: Vec::new(),
            time_limit: Duration::from_secs(60),
            most: 1000,
        }
    }

    #[test]
    fn output_is_read_and_counted() {
        let source = log(&["printf", "a\\nb\\nc"], Some(&["echo", "3 lines"]));
        let mut piece = source.list().expect("listed").pieces.remove(0);
        assert_eq!(piece.count().expect("counted"), Some(Counted { lines: Some(3), bytes: None }));
        let mut sink = Recorded::default();
        assert_eq!(piece.read(&mut sink).expect("read"), Passed { lines: 3, bytes: 5, ..Passed::default() });
        assert_eq!((sink.documents[0].0.as_str(), sink.documents[0].2.as_slice()), ("deploy", &b"a\nb\nc"[..]));
    }

    #[test]
    fn what_goes_wrong_is_told() {
        for (command, count, code) in [
            (&["false"][..], None, "command-failed"),
            (&["yes"], None, "command-too-much"),
            (&["true"], Some(&["echo", "many"][..]), "command-failed"),
            (&["true"], Some(&["no-such-program"]), "command-not-started"),
        ] {
            let mut piece = log(command, count).list().expect("listed").pieces.remove(0);
            let left = match piece.count() {
                Err(left) => left,
                Ok(_) => piece.read(&mut Recorded::default()).expect_err("left"),
            };
            assert_eq!(left.code, code, "{command:?}");
        }
    }
}
