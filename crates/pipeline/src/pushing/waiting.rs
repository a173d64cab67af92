//! What a tool printed, while it waits to be sealed with what was told from it: masked, compressed, and gone with the request.

use std::io::{Read as _, Write as _};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use exhibit_evidence::{Digest, observation::ArtifactRef};
use exhibit_store::NewArtifact;
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use serde::{Deserialize, Serialize};

use crate::sealing::Kept;

/// A masked artifact in a text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Waiting {
    /// What the record will say of it.
    pub(super) reference: ArtifactRef,
    /// Its bytes by zlib, in base64.
    deflated: String,
}

impl Waiting {
    pub(super) fn new(kept: &Kept) -> Self {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&kept.artifact.bytes).expect("writing to a Vec does not fail");
        let deflated = encoder.finish().expect("writing to a Vec does not fail");
        Self { reference: kept.reference.clone(), deflated: BASE64_STANDARD.encode(deflated) }
    }

    /// As it came; or why it is not what it says.
    pub(super) fn open(self) -> Result<Kept, String> {
        let Self { reference, deflated } = self;
        let deflated = BASE64_STANDARD.decode(deflated).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        // Never more than was promised.
        let mut decoder = ZlibDecoder::new(deflated.as_slice()).take(reference.size.saturating_add(1));
        decoder.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if Digest::of(&bytes) != reference.digest || bytes.len() as u64 != reference.size {
            return Err(format!("the bytes of {} are others", reference.digest));
        }
        let artifact = NewArtifact { media_type: reference.media_type.clone(), bytes: bytes.into() };
        Ok(Kept { reference, artifact })
    }
}

#[cfg(test)]
mod tests {
    use exhibit_collectors::RawArtifact;
    use exhibit_detect::Engine;

    use super::*;
    use crate::sealing::keep;

    #[test]
    fn what_waits_comes_out_as_it_went_in_masked_and_nothing_else_does() {
        /// Made up, in the form of the real ones.
        const SECRET: &str = concat!("AKIA", "QWERTYUIOPASDFGH");
        let bytes = format!("{{\"title\":\"a key {SECRET} in a title\"}}\n").into_bytes();
        let raw = RawArtifact { name: "it".to_owned(), media_type: "application/json".to_owned(), bytes };
        let kept = keep(Engine::builtin(), raw);
        assert_eq!(kept.reference.masked, 1);
        let text = serde_json::to_string(&Waiting::new(&kept)).expect("JSON");
        let read = || serde_json::from_str::<Waiting>(&text).expect("as written");
        let opened = read().open().expect("as it went in");
        assert_eq!((&opened.reference, &opened.artifact), (&kept.reference, &kept.artifact));
        assert!(!String::from_utf8_lossy(&opened.artifact.bytes).contains(SECRET));

        let mut longer = read();
        longer.reference.size -= 1;
        let mut other = read();
        other.reference.digest = Digest::of(b"");
        let mut cut = read();
        cut.deflated.truncate(8);
        assert!([longer, other, cut].into_iter().all(|wrong| wrong.open().is_err()));
    }
}
