//! Helpers of the readers' tests: files in a folder of their own, ingested.

use std::io::Write;
use std::path::PathBuf;

use crate::error::InputError;
use crate::ingest::{Ingest, Options, Report};
use crate::trace::Trace;

/// Files that vanish with it.
pub(super) struct Files {
    folder: tempfile::TempDir,
    pub paths: Vec<PathBuf>,
}

impl Files {
    /// Writes files by name; a name may have folders.
    pub(super) fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |(name, bytes): &(&str, &[u8])| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let paths = files.iter().map(write).collect();
        Self { folder, paths }
    }

    pub(super) fn ingest(&self, options: &Options) -> Result<(Trace, Report), InputError> {
        Ingest::open(&self.paths, options)?.into_trace()
    }

    /// The refusal, with the folder's name left out; there must be a remedy.
    pub(super) fn refusal(&self, options: &Options) -> String {
        let error = self.ingest(options).unwrap_err();
        assert!(!error.help.is_empty(), "{error} has no remedy");
        error.to_string().replace(&format!("{}/", self.folder.path().display()), "")
    }
}

/// Ingests one text file with the default options.
pub(super) fn ingest(name: &str, text: &str) -> Result<(Trace, Report), InputError> {
    Files::new(&[(name, text.as_bytes())]).ingest(&Options::default())
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A column with gaps as options, which compare.
pub(super) fn known(values: Option<&Vec<f64>>) -> Vec<Option<f64>> {
    values.expect("the column is there").iter().map(|value| (!value.is_nan()).then_some(*value)).collect()
}

/// A valid file with some bytes changed, cut or doubled.
pub(super) fn damage(file: &[u8], hits: &[(proptest::sample::Index, u8, u8)]) -> Vec<u8> {
    let mut file = file.to_vec();
    for (at, how, byte) in hits {
        let at = at.index(file.len().max(1)).min(file.len());
        match how % 4 {
            0 if at < file.len() => file[at] = *byte,
            1 => file.insert(at, *byte),
            2 => file.truncate(at),
            _ => file.extend_from_within(at..),
        }
    }
    file
}
