//! One package at one version, by its package URL (ECMA-427), so that names from lockfiles, bills of materials and
//! scanners can be compared.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use packageurl::PackageUrl;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::lockfile::shown;

/// Longest package URL that is read, in bytes: names and versions come from files that anybody may have written.
const LONGEST: usize = 2048;

/// A package, at a version where one is known. Two are equal when they are the same package to the registry that it comes
/// from: names are in the registry's one spelling, and of the qualifiers only those are kept that tell packages apart.
///
/// The order is by type, namespace, name and version, as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Package {
    kind: String,
    namespace: Option<String>,
    name: String,
    version: Option<String>,
    qualifiers: BTreeMap<String, String>,
}

/// Why something does not name a package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// It is not a package URL.
    #[error("`{text}` is not a package URL (pkg:TYPE/NAMESPACE/NAME@VERSION): {reason}")]
    Form {
        /// The beginning of what was found, printable.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is longer than any package's name and version.
    #[error("a package URL of {0} bytes: expected at most {LONGEST}")]
    Long(usize),
}

impl Package {
    /// Reads a package URL.
    ///
    /// # Errors
    /// When it is none, or longer than 2048 bytes.
    pub fn parse(purl: &str) -> Result<Self, PackageError> {
        if purl.len() > LONGEST {
            return Err(PackageError::Long(purl.len()));
        }
        let url = PackageUrl::from_str(purl).map_err(|error| misread(purl, &error))?;
        let mut qualifiers: BTreeMap<String, String> =
            url.qualifiers().iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let kind = url.ty().to_owned();
        let version = url.version().map(|version| spelled_version(&kind, url.name(), version, &qualifiers));
        qualifiers.retain(|key, value| tells_apart(&kind, key, value));
        let namespace = url.namespace().filter(|namespace| !namespace.is_empty()).map(str::to_owned);
        let name = spelled_name(&kind, url.name()).into_owned();
        Ok(Self { kind, namespace, name, version, qualifiers })
    }

    /// The package that a registry of this purl type calls `name`, as its own tools write it: `@scope/name` for `npm`,
    /// `vendor/name` for `composer`, a module's path for `golang`, `group:artifact` for `maven`.
    ///
    /// # Errors
    /// When the name is empty or the type asks for a namespace that it does not have.
    pub fn named(kind: &str, name: &str, version: Option<&str>) -> Result<Self, PackageError> {
        if name.len() + version.map_or(0, str::len) > LONGEST {
            return Err(PackageError::Long(name.len() + version.map_or(0, str::len)));
        }
        let (namespace, own) = match kind {
            "maven" => name.split_once(':').map_or((None, name), |(group, artifact)| (Some(group), artifact)),
            "npm" | "composer" | "golang" => {
                name.rsplit_once('/').map_or((None, name), |(before, last)| (Some(before), last))
            }
            _ => (None, name),
        };
        let bad = |error| misread(name, &error);
        let mut url = PackageUrl::new(kind, own).map_err(bad)?;
        if let Some(namespace) = namespace.filter(|namespace| !namespace.is_empty()) {
            url.with_namespace(namespace).map_err(bad)?;
        }
        if let Some(version) = version.filter(|version| !version.is_empty()) {
            url.with_version(version).map_err(bad)?;
        }
        Self::parse(&url.to_string())
    }

    /// The package that a distribution's own package manager calls `name`: `kind` is `deb` or `apk`, `distribution` the `ID` of
    /// os-release.
    ///
    /// # Errors
    /// When the name is empty, or name and version are longer than 2048 bytes.
    pub fn installed(
        kind: &str,
        distribution: &str,
        name: &str,
        version: &str,
        arch: Option<&str>,
    ) -> Result<Self, PackageError> {
        if name.len() + version.len() > LONGEST {
            return Err(PackageError::Long(name.len() + version.len()));
        }
        let bad = |error| misread(name, &error);
        let mut url = PackageUrl::new(kind, name).map_err(bad)?;
        url.with_namespace(distribution).map_err(bad)?.with_version(version).map_err(bad)?;
        if let Some(arch) = arch.filter(|arch| !arch.is_empty()) {
            url.add_qualifier("arch", arch).map_err(bad)?;
        }
        Self::parse(&url.to_string())
    }

    /// The purl type: `cargo`, `pypi`, `deb`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The namespace: a scope, a group, a distribution.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The name without its namespace, in the registry's one spelling.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The package URL.
    pub fn purl(&self) -> String {
        self.to_string()
    }

    /// The same package at no version in particular.
    #[must_use]
    pub fn unversioned(&self) -> Self {
        Self { version: None, ..self.clone() }
    }

    /// The same package, at this version where it says none of its own.
    #[must_use]
    pub fn at_least(self, version: Option<&str>) -> Self {
        let Some(version) = version.filter(|_| self.version.is_none()) else { return self };
        let spelled = spelled_version(&self.kind, &self.name, version, &self.qualifiers);
        Self { version: Some(spelled), ..self }
    }

    /// The same package without what tells its builds apart.
    #[must_use]
    pub fn unqualified(&self) -> Self {
        Self { qualifiers: BTreeMap::new(), ..self.clone() }
    }

    fn url(&self) -> Option<PackageUrl<'_>> {
        let mut url = PackageUrl::new(&*self.kind, &*self.name).ok()?;
        if let Some(namespace) = &self.namespace {
            url.with_namespace(&**namespace).ok()?;
        }
        if let Some(version) = &self.version {
            url.with_version(&**version).ok()?;
        }
        for (key, value) in &self.qualifiers {
            url.add_qualifier(&**key, &**value).ok()?;
        }
        Some(url)
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every part came out of a package URL, so they make one again.
        self.url().map_or(Err(fmt::Error), |url| url.fmt(f))
    }
}

impl FromStr for Package {
    type Err = PackageError;

    fn from_str(purl: &str) -> Result<Self, PackageError> {
        Self::parse(purl)
    }
}

impl Serialize for Package {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Package {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let purl = Cow::<'_, str>::deserialize(deserializer)?;
        Self::parse(&purl).map_err(serde::de::Error::custom)
    }
}

fn misread(text: &str, error: &packageurl::Error) -> PackageError {
    PackageError::Form { text: shown(text), reason: shown(&error.to_string()) }
}

/// A name in its registry's one spelling, beyond what the specification asks for.
fn spelled_name<'n>(kind: &str, name: &'n str) -> Cow<'n, str> {
    match kind {
        "pypi" => Cow::Owned(python_name(name)),
        // Namespaces are lowered by the specification, of which the last part of a module's path is as much a part.
        "golang" if name.chars().any(char::is_uppercase) => Cow::Owned(name.to_lowercase()),
        _ => Cow::Borrowed(name),
    }
}

/// PEP 503: lower case, and each run of `-`, `_` and `.` is one `-`.
fn python_name(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len());
    for character in name.chars() {
        if !matches!(character, '-' | '_' | '.') {
            spelled.extend(character.to_lowercase());
        } else if !spelled.ends_with('-') {
            spelled.push('-');
        }
    }
    spelled
}

/// A version in one spelling, where tools write the same one differently.
fn spelled_version(kind: &str, name: &str, version: &str, qualifiers: &BTreeMap<String, String>) -> String {
    match kind {
        "golang" if name != "stdlib" && version.starts_with(|first: char| first.is_ascii_digit()) => {
            format!("v{version}")
        }
        // The tags of repositories have a `v` that releases do not.
        "composer" => version.trim_start_matches('v').to_owned(),
        "pypi" => version.to_lowercase().trim_start_matches('v').to_owned(),
        // Some write the epoch before the version, some beside it, and some write one of zero.
        "deb" | "rpm" => match qualifiers.get("epoch").filter(|_| !version.contains(':')) {
            Some(epoch) if epoch != "0" => format!("{epoch}:{version}"),
            _ => version.trim_start_matches("0:").to_owned(),
        },
        _ => version.to_owned(),
    }
}

/// Whether a qualifier tells packages of this type apart; others tell where a tool saw it.
fn tells_apart(kind: &str, key: &str, value: &str) -> bool {
    match kind {
        "deb" | "apk" | "rpm" => key == "arch" && !matches!(value, "all" | "noarch"),
        "maven" => key == "classifier" || (key == "type" && value != "jar"),
        "oci" => key == "repository_url" || key == "tag",
        "julia" => key == "uuid",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_write_of_one_package_is_one_package() {
        for (written, expected) in [
            ("pkg:pypi/Django@3.2.0", "pkg:pypi/django@3.2.0"),
            ("pkg:pypi/ruamel.yaml_clib@0.2.8", "pkg:pypi/ruamel-yaml-clib@0.2.8"),
            ("pkg:pypi/zope.__interface@V5.0RC1", "pkg:pypi/zope-interface@5.0rc1"),
            ("pkg:npm/%40babel/core@7.0.0", "pkg:npm/%40babel/core@7.0.0"),
            ("pkg:npm/@babel/core@7.0.0", "pkg:npm/%40babel/core@7.0.0"),
            ("pkg:golang/github.com/BurntSushi/TOML@1.2.3#cmd/x", "pkg:golang/github.com/burntsushi/toml@v1.2.3"),
            ("pkg:golang/stdlib@1.22.1", "pkg:golang/stdlib@1.22.1"),
            ("pkg:cargo/chrono@0.4.19?package-id=d52ddfb15bdb2c31", "pkg:cargo/chrono@0.4.19"),
            ("pkg:composer/Laravel/Framework@v9.1.0", "pkg:composer/laravel/framework@9.1.0"),
            ("pkg:gem/nokogiri@1.13.0", "pkg:gem/nokogiri@1.13.0"),
            ("pkg:maven/org.slf4j/slf4j-api@2.0.0?type=jar", "pkg:maven/org.slf4j/slf4j-api@2.0.0"),
            (
                "pkg:maven/io.netty/netty@4.1?classifier=linux-x86_64",
                "pkg:maven/io.netty/netty@4.1?classifier=linux-x86_64",
            ),
            ("pkg:deb/debian/adduser@3.134?arch=all&distro=debian-12.11", "pkg:deb/debian/adduser@3.134"),
            ("pkg:deb/debian/dbus@1.14?arch=amd64&distro=debian-12&epoch=1", "pkg:deb/debian/dbus@1:1.14?arch=amd64"),
            ("pkg:deb/debian/dbus@1:1.14?arch=amd64", "pkg:deb/debian/dbus@1:1.14?arch=amd64"),
            ("pkg:rpm/fedora/curl@0:7.50.3-1.fc25?arch=noarch", "pkg:rpm/fedora/curl@7.50.3-1.fc25"),
            ("pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=3.18", "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64"),
        ] {
            let package = Package::parse(written).expect(written);
            assert_eq!(package.purl(), expected, "{written}");
            assert_eq!(Package::parse(expected).as_ref(), Ok(&package), "{written}");
            let json = serde_json::to_string(&package).expect("JSON");
            assert_eq!(serde_json::from_str::<Package>(&json).expect("JSON"), package, "{written}");
        }
    }

    #[test]
    fn names_are_split_as_their_registries_write_them() {
        for (kind, name, version, expected) in [
            ("npm", "@types/node", Some("20.1.0"), "pkg:npm/%40types/node@20.1.0"),
            ("npm", "left-pad", None, "pkg:npm/left-pad"),
            (
                "golang",
                "golang.org/x/net",
                Some("v0.1.0+incompatible"),
                "pkg:golang/golang.org/x/net@v0.1.0%2Bincompatible",
            ),
            ("maven", "org.slf4j:slf4j-api", Some("2.0"), "pkg:maven/org.slf4j/slf4j-api@2.0"),
            ("composer", "Monolog/Monolog", Some("2.0"), "pkg:composer/monolog/monolog@2.0"),
            ("pypi", "Foo_.Bar", Some("1"), "pkg:pypi/foo-bar@1"),
        ] {
            let package = Package::named(kind, name, version).expect(name);
            assert_eq!(package.purl(), expected);
            assert_eq!(package.unversioned().version(), None);
        }
    }

    #[test]
    fn what_is_no_package_is_told_and_does_not_reach_a_terminal() {
        for text in ["", "cargo/serde", "pkg:cargo", "pkg:cargo/a/b@1", "pkg:composer/alone@1", "http://x/y"] {
            assert!(matches!(Package::parse(text), Err(PackageError::Form { .. })), "{text}");
        }
        assert_eq!(Package::parse(&"pkg:cargo/a".repeat(200)), Err(PackageError::Long(2200)));
        let error = Package::parse("pkg:\u{1b}[31mred/x").expect_err("no type").to_string();
        assert!(!error.contains('\u{1b}'), "{error}");
        assert!(Package::named("npm", "", None).is_err());
        let odd = Package::named("npm", "\u{1b}]0;title\u{7}", Some("1 \n2")).expect("an odd name");
        assert!(odd.purl().is_ascii() && !odd.purl().contains(char::is_control), "{odd}");
    }
}
