//! What a scanner may see and change of the machine's files: landlock, which the kernel holds it to.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::orders::{Fence, Orders};

/// What is asked of the kernel: files, connections over TCP, and signals to processes outside.
const ASKED: ABI = ABI::V6;

/// What any program needs to start, to resolve names and to check certificates. Of `/etc` only files that hold no secrets.
/// Of `/proc` what is the machine's alone: to root, other processes' environment and memory would be open otherwise.
const SYSTEM: [&str; 40] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys",
    "/proc/uptime",
    "/proc/version",
    "/sys",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/group",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/locale.alias",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
];

/// Devices that hold nothing.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Puts the calling thread, and whatever it starts from now on, behind the fence. Best effort: what the kernel does not
/// know is left out, and told.
pub(super) fn close(orders: &Orders) -> Result<Fence, RulesetError> {
    let all = AccessFs::from_all(ASKED);
    let read = AccessFs::from_read(ASKED);
    let mut asked = Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(all)?;
    asked = asked.scope(BitFlags::from(Scope::Signal))?;
    if !orders.network {
        asked = asked.handle_access(AccessNet::from_all(ABI::V4))?;
    }
    let mut readable: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).chain(orders.readable.iter().cloned()).collect();
    readable.push(orders.program.clone());
    readable.extend(virtual_environment(&orders.program));
    let devices = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    let status = asked
        .create()?
        .add_rules(path_beneath_rules(readable, read))?
        .add_rules(path_beneath_rules(DEVICES, devices))?
        .add_rules(path_beneath_rules(orders.writable.iter().chain([&orders.folder]), all))?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Fence::Full,
        RulesetStatus::PartiallyEnforced => Fence::Partial,
        RulesetStatus::NotEnforced => Fence::None,
    })
}

/// The folder of a program that is installed in a virtual environment of Python: it needs the libraries beside it.
fn virtual_environment(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?.parent()?;
    folder.join("pyvenv.cfg").is_file().then(|| folder.to_owned())
}
