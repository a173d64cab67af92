//! Path patterns: `*` inside one segment, `**` for any number of segments, ASCII case ignored.

/// Whether `path` (segments joined by `/`) matches `pattern`.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    match_segments(&pattern, &path)
}

fn match_segments(pattern: &[&str], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((&"**", rest)) => (0..=path.len()).any(|skip| match_segments(rest, &path[skip..])),
        Some((first, rest)) => {
            path.split_first().is_some_and(|(head, tail)| match_segment(first, head) && match_segments(rest, tail))
        }
    }
}

/// Whether one path segment matches one pattern segment.
pub(crate) fn match_segment(pattern: &str, segment: &str) -> bool {
    let (pattern, segment) = (pattern.as_bytes(), segment.as_bytes());
    let (mut p, mut s) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while s < segment.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            retry = Some((p + 1, s));
            p += 1;
        } else if p < pattern.len() && pattern[p].eq_ignore_ascii_case(&segment[s]) {
            p += 1;
            s += 1;
        } else if let Some((after_star, from)) = retry {
            retry = Some((after_star, from + 1));
            p = after_star;
            s = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// Whether a file directly inside `directory` could match `pattern` by its directory part alone.
pub(crate) fn matches_directory(pattern: &str, directory: &str) -> bool {
    let mut pattern: Vec<&str> = pattern.split('/').collect();
    if pattern.last() != Some(&"**") {
        pattern.pop();
    }
    let directory: Vec<&str> = if directory.is_empty() { Vec::new() } else { directory.split('/').collect() };
    match_segments(&pattern, &directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_inside_a_segment_and_double_stars_cross_them() {
        for (pattern, path, expected) in [
            ("a/*.yml", "a/b.yml", true),
            ("a/*.yml", "a/b/c.yml", false),
            ("a/**/*.yml", "a/b/c.yml", true),
            ("a/**/*.yml", "a/c.yml", true),
            ("**/x", "x", true),
            ("**/x", "a/b/X", true),
            ("**/x", "a/b/xy", false),
            ("a*b*c", "aXXbYYc", true),
            ("a*b*c", "aXXbYY", false),
            ("a/**", "a/b/c", true),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} against {path}");
        }
    }

    #[test]
    fn a_directory_matches_the_directory_part_of_a_pattern() {
        assert!(matches_directory(".ci/*", ".ci"));
        assert!(!matches_directory(".ci/*", ".ci/deep"));
        assert!(matches_directory(".ci/**", ".ci/deep"));
        assert!(matches_directory("*", ""));
    }
}
