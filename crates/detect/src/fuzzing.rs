//! What must hold of a stream of any bytes, for fuzzing and for the tests that replay its seeds.

use zeroize::Zeroizing;

use crate::{Confidence, Engine, Hit, Known, Nature, Options, Personal, Search};

/// Searches the bytes behind the first three as a stream and as a whole. The first byte chooses what to look for, the
/// second how long the chunks are, the third how long the parts.
///
/// # Panics
/// Where the two tell different hits, or one lies out of bounds, out of order or on another.
pub fn stream(bytes: &[u8]) {
    let [choice, chunk, part, content @ ..] = bytes else { return };
    let options = Options {
        generic: choice & 1 != 0,
        personal: [Personal::No, Personal::Yes, Personal::WithAddresses, Personal::Yes][usize::from(choice >> 1 & 3)],
        encoded: choice & 8 != 0,
        least: Confidence::Low,
    };
    let known = Known::new(&[Zeroizing::new(b"a known Value/77".to_vec()), Zeroizing::new(b"77".to_vec())]);
    let mut search = Search::new(Engine::builtin(), options).knowing(&known);
    search.part = 2 * (usize::from(*part) + 1);

    let mut fed = Vec::new();
    let mut scanner = search.stream();
    for piece in content.chunks(usize::from(*chunk) + 1) {
        scanner.feed(piece, &mut |hit| fed.push(told(hit))).expect("nobody cancels");
    }
    let summary = scanner.finish(&mut |hit| fed.push(told(hit))).expect("nobody cancels");
    let mut whole = Vec::new();
    let examined = search.scan(content, &mut |hit| whole.push(told(hit))).expect("nobody cancels");
    assert_eq!(fed, whole);
    assert_eq!(summary.examined, examined);
    assert_eq!(summary.nature, Nature::of(content));
    assert_eq!(examined.bytes, content.len() as u64);
    for (_, start, end, line, _) in &whole {
        assert!(start < end && *end <= content.len() as u64);
        assert!((1..=examined.lines()).contains(line), "line {line} of {}", examined.lines());
    }
    assert!(whole.is_sorted_by_key(|hit| hit.1));
}

type Told = (String, u64, u64, u64, u64);

fn told(hit: &Hit<'_, '_>) -> Told {
    assert!(!hit.value().is_empty() && hit.shape().len() < 64);
    (hit.rule.id.clone(), hit.secret.start, hit.secret.end, hit.place.line, hit.place.column)
}

#[cfg(test)]
mod tests {

    use proptest::prelude::*;

    const PIECES: &[&str] = &[
        "password",
        "PASSWORD",
        "token",
        "secret_key",
        "apiKey",
        "auth",
        "first_name",
        "--",
        "=",
        ": ",
        ":=",
        " => ",
        "\"",
        "'",
        "\\\"",
        "<",
        ">",
        "</",
        ", ",
        "(",
        ")",
        "{",
        "}",
        "\n",
        "\r\n",
        " ",
        "value",
        "Fake4Exhibit0",
        "q8Zr4Wm1Xc7Vb2Nn5Kj9",
        "%3D",
        "%",
        "\\u0041",
        "\\",
        "jane@example.com",
        "@",
        "+49 170 1234567",
        "+",
        "4111 1111 1111 1111",
        "4111111111111111",
        "123-45-6789",
        "2001:db8::1",
        "1.2.3.4",
        "DE89370400440532013000",
        "cGFzc3dvcmQ9RmFrZTRFeGhpYml0MA==",
        "70617373776f72643d46616b653445786869626974",
        "a known Value/77",
        "ghp_FakeExhibitValue0NotARealKey70ABCDEF",
        "https://a:Fake4Exhibit0@h/",
        "-----BEGIN PRIVATE KEY-----",
        "ä",
        "\u{feff}",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn holds_of_anything(
            head in prop::array::uniform3(any::<u8>()),
            pieces in prop::collection::vec(prop_oneof![
                4 => prop::sample::select(PIECES).prop_map(|p| p.as_bytes().to_vec()),
                1 => prop::collection::vec(any::<u8>(), 0..6),
            ], 0..40),
            wide in 0u8..8,
        ) {
            let text = pieces.concat();
            let text = match wide {
                0 => String::from_utf8_lossy(&text).encode_utf16().flat_map(u16::to_le_bytes).collect(),
                _ => text,
            };
            let mark: &[u8] = if wide == 0 { b"\xff\xfe" } else { b"" };
            super::stream(&[&head, mark, &text].concat());
        }
    }
}
