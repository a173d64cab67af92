//! Postgres, and the only crate that knows SQL; the private embedded cluster.
