//! Traces as commands take them: read, named and hashed.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{InputError, Place};
use crate::ingest::canonical;
use crate::trace::Trace;

/// A trace that was read.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Where it came from.
    pub(super) source: Source,
    /// What is in it.
    pub(super) trace: Trace,
}

/// Provenance of a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Source {
    /// Its name: the file's without directory and ending, or the path where that is not unique.
    pub(super) name: String,
    /// The file as it was named.
    pub(super) file: String,
    /// SHA-256 of its bytes.
    pub(super) sha256: String,
    /// How many functions it has.
    pub(super) functions: usize,
}

/// Reads traces; `select` leaves only functions whose name matches.
///
/// # Errors
/// What the reader refuses, a file named twice, or patterns that nothing matches.
pub(super) fn load(files: &[PathBuf], select: &[String]) -> Result<Vec<Loaded>, InputError> {
    let mut all: Vec<Loaded> = files.iter().map(|file| one(file, select)).collect::<Result<_, _>>()?;
    for at in 1..all.len() {
        if all[..at].iter().any(|other| other.source.file == all[at].source.file) {
            let problem = format!("{} is named twice", all[at].source.file);
            return Err(InputError::new(problem, "name each trace once"));
        }
        if all[..at].iter().any(|other| other.source.name == all[at].source.name) {
            let path = all[at].source.file.clone();
            all[at].source.name = path;
        }
    }
    Ok(all)
}

fn one(file: &Path, select: &[String]) -> Result<Loaded, InputError> {
    let stdin = file.as_os_str() == "-";
    let bytes = if stdin {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    let bytes = bytes.map_err(|error| InputError::io(file, "read", &error))?;
    // Commands call the flag by different names.
    let trace = canonical::read_bytes(&bytes, file)?;
    let trace = trace.select(select).map_err(|error| InputError { field: None, ..error }.at(Place::file(file)))?;
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let stem = if stdin { None } else { file.file_stem() };
    let name = stem.map_or_else(|| "stdin".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let source = Source { name, file: file.display().to_string(), sha256, functions: trace.functions.len() };
    Ok(Loaded { source, trace })
}
