//! Safetensors files: named tensors of single precision, and one JSON document beside them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use crate::error::{InputError, Place};

/// The key of the JSON document among a file's metadata. There is only one, because the format's writer keeps them in a
/// hash map, whose order would change the bytes from run to run.
const KEY: &str = "hpatune";

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Archive {
    /// The JSON document.
    pub header: serde_json::Value,
    /// Tensors by name: shape, and values row by row.
    pub tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Archive {
    /// Adds a tensor.
    pub fn insert(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.tensors.insert(name.to_owned(), (shape.to_vec(), values.to_vec()));
    }

    /// The values of a tensor that must have `length` of them.
    ///
    /// # Errors
    /// It is absent, of another size, or not finite.
    pub fn values(&self, name: &str, length: usize) -> Result<&[f32], InputError> {
        let Some((_, values)) = self.tensors.get(name) else {
            return Err(broken(format!("tensor {name:?} is missing")));
        };
        if values.len() != length {
            return Err(broken(format!("tensor {name:?} has {} values, not {length}", values.len())));
        }
        if values.iter().all(|value| value.is_finite()) {
            return Ok(values);
        }
        Err(broken(format!("tensor {name:?} has a value that is not finite")))
    }

    /// Writes the file. Equal archives give equal bytes.
    ///
    /// # Errors
    /// The writer fails.
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let bytes: Vec<(&str, &[usize], Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, (shape, values))| {
                (name.as_str(), shape.as_slice(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
            })
            .collect();
        let mut views = Vec::with_capacity(bytes.len());
        for (name, shape, bytes) in &bytes {
            let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes).map_err(std::io::Error::other)?;
            views.push((*name, view));
        }
        let header = [(KEY.to_owned(), self.header.to_string())].into_iter().collect();
        out.write_all(&serialize(views, Some(header)).map_err(std::io::Error::other)?)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is not a safetensors file, or was not written by hpatune.
    pub fn read(path: &Path) -> Result<Self, InputError> {
        let bytes = std::fs::read(path).map_err(|error| InputError::io(path, "read", &error))?;
        Self::parse(&bytes).map_err(|error| error.at(Place::file(path)))
    }

    /// The archive in a file's bytes.
    ///
    /// # Errors
    /// They are not a safetensors file, or were not written by hpatune.
    pub fn parse(bytes: &[u8]) -> Result<Self, InputError> {
        let wrong = |error: safetensors::SafeTensorError| broken(format!("not a safetensors file: {error}"));
        let file = SafeTensors::deserialize(bytes).map_err(wrong)?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(wrong)?;
        let document = metadata.metadata().as_ref().and_then(|map| map.get(KEY));
        let document = document.ok_or_else(|| broken("it has no hpatune header".to_owned()))?;
        let header =
            serde_json::from_str(document).map_err(|error| broken(format!("its header is not JSON: {error}")))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(broken(format!("tensor {name:?} is not of single precision")));
            }
            let (values, _) = view.data().as_chunks::<4>();
            let values = values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
            tensors.insert(name.to_owned(), (view.shape().to_vec(), values));
        }
        Ok(Self { header, tensors })
    }
}

/// A file that is not what it should be.
pub(super) fn broken(problem: String) -> InputError {
    InputError::new(problem, "take a file that `hpatune train` of this version wrote, or train anew")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn archive() -> Archive {
        let mut archive = Archive { header: serde_json::json!({"a": 1.5, "b": ["x"]}), ..Archive::default() };
        archive.insert("w", &[2, 3], &[1.0, -2.0, 3.5, 0.0, 1e-9, 7.0]);
        archive.insert("b", &[1], &[0.1]);
        archive
    }

    fn bytes(archive: &Archive) -> Vec<u8> {
        let mut out = Vec::new();
        archive.write(&mut out).unwrap();
        out
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(Archive::parse(&bytes(&archive())).unwrap(), archive());
    }

    #[test]
    fn a_tensor_of_the_wrong_size_is_named() {
        let error = archive().values("w", 5).unwrap_err();
        assert_eq!(error.to_string(), "tensor \"w\" has 6 values, not 5");
        assert!(archive().values("nothing", 1).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(cut in 0_usize..400, at in 0_usize..400, value in any::<u8>()) {
            let mut bytes = bytes(&archive());
            bytes.truncate(cut);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            let _ = Archive::parse(&bytes);
        }
    }
}
