//! `container_scan`: known vulnerabilities in what container images hold, whichever scanner looks for them. All of it is in `src/vulnerable`.

use crate::Collector;
use crate::vulnerable::Looks;

/// The collector, for the registry.
pub fn collector() -> Box<dyn Collector> {
    Box::new(Looks::Images)
}
