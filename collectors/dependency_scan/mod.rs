//! `dependency_scan`: known vulnerabilities in the packages that lockfiles pin, whichever scanner looks for them. All of it is in `src/vulnerable`.

use crate::Collector;
use crate::vulnerable::Looks;

/// The collector, for the registry.
pub fn collector() -> Box<dyn Collector> {
    Box::new(Looks::Dependencies)
}
