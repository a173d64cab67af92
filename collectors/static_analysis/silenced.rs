//! Lines that have a scanner pass something over without a word, in the files that it looks at.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use super::facts::Silenced;

/// How much of a file is looked through, in bytes.
const MOST: u64 = 256 << 20;

/// Counts them in a file, which is told as `name`; none where it has none.
///
/// # Errors
/// When it can't be read to its end.
pub(super) fn in_file(path: &Path, name: &str, silencers: &[String]) -> io::Result<Option<Silenced>> {
    let mut text = BufReader::new(File::open(path)?.take(MOST + 1));
    let (mut found, mut line, mut number, mut read) = (None::<Silenced>, Vec::new(), 0, 0);
    loop {
        line.clear();
        let bytes = text.read_until(b'\n', &mut line)?;
        read += bytes as u64;
        if bytes == 0 {
            return Ok(found);
        }
        if read > MOST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        number += 1;
        let line = String::from_utf8_lossy(&line);
        if silencers.iter().any(|silencer| stands_in(silencer, &line)) {
            let first = Silenced { file: name.to_owned(), line: number, lines: 0 };
            found.get_or_insert(first).lines += 1;
        }
    }
}

/// Whether the parts of a pattern, `*` between them, stand in a line one after the other.
fn stands_in(pattern: &str, line: &str) -> bool {
    let mut rest = line;
    pattern.split('*').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_what_stands_in_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("main.tf");
        std::fs::write(&path, b"a\n# trivy:ignore:X\r\n\xff# trivy:exp:1:ignore:X\ntrivy ignore:\n#trivy:ignore").expect("written");
        let silencers = ["trivy:*ignore:".to_owned(), "unseen".to_owned()];
        let found = in_file(&path, "main.tf", &silencers).expect("read");
        assert_eq!(found, Some(Silenced { file: "main.tf".to_owned(), line: 2, lines: 2 }));
        assert_eq!(in_file(&path, "main.tf", &silencers[1..]).expect("read"), None);
        assert!(in_file(folder.path(), "folder", &silencers).is_err());
    }
}
