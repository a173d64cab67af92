//! Report templates: a folder's files, parsed and looked through before anything is rendered with them.

use std::collections::BTreeMap;

use exhibit_evidence::{Digest, to_canonical};
use serde::Deserialize;
use tera::Tera;

use crate::{filters, markdown, render::RenderError};

/// The name of every template's manifest.
const MANIFEST: &str = "template.toml";

/// What a template says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its id: the folder's name.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it is for and what it needs, in a sentence or two.
    pub needs: String,
    /// The version of the period view that it is written for.
    pub view_version: u64,
    /// The file that makes the Markdown.
    pub markdown: String,
    /// The file that makes the page around the HTML.
    pub layout: String,
    /// The page's style sheet, put into the page.
    pub style: String,
}

/// A template: its files, parsed and validated.
#[derive(Clone, Debug)]
pub struct TemplateSet {
    name: String,
    files: BTreeMap<String, Vec<u8>>,
    digest: Digest,
    pub(crate) manifest: Manifest,
    pub(crate) markdown: Tera,
    pub(crate) layout: Tera,
    pub(crate) style: String,
}

impl TemplateSet {
    /// The template `name` made of these files: names relative to its folder, and bytes.
    ///
    /// # Errors
    /// When the manifest or a file that it names is missing or unreadable, when a template can't be parsed, or when the
    /// layout or the style sheet holds a script or refers to anything outside the page.
    pub fn new(name: &str, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, RenderError> {
        let files: BTreeMap<String, Vec<u8>> = files.into_iter().collect();
        let manifest: Manifest = toml::from_str(text(&files, MANIFEST)?)
            .map_err(|error| RenderError::Manifest { template: name.to_owned(), message: error.to_string() })?;
        if manifest.id != name {
            return Err(RenderError::Manifest {
                template: name.to_owned(),
                message: format!("id is {:?}, but the template is named {name:?}", manifest.id),
            });
        }
        let style = text(&files, &manifest.style)?.to_owned();
        refuse(&manifest.style, &style, FORBIDDEN_IN_STYLE)?;
        let layout_text = text(&files, &manifest.layout)?;
        refuse(&manifest.layout, layout_text, FORBIDDEN_IN_LAYOUT)?;

        let mut layout = Tera::new();
        layout.autoescape_on([""]);
        layout
            .add_raw_template(&manifest.layout, layout_text)
            .map_err(|error| RenderError::template(&manifest.layout, &error))?;

        let mut engine = Tera::new();
        engine.set_escape_fn(markdown::escape_into);
        engine.autoescape_on([""]);
        filters::register(&mut engine);
        engine
            .add_raw_template(&manifest.markdown, text(&files, &manifest.markdown)?)
            .map_err(|error| RenderError::template(&manifest.markdown, &error))?;

        let digests: BTreeMap<&str, Digest> =
            files.iter().map(|(name, bytes)| (name.as_str(), Digest::of(bytes))).collect();
        let digest = Digest::of(&to_canonical(&digests)?);
        Ok(Self { name: name.to_owned(), files, digest, manifest, markdown: engine, layout, style })
    }

    /// The template made of these files, under the name that its own manifest gives it.
    ///
    /// # Errors
    /// As [`TemplateSet::new`].
    pub fn of_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, RenderError> {
        let files: BTreeMap<String, Vec<u8>> = files.into_iter().collect();
        let id = text(&files, MANIFEST)?.parse::<toml::Table>().ok().and_then(|manifest| {
            let id = manifest.get("id")?.as_str()?;
            Some(id.to_owned())
        });
        // Without an id it is no manifest: `new` says so better.
        Self::new(&id.unwrap_or_default(), files)
    }

    /// The template that comes with this version: `quarterly`.
    ///
    /// # Errors
    /// When it can't be read: a fault of this version, found by its tests.
    pub fn built_in() -> Result<Self, RenderError> {
        const FILES: [(&str, &[u8]); 4] = [
            (MANIFEST, include_bytes!("../../../report-templates/quarterly/template.toml")),
            ("report.md", include_bytes!("../../../report-templates/quarterly/report.md")),
            ("layout.html", include_bytes!("../../../report-templates/quarterly/layout.html")),
            ("style.css", include_bytes!("../../../report-templates/quarterly/style.css")),
        ];
        let files = FILES.map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
        Self::new("quarterly", files)
    }

    /// The template's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the template says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The digest over all names and bytes: SHA-256 of the canonical JSON object that maps each name to its file's
    /// SHA-256.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The files, by name.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }
}

fn text<'a>(files: &'a BTreeMap<String, Vec<u8>>, name: &str) -> Result<&'a str, RenderError> {
    let bytes = files.get(name).ok_or_else(|| RenderError::NoFile(name.to_owned()))?;
    std::str::from_utf8(bytes).map_err(|error| RenderError::NotText { file: name.to_owned(), at: error.valid_up_to() })
}

/// What would make a page do something, or fetch something.
const FORBIDDEN_IN_LAYOUT: &[&str] = &[
    "<script",
    "<link",
    "<iframe",
    "<object",
    "<embed",
    "<form",
    "<base",
    "<img",
    "src=",
    "srcset=",
    "onload",
    "onclick",
    "onerror",
    "javascript:",
    "http:",
    "https:",
    "href=\"//",
    "url(",
    "@import",
];
const FORBIDDEN_IN_STYLE: &[&str] = &["url(", "@import", "image-set(", "http:", "https:", "</style", "<!--"];

fn refuse(file: &str, text: &str, forbidden: &[&'static str]) -> Result<(), RenderError> {
    let lower = text.to_ascii_lowercase();
    match forbidden.iter().find(|word| lower.contains(**word)) {
        Some(word) => Err(RenderError::Outside { file: file.to_owned(), found: word }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in() -> Vec<(String, Vec<u8>)> {
        let set = TemplateSet::built_in().expect("built in");
        set.files().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect()
    }

    /// The built-in template with one file's text changed.
    fn with(file: &str, change: impl Fn(&str) -> String) -> Result<TemplateSet, RenderError> {
        let files = built_in().into_iter().map(|(name, bytes)| {
            let text = String::from_utf8(bytes).expect("text");
            let text = if name == file { change(&text) } else { text };
            (name, text.into_bytes())
        });
        TemplateSet::new("quarterly", files)
    }

    #[test]
    fn the_digest_is_over_names_and_bytes() {
        let built_in = TemplateSet::built_in().expect("built in").digest();
        assert_eq!(with("style.css", str::to_owned).expect("the same").digest(), built_in);
        assert_ne!(with("style.css", |text| format!("{text} ")).expect("another").digest(), built_in);
        let renamed = super::tests::built_in().into_iter().chain([("more.txt".to_owned(), vec![])]);
        assert_ne!(TemplateSet::new("quarterly", renamed).expect("another").digest(), built_in);
    }

    #[test]
    fn what_cannot_be_a_template_is_refused_with_its_place() {
        type Case<'a> = (&'a str, fn(&str) -> String, &'a str);
        let cases: &[Case<'_>] = &[
            ("template.toml", |text| format!("{text}\ncolour = 1\n"), "unknown field `colour`"),
            ("template.toml", |text| text.replace("id = \"quarterly\"", "id = \"other\""), "the template is named"),
            ("template.toml", |text| text.replace("report.md", "gone.md"), "no file gone.md"),
            ("report.md", |text| format!("{text}{{% if %}}"), "report.md"),
            ("report.md", |text| format!("{text}{{{{ cover.size | unheard_of }}}}"), "unheard_of"),
            ("layout.html", |text| text.replace("<footer>", "<SCRIPT>1</SCRIPT><footer>"), "\"<script\""),
            ("layout.html", |text| text.replace("<footer>", "<p onclick=x>"), "\"onclick\""),
            ("style.css", |text| format!("{text} a {{ background: URL(//example.com/x) }}"), "\"url(\""),
            ("style.css", |text| format!("{text} </style><b>"), "\"</style\""),
        ];
        for (file, change, expected) in cases {
            let error = with(file, change).expect_err(expected).to_string();
            assert!(error.contains(expected), "{file}: {error}");
        }
    }
}
