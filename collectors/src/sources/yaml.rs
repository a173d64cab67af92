//! YAML as a tree that knows its lines, read with tight budgets, wiped after use.

use super::SourceError;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Error, Options, Spanned};
use std::fmt;
use zeroize::Zeroizing;

/// A node and where it stands.
#[derive(Clone)]
pub(crate) struct Node {
    /// Index into the reader's list of files.
    pub(super) file: usize,
    /// Line, from 1.
    pub(crate) line: u32,
    pub(super) kind: Kind,
}

/// What a node is. Scalars keep the spelling of the file: `0123` stays `0123`.
#[derive(Clone)]
pub(crate) enum Kind {
    Null,
    Scalar(Zeroizing<String>),
    Seq(Vec<Node>),
    Map(Vec<(String, Node)>),
    /// A number or boolean whose spelling has not been looked up yet; gone after reading.
    Unspelled(usize, usize),
}

impl Node {
    /// The value of `key`, when this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The node at a path of keys.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[(String, Self)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a sequence; none for anything else.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::Seq(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The text at a path of keys.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).and_then(Self::text)
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// Looks up how numbers and booleans are spelled, and says which file this is.
    fn settle(&mut self, file: usize, text: &str) {
        self.file = file;
        match &mut self.kind {
            Kind::Unspelled(start, end) => {
                let spelled = text.get(*start..*end).unwrap_or("").trim();
                self.kind = Kind::Scalar(Zeroizing::new(spelled.to_owned()));
            }
            Kind::Seq(items) => items.iter_mut().for_each(|item| item.settle(file, text)),
            Kind::Map(entries) => {
                entries.iter_mut().for_each(|(_, node)| node.settle(file, text));
            }
            Kind::Null | Kind::Scalar(_) => {}
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Null => "null",
            Kind::Scalar(_) | Kind::Unspelled(..) => "scalar",
            Kind::Seq(_) => "sequence",
            Kind::Map(_) => "mapping",
        };
        write!(f, "[{kind} at line {}]", self.line)
    }
}

/// Limits that no compose file or manifest comes near. Aliases are the way to make a small file
/// large: their expansion is bounded most tightly.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 400_000,
            max_nodes: 200_000,
            max_aliases: 5_000,
            max_anchors: 2_000,
            max_depth: 64,
            max_documents: 2_000,
            max_total_scalar_bytes: 16 * 1024 * 1024,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
        strict_booleans: true,
        with_snippet: false,
        ignore_binary_tag_for_string: true,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
    }
}

/// Every document of `text`. `file` is its index and `name` its name in messages.
pub(crate) fn documents(file: usize, name: &str, text: &str) -> Result<Vec<Node>, SourceError> {
    let mut nodes: Vec<Node> = typed(name, text)?;
    nodes.iter_mut().for_each(|node| node.settle(file, text));
    Ok(nodes)
}

/// Every document of `text` in a type of the caller's. For counting, where the tree is not wanted.
pub(super) fn typed<'t, T: Deserialize<'t>>(name: &str, text: &'t str) -> Result<Vec<T>, SourceError> {
    serde_saphyr::from_multiple_with_options(text, options()).map_err(|error| {
        let line = error.location().map_or(0, |at| at.line());
        SourceError::Malformed {
            file: name.to_owned(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            key: "yaml".to_owned(),
            expected: expected(&error).to_owned(),
        }
    })
}

/// What was expected, by the kind of error. The parser's own message may quote the file.
fn expected(error: &Error) -> &'static str {
    match error.without_snippet() {
        Error::DuplicateMappingKey { .. } => "each key once in a mapping",
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => "a document of sensible size and depth, aliases expanded",
        Error::UnknownAnchor { .. } => "an alias of an anchor that is defined before",
        Error::MergeValueNotMapOrSeqOfMaps { .. } => "a mapping, or a list of mappings, after `<<`",
        Error::Eof { .. } => "more: the document ends in the middle",
        Error::AliasError { error, .. } => expected(error),
        Error::SerdeInvalidType { .. } => "a mapping, a list or a text in the place of another kind",
        _ => "well-formed YAML",
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        let at = spanned.defined;
        let mut kind = spanned.value;
        if let Kind::Unspelled(start, end) = &mut kind {
            let offset = at.span().byte_offset().unwrap_or(0);
            let length = at.span().byte_len().unwrap_or(0);
            *start = usize::try_from(offset).unwrap_or(0);
            *end = usize::try_from(offset + length).unwrap_or(0);
        }
        let line = u32::try_from(at.line()).unwrap_or(u32::MAX);
        Ok(Self { file: 0, line, kind })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyKind)
    }
}

struct AnyKind;

impl<'de> Visitor<'de> for AnyKind {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        Kind::deserialize(deserializer)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Kind, E> {
        Ok(Kind::Unspelled(0, 0))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Kind, E> {
        Ok(Kind::Unspelled(0, 0))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Kind, E> {
        Ok(Kind::Unspelled(0, 0))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Kind, E> {
        Ok(Kind::Unspelled(0, 0))
    }

    fn visit_u128<E>(self, _: u128) -> Result<Kind, E> {
        Ok(Kind::Unspelled(0, 0))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Kind, E> {
        Ok(Kind::Unspelled(0, 0))
    }

    fn visit_str<E>(self, text: &str) -> Result<Kind, E> {
        Ok(Kind::Scalar(Zeroizing::new(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Kind, E> {
        Ok(Kind::Scalar(Zeroizing::new(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Kind::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry::<String, Node>()? {
            entries.push(entry);
        }
        Ok(Kind::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spelling_and_lines_are_kept() {
        let text = "a: 0123\nb: yes\nc: true\nd: 1_000\ne: é0\nf: 12345678901234567890123456789\n---\n\
                    g:\n  - 'x'\n  - 007\nh: ~\ni: .inf\nj: 1e999\n";
        let nodes = documents(3, "t.yml", text).expect("valid");
        let spelled: Vec<_> = nodes[0].entries().iter().map(|(_, node)| node.text().unwrap_or("-")).collect();
        assert_eq!(spelled, ["0123", "yes", "true", "1_000", "é0", "12345678901234567890123456789"]);
        assert_eq!(nodes[0].get("f").expect("f").line, 6);
        let items = nodes[1].get("g").expect("g").items();
        assert_eq!((items[1].text(), items[1].line, items[1].file), (Some("007"), 10, 3));
        assert!(nodes[1].get("h").expect("h").is_null());
        assert_eq!(nodes[1].text_at(&["i"]), Some(".inf"));
        assert_eq!(nodes[1].text_at(&["j"]), Some("1e999"));
    }

    #[test]
    fn anchors_and_merge_keys() {
        let text = "x: &base\n  A: 1\n  B: 2\ny:\n  <<: *base\n  B: 3\nz: *base\n";
        let node = documents(0, "t.yml", text).expect("valid").remove(0);
        let y = node.get("y").expect("y");
        assert_eq!((y.text_at(&["A"]), y.text_at(&["B"])), (Some("1"), Some("3")));
        assert_eq!(node.at(&["z", "A"]).expect("z.A").text(), Some("1"));
    }

    #[test]
    fn refused_without_showing_the_content() {
        let laughs = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
                      c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n\
                      e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
        let deep = "[".repeat(5_000);
        let cases = [
            ("a: hunter2\na: hunter2\n", "each key once"),
            ("a: *hunter2\n", "anchor"),
            ("a: [hunter2\n", "YAML"),
            ("a: \"hunter2\n", "YAML"),
            ("a:\n  - hunter2\n b: c\n", "YAML"),
            (laughs, "sensible size"),
            (deep.as_str(), ""),
        ];
        for (text, expected) in cases {
            let error = documents(0, "t.yml", text).expect_err("refused").to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "([a-c]|: |\n|  |- |\\[|\\]|\\{|\\}|&a|\\*a|<<: |'|\"|#|\\||>|---|!x |1|é){0,40}") {
            let _ = documents(0, "t.yml", &text);
        }
    }
}
