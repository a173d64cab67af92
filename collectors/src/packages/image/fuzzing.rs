//! Images, opened to `fuzz/`: from any bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use exhibit_evidence::Digest;
use exhibit_evidence::letters::hides;
use globset::GlobSet;
use tempfile::TempDir;

use super::making::{end, entry};
use super::watched::{PARTS, Watched, watched};
use super::{Contents, ImageError, open};
use crate::packages::lockfile::Format;
use crate::reading::Limits;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a folder"));

/// Any bytes as an image: after `a` as an archive, after `b` as its two layers, after `c` as lines that say what stands in its layers.
/// What is told is the same every time and can be shown; and of lines, what is told to be there is what lies there when all
/// layers are laid over one another.
///
/// # Panics
/// When that does not hold.
pub fn images(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    match first.wrapping_sub(b'a') % 3 {
        0 => drop(told(rest)),
        1 => {
            let (lower, upper) = rest.split_at(rest.len() / 2);
            drop(told(&saved(&[lower.to_vec(), upper.to_vec()])));
        }
        _ => spelled(&String::from_utf8_lossy(rest)),
    }
}

/// What an archive is told to hold; none where an error says why not.
fn told(archive: &[u8]) -> Option<Contents> {
    let name = format!("{:?}", std::thread::current().id());
    let path = FOLDER.path().join(name);
    std::fs::write(&path, archive).expect("written");
    let once = || read(&path);
    let contents = once();
    assert_eq!(contents, once(), "the same every time");
    match contents {
        Err(error) => {
            let told = error.to_string();
            assert!(!told.is_empty() && !told.contains(hides) && told.len() < 20_000, "{told:?}");
            None
        }
        Ok(contents) => {
            for found in contents.databases.iter().chain(&contents.lockfiles.files) {
                assert!(
                    !found.path.starts_with('/') && !found.path.split('/').any(|part| part == ".."),
                    "{}",
                    found.path
                );
                assert!(found.bytes.len() <= 64 << 20);
            }
            for unread in contents.uncounted.iter().chain(&contents.lockfiles.unread) {
                assert!(!unread.reason.is_empty() && !unread.reason.contains(hides), "{unread:?}");
            }
            Some(contents)
        }
    }
}

fn read(path: &Path) -> Result<Contents, ImageError> {
    let opened = open(path, None)?;
    let shown = [&opened.image.config].into_iter().chain(&opened.image.layers).chain(&opened.image.names);
    for text in shown.chain(&opened.image.platform).chain(&opened.image.manifest) {
        assert!(!text.contains(hides), "{text:?}");
    }
    let limits = Limits { bytes: 64 << 20, free: 16 << 20, ..Limits::default() };
    super::contents::contents(&opened, &GlobSet::empty(), limits)
}

/// What `docker save` writes of these layers.
fn saved(layers: &[Vec<u8>]) -> Vec<u8> {
    let hex = |bytes: &[u8]| Digest::of(bytes).to_string().trim_start_matches("sha256:").to_owned();
    let ids: Vec<String> = layers.iter().map(|layer| format!("\"sha256:{}\"", hex(layer))).collect();
    let config = format!(r#"{{"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#, ids.join(","));
    let names: Vec<String> = (0..layers.len()).map(|at| format!("\"{at}/layer.tar\"")).collect();
    let manifest = format!(
        r#"[{{"Config":"{}.json","RepoTags":["shop:1"],"Layers":[{}]}}]"#,
        hex(config.as_bytes()),
        names.join(",")
    );
    let mut archive = Vec::new();
    let mut put = |name: &str, bytes: &[u8]| entry(&mut archive, name, b'0', "", bytes).expect("a short name");
    put("manifest.json", manifest.as_bytes());
    put(&format!("{}.json", hex(config.as_bytes())), config.as_bytes());
    layers.iter().enumerate().for_each(|(at, layer)| put(&format!("{at}/layer.tar"), layer));
    end(&mut archive).expect("written");
    archive
}

/// What lies in an image when its layers are laid over one another, by the OCI image specification ("Image Layer Filesystem
/// Changeset"), written down once more and in another way than what is examined.
#[derive(Default)]
struct Expected {
    /// Files and folders by path; a folder has no content.
    there: BTreeMap<String, Option<String>>,
    /// Package databases that were there, and are not any more.
    gone: BTreeSet<String>,
    /// Whether the specification leaves open what lies there.
    is_open: bool,
}

fn spelled(text: &str) {
    let mut expected = Expected::default();
    let mut layers = Vec::new();
    for layer in text.split("\n-\n").take(8) {
        let Some(archive) = expected.lay(layer) else { return };
        layers.push(archive);
    }
    let Some(contents) = told(&saved(&layers)) else {
        return assert!(expected.is_open, "an image in order can be read");
    };
    if !expected.is_open {
        expected.hold(&contents);
    }
}

impl Expected {
    /// One line an entry: `f PATH CONTENT` a file, `d PATH` a folder, `s PATH TARGET` and `h PATH TARGET` links, `w PATH` what takes
    /// a path away, `o PATH` what takes all below away. None where that is no archive.
    fn lay(&mut self, layer: &str) -> Option<Vec<u8>> {
        let (mut archive, mut above) = (Vec::new(), BTreeMap::new());
        for line in layer.lines().take(200) {
            let mut words = line.splitn(3, ' ');
            let (kind, path, rest) =
                (words.next()?, words.next().unwrap_or_default(), words.next().unwrap_or_default());
            if path.contains('\0') || rest.contains('\0') {
                return None;
            }
            // Paths that need to be brought into order are left to the other reader.
            let in_order =
                |path: &str| !path.split('/').any(|part| matches!(part, "" | "." | "..")) && !path.contains(".wh.");
            self.is_open |= !in_order(path);
            let (folder, name) =
                path.rsplit_once('/').map_or((String::new(), path), |(folder, name)| (format!("{folder}/"), name));
            let written = match kind {
                "f" => {
                    self.is_open |= above.contains_key(path);
                    above.insert(path.to_owned(), Some(rest.to_owned()));
                    entry(&mut archive, path, b'0', "", rest.as_bytes())
                }
                "d" => {
                    self.is_open |= above.contains_key(path);
                    above.insert(path.to_owned(), None);
                    entry(&mut archive, path, b'5', "", b"")
                }
                "s" | "h" => {
                    self.is_open = true;
                    entry(&mut archive, path, if kind == "s" { b'2' } else { b'1' }, rest, b"")
                }
                "w" => {
                    let own = format!("{path}/");
                    self.take(|there| there == path || there.starts_with(&own));
                    entry(&mut archive, &format!("{folder}.wh.{name}"), b'0', "", b"")
                }
                "o" => {
                    let own = format!("{path}/");
                    self.take(|there| there.starts_with(&own));
                    entry(&mut archive, &format!("{path}/.wh..wh..opq"), b'0', "", b"")
                }
                _ => return None,
            };
            written.ok()?;
        }
        end(&mut archive).ok()?;
        for (path, content) in above {
            let own = format!("{path}/");
            if content.is_some() {
                self.take(|there| there.starts_with(&own));
            } else if self.there.get(&path).is_some_and(Option::is_some) {
                self.take(|there| there == path);
            }
            self.gone.remove(&path);
            self.there.insert(path, content);
        }
        // A file in which something lies is a folder, or was one.
        let files = self.there.iter().filter(|(_, content)| content.is_some());
        self.is_open |=
            files.clone().any(|(path, _)| self.there.keys().any(|other| other.starts_with(&format!("{path}/"))));
        Some(archive)
    }

    fn take(&mut self, meant: impl Fn(&str) -> bool) {
        let is_database = |path: &String| matches!(watched(path), Some(Watched::Database(_) | Watched::Unread(_)));
        let paths: Vec<String> = self.there.keys().filter(|path| meant(path)).cloned().collect();
        for path in paths {
            let content = self.there.remove(&path);
            if is_database(&path) && content.is_some_and(|content| content.is_some()) {
                self.gone.insert(path);
            }
        }
    }

    fn hold(&self, contents: &Contents) {
        let found = |path: &str| {
            let mut all = contents.databases.iter().chain(&contents.lockfiles.files);
            all.find(|found| found.path == path).map(|found| found.bytes.as_slice())
        };
        let files = self.there.iter().filter_map(|(path, content)| Some((path, content.as_ref()?)));
        let mut parts = false;
        for (path, content) in files {
            match watched(path) {
                Some(Watched::Database(_)) if path.starts_with(PARTS) => parts = true,
                // What goes by another file of the same folder is left to `find`.
                Some(Watched::Lockfile(Format::GoMod | Format::GoSum | Format::Requirements)) => {}
                Some(Watched::Database(_) | Watched::Lockfile(_)) => {
                    assert_eq!(found(path), Some(content.as_bytes()), "{path} lies there");
                }
                Some(Watched::Unread(_)) => {
                    assert!(contents.uncounted.iter().any(|one| one.path == *path), "{path} can't be read");
                }
                Some(Watched::Installed(_)) => assert!(!contents.installed.is_empty(), "{path} lies there"),
                Some(Watched::Release) | None => {}
            }
        }
        assert_eq!(found(PARTS).is_some(), parts);
        for one in contents.databases.iter().chain(&contents.lockfiles.files).filter(|one| one.path != PARTS) {
            let there = self.there.get(&one.path).and_then(Option::as_ref);
            assert_eq!(there.map(String::as_bytes), Some(one.bytes.as_slice()), "{} does not lie there", one.path);
        }
        // What was listed may still be there: a scanner that finds nothing of it has not looked at it.
        let told = !contents.uncounted.is_empty() || !contents.databases.is_empty();
        assert!(self.gone.is_empty() || told, "{:?} are gone", self.gone);
    }
}
