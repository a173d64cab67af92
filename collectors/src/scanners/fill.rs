//! Placeholders in what an adapter says: `{target}`, `{output}`, and the names of its parameters.

use std::collections::BTreeMap;

/// What stands for the thing that is scanned.
pub(super) const TARGET: &str = "target";
/// What stands for the file that the scanner leaves its result in.
pub(super) const OUTPUT: &str = "output";

/// The names between braces in a text; a brace that opens none is plain text.
pub(super) fn names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        match after.split_once('}') {
            Some((name, behind)) if is_name(name) => {
                names.push(name);
                rest = behind;
            }
            _ => rest = after,
        }
    }
    names
}

/// The text with the placeholders replaced, in one pass: what is put in is not looked at again.
pub(super) fn fill(text: &str, values: &BTreeMap<&str, String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after.split_once('}').and_then(|(name, behind)| Some((values.get(name)?, behind))) {
            Some((value, behind)) => {
                filled.push_str(value);
                rest = behind;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_not_looked_at_again() {
        let values = BTreeMap::from([("target", "/a/{output}".to_owned()), ("output", "output".to_owned())]);
        assert_eq!(fill("dir:{target},{output},{other},{", &values), "dir:/a/{output},output,{other},{");
        assert_eq!(names("dir:{target},{} {A} {{output},{"), ["target", "output"]);
    }
}
