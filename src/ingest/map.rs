//! `--map FIELD=COLUMN[:UNIT]`: which column of a general table is what, and in which unit.

use std::str::FromStr;

use crate::error::InputError;
use crate::trace::Name;

/// One `--map`.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// What the column is.
    pub(super) field: Field,
    /// The column: its name, or its number from 1; [`ROWS`] where each row is a request.
    pub(super) column: String,
    /// Whether cells may end in a percent sign.
    pub(super) percent: bool,
    /// As the user wrote it, for messages.
    text: String,
}

/// What a column of a general table is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Field {
    /// The time of the row.
    Time(TimeUnit),
    /// The function of the row.
    Function,
    /// A value.
    Value(Name, Scale),
}

/// Stands for a column of requests of which each row has one.
pub(super) const ROWS: &str = "*";

/// How times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeUnit {
    /// By looking at the first one.
    Auto,
    /// A number, of which so many make a second.
    PerSecond(i64),
    /// A date and a time.
    Date,
}

/// From the source's unit to the trace's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Times this.
    Times(f64),
    /// A rate: times this, and times the seconds of a slot.
    PerSecond(f64),
    /// A mean per replica: times this, and times the replicas of the row.
    PerReplica(f64),
}

const FIELDS: &str = "t, function, requests, cpu, memory, duration, duration_p50, duration_p90, duration_p99, replicas";
const CPU_UNITS: &str = "cores, millicores, nanocores, percent (of a core), percent-of-N or fraction-of-N (of N cores); \
    with -per-replica behind it where the column is a mean per replica, as in percent-of-0.1-per-replica";
/// Behind a unit of CPU: the column is a mean per replica.
const PER_REPLICA: &str = "-per-replica";

impl FromStr for Mapping {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        let wrong = |problem: String, help: String| InputError::new(problem, help).field("--map");
        let (field, rest) = text.split_once('=').filter(|(_, rest)| !rest.is_empty()).ok_or_else(|| {
            wrong(format!("`{text}` is not FIELD=COLUMN[:UNIT]"), "write for instance requests=count".into())
        })?;
        // A column's name may hold a colon; only what follows the last one can be a unit.
        let (column, unit) = match rest.rsplit_once(':') {
            Some((column, unit)) if !column.is_empty() && looks_like_unit(unit) => (column, Some(unit)),
            _ => (rest, None),
        };
        let unit = unit.unwrap_or_else(|| own_unit(column));
        let field = match field {
            "t" | "time" => time_unit(unit).map(Field::Time).ok_or("s, ms, us, ns or date"),
            "function" if unit.is_empty() => Ok(Field::Function),
            "function" => Err("none"),
            _ => value(field, unit)
                .ok_or_else(|| wrong(format!("`{field}` is not a field"), format!("the fields are {FIELDS}")))?,
        };
        let field = field.map_err(|units| {
            let problem = if unit.is_empty() { "needs a unit".to_owned() } else { format!("cannot be in `{unit}`") };
            wrong(format!("{text}: {problem}"), format!("add one after a colon: {units}"))
        })?;
        if column == ROWS && (field != Field::Value(Name::Requests, Scale::Times(1.0))) {
            return Err(wrong(
                format!("{text}: only requests can be rows"),
                "write requests=*, or name a column".into(),
            ));
        }
        let percent = unit.starts_with("percent");
        Ok(Self { field, column: column.to_owned(), percent, text: text.to_owned() })
    }
}

impl Mapping {
    /// Whether each row is a request.
    pub(super) fn counts_rows(&self) -> bool {
        self.column == ROWS
    }
}

impl std::fmt::Display for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// The unit that a column's canonical name states.
fn own_unit(column: &str) -> &'static str {
    match column {
        "cpu_millicores" => "millicores",
        "memory_bytes" => "bytes",
        "duration_ms" | "duration_p50_ms" | "duration_p90_ms" | "duration_p99_ms" => "ms",
        _ => "",
    }
}

fn looks_like_unit(unit: &str) -> bool {
    let known = time_unit(unit).is_some() || requests(unit).is_some() || cpu(unit).is_some();
    !unit.is_empty() && (known || memory(unit).is_some() || duration(unit).is_some())
}

/// A value's field: `None` when there is none of this name, an error with the units when the unit does not fit.
fn value(field: &str, unit: &str) -> Option<Result<Field, &'static str>> {
    let with = |name, scale: Option<Scale>, units| Some(scale.map(|scale| Field::Value(name, scale)).ok_or(units));
    match field {
        "requests" => with(Name::Requests, requests(unit), "count, rps or per_minute"),
        "cpu" => with(Name::Cpu, cpu(unit), CPU_UNITS),
        "memory" => with(Name::Memory, memory(unit), "bytes, KiB, MiB, GiB, KB, MB or GB"),
        "duration" => with(Name::Duration, duration(unit), "s, ms or us"),
        "duration_p50" => with(Name::DurationP50, duration(unit), "s, ms or us"),
        "duration_p90" => with(Name::DurationP90, duration(unit), "s, ms or us"),
        "duration_p99" => with(Name::DurationP99, duration(unit), "s, ms or us"),
        "replicas" => with(Name::Replicas, unit.is_empty().then_some(Scale::Times(1.0)), "none"),
        _ => None,
    }
}

fn time_unit(unit: &str) -> Option<TimeUnit> {
    Some(match unit {
        "" => TimeUnit::Auto,
        "s" => TimeUnit::PerSecond(1),
        "ms" => TimeUnit::PerSecond(1000),
        "us" => TimeUnit::PerSecond(1_000_000),
        "ns" => TimeUnit::PerSecond(1_000_000_000),
        "date" => TimeUnit::Date,
        _ => return None,
    })
}

fn requests(unit: &str) -> Option<Scale> {
    match unit {
        "" | "count" => Some(Scale::Times(1.0)),
        "rps" => Some(Scale::PerSecond(1.0)),
        "per_minute" => Some(Scale::PerSecond(1.0 / 60.0)),
        _ => None,
    }
}

fn cpu(unit: &str) -> Option<Scale> {
    match unit.strip_suffix(PER_REPLICA) {
        Some(unit) => millicores(unit).map(Scale::PerReplica),
        None => millicores(unit).map(Scale::Times),
    }
}

/// How many millicores a unit of CPU is.
fn millicores(unit: &str) -> Option<f64> {
    let cores = |text: &str| text.parse().ok().filter(|cores: &f64| *cores > 0.0 && cores.is_finite());
    Some(match unit {
        "cores" => 1000.0,
        "millicores" => 1.0,
        "nanocores" => 1e-6,
        "percent" => 10.0,
        _ => match unit.strip_prefix("percent-of-") {
            Some(text) => 10.0 * cores(text)?,
            None => 1000.0 * cores(unit.strip_prefix("fraction-of-")?)?,
        },
    })
}

fn memory(unit: &str) -> Option<Scale> {
    let kib = 1024.0;
    Some(Scale::Times(match unit {
        "bytes" => 1.0,
        "KiB" => kib,
        "MiB" => kib * kib,
        "GiB" => kib * kib * kib,
        "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    }))
}

fn duration(unit: &str) -> Option<Scale> {
    Some(Scale::Times(match unit {
        "s" => 1000.0,
        "ms" => 1.0,
        "us" => 0.001,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Result<(Field, String), String> {
        text.parse::<Mapping>().map(|map| (map.field, map.column)).map_err(|error| error.to_string())
    }

    fn scale(text: &str) -> f64 {
        match map(text).unwrap().0 {
            Field::Value(_, Scale::Times(factor) | Scale::PerSecond(factor) | Scale::PerReplica(factor)) => factor,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fields_columns_and_units_are_read() {
        assert_eq!(map("t=minute"), Ok((Field::Time(TimeUnit::Auto), "minute".into())));
        assert_eq!(map("time=2:ms"), Ok((Field::Time(TimeUnit::PerSecond(1000)), "2".into())));
        assert_eq!(map("requests=tp:rps"), Ok((Field::Value(Name::Requests, Scale::PerSecond(1.0)), "tp".into())));
        assert_eq!(map("function=ns:name"), Ok((Field::Function, "ns:name".into())), "`name` is no unit");
        assert_eq!(map("requests=a=b").unwrap().1, "a=b");
        let mean = Field::Value(Name::Cpu, Scale::PerReplica(1000.0));
        assert_eq!(map("cpu=x:cores-per-replica"), Ok((mean, "x".into())));
    }

    #[test]
    fn units_become_millicores_bytes_and_milliseconds() {
        for (text, expected) in [
            ("cpu=x:cores", 1000.0),
            ("cpu=x:percent", 10.0),
            ("cpu=x:percent-of-4", 40.0),
            ("cpu=x:fraction-of-0.5", 500.0),
            ("cpu=x:percent-of-0.1-per-replica", 1.0),
            ("cpu=cpu_millicores", 1.0),
            ("memory=x:GiB", 1_073_741_824.0),
            ("memory=x:MB", 1e6),
            ("duration_p99=x:s", 1000.0),
        ] {
            assert!((scale(text) - expected).abs() < 1e-9, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_is_said_with_what_can() {
        for (text, expected) in [
            ("count", "`--map`: `count` is not FIELD=COLUMN[:UNIT]"),
            ("load=x", "`--map`: `load` is not a field"),
            ("cpu=x", "`--map`: cpu=x: needs a unit"),
            ("cpu=x:MiB", "`--map`: cpu=x:MiB: cannot be in `MiB`"),
            ("cpu=x:percent-of-0", "`--map`: cpu=x:percent-of-0: needs a unit"),
            ("cpu=*:cores", "`--map`: cpu=*:cores: only requests can be rows"),
            ("requests=*:rps", "`--map`: requests=*:rps: only requests can be rows"),
        ] {
            assert_eq!(map(text).unwrap_err(), expected);
        }
    }
}
