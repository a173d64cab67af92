//! A connection string, which holds a password and therefore never shows itself.

use std::fmt;
use std::io::ErrorKind;
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};

use crate::StoreError;

/// How long a server may take to answer and let us in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A Postgres connection string, such as `postgres://role@host/db?sslmode=verify-full`.
/// TLS settings in it are honoured. Debug shows nothing of it.
#[derive(Clone)]
pub struct DatabaseUrl(SecretString);

impl DatabaseUrl {
    /// Takes a connection string after a look at its form.
    ///
    /// # Errors
    /// [`StoreError::Url`] if it is no `postgres://` or `postgresql://` URL that can be read.
    pub fn new(url: impl Into<SecretString>) -> Result<Self, StoreError> {
        let url = Self(url.into());
        let text = url.0.expose_secret();
        if !(text.starts_with("postgres://") || text.starts_with("postgresql://")) {
            return Err(StoreError::Url { why: "it must begin with postgres:// or postgresql://" });
        }
        url.options()?;
        Ok(url)
    }

    /// The role that it connects as.
    ///
    /// # Errors
    /// [`StoreError::Url`] if it cannot be read.
    pub fn role(&self) -> Result<String, StoreError> {
        Ok(self.options()?.get_username().to_owned())
    }

    pub(crate) fn options(&self) -> Result<PgConnectOptions, StoreError> {
        // sqlx repeats parts of the URL in its error: say in our own words that it is unreadable.
        let options = PgConnectOptions::from_str(self.0.expose_secret())
            .map_err(|_| StoreError::Url { why: "it is not a readable connection string" })?;
        Ok(options.application_name("exhibit").options([("timezone", "UTC"), ("search_path", "pg_catalog")]))
    }
}

/// Opens a session; a failure says where, and nothing of the password.
pub(crate) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    let answered = tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await;
    let late = |_| Err(sqlx::Error::Io(std::io::Error::new(ErrorKind::TimedOut, "it did not answer in time")));
    let named = |source| StoreError::Connect { place: place(options), source: missing_file(options, source) };
    answered.unwrap_or_else(late).map_err(named)
}

/// Over the network only the files that the URL names can be missing, and the error does not say so.
fn missing_file(options: &PgConnectOptions, source: sqlx::Error) -> sqlx::Error {
    let socket = options.get_socket().is_some() || options.get_host().starts_with('/');
    match source {
        sqlx::Error::Io(error) if error.kind() == ErrorKind::NotFound && !socket => {
            let why = "a file that `sslrootcert`, `sslcert` or `sslkey` names is not there";
            sqlx::Error::Io(std::io::Error::new(ErrorKind::NotFound, why))
        }
        other => other,
    }
}

/// Where these options lead, in words.
fn place(options: &PgConnectOptions) -> String {
    let host = options.get_socket().map_or_else(|| options.get_host().to_owned(), |path| path.display().to_string());
    let (port, role) = (options.get_port(), options.get_username());
    let database = options.get_database().unwrap_or(role);
    format!("{host}, port {port}, database {database}, as {role}")
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_shows_nowhere() {
        let url = DatabaseUrl::new("postgres://svc:hunter2@db.example/exhibit?sslmode=verify-full").unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
        assert_eq!(url.role().unwrap(), "svc");
        let refused = DatabaseUrl::new("mysql://svc:hunter2@db.example/exhibit").unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("hunter2"));
        let unreadable = DatabaseUrl::new("postgres://svc:hunter2@db.example:port/exhibit").unwrap_err();
        assert!(!format!("{unreadable} {unreadable:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn who_does_not_answer_is_named_without_the_password() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = DatabaseUrl::new(format!("postgres://svc:hunter2@127.0.0.1:{free}/exhibit")).unwrap();
        let refused = connect(&url.options().unwrap()).await.unwrap_err();
        let expected = format!("cannot connect to Postgres at 127.0.0.1, port {free}, database exhibit, as svc: ");
        assert!(refused.to_string().starts_with(&expected), "{refused}");
        assert!(!format!("{refused} {refused:?}").contains("hunter2"));
    }

    #[test]
    fn tls_settings_are_kept() {
        let url = DatabaseUrl::new("postgres://svc@db.example/exhibit?sslmode=verify-full").unwrap();
        assert!(format!("{:?}", url.options().unwrap().get_ssl_mode()).contains("VerifyFull"));
    }
}
