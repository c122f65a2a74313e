//! A fence around Polars' decoders, which panic on some damaged files.
//!
//! Its Parquet reader trusts lengths and encodings in the file and ends in slice or arithmetic panics when they lie (the
//! property tests of `canonical` find such files within seconds). What a user is to see is that the file is damaged. Sizes
//! that would end the process are checked before, in `pages`.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many fences are up, in all threads: while one is, panics inside of Polars' sources are not printed. It may panic
/// on threads of its own.
static FENCES: AtomicUsize = AtomicUsize::new(0);
static HOOK: Once = Once::new();

thread_local! {
    /// Whether this thread is inside of a fence: its panics are not printed, wherever they come from.
    static FENCED: Cell<bool> = const { Cell::new(false) };
}

fn is_silent(info: &PanicHookInfo<'_>) -> bool {
    let polars = || info.location().is_some_and(|location| location.file().contains("polars"));
    FENCED.get() || FENCES.load(Ordering::SeqCst) > 0 && polars()
}

/// Runs a decoder; a panic in it is an error.
///
/// # Errors
/// What the decoder says, or what it panicked with.
pub(super) fn decode<T, E: ToString>(decoder: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !is_silent(info) {
                before(info);
            }
        }));
    });
    FENCES.fetch_add(1, Ordering::SeqCst);
    let outer = FENCED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(decoder));
    FENCED.set(outer);
    FENCES.fetch_sub(1, Ordering::SeqCst);
    match result {
        Ok(result) => result.map_err(|error| first_line(&error.to_string())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(first_line(&text.unwrap_or_else(|| "the decoder gave up".to_owned())))
        }
    }
}

/// Decoders' messages can be pages long; the first line says what is wrong.
fn first_line(text: &str) -> String {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("unknown").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        assert_eq!(decode(|| Ok::<_, String>(1)), Ok(1));
        assert_eq!(decode(|| Err::<(), _>("\n no footer\nat 4")), Err("no footer".to_owned()));
        assert_eq!(decode(|| -> Result<(), String> { panic!("index {}", 7) }), Err("index 7".to_owned()));
    }
}
