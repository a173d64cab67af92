//! Signs requests as AWS asks for it: Signature Version 4.

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use exhibit_evidence::Clock;
use reqwest::header::{HOST, HeaderMap, HeaderName, HeaderValue};

use super::super::{RemoteError, Sign, Unsigned};
use super::AwsKeys;

/// Which service a request is signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// S3: paths are signed as they are, and the body's digest goes along.
    S3,
    /// Any other, by the name that it is signed with: `logs`, `secretsmanager`.
    Other(&'static str),
}

/// Signs requests with the same keys, for one service in one region.
pub struct AwsSigner<'a> {
    /// The keys.
    pub keys: AwsKeys,
    /// The region, such as `eu-central-1`.
    pub region: String,
    /// The service.
    pub service: Service,
    /// Signatures hold the time.
    pub clock: &'a dyn Clock,
}

impl AwsSigner<'_> {
    fn settings(&self) -> (&'static str, SigningSettings) {
        let mut settings = SigningSettings::default();
        match self.service {
            Service::Other(name) => (name, settings),
            Service::S3 => {
                settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
                settings.percent_encoding_mode = PercentEncodingMode::Single;
                settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
                ("s3", settings)
            }
        }
    }
}

impl Sign for AwsSigner<'_> {
    fn sign(&self, request: &Unsigned<'_>) -> Result<HeaderMap, RemoteError> {
        let refused =
            || RemoteError::Settings("the request can't be signed: region or a header is not usable".to_owned());
        let (name, settings) = self.settings();
        let identity = self.keys.credentials().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(name)
            .time(self.clock.now().utc().into())
            .settings(settings)
            .build()
            .map_err(|_| refused())?
            .into();
        let mut headers: Vec<(&str, &str)> = Vec::new();
        for (name, value) in request.headers {
            headers.push((name.as_str(), value.to_str().map_err(|_| refused())?));
        }
        let host = host(request.url);
        headers.push((HOST.as_str(), &host));
        let body = SignableBody::Bytes(request.body);
        let signable = SignableRequest::new(request.method.as_str(), request.url.as_str(), headers.into_iter(), body)
            .map_err(|_| refused())?;
        let (instructions, _) = sign(signable, &params).map_err(|_| refused())?.into_parts();
        let (added, _) = instructions.into_parts();
        let mut signed = HeaderMap::new();
        for header in added {
            let mut value = HeaderValue::from_str(header.value()).map_err(|_| refused())?;
            value.set_sensitive(true);
            signed.insert(HeaderName::from_static(header.name()), value);
        }
        Ok(signed)
    }
}

/// The header `Host` as the client sends it.
fn host(url: &reqwest::Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use exhibit_evidence::Timestamp;
    use reqwest::{Method, Url};

    struct At(&'static str);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            self.0.parse().expect("an instant")
        }
    }

    fn signed(service: Service, method: &Method, url: &str, headers: &HeaderMap, at: At) -> String {
        let keys = AwsKeys {
            id: "AKIDEXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            token: None,
        };
        let signer = AwsSigner { keys, region: "us-east-1".to_owned(), service, clock: &at };
        let url = Url::parse(url).expect("a URL");
        let unsigned = Unsigned { method, url: &url, headers, body: b"" };
        let headers = signer.sign(&unsigned).expect("signed");
        headers["authorization"].to_str().expect("text").to_owned()
    }

    /// `get-vanilla` of AWS's published test suite for Signature Version 4.
    #[test]
    fn signatures_are_those_of_the_published_examples() {
        let at = || At("2015-08-30T12:36:00.000000Z");
        let signature =
            signed(Service::Other("service"), &Method::GET, "https://example.amazonaws.com/", &HeaderMap::new(), at());
        let expected = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        assert!(signature.ends_with(expected), "{signature}");
        assert!(signature.contains("SignedHeaders=host;x-amz-date"), "{signature}");
    }
}
