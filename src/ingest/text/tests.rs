use std::io::Write as _;

use proptest::prelude::*;

use super::*;

fn open(bytes: &[u8]) -> Result<Text, String> {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let name = file.path().display().to_string();
    Text::open(file.path()).map_err(|error| {
        assert!(!error.help.is_empty());
        error.to_string().replace(&name, "FILE")
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn headers_are_read_whatever_the_separator_the_line_break_and_the_mark() {
    for text in ["a,b\n1,2\n", "a,b\r\n1,2\r\n", "a,b\n1,2", "\u{feff}a,b\n1,2\n\n", "a;b\n1;2\n", "\"a\"\t b\n1\t2\n"]
    {
        let table = open(text.as_bytes()).unwrap();
        assert_eq!((table.first, table.rows), (vec!["a".to_owned(), "b".to_owned()], 2), "{text:?}");
    }
    assert_eq!(open(b"157\n158").unwrap().rows, 2, "one column");
}

#[test]
fn gzip_is_unpacked_and_standard_input_may_be_too() {
    let table = open(&gzip(b"a,b\n1,2\n3,4\n")).unwrap();
    assert_eq!(table.rows, 3);
    assert_eq!(std::fs::read(table.plain()).unwrap(), b"a,b\n1,2\n3,4\n");
    let place = Place::line(&table.path, 3);
    assert_eq!(table.cell(2, 1), (place.clone(), "4".to_owned()));
    assert_eq!(table.first_wrong(1, &[0, 1], |_, text| text == "3"), Some((place, 0, "3".to_owned())));
}

#[test]
fn a_table_of_no_one_shape_is_refused_with_its_line() {
    let packed = gzip(b"a,b\n1,2\n");
    for (bytes, expected) in [
        (b"".as_slice(), "FILE: the file is empty"),
        (b"\n\n", "FILE:1: the first line is empty"),
        (b"a,b\n1,2\n3\n", "FILE:3: 1 cell where the first row has 2"),
        (b"a,b\n1,2\n3,4,5", "FILE:3: 3 cells where the first row has 2"),
        (b"a,b\n1,2\n\n3,4\n", "FILE:3: an empty line between rows"),
        (b"a,b\n\"1,2\n3,4\n", "FILE:2: a quote is opened and never closed"),
        (b"a,\"b\n", "FILE:1: a quote is opened and never closed"),
        (b"a,b\n1,2\n\x00,4\n", "FILE:3: bytes that are not UTF-8 text"),
        (b"a,b\n1,\xe4\n", "FILE:2: bytes that are not UTF-8 text"),
        (b"a,b\n1,\xc3", "FILE:2: bytes that are not UTF-8 text"),
        (&packed[..packed.len() - 9], "FILE: the gzip stream is truncated or damaged"),
        (b"\x1f\x8b\x08", "FILE: the gzip stream is truncated or damaged"),
    ] {
        let error = open(bytes).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn quoted_cells_may_hold_separators_and_line_breaks() {
    let table = open(&gzip(b"a,b\n\"x,\ny\",2\n3,4\n")).unwrap();
    assert_eq!(table.rows, 3);
    assert_eq!(table.cell(2, 0).0.line, Some(4));
}

#[test]
fn an_endless_line_is_refused() {
    let error = open(&vec![b'7'; LONG]).unwrap_err();
    assert!(error.contains("a row of more than 64 MiB"), "{error}");
}

const LONG: usize = (64 << 20) + (2 << 20);

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = open(&bytes);
        let _ = open(&[b"\x1f\x8b".as_slice(), &bytes].concat());
    }

    #[test]
    fn rows_are_counted_as_a_csv_reader_counts_them(cells in proptest::collection::vec("[a-z0-9\"\n, ]{0,4}", 3..30)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["x", "y", "z"]).unwrap();
        for row in cells.chunks_exact(3) {
            writer.write_record(row).unwrap();
        }
        let table = open(&writer.into_inner().unwrap()).unwrap();
        prop_assert_eq!(table.rows, 1 + cells.len() / 3);
    }
}
