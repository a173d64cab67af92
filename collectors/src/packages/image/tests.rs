//! Images of all three forms, right and wrong, made here.

use std::fs;

use super::making::{Damage, Form, Layer, Packed, Recipe};
use super::*;

const STATUS: &str = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\nDescription: the C library\n goes on: here\n\n\
                      Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n\
                      Package: tzdata\nStatus: install ok installed\nArchitecture: all\nVersion: 1:2024a\n";
const INSTALLED: &str = "C:Q1=\nP:musl\nV:1.2.4-r2\nA:x86_64\nF:lib\n\nP:.build-deps\nV:0\nA:noarch\n\n";
const RELEASE: &str = "NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"12\"\n";

fn layer(files: &[(&str, &str)]) -> Layer {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    Layer { files, ..Layer::default() }
}

fn made(recipe: &Recipe) -> (tempfile::TempDir, Result<Opened, ImageError>) {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("image");
    recipe.make(place.path(), &path).expect("made");
    let opened = open(&path, None);
    (place, opened)
}

/// What an image of these layers is told to hold, one line each.
fn told(layers: Vec<Layer>) -> Vec<String> {
    let (_place, opened) = made(&Recipe { layers, ..Recipe::default() });
    match opened.expect("an image").contents(&GlobSet::empty()) {
        Ok(contents) => lines(&contents),
        Err(error) => vec![error.to_string()],
    }
}

fn lines(contents: &Contents) -> Vec<String> {
    let mut lines: Vec<String> = contents.databases.iter().map(|found| format!("database {}", found.path)).collect();
    lines.extend(contents.lockfiles.files.iter().map(|found| format!("lockfile {}", found.path)));
    lines.extend(contents.lockfiles.unread.iter().map(|one| format!("unread {}: {}", one.path, one.reason)));
    lines.extend(contents.uncounted.iter().map(|one| format!("uncounted {}: {}", one.path, one.reason)));
    lines.extend(contents.installed.iter().map(|(language, count)| format!("{count} of {language}")));
    lines.extend(contents.distribution.iter().map(|one| format!("{} {:?}", one.id, one.version)));
    lines
}

#[test]
fn every_form_and_packing_holds_the_same() {
    let mut known = None;
    for form in [Form::Docker, Form::Oci, Form::Layout] {
        for packed in [Packed::Plain, Packed::Gzip, Packed::Zstd] {
            let mut layers = vec![
                layer(&[("./etc/os-release", RELEASE), ("./var/lib/dpkg/status", STATUS)]),
                layer(&[("app/Cargo.lock", "version = 4\n"), ("app/node_modules/a/package.json", "{}")]),
            ];
            layers.iter_mut().for_each(|layer| layer.packed = packed);
            let (place, opened) = made(&Recipe { form, layers, damage: None });
            let opened = opened.expect("an image");
            let contents = opened.contents(&GlobSet::empty()).expect("its contents");
            assert_eq!(
                lines(&contents),
                ["database var/lib/dpkg/status", "lockfile app/Cargo.lock", "1 of Node.js", "debian Some(\"12\")"]
            );
            let known = known.get_or_insert_with(|| opened.image.config.clone());
            assert_eq!((&opened.image.config, opened.image.layers.len()), (&*known, 2));
            assert_eq!(opened.image.manifest.is_some(), form != Form::Docker);
            assert_eq!(opened.image.platform.as_deref(), Some("linux/amd64"));
            let file = place.path().join("image");
            let bytes = (form != Form::Layout).then(|| Digest::of(&fs::read(file).expect("readable")));
            assert_eq!(opened.image.file, bytes);
            let without = globset::GlobSetBuilder::new().add(globset::Glob::new("app/**").expect("one")).build();
            let without = opened.contents(&without.expect("a set")).expect("its contents");
            assert!(without.lockfiles.files.is_empty());
        }
    }
}

#[test]
fn layers_lie_over_one_another_as_a_container_sees_them() {
    let base = || layer(&[("etc/os-release", RELEASE), ("var/lib/dpkg/status", STATUS)]);
    let release = "debian Some(\"12\")";
    for (upper, expected) in [
        (
            layer(&[("var/lib/dpkg/status", "Package: new\nVersion: 1\n")]),
            vec!["database var/lib/dpkg/status", release],
        ),
        (
            layer(&[("var/lib/dpkg/.wh.status", "")]),
            vec![
                "uncounted var/lib/dpkg/status: layer 2 takes it away, and what it listed may still be there",
                release,
            ],
        ),
        (
            layer(&[("var/.wh.lib", "")]),
            vec![
                "uncounted var/lib/dpkg/status: layer 2 takes it away, and what it listed may still be there",
                release,
            ],
        ),
        // What a layer adds stays, whatever it takes away from those below.
        (
            layer(&[("var/lib/dpkg/.wh..wh..opq", ""), ("var/lib/dpkg/status", STATUS)]),
            vec!["database var/lib/dpkg/status", release],
        ),
        (layer(&[(".wh..wh..opq", ""), ("var/lib/dpkg/status", STATUS)]), vec!["database var/lib/dpkg/status"]),
        (
            layer(&[("var/lib/dpkg/.wh.status-old", ""), ("var/.wh..wh.plnk", "")]),
            vec!["database var/lib/dpkg/status", release],
        ),
        (
            layer(&[("var/lib", "a file where a folder was")]),
            vec![
                "uncounted var/lib/dpkg/status: layer 2 takes it away, and what it listed may still be there",
                release,
            ],
        ),
        (
            layer(&[("var/lib/rpm/rpmdb.sqlite", "SQLite"), ("nix/var/nix/db/db.sqlite", "SQLite")]),
            vec![
                "database var/lib/dpkg/status",
                "uncounted nix/var/nix/db/db.sqlite: it is a package database of Nix, which can't be read here",
                "uncounted var/lib/rpm/rpmdb.sqlite: it is a package database of rpm, which can't be read here",
                release,
            ],
        ),
        (
            layer(&[("usr/lib/python3/dist-packages/a-1.dist-info/METADATA", ""), ("opt/a.jar", ""), ("x/.wh.y", "")]),
            vec!["database var/lib/dpkg/status", "1 of Java", "1 of Python", release],
        ),
        (
            layer(&[("../etc/passwd", "")]),
            vec!["layer 2 of 2 can't be read: it names a file outside of the image: `../etc/passwd`"],
        ),
    ] {
        assert_eq!(told(vec![base(), upper]), expected);
    }
}

#[test]
fn links_are_not_followed_and_hide_nothing() {
    let linked = |links: &[(&str, &str)], files: &[(&str, &str)]| {
        let links = links.iter().map(|(path, to)| ((*path).to_owned(), (*to).to_owned())).collect();
        told(vec![Layer { links, ..layer(files) }])
    };
    assert_eq!(
        linked(
            &[
                ("lib", "usr/lib"),
                ("etc/os-release", "../usr/lib/os-release"),
                ("var/lib/rpm", "/usr/lib/sysimage/rpm")
            ],
            &[("usr/lib/apk/db/installed", INSTALLED), ("usr/lib/os-release", "ID=alpine\n")],
        ),
        ["database usr/lib/apk/db/installed", "alpine None"]
    );
    assert_eq!(
        linked(&[("var/lib/dpkg", "/opt/dpkg"), ("app/yarn.lock", "../real.lock")], &[("opt/dpkg/status", STATUS)]),
        [
            "unread app/yarn.lock: it is a link, which is not followed",
            "uncounted var/lib/dpkg: it is a link, which is not followed",
        ]
    );
}

#[test]
fn packages_of_a_distribution_are_named_as_scanners_name_them() {
    use crate::packages::lockfile::installed;
    let purls = |format, distribution, text: &str| -> Vec<String> {
        let locked = installed(format, distribution, "status", text.as_bytes()).expect("in order");
        locked.packages.iter().map(crate::packages::Package::purl).collect()
    };
    use crate::packages::Format;
    assert_eq!(
        purls(Format::Dpkg, "ubuntu", STATUS),
        ["pkg:deb/ubuntu/libc6@2.36-9?arch=amd64", "pkg:deb/ubuntu/tzdata@1:2024a"]
    );
    assert_eq!(purls(Format::Apk, "alpine", INSTALLED), ["pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64"]);
    for text in ["Package: a\n", "Version: 1\n", "Package: a\nStatus: installed\nVersion: 1\n", "no field\n", " \n"] {
        assert!(installed(Format::Dpkg, "debian", "status", text.as_bytes()).is_err(), "{text:?}");
    }
    let (_place, opened) = made(&Recipe {
        layers: vec![layer(&[
            ("var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 12\nArchitecture: amd64\n"),
            ("var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a\nArchitecture: all"),
            ("var/lib/dpkg/status.d/tzdata.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/share\n"),
        ])],
        ..Recipe::default()
    });
    let contents = opened.expect("an image").contents(&GlobSet::empty()).expect("its contents");
    let [parts] = contents.databases.as_slice() else { panic!("{:?}", contents.databases) };
    let locked = installed(parts.format, "debian", &parts.path, &parts.bytes).expect("in order");
    assert_eq!(locked.packages.len(), 2);
}

#[test]
fn what_is_damaged_is_told_and_counted_as_nothing() {
    for (form, damage, packed, expected) in [
        (Form::Docker, Damage::Truncated, Packed::Gzip, "layer 2 of 2 can't be read: "),
        (Form::Docker, Damage::Truncated, Packed::Plain, "an unpacked layer has the digest sha256:"),
        (Form::Oci, Damage::Truncated, Packed::Zstd, "layer 2 of 2 can't be read: "),
        (Form::Docker, Damage::Changed, Packed::Plain, "an unpacked layer has the digest sha256:"),
        (Form::Oci, Damage::Changed, Packed::Plain, "a layer has the digest sha256:"),
        (Form::Layout, Damage::Changed, Packed::Plain, "a layer has the digest sha256:"),
        (Form::Docker, Damage::Missing, Packed::Plain, "layer 2 of 2 can't be read: it is missing"),
        (Form::Layout, Damage::Missing, Packed::Plain, "layer 2 of 2 can't be read: it is missing"),
        (Form::Docker, Damage::Outside, Packed::Plain, "layer 2 of 2 can't be read: it is missing"),
        (Form::Layout, Damage::Outside, Packed::Plain, "a layer is named by no SHA-256 digest"),
        (Form::Oci, Damage::Configuration, Packed::Plain, "the configuration has the digest sha256:"),
    ] {
        let mut layers = vec![layer(&[("var/lib/dpkg/status", STATUS)]), layer(&[("app/uv.lock", "version = 1\n")])];
        layers.iter_mut().for_each(|layer| layer.packed = packed);
        let (_place, opened) = made(&Recipe { form, layers, damage: Some(damage) });
        let error = opened.and_then(|opened| opened.contents(&GlobSet::empty())).expect_err("damaged").to_string();
        assert!(error.contains(expected), "{form:?} {damage:?} {packed:?}: {error}");
    }
}

#[test]
fn a_flood_of_names_is_told_and_does_not_fill_memory() {
    let flood = Layer { empty: 1001, packed: Packed::Gzip, ..Layer::default() };
    let (_place, opened) =
        made(&Recipe { layers: vec![layer(&[("etc/os-release", RELEASE)]), flood], ..Recipe::default() });
    let limits = crate::reading::Limits { entries: 1000, ..Default::default() };
    let error = contents::contents(&opened.expect("an image"), &GlobSet::empty(), limits).expect_err("too many");
    assert_eq!(error.to_string(), "layer 2 of 2 can't be read: it unpacks to more than 1000 members");
    let locks = (0..10_001).map(|at| (format!("a/{at}/Cargo.lock"), "version = 4\n".to_owned()));
    let many = Layer { files: locks.collect(), ..Layer::default() };
    let told = told(vec![many]);
    assert!(matches!(told.as_slice(), [one] if one.contains("more than 10000 lockfiles")), "{:?}", told.first());
}

#[test]
fn a_folder_names_no_file_outside_of_it() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("image");
    fs::create_dir(&folder).expect("a folder");
    let config = r#"{"rootfs":{"type":"layers","diff_ids":[]}}"#;
    fs::write(place.path().join("config.json"), config).expect("written");
    std::os::unix::fs::symlink("../config.json", folder.join("linked.json")).expect("a link");
    for named in ["../config.json", "/etc/passwd", "linked.json", "a/../../config.json"] {
        fs::write(folder.join("manifest.json"), format!(r#"[{{"Config":"{named}","Layers":[]}}]"#)).expect("written");
        let error = open(&folder, None).err().expect("refused").to_string();
        assert!(error.contains("lies outside"), "{named}: {error}");
    }
}

#[test]
fn what_is_no_image_or_several_is_told() {
    let archive = |files: &[(&str, &str)]| {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut archive = tar::Builder::new(file.reopen().expect("the same"));
        for (name, text) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, text.as_bytes()).expect("appended");
        }
        archive.finish().expect("written");
        file
    };
    let config = r#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let opened = |file: &tempfile::NamedTempFile, name| open(file.path(), name).map(|opened| opened.image);
    assert!(matches!(opened(&archive(&[]), None), Err(ImageError::Form(_))));
    let two = r#"[{"Config":"a.json","RepoTags":["a:1"]},{"Config":"b.json","RepoTags":["b:1"]}]"#;
    let file = archive(&[("manifest.json", two), ("b.json", config)]);
    assert_eq!(opened(&file, None), Err(ImageError::Several(2)));
    assert_eq!(opened(&file, Some("b:1")).expect("an image").names, ["b:1"]);
    assert!(matches!(opened(&file, Some("a:1")), Err(ImageError::Form(_))));
    let twice = archive(&[("manifest.json", "[]"), ("manifest.json", two)]);
    assert!(matches!(opened(&twice, None), Err(ImageError::Form(_))));
    assert!(open(Path::new("/nowhere/at/all"), None).is_err());
}

#[test]
fn whatever_byte_is_changed_the_same_is_counted_or_nothing() {
    for (form, packed) in [(Form::Docker, Packed::Plain), (Form::Docker, Packed::Zstd), (Form::Oci, Packed::Gzip)] {
        let mut only =
            layer(&[("etc/os-release", RELEASE), ("var/lib/dpkg/status", STATUS), ("app/uv.lock", "version = 1\n")]);
        only.packed = packed;
        let (place, opened) = made(&Recipe { form, layers: vec![only], damage: None });
        let whole = opened.expect("an image").contents(&GlobSet::empty()).expect("its contents");
        let path = place.path().join("image");
        let bytes = fs::read(&path).expect("readable");
        let mut refused = 0;
        // A prime, so that it falls on every place of a block.
        for at in (0..bytes.len()).step_by(13) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            fs::write(&path, &changed).expect("written");
            match open(&path, None).and_then(|opened| opened.contents(&GlobSet::empty())) {
                Ok(contents) => assert_eq!(contents, whole, "{form:?}, {packed:?}, byte {at}"),
                Err(error) => {
                    refused += 1;
                    assert!(!error.to_string().contains(char::is_control), "{error}");
                }
            }
            // Cut off there it is no image, but for the blocks of zeros that end an archive.
            fs::write(&path, &bytes[..at]).expect("written");
            let cut = open(&path, None).and_then(|opened| opened.contents(&GlobSet::empty()));
            assert!(cut.is_err() || cut == Ok(whole.clone()), "{form:?}, {packed:?}, cut at {at}");
        }
        assert!(refused > bytes.len() / 13 / 4, "{refused} of {}", bytes.len() / 13);
    }
}
