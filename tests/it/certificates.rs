//! Certificates for servers on this machine.

/// An authority of our own, a certificate of it for this machine, and that one's key, PEM.
pub(crate) fn certificates() -> (String, String, String) {
    certificates_of("127.0.0.1")
}

/// The same, for a server of that name.
pub(crate) fn certificates_of(name: &str) -> (String, String, String) {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "Exhibit tests' own authority");
    let authority_key = rcgen::KeyPair::generate().expect("a key");
    let root = authority.self_signed(&authority_key).expect("a certificate");
    let key = rcgen::KeyPair::generate().expect("a key");
    let own = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let own = own.signed_by(&key, &issuer).expect("a certificate");
    (root.pem(), own.pem(), key.serialize_pem())
}
