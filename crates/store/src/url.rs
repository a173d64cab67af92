//! A connection string, which holds a password and therefore never shows itself.

use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;

use crate::StoreError;

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

    #[test]
    fn tls_settings_are_kept() {
        let url = DatabaseUrl::new("postgres://svc@db.example/exhibit?sslmode=verify-full").unwrap();
        assert!(format!("{:?}", url.options().unwrap().get_ssl_mode()).contains("VerifyFull"));
    }
}
