//! Questions put together from fixed pieces of SQL. Values never become part of the text.

use std::fmt::{Display, Write as _};

/// How the values of a question reach Postgres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// As parameters of a prepared statement.
    Bound,
    /// As settings of the transaction, for `COPY`, which takes no parameters.
    Settings,
}

/// Rows of a page where nobody says how many.
const USUAL_LIMIT: u32 = 100;

/// A question: text from this crate's constants, and values beside it.
#[derive(Debug)]
pub(crate) struct Ask {
    how: How,
    text: String,
    pub(super) values: Vec<String>,
    pub(super) by_value: bool,
}

impl Ask {
    /// A question whose values are parameters.
    pub(crate) fn bound(start: &'static str) -> Self {
        Self { how: How::Bound, text: start.to_owned(), values: Vec::new(), by_value: false }
    }

    /// A question whose values are settings named `exhibit.arg_1` and so on.
    pub(crate) fn settings(start: &'static str) -> Self {
        Self { how: How::Settings, text: start.to_owned(), values: Vec::new(), by_value: false }
    }

    /// Says that the best way to an answer depends on the values: among what is rare the rare is looked for first. Such a
    /// question is planned each time it is asked.
    pub(crate) fn plan_by_value(&mut self) {
        self.by_value = true;
    }

    /// The text, which holds no value.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Adds a constant piece.
    pub(crate) fn push(&mut self, piece: &'static str) -> &mut Self {
        self.text.push_str(piece);
        self
    }

    /// Adds a value of a Postgres type, as text that Postgres reads.
    pub(crate) fn value(&mut self, value: impl Display, kind: &'static str) -> &mut Self {
        self.values.push(value.to_string());
        let number = self.values.len();
        let written = match self.how {
            How::Bound => write!(self.text, "(${number}::text)::{kind}"),
            // Looked up once; the second cast keeps an array from being read as a list of rows.
            How::Settings => write!(self.text, "((SELECT current_setting('exhibit.arg_{number}')::{kind})::{kind})"),
        };
        written.expect("writing to a String does not fail");
        self
    }

    /// Adds a piece and a value, where there is one.
    pub(crate) fn maybe(&mut self, piece: &'static str, value: Option<impl Display>, kind: &'static str) {
        if let Some(value) = value {
            self.push(piece).value(value, kind);
        }
    }

    /// Adds `= ANY (…)` of some words, where there are any asked for. None of them asked for is no condition;
    /// an empty list is one that nothing meets.
    pub(crate) fn any_of<T: Display>(&mut self, piece: &'static str, words: Option<&[T]>) {
        if let Some(words) = words {
            self.push(piece).push(" = ANY (").value(array(words), "text[]").push(")");
        }
    }

    /// Ends the question with an order and one row more than a page holds; tells how many a page holds.
    pub(crate) fn limit(&mut self, order: &'static str, limit: u32) -> usize {
        let limit = if limit == 0 { USUAL_LIMIT } else { limit };
        self.push(order).push(" LIMIT ").value(u64::from(limit) + 1, "bigint");
        usize::try_from(limit).unwrap_or(usize::MAX)
    }
}

/// Words as Postgres reads an array.
pub(crate) fn array<T: Display>(words: &[T]) -> String {
    let mut text = String::from("{");
    for (index, word) in words.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let word = word.to_string().replace('\\', "\\\\").replace('"', "\\\"");
        write!(text, "{comma}\"{word}\"").expect("writing to a String does not fail");
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_out_of_the_text() {
        let evil = "x'; DROP TABLE y --";
        for (mut ask, place) in
            [(Ask::bound("SELECT 1"), "($1::text)::text"), (Ask::settings("SELECT 1"), "'exhibit.arg_1'")]
        {
            ask.maybe(" WHERE a = ", Some(evil), "text");
            ask.maybe(" AND b = ", None::<u64>, "bigint");
            assert!(ask.text().contains(place) && !ask.text().contains("DROP") && !ask.text().contains(" b "));
            assert_eq!(ask.values, [evil]);
        }
    }

    #[test]
    fn words_of_an_array_are_quoted() {
        assert_eq!(array(&["a", "b\"c", "d\\e", "", "f,g"]), r#"{"a","b\"c","d\\e","","f,g"}"#);
        assert_eq!(array::<&str>(&[]), "{}");
    }
}
