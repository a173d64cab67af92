//! What a registry says of an image: an index of platforms, or a manifest (OCI image specification 1.1; Docker's schema 2).

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::PullError;
use super::name::{is_digest, other_digest};
use crate::packages::lockfile::shown;

/// Largest manifest, index or configuration, in bytes: registries take no larger one.
pub(super) const LARGEST: u64 = 4 << 20;
/// Most layers of an image.
pub(super) const MOST_LAYERS: usize = 256;
/// Most platforms that an error names one by one.
const MOST_NAMED: usize = 20;

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIGURATIONS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
/// How an archive of files is packed behind the one or the other beginning.
const LAYERS: [(&str, &[&str]); 2] = [
    ("application/vnd.oci.image.layer.v1.tar", &["", "+gzip", "+zstd"]),
    ("application/vnd.docker.image.rootfs.diff.tar", &["", ".gzip", ".zstd"]),
];
/// Layers that their maker lets nobody but himself hand out.
const FOREIGN: [&str; 2] =
    ["application/vnd.docker.image.rootfs.foreign.diff.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar"];

/// What is asked for: all that can be read here.
pub(super) fn accepted() -> String {
    [OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST].join(", ")
}

/// A platform: `linux/amd64`, or `linux/arm/v7` with its variant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Platform {
    /// Reads what settings say.
    pub(super) fn read(written: &str) -> Result<Self, &'static str> {
        let word =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let parts: Vec<&str> = written.split('/').collect();
        let (os, architecture, variant) = match parts.as_slice() {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some((*variant).to_owned())),
            _ => return Err("expected a platform such as `linux/amd64` or `linux/arm/v7`"),
        };
        if !parts.iter().all(|part| word(part)) {
            return Err("expected a platform such as `linux/amd64` or `linux/arm/v7`");
        }
        Ok(Self { os: (*os).to_owned(), architecture: (*architecture).to_owned(), variant })
    }

    /// The one that is taken where nobody names one.
    pub(super) fn usual() -> Self {
        Self { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None }
    }

    /// Whether an image for `own` will do where this one is wanted.
    pub(super) fn is_met_by(&self, own: &Self) -> bool {
        self.takes(own, false)
    }

    /// Whether an image for `own` is one for this platform: to the letter, or whatever its variant.
    fn takes(&self, own: &Self, exactly: bool) -> bool {
        self.os == own.os
            && self.architecture == own.architecture
            && (self.variant == own.variant || (!exactly && self.variant.is_none()))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", shown(&self.os), shown(&self.architecture))?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{}", shown(variant)))
    }
}

/// A blob or document by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(default)]
    urls: Vec<String>,
    #[serde(default)]
    platform: Option<Platform>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// One image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Its form.
    pub(super) media_type: &'static str,
    /// The configuration.
    pub(super) config: Descriptor,
    /// The layers, lowest first.
    pub(super) layers: Vec<Descriptor>,
}

/// What a registry answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Document {
    /// The platforms of one image.
    Index(Vec<Descriptor>),
    /// One image.
    Image(Manifest),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    #[serde(rename = "fsLayers")]
    fs_layers: Option<serde::de::IgnoredAny>,
}

/// Reads what a registry answered under this media type.
///
/// # Errors
/// When it is something else than an image or an index of such, and what.
pub(super) fn read(bytes: &[u8], media_type: Option<&str>) -> Result<Document, PullError> {
    let media_type = media_type.and_then(|text| text.split(';').next()).map(str::trim).unwrap_or_default();
    let markup = bytes.trim_ascii_start().first() == Some(&b'<');
    if markup || media_type.eq_ignore_ascii_case("text/html") {
        return Err(PullError::Document("a page of HTML in place of JSON: is this a registry's address?".to_owned()));
    }
    let raw: Raw = serde_json::from_slice(bytes).map_err(|error| {
        PullError::Document(if bytes.is_empty() {
            "nothing".to_owned()
        } else {
            format!("what is no manifest and no index: it is not in order at line {}", error.line())
        })
    })?;
    if raw.schema_version == Some(1) || raw.fs_layers.is_some() {
        let old =
            "a manifest of Docker's schema 1, whose layers no digest holds: push the image again with a newer client";
        return Err(PullError::Document(old.to_owned()));
    }
    let both = || PullError::Document("a document that could be read as an image and as an index".to_owned());
    // What says that it is one of the two, in the header and in itself, has to be it.
    let said = [media_type, raw.media_type.as_deref().unwrap_or_default()];
    let says = |forms: [&str; 2]| said.iter().any(|one| forms.contains(one));
    match (raw.manifests, raw.config, raw.layers) {
        (Some(_), _, Some(_)) | (Some(_), Some(_), _) => Err(both()),
        (Some(_), None, None) if says([OCI_MANIFEST, DOCKER_MANIFEST]) => Err(both()),
        (Some(manifests), None, None) => {
            if let Some(kind) = raw.artifact_type {
                return Err(PullError::Artifact(shown(&kind)));
            }
            Ok(Document::Index(manifests))
        }
        (None, _, _) if says([OCI_INDEX, DOCKER_INDEX]) => Err(both()),
        (None, Some(config), Some(layers)) => {
            let docker = said.contains(&DOCKER_MANIFEST);
            let media_type = if docker { DOCKER_MANIFEST } else { OCI_MANIFEST };
            if let Some(kind) = raw.artifact_type.filter(|_| !CONFIGURATIONS.contains(&config.media_type.as_str())) {
                return Err(PullError::Artifact(shown(&kind)));
            }
            Manifest { media_type, config, layers }.checked().map(Document::Image)
        }
        (None, _, _) => match raw.artifact_type {
            Some(kind) => Err(PullError::Artifact(shown(&kind))),
            None => Err(PullError::Document("JSON that is no manifest and no index".to_owned())),
        },
    }
}

impl Manifest {
    /// Itself, if it is one of an image that can be pulled.
    fn checked(self) -> Result<Self, PullError> {
        if !CONFIGURATIONS.contains(&self.config.media_type.as_str()) {
            return Err(PullError::Artifact(shown(&self.config.media_type)));
        }
        if self.layers.len() > MOST_LAYERS {
            return Err(PullError::Document(format!("an image of more than {MOST_LAYERS} layers")));
        }
        let all = self.layers.len();
        for (number, layer) in (1..).zip(&self.layers) {
            if FOREIGN.iter().any(|foreign| layer.media_type.starts_with(foreign)) || !layer.urls.is_empty() {
                return Err(PullError::Foreign { number, all });
            }
            let packed = |(begin, ends): &(&str, &[&str])| {
                layer.media_type.strip_prefix(begin).is_some_and(|end| ends.contains(&end))
            };
            if !LAYERS.iter().any(packed) {
                return Err(PullError::Artifact(shown(&layer.media_type)));
            }
        }
        if let Some(wrong) = self.parts().find(|part| !is_digest(&part.digest)) {
            return Err(not_named(wrong, "a part of the image", "a manifest that names a part by no SHA-256 digest"));
        }
        if self.config.size > LARGEST {
            return Err(PullError::Document(format!(
                "an image whose configuration is larger than {} MiB",
                LARGEST >> 20
            )));
        }
        Ok(self)
    }

    /// Configuration and layers, in that order.
    fn parts(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    /// What has to be had, each once.
    pub(super) fn blobs(&self) -> Vec<&Descriptor> {
        let mut all: Vec<&Descriptor> = Vec::new();
        for part in self.parts() {
            if !all.iter().any(|one| one.digest == part.digest) {
                all.push(part);
            }
        }
        all
    }

    /// How many bytes that is, as the manifest says.
    pub(super) fn bytes(&self) -> u64 {
        self.blobs().iter().fold(0, |sum: u64, blob| sum.saturating_add(blob.size))
    }

    /// Refuses what is larger than allowed, before anything of it comes.
    pub(super) fn admit(&self, most: u64) -> Result<(), PullError> {
        let bytes = self.bytes();
        if bytes > most { Err(PullError::TooLarge { bytes, most }) } else { Ok(()) }
    }
}

/// Why what a descriptor means can't be asked for: the digest that names it is of another kind, or none.
fn not_named(wrong: &Descriptor, what: &'static str, none: &str) -> PullError {
    match other_digest(&wrong.digest) {
        Some(kind) => PullError::DigestKind { what, kind },
        None => PullError::Document(none.to_owned()),
    }
}

/// The image of a platform among those of an index, and which platform that is.
///
/// # Errors
/// When there is none, or several.
pub(super) fn choose<'i>(index: &'i [Descriptor], wanted: &Platform) -> Result<(&'i Descriptor, String), PullError> {
    let images: Vec<(&Descriptor, &Platform)> = index
        .iter()
        // What only attests something about an image is none.
        .filter(|one| !one.annotations.contains_key("vnd.docker.reference.type"))
        .filter_map(|one| one.platform.as_ref().map(|own| (one, own)))
        .collect();
    let fitting = |exactly| images.iter().filter(move |(_, own)| wanted.takes(own, exactly)).collect::<Vec<_>>();
    let exact = fitting(true);
    let found = if exact.is_empty() { fitting(false) } else { exact };
    let told = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort();
        list.dedup();
        let more = list.len().saturating_sub(MOST_NAMED);
        list.truncate(MOST_NAMED);
        if more > 0 {
            list.push(format!("{more} more"));
        }
        list.join(", ")
    };
    match found.as_slice() {
        [(one, own)] if is_digest(&one.digest) => Ok((one, own.to_string())),
        [(one, _)] => Err(not_named(one, "the platform's image", "an index that names an image by no SHA-256 digest")),
        [] => {
            let there: Vec<String> = images.iter().map(|(_, own)| own.to_string()).collect();
            Err(PullError::NoPlatform { wanted: wanted.to_string(), there: told(&there) })
        }
        several => {
            let several: Vec<String> =
                several.iter().map(|(one, own)| format!("{own} {}", shown(&one.digest))).collect();
            Err(PullError::SeveralPlatforms { wanted: wanted.to_string(), there: told(&several) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str) -> Vec<u8> {
        let path = format!("{}/src/pulling/cases/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn platform(text: &str) -> Platform {
        Platform::read(text).expect("a platform")
    }

    #[test]
    fn images_are_read_in_both_forms() {
        for (name, media_type, form, layers, bytes) in [
            ("oci.json", Some(OCI_MANIFEST), OCI_MANIFEST, 2, 1000 + 32_654 + 16_724),
            ("oci.json", None, OCI_MANIFEST, 2, 1000 + 32_654 + 16_724),
            (
                "docker.json",
                Some("application/vnd.docker.distribution.manifest.v2+json; charset=utf-8"),
                DOCKER_MANIFEST,
                3,
                7023 + 32_654,
            ),
        ] {
            let Document::Image(manifest) = read(&case(name), media_type).expect(name) else { panic!("{name}") };
            assert_eq!((manifest.media_type, manifest.layers.len(), manifest.bytes()), (form, layers, bytes), "{name}");
            assert_eq!(manifest.admit(bytes), Ok(()));
            assert_eq!(manifest.admit(bytes - 1), Err(PullError::TooLarge { bytes, most: bytes - 1 }));
        }
    }

    #[test]
    fn what_is_no_image_is_told_by_what_it_is() {
        for (name, media_type, said) in [
            ("schema-1.json", None, "schema 1"),
            ("helm-chart.json", Some(OCI_MANIFEST), "`application/vnd.cncf.helm.config.v1+json`"),
            ("cosign-signature.json", Some(OCI_MANIFEST), "`application/vnd.dev.cosign.simplesigning.v1+json`"),
            ("sbom-artifact.json", Some(OCI_MANIFEST), "`application/vnd.cyclonedx+json`"),
            ("foreign-layer.json", Some(DOCKER_MANIFEST), "layer 1 of 2"),
            (
                "other-digest.json",
                Some(OCI_MANIFEST),
                "a part of the image is named by a digest of SHA-512, which is not supported",
            ),
            ("negative-size.json", Some(OCI_MANIFEST), "not in order at line"),
            ("both.json", Some(OCI_MANIFEST), "as an image and as an index"),
            ("oci.json", Some(OCI_INDEX), "as an image and as an index"),
            ("index.json", Some(DOCKER_MANIFEST), "as an image and as an index"),
            ("page.html", Some("text/html; charset=utf-8"), "a page of HTML"),
            ("page.html", Some("application/json"), "a page of HTML"),
            ("errors.json", Some("application/json"), "no manifest and no index"),
            ("cut-off.json", Some(OCI_MANIFEST), "not in order at line 3"),
        ] {
            let error = read(&case(name), media_type).expect_err(name);
            assert!(error.to_string().contains(said), "{name}: {error}");
        }
        let none = String::from_utf8(case("other-digest.json")).expect("text").replace("sha512:", "md5:");
        assert!(read(none.as_bytes(), None).expect_err("none").to_string().contains("by no SHA-256 digest"));
        assert!(read(b"", None).expect_err("nothing").to_string().contains("nothing"));
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        assert!(read(&deep, None).is_err());
        let layer =
            r#"{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:0","size":1},"#.repeat(300);
        let many = String::from_utf8(case("oci.json"))
            .expect("text")
            .replace("\"layers\": [", &format!("\"layers\": [{layer}"));
        assert!(read(many.as_bytes(), None).expect_err("many").to_string().contains("256 layers"));
    }

    #[test]
    fn a_platform_is_chosen_and_never_guessed() {
        let Document::Index(index) = read(&case("index.json"), Some(OCI_INDEX)).expect("an index") else { panic!() };
        for (wanted, digit, told) in [
            ("linux/amd64", '1', "linux/amd64"),
            ("linux/arm64", '2', "linux/arm64/v8"),
            ("linux/arm64/v8", '2', "linux/arm64/v8"),
            ("linux/arm/v7", '4', "linux/arm/v7"),
        ] {
            let (one, own) = choose(&index, &platform(wanted)).expect(wanted);
            assert_eq!((one.digest.chars().last(), own.as_str()), (Some(digit), told));
        }
        let several = choose(&index, &platform("linux/arm")).expect_err("several").to_string();
        assert!(several.contains("linux/arm/v6 sha256:") && several.contains("linux/arm/v7 sha256:"), "{several}");
        let none = choose(&index, &platform("windows/amd64")).expect_err("none").to_string();
        assert!(none.contains("linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64/v8"), "{none}");
        let none = choose(&index, &platform("linux/amd64/v3")).expect_err("none").to_string();
        assert!(none.contains("no image for linux/amd64/v3"), "{none}");
        assert!(choose(&index, &platform("unknown/unknown")).is_err(), "an attestation is no image");
    }

    #[test]
    fn platforms_are_words_between_slashes() {
        for wrong in ["", "linux", "linux/", "/amd64", "linux/amd64/v1/x", "linux amd64", "linux/amd 64"] {
            assert!(Platform::read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Platform::usual(), platform("linux/amd64"));
    }
}
