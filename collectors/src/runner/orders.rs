//! What Exhibit and its helper say to one another, as JSON over the socket that is the helper's standard input.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Ended, Used};

/// What the helper is to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Orders {
    /// The program to start.
    pub(super) program: PathBuf,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// The folder that it runs in, and that it may change.
    pub(super) folder: PathBuf,
    /// What each of its processes is held to.
    pub(super) bounds: Bounds,
    /// What it may read.
    pub(super) readable: Vec<PathBuf>,
    /// What else it may change.
    pub(super) writable: Vec<PathBuf>,
    /// Whether it may use the network.
    pub(super) network: bool,
}

/// Limits that the kernel holds each process to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// CPU seconds.
    pub cpu_seconds: u64,
    /// Bytes of a file.
    pub file_bytes: u64,
    /// Open files.
    pub open_files: u64,
}

/// How far the kernel holds a scanner to the files that it may see and change (landlock).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fence {
    /// All that was asked for.
    Full,
    /// What this kernel knows of it.
    Partial,
    /// Not at all: the kernel has no landlock, or it is switched off.
    #[default]
    None,
}

/// The limits that were in force, as read back after they were set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// What each process was held to.
    pub bounds: Bounds,
    /// Whether no program could gain rights by being set-user-id.
    pub no_new_privileges: bool,
    /// Whether it was held to its target and its own folder.
    pub fence: Fence,
    /// Whether connections over TCP were refused: only where it needs none, and the fence is full.
    pub no_network: bool,
    /// Bytes of memory that all its processes together were held to, if they were.
    pub memory_bytes: Option<u64>,
    /// Processes and threads that it was held to, if it was.
    pub processes: Option<u64>,
}

/// What the helper says, one a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    /// The scanner runs, under these limits.
    Started(InForce),
    /// It could not be started; why, in words.
    NotStarted(String),
    /// It has ended, and everything that it started.
    Ended(Ended, Used),
}
