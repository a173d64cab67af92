//! AWS Signature Version 4, as AWS describes it, for requests that no SDK makes.

use exhibit_evidence::{Digest, Timestamp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Message;

/// An account of a test server. Nothing here is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// The access key's id.
    pub id: &'static str,
    /// The secret access key.
    pub secret: &'static str,
}

impl KeyPair {
    /// Signs host, body and every `x-amz-` header, in place of whatever signature there was. The time is that of the
    /// signature before, or now.
    pub(super) fn sign(&self, request: &mut Message, region: &str) {
        request.remove("Authorization");
        let time = request.get("x-amz-date").map_or_else(now, str::to_owned);
        let digest = Digest::of(&request.body).hex();
        request.set("x-amz-date", &time);
        request.set("x-amz-content-sha256", &digest);
        let mut headers: Vec<(String, String)> = request
            .headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .filter(|(name, _)| name == "host" || name.starts_with("x-amz-"))
            .collect();
        headers.sort();
        let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let (method, target) = request.asked();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut pairs: Vec<String> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") })
            .collect();
        pairs.sort();
        let mut canonical = format!("{method}\n{path}\n{}\n", pairs.join("&"));
        for (name, value) in &headers {
            canonical.push_str(&format!("{name}:{value}\n"));
        }
        canonical.push_str(&format!("\n{names}\n{digest}"));
        let day = &time[..8];
        let scope = format!("{day}/{region}/s3/aws4_request");
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", Digest::of(canonical.as_bytes()).hex());
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in [day, region, "s3", "aws4_request"] {
            key = mac(&key, part);
        }
        let signature = hex::encode(mac(&key, &text));
        let value =
            format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", self.id);
        request.set("Authorization", &value);
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The machine's own time, which a real server compares with its own.
#[expect(clippy::disallowed_methods, reason = "a server that nobody here wrote has the real time")]
#[must_use]
pub fn real_time() -> Timestamp {
    Timestamp::new(chrono::Utc::now())
}

fn now() -> String {
    real_time().utc().format("%Y%m%dT%H%M%SZ").to_string()
}
