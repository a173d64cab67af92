//! The helper for tests of the runner.

use std::process::ExitCode;

fn main() -> ExitCode {
    exhibit_collectors::runner::helper::main()
}
