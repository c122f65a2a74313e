//! The `hpatune` program: a thin shell around the library.

use std::process::ExitCode;

/// Learning allocates large tensors at every step; the system's allocator returns each to the kernel and faults it in
/// again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hpatune::cli::main()
}
