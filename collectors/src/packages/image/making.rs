//! Makes images out of files: for the self-test and for cases, which can't hold images as they are.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use exhibit_evidence::Digest;
use serde::Deserialize;

/// What an image is made of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Recipe {
    /// The form it is written in.
    pub(crate) form: Form,
    /// Its layers, lowest first.
    pub(crate) layers: Vec<Layer>,
    /// What is wrong with it.
    pub(crate) damage: Option<Damage>,
}

/// The forms of images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Form {
    /// What `docker save` writes.
    #[default]
    Docker,
    /// An archive of an OCI layout.
    Oci,
    /// A folder with an OCI layout.
    Layout,
}

/// What can be wrong with an image, of which everything else is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Damage {
    /// The last layer is cut off.
    Truncated,
    /// The last layer is another than its digest says.
    Changed,
    /// The last layer is not there.
    Missing,
    /// The last layer is named by a path that leads outside.
    Outside,
    /// The configuration is another than its digest says.
    Configuration,
}

/// One layer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Layer {
    /// How it is packed.
    pub(crate) packed: Packed,
    /// Files by path, with their text.
    pub(crate) files: BTreeMap<String, String>,
    /// Files by path, with the file that holds their bytes.
    pub(crate) from: BTreeMap<String, PathBuf>,
    /// Symbolic links by path.
    pub(crate) links: BTreeMap<String, String>,
    /// How many empty files there are beside.
    pub(crate) empty: u64,
}

/// How a layer is packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Packed {
    /// Not at all.
    #[default]
    Plain,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// Makes each `NAME.toml` of a folder an image `NAME.tar`, or a folder `NAME`, below `to`; files that they name lie below `base`.
pub(crate) fn make_all(recipes: &Path, base: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(recipes)? {
        let path = entry?.path();
        let recipe: Recipe = toml::from_str(&fs::read_to_string(&path)?).map_err(io::Error::other)?;
        let name = path.file_stem().unwrap_or_default();
        let to = to.join(name).with_extension(if recipe.form == Form::Layout { "" } else { "tar" });
        recipe.make(base, &to)?;
    }
    Ok(())
}

impl Recipe {
    /// Writes the image to a file, or a folder.
    pub(crate) fn make(&self, base: &Path, to: &Path) -> io::Result<()> {
        let layers: Vec<Vec<u8>> = self.layers.iter().map(|layer| layer.archive(base)).collect::<io::Result<_>>()?;
        let ids: Vec<String> = layers.iter().map(|bytes| format!("\"{}\"", Digest::of(bytes))).collect();
        let mut config = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
            ids.join(",")
        );
        let config_digest = Digest::of(config.as_bytes());
        let mut layers: Vec<(Digest, Vec<u8>)> = layers
            .iter()
            .zip(&self.layers)
            .map(|(bytes, layer)| layer.packed.pack(bytes).map(|bytes| (Digest::of(&bytes), bytes)))
            .collect::<io::Result<_>>()?;
        let sizes: Vec<usize> = layers.iter().map(|(_, bytes)| bytes.len()).collect();
        let named = |at: usize, name: String| {
            let outside = self.damage == Some(Damage::Outside) && at + 1 == sizes.len();
            if outside { "../../etc/passwd".to_owned() } else { name }
        };
        let names: Vec<String> = layers.iter().map(|(digest, _)| hex(digest)).collect();
        let manifest = match self.form {
            Form::Docker => {
                let list = (0..).zip(&names).map(|(at, hex)| format!("\"{}\"", named(at, format!("{hex}.tar"))));
                let list: Vec<String> = list.collect();
                let config = hex(&config_digest);
                format!(r#"[{{"Config":"{config}.json","RepoTags":["shop:1"],"Layers":[{}]}}]"#, list.join(","))
            }
            Form::Oci | Form::Layout => {
                let list = (0..).zip(&names).zip(&sizes).map(|((at, hex), size)| {
                    let digest = named(at, format!("sha256:{hex}"));
                    format!(
                        r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{digest}","size":{size}}}"#
                    )
                });
                let list: Vec<String> = list.collect();
                let size = config.len();
                format!(
                    r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":{size}}},"layers":[{}]}}"#,
                    list.join(",")
                )
            }
        };
        match (self.damage, layers.last_mut()) {
            (Some(Damage::Truncated), Some((_, bytes))) => bytes.truncate(bytes.len() / 2),
            (Some(Damage::Changed), Some((_, bytes))) => bytes.extend([0; 512]),
            (Some(Damage::Missing), Some(_)) => drop(layers.pop()),
            (Some(Damage::Configuration), _) => config = config.replace("amd64", "arm64"),
            _ => {}
        }
        let mut files = Vec::new();
        if self.form == Form::Docker {
            files.push(("manifest.json".to_owned(), manifest.into_bytes()));
            files.push((format!("{}.json", hex(&config_digest)), config.into_bytes()));
            files.extend(layers.into_iter().map(|(digest, bytes)| (format!("{}.tar", hex(&digest)), bytes)));
        } else {
            let digest = Digest::of(manifest.as_bytes());
            let index = format!(
                r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":{}}}]}}"#,
                manifest.len()
            );
            files.push(("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()));
            files.push(("index.json".to_owned(), index.into_bytes()));
            files.push((format!("blobs/sha256/{}", hex(&digest)), manifest.into_bytes()));
            files.push((format!("blobs/sha256/{}", hex(&config_digest)), config.into_bytes()));
            let blobs = layers.into_iter().map(|(digest, bytes)| (format!("blobs/sha256/{}", hex(&digest)), bytes));
            files.extend(blobs);
        }
        if self.form == Form::Layout {
            for (name, bytes) in files {
                let path = to.join(name);
                fs::create_dir_all(path.parent().unwrap_or(to))?;
                fs::write(path, bytes)?;
            }
            return Ok(());
        }
        let mut archive = io::BufWriter::new(File::create(to)?);
        for (name, bytes) in files {
            entry(&mut archive, &name, b'0', "", &bytes)?;
        }
        end(&mut archive)?;
        archive.flush()
    }
}

impl Layer {
    fn archive(&self, base: &Path) -> io::Result<Vec<u8>> {
        let mut archive = Vec::new();
        for (path, to) in &self.links {
            entry(&mut archive, path, b'2', to, b"")?;
        }
        for (path, text) in &self.files {
            entry(&mut archive, path, b'0', "", text.as_bytes())?;
        }
        for (path, from) in &self.from {
            entry(&mut archive, path, b'0', "", &fs::read(base.join(from))?)?;
        }
        for number in 0..self.empty {
            entry(&mut archive, &format!("tmp/{number}"), b'0', "", b"")?;
        }
        end(&mut archive)?;
        Ok(archive)
    }
}

impl Packed {
    fn pack(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(bytes.to_vec()),
            Self::Gzip => {
                let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                packed.write_all(bytes)?;
                packed.finish()
            }
            Self::Zstd => {
                let level = ruzstd::encoding::CompressionLevel::Fastest;
                Ok(ruzstd::encoding::compress_to_vec(bytes, level))
            }
        }
    }
}

fn hex(digest: &Digest) -> String {
    digest.to_string().trim_start_matches("sha256:").to_owned()
}

/// One entry of an archive in the form of POSIX.1-1988 (ustar).
pub(super) fn entry(archive: &mut impl Write, name: &str, kind: u8, link: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = [0u8; 512];
    let mut put = |at: usize, most: usize, text: &str| {
        let field = header.get_mut(at..at + most).and_then(|field| field.get_mut(..text.len()));
        let too_long = || io::Error::new(io::ErrorKind::InvalidInput, "a name that is too long for this");
        field.ok_or_else(too_long).map(|field| field.copy_from_slice(text.as_bytes()))
    };
    put(0, 100, name)?;
    put(100, 8, "0000644")?;
    put(108, 8, "0000000")?;
    put(116, 8, "0000000")?;
    put(124, 12, &format!("{:011o}", bytes.len()))?;
    put(136, 12, "00000000000")?;
    put(148, 8, "        ")?;
    put(157, 100, link)?;
    put(257, 8, "ustar\u{0}00")?;
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.write_all(&header)?;
    archive.write_all(bytes)?;
    archive.write_all(&[0; 512][..bytes.len().wrapping_neg() % 512])
}

pub(super) fn end(archive: &mut impl Write) -> io::Result<()> {
    archive.write_all(&[0; 1024])
}
