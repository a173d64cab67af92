//! By what findings in a bundle are told: its files get other names with each build, and a finding must stay the same.

/// The place of what no reference names.
pub(super) const UNREFERENCED: &str = "(in objects that no reference keeps alive)";

/// A path in which `*` stands for what builders derive from content: `static/js/main.3f2a91c0.js` is
/// `static/js/main.*.js`, and `assets/index-DiwrgTda.js` is `assets/index-*.js`.
pub(super) fn of_bundle(path: &str) -> String {
    let mut segments: Vec<String> = path.split('/').map(str::to_owned).collect();
    if let Some((file, folders)) = segments.split_last_mut() {
        for folder in folders {
            // A build's own id, as Next.js names a folder by.
            if folder.len() >= 16 && is_derived(folder) {
                *folder = "*".to_owned();
            }
        }
        *file = of_file(file);
    }
    segments.join("/")
}

fn of_file(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    let (last, before) = parts.split_last().expect("splitting gives at least one");
    let mut made: Vec<String> = before.iter().enumerate().map(|(at, part)| of_part(part, at > 0)).collect();
    made.push((*last).to_owned());
    made.join(".")
}

/// One part of a name between dots; only what stands behind something may be short and still be derived.
fn of_part(part: &str, behind: bool) -> String {
    // The eight characters may themselves hold a hyphen.
    let ends = part.len().checked_sub(9).into_iter().chain(part.rfind('-'));
    for at in ends {
        let found = part.get(at..).and_then(|tail| tail.strip_prefix('-')).filter(|tail| is_derived(tail));
        if found.is_some() {
            return format!("{}-*", of_part(&part[..at], false));
        }
    }
    if is_derived(part) && (behind || part.len() >= 16) { "*".to_owned() } else { part.to_owned() }
}

/// Whether this looks derived from content: at least eight letters and digits with a digit among them, or, of exactly
/// eight as Vite writes them, with a capital inside.
fn is_derived(text: &str) -> bool {
    let fits = text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    let digit = text.bytes().any(|byte| byte.is_ascii_digit());
    let capital_inside = text.bytes().skip(1).any(|byte| byte.is_ascii_uppercase());
    let words = text.split(['-', '_']).all(|word| word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_lowercase()));
    fits && !words && (digit || text.len() == 8 && capital_inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_with_each_build_is_left_out() {
        for (path, place) in [
            ("build/static/js/main.3f2a91c0.js", "build/static/js/main.*.js"),
            ("build/static/js/main.3f2a91c0.js.map", "build/static/js/main.*.js.map"),
            ("dist/assets/index-DiwrgTda.js", "dist/assets/index-*.js"),
            ("dist/assets/index-B_x-9fQ1.js", "dist/assets/index-*.js"),
            ("dist/assets/UserCard-DiwrgTda.css", "dist/assets/UserCard-*.css"),
            (".next/static/chunks/4bd1b696-4a9c9c0d6f5b3b3a.js", ".next/static/chunks/4bd1b696-*.js"),
            (".next/static/kT9wQv2bXz0aLm3nPq5rS/_buildManifest.js", ".next/static/*/_buildManifest.js"),
            ("dist/123.abcdef12.js", "dist/123.*.js"),
            ("dist/3f2a91c03f2a91c03f2a.js", "dist/*.js"),
            ("dist/app.js", "dist/app.js"),
            ("dist/polyfills.min.js", "dist/polyfills.min.js"),
            ("dist/UserCard.js", "dist/UserCard.js"),
            ("dist/vendor-bootstrap.js", "dist/vendor-bootstrap.js"),
            ("dist/jquery-3.7.1.min.js", "dist/jquery-3.7.1.min.js"),
            ("dist/web.zip!assets/index-DiwrgTda.js", "dist/web.zip!assets/index-*.js"),
            ("dist/été-3f2a91c0.js", "dist/été-*.js"),
        ] {
            assert_eq!(of_bundle(path), place);
        }
    }
}
