//! Sizes that a Parquet file claims, checked before Polars reserves memory for them.
//!
//! Its decoders trust the counts in footers and page headers, and a reservation that fails ends the process, where no
//! fence helps. So this walks the Thrift structures (compact protocol) of the footer and of each page's header, without
//! decompressing anything: no list longer than its bytes, no page beyond its chunk, no more values than its column has.
//! Sources: Apache Thrift's `thrift-compact-protocol.md`, Apache Parquet's `parquet.thrift`.

use std::io::{self, Read, Seek, SeekFrom};

use polars::prelude::FileMetadata;

/// Values of a row group beyond which a footer is damaged: writers keep to about a million.
const MOST_VALUES: u64 = 1 << 28;
/// Bytes that a page may unpack to: writers keep to about a million.
const MOST_BYTES: u64 = 1 << 29;
/// Bytes in which a page's header is looked for at first, and at most.
const HEADER: (u64, u64) = (1 << 12, 1 << 24);
/// Structures inside of structures; Parquet's own go to about eight.
const DEEPEST: u32 = 32;
/// `FileMetaData` and the length and magic behind it.
const TRAILER: u64 = 8;

/// Checks the footer's lists and texts, from the end of the file.
///
/// # Errors
/// What is wrong, or why it cannot be read.
pub(super) fn footer(file: &mut (impl Read + Seek)) -> Result<(), String> {
    let size = file.seek(SeekFrom::End(0)).map_err(say)?;
    let trailer = size.checked_sub(TRAILER).ok_or("it is too short")?;
    let trailer = bytes(file, trailer, TRAILER)?;
    let (length, magic) = trailer.split_at(4);
    if magic != b"PAR1" {
        return Err("it does not end with PAR1".to_owned());
    }
    let length = u64::from(u32::from_le_bytes(length.try_into().map_err(|_| "it is too short")?));
    let start = size.checked_sub(TRAILER + length).ok_or("its footer is longer than the file")?;
    let bytes = bytes(file, start, length)?;
    Compact::new(&bytes).skip(Kind::Struct, 0).map_err(|problem| format!("its footer {problem}"))
}

/// Checks the header of each page of each column.
///
/// # Errors
/// What is wrong, or why it cannot be read.
pub(super) fn pages(file: &mut (impl Read + Seek), metadata: &FileMetadata) -> Result<(), String> {
    let size = file.seek(SeekFrom::End(0)).map_err(say)?;
    for group in &metadata.row_groups {
        if group.num_rows() as u64 > MOST_VALUES {
            return Err(format!("its footer speaks of {} rows in one row group", group.num_rows()));
        }
        for column in group.parquet_columns() {
            let values = u64::try_from(column.num_values()).unwrap_or(u64::MAX);
            if values > MOST_VALUES {
                return Err(format!("its footer speaks of {} values in one column", column.num_values()));
            }
            let range = column.byte_range();
            if range.start > range.end || range.end > size {
                return Err(format!("a column lies at {} to {} of {size} bytes", range.start, range.end));
            }
            let mut left = values;
            let mut at = range.start;
            while at < range.end && left > 0 {
                let (length, page) = header(file, at, range.end)?;
                left = left.checked_sub(page.values).ok_or("a page has more values than its column")?;
                at = (at + length)
                    .checked_add(page.compressed)
                    .filter(|&next| next <= range.end)
                    .ok_or_else(|| format!("a page of {} bytes at {at} reaches beyond its column", page.compressed))?;
            }
        }
    }
    Ok(())
}

/// What a page's header says.
#[derive(Debug, Default)]
struct Page {
    /// Values of a data page; a dictionary's do not count.
    values: u64,
    /// Bytes behind the header.
    compressed: u64,
}

/// The header at `at`, and its length.
fn header(file: &mut (impl Read + Seek), at: u64, end: u64) -> Result<(u64, Page), String> {
    let mut length = HEADER.0;
    loop {
        let bytes = bytes(file, at, length.min(end - at))?;
        let mut compact = Compact::new(&bytes);
        match compact.page() {
            Err(Fault::Short) if length < HEADER.1 && at + length < end => length *= 16,
            result => {
                let page = result.map_err(|fault| format!("the header of a page at {at} {fault}"))?;
                return Ok((compact.at as u64, page));
            }
        }
    }
}

fn bytes(file: &mut (impl Read + Seek), at: u64, length: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at)).map_err(say)?;
    file.take(length).read_to_end(&mut bytes).map_err(say)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err("it is too short".to_owned()) }
}

#[allow(clippy::needless_pass_by_value, reason = "an argument of map_err")]
fn say(error: io::Error) -> String {
    error.to_string()
}

/// Types of the compact protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A boolean whose value stands in its field's header.
    Bool,
    Byte,
    Integer,
    Double,
    Text,
    List,
    Map,
    Struct,
    Uuid,
}

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    /// The bytes end before the structure.
    Short,
    Wrong(&'static str),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Short => "has no end",
            Self::Wrong(problem) => problem,
        })
    }
}

/// A reader of the compact protocol.
struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Compact<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let byte = self.bytes.get(self.at).copied().ok_or(Fault::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Fault::Wrong("has a number of more than ten bytes"))
    }

    fn integer(&mut self) -> Result<i64, Fault> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A count or size, 0 to `most`.
    fn size(&mut self, most: u64) -> Result<u64, Fault> {
        let size = u64::try_from(self.integer()?).ok().filter(|&size| size <= most);
        size.ok_or(Fault::Wrong("has an impossible size"))
    }

    fn pass(&mut self, count: u64) -> Result<(), Fault> {
        let left = (self.bytes.len() - self.at) as u64;
        if count > left {
            return Err(Fault::Short);
        }
        self.at += count as usize;
        Ok(())
    }

    /// Goes over the fields of a struct. `each` gets a field's number and type, and says whether it has read it.
    fn fields(
        &mut self,
        depth: u32,
        mut each: impl FnMut(&mut Self, i64, Kind) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        let mut number = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            number = match head >> 4 {
                0 => self.integer()?,
                step => number.wrapping_add(i64::from(step)),
            };
            let kind = kind(head & 0x0f)?;
            if !each(self, number, kind)? {
                self.skip(kind, depth)?;
            }
        }
    }

    fn skip(&mut self, kind: Kind, depth: u32) -> Result<(), Fault> {
        if depth > DEEPEST {
            return Err(Fault::Wrong("is nested too deep"));
        }
        match kind {
            Kind::Bool => Ok(()),
            Kind::Byte => self.pass(1),
            Kind::Integer => self.varint().map(drop),
            Kind::Double => self.pass(8),
            Kind::Uuid => self.pass(16),
            Kind::Text => self.varint().and_then(|length| self.pass(length)),
            Kind::Struct => self.fields(depth + 1, |_, _, _| Ok(false)),
            Kind::List => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                self.elements(count, &[head & 0x0f], depth)
            }
            Kind::Map => {
                let count = self.varint()?;
                let head = if count == 0 { 0 } else { self.byte()? };
                self.elements(count, &[head >> 4, head & 0x0f], depth)
            }
        }
    }

    fn elements(&mut self, count: u64, types: &[u8], depth: u32) -> Result<(), Fault> {
        // Every element takes a byte or more.
        if count > (self.bytes.len() - self.at) as u64 {
            return Err(Fault::Short);
        }
        for _ in 0..count {
            for &number in types {
                match kind(number)? {
                    Kind::Bool => self.pass(1)?,
                    kind => self.skip(kind, depth + 1)?,
                }
            }
        }
        Ok(())
    }

    /// `PageHeader`: 2 is its uncompressed and 3 its compressed size; 5, 7 and 8 are the headers of a data page, a
    /// dictionary and a data page of version 2, whose first field is the number of values.
    fn page(&mut self) -> Result<Page, Fault> {
        let mut page = Page::default();
        self.fields(0, |compact, number, kind| {
            match (number, kind) {
                (2, Kind::Integer) => drop(compact.size(MOST_BYTES)?),
                (3, Kind::Integer) => page.compressed = compact.size(MOST_BYTES)?,
                (5 | 7 | 8, Kind::Struct) => {
                    let values = compact.counts()?;
                    page.values += if number == 7 { 0 } else { values };
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(page)
    }

    /// The number of values that the header of a data page or dictionary begins with. In version 2 nulls, rows and the
    /// lengths of levels follow at 2, 3, 5 and 6; the other headers have encodings there, which are small.
    fn counts(&mut self) -> Result<u64, Fault> {
        let mut values = 0;
        self.fields(1, |compact, number, kind| {
            let size = kind == Kind::Integer && matches!(number, 1 | 2 | 3 | 5 | 6);
            if size {
                let size = compact.size(MOST_BYTES)?;
                values = if number == 1 { size } else { values };
            }
            Ok(size)
        })?;
        Ok(values)
    }
}

fn kind(number: u8) -> Result<Kind, Fault> {
    Ok(match number {
        1 | 2 => Kind::Bool,
        3 => Kind::Byte,
        4..=6 => Kind::Integer,
        7 => Kind::Double,
        8 => Kind::Text,
        9 | 10 => Kind::List,
        11 => Kind::Map,
        12 => Kind::Struct,
        13 => Kind::Uuid,
        _ => return Err(Fault::Wrong("has a field of no known type")),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn numbers_are_little_endian_groups_of_seven_bits() {
        assert_eq!(Compact::new(&[0xac, 0x02]).varint(), Ok(300));
        assert_eq!(Compact::new(&[0x03]).integer(), Ok(-2));
        assert_eq!(Compact::new(&[0x80]).varint(), Err(Fault::Short));
    }

    #[test]
    fn a_page_header_says_values_and_bytes() {
        // 1: i32 0 (data page), 2: i32 400, 3: i32 120, 5: { 1: i32 50, 2: i32 0 }.
        let header = [0x15, 0, 0x15, 0xa0, 0x06, 0x15, 0xf0, 0x01, 0x2c, 0x15, 100, 0x15, 0, 0, 0];
        let page = Compact::new(&header).page().unwrap();
        assert_eq!((page.values, page.compressed), (50, 120));
        let negative = [0x15, 0, 0x15, 0xa0, 0x06, 0x15, 0xf0, 0x01, 0x2c, 0x15, 99, 0x15, 0, 0, 0];
        assert_eq!(Compact::new(&negative).page().unwrap_err(), Fault::Wrong("has an impossible size"));
    }

    #[test]
    fn a_list_longer_than_its_bytes_has_no_end() {
        // 1: list of 2^31 structs.
        let footer = [0x19, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x08, 0];
        assert_eq!(Compact::new(&footer).skip(Kind::Struct, 0), Err(Fault::Short));
        let deep = [0x1c; 100];
        assert_eq!(Compact::new(&deep).skip(Kind::Struct, 0), Err(Fault::Wrong("is nested too deep")));
    }

    #[test]
    fn a_footer_longer_than_the_file_is_refused() {
        let file = [b"PAR1".as_slice(), &[0xff, 0xff, 0, 0], b"PAR1"].concat();
        assert_eq!(footer(&mut Cursor::new(file)), Err("its footer is longer than the file".to_owned()));
    }
}
