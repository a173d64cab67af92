//! Connection strings of every kind, as a table.

use super::*;
use proptest::prelude::*;

/// Engine, user, password, host, port, database, TLS.
fn shown(text: &str) -> String {
    let parts = match take_apart(text) {
        Connection::Not => return "not".to_owned(),
        Connection::Unclear(expected) => return format!("unclear: {expected}"),
        Connection::Parts(parts) => parts,
    };
    if let Some(password) = &parts.password {
        let raw = &text[parts.password_range()];
        let raw = super::decode(raw).unwrap_or_else(|_| Zeroizing::new(raw.to_owned()));
        let plain = raw.as_str() == password.as_str() || raw.contains('\\') || raw.contains('%');
        assert!(plain, "the range holds the password: {text}");
    }
    let show = |value: Option<&str>| value.unwrap_or("-").to_owned();
    format!(
        "{} {} {} {} {} {} {}",
        show(parts.engine.map(Engine::as_str)),
        show(parts.user.as_deref().map(String::as_str)),
        match parts.password.as_deref().map(String::as_str) {
            None => "-",
            Some("") => "''",
            Some(password) => password,
        },
        show(parts.host.as_deref()),
        parts.port.map_or("-".to_owned(), |port| port.to_string()),
        show(parts.database.as_deref()),
        show(parts.tls.as_deref()),
    )
}

#[test]
fn understood() {
    let cases = [
        ("postgres://app:pw@db:5432/shop", "postgres app pw db 5432 shop -"),
        ("postgresql://app:p%40ss%2F@db/shop?sslmode=verify-full", "postgres app p@ss/ db - shop sslmode=verify-full"),
        ("postgresql+psycopg://app:pw@db/shop", "postgres app pw db - shop -"),
        ("postgres://app:a@b@db/shop", "postgres app a@b db - shop -"),
        ("postgres://app:@db/shop", "postgres app '' db - shop -"),
        ("postgres://app@db/shop", "postgres app - db - shop -"),
        ("postgres://db/shop", "postgres - - db - shop -"),
        ("postgresql:///shop?host=/run/pg&user=app&password=a%26b", "postgres app a&b /run/pg - shop -"),
        ("postgres://app:pw@[::1]:5433/shop", "postgres app pw ::1 5433 shop -"),
        ("postgres://app:pw@h1:1,h2:2/shop", "postgres app pw h1 1 shop -"),
        ("mysql://root:pw@db/shop?ssl=true", "mysql root pw db - shop ssl=true"),
        ("mongodb://u:pw@a:27017,b:27017/shop?tls=true", "mongodb u pw a 27017 shop tls=true"),
        ("mongodb+srv://u:pw@cluster.example/shop", "mongodb u pw cluster.example - shop tls"),
        ("redis://:pw@cache:6379/0", "redis - pw cache 6379 0 -"),
        ("rediss://default:pw@cache", "redis default pw cache - - tls"),
        ("redis://cache:6379", "redis - - cache 6379 - -"),
        ("amqp://guest:guest@mq:5672/%2F", "amqp guest guest mq 5672 / -"),
        ("amqps://u:p@mq", "amqp u p mq - - tls"),
        ("https://user:pw@example.com/x", "http user pw example.com - x tls"),
        ("https://example.com/x?y=z", "http - - example.com - x tls"),
        ("  postgres://app:pw@db/shop  ", "postgres app pw db - shop -"),
        ("jdbc:postgresql://db:5432/shop?user=app&password=pw&ssl=true", "postgres app pw db 5432 shop ssl=true"),
        ("JDBC:mysql://db/shop?user=app&password=p%25w", "mysql app p%w db - shop -"),
        ("jdbc:mariadb://db/shop?user=app&password=pw", "mysql app pw db - shop -"),
        (
            "jdbc:sqlserver://db:1433;databaseName=shop;user=sa;password={a;b};encrypt=true",
            "sqlserver sa a;b db 1433 shop encrypt=true",
        ),
        ("jdbc:sqlserver://db\\inst;user=sa;password=pw", "sqlserver sa pw db - - -"),
        ("jdbc:oracle:thin:scott/tiger@//db:1521/shop", "oracle scott tiger db - - -"),
        (
            "host=db port=5432 user=app password='a b\\'c' dbname=shop sslmode=require",
            "postgres app a b'c db 5432 shop sslmode=require",
        ),
        ("user = app password = pw host = db", "postgres app pw db - - -"),
        ("Server=db;Database=shop;User Id=sa;Password=p=w;", "- sa p=w db - shop -"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn not_connection_strings() {
    for text in ["", "plain", "password=only", "a=b c=d", "://x", "1x://u:p@h", "text\npostgres://u:p@h"] {
        assert_eq!(shown(text), "not", "{text}");
    }
}

#[test]
fn not_understood_is_said() {
    let cases = [
        ("postgres://app:pa/ss@db/shop", "unclear: a port number (is a letter of the password not percent-encoded?)"),
        ("postgres://app:p%zz@db/shop", "unclear: two hexadecimal digits after `%`"),
        ("postgres://app:%ff@db/shop", "unclear: UTF-8 after percent-decoding"),
        ("postgres://app:pw@[::1/shop", "unclear: a closing bracket after an address"),
        ("jdbc:nothing", "unclear: `://` in a JDBC URL"),
        ("host=db user=app password='open", "unclear: a closing quote"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn debug_output_hides_everything_that_may_be_secret() {
    let found = take_apart("postgres://alice:hunter2@db.internal/shop");
    let shown = format!("{found:?}");
    for hidden in ["hunter2", "alice", "db.internal"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in "(?s).{0,120}") {
        let _ = take_apart(&text);
    }

    #[test]
    fn never_panics_on_what_looks_like_one(text in "(postgres://|jdbc:|sqlserver://|oracle:thin:|password|=|;|'|\\{|\\}|\\[|\\]|:|@|/|\\?|&|#|%4|%|host|user| |é|a|\\\\){0,24}") {
        if let Connection::Parts(parts) = take_apart(&text) {
            prop_assert!(text.get(parts.password_range()).is_some());
        }
    }

    #[test]
    fn any_password_survives_percent_encoding(password in "(?s).{0,40}") {
        let encoded: String = password.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let text = format!("postgres://app:{encoded}@db:5432/shop");
        let Connection::Parts(parts) = take_apart(&text) else { panic!("understood") };
        prop_assert_eq!(parts.password.as_deref().map(String::as_str), Some(password.as_str()));
        prop_assert_eq!(&text[parts.password_range()], encoded.as_str());
    }
}
