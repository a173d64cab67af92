//! The reference of an image in a registry, with all that its grammar asks for.

use crate::references::Parts;

/// Longest reference that is read, in bytes.
const LONGEST: usize = 512;
/// What a reference says without tag and digest.
const LATEST: &str = "latest";
/// The registry that is asked for `docker.io`, as every client has it.
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// An image in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// Host, and port where there is one.
    pub(super) host: String,
    /// The image's name there.
    pub(super) repository: String,
    /// The tag; of no meaning where there is a digest.
    pub(super) tag: String,
    /// The digest.
    pub(super) digest: Option<String>,
}

impl Name {
    /// Reads `registry.example:5000/shop/web:1.4@sha256:…`.
    ///
    /// # Errors
    /// What was expected where it is something else.
    pub(super) fn read(written: &str) -> Result<Self, &'static str> {
        if written.len() > LONGEST {
            return Err("expected a shorter reference");
        }
        let Parts { name, tag, digest } = Parts::of(written);
        let named = name.split_once('/').filter(|(host, _)| host.contains(['.', ':']) || *host == "localhost");
        let Some((host, path)) = named else {
            return Err("expected the registry's host first: `registry.example/shop/web:1.4`");
        };
        if !is_host(host) {
            return Err("expected a host before the first slash, with a port where it has one");
        }
        if !path.split('/').all(is_component) {
            return Err(
                "expected the image's name in small letters, digits and single `.`, `_`, `-` or `/` between them",
            );
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err("expected a tag of at most 128 letters, digits, `_`, `.` and `-`");
        }
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(
                "expected `sha256:` and 64 small hexadecimal digits after the `@`; digests of SHA-512, and other ones, are not supported",
            );
        }
        let (host, repository) = match host == DOCKER_HUB.0 {
            true if !path.contains('/') => (DOCKER_HUB.1, format!("library/{path}")),
            true => (DOCKER_HUB.1, path.to_owned()),
            false => (host, path.to_owned()),
        };
        let tag = tag.unwrap_or(LATEST).to_owned();
        Ok(Self { host: host.to_owned(), repository, tag, digest: digest.map(str::to_owned) })
    }

    /// By what the registry is asked for it.
    pub(super) fn asked(&self) -> &str {
        self.digest.as_deref().unwrap_or(&self.tag)
    }
}

/// What settings name a registry by, as a reference names it.
pub(super) fn registry(host: &str) -> Option<String> {
    let own = if host == DOCKER_HUB.0 { DOCKER_HUB.1 } else { host };
    is_host(host).then(|| own.to_owned())
}

/// A name, an address of IPv4, or one of IPv6 in brackets; a port behind a colon.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            let port = rest.strip_prefix(':');
            if address.parse::<std::net::Ipv6Addr>().is_err() || (port.is_none() && !rest.is_empty()) {
                return false;
            }
            return port.is_none_or(is_port);
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let part = |part: &str| {
        let ends = |one: Option<u8>| one.is_some_and(|byte| byte.is_ascii_alphanumeric());
        part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && ends(part.bytes().next())
            && ends(part.bytes().last())
    };
    host.len() <= 253 && host.split('.').all(part) && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// A part of an image's name: small letters and digits, between them one `.`, one or two `_`, or any number of `-`.
fn is_component(text: &str) -> bool {
    let separates = |byte: u8| matches!(byte, b'.' | b'_' | b'-');
    let bytes = text.as_bytes();
    let ends = |one: Option<&u8>| one.is_some_and(|byte| !separates(*byte));
    let allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || separates(*byte);
    let mut separators = bytes.split(|byte| !separates(*byte)).filter(|run| !run.is_empty());
    ends(bytes.first())
        && ends(bytes.last())
        && bytes.iter().all(allowed)
        && separators.all(|run| matches!(run, b"." | b"_" | b"__") || run.iter().all(|byte| *byte == b'-'))
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&text.len())
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

/// `sha256:` and 64 hexadecimal digits: what everything here is held to.
pub(super) fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Which kind of digest this would be that is none of those that everything here is held to, if it is a known one.
pub(super) fn other_digest(text: &str) -> Option<&'static str> {
    let (kind, _) = text.split_once(':')?;
    let known = [("sha512", "SHA-512"), ("sha384", "SHA-384"), ("blake3", "BLAKE3")];
    known.iter().find(|(written, _)| *written == kind).map(|(_, told)| *told)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn references_are_read_as_clients_of_registries_read_them() {
        let pinned = format!("registry.example/web:1.4@{DIGEST}");
        for (written, host, repository, asked) in [
            ("registry.example/web", "registry.example", "web", "latest"),
            ("registry.example:5000/shop/web:1.4", "registry.example:5000", "shop/web", "1.4"),
            ("localhost/web:v1", "localhost", "web", "v1"),
            ("127.0.0.1:5000/a/b/c__d--e.f:X_1", "127.0.0.1:5000", "a/b/c__d--e.f", "X_1"),
            ("[::1]:5000/web:1", "[::1]:5000", "web", "1"),
            ("docker.io/nginx:1.27", "registry-1.docker.io", "library/nginx", "1.27"),
            ("docker.io/library/nginx", "registry-1.docker.io", "library/nginx", "latest"),
            (&pinned, "registry.example", "web", DIGEST),
        ] {
            let name = Name::read(written).unwrap_or_else(|why| panic!("{written}: {why}"));
            assert_eq!((name.host.as_str(), name.repository.as_str(), name.asked()), (host, repository, asked));
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_by_what_was_expected() {
        let long = format!("registry.example/web:{}", "1".repeat(129));
        let far = format!("registry.example/{}", "a".repeat(600));
        for (written, expected) in [
            ("", "host first"),
            ("nginx", "host first"),
            ("shop/web:1.4", "host first"),
            ("https://registry.example/web", "a host before"),
            ("registry.example:/web", "a host before"),
            ("registry.example:0/web", "a host before"),
            ("registry.example:99999/web", "a host before"),
            ("user:canary4711@registry.example/web", "host first"),
            ("registry..example/web", "a host before"),
            ("-registry.example/web", "a host before"),
            ("[::1]x/web", "a host before"),
            ("[::g]:1/web", "a host before"),
            ("registry.example/", "the image's name"),
            ("registry.example/Web", "the image's name"),
            ("registry.example/../etc", "the image's name"),
            ("registry.example/a//b", "the image's name"),
            ("registry.example/a___b", "the image's name"),
            ("registry.example/a._b", "the image's name"),
            ("registry.example/web?x=1", "the image's name"),
            ("registry.example/web:", "a tag"),
            ("registry.example/web:-1", "a tag"),
            ("registry.example/web:1/2", "the image's name"),
            (&long, "a tag"),
            (&far, "shorter"),
            ("registry.example/web@sha256:12", "`sha256:`"),
            ("registry.example/web@sha512:12", "digests of SHA-512, and other ones, are not supported"),
        ] {
            let why = Name::read(written).expect_err(written);
            assert!(why.contains(expected) && !why.contains("canary"), "{written}: {why}");
        }
    }

    #[test]
    fn settings_name_a_registry_as_references_do() {
        assert_eq!(registry("registry.example:5000").as_deref(), Some("registry.example:5000"));
        assert_eq!(registry("docker.io").as_deref(), Some("registry-1.docker.io"));
        assert_eq!(registry("https://registry.example"), None);
    }
}
