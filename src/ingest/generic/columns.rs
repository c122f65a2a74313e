//! The mapped columns of a general table, and their cells in a batch.

use polars::prelude::{Float64Chunked, Int64Chunked, PolarsResult, StringChunked};

use super::clock::Clock;
use super::table::Table;
use crate::error::InputError;
use crate::ingest::map::{Field, Mapping, Scale, TimeUnit};
use crate::ingest::scan::Batch;
use crate::trace::Name;

/// The mapped columns.
#[derive(Debug)]
pub(super) struct Columns {
    pub map: Vec<Mapping>,
    pub time: TimeUnit,
    /// Values in the order of the mappings.
    pub values: Vec<(Name, Scale)>,
    /// Whether each row is a request.
    pub counts_rows: bool,
}

impl Columns {
    pub(super) fn new(map: &[Mapping]) -> Result<Self, InputError> {
        let counts_rows = map.iter().any(Mapping::counts_rows);
        let mut columns = Self { map: map.to_vec(), time: TimeUnit::Auto, values: Vec::new(), counts_rows };
        let wrong = |problem: &str| InputError::new(problem, "map each field once").field("--map");
        let mut fields = Vec::new();
        for map in map {
            let field = match map.field {
                Field::Time(unit) => {
                    columns.time = unit;
                    "t"
                }
                Field::Function => "function",
                Field::Value(name, scale) => {
                    columns.values.push((name, scale));
                    name.as_str()
                }
            };
            if fields.contains(&field) {
                return Err(wrong(&format!("two columns are mapped to {field}")));
            }
            fields.push(field);
        }
        if columns.load().is_none() {
            let help = "add --map requests=COLUMN or --map cpu=COLUMN:UNIT";
            return Err(InputError::new("neither requests nor CPU is mapped", help).field("--map"));
        }
        if columns.per_replica().any(|(_, replicas)| replicas.is_none()) {
            let problem = "CPU is a mean per replica, and no column is mapped to replicas";
            return Err(InputError::new(problem, "add --map replicas=COLUMN").field("--map"));
        }
        Ok(columns)
    }

    /// Places of the values that are means per replica, each with that of the replicas.
    fn per_replica(&self) -> impl Iterator<Item = (usize, Option<usize>)> + '_ {
        let replicas = self.values.iter().position(|(name, _)| *name == Name::Replicas);
        let means = self.values.iter().enumerate().filter(|(_, (_, scale))| matches!(scale, Scale::PerReplica(_)));
        means.map(move |(at, _)| (at, replicas))
    }

    /// Turns the means per replica of a row into sums over its replicas.
    pub(super) fn sum_up(&self, values: &mut [f64]) {
        for (at, replicas) in self.per_replica() {
            values[at] *= replicas.map_or(f64::NAN, |replicas| values[replicas]);
        }
    }

    /// The place of the value that measures load.
    pub(super) fn load(&self) -> Option<usize> {
        let place = |wanted| self.values.iter().position(|(name, _)| *name == wanted);
        place(Name::Requests).or_else(|| place(Name::Cpu))
    }
}

/// The columns of a batch.
pub(super) struct Cells<'a> {
    name: Option<&'a str>,
    texts: Option<&'a StringChunked>,
    dates: Option<&'a Int64Chunked>,
    functions: Option<&'a StringChunked>,
    /// `None` stands for 1 in each row.
    values: Vec<Option<&'a Float64Chunked>>,
}

impl<'a> Cells<'a> {
    pub(super) fn new(batch: &'a Batch, table: &'a Table) -> PolarsResult<Self> {
        let dates = table.has_time() && table.dates();
        let texts = table.has_time() && !dates;
        let functions = table.has_function().then(|| batch.texts(usize::from(table.has_time())));
        Ok(Self {
            name: (!table.has_function()).then_some(table.name.as_str()),
            texts: texts.then(|| batch.texts(0)).transpose()?,
            dates: dates.then(|| batch.integers(0)).transpose()?,
            functions: functions.transpose()?,
            values: table.numbers().map(|at| at.map(|at| batch.numbers(at)).transpose()).collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn function(&self, row: usize) -> Option<&'a str> {
        self.name.or_else(|| self.functions.and_then(|column| column.get(row)).map(str::trim))
    }

    pub(super) fn time(&self, row: usize, clock: &mut Clock) -> Option<i64> {
        match self.dates {
            Some(dates) => dates.get(row),
            None => clock.read(self.texts?.get(row)?),
        }
    }

    pub(super) fn values(&self, row: usize, values: &mut [f64]) {
        for (value, column) in values.iter_mut().zip(&self.values) {
            *value = column.map_or(Some(1.0), |column| column.get(row)).unwrap_or(f64::NAN);
        }
    }
}
