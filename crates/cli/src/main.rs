//! The binary `exhibit`.
fn main() {}
