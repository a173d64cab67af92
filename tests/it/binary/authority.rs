//! Certificates for servers of the tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// Who signs certificates.
pub(crate) struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = parameters.self_signed(&key).expect("signed").pem();
        Self { certificate, issuer: Issuer::new(parameters, key) }
    }

    pub(crate) fn pem(&self) -> &str {
        &self.certificate
    }

    /// A certificate for this name, and its key.
    pub(crate) fn certify(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new([name.to_owned()]).expect("a name");
        parameters.distinguished_name.push(DnType::CommonName, name);
        (parameters.signed_by(&key, &self.issuer).expect("signed").pem(), key.serialize_pem())
    }

    /// Writes a certificate for this name, its key, and beside them who signed it (`authority.pem`).
    pub(crate) fn certify_with(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.certify(name);
        let files = [("server.pem", certificate.as_str()), ("server.key", &key), ("authority.pem", self.pem())];
        let [certificate, key, _] = files.map(|(file, text)| {
            let path = folder.join(file);
            fs::write(&path, text).expect("written");
            path
        });
        (certificate, key)
    }
}
