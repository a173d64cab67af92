//! Which system a credential opens, as far as its name or its URL tells.

use serde::{Deserialize, Serialize};

/// The system that a credential opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// PostgreSQL and what speaks its protocol.
    Postgres,
    /// Redis, Valkey, KeyDB.
    Redis,
    /// MySQL and MariaDB.
    Mysql,
    /// MongoDB.
    Mongodb,
    /// RabbitMQ and other AMQP brokers.
    Amqp,
    /// Microsoft SQL Server.
    Sqlserver,
    /// Oracle Database.
    Oracle,
    /// ClickHouse.
    Clickhouse,
    /// Elasticsearch and OpenSearch.
    Elasticsearch,
    /// Neo4j.
    Neo4j,
    /// Cassandra and ScyllaDB.
    Cassandra,
    /// MinIO.
    Minio,
    /// Kafka.
    Kafka,
    /// NATS.
    Nats,
    /// A mail server.
    Smtp,
    /// An LDAP directory.
    Ldap,
    /// Something behind an HTTP URL with a password in it.
    Http,
}

/// Words in names and URL schemes, each with its engine.
const WORDS: &[(&str, Engine)] = &[
    ("postgres", Engine::Postgres),
    ("postgresql", Engine::Postgres),
    ("pg", Engine::Postgres),
    ("pgpassword", Engine::Postgres),
    ("pgpass", Engine::Postgres),
    ("cockroachdb", Engine::Postgres),
    ("redis", Engine::Redis),
    ("rediss", Engine::Redis),
    ("valkey", Engine::Redis),
    ("valkeys", Engine::Redis),
    ("keydb", Engine::Redis),
    ("rediscli", Engine::Redis),
    ("mysql", Engine::Mysql),
    ("mysqlx", Engine::Mysql),
    ("mariadb", Engine::Mysql),
    ("mongo", Engine::Mongodb),
    ("mongodb", Engine::Mongodb),
    ("amqp", Engine::Amqp),
    ("amqps", Engine::Amqp),
    ("rabbitmq", Engine::Amqp),
    ("mssql", Engine::Sqlserver),
    ("sqlserver", Engine::Sqlserver),
    ("oracle", Engine::Oracle),
    ("clickhouse", Engine::Clickhouse),
    ("elastic", Engine::Elasticsearch),
    ("elasticsearch", Engine::Elasticsearch),
    ("opensearch", Engine::Elasticsearch),
    ("neo4j", Engine::Neo4j),
    ("bolt", Engine::Neo4j),
    ("cassandra", Engine::Cassandra),
    ("scylla", Engine::Cassandra),
    ("minio", Engine::Minio),
    ("kafka", Engine::Kafka),
    ("nats", Engine::Nats),
    ("smtp", Engine::Smtp),
    ("smtps", Engine::Smtp),
    ("ldap", Engine::Ldap),
    ("ldaps", Engine::Ldap),
    ("http", Engine::Http),
    ("https", Engine::Http),
];

impl Engine {
    /// The word that stands in evidence and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Mysql => "mysql",
            Self::Mongodb => "mongodb",
            Self::Amqp => "amqp",
            Self::Sqlserver => "sqlserver",
            Self::Oracle => "oracle",
            Self::Clickhouse => "clickhouse",
            Self::Elasticsearch => "elasticsearch",
            Self::Neo4j => "neo4j",
            Self::Cassandra => "cassandra",
            Self::Minio => "minio",
            Self::Kafka => "kafka",
            Self::Nats => "nats",
            Self::Smtp => "smtp",
            Self::Ldap => "ldap",
            Self::Http => "http",
        }
    }

    /// The engine of a URL scheme; drivers after `+` (`postgresql+psycopg`) do not matter.
    #[must_use]
    pub fn of_scheme(scheme: &str) -> Option<Self> {
        let base = scheme.split('+').next().unwrap_or(scheme).to_ascii_lowercase();
        WORDS.iter().find(|(word, _)| *word == base).map(|(_, engine)| *engine)
    }

    /// The engine that a name speaks of: `POSTGRES_PASSWORD`, `redis-auth.password`. Names such as
    /// `HTTP_TOKEN` speak of none: HTTP is an engine only where a URL says so.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        name.split(|letter: char| !letter.is_ascii_alphanumeric()).find_map(|word| {
            let word = word.to_ascii_lowercase();
            let engine = WORDS.iter().find(|(known, _)| *known == word).map(|(_, engine)| *engine);
            engine.filter(|engine| *engine != Self::Http)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_schemes() {
        assert_eq!(Engine::of_name("POSTGRES_PASSWORD"), Some(Engine::Postgres));
        assert_eq!(Engine::of_name("PGPASSWORD"), Some(Engine::Postgres));
        assert_eq!(Engine::of_name("redis-auth.password"), Some(Engine::Redis));
        assert_eq!(Engine::of_name("HTTP_TOKEN"), None);
        assert_eq!(Engine::of_name("APP_SECRET"), None);
        assert_eq!(Engine::of_scheme("postgresql+psycopg"), Some(Engine::Postgres));
        assert_eq!(Engine::of_scheme("mongodb+srv"), Some(Engine::Mongodb));
        assert_eq!(Engine::of_scheme("gopher"), None);
    }
}
