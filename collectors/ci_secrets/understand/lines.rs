//! The reader of last resort: a file that is not the YAML it should be, line by line.

use super::shell;
use super::sink::{Form, Sink};

/// Reads `key: value` on each line, and each line as shell text.
pub(crate) fn read(text: &str, sink: &mut Sink) {
    for (number, line) in text.lines().enumerate() {
        let number = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let bare = line.trim().trim_start_matches("- ").trim_start();
        if bare.starts_with('#') {
            continue;
        }
        if let Some((key, value)) = bare.split_once(": ") {
            let key = key.trim().trim_matches(['"', '\'']);
            let value = value.split(" #").next().unwrap_or_default().trim();
            let plain = !value.starts_with(['"', '\'']);
            if key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')) {
                sink.assign(key, value.trim_matches(['"', '\'', ',']), plain, number, Form::Key);
                shell::script(value, number, sink);
                continue;
            }
        }
        shell::script(bare, number, sink);
    }
}
