//! Bills of materials in SPDX JSON (2.2, 2.3), for what has no lockfile of its own.

use super::{Gather, LockError, Why};
use crate::packages::bill::Bill;

pub(super) fn read(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    let bill = Bill::in_spdx(text.as_bytes()).map_err(|why| {
        let expected = format!("a bill of materials in SPDX JSON (2.2, 2.3): {why}");
        gather.wrong(None, "", expected)
    })?;
    gather.locked.counted = Some("the packages of the bill of materials that have a package URL");
    for component in bill.components {
        match component.package {
            Some(package) if package.version().is_some() => gather.add(package, None)?,
            Some(_) => gather.apart(&component.name, Why::Unversioned)?,
            None => gather.apart(&component.name, Why::Unnamed)?,
        }
    }
    Ok(())
}
