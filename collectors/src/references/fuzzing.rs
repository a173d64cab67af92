//! Files that refer to images, opened to `fuzz/`: from any bytes.

use exhibit_evidence::letters::hides;

use super::{Form, MOST, Pin};
use crate::fuzzing::hold;

/// A file of each kind, in the order of the letters that choose it.
const PATHS: [&str; 6] = [
    "Dockerfile",
    "compose.yaml",
    "deploy/shop.yaml",
    "deploy/kustomization.yaml",
    ".github/workflows/ci.yml",
    ".gitlab-ci.yml",
];

/// Any bytes as a file of one of these kinds, as the first byte chooses: each reference stands on a line that there is,
/// none is pinned where no digest stands, and no error repeats a value.
///
/// # Panics
/// When that does not hold.
pub fn references(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let path = PATHS[usize::from(first.wrapping_sub(b'a')) % PATHS.len()];
    let form = Form::of(path).expect("a file that refers to images");
    let read = form.read(path, bytes);
    assert_eq!(read, form.read(path, bytes), "the same every time");
    let references = match read {
        Ok(Some(references)) => references,
        Ok(None) => {
            let could_be = matches!(form, Form::Kubernetes | Form::Workflow | Form::Gitlab);
            return assert!(could_be, "only what could be something else may be none");
        }
        Err(error) => return hold(&error),
    };
    let text = std::str::from_utf8(bytes).expect("what was read is text");
    let lines = text.lines().count() as u64;
    assert!(references.len() <= MOST && references.is_sorted_by_key(|one| one.line));
    if form == Form::Dockerfile {
        assert!(text.to_ascii_lowercase().contains("from"), "what builds an image builds it from one");
    }
    for one in &references {
        assert!((1..=lines + 1).contains(&one.line), "{one:?}");
        // Shown as Rust writes it, a character may take ten.
        assert!(one.image.len() <= 1200 && one.tag.as_ref().is_none_or(|tag| tag.len() <= 1200));
        assert!(
            ![Some(&one.image), one.tag.as_ref()].into_iter().flatten().any(|part| part.contains(hides)),
            "{one:?}"
        );
        let digest = text.contains("sha256:") || text.contains("sha512:");
        // A digest may be put together of variables.
        assert!(one.pin != Pin::Digest || digest || text.contains('$') || text.contains('\\'), "{one:?}");
    }
}
