//! Code that is compiled for several instruction sets, and chosen between at run time.

use pulp::{Arch, Scalar128b, Simd, WithSimd};

/// Runs `op` on an instruction set; what has none of its own takes four values at a time.
///
/// `op` is a type whose method is always inlined: a closure would be compiled without the instruction set, since the shim
/// around it is not inlined.
pub(super) fn dispatch<Op: WithSimd>(arch: Arch, op: Op) -> Op::Output {
    match arch {
        Arch::Scalar => Scalar128b.vectorize(op),
        wide => wide.dispatch(op),
    }
}
