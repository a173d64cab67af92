//! What a registry asks for before it answers (`WWW-Authenticate`, RFC 9110, 11.6.1).

use std::collections::BTreeMap;

/// Longest header that is read, in bytes.
const LONGEST: usize = 8 << 10;
/// Most parameters of one challenge.
const MOST: usize = 32;

/// A way of saying who asks, that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A token, of whom it names (RFC 6750, and the token specification of the Distribution project).
    Bearer {
        /// Who gives tokens.
        realm: String,
        /// For whom the token is.
        service: Option<String>,
        /// What for.
        scope: Option<String>,
    },
    /// User and password (RFC 7617).
    Basic,
    /// Anything else.
    Other,
}

/// Reads one header. What is not in its grammar ends the reading; what stood before it counts.
pub(super) fn read(header: &str) -> Vec<Challenge> {
    let mut left = Text(header.get(..LONGEST).unwrap_or(header));
    let mut all = Vec::new();
    loop {
        left.past(|byte| matches!(byte, b' ' | b'\t' | b','));
        let scheme = left.token();
        if scheme.is_empty() {
            return all;
        }
        let parameters = left.parameters();
        let take = |name: &str| parameters.get(name).cloned();
        all.push(match scheme.to_ascii_lowercase().as_str() {
            "bearer" => match take("realm") {
                Some(realm) => Challenge::Bearer { realm, service: take("service"), scope: take("scope") },
                None => Challenge::Other,
            },
            "basic" => Challenge::Basic,
            _ => Challenge::Other,
        });
    }
}

/// What is left of a header.
struct Text<'h>(&'h str);

impl<'h> Text<'h> {
    fn past(&mut self, passed: impl Fn(u8) -> bool) -> &'h str {
        let end = self.0.bytes().position(|byte| !passed(byte)).unwrap_or(self.0.len());
        // What is passed is ASCII, so that this is no place within a letter.
        let (before, rest) = self.0.split_at_checked(end).unwrap_or((self.0, ""));
        self.0 = rest;
        before
    }

    fn token(&mut self) -> &'h str {
        self.past(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    }

    fn spaces(&mut self) {
        self.past(|byte| matches!(byte, b' ' | b'\t'));
    }

    /// `name=value` and so on, by names in small letters, up to the next scheme; the first of a name counts.
    fn parameters(&mut self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        self.spaces();
        self.token68();
        for _ in 0..MOST {
            let before = self.0;
            self.past(|byte| matches!(byte, b' ' | b'\t' | b','));
            let name = self.token();
            self.spaces();
            let Some(rest) = self.0.strip_prefix('=').filter(|_| !name.is_empty()) else {
                // The next scheme, or nothing that can be read.
                self.0 = before;
                break;
            };
            self.0 = rest;
            self.spaces();
            let Some(value) = self.value() else {
                self.0 = "";
                break;
            };
            all.entry(name.to_ascii_lowercase()).or_insert(value);
        }
        all
    }

    /// Passes the one word that some schemes have in place of parameters.
    fn token68(&mut self) {
        let before = self.0;
        self.past(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
        self.past(|byte| byte == b'=');
        self.spaces();
        if !self.0.is_empty() && !self.0.starts_with(',') {
            self.0 = before;
        }
    }

    fn value(&mut self) -> Option<String> {
        let Some(quoted) = self.0.strip_prefix('"') else {
            return Some(self.token()).filter(|token| !token.is_empty()).map(str::to_owned);
        };
        let mut value = String::new();
        let mut letters = quoted.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.0 = &quoted[at + 1..];
                    return Some(value);
                }
                '\\' => value.push(letters.next()?.1),
                letter if letter.is_control() => return None,
                letter => value.push(letter),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn headers_of_registries_are_read() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#;
        let gitlab = r#"Bearer realm="https://gitlab.example/jwt/auth",service="container_registry",scope="repository:a/b:pull",error="invalid_token""#;
        for (header, expected) in [
            (
                hub,
                vec![bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                    Some("repository:library/nginx:pull"),
                )],
            ),
            (
                gitlab,
                vec![bearer(
                    "https://gitlab.example/jwt/auth",
                    Some("container_registry"),
                    Some("repository:a/b:pull"),
                )],
            ),
            ("Basic realm=\"Registry Realm\"", vec![Challenge::Basic]),
            ("basic", vec![Challenge::Basic]),
            ("BEARER REALM = https", vec![bearer("https", None, None)]),
            (
                "Basic realm=\"a, b=\\\"c\\\"\", Bearer realm=\"https://t\"",
                vec![Challenge::Basic, bearer("https://t", None, None)],
            ),
            ("Negotiate, Basic realm=x", vec![Challenge::Other, Challenge::Basic]),
            ("Negotiate YWJj==, Basic realm=x", vec![Challenge::Other, Challenge::Basic]),
            ("Bearer service=\"x\"", vec![Challenge::Other]),
            ("Bearer realm=\"a\",realm=\"b\"", vec![bearer("a", None, None)]),
        ] {
            assert_eq!(read(header), expected, "{header}");
        }
    }

    #[test]
    fn what_is_no_challenge_ends_the_reading() {
        for header in ["", ",,,", "\"x\"", "=", "\u{fc}ber"] {
            assert_eq!(read(header), vec![], "{header}");
        }
        assert_eq!(read("Bearer realm=\"open"), vec![Challenge::Other]);
        assert_eq!(read("Basic realm=\"a\" ; Bearer realm=\"b\""), vec![Challenge::Basic]);
        let long = format!("Bearer realm=\"{}\"", "a".repeat(LONGEST));
        assert_eq!(read(&long), vec![Challenge::Other]);
    }
}
