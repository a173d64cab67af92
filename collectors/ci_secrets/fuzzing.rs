//! What must hold of any bytes that lie where a CI file does.

use super::examine;
use super::recognise::Syntax;
use exhibit_detect::RunKey;

/// Examines the bytes as a file of this syntax, or of the one that its content tells. What is told of it stands in the
/// file, in the order of its lines, and is told again of the same bytes.
///
/// # Panics
/// Where that does not hold.
pub fn examine(bytes: &[u8], syntax: Option<Syntax>) {
    let key = RunKey::new([7; 32]);
    let search = examine::search(exhibit_detect::Engine::builtin());
    let by = examine::Means { search: &search, engine: exhibit_detect::Engine::builtin(), key: &key };
    let examined = examine::content(bytes, syntax, by);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    for hit in &examined.hits {
        assert!((1..=lines).contains(&(hit.line as usize)), "line {} of {lines}", hit.line);
        assert!(hit.length > 0, "an empty value is no secret");
    }
    assert!(examined.hits.is_sorted_by_key(|hit| hit.line));
    let told = |examined: &examine::Examined| -> Vec<_> {
        examined.hits.iter().map(|hit| (hit.line, hit.key_path.clone(), hit.rule.clone(), hit.length)).collect()
    };
    assert_eq!(told(&examined), told(&examine::content(bytes, syntax, by)));
}

#[cfg(test)]
mod tests {
    use super::Syntax;

    #[test]
    fn holds_of_hostile_files_in_every_syntax() {
        let texts: &[&[u8]] = &[
            b"",
            b"\xff\xfe",
            b"a: &a [*a, *a]\n",
            b"env: {PASSWORD: 'xK3vn8Qd2Tw7'}\r\n",
            b"export PASSWORD=\"${A:-xK3vn8Qd2Tw7\n",
            b"withEnv(['PASSWORD=xK3vn8Qd2Tw7']) { sh '\n",
            b"<<EOF\ncurl -u a:xK3vn8Qd2Tw7 https://h\n",
        ];
        for text in texts {
            for syntax in [None, Some(Syntax::Yaml), Some(Syntax::Groovy), Some(Syntax::Shell)] {
                super::examine(text, syntax);
            }
        }
    }
}
