//! Chosen columns of a table, batch by batch, through Polars' streaming engine: memory holds a few batches, whatever the
//! size of the file.

use std::sync::mpsc::sync_channel;
use std::thread;

use polars::prelude::*;

use crate::error::{InputError, Place};
use crate::ingest::guard;
use crate::ingest::text::Text;

/// Spellings of "nothing was recorded" that exporters use, beside an empty cell.
pub(super) const NULLS: [&str; 9] = ["NaN", "nan", "null", "NULL", "None", "NA", "N/A", "-", "<unknown>"];

/// Batches that wait while one is worked on.
const WAITING: usize = 2;

/// What to read from a text table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Whether the first row is a header.
    pub header: bool,
    /// Columns to read as text.
    pub texts: &'a [usize],
    /// Columns to read as numbers.
    pub numbers: &'a [usize],
    /// Those of them whose cells may end in a percent sign.
    pub percents: &'a [usize],
    /// Whether [`NULLS`] are missing values; otherwise only empty cells are.
    pub spelled_nulls: bool,
}

/// A batch of rows.
pub(super) struct Batch {
    /// Number of the first row, the header not counted.
    pub first: usize,
    frame: DataFrame,
}

impl Batch {
    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.frame.height()
    }

    /// A text column, by its place among the wanted ones.
    pub(super) fn texts(&self, at: usize) -> PolarsResult<&StringChunked> {
        column(&self.frame, &format!("text{at}"))?.str()
    }

    /// A column of whole numbers that the plan named so.
    pub(super) fn integers(&self, at: usize) -> PolarsResult<&Int64Chunked> {
        column(&self.frame, &format!("text{at}"))?.i64()
    }

    /// A column of numbers, by its place among the wanted ones.
    pub(super) fn numbers(&self, at: usize) -> PolarsResult<&Float64Chunked> {
        column(&self.frame, &format!("number{at}"))?.f64()
    }
}

fn column<'a>(frame: &'a DataFrame, name: &str) -> PolarsResult<&'a Column> {
    frame.column(name)
}

/// Runs `plan`, and gives its rows in order to `each`. Outer errors are Polars', inner ones those of `each`.
pub(super) fn batches(
    plan: LazyFrame,
    mut each: impl FnMut(&Batch) -> Result<(), InputError>,
) -> Result<Result<(), InputError>, String> {
    let (send, receive) = sync_channel::<DataFrame>(WAITING);
    let callback = PlanCallback::new(move |frame| Ok(send.send(frame).is_err()));
    let plan = guard::decode(|| plan.sink_batches(callback, true, None))?;
    thread::scope(|scope| {
        let runner = scope.spawn(move || guard::decode(|| plan.collect_with_engine(Engine::Streaming).map(drop)));
        let mut first = 0;
        let mut result = Ok(());
        for frame in receive {
            let batch = Batch { first, frame };
            first += batch.len();
            result = each(&batch);
            if result.is_err() {
                break;
            }
        }
        let end = runner.join().unwrap_or_else(|_| Err("the reader gave up".to_owned()));
        // A refused row ends the reading, which the runner may see as an error of its own.
        if result.is_err() { Ok(result) } else { end.map(|()| result) }
    })
}

/// Reads columns of a text table. A cell that is no number is named with its line.
pub(super) fn text(
    table: &Text,
    wanted: Wanted<'_>,
    each: impl FnMut(&Batch) -> Result<(), InputError>,
) -> Result<(), InputError> {
    let rows = table.rows - usize::from(wanted.header);
    if rows == 0 || wanted.texts.len() + wanted.numbers.len() == 0 {
        return Ok(());
    }
    let read = guard::decode(|| plan(table, wanted, rows)).and_then(|plan| batches(plan, each));
    read.unwrap_or_else(|problem| Err(wrong_cell(table, wanted, &problem)))
}

fn plan(table: &Text, wanted: Wanted<'_>, rows: usize) -> PolarsResult<LazyFrame> {
    let name = |column: usize| PlSmallStr::from(format!("c{column}"));
    let mut schema: Schema = (0..table.first.len()).map(|at| Field::new(name(at), DataType::String)).collect();
    for &column in wanted.numbers.iter().filter(|column| !wanted.percents.contains(column)) {
        schema.insert(name(column), DataType::Float64);
    }
    let number = |column: usize| {
        let cell = col(name(column));
        let plain = !wanted.percents.contains(&column);
        if plain { cell } else { cell.str().strip_suffix(lit("%")).strict_cast(DataType::Float64) }
    };
    let nulls = NULLS.iter().map(|text| PlSmallStr::from(*text)).collect();
    let texts = wanted.texts.iter().enumerate().map(|(at, &column)| col(name(column)).alias(format!("text{at}")));
    let numbers = wanted.numbers.iter().enumerate().map(|(at, &column)| number(column).alias(format!("number{at}")));
    let select: Vec<Expr> = texts.chain(numbers).collect();
    let path = PlRefPath::try_from_path(table.plain())?;
    let reader = LazyCsvReader::new(path)
        .with_glob(false)
        .with_cache(false)
        .with_has_header(false)
        .with_separator(table.separator)
        .with_skip_lines(if wanted.header { table.first_lines } else { 0 })
        .with_n_rows(Some(rows))
        .with_null_values(wanted.spelled_nulls.then_some(NullValues::AllColumns(nulls)))
        .with_schema(Some(Arc::new(schema)));
    Ok(reader.finish()?.select(select))
}

/// Finds the cell that Polars could not read; it does not say which it was.
fn wrong_cell(table: &Text, wanted: Wanted<'_>, problem: &str) -> InputError {
    let no_number = |column: usize, text: &str| {
        let text = if wanted.percents.contains(&column) { text.strip_suffix('%').unwrap_or(text) } else { text };
        let text = text.trim_start();
        let null = text.is_empty() || wanted.spelled_nulls && NULLS.contains(&text);
        !null && text.parse::<f64>().is_err()
    };
    match table.first_wrong(usize::from(wanted.header), wanted.numbers, no_number) {
        Some((place, column, text)) => not_a_number(place, &column_name(table, wanted.header, column), &text),
        None => table.wrong(format!("cannot read the table: {problem}"), "check that it is a text table in UTF-8"),
    }
}

/// The name of a column for messages.
pub(super) fn column_name(table: &Text, header: bool, column: usize) -> String {
    let named = table.first.get(column).filter(|name| header && !name.is_empty());
    named.cloned().unwrap_or_else(|| format!("column {}", column + 1))
}

/// The error of a cell that should be a number.
pub(super) fn not_a_number(place: Place, column: &str, text: &str) -> InputError {
    let shown: String = text.chars().take(40).collect();
    InputError::new(format!("`{shown}` is not a number"), "write a number from 0 up, or leave the cell empty")
        .at(place)
        .field(column)
}

/// Checks a value: `None` when it is right, else why not.
pub(super) fn fault_of(value: f64) -> Option<&'static str> {
    if value < 0.0 {
        Some("is below 0")
    } else if value.is_infinite() {
        Some("is not a finite number")
    } else {
        None
    }
}

/// The error of a number that no trace has; `row` does not count the header.
pub(super) fn bad_value(table: &Text, header: bool, row: usize, column: usize, why: &str) -> InputError {
    let (place, text) = table.cell(row + usize::from(header), column);
    let problem = format!("`{text}` {why}");
    InputError::new(problem, "write a number from 0 up, or leave the cell empty")
        .at(place)
        .field(column_name(table, header, column))
}
