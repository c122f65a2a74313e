//! Opens inputs and recognises their format.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{InputError, Place};
use crate::ingest::azure_2019::{self, Azure2019};
use crate::ingest::generic::{Generic, Input};
use crate::ingest::huawei_2023::{self, Huawei2023};
use crate::ingest::options::{Format, Options};
use crate::ingest::report::Report;
use crate::ingest::source::Source;
use crate::ingest::text::Text;

/// Opens the inputs as what the options or their headers say.
pub(super) fn open(paths: &[PathBuf], options: &Options, report: &mut Report) -> Result<Box<dyn Source>, InputError> {
    if paths.is_empty() {
        return Err(InputError::new("there is no input", "name a file, or `-`"));
    }
    let inputs = paths.iter().map(|path| input(path)).collect::<Result<Vec<_>, _>>()?;
    let format = match options.format {
        Format::Auto => recognise(&inputs, options)?,
        format => format,
    };
    report.format = format.to_string();
    if format != Format::Generic && !options.map.is_empty() {
        let problem = format!("{format} knows its columns");
        return Err(InputError::new(problem, "leave --map out, or say --format csv").field("--map"));
    }
    Ok(match format {
        Format::Azure2019 => Box::new(Azure2019::open(texts(inputs, format)?, options, report)?),
        Format::Huawei2023 => Box::new(Huawei2023::open(texts(inputs, format)?, report)?),
        Format::Auto | Format::Generic => Box::new(Generic::open(inputs, options, report)?),
    })
}

fn input(path: &Path) -> Result<Input, InputError> {
    let mut magic = [0; 4];
    let is_file = path.as_os_str() != "-" && path.is_file();
    if is_file && File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && &magic == b"PAR1" {
        return Ok(Input::Parquet(path.to_owned()));
    }
    Text::open(path).map(Input::Text)
}

fn texts(inputs: Vec<Input>, format: Format) -> Result<Vec<Text>, InputError> {
    let text = |input| match input {
        Input::Text(text) => Ok(text),
        Input::Parquet(path) => {
            let problem = format!("{format} is a format of text tables, this is a Parquet file");
            Err(InputError::new(problem, "leave it out, or say --format csv with --map").at(Place::file(&path)))
        }
    };
    inputs.into_iter().map(text).collect()
}

/// The format of the inputs by their headers.
fn recognise(inputs: &[Input], options: &Options) -> Result<Format, InputError> {
    if !options.map.is_empty() {
        return Ok(Format::Generic);
    }
    let of = |input: &Input| match input {
        Input::Text(text) if azure_2019::recognises(&text.first) => Some(Format::Azure2019),
        Input::Text(text) if huawei_2023::recognises(&text.first) => Some(Format::Huawei2023),
        _ => None,
    };
    let format = of(&inputs[0]);
    let same = inputs.iter().find(|input| of(input) != format);
    match (format, same) {
        (Some(format), None) => Ok(format),
        (_, odd) => Err(unknown(odd.unwrap_or(&inputs[0]), format)),
    }
}

fn unknown(input: &Input, others: Option<Format>) -> InputError {
    let help = "say which column is what, such as --map t=time --map requests=count (see `hpatune ingest --help`)";
    match (input, others) {
        (Input::Text(text), Some(others)) => {
            text.wrong(format!("the header is not that of {others}"), "give tables of one format")
        }
        (Input::Text(text), None) => {
            let shown = text.first.iter().take(12).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            text.wrong(format!("no known format begins with {shown}"), help)
        }
        (Input::Parquet(path), _) => {
            let problem = "this Parquet file needs to be told which column is what";
            InputError::new(problem, help).at(Place::file(path))
        }
    }
}
