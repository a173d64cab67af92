//! The environment that a running process began with: `/proc/PID/environ`, where the system permits it to be read.

use super::settings::{Kind, Problem};
use super::{
    Credential, Listing, Origin, Place, Reading, Root, SecretValue, Source, SourceError, Surroundings, files, is_name,
};
use serde::Deserialize;
use zeroize::Zeroizing;

/// The table `process` of a source of credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessSettings {
    /// A file that holds its number, as services write it.
    pub pid_file: String,
}

/// The environment of one process.
struct Process {
    root: Root,
    environment: String,
    pid_file: String,
}

impl Kind for ProcessSettings {
    fn problem(&self) -> Option<Problem> {
        self.pid_file.trim().is_empty().then_some(("pid_file", "expected a file that holds the process's number"))
    }

    fn open<'a>(&self, around: &Surroundings<'a>, environment: &str) -> Box<dyn Source + 'a> {
        let (root, pid_file) = (around.root.clone(), self.pid_file.clone());
        Box::new(Process { root, environment: environment.to_owned(), pid_file })
    }
}

impl Process {
    /// The variables as they lie in memory: `NAME=value`, each ended by a NUL.
    fn variables(&self) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        let number = files::text(&self.root, &self.pid_file)?;
        let number = number.trim().parse::<u32>().ok().filter(|number| *number > 0);
        let number = number.ok_or_else(|| SourceError::Malformed {
            file: self.pid_file.clone(),
            line: 1,
            key: "pid".to_owned(),
            expected: "a process's number".to_owned(),
        })?;
        let refused = |error: &SourceError| {
            let gone = error.to_string().contains("no such");
            let reason = if gone { "there is no such process" } else { "the system does not permit it to be read" };
            SourceError::refused(self.label(), if gone { "not-there" } else { "denied" }, reason)
        };
        // The file's size is told as 0, and it is read as a whole all the same.
        files::bytes(&Root::folder("/proc".as_ref()), &format!("{number}/environ")).map_err(|error| refused(&error))
    }
}

impl Source for Process {
    fn kind(&self) -> &'static str {
        "process"
    }

    fn environment(&self) -> &str {
        &self.environment
    }

    fn label(&self) -> String {
        format!("the environment of the process in {}", self.pid_file)
    }

    fn counted_by(&self) -> &'static str {
        "the ends of the variables that the system shows of the process"
    }

    fn rights(&self) -> &'static str {
        "to read the process's environment: as its own user, or as root"
    }

    fn listing(&self) -> Result<Listing, SourceError> {
        let variables = self.variables()?;
        let ends = variables.iter().filter(|byte| **byte == 0).count() as u64;
        Ok(Listing { names: ends + u64::from(variables.last().is_some_and(|last| *last != 0)) })
    }

    fn read(&self) -> Result<Reading, SourceError> {
        let variables = self.variables()?;
        let mut reading = Reading::default();
        reading.blind_spots.push(
            "Of a running process the environment is seen that it began with, not what it made of it since.".to_owned(),
        );
        for variable in variables.strip_suffix(b"\0").unwrap_or(&variables).split(|byte| *byte == 0) {
            if variables.is_empty() {
                break;
            }
            reading.examined += 1;
            let end = variable.iter().position(|byte| *byte == b'=').unwrap_or(variable.len());
            let name = std::str::from_utf8(&variable[..end]).ok().filter(|name| is_name(name)).unwrap_or("unnamed");
            let value = SecretValue::new(variable.get(end + 1..).unwrap_or_default().to_vec());
            let place = Place::keyed(&self.pid_file, name);
            reading.credentials.push(Credential::plain(&self.environment, name, value, place, Origin::Process));
        }
        Ok(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::{self, tests::FixedClock};
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};

    fn with<T>(number: &str, work: impl FnOnce(&dyn Source) -> T) -> T {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("app.pid"), number).expect("written");
        let text = "[[c]]\nenvironment='staging'\nprocess={pid_file='app.pid'}";
        let table: toml::Table = toml::from_str(text).expect("TOML");
        let read = settings::read(&table["c"], "c").expect("valid");
        let root = Root::folder(folder.path());
        let source = read[0].open(&Surroundings { root: &root, clock: &FixedClock }).expect("opened");
        work(source.as_ref())
    }

    #[test]
    fn a_running_process_shows_what_it_began_with() {
        for (variables, expected) in [
            (
                &[("A_TOKEN", "canary-Pr0c"), ("EMPTY", ""), ("TWO", "a=b\nc")][..],
                &["A_TOKEN=canary-Pr0c", "EMPTY=", "TWO=a=b\nc"][..],
            ),
            (&[], &[]),
        ] {
            let mut child = Command::new("/bin/cat")
                .env_clear()
                .envs(variables.iter().copied())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("cat");
            // The system shows nothing of a process that has not quite begun: one that answers has.
            let (ask, answer) = (child.stdin.as_mut().expect("a pipe"), child.stdout.as_mut().expect("a pipe"));
            ask.write_all(b"?").expect("asked");
            answer.read_exact(&mut [0]).expect("answered");
            with(&format!("{}\n", child.id()), |source| {
                let reading = source.read().expect("read");
                let shown: Vec<_> = reading
                    .credentials
                    .iter()
                    .map(|found| format!("{}={}", found.name, found.value.text().expect("text")))
                    .collect();
                assert_eq!(shown, expected);
                assert_eq!(source.listing(), Ok(Listing { names: reading.examined }));
            });
            drop(child.stdin.take());
            child.wait().expect("it ends");
        }
    }

    #[test]
    fn what_is_no_process_is_an_error() {
        for (number, code) in [
            ("4194305", "not-there"),
            ("canary", "source-unreadable"),
            ("0", "source-unreadable"),
            ("../1", "source-unreadable"),
        ] {
            with(number, |source| {
                let error = source.read().expect_err("refused");
                assert_eq!(error.code(), code, "{error}");
                assert!(!error.to_string().contains("canary"));
            });
        }
    }
}
