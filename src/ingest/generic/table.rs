//! One input of the general format, text or Parquet, and its mapped columns.

use std::fs::File;
use std::path::{Path, PathBuf};

use polars::prelude::*;

use super::Columns;
use crate::error::{InputError, Place};
use crate::ingest::map::{Field, Mapping};
use crate::ingest::scan::{self, Batch, Wanted};
use crate::ingest::text::Text;
use crate::ingest::{guard, pages};

/// An input and where its fields stand.
#[derive(Debug)]
pub(super) struct Table {
    source: Kind,
    header: bool,
    time: Option<usize>,
    function: Option<usize>,
    /// A column for each of [`Columns`]' values; `None` where each row counts 1.
    values: Vec<Option<usize>>,
    /// Those of them whose cells may end in a percent sign.
    percents: Vec<usize>,
    /// What the function is called when no column says so.
    pub name: String,
}

#[derive(Debug)]
enum Kind {
    Text(Text),
    Parquet { path: PathBuf, names: Vec<String>, dates: bool },
}

/// An input before its columns are looked up.
#[derive(Debug)]
pub(in crate::ingest) enum Input {
    /// A text table.
    Text(Text),
    /// A Parquet file.
    Parquet(PathBuf),
}

const NOT_PARQUET: &str = "give a whole Parquet file, or a text table";

impl Table {
    /// Looks the mapped columns up.
    pub(super) fn new(input: Input, columns: &Columns, header: bool) -> Result<Self, InputError> {
        let (source, path) = match input {
            Input::Text(text) => {
                let path = text.path.clone();
                (Kind::Text(text), path)
            }
            Input::Parquet(path) => {
                let names = parquet_schema(&path)?.iter_names().map(ToString::to_string).collect();
                (Kind::Parquet { path: path.clone(), names, dates: false }, path)
            }
        };
        let header = header || matches!(source, Kind::Parquet { .. });
        let (values, percents) = (Vec::new(), Vec::new());
        let mut table = Self { source, header, time: None, function: None, values, percents, name: stem(&path) };
        for map in &columns.map {
            if map.counts_rows() {
                table.values.push(None);
                continue;
            }
            let column = table.find(map)?;
            match map.field {
                Field::Time(_) => table.time = Some(column),
                Field::Function => table.function = Some(column),
                Field::Value(..) => table.values.push(Some(column)),
            }
            if map.percent {
                table.percents.push(column);
            }
        }
        table.note_dates()?;
        Ok(table)
    }

    /// Whether a Parquet file's time is one, and not text or a number.
    fn note_dates(&mut self) -> Result<(), InputError> {
        let time = self.time;
        if let (Kind::Parquet { path, names, dates }, Some(time)) = (&mut self.source, time) {
            let schema = parquet_schema(path)?;
            let field = schema.get(names[time].as_str());
            *dates = field.is_some_and(|field| DataType::from_arrow_field(field).is_temporal());
        }
        Ok(())
    }

    fn find(&self, map: &Mapping) -> Result<usize, InputError> {
        let names: &[String] = match &self.source {
            Kind::Text(text) => &text.first,
            Kind::Parquet { names, .. } => names,
        };
        let by_name = self.header.then(|| names.iter().position(|name| *name == map.column)).flatten();
        let number = || map.column.parse::<usize>().ok().filter(|number| (1..=names.len()).contains(number));
        if let Some(column) = by_name.or_else(|| number().map(|number| number - 1)) {
            return Ok(column);
        }
        let shown = names.iter().take(20).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let help = if self.header {
            format!("the columns are {shown}")
        } else {
            format!("without a header, write its number from 1 to {}", names.len())
        };
        let problem = format!("there is no column `{}`", map.column);
        Err(InputError::new(problem, help).at(Place::file(self.path())).field(format!("--map {map}")))
    }

    pub(super) fn path(&self) -> &Path {
        match &self.source {
            Kind::Text(text) => &text.path,
            Kind::Parquet { path, .. } => path,
        }
    }

    /// Rows, where they are known beforehand.
    pub(super) fn has_time(&self) -> bool {
        self.time.is_some()
    }

    pub(super) fn has_function(&self) -> bool {
        self.function.is_some()
    }

    /// The place of each value among [`Batch`]'s numbers; `None` where each row counts 1.
    pub(super) fn numbers(&self) -> impl Iterator<Item = Option<usize>> {
        self.values.iter().scan(0, |next, column| {
            let at = *next;
            *next += usize::from(column.is_some());
            Some(column.map(|_| at))
        })
    }

    /// Gives the rows in order: the time is text 0, unless it is a Parquet date, and the function follows.
    pub(super) fn read(&self, each: impl FnMut(&Batch) -> Result<(), InputError>) -> Result<(), InputError> {
        let texts: Vec<usize> = self.time.into_iter().chain(self.function).collect();
        let numbers: Vec<usize> = self.values.iter().copied().flatten().collect();
        match &self.source {
            Kind::Text(text) => {
                let (numbers, percents) = (&numbers, &self.percents);
                let wanted = Wanted { header: self.header, texts: &texts, numbers, percents, spelled_nulls: true };
                scan::text(text, wanted, each)
            }
            Kind::Parquet { path, names, dates } => {
                let read = guard::decode(|| plan(path, names, &texts, &numbers, *dates))
                    .and_then(|plan| scan::batches(plan, each));
                read.unwrap_or_else(|problem| {
                    let problem = format!("cannot read the columns: {problem}");
                    Err(InputError::new(problem, "check the types of the columns; values must be numbers")
                        .at(Place::file(path)))
                })
            }
        }
    }

    /// Whether [`Batch::integers`] has the times, in milliseconds.
    pub(super) fn dates(&self) -> bool {
        matches!(self.source, Kind::Parquet { dates: true, .. })
    }

    /// An error about the time of a row.
    pub(super) fn bad_time(&self, row: usize, help: &str) -> InputError {
        self.bad(row, self.time.unwrap_or(0), "is not a time", help)
    }

    /// An error about the function of a row.
    pub(super) fn bad_function(&self, row: usize) -> InputError {
        self.bad(row, self.function.unwrap_or(0), "is no name", "give every row a function")
    }

    /// An error about a value of a row.
    pub(super) fn bad_value(&self, row: usize, value: usize, why: &str) -> InputError {
        self.bad(row, self.values[value].unwrap_or(0), why, "write a number from 0 up, or leave the cell empty")
    }

    /// An error about a row as a whole.
    pub(super) fn bad_row(&self, row: usize, problem: String, help: &str) -> InputError {
        let place = match &self.source {
            Kind::Text(text) => text.cell(row + usize::from(self.header), 0).0,
            Kind::Parquet { path, .. } => Place::file(path),
        };
        InputError::new(problem, help).at(place)
    }

    fn bad(&self, row: usize, column: usize, why: &str, help: &str) -> InputError {
        match &self.source {
            Kind::Text(text) => {
                let (place, cell) = text.cell(row + usize::from(self.header), column);
                let shown: String = cell.chars().take(40).collect();
                let field = scan::column_name(text, self.header, column);
                InputError::new(format!("`{shown}` {why}"), help).at(place).field(field)
            }
            Kind::Parquet { path, names, .. } => {
                let problem = format!("a value {why} in row {}", row + 1);
                InputError::new(problem, help).at(Place::file(path)).field(names[column].clone())
            }
        }
    }
}

fn parquet_schema(path: &Path) -> Result<Arc<ArrowSchema>, InputError> {
    let open = || File::open(path).map_err(|error| InputError::io(path, "read", &error));
    let (mut file, mut reader) = (open()?, ParquetReader::new(open()?));
    let footer = pages::footer(&mut file).and_then(|()| guard::decode(|| reader.get_metadata().cloned()));
    let checked = footer.and_then(|footer| pages::pages(&mut file, &footer));
    checked.and_then(|()| guard::decode(|| reader.schema())).map_err(|problem| {
        InputError::new(format!("this is not a whole Parquet file: {problem}"), NOT_PARQUET).at(Place::file(path))
    })
}

fn plan(path: &Path, names: &[String], texts: &[usize], values: &[usize], dates: bool) -> PolarsResult<LazyFrame> {
    let source = |column: usize| col(PlSmallStr::from(names[column].as_str()));
    let mut select = Vec::new();
    for (at, &column) in texts.iter().enumerate() {
        let text = if at == 0 && dates {
            source(column).strict_cast(DataType::Datetime(TimeUnit::Milliseconds, None)).strict_cast(DataType::Int64)
        } else {
            source(column).strict_cast(DataType::String)
        };
        select.push(text.alias(format!("text{at}")));
    }
    for (at, &column) in values.iter().enumerate() {
        select.push(source(column).strict_cast(DataType::Float64).alias(format!("number{at}")));
    }
    let args = ScanArgsParquet { glob: false, ..ScanArgsParquet::default() };
    Ok(LazyFrame::scan_parquet(PlRefPath::try_from_path(path)?, args)?.select(select))
}

/// The name of a file without its folders and its endings.
fn stem(path: &Path) -> String {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let stem = ["gz", "csv", "tsv", "txt", "parquet"].iter().fold(name.as_str(), |name, ending| {
        name.strip_suffix(ending).and_then(|name| name.strip_suffix('.')).unwrap_or(name)
    });
    if stem.is_empty() || stem == "-" { "stdin".to_owned() } else { stem.to_owned() }
}
