//! Does the name of a variable or field promise a secret?

/// What kind of secret a name promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sensitivity {
    /// A password or passphrase.
    Password,
    /// A token, bearer credential or secret webhook address.
    Token,
    /// A key for an interface, or a key of unstated kind.
    ApiKey,
    /// The private half of a key pair.
    PrivateKey,
    /// A symmetric key for encrypting, signing or hashing.
    EncryptionKey,
    /// A secret of unstated kind.
    Secret,
    /// A URL or connection string: secret if it carries a password.
    ConnectionUrl,
}

/// Words before `key` with which it is no secret.
const OPEN_KEYS: &str = "\
    public pub primary foreign sort partition cache hash range index unique object row column \
    map dict lookup publishable hot arrow any translation i18n group host known registry issue \
    project sonar routing idempotency composite natural surrogate label topology tag site";

/// Words before `key` that make it the private half of a pair.
const PRIVATE_KEYS: &str = "\
    private priv ssh rsa ecdsa ed25519 deploy tls ssl gpg pgp pem cert certificate server ca \
    p8 sa";

/// Words before `key` that make it a symmetric key.
const SYMMETRIC_KEYS: &str = "\
    encryption encrypt encrypted crypt crypto aes fernet signing sign signature hmac jwt jws \
    jwe session cookie master kek dek data salt cipher unseal recovery seal";

/// Words before `key` that make it a key for an interface.
const API_KEYS: &str = "\
    api apis access account admin app application auth authentication client consumer customer \
    function integration license licence live secret service storage subscription test write \
    read ingest ingestion shared user webhook merchant instrumentation rest push vapid \
    restricted management dev developer rapid";

/// Providers whose bare `…_KEY` is a credential.
const VENDORS: &str = "\
    openai anthropic stripe sendgrid mailgun mailchimp twilio datadog dd newrelic relic sentry \
    algolia cloudflare fastly heroku aws azure gcp google github gitlab npm pypi nuget \
    airtable linear notion figma shopify square braintree paypal plaid pagerduty okta \
    honeycomb launchdarkly segment mixpanel amplitude rollbar bugsnag codecov coveralls snyk \
    supabase firebase maps fcm resend postmark sparkpost mandrill huggingface replicate cohere \
    mistral pinecone wandb django rails laravel flask";

/// Services whose address carries a password as often as not.
const STORES: &str = "\
    database db postgres postgresql pg mysql mariadb mongo mongodb redis amqp rabbitmq rabbit \
    broker jdbc sqlalchemy celery elasticsearch elastic cassandra memcached kafka clickhouse \
    mssql sqlserver oracle cockroach cockroachdb neo4j smtp ldap cloudinary nats couchdb \
    influxdb timescale valkey sentinel proxy";

/// Does `name` (any of `SCREAMING_SNAKE`, `kebab-case`, `camelCase`, `dotted.path`) promise a secret value?
///
/// The last words decide: `DB_PASSWORD` does, `DB_PASSWORD_FILE` and `PASSWORD_MIN_LENGTH` do not.
#[must_use]
pub fn sensitive_key(name: &str) -> Option<Sensitivity> {
    let words = words(name);
    let words: Vec<&str> = words.split_ascii_whitespace().collect();
    // Numbers behind a name (`TOKEN_2`) and what it is a copy of (`OLD`, `B64`) do not change its kind.
    let mut rest = &words[..];
    while let Some((last, shorter)) = rest.split_last() {
        let ornament = last.bytes().all(|b| b.is_ascii_digit())
            || matches!(
                *last,
                "base64"
                    | "b64"
                    | "old"
                    | "new"
                    | "current"
                    | "previous"
                    | "backup"
                    | "default"
                    | "raw"
                    | "plain"
                    | "plaintext"
                    | "prod"
                    | "production"
                    | "staging"
                    | "dev"
                    | "value"
                    | "text"
                    | "encoded"
            );
        if !ornament || shorter.is_empty() {
            break;
        }
        rest = shorter;
    }
    let (last, before) = rest.split_last()?;
    let previous = before.last().copied().unwrap_or("");
    let counts = |w: &str| matches!(w, "max" | "min" | "num" | "total" | "count" | "per" | "limit" | "n");
    let public = before.iter().any(|w| matches!(*w, "public" | "pub" | "publishable"));

    match *last {
        "password" | "passwd" | "passphrase" | "passcode" | "passwort" | "kennwort" | "passwords" | "userpass"
        | "dbpass" => {
            let about = matches!(
                previous,
                "no" | "require"
                    | "requires"
                    | "use"
                    | "has"
                    | "allow"
                    | "forgot"
                    | "reset"
                    | "show"
                    | "without"
                    | "need"
                    | "needs"
                    | "min"
                    | "max"
                    | "enable"
                    | "disable"
                    | "is"
            );
            (!about).then_some(Sensitivity::Password)
        }
        "pass" => (!before.is_empty()
            && !matches!(previous, "by" | "first" | "second" | "low" | "high" | "test" | "multi" | "single" | "must"))
        .then_some(Sensitivity::Password),
        "pwd" | "pw" => (!before.is_empty() && previous != "old").then_some(Sensitivity::Password),
        "mnemonic" => Some(Sensitivity::Secret),
        "phrase" => {
            matches!(previous, "pass" | "seed" | "recovery" | "mnemonic" | "backup").then_some(Sensitivity::Secret)
        }
        "hash" | "digest" => matches!(previous, "password" | "passwd").then_some(Sensitivity::Password),
        "token" | "bearer" | "jwt" | "pat" => {
            let open = public
                || matches!(
                    previous,
                    "no" | "use"
                        | "next"
                        | "page"
                        | "continuation"
                        | "pagination"
                        | "has"
                        | "require"
                        | "max"
                        | "min"
                        | "end"
                        | "start"
                        | "stop"
                        | "pad"
                        | "eos"
                        | "bos"
                        | "unk"
                        | "mask"
                        | "cancellation"
                        | "sync"
                        | "id"
                );
            let bare = before.is_empty() && *last == "pat";
            // An OpenID ID token is a credential, a `token id` is not.
            let id_token = previous == "id";
            ((!open && !bare) || id_token).then_some(Sensitivity::Token)
        }
        "tokens" => (!before.is_empty()
            && !before.iter().any(|w| counts(w))
            && !matches!(
                previous,
                "input" | "output" | "prompt" | "completion" | "stop" | "design" | "special" | "context" | "used"
            ))
        .then_some(Sensitivity::Token),
        "authtoken" | "apitoken" | "accesstoken" | "refreshtoken" | "sas" | "authkey" => Some(Sensitivity::Token),
        "auth" => {
            let carries = matches!(previous, "basic" | "npm" | "registry" | "docker" | "proxy" | "http" | "rediscli");
            (carries || name.starts_with('_')).then_some(Sensitivity::Token)
        }
        "authorization" => {
            (!before.is_empty() || name.eq_ignore_ascii_case("authorization")).then_some(Sensitivity::Token)
        }
        "webhook" => (!before.is_empty()
            && !matches!(previous, "enable" | "has" | "use" | "validating" | "mutating" | "admission"))
        .then_some(Sensitivity::Token),
        "secret" | "secrets" => {
            let plural_alone = *last == "secrets" && before.len() <= 1 && !matches!(previous, "client" | "app");
            let about = matches!(previous, "no" | "use" | "has" | "is" | "create" | "existing" | "pull" | "tls")
                || rest.ends_with(&["image", "pull", "secrets"]);
            (!plural_alone && !about).then_some(Sensitivity::Secret)
        }
        "credential" | "credentials" | "creds" | "cred" => {
            let google_path = rest.ends_with(&["application", "credentials"]);
            let flags = matches!(previous, "allow" | "with" | "use" | "include" | "persist");
            (!google_path && !flags).then_some(Sensitivity::Secret)
        }
        "pepper" => Some(Sensitivity::Secret),
        "salt" => (!before.is_empty() && !matches!(previous, "use" | "with" | "random")).then_some(Sensitivity::Secret),
        "pin" => {
            matches!(previous, "card" | "user" | "security" | "sim" | "hsm" | "token").then_some(Sensitivity::Password)
        }
        "id" if rest.ends_with(&["secret", "id"]) && before.iter().any(|w| matches!(*w, "vault" | "approle")) => {
            Some(Sensitivity::Secret)
        }
        "base" if rest.ends_with(&["secret", "key", "base"]) => Some(Sensitivity::EncryptionKey),
        "key" | "keys" => key(before, public),
        "apikey" | "accesskey" | "secretkey" | "apikeys" | "appkey" => Some(Sensitivity::ApiKey),
        "privatekey" | "sshkey" => Some(Sensitivity::PrivateKey),
        "encryptionkey" | "signingkey" | "masterkey" => Some(Sensitivity::EncryptionKey),
        "dsn" | "connstr" | "connectionstring" | "connstring" => Some(Sensitivity::ConnectionUrl),
        "string" | "str" => matches!(previous, "connection" | "conn" | "connect").then_some(Sensitivity::ConnectionUrl),
        "connection" => before.iter().any(|w| matches!(*w, "conn" | "airflow")).then_some(Sensitivity::ConnectionUrl),
        "url" | "uri" | "urls" => {
            if matches!(previous, "webhook") && before.len() > 1 {
                Some(Sensitivity::Token)
            } else {
                listed(STORES, previous).then_some(Sensitivity::ConnectionUrl)
            }
        }

        glued => glued_suffix(glued),
    }
}

/// Words written together: `PGPASSWORD`, `clientsecret`.
fn glued_suffix(word: &str) -> Option<Sensitivity> {
    const SUFFIXES: [(&str, Sensitivity); 9] = [
        ("password", Sensitivity::Password),
        ("passwd", Sensitivity::Password),
        ("passphrase", Sensitivity::Password),
        ("token", Sensitivity::Token),
        ("privatekey", Sensitivity::PrivateKey),
        ("apikey", Sensitivity::ApiKey),
        ("secretkey", Sensitivity::ApiKey),
        ("accesskey", Sensitivity::ApiKey),
        ("secret", Sensitivity::Secret),
    ];
    SUFFIXES.iter().find(|(suffix, _)| word.ends_with(suffix)).map(|(_, kind)| *kind)
}

/// The kind of `… key`, by the words before it.
fn key(before: &[&str], public: bool) -> Option<Sensitivity> {
    let previous = *before.last()?;
    if public || listed(OPEN_KEYS, previous) {
        return None;
    }
    if listed(PRIVATE_KEYS, previous) {
        Some(Sensitivity::PrivateKey)
    } else if listed(SYMMETRIC_KEYS, previous) || before == ["secret"] {
        Some(Sensitivity::EncryptionKey)
    } else if listed(API_KEYS, previous) || listed(VENDORS, previous) {
        Some(Sensitivity::ApiKey)
    } else {
        None
    }
}

/// Is `word` one of the words of `list`?
fn listed(list: &str, word: &str) -> bool {
    list.split(' ').any(|w| w == word)
}

/// The words of a name, lower case, with a blank between: cut at anything that is no letter or digit, and at humps.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() * 2);
    let mut chars = name.chars().peekable();
    let mut last: Option<char> = None;
    while let Some(c) = chars.next() {
        if c.is_alphanumeric() {
            let hump = c.is_uppercase()
                && last.is_some_and(|p| {
                    p.is_lowercase() || (p.is_uppercase() && chars.peek().is_some_and(|n| n.is_lowercase()))
                });
            if hump {
                words.push(' ');
            }
            words.extend(c.to_lowercase());
        } else if !words.ends_with(' ') {
            words.push(' ');
        }
        last = Some(c);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `NAME kind` a line; kind `-` for none.
    const CASES: &str = include_str!("../data/sensitive_keys.txt");

    #[test]
    fn cases() {
        let mut wrong = Vec::new();
        let mut count = (0, 0);
        for line in CASES.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let (name, expected) = line.split_once(' ').expect("two words a line");
            let kind = sensitive_key(name).map(|s| match s {
                Sensitivity::Password => "password",
                Sensitivity::Token => "token",
                Sensitivity::ApiKey => "api-key",
                Sensitivity::PrivateKey => "private-key",
                Sensitivity::EncryptionKey => "encryption-key",
                Sensitivity::Secret => "secret",
                Sensitivity::ConnectionUrl => "connection-url",
            });
            match kind {
                Some(_) => count.0 += 1,
                None => count.1 += 1,
            }
            if kind.unwrap_or("-") != expected.trim() {
                wrong.push(format!("{name}: {kind:?}, expected {expected}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(count.0 >= 60 && count.1 >= 60, "{count:?}");
    }

    #[test]
    fn words_of_names() {
        let cases = [
            ("DB_PASSWORD", "db password"),
            ("dbPassword", "db password"),
            ("AWSSecretKey", "aws secret key"),
            ("spring.datasource.password", "spring datasource password"),
            ("x-api-key", "x api key"),
            ("", ""),
        ];
        for (name, expected) in cases {
            assert_eq!(words(name).trim(), expected);
        }
    }
}
