//! Raw artifacts: kept once by digest, compressed, checked on reading.

use std::io::{self, Read as _, Write as _};

use exhibit_evidence::{Digest, Digesting, Timestamp};
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};
use sqlx::PgConnection;

use crate::append::NewArtifact;
use crate::error::in_tx;
use crate::rows::{Reader, bigint};
use crate::tx::run_tx;
use crate::{Store, StoreError};

/// Bytes fetched, and given, at a time.
const CHUNK: usize = 128 * 1024;

/// An artifact as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its media type.
    pub media_type: String,
    /// Its bytes, whose digest was checked.
    pub bytes: Vec<u8>,
}

/// What is known of an artifact beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactFacts {
    /// Its media type.
    pub media_type: String,
    /// How many bytes it has.
    pub size: u64,
}

/// An artifact ready to be kept: compressed, its digest known.
#[derive(Debug)]
pub struct Packed {
    digest: Digest,
    media_type: String,
    size: u64,
    deflated: Vec<u8>,
}

impl Packed {
    /// One whose bytes are at hand.
    #[must_use]
    pub fn new(artifact: &NewArtifact) -> Self {
        let mut packing = Packing::new(&artifact.media_type);
        packing.write_all(&artifact.bytes).expect("writing to a Vec does not fail");
        packing.finish()
    }

    /// The digest that it is kept under.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many bytes it has, before they were compressed.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// An artifact in the making: what is written to it is compressed and hashed as it comes, so that its bytes never lie in
/// memory together. Writing to it does not fail.
#[derive(Debug)]
pub struct Packing {
    media_type: String,
    digesting: Digesting,
    encoder: ZlibEncoder<Vec<u8>>,
}

impl Packing {
    /// Begins one of this media type.
    #[must_use]
    pub fn new(media_type: &str) -> Self {
        let encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        Self { media_type: media_type.to_owned(), digesting: Digesting::default(), encoder }
    }

    /// Ends it.
    #[must_use]
    pub fn finish(self) -> Packed {
        let deflated = self.encoder.finish().expect("writing to a Vec does not fail");
        let (digest, size) = self.digesting.finish();
        Packed { digest, media_type: self.media_type, size, deflated }
    }
}

impl io::Write for Packing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.encoder.write_all(bytes)?;
        self.digesting.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes of an artifact, in order, a little at a time. Each piece is fetched when it is asked for; no transaction is
/// open between two, for what is kept under a digest does not change.
#[derive(Debug)]
pub struct ArtifactChunks {
    store: Store,
    digest: Digest,
    /// How many compressed bytes were fetched.
    fetched: i32,
    /// The last ones of them, and how many of these are used up.
    deflated: (Vec<u8>, usize),
    decoder: Decompress,
    ended: bool,
}

impl ArtifactChunks {
    /// The next bytes, at most 128 KiB; none at the end. Whether they have the digest that they are kept under is for the
    /// caller to see, who has all of them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such artifact, [`StoreError::Artifact`] if it can't be decompressed.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let mut out = Vec::with_capacity(CHUNK);
        while !self.ended && out.is_empty() {
            if self.deflated.1 == self.deflated.0.len() {
                self.fetch().await?;
            }
            let before = self.decoder.total_in();
            let status =
                self.decoder.decompress_vec(&self.deflated.0[self.deflated.1..], &mut out, FlushDecompress::None);
            let status = status.map_err(|error| self.wrong(format!("it cannot be decompressed: {error}")))?;
            let used = usize::try_from(self.decoder.total_in() - before).unwrap_or(usize::MAX);
            self.deflated.1 += used;
            self.ended = status == Status::StreamEnd;
            if !self.ended && used == 0 && out.is_empty() {
                return Err(self.wrong("it cannot be decompressed: it does not go on".to_owned()));
            }
        }
        Ok((!out.is_empty()).then_some(out))
    }

    async fn fetch(&mut self) -> Result<(), StoreError> {
        // A slice of a value that lies compressed already is read without the rest of it.
        let row = sqlx::query(
            "/* artifact_chunk */ SELECT substring(deflated FROM $2 + 1 FOR $3) AS part \
               FROM exhibit.artifacts WHERE digest = $1",
        )
        .bind(self.digest.0.as_slice())
        .bind(self.fetched)
        .bind(i32::try_from(CHUNK).unwrap_or(i32::MAX))
        .fetch_optional(&self.store.pool)
        .await
        .map_err(in_tx("artifact_chunk"))?;
        let row = row.ok_or_else(|| StoreError::NotFound { what: "artifact", key: self.digest.to_string() })?;
        let part: Vec<u8> = Reader::new(&row, "artifacts", self.digest).get("part")?;
        if part.is_empty() {
            return Err(self.wrong("its compressed bytes end early".to_owned()));
        }
        self.fetched = self.fetched.saturating_add(i32::try_from(part.len()).unwrap_or(i32::MAX));
        self.deflated = (part, 0);
        Ok(())
    }

    fn wrong(&self, why: String) -> StoreError {
        StoreError::Artifact { digest: self.digest.to_string(), why }
    }
}

impl Store {
    /// Keeps an artifact, once by its digest, and tells the digest.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn put_artifact(&self, artifact: &NewArtifact, now: Timestamp) -> Result<Digest, StoreError> {
        let packed = Packed::new(artifact);
        self.keep_artifact(&packed, now).await?;
        Ok(packed.digest)
    }

    /// The same for one that was packed already.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn keep_artifact(&self, packed: &Packed, now: Timestamp) -> Result<(), StoreError> {
        run_tx!(self, "put_artifact", |tx| keep(tx, packed, now).await)
    }

    /// What is known of an artifact beside its bytes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none.
    pub async fn artifact_facts(&self, digest: Digest) -> Result<ArtifactFacts, StoreError> {
        let row = sqlx::query("/* artifact_facts */ SELECT media_type, size FROM exhibit.artifacts WHERE digest = $1")
            .bind(digest.0.as_slice())
            .fetch_optional(&self.pool)
            .await
            .map_err(in_tx("artifact_facts"))?;
        let row = row.ok_or_else(|| StoreError::NotFound { what: "artifact", key: digest.to_string() })?;
        let reader = Reader::new(&row, "artifacts", digest);
        Ok(ArtifactFacts { media_type: reader.get("media_type")?, size: reader.count("size")? })
    }

    /// Begins to read an artifact that need not fit into memory.
    #[must_use]
    pub fn artifact_chunks(&self, digest: Digest) -> ArtifactChunks {
        ArtifactChunks {
            store: self.clone(),
            digest,
            fetched: 0,
            deflated: (Vec::new(), 0),
            decoder: Decompress::new(true),
            ended: false,
        }
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
