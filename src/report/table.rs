//! A table in plain text: aligned by what a terminal shows, not by bytes.

use std::fmt;

use unicode_width::UnicodeWidthStr;

/// On which side of its column a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A head and rows of as many cells. Prints with two spaces between columns and no trailing space.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    head: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(head: &[(&str, Align)]) -> Self {
        Self { head: head.iter().map(|&(name, align)| (name.to_owned(), align)).collect(), rows: Vec::new() }
    }

    /// Adds a row. Cells that are missing are empty, those beyond the head are left out.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut row: Vec<String> = cells.into_iter().map(Into::into).collect();
        row.resize(self.head.len(), String::new());
        self.rows.push(row);
    }

    fn widths(&self) -> Vec<usize> {
        let cells = |column: usize| self.rows.iter().map(move |row| row[column].width());
        self.head.iter().enumerate().map(|(at, (name, _))| cells(at).fold(name.width(), usize::max)).collect()
    }

    fn line<'a>(&self, widths: &[usize], cells: impl Iterator<Item = &'a str>) -> String {
        let mut line = String::new();
        for ((cell, &width), (_, align)) in cells.zip(widths).zip(&self.head) {
            let padding = " ".repeat(width - cell.width());
            let (before, after) =
                if *align == Align::Right { (padding, String::new()) } else { (String::new(), padding) };
            let gap = if line.is_empty() { "" } else { "  " };
            line = format!("{line}{gap}{before}{cell}{after}");
        }
        line.trim_end().to_owned()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        writeln!(f, "{}", self.line(&widths, self.head.iter().map(|(name, _)| name.as_str())))?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{}", self.line(&widths, row.iter().map(String::as_str))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_what_a_terminal_shows() {
        let mut table = Table::new(&[("policy", Align::Left), ("cost $", Align::Right)]);
        table.row(["函数", "1.25"]);
        table.row(["tuned", "10.00"]);
        table.row(["é"]);
        assert_eq!(table.to_string(), "policy  cost $\n函数      1.25\ntuned    10.00\né\n");
    }
}
