//! Tables for people.

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ContentArrangement};

use super::printable;

/// Columns under a header, without lines: what fits a terminal is fitted, the rest of the world gets it whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    header: Vec<String>,
    right: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new<H: Into<String>>(header: impl IntoIterator<Item = H>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// A table of names and values, for one thing.
    pub(crate) fn facts<N: Into<String>, V: Into<String>>(facts: impl IntoIterator<Item = (N, V)>) -> Self {
        let rows = facts.into_iter().map(|(name, value)| vec![name.into(), value.into()]).collect();
        Self { rows, ..Self::default() }
    }

    /// Aligns these columns, counted from 0, to the right: numbers.
    pub(crate) fn right(mut self, columns: impl IntoIterator<Item = usize>) -> Self {
        self.right = columns.into_iter().collect();
        self
    }

    /// Adds a row.
    pub(crate) fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The table as text without a last line end. With a width, cells wrap to fit it; without one every row
    /// is one line, so that `grep` and `cut` work.
    pub(crate) fn render(&self, width: Option<u16>) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING);
        match width {
            Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        let cells = |row: &[String]| -> Vec<Cell> {
            let one_line = width.is_none();
            row.iter()
                .map(|text| {
                    let text = printable(text);
                    Cell::new(if one_line { text.replace('\n', " ") } else { text })
                })
                .collect()
        };
        if !self.header.is_empty() {
            table.set_header(cells(&self.header));
        }
        for row in &self.rows {
            table.add_row(cells(row));
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if self.right.contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(["JOB", "COUNT", "WHAT"]).right([1]);
        table.row(["ci-secrets", "7", "a rather long text that does not fit"]);
        table.row(["b", "1234", "x\u{1b}[31m\ny"]);
        table
    }

    #[test]
    fn without_a_terminal_every_row_is_a_line() {
        let expected = "\
JOB         COUNT  WHAT
ci-secrets      7  a rather long text that does not fit
b            1234  x\\u{1b}[31m y";
        assert_eq!(sample().render(None), expected);
    }

    #[test]
    fn a_terminal_is_not_overrun() {
        let text = sample().render(Some(40));
        assert!(text.lines().count() > 3, "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 40, "{line}");
        }
    }

    #[test]
    fn one_thing_is_told_by_its_facts() {
        let table = Table::facts([("id", "1"), ("title", "ä b")]);
        assert_eq!(table.render(None), "id     1\ntitle  ä b");
        assert_eq!(Table::new(["A", "B"]).render(None), "A  B");
    }
}
