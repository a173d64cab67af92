//! An image as `docker save` writes it: what is in it, by Syft, and what is wrong with it, by Trivy.

use std::io::Write as _;

use exhibit_collectors::scanners::LooksAt;

use super::trivy::{found, with_database};
use super::{Place, fenced, json, settings};
use crate::scanners::{NPM_LOCK, image};

#[test]
fn an_images_packages_and_their_flaws_are_found() {
    let place = Place::new(&[]);
    place.write("image.tar", &image::debian());
    with_database(&place);
    let mut done =
        place.scan(&settings(&place, "trivy", &[("database", "db")]), LooksAt::Image, "image.tar").expect("it scans");
    assert!(fenced(&done));
    assert_eq!(found(&json(&mut done)), ["zlib1g 1:1.2.13.dfsg-1: CVE-2023-45853"]);

    let mut syft = settings(&place, "syft", &[]);
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
    let place = Place::new(&[("shop/package-lock.json", NPM_LOCK)]);
    with_database(&place);
    let mut done = place.scan(&settings(&place, "syft", &[]), LooksAt::Folder, "shop").expect("it scans");
    let bill = json(&mut done);
    let packages = bill["components"].as_array().into_iter().flatten();
    let packages: Vec<&str> = packages.filter_map(|one| one["purl"].as_str()).collect();
    assert_eq!(packages, ["pkg:npm/left-pad@1.3.0", "pkg:npm/minimist@1.2.5", "pkg:npm/shop@1.0.0"]);
    std::fs::File::create(place.path("bill.json"))
        .expect("made")
        .write_all(bill.to_string().as_bytes())
        .expect("written");
    let mut done =
        place.scan(&settings(&place, "trivy", &[("database", "db")]), LooksAt::Sbom, "bill.json").expect("it scans");
    assert_eq!(found(&json(&mut done)), ["minimist 1.2.5: CVE-2021-44906"]);
}
