//! The shape of a text table, taken from its bytes block by block: separator, first row, rows; every row as wide as the
//! first.

/// Longest row that is taken for one: a wide day has 10 KB.
const LONGEST_ROW: usize = 64 << 20;
/// Most cells of a row: the widest published table has 5,095.
const MOST_CELLS: usize = 200_000;

/// What is wrong with the shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Line, when it is a line's.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub help: &'static str,
}

fn fault(line: usize, problem: impl Into<String>, help: &'static str) -> Fault {
    Fault { line: Some(line), problem: problem.into(), help }
}

/// The shape so far.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Cells of the first row.
    pub first: Vec<String>,
    /// What separates cells: `,`, tab, `;` or `|`, whichever the first row has most of.
    pub separator: u8,
    /// Rows, the first included.
    pub rows: usize,
    /// Lines of the first row.
    pub first_lines: usize,
    /// Bytes of the first row, until it is complete.
    head: Vec<u8>,
    /// Bytes of an unfinished character at the end of a block.
    tail: Vec<u8>,
    /// Line breaks so far.
    lines: usize,
    /// Where the row in hand begins, in lines.
    row_line: usize,
    /// Separators in the row in hand.
    separators: usize,
    /// Bytes in the row in hand.
    length: usize,
    quoted: bool,
    /// The line of an empty row; wrong once another row follows.
    blank: Option<usize>,
}

const MARK: &[u8] = b"\xef\xbb\xbf";
const QUOTE: u8 = b'"';

impl Shape {
    /// Takes the next bytes.
    pub(super) fn block(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.check_text(bytes)?;
        let mut rest = bytes;
        if self.rows == 0 {
            rest = self.first_row(bytes)?;
        }
        for &byte in rest {
            self.byte(byte)?;
        }
        if self.length > LONGEST_ROW {
            let what = if self.quoted { "a quote that is never closed, or a row" } else { "a row" };
            let problem = format!("{what} of more than {} MiB", LONGEST_ROW >> 20);
            return Err(fault(self.row_line + 1, problem, "check that this is a text table with line breaks"));
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8) -> Result<(), Fault> {
        self.length += 1;
        if byte == QUOTE {
            self.quoted = !self.quoted;
        } else if byte == b'\n' {
            self.lines += 1;
            if !self.quoted {
                return self.close(1);
            }
        } else if byte == self.separator && !self.quoted {
            self.separators += 1;
        } else if byte == b'\r' {
            // The other half of a line break is no content.
            self.length -= 1;
        }
        Ok(())
    }

    /// Ends the row in hand, whose line break has `ending` bytes.
    fn close(&mut self, ending: usize) -> Result<(), Fault> {
        let line = self.row_line + 1;
        if self.length == ending {
            self.blank.get_or_insert(line);
        } else {
            if let Some(blank) = self.blank {
                return Err(fault(blank, "an empty line between rows", "remove it"));
            }
            self.rows += 1;
            self.width(line)?;
        }
        self.row_line = self.lines;
        (self.separators, self.length) = (0, 0);
        Ok(())
    }

    fn width(&self, line: usize) -> Result<(), Fault> {
        let (found, expected) = (self.separators + 1, self.first.len());
        if found == expected {
            return Ok(());
        }
        let cells = |count: usize| if count == 1 { "1 cell".to_owned() } else { format!("{count} cells") };
        let problem = format!("{} where the first row has {expected}", cells(found));
        let help = if found < expected {
            "complete the row, or remove it; the file may be truncated"
        } else {
            "quote cells that contain the separator, or remove what is too much"
        };
        Err(fault(line, problem, help))
    }

    /// Collects bytes until the first row is complete, and gives back those after it.
    fn first_row<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        for (at, &byte) in bytes.iter().enumerate() {
            if byte == QUOTE {
                self.quoted = !self.quoted;
            }
            if byte == b'\n' {
                self.lines += 1;
                if !self.quoted {
                    self.read_first()?;
                    return Ok(&bytes[at + 1..]);
                }
            }
            self.head.push(byte);
        }
        self.length = self.head.len();
        Ok(&[])
    }

    fn read_first(&mut self) -> Result<(), Fault> {
        let head = std::mem::take(&mut self.head);
        let head = head.strip_prefix(MARK).unwrap_or(&head);
        let head = head.strip_suffix(b"\r").unwrap_or(head);
        if head.iter().all(u8::is_ascii_whitespace) {
            return Err(fault(1, "the first line is empty", "begin the file with a header or a row"));
        }
        self.separator = separator(head);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(self.separator).from_reader(head);
        let mut record = csv::StringRecord::new();
        let read = reader.read_record(&mut record).map_err(|error| fault(1, error.to_string(), "correct the line"))?;
        if !read || record.len() > MOST_CELLS {
            let problem = format!("{} cells are no header", record.len());
            return Err(fault(1, problem, "check that this is a text table with line breaks"));
        }
        self.first = record.iter().map(|cell| cell.trim().to_owned()).collect();
        self.first_lines = self.lines.max(1);
        self.row_line = self.lines;
        (self.rows, self.length, self.separators) = (1, 0, 0);
        Ok(())
    }

    /// Ends the file.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        if !self.tail.is_empty() {
            return Err(no_text(self.lines + 1));
        }
        if self.quoted {
            return Err(fault(self.row_line + 1, "a quote is opened and never closed", "close it, or remove it"));
        }
        if self.rows == 0 {
            if self.head.is_empty() {
                let problem = "the file is empty";
                return Err(Fault { line: None, problem: problem.into(), help: "give a file with a header and rows" });
            }
            return self.read_first();
        }
        if self.length > 0 { self.close(0) } else { Ok(()) }
    }

    /// Checks that the bytes are UTF-8 without NUL.
    fn check_text(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let line_of = |before: &[u8]| self.lines + 1 + before.iter().filter(|byte| **byte == b'\n').count();
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            return Err(no_text(line_of(&bytes[..at])));
        }
        let joined;
        let mut rest = bytes;
        if !self.tail.is_empty() {
            joined = [self.tail.as_slice(), bytes].concat();
            rest = &joined;
        }
        match std::str::from_utf8(rest) {
            Ok(_) => self.tail.clear(),
            Err(error) if error.error_len().is_none() => self.tail = rest[error.valid_up_to()..].to_vec(),
            Err(error) => return Err(no_text(line_of(&rest[..error.valid_up_to()]))),
        }
        Ok(())
    }
}

fn no_text(line: usize) -> Fault {
    fault(line, "bytes that are not UTF-8 text", "give a text table (or gzip of one), encoded as UTF-8")
}

/// The separator that the first row has most of outside of quotes.
fn separator(head: &[u8]) -> u8 {
    let mut best = (0, b',');
    for candidate in [b',', b'\t', b';', b'|'] {
        let mut quoted = false;
        let count = head.iter().filter(|&&byte| {
            quoted ^= byte == QUOTE;
            byte == candidate && !quoted
        });
        let count = count.count();
        if count > best.0 {
            best = (count, candidate);
        }
    }
    best.1
}
