//! Raw artifacts: kept once by digest, compressed, checked on reading.

use std::io::{Read as _, Write as _};

use exhibit_evidence::{Digest, Timestamp};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use sqlx::PgConnection;

use crate::append::NewArtifact;
use crate::error::in_tx;
use crate::rows::{Reader, bigint};
use crate::tx::run_tx;
use crate::{Store, StoreError};

/// An artifact as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its media type.
    pub media_type: String,
    /// Its bytes, whose digest was checked.
    pub bytes: Vec<u8>,
}

/// An artifact ready to be written.
pub(crate) struct Packed {
    digest: Digest,
    media_type: String,
    size: u64,
    deflated: Vec<u8>,
}

impl Packed {
    pub(crate) fn new(artifact: &NewArtifact) -> Self {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        let deflated =
            encoder.write_all(&artifact.bytes).and_then(|()| encoder.finish()).expect("writing to a Vec does not fail");
        Self {
            digest: artifact.digest(),
            media_type: artifact.media_type.clone(),
            size: artifact.bytes.len() as u64,
            deflated,
        }
    }
}

impl Store {
    /// Keeps an artifact, once by its digest, and tells the digest.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn put_artifact(&self, artifact: &NewArtifact, now: Timestamp) -> Result<Digest, StoreError> {
        let packed = Packed::new(artifact);
        run_tx!(self, "put_artifact", |tx| keep(tx, &packed, now).await)?;
        Ok(packed.digest)
    }

    /// The artifact with this digest.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none, [`StoreError::Artifact`] if its bytes are others.
    pub async fn artifact(&self, digest: Digest) -> Result<Artifact, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(in_tx("artifact"))?;
        fetch(&mut connection, digest).await
    }
}

pub(crate) async fn keep(tx: &mut PgConnection, packed: &Packed, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "/* keep_artifact */ INSERT INTO exhibit.artifacts (digest, media_type, size, deflated, kept_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (digest) DO NOTHING",
    )
    .bind(packed.digest.0.as_slice())
    .bind(&packed.media_type)
    .bind(bigint(packed.size))
    .bind(packed.deflated.as_slice())
    .bind(now.utc())
    .execute(tx)
    .await
    .map_err(in_tx("keep_artifact"))?;
    Ok(())
}

pub(crate) async fn fetch(tx: &mut PgConnection, digest: Digest) -> Result<Artifact, StoreError> {
    let row = sqlx::query("/* artifact */ SELECT media_type, size, deflated FROM exhibit.artifacts WHERE digest = $1")
        .bind(digest.0.as_slice())
        .fetch_optional(tx)
        .await
        .map_err(in_tx("artifact"))?;
    let row = row.ok_or_else(|| StoreError::NotFound { what: "artifact", key: digest.to_string() })?;
    let reader = Reader::new(&row, "artifacts", digest);
    let size = reader.count("size")?;
    let wrong = |why: String| StoreError::Artifact { digest: digest.to_string(), why };
    let mut bytes = Vec::new();
    // Never more than was promised, whatever the compressed bytes claim.
    ZlibDecoder::new(reader.get::<&[u8]>("deflated")?)
        .take(size.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| wrong(format!("it cannot be decompressed: {error}")))?;
    let found = Digest::of(&bytes);
    if found != digest || bytes.len() as u64 != size {
        return Err(wrong(format!("its bytes are others: {} bytes, {found}", bytes.len())));
    }
    Ok(Artifact { media_type: reader.get("media_type")?, bytes })
}
