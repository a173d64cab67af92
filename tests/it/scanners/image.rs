//! An image made by hand: one layer of Debian 12 with one package.

use sha2::Digest as _;

const STATUS: &str = "Package: zlib1g\nStatus: install ok installed\nPriority: optional\nSection: libs\nMaintainer: M <m@example.org>\n\
                      Architecture: amd64\nSource: zlib\nVersion: VERSION\nDescription: compression library\n\n";

/// A version of the package that has a flaw which Trivy's database knows.
pub(crate) const FLAWED: &str = "1:1.2.13.dfsg-1";

/// What an image is made of.
pub(crate) struct Image {
    /// Its configuration.
    pub(crate) config: Vec<u8>,
    /// Its one layer, not packed.
    pub(crate) layer: Vec<u8>,
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, *bytes).expect("appended");
    }
    tar.into_inner().expect("whole")
}

/// SHA-256, in small hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An image with this version of the package.
pub(crate) fn of_debian(version: &str) -> Image {
    with_file(version, &[])
}

/// The same with a file of these bytes beside it, if there are any.
pub(crate) fn with_file(version: &str, bytes: &[u8]) -> Image {
    let release = b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
    let status = STATUS.replace("VERSION", version);
    let mut files = vec![
        ("etc/debian_version", b"12.5\n".as_slice()),
        ("etc/os-release", release),
        ("var/lib/dpkg/status", status.as_bytes()),
    ];
    if !bytes.is_empty() {
        files.push(("srv/data", bytes));
    }
    let layer = tar(&files);
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {}, "history": [{"created": "2026-11-01T00:00:00Z", "created_by": "COPY"}],
        "created": "2026-11-01T00:00:00Z", "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hex(&layer))]},
    });
    Image { config: config.to_string().into_bytes(), layer }
}

/// An archive as `docker save` writes it, with the flawed version.
pub(crate) fn debian() -> Vec<u8> {
    let Image { config, layer } = of_debian(FLAWED);
    let name = format!("{}.json", hex(&config));
    let manifest = serde_json::json!([{"Config": name, "RepoTags": ["shop:1"], "Layers": ["layer.tar"]}]).to_string();
    tar(&[(&name, &config), ("layer.tar", &layer), ("manifest.json", manifest.as_bytes())])
}
