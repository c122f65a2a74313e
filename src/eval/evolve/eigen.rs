//! Eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi's rotations.
//!
//! Source: Golub and Van Loan, Matrix Computations, 4th ed., section 8.5.2.

/// A square matrix, row by row.
pub(super) type Matrix = Vec<Vec<f64>>;

/// The identity of size `n`.
pub(super) fn identity(n: usize) -> Matrix {
    (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect()
}

/// Sweeps over all pairs; ten are plenty for any matrix of this size.
const SWEEPS: usize = 30;

/// Eigenvalues, and the eigenvectors as columns of an orthogonal matrix: `A = B diag(d) Bᵀ`.
pub(super) fn decompose(matrix: &Matrix) -> (Vec<f64>, Matrix) {
    let n = matrix.len();
    let (mut a, mut b) = (matrix.clone(), identity(n));
    let scale = a.iter().flatten().map(|x| x * x).sum::<f64>();
    for _ in 0..SWEEPS {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i][j] * a[i][j]).sum();
        if off <= 1e-26 * scale {
            break;
        }
        for q in 1..n {
            for p in 0..q {
                rotate(&mut a, &mut b, p, q);
            }
        }
    }
    ((0..n).map(|i| a[i][i]).collect(), b)
}

/// Rotates rows and columns `p` and `q` so that `a[p][q]` becomes 0.
fn rotate(a: &mut Matrix, b: &mut Matrix, p: usize, q: usize) {
    if a[p][q].abs() < f64::MIN_POSITIVE {
        return;
    }
    let tau = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let tangent = tau.signum() / (tau.abs() + tau.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let turned = |(x, y): (f64, f64)| (cosine * x - sine * y, sine * x + cosine * y);
    for row in a.iter_mut().chain(b.iter_mut()) {
        (row[p], row[q]) = turned((row[p], row[q]));
    }
    let (upper, lower) = a.split_at_mut(q);
    for (above, below) in upper[p].iter_mut().zip(&mut lower[0]) {
        (*above, *below) = turned((*above, *below));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_rebuild_the_matrix_and_are_orthogonal() {
        let n = 9;
        let at = |i: usize, j: usize| 1.0 / (i + j + 1) as f64 + if i == j { 0.1 * i as f64 } else { 0.0 };
        let matrix: Matrix = (0..n).map(|i| (0..n).map(|j| at(i, j)).collect()).collect();
        let (values, b) = decompose(&matrix);
        for i in 0..n {
            for j in 0..n {
                let rebuilt: f64 = (0..n).map(|k| b[i][k] * values[k] * b[j][k]).sum();
                let dot: f64 = (0..n).map(|k| b[k][i] * b[k][j]).sum();
                assert!((rebuilt - matrix[i][j]).abs() < 1e-10, "{i} {j}");
                assert!((dot - f64::from(u8::from(i == j))).abs() < 1e-10, "{i} {j}");
            }
        }
    }

    #[test]
    fn a_two_by_two_matrix_has_the_eigenvalues_of_its_polynomial() {
        let (mut values, _) = decompose(&vec![vec![2.0, 1.0], vec![1.0, 2.0]]);
        values.sort_by(f64::total_cmp);
        assert!((values[0] - 1.0).abs() < 1e-12 && (values[1] - 3.0).abs() < 1e-12);
    }
}
