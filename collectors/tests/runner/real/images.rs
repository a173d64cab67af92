//! An image as `docker save` writes it, made by hand: what is in it, by Syft, and what is wrong with it, by Trivy.

use std::io::Write as _;

use exhibit_collectors::scanners::LooksAt;
use sha2::Digest as _;

use super::trivy::{LOCK, found, with_database};
use super::{Place, fenced, installed, json};

const STATUS: &str = "Package: zlib1g\nStatus: install ok installed\nPriority: optional\nSection: libs\nMaintainer: M <m@example.org>\n\
                      Architecture: amd64\nSource: zlib\nVersion: 1:1.2.13.dfsg-1\nDescription: compression library\n\n";

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

fn hex(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One layer of Debian 12 with one package.
fn image() -> Vec<u8> {
    let release = b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
    let layer = tar(&[
        ("etc/debian_version", b"12.5\n"),
        ("etc/os-release", release),
        ("var/lib/dpkg/status", STATUS.as_bytes()),
    ]);
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {}, "history": [{"created": "2026-11-01T00:00:00Z", "created_by": "COPY"}],
        "created": "2026-11-01T00:00:00Z", "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hex(&layer))]},
    })
    .to_string();
    let name = format!("{}.json", hex(config.as_bytes()));
    let manifest = serde_json::json!([{"Config": name, "RepoTags": ["shop:1"], "Layers": ["layer.tar"]}]).to_string();
    tar(&[(&name, config.as_bytes()), ("layer.tar", &layer), ("manifest.json", manifest.as_bytes())])
}

#[test]
fn an_images_packages_and_their_flaws_are_found() {
    let place = Place::new(&[]);
    place.write("image.tar", &image());
    with_database(&place);
    let mut done =
        place.scan(&installed("trivy", &[("database", "db")]), LooksAt::Image, "image.tar").expect("it scans");
    assert!(fenced(&done));
    assert_eq!(found(&json(&mut done)), ["zlib1g 1:1.2.13.dfsg-1: CVE-2023-45853"]);

    let mut syft = installed("syft", &[]);
    syft.mode = Some("docker-archive".to_owned());
    let mut done = place.scan(&syft, LooksAt::Image, "image.tar").expect("it scans");
    assert_eq!((done.facts.version.as_deref(), done.format.name(), fenced(&done)), (Some("1.18.1"), "cyclonedx", true));
    let bill = json(&mut done);
    let names: Vec<&str> =
        bill["components"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    assert!(names.contains(&"zlib1g"), "{names:?}");
}

#[test]
fn what_syft_writes_of_a_folder_trivy_looks_up() {
    let place = Place::new(&[("shop/package-lock.json", LOCK)]);
    with_database(&place);
    let mut done = place.scan(&installed("syft", &[]), LooksAt::Folder, "shop").expect("it scans");
    let bill = json(&mut done);
    let packages = bill["components"].as_array().into_iter().flatten();
    let packages: Vec<&str> = packages.filter_map(|one| one["purl"].as_str()).collect();
    assert_eq!(packages, ["pkg:npm/left-pad@1.3.0", "pkg:npm/minimist@1.2.5", "pkg:npm/shop@1.0.0"]);
    std::fs::File::create(place.path("bill.json"))
        .expect("made")
        .write_all(bill.to_string().as_bytes())
        .expect("written");
    let mut done =
        place.scan(&installed("trivy", &[("database", "db")]), LooksAt::Sbom, "bill.json").expect("it scans");
    assert_eq!(found(&json(&mut done)), ["minimist 1.2.5: CVE-2021-44906"]);
}
