//! The place that a finding is told by: a log's name without what rotation and packing add to it, so that the same leak
//! stays the same finding while `app.log` becomes `app.log.2.gz`.

/// Endings that packing adds.
const PACKED: [&str; 12] = ["gz", "zst", "xz", "bz2", "zip", "tgz", "tar", "lz4", "z", "7z", "lz", "rar"];
/// Endings that say "an older one".
const OLDER: [&str; 5] = ["old", "bak", "prev", "previous", "orig"];

/// The place of a file: its folders as they are, its name without rotation.
pub fn of_file(path: &str) -> String {
    let (file, member) = path.split_once('!').map_or((path, None), |(file, member)| (file, Some(member)));
    let (folder, name) = file.rsplit_once('/').map_or(("", file), |(folder, name)| (folder, name));
    let name = unrotated(name);
    let mut place = if folder.is_empty() && !file.starts_with('/') { name } else { format!("{folder}/{name}") };
    if let Some(member) = member {
        place.push('!');
        place.push_str(&of_file(member));
    }
    place
}

/// The place of a unit of a service manager: instances and sessions of one kind are one place. Names that don't look like
/// one are not shown: a program may call itself anything.
pub fn of_unit(unit: &str) -> Option<String> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_.-@:".contains(letter);
    if unit.is_empty() || unit.len() > 80 || !unit.chars().all(fits) {
        return None;
    }
    let mut place = String::with_capacity(unit.len());
    for letter in unit.chars() {
        if !letter.is_ascii_digit() {
            place.push(letter);
        } else if !place.ends_with('*') {
            place.push('*');
        }
    }
    Some(place)
}

/// A file's name without rotation and packing; what would leave nothing stays as it is.
fn unrotated(name: &str) -> String {
    let mut kept = name;
    let mut counted = false;
    while let Some((rest, ending)) = kept.rsplit_once('.') {
        let lower = ending.to_ascii_lowercase();
        let is_count = !counted && !ending.is_empty() && ending.len() <= 4 && is_digits(ending);
        if rest.is_empty() || !(is_count || PACKED.contains(&lower.as_str()) || OLDER.contains(&lower.as_str())) {
            break;
        }
        counted |= is_count;
        kept = rest;
    }
    let dateless = without_dates(kept);
    let worth = dateless.trim_matches(['.', '-', '_']);
    // What is left of a date with an ending alone is no name.
    if worth.is_empty() || worth == "log" && kept.len() > 3 { kept.to_owned() } else { dateless }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Takes dates, times behind them and seconds since 1970 out, each with the separator before it.
fn without_dates(name: &str) -> String {
    let bytes = name.as_bytes();
    let mut kept = String::with_capacity(name.len());
    let mut at = 0;
    while at < bytes.len() {
        let begins = at == 0 || !bytes[at - 1].is_ascii_digit();
        let stamp = if begins { stamp(&bytes[at..]) } else { None };
        let Some(length) = stamp else {
            let letter = name[at..].chars().next().expect("`at` is before the end, between characters");
            kept.push(letter);
            at += letter.len_utf8();
            continue;
        };
        if kept.ends_with(['.', '-', '_', ':']) {
            kept.pop();
        }
        at += length;
        if kept.is_empty() && at < bytes.len() && b".-_".contains(&bytes[at]) {
            at += 1;
        }
    }
    kept
}

/// The length of a date at the beginning, and of a time behind it.
fn stamp(bytes: &[u8]) -> Option<usize> {
    let digits =
        |at: usize, count: usize| bytes.get(at..at + count).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let run = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let plausible = |year: &[u8], month: &[u8]| {
        (year.starts_with(b"19") || year.starts_with(b"20")) && (b"01"[..].le(month) && month.le(&b"12"[..]))
    };
    let mut length = match run {
        // 20261120, 202611201230, 20261120123000
        8 | 10 | 12 | 14 if plausible(&bytes[..4], &bytes[4..6]) => run,
        // 1763640000, with or without milliseconds
        10 | 13 if bytes[0] == b'1' => return Some(run),
        // 2026-11-20, 2026_11_20, 2026.11.20; 2026-11
        4 => {
            let separator = *bytes.get(4)?;
            if !b"-_.".contains(&separator) || !digits(5, 2) || !plausible(&bytes[..4], &bytes[5..7]) {
                return None;
            }
            if bytes.get(7) == Some(&separator) && digits(8, 2) { 10 } else { 7 }
        }
        _ => return None,
    };
    if bytes.get(length).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    // A time: T12, -12, _1230, T12:30:00, then Z or an offset.
    let behind = length;
    if bytes.get(length).is_some_and(|byte| b"T-_.tH".contains(byte)) && digits(length + 1, 2) {
        length += 1;
        while digits(length, 2) {
            length += 2;
            if bytes.get(length).is_some_and(|byte| b":-".contains(byte)) && digits(length + 1, 2) {
                length += 1;
            }
        }
        if bytes.get(length).is_some_and(u8::is_ascii_digit) {
            return Some(behind);
        }
        if bytes.get(length) == Some(&b'Z') {
            length += 1;
        }
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotation_and_packing_change_no_place() {
        for (path, place) in [
            ("app.log", "app.log"),
            ("app.log.1", "app.log"),
            ("app.log.12.gz", "app.log"),
            ("app.log-20261120", "app.log"),
            ("app.log-20261120.gz", "app.log"),
            ("app.log.2026-11-20", "app.log"),
            ("app-2026-11-20.log.zst", "app.log"),
            ("app-2026-11-20T12-30.log", "app.log"),
            ("app_20261120123000.log", "app.log"),
            ("app-1763640000.log", "app.log"),
            ("2026-11-20-app.log", "app.log"),
            ("2026-11-20.log", "2026-11-20.log"),
            ("var/log/app.log.old", "var/log/app.log"),
            ("/var/log/syslog.7.gz", "/var/log/syslog"),
            ("/app.log.1", "/app.log"),
            ("logs.tar.gz!2026/app.log.1", "logs!2026/app.log"),
            ("10.0.0.12.log", "10.0.0.12.log"),
            ("v1.log", "v1.log"),
            (".1", ".1"),
            ("port-8080.log", "port-8080.log"),
            ("ünï-2026-11-20.log", "ünï.log"),
        ] {
            assert_eq!(of_file(path), place, "{path}");
            assert_eq!(of_file(place), place, "{place} stays");
        }
    }

    #[test]
    fn units_of_one_kind_are_one_place() {
        for (unit, place) in [
            ("sshd.service", Some("sshd.service")),
            ("session-123.scope", Some("session-*.scope")),
            ("user@1000.service", Some("user@*.service")),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(of_unit(unit).as_deref(), place, "{unit}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_name_has_a_place(name in "[a0-9._!/ü-]{0,40}") {
            of_file(&name);
        }
    }
}
