//! What scanners print, kept beside the evidence: how much of it, and what is said of what is not kept.

use std::io::{self, Read};

use exhibit_evidence::{Digest, Digesting};
use serde::Deserialize;

use crate::RawArtifact;
use crate::results::{Format, HEAD, recognise};

/// Most that a job may have kept of one result, in MiB: it is masked in memory, and one row of the database holds it.
const MOST_EACH: u32 = 64;
/// What is kept of one run, over all its results, in bytes.
const MOST_TOGETHER: u64 = 64 << 20;
/// How many results of one run are kept: its record names each, and has to fit.
const MOST_RESULTS: usize = 100;
/// How many that are not kept are told one by one.
const MOST_TOLD: usize = 20;
/// One MiB, in bytes.
const MIB: u64 = 1 << 20;

/// The setting `keep_results_mib`: up to which size each result is kept. 16 where the job says nothing; with 0, none is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub(crate) struct KeepUpTo(u32);

impl Default for KeepUpTo {
    fn default() -> Self {
        Self(16)
    }
}

impl TryFrom<u32> for KeepUpTo {
    type Error = String;

    fn try_from(mib: u32) -> Result<Self, String> {
        if mib <= MOST_EACH { Ok(Self(mib)) } else { Err(format!("expected a number of MiB up to {MOST_EACH}")) }
    }
}

impl KeepUpTo {
    fn bytes(self) -> u64 {
        u64::from(self.0) * MIB
    }

    /// Reads what a scanner printed to its end, and holds its bytes where they are few enough.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) fn read(self, source: &mut dyn Read) -> io::Result<Printed> {
        let (mut digesting, mut held) = (Digesting::default(), Some(Vec::new()));
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = source.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            digesting.take(&buffer[..read]);
            held = held.filter(|held| (held.len() + read) as u64 <= self.bytes());
            if let Some(held) = &mut held {
                held.extend_from_slice(&buffer[..read]);
            }
        }
        let (digest, size) = digesting.finish();
        let held = match (held, self.0) {
            (Some(bytes), 1..) => Held::Bytes(bytes),
            (_, 0) => Held::Not("the job keeps none (`keep_results_mib = 0`)".to_owned()),
            (None, most) => Held::Not(format!("the job keeps results of up to {most} MiB (`keep_results_mib`)")),
        };
        Ok(Printed { digest, size, held })
    }
}

/// What a scanner printed.
pub(crate) struct Printed {
    /// Of the bytes as they are, before anything is masked.
    pub(crate) digest: Digest,
    /// How many they are.
    pub(crate) size: u64,
    held: Held,
}

enum Held {
    Bytes(Vec<u8>),
    /// Why not, in words.
    Not(String),
}

impl Printed {
    /// Its beginning; nothing where it is not held.
    fn head(&self) -> &[u8] {
        match &self.held {
            Held::Bytes(bytes) => &bytes[..bytes.len().min(HEAD)],
            Held::Not(_) => &[],
        }
    }

    /// It, not to be kept where it may hold the secrets that were found: whether others left them out, nobody knows.
    /// `format` is what it is said to be.
    pub(crate) fn of_others(self, format: Option<Format>) -> Self {
        let secrets = [format, recognise(self.head())].into_iter().flatten().any(Format::may_hold_secrets);
        if !secrets {
            return self;
        }
        let why = "what this scanner prints may hold the secrets that it found".to_owned();
        Self { held: Held::Not(why), ..self }
    }
}

impl Printed {
    /// It, not to be kept where what it tells leaves less room than that in memory.
    pub(crate) fn within(self, room: u64) -> Self {
        if !matches!(&self.held, Held::Bytes(bytes) if bytes.len() as u64 > room) {
            return self;
        }
        let why = "it does not fit into memory beside all that it tells".to_owned();
        Self { held: Held::Not(why), ..self }
    }
}

/// What is kept of one run's results.
#[derive(Default)]
pub(crate) struct Kept {
    artifacts: Vec<RawArtifact>,
    left_out: Vec<String>,
    more: u64,
    bytes: u64,
}

impl Kept {
    /// Keeps a result if it may be kept. `read` says whether it was readable as JSON.
    pub(crate) fn take(&mut self, name: String, printed: Printed, read: bool) {
        let Printed { digest, size, held } = printed;
        let why = match held {
            Held::Bytes(_) if self.artifacts.len() == MOST_RESULTS => {
                format!("with it, more than {MOST_RESULTS} results of this run would be kept")
            }
            Held::Bytes(bytes) if self.bytes + size <= MOST_TOGETHER => {
                self.bytes += size;
                let media_type = match (read, std::str::from_utf8(&bytes)) {
                    (true, _) => "application/json",
                    (false, Ok(_)) => "text/plain",
                    (false, Err(_)) => "application/octet-stream",
                };
                return self.artifacts.push(RawArtifact { name, media_type: media_type.to_owned(), bytes });
            }
            Held::Bytes(_) => format!("with it, more than {} MiB of this run would be kept", MOST_TOGETHER / MIB),
            Held::Not(why) => why,
        };
        if self.left_out.len() == MOST_TOLD {
            self.more += 1;
        } else {
            self.left_out.push(format!("{name} is not kept here: {size} bytes, {digest}; {why}"));
        }
    }

    /// What is kept, and of what is not, which it is and why.
    pub(crate) fn told(mut self) -> (Vec<RawArtifact>, Vec<String>) {
        if self.more > 0 {
            self.left_out.push(format!("{} more results are not kept here for such reasons", self.more));
        }
        (self.artifacts, self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(mib: u32, bytes: &[u8]) -> Printed {
        KeepUpTo::try_from(mib).expect("allowed").read(&mut &*bytes).expect("read")
    }

    #[test]
    fn what_is_kept_has_a_limit_and_what_is_not_is_told_with_digest_size_and_reason() {
        assert_eq!(KeepUpTo::try_from(65), Err("expected a number of MiB up to 64".to_owned()));
        let mib = vec![b' '; usize::try_from(MIB).expect("small")];
        let over = [mib.as_slice(), b"x"].concat();
        for (most, bytes, told) in [
            (1, mib.as_slice(), None),
            (1, &over, Some("1048577 bytes, sha256:")),
            (1, &over, Some("; the job keeps results of up to 1 MiB (`keep_results_mib`)")),
            (0, b"x", Some("; the job keeps none (`keep_results_mib = 0`)")),
        ] {
            let one = printed(most, bytes);
            assert_eq!((one.digest, one.size), (Digest::of(bytes), bytes.len() as u64));
            let mut kept = Kept::default();
            kept.take("it".to_owned(), one, true);
            let (artifacts, left_out) = kept.told();
            assert_eq!((artifacts.len(), left_out.len()), (told.is_none().into(), told.is_some().into()));
            let said = left_out.first().map(String::as_str).unwrap_or_default();
            assert!(said.contains(told.unwrap_or_default()), "{said}");
        }
        // However many results there are, together they stay within a limit.
        let mut kept = Kept::default();
        (0..87).for_each(|_| kept.take("it".to_owned(), printed(1, &mib), true));
        let (artifacts, left_out) = kept.told();
        assert_eq!((artifacts.len(), left_out.len()), (64, 21));
        assert!(left_out[0].ends_with("; with it, more than 64 MiB of this run would be kept"));
        assert_eq!(left_out[20], "3 more results are not kept here for such reasons");
        let mut kept = Kept::default();
        (0..101).for_each(|_| kept.take("it".to_owned(), printed(1, b"x"), true));
        let (artifacts, left_out) = kept.told();
        assert_eq!((artifacts.len(), left_out.len()), (100, 1));
        assert!(left_out[0].ends_with("; with it, more than 100 results of this run would be kept"));
    }

    #[test]
    fn what_could_not_be_read_is_kept_as_what_it_is() {
        let mut kept = Kept::default();
        for bytes in [&b"<html>"[..], b"\xff\xfe"] {
            kept.take("it".to_owned(), printed(1, bytes), false);
        }
        let types: Vec<String> = kept.told().0.into_iter().map(|one| one.media_type).collect();
        assert_eq!(types, ["text/plain", "application/octet-stream"]);
    }
}
