//! A copy of RustSec's database that holds one advisory.

use std::{fs, path::Path, process::Command};

const ADVISORY: &str = r#"```toml
[advisory]
id = "RUSTSEC-2020-0071"
package = "time"
date = "2020-11-18"
aliases = ["CVE-2020-26235"]
cvss = "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:H"

[versions]
patched = [">= 0.2.23"]
```

# Planted

For the tests.
"#;

/// Makes it in a folder, as a git repository with one commit of this instant (RFC 3339).
pub(crate) fn database(folder: &Path, made_at: &str) {
    let advisories = folder.join("crates/time");
    fs::create_dir_all(&advisories).expect("made");
    fs::write(advisories.join("RUSTSEC-2020-0071.md"), ADVISORY).expect("written");
    for arguments in [
        ["init", "--quiet", "--initial-branch=main"].as_slice(),
        &["add", "."],
        &["-c", "user.name=M", "-c", "user.email=m@example.org", "commit", "--quiet", "--message=planted"],
    ] {
        let done = Command::new("git")
            .args(arguments)
            .current_dir(folder)
            .env("GIT_COMMITTER_DATE", made_at)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .status();
        assert!(done.is_ok_and(|done| done.success()), "git {arguments:?}");
    }
}
