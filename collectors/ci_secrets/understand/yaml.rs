//! YAML as a tree with lines: every key and every value where it stands, nothing expanded.
//!
//! An alias to a scalar takes the scalar's text; an alias to a collection stays an alias, because what it names is
//! read where it is defined. So no document can grow while it is read, however its aliases are nested.

use granit_parser::{Event, Parser, ScalarStyle};
use std::collections::HashMap;
use zeroize::Zeroizing;

/// Most nodes of one file.
const MOST_NODES: usize = 100_000;

/// Why a file is not YAML that can be read. Holds a place, no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("not well-formed YAML at line {line}")]
    Syntax { line: u32 },
    #[error("more than {MOST_NODES} nodes")]
    TooManyNodes,
    #[error("not UTF-8")]
    NotText,
}

/// A node, with the lines (from 1) on which it begins and ends.
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) line: u32,
    pub(crate) end_line: u32,
}

/// What a node holds.
pub(crate) enum Value {
    Scalar(Scalar),
    Map(Vec<(Node, Node)>),
    List(Vec<Node>),
    /// An alias to a collection, or to nothing.
    Alias,
}

/// A scalar's text and how it was written.
#[derive(Clone)]
pub(crate) struct Scalar {
    pub(crate) text: Zeroizing<String>,
    /// Written as a block (`|` or `>`).
    pub(crate) block: bool,
    /// Written without quotes, so that `true` is a boolean and `1` a number.
    pub(crate) plain: bool,
    /// An application's tag (`!reference`, `!vault`) stands before it.
    pub(crate) tagged: bool,
}

impl Node {
    /// The scalar's text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }
}

/// All documents of a file.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, Malformed> {
    let options = granit_parser::options! { emit_comments: false, emit_unresolved_aliases: true };
    let mut builder = Builder::default();
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| Malformed::Syntax { line: narrow(error.marker().line()) })?;
        builder.take(event, narrow(span.start.line()), narrow(span.end.line()))?;
    }
    Ok(builder.documents)
}

fn narrow(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

/// A collection that is still open: for a mapping, the key that waits for its value.
enum Open {
    Map { pairs: Vec<(Node, Node)>, key: Option<Node>, line: u32 },
    List { items: Vec<Node>, line: u32 },
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Scalar>,
    nodes: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: u32, end_line: u32) -> Result<(), Malformed> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let tagged = tag.is_some_and(|tag| !tag.is_yaml_core_schema());
                let plain = style == ScalarStyle::Plain;
                let scalar = Scalar { text: Zeroizing::new(text.into_owned()), block, plain, tagged };
                if anchor != 0 {
                    self.anchors.insert(anchor, scalar.clone());
                }
                self.place(Node { value: Value::Scalar(scalar), line, end_line })
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned().map_or(Value::Alias, Value::Scalar);
                self.place(Node { value, line, end_line })
            }
            Event::UnresolvedAlias(_) => self.place(Node { value: Value::Alias, line, end_line }),
            Event::MappingStart(..) => {
                self.open.push(Open::Map { pairs: Vec::new(), key: None, line });
                Ok(())
            }
            Event::SequenceStart(..) => {
                self.open.push(Open::List { items: Vec::new(), line });
                Ok(())
            }
            Event::MappingEnd | Event::SequenceEnd => match self.open.pop() {
                Some(Open::Map { pairs, line, .. }) => self.place(Node { value: Value::Map(pairs), line, end_line }),
                Some(Open::List { items, line }) => self.place(Node { value: Value::List(items), line, end_line }),
                None => Err(Malformed::Syntax { line }),
            },
            Event::DocumentStart(..) => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn place(&mut self, node: Node) -> Result<(), Malformed> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(Malformed::TooManyNodes);
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { pairs, key, .. }) => match key.take() {
                None => *key = Some(node),
                Some(key) => pairs.push((key, node)),
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_styles_are_kept() {
        let documents = parse("a: 1\nb: &x 'two'\nc:\n  - |\n    text\n    more\n  - *x\n").unwrap();
        let Value::Map(pairs) = &documents[0].value else { panic!("a mapping") };
        assert_eq!(pairs[1].1.text(), Some("two"));
        assert_eq!(pairs[1].1.line, 2);
        let Value::List(items) = &pairs[2].1.value else { panic!("a list") };
        assert_eq!(items[0].text(), Some("text\nmore\n"));
        assert_eq!(items[0].line, 5, "a block begins below its indicator");
        assert_eq!(items[1].text(), Some("two"));
    }

    #[test]
    fn what_is_not_yaml_says_where() {
        assert!(matches!(parse("a: [1\nb: }"), Err(Malformed::Syntax { .. })));
        assert!(matches!(parse("a: \"open\n"), Err(Malformed::Syntax { .. })));
    }

    #[test]
    fn nested_aliases_do_not_grow() {
        let mut text = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
        for (from, to) in ('a'..'i').zip('b'..='i') {
            text.push_str(&format!(
                "{to}: &{to} [*{from}, *{from}, *{from}, *{from}, *{from}, *{from}, *{from}, *{from}]\n"
            ));
        }
        assert_eq!(parse(&text).unwrap().len(), 1);
    }

    #[test]
    fn a_file_of_too_many_nodes_is_refused() {
        let text = format!("[{}]", "a,".repeat(MOST_NODES + 1));
        assert_eq!(parse(&text).err(), Some(Malformed::TooManyNodes));
    }
}
