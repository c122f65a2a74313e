//! Where results go: files that are whole or absent, standard output, and progress on a terminal.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

use crate::error::{InputError, Place};

static QUIET: AtomicBool = AtomicBool::new(false);
static BAR: std::sync::Mutex<Option<ProgressBar>> = std::sync::Mutex::new(None);

/// Draws no progress from here on.
pub(super) fn set_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Writes a file through a temporary one beside it, so that it is whole or absent; `-` is standard output. A link is
/// followed; into a device or a pipe, which must not be replaced, the bytes go straight.
///
/// # Errors
/// An [`InputError`] that names the path, or what `write` returns.
pub fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        let mut out = io::stdout().lock();
        write(&mut out)?;
        return Ok(out.flush()?);
    }
    let wrong = |error: &io::Error| InputError::io(path, "write", error);
    if is_stream(path) {
        let mut stream = fs::OpenOptions::new().write(true).open(path).map_err(|error| wrong(&error))?;
        return fill(path, &mut stream, write);
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut file = tempfile::Builder::new()
        .prefix(".hpatune-")
        .permissions(permissions())
        .tempfile_in(parent(&target))
        .map_err(|error| wrong(&bare(&error)))?;
    fill(path, file.as_file_mut(), write)?;
    file.as_file().sync_all().map_err(|error| wrong(&error))?;
    file.persist(&target).map_err(|error| wrong(&error.error))?;
    Ok(())
}

/// Buffers what `write` writes into a file at `path`, and names the path where that fails.
fn fill(
    path: &Path,
    file: &mut fs::File,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let wrong = |error: &io::Error| InputError::io(path, "write", error);
    let mut buffered = io::BufWriter::new(file);
    write(&mut buffered).map_err(|error| match error.downcast::<io::Error>() {
        Ok(error) => wrong(&error).into(),
        Err(error) => error,
    })?;
    Ok(buffered.flush().map_err(|error| wrong(&error))?)
}

/// Whether something is there that takes bytes but is no file: a device, a pipe.
fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir())
}

/// The system's error, without the name of the temporary file, which says nothing to anybody.
fn bare(error: &io::Error) -> io::Error {
    let text = error.to_string();
    let bare = text.split_once(" at path ").map_or(text.as_str(), |(bare, _)| bare);
    io::Error::new(error.kind(), bare)
}

#[cfg(unix)]
fn permissions() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o666)
}

#[cfg(not(unix))]
fn permissions() -> fs::Permissions {
    fs::metadata(".").map(|it| it.permissions()).expect("the current directory is there")
}

/// Makes a directory and its parents, and checks that files can be written to it, before work begins that would be lost.
///
/// # Errors
/// An [`InputError`] that names the path.
pub fn make_dir(path: &Path) -> Result<(), InputError> {
    fs::create_dir_all(path).map_err(|error| InputError::io(path, "make the directory", &error))?;
    probe(path, path)
}

/// Checks that a file can be written, before work begins whose result it will hold; `-` can.
///
/// # Errors
/// An [`InputError`] that names the path.
pub fn check_file(path: &Path) -> Result<(), InputError> {
    if path.as_os_str() == "-" || is_stream(path) {
        return Ok(());
    }
    if path.is_dir() {
        let error = InputError::new("cannot write: it is a directory", "name a file in it");
        return Err(error.at(Place::file(path)));
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    probe(parent(&target), path)
}

fn probe(directory: &Path, path: &Path) -> Result<(), InputError> {
    let made = tempfile::Builder::new().prefix(".hpatune-").tempfile_in(directory);
    made.map(drop).map_err(|error| InputError::io(path, "write", &bare(&error)))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A progress bar over `length` units on standard error. It shows after a second, only on a terminal, and not with
/// `--quiet`.
pub fn progress(length: u64, unit: &str) -> ProgressBar {
    let quiet = QUIET.load(Ordering::Relaxed) || !io::stderr().is_terminal();
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(10) };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    let template =
        format!("{{msg}} [{{wide_bar}}] {{human_pos}}/{{human_len}} {unit}, {{elapsed}} gone, {{eta}} to go");
    let style = ProgressStyle::with_template(&template).expect("the template is fixed").progress_chars("=> ");
    bar.set_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    if let Ok(mut current) = BAR.lock() {
        *current = Some(bar.clone());
    }
    bar
}

/// Standard error that does not tear a progress bar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bar = BAR.lock().ok().and_then(|bar| bar.clone()).filter(|bar| !bar.is_finished());
        match bar {
            Some(bar) => bar.suspend(|| io::stderr().write_all(bytes))?,
            None => io::stderr().write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for Stderr {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that is full after some bytes.
    fn full(out: &mut dyn Write, bytes: usize) -> anyhow::Result<()> {
        out.write_all(&vec![0; bytes])?;
        Err(io::Error::from(io::ErrorKind::StorageFull).into())
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_and_a_pipe_is_written_and_stays() {
        let directory = tempfile::tempdir().unwrap();
        let (real, link, pipe) = ["real", "link", "pipe"].map(|name| directory.path().join(name)).into();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        fs::write(&real, "old").unwrap();
        write_file(&link, |out| Ok(out.write_all(b"new")?)).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");

        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        check_file(&pipe).unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        write_file(&pipe, |out| Ok(out.write_all(b"through")?)).unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
        assert!(is_stream(&pipe));
    }

    #[test]
    fn a_full_disk_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("checkpoint");
        write_file(&path, |out| Ok(out.write_all(b"whole")?)).unwrap();
        for bytes in [0, 100, 100_000] {
            let error = write_file(&path, |out| full(out, bytes)).unwrap_err();
            let error = error.downcast_ref::<InputError>().unwrap();
            assert_eq!(error.place.file.as_deref(), Some(path.as_path()));
            assert!(error.help.starts_with("free some space"), "{}", error.help);
            assert_eq!(fs::read(&path).unwrap(), b"whole");
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file stays");
        }
    }
}
