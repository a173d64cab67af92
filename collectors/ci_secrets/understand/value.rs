//! What a value written in CI configuration is: the thing itself, a reference to it, or nothing.

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'v> {
    /// Nothing, or a word that stands for nothing.
    Empty,
    /// A variable, an expression of the CI system, a secret store's address, a file's path.
    Reference,
    /// A boolean, or a number under a name that does not ask for a password.
    Plain,
    /// A text that says "put the secret here".
    Placeholder,
    /// A reference that falls back on this literal: `${VAR:-literal}`.
    Default(&'v str),
    /// The value itself.
    Literal(&'v str),
}

/// What `value` is. `plain` says whether YAML read it without quotes.
pub(crate) fn classify(value: &str, plain: bool) -> Kind<'_> {
    let value = value.trim();
    if value.is_empty() || is_one_of(value, &["null", "~", "nil", "none", "undefined", "\"\"", "''"]) {
        return Kind::Empty;
    }
    if let Some(default) = default_of(value) {
        return match classify(default, false) {
            Kind::Literal(text) => Kind::Default(text),
            Kind::Placeholder => Kind::Placeholder,
            other => other,
        };
    }
    if is_one_of(value, &["true", "false", "yes", "no", "on", "off"]) || (plain && is_small_number(value)) {
        return Kind::Plain;
    }
    if names_a_store(value) || is_path(value) || is_address(value) {
        return Kind::Reference;
    }
    match without_expressions(value) {
        Some(rest) if rest.chars().filter(|c| c.is_ascii_alphanumeric()).count() < 8 || !looks_secret(&rest) => {
            Kind::Reference
        }
        _ if is_placeholder(value) => Kind::Placeholder,
        _ => Kind::Literal(value),
    }
}

fn is_one_of(value: &str, words: &[&str]) -> bool {
    words.iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn is_small_number(value: &str) -> bool {
    value.len() <= 6 && value.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_'))
}

/// The literal that the whole value falls back on: `${VAR:-literal}`, `${VAR-literal}`, `${VAR:=literal}`,
/// `${{ secrets.X || 'literal' }}`.
fn default_of(value: &str) -> Option<&str> {
    let inner = value.strip_prefix("${")?.strip_suffix('}')?;
    if let Some(expression) = inner.strip_prefix('{') {
        let (_, fallback) = expression.trim_end_matches('}').rsplit_once("||")?;
        let fallback = fallback.trim();
        return fallback.strip_prefix('\'')?.strip_suffix('\'');
    }
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let (name, rest) = inner.split_at(end);
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let default = rest.strip_prefix(['-', '='])?;
    (!name.is_empty() && !default.contains("${")).then_some(default)
}

/// Beginnings of addresses in secret stores and of encrypted values.
const STORES: &[&str] = &[
    "vault:",
    "vault://",
    "ref+",
    "op://",
    "ssm:",
    "ssm://",
    "/ssm/",
    "secretsmanager:",
    "arn:aws",
    "sm://",
    "gsm:",
    "gcpsm:",
    "awssm:",
    "azurekeyvault@",
    "akv:",
    "@microsoft.keyvault(",
    "{{resolve:",
    "enc[",
    "enc:",
    "encrypted:",
    "secret:",
    "secrets.",
    "secret://",
    "keyring:",
    "infisical:",
    "doppler:",
    "bws:",
    "sops:",
    "chamber:",
    "credstash:",
    "lastpass:",
    "kms:",
    "credentials(",
    "env:",
    "file:",
    "file://",
];

fn names_a_store(value: &str) -> bool {
    let lower = value.get(..value.len().min(64)).unwrap_or(value).to_ascii_lowercase();
    STORES.iter().any(|store| lower.starts_with(store))
        || (lower.starts_with("projects/") && lower.contains("/secrets/"))
        || lower.contains("vault.azure.net/secrets/")
        || lower.starts_with("-----begin pgp message")
        || lower.starts_with("-----begin certificate-----")
        || lower.starts_with("-----begin public key-----")
        || lower.starts_with("ssh-rsa ")
        || lower.starts_with("ssh-ed25519 ")
}

/// A path of a file: `/run/secrets/x`, `./key.pem`, `~/.netrc`, `key.json`.
fn is_path(value: &str) -> bool {
    let of_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '~' | '$' | '{' | '}');
    if !value.chars().all(of_path) {
        return false;
    }
    let file_ending = [
        ".json", ".pem", ".key", ".crt", ".p12", ".pfx", ".jks", ".txt", ".yml", ".yaml", ".asc", ".gpg", ".env",
        ".enc",
    ];
    let rooted =
        value.starts_with('/') || value.starts_with("./") || value.starts_with("../") || value.starts_with("~/");
    (rooted && value.split('/').skip(1).all(|part| part.len() <= 32))
        || file_ending.iter().any(|ending| value.ends_with(ending))
}

/// A URL without a user's part: an address, not a secret. One that carries a password is seen by `url_password`.
fn is_address(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !scheme.is_empty()
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'))
        && !authority.contains('@')
}

/// The value without its variables and expressions; nothing if it holds none.
pub(crate) fn without_expressions(value: &str) -> Option<String> {
    const PAIRS: &[(&str, &str)] = &[
        ("${{", "}}"),
        ("{{", "}}"),
        ("<<", ">>"),
        ("$((", "))"),
        ("$(", ")"),
        ("${", "}"),
        ("$[", "]"),
        ("`", "`"),
        ("##{", "}##"),
    ];
    let mut rest = value;
    let mut left = String::new();
    let mut found = false;
    'text: while let Some(first) = rest.chars().next() {
        for (open, close) in PAIRS {
            if let Some(inner) = rest.strip_prefix(open)
                && let Some(end) = super::words::reach(inner).find(close)
            {
                rest = &inner[end + close.len()..];
                found = true;
                continue 'text;
            }
        }
        // `pa$word` is a password with a dollar sign; a variable begins a word.
        let begins_a_word = !left.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '$');
        if begins_a_word && let Some(name) = rest.strip_prefix('$') {
            let name = name.strip_prefix("env:").unwrap_or(name);
            let length = name.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
            if length > 0 && !name.as_bytes()[0].is_ascii_digit() {
                rest = &name[length..];
                found = true;
                continue;
            }
        }
        if let Some(name) = rest.strip_prefix('%')
            && let Some(end) = name.find('%')
            && end > 0
            && name[..end].bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        {
            rest = &name[end + 1..];
            found = true;
            continue;
        }
        left.push(first);
        rest = &rest[first.len_utf8()..];
    }
    found.then_some(left)
}

/// Whether what is left beside expressions looks like a part of a secret: a long run of letters and digits mixed.
fn looks_secret(rest: &str) -> bool {
    rest.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | '+' | '/' | '=')).any(|run| {
        run.len() >= 16 && run.bytes().any(|b| b.is_ascii_digit()) && run.bytes().any(|b| b.is_ascii_alphabetic())
    })
}

/// A text that says "put the secret here".
pub(crate) fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let bare: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
    let angle = (value.starts_with('<') && value.ends_with('>'))
        || (value.starts_with('[') && value.ends_with(']') && value.len() > 2);
    let repeated = bare.len() >= 3 && bare.bytes().all(|byte| byte == bare.as_bytes()[0]);
    let only_marks = bare.is_empty();
    const WHOLE: &[&str] = &[
        "changeme", "changeit", "secret", "token", "apikey", "dummy", "fake", "test", "todo", "tbd", "fixme",
        "redacted", "masked", "hidden", "foo", "bar", "foobar", "na", "notset", "unset", "notused", "unused",
        "ignored", "replace",
    ];
    const PARTS: &[&str] = &[
        "change-me",
        "change_me",
        "changeme",
        "replace-me",
        "replace_me",
        "replaceme",
        "placeholder",
        "your-",
        "your_",
        "yourtoken",
        "yourpassword",
        "example",
        "insert-",
        "insert_",
        "dummy",
        "not-a-real",
        "not_a_real",
        "notasecret",
        "not-a-secret",
        "fake-",
        "fake_",
        "xxxx",
        "to-be-set",
        "set-me",
        "set_me",
    ];
    angle || repeated || only_marks || WHOLE.contains(&bare.as_str()) || PARTS.iter().any(|part| lower.contains(part))
}

/// The passwords that URLs in `text` carry in their user's part, where they are written out, each with its host:
/// `scheme://user:password@host`.
pub(crate) fn url_passwords(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices("://").filter_map(|(at, _)| {
        let before = text[..at].bytes().next_back()?;
        if !before.is_ascii_alphanumeric() {
            return None;
        }
        let rest = &text[at + 3..];
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '?' | '#' | '<' | '>' | ',' | ';'))
            .unwrap_or(rest.len());
        // An expression may itself hold slashes or blanks; without a plain `@` in reach there is nothing to say.
        let (user_part, host) = rest[..end].rsplit_once('@')?;
        let (_, password) = user_part.split_once(':')?;
        let host = host.split(':').next().unwrap_or_default();
        matches!(classify(password, false), Kind::Literal(_)).then_some((password, host))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_they_are() {
        for (value, expected) in [
            ("", Kind::Empty),
            ("null", Kind::Empty),
            ("${{ secrets.X }}", Kind::Reference),
            ("Bearer ${{ secrets.X }}", Kind::Reference),
            ("$TOKEN", Kind::Reference),
            ("$env:TOKEN", Kind::Reference),
            ("${TOKEN}", Kind::Reference),
            ("$(cat /run/secrets/x)", Kind::Reference),
            ("$(deployToken)", Kind::Reference),
            ("%TOKEN%", Kind::Reference),
            ("<< parameters.token >>", Kind::Reference),
            ("{{workflow.parameters.token}}", Kind::Reference),
            ("vault:secret/data/ci#token", Kind::Reference),
            ("op://ci/npm/token", Kind::Reference),
            ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:x", Kind::Reference),
            ("/run/secrets/token", Kind::Reference),
            ("credentials.json", Kind::Reference),
            ("https://auth.example.org/token", Kind::Reference),
            ("true", Kind::Plain),
            ("No", Kind::Plain),
            ("<your token>", Kind::Placeholder),
            ("changeme", Kind::Placeholder),
            ("xxxxxxxx", Kind::Placeholder),
            ("********", Kind::Placeholder),
            ("YOUR_API_KEY", Kind::Placeholder),
            ("${TOKEN:-}", Kind::Empty),
            ("${TOKEN:-$OTHER}", Kind::Reference),
            ("${TOKEN:-hunter2hunter2}", Kind::Default("hunter2hunter2")),
            ("${{ secrets.X || 'hunter2' }}", Kind::Default("hunter2")),
            ("${TOKEN:?not set}", Kind::Reference),
            ("hunter2", Kind::Literal("hunter2")),
            ("pa$$word9", Kind::Literal("pa$$word9")),
            ("S3cr3t/with/slash==", Kind::Literal("S3cr3t/with/slash==")),
            ("postgres://u:p@h/d", Kind::Literal("postgres://u:p@h/d")),
        ] {
            assert_eq!(classify(value, false), expected, "{value}");
        }
        assert_eq!(classify("3600", true), Kind::Plain);
        assert_eq!(classify("3600", false), Kind::Literal("3600"));
    }

    #[test]
    fn passwords_in_urls_are_seen_unless_they_are_references() {
        let all = |text: &'static str| url_passwords(text).map(|(password, _)| password).collect::<Vec<_>>();
        assert_eq!(all("git clone https://bot:hunter22@git.example.org/x.git"), ["hunter22"]);
        assert_eq!(all("redis://:s3cret9@cache:6379/0"), ["s3cret9"]);
        assert!(all("https://bot:${TOKEN}@git.example.org/x.git").is_empty());
        assert!(all("https://bot:${{ secrets.T }}@git.example.org/x.git").is_empty());
        assert!(all("https://git@example.org:443/x").is_empty());
        assert!(all("https://example.org/a:b@c").is_empty());
    }
}
