//! `exhibit evidence artifact`: what a record cites by digest, as it was kept.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use exhibit_evidence::Digest;
use exhibit_pipeline::{KeptArtifact, kept_artifact};
use tempfile::NamedTempFile;

use crate::{
    args::Place,
    deployment::Deployment,
    output::{Exit, Hint as _, Out, Words, printable},
};

pub(crate) async fn run(
    digest: Digest,
    output: Option<&PathBuf>,
    place: &Place,
    words: &Words,
    out: &mut Out,
) -> anyhow::Result<Exit> {
    let deployment = Deployment::open(place, words).await?;
    let found = kept_artifact(&deployment.world, digest).await;
    deployment.close().await?;
    let KeptArtifact { bytes, archived } = found?;
    match output {
        Some(file) => write(file, &bytes)?,
        None if out.is_terminal() => out.bytes(shown(&bytes)?.as_bytes())?,
        None => out.bytes(&bytes)?,
    }
    let from = archived.map_or_else(|| "the database".to_owned(), |key| format!("{key} in the archive"));
    words.detail(format!("{} bytes, read from {from}; they have the digest {digest}", bytes.len()));
    Ok(Exit::Clean)
}

/// For a terminal, which must not be steered by what a scanner printed.
fn shown(bytes: &[u8]) -> anyhow::Result<String> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(anyhow::anyhow!("it is not text, so it is not shown on a terminal"))
            .hint("write it into a file with --output FILE, or send it to another program");
    };
    Ok(printable(text))
}

/// Puts it in the place of the file: whole, or not at all, and readable by its owner alone.
fn write(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if file.is_dir() {
        bail!("--output: {} is a folder: expected the name of a file", file.display());
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = || -> std::io::Result<()> {
        let mut draft = NamedTempFile::new_in(folder)?;
        draft.write_all(bytes)?;
        draft.as_file().sync_all()?;
        draft.persist(file)?;
        Ok(())
    };
    written().with_context(|| format!("writing {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_not_steered() {
        assert_eq!(shown(b"a\x1b[2Jb\n").expect("text"), "a\\u{1b}[2Jb\n");
        assert!(shown(b"\xff\xfe").is_err());
    }
}
