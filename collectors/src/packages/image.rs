//! Which image a file or folder holds: an OCI layout, or what `docker save` writes; by digests, so that evidence says it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use exhibit_evidence::{Digest, Digesting};
use serde::{Deserialize, Serialize};

/// Largest document of JSON in an image that is read, in bytes.
const LARGEST_DOCUMENT: u64 = 4 << 20;
/// Largest sum of documents that is kept while an archive is read.
const LARGEST_SUM: usize = 64 << 20;
/// Most entries of an archive.
const MOST_ENTRIES: usize = 100_000;

/// An image, by the digests that name it everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Digest of the manifest: what registries name it by. None in what `docker save` writes, which holds none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// Digest of the configuration: what Docker calls the image's id.
    pub config: String,
    /// The layers' digests, lowest first: of the unpacked layers, as the configuration tells them.
    pub layers: Vec<String>,
    /// Operating system and architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The names that the file gives it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Digest of the file itself, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Digest>,
}

/// Why it is not known which image it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// It can't be read.
    #[error("the image can't be read: {0}")]
    Unreadable(String),
    /// It is neither form.
    #[error("expected an OCI layout (with index.json) or what `docker save` writes (with manifest.json): {0}")]
    Form(String),
    /// It holds several.
    #[error("it holds {0} images: expected one, or name the one that is meant")]
    Several(usize),
    /// A part is not what its digest says.
    #[error("{what} has the digest {found}, and is named by {named}: the file was changed or is damaged")]
    Other {
        /// Which part.
        what: &'static str,
        /// What it is named by.
        named: String,
        /// What it has.
        found: String,
    },
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Clone, Deserialize)]
struct Descriptor {
    digest: String,
    #[serde(rename = "mediaType", default)]
    media: Option<String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
}

#[derive(Deserialize)]
struct Saved {
    #[serde(rename = "Config")]
    config: String,
    #[serde(rename = "RepoTags", default)]
    names: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    architecture: Option<String>,
    rootfs: Root,
}

#[derive(Deserialize)]
struct Root {
    diff_ids: Vec<String>,
}

/// Says which image lies at a path: a folder with an OCI layout, or an archive of either form. `name` chooses one of
/// several by its name or manifest's digest.
///
/// # Errors
/// When it can't be read, is no image, holds several, or is not what its digests say.
pub fn identify(path: &Path, name: Option<&str>) -> Result<Image, ImageError> {
    let unreadable = |error: io::Error| ImageError::Unreadable(error.kind().to_string());
    let seen = fs::metadata(path).map_err(unreadable)?;
    if seen.is_dir() {
        return identified(&mut |document| in_folder(path, document), name, None);
    }
    let (documents, file) = documents(File::open(path).map_err(unreadable)?)?;
    identified(&mut |document| Ok(documents.get(document).cloned()), name, Some(file))
}

fn in_folder(folder: &Path, document: &str) -> Result<Option<Vec<u8>>, ImageError> {
    let file = match File::open(folder.join(document)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| ImageError::Unreadable(error.kind().to_string()))?,
    };
    let mut bytes = Vec::new();
    file.take(LARGEST_DOCUMENT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| ImageError::Unreadable(error.kind().to_string()))?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= LARGEST_DOCUMENT))
}

/// The small documents of an archive by name, and the digest of the whole file.
fn documents(file: File) -> Result<(BTreeMap<String, Vec<u8>>, Digest), ImageError> {
    let unreadable = |error: &io::Error| ImageError::Unreadable(error.to_string());
    let mut tee = Hashed { file, digesting: Digesting::default() };
    let mut found = BTreeMap::new();
    {
        let mut archive = tar::Archive::new(&mut tee);
        let (mut sum, mut count) = (0, 0);
        for entry in archive.entries().map_err(|error| unreadable(&error))? {
            let mut entry = entry.map_err(|error| unreadable(&error))?;
            count += 1;
            let size = entry.size();
            if count > MOST_ENTRIES || sum > LARGEST_SUM {
                return Err(ImageError::Form("it holds more than an image does".to_owned()));
            }
            if size > LARGEST_DOCUMENT || !entry.header().entry_type().is_file() {
                continue;
            }
            let name = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
            // Layers are archives themselves; what is needed begins as JSON does.
            if bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| matches!(first, b'{' | b'[')) {
                sum += bytes.len();
                found.insert(name, bytes);
            }
        }
    }
    io::copy(&mut tee, &mut io::sink()).map_err(|error| unreadable(&error))?;
    Ok((found, tee.digesting.finish().0))
}

/// A file, and the digest of what was read of it.
struct Hashed {
    file: File,
    digesting: Digesting,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.digesting.take(&buffer[..read]);
        Ok(read)
    }
}

type Get<'a> = dyn FnMut(&str) -> Result<Option<Vec<u8>>, ImageError> + 'a;

fn identified(get: &mut Get<'_>, name: Option<&str>, file: Option<Digest>) -> Result<Image, ImageError> {
    if let Some(index) = get("index.json")? {
        return layout(get, &index, name, file);
    }
    let Some(saved) = get("manifest.json")? else {
        return Err(ImageError::Form("it holds neither".to_owned()));
    };
    let mut saved: Vec<Saved> = parsed(&saved, "manifest.json")?;
    if let Some(name) = name {
        saved.retain(|one| one.names.iter().flatten().any(|own| own == name));
    }
    let [one] = saved.as_slice() else { return Err(ImageError::Several(saved.len())) };
    let bytes = get(&one.config)?.ok_or_else(|| ImageError::Form("its configuration is missing".to_owned()))?;
    let config = Digest::of(&bytes).to_string();
    // The file's name is the digest: `HEX.json`, or `blobs/sha256/HEX`.
    let stem = one.config.rsplit('/').next().unwrap_or_default().trim_end_matches(".json");
    if stem.len() == 64 {
        same("the configuration", &format!("sha256:{stem}"), &config)?;
    }
    image(&bytes, config, None, one.names.clone().unwrap_or_default(), file)
}

fn layout(get: &mut Get<'_>, index: &[u8], name: Option<&str>, file: Option<Digest>) -> Result<Image, ImageError> {
    let mut wanted = entries(index, "index.json", name)?;
    // An index may lead to another one, of the platforms of one image.
    for _ in 0..4 {
        let [one] = wanted.as_slice() else { return Err(ImageError::Several(wanted.len())) };
        let one = one.clone();
        let bytes = blob(get, "the manifest", &one.digest)?;
        let is_index =
            one.media.as_deref().is_some_and(|media| media.contains("index") || media.contains("manifest.list"));
        if is_index {
            wanted = entries(&bytes, "an index", None)?;
            continue;
        }
        let manifest: Manifest = parsed(&bytes, "its manifest")?;
        let config = blob(get, "the configuration", &manifest.config.digest)?;
        let names = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
        let names = names.iter().filter_map(|key| one.annotations.get(*key).cloned()).collect();
        return image(&config, manifest.config.digest, Some(one.digest), names, file);
    }
    Err(ImageError::Form("its indexes lead to one another".to_owned()))
}

/// The images of an index, without what only attests something about them.
fn entries(index: &[u8], what: &str, name: Option<&str>) -> Result<Vec<Descriptor>, ImageError> {
    let index: Index = parsed(index, what)?;
    let attests = |one: &Descriptor| one.annotations.contains_key("vnd.docker.reference.type");
    let meant = |one: &Descriptor| {
        name.is_none_or(|name| one.digest == name || one.annotations.values().any(|own| own == name))
    };
    Ok(index.manifests.into_iter().filter(|one| !attests(one) && meant(one)).collect())
}

fn blob(get: &mut Get<'_>, what: &'static str, digest: &str) -> Result<Vec<u8>, ImageError> {
    let hex =
        digest.strip_prefix("sha256:").filter(|hex| hex.len() == 64 && hex.bytes().all(|one| one.is_ascii_hexdigit()));
    let Some(hex) = hex else { return Err(ImageError::Form(format!("{what} is named by no SHA-256 digest"))) };
    let bytes = get(&format!("blobs/sha256/{hex}"))?;
    let bytes = bytes.ok_or_else(|| ImageError::Form(format!("{what} is missing, or larger than 4 MiB")))?;
    same(what, digest, &Digest::of(&bytes).to_string())?;
    Ok(bytes)
}

fn same(what: &'static str, named: &str, found: &str) -> Result<(), ImageError> {
    if named == found {
        return Ok(());
    }
    Err(ImageError::Other { what, named: super::lockfile::shown(named), found: found.to_owned() })
}

fn image(
    config: &[u8],
    digest: String,
    manifest: Option<String>,
    names: Vec<String>,
    file: Option<Digest>,
) -> Result<Image, ImageError> {
    let read: Configuration = parsed(config, "its configuration")?;
    let platform = read.os.zip(read.architecture).map(|(os, architecture)| format!("{os}/{architecture}"));
    let shown = |list: Vec<String>| list.iter().map(|one| super::lockfile::shown(one)).collect();
    Ok(Image {
        manifest,
        config: digest,
        layers: shown(read.rootfs.diff_ids),
        platform: platform.map(|platform| super::lockfile::shown(&platform)),
        names: shown(names),
        file,
    })
}

fn parsed<'b, T: Deserialize<'b>>(bytes: &'b [u8], what: &str) -> Result<T, ImageError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ImageError::Form(format!("{what} is not in order at line {}", error.line())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:aa"]}}"#;

    fn hex(bytes: &str) -> String {
        Digest::of(bytes.as_bytes()).to_string().replace("sha256:", "")
    }

    fn manifest() -> String {
        format!(r#"{{"schemaVersion":2,"config":{{"digest":"sha256:{}"}},"layers":[]}}"#, hex(CONFIG))
    }

    fn archive(files: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut archive = tar::Builder::new(file.reopen().expect("the same"));
        for (name, text) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, text.as_bytes()).expect("appended");
        }
        archive.finish().expect("written");
        file
    }

    #[test]
    fn both_forms_tell_the_same_image() {
        let saved = format!(r#"[{{"Config":"{}.json","RepoTags":["shop:1"],"Layers":["a/layer.tar"]}}]"#, hex(CONFIG));
        let name = format!("{}.json", hex(CONFIG));
        let file = archive(&[("manifest.json", &saved), (&name, CONFIG), ("a/layer.tar", "not JSON")]);
        let docker = identify(file.path(), None).expect("an image");
        assert_eq!(docker.config, format!("sha256:{}", hex(CONFIG)));
        assert_eq!(
            (docker.names.as_slice(), docker.layers.as_slice()),
            (["shop:1".to_owned()].as_slice(), ["sha256:aa".to_owned()].as_slice())
        );
        assert_eq!(docker.file, Some(Digest::of(&fs::read(file.path()).expect("readable"))));

        let manifest = manifest();
        let index = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"digest":"sha256:{}","mediaType":"application/vnd.oci.image.manifest.v1+json"}},{{"digest":"sha256:{}","annotations":{{"vnd.docker.reference.type":"attestation-manifest"}}}}]}}"#,
            hex(&manifest),
            hex("")
        );
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("blobs/sha256")).expect("folders");
        for (path, text) in [
            ("index.json".to_owned(), &index),
            (format!("blobs/sha256/{}", hex(&manifest)), &manifest),
            (format!("blobs/sha256/{}", hex(CONFIG)), &CONFIG.to_owned()),
        ] {
            fs::write(folder.path().join(path), text).expect("written");
        }
        let layout = identify(folder.path(), None).expect("an image");
        assert_eq!(layout.manifest, Some(format!("sha256:{}", hex(&manifest))));
        assert_eq!(
            (&layout.config, &layout.layers, &layout.platform),
            (&docker.config, &docker.layers, &docker.platform)
        );

        fs::write(folder.path().join(format!("blobs/sha256/{}", hex(CONFIG))), CONFIG.replace("amd64", "arm64"))
            .expect("written");
        assert!(matches!(identify(folder.path(), None), Err(ImageError::Other { what: "the configuration", .. })));
    }

    #[test]
    fn what_is_no_image_or_several_is_told() {
        assert!(matches!(identify(archive(&[]).path(), None), Err(ImageError::Form(_))));
        let two = r#"[{"Config":"a.json","RepoTags":["a:1"]},{"Config":"b.json","RepoTags":["b:1"]}]"#;
        let file = archive(&[("manifest.json", two), ("b.json", CONFIG)]);
        assert_eq!(identify(file.path(), None), Err(ImageError::Several(2)));
        assert!(identify(file.path(), Some("b:1")).is_ok());
        assert!(matches!(identify(file.path(), Some("a:1")), Err(ImageError::Form(_))));
        assert!(matches!(identify(Path::new("/nowhere/at/all"), None), Err(ImageError::Unreadable(_))));
    }
}
