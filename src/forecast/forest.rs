//! Quantiles by gradient-boosted trees: small trees of one depth, each fitted to what the ones before leave over.
//!
//! Split gains use the gradient of the pinball loss, leaves the quantile of their residuals, as in Friedman, Greedy Function
//! Approximation: A Gradient Boosting Machine (Annals of Statistics 29, 2001), algorithm 3, and `LightGBM`'s `quantile`
//! objective. Rows and features are drawn anew for each tree, from a stream of their own: equal lessons give equal trees.
//! A feature that is not a number goes left at every split.

use rand::seq::index::sample;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::random::{self, Purpose};

/// Splits on the way to a leaf.
const DEPTH: u32 = 6;
/// Inner nodes of a tree, level by level: the children of `i` are `2i + 1` and `2i + 2`.
const NODES: usize = (1 << DEPTH) - 1;
/// Leaves of a tree.
const LEAVES: usize = 1 << DEPTH;
/// Trees of a forest.
const TREES: usize = 300;
/// What a tree's leaves are multiplied with.
const SHRINKAGE: f32 = 0.08;
/// Shares of rows and of features that a tree sees.
const ROWS: f64 = 0.4;
const FEATURES: f64 = 0.4;
/// Bins of a feature's values: the first is for those that are not a number.
const BINS: usize = 64;
/// Least rows of a leaf.
const LEAST: usize = 50;
/// Values from which the edges of bins are taken.
const EDGES_FROM: usize = 20_000;

/// A quantile as a function of features.
#[derive(Debug, Clone, PartialEq)]
pub struct Forest {
    base: f32,
    trees: Vec<Tree>,
}

/// Nodes and leaves, the leaves with the shrinkage in them.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tree {
    features: [u8; NODES],
    /// A value above this goes right.
    thresholds: [f32; NODES],
    leaves: [f32; LEAVES],
}

/// Rows of features, `[rows, width]`, and an outcome each.
#[derive(Debug, Clone, Copy)]
pub struct Lessons<'a> {
    /// Row by row; up to 255 a row.
    pub features: &'a [f32],
    /// Number of features of a row.
    pub width: usize,
    /// Finite.
    pub outcomes: &'a [f32],
}

impl Forest {
    /// Fits the `quantile`, above 0 and below 1, of the outcomes.
    #[must_use]
    pub fn fit(lessons: Lessons<'_>, quantile: f64, seed: u64) -> Self {
        let binned = Binned::new(lessons);
        let rows = lessons.outcomes.len();
        let base = nth(&mut lessons.outcomes.to_vec(), quantile).unwrap_or(0.0);
        let mut forest = Self { base, trees: Vec::with_capacity(TREES) };
        let mut residuals: Vec<f32> = lessons.outcomes.iter().map(|outcome| outcome - base).collect();
        for index in 0..if rows < 2 * LEAST { 0 } else { TREES } {
            let mut rng = random::stream(seed, Purpose::Forest, index as u64);
            let drawn = |rng: &mut _, of: usize, share: f64| {
                let count = (of as f64 * share).ceil() as usize;
                let mut drawn = sample(rng, of, count.clamp(1, of)).into_vec();
                drawn.sort_unstable();
                drawn
            };
            let features = drawn(&mut rng, lessons.width, FEATURES);
            let rows = drawn(&mut rng, rows, ROWS).into_iter().map(|row| row as u32).collect();
            let tree = binned.grow(rows, &features, &residuals, quantile);
            for (row, residual) in residuals.iter_mut().enumerate() {
                *residual -= tree.at(&lessons.features[row * lessons.width..][..lessons.width]);
            }
            forest.trees.push(tree);
        }
        forest
    }

    /// The quantile at features, as many as were learned from.
    #[must_use]
    pub fn at(&self, features: &[f32]) -> f32 {
        self.base + self.trees.iter().map(|tree| tree.at(features)).sum::<f32>()
    }
}

impl Tree {
    const EMPTY: Self = Self { features: [0; NODES], thresholds: [f32::INFINITY; NODES], leaves: [0.0; LEAVES] };

    /// A tree of [`DEPTH`] from one at most as deep: below its leaves everything goes left.
    fn deepened(features: &[u8], thresholds: &[f32], leaves: &[f32]) -> Self {
        let mut tree = Self::EMPTY;
        tree.features[..features.len()].copy_from_slice(features);
        tree.thresholds[..thresholds.len()].copy_from_slice(thresholds);
        let apart = LEAVES / leaves.len();
        tree.leaves.iter_mut().step_by(apart).zip(leaves).for_each(|(leaf, &value)| *leaf = value);
        tree
    }

    fn at(&self, features: &[f32]) -> f32 {
        let mut node = 0;
        for _ in 0..DEPTH {
            let value = features.get(usize::from(self.features[node])).copied().unwrap_or(f32::NAN);
            node = 2 * node + if value > self.thresholds[node] { 2 } else { 1 };
        }
        self.leaves[node - NODES]
    }
}

/// Features as numbers of bins, feature by feature, so that a tree reads them in order.
struct Binned {
    /// `[features, rows]`.
    bins: Vec<u8>,
    /// The largest value of each bin but the last, feature by feature; of the first, minus infinity.
    edges: Vec<Vec<f32>>,
    rows: usize,
}

/// A split, and what it gains.
#[derive(Clone, Copy)]
struct Split {
    gain: f64,
    feature: usize,
    bin: usize,
}

impl Binned {
    fn new(lessons: Lessons<'_>) -> Self {
        let Lessons { features, width, outcomes } = lessons;
        let rows = outcomes.len();
        let column = |feature: usize| (0..rows).map(move |row| features[row * width + feature]);
        let edges: Vec<Vec<f32>> = (0..width).map(|feature| edges(column(feature), rows)).collect();
        let bin = |edges: &Vec<f32>, value: f32| {
            if value.is_nan() { 0 } else { edges.partition_point(|&edge| edge < value).max(1) as u8 }
        };
        let bins =
            (0..width).flat_map(|feature| column(feature).map(|value| bin(&edges[feature], value)).collect::<Vec<_>>());
        Self { bins: bins.collect(), edges, rows }
    }

    /// Grows a tree on some rows and features, level by level.
    fn grow(&self, rows: Vec<u32>, features: &[usize], residuals: &[f32], quantile: f64) -> Tree {
        let mut tree = Tree::EMPTY;
        let mut level = vec![rows];
        for node in 0..NODES {
            let rows = std::mem::take(&mut level[node]);
            let (left, right) = match self.split(&rows, features, residuals, quantile) {
                Some(split) => {
                    tree.features[node] = split.feature as u8;
                    tree.thresholds[node] = self.edges[split.feature][split.bin];
                    let column = &self.bins[split.feature * self.rows..][..self.rows];
                    rows.iter().partition(|&&row| usize::from(column[row as usize]) <= split.bin)
                }
                None => (rows, Vec::new()),
            };
            level.extend([left, right]);
        }
        for (leaf, rows) in tree.leaves.iter_mut().zip(&level[NODES..]) {
            let mut left: Vec<f32> = rows.iter().map(|&row| residuals[row as usize]).collect();
            *leaf = SHRINKAGE * nth(&mut left, quantile).unwrap_or(0.0);
        }
        tree
    }

    /// The best split of rows, by the squared sums of the loss's gradient; `None` where none gains.
    fn split(&self, rows: &[u32], features: &[usize], residuals: &[f32], quantile: f64) -> Option<Split> {
        if rows.len() < 2 * LEAST {
            return None;
        }
        let gradients: Vec<f64> = rows.iter().map(|&row| pull(residuals[row as usize], quantile)).collect();
        let whole: f64 = gradients.iter().sum();
        let (count, mut best) = (rows.len(), None::<Split>);
        for &feature in features {
            let column = &self.bins[feature * self.rows..][..self.rows];
            let mut sums = [(0.0, 0_usize); BINS];
            for (&row, gradient) in rows.iter().zip(&gradients) {
                let sum = &mut sums[usize::from(column[row as usize])];
                *sum = (sum.0 + gradient, sum.1 + 1);
            }
            let (mut left, mut below) = (0.0, 0);
            for (bin, sum) in sums.iter().enumerate().take(self.edges[feature].len()) {
                (left, below) = (left + sum.0, below + sum.1);
                if below < LEAST || count - below < LEAST {
                    continue;
                }
                let right = whole - left;
                let gain = left * left / below as f64 + right * right / (count - below) as f64;
                if gain > best.map_or(whole * whole / count as f64 + 1e-9, |best| best.gain) {
                    best = Some(Split { gain, feature, bin });
                }
            }
        }
        best
    }
}

/// Minus the gradient of the pinball loss; outcomes that are met pull nowhere.
fn pull(residual: f32, quantile: f64) -> f64 {
    match residual {
        above if above > 0.0 => quantile,
        below if below < 0.0 => quantile - 1.0,
        _ => 0.0,
    }
}

/// Minus infinity, and up to [`BINS`] − 2 values that cut the numbers of a column into bins of about equal size.
fn edges(column: impl Iterator<Item = f32>, rows: usize) -> Vec<f32> {
    let stride = rows.div_ceil(EDGES_FROM).max(1);
    let mut values: Vec<f32> = column.step_by(stride).filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f32::total_cmp);
    let at = |bin: usize| values.get(bin * values.len() / (BINS - 1)).copied();
    let mut edges: Vec<f32> = std::iter::once(f32::NEG_INFINITY).chain((1..BINS - 1).filter_map(at)).collect();
    edges.dedup();
    edges
}

/// The `quantile` of values: the least of them that so large a share does not exceed. `None` without values.
fn nth(values: &mut [f32], quantile: f64) -> Option<f32> {
    let last = values.len().checked_sub(1)?;
    let at = ((values.len() as f64 * quantile) as usize).min(last);
    Some(*values.select_nth_unstable_by(at, f32::total_cmp).1)
}

/// The depth of trees in files that do not say so.
const FORMER_DEPTH: u32 = 4;

/// A file holds a forest as hexadecimal digits, behind the depth of its trees as in `d6:`: thousands of numbers as words
/// would be five times as long. A tree is its nodes, thresholds and leaves, little-endian.
impl Serialize for Forest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = self.base.to_le_bytes().to_vec();
        for tree in &self.trees {
            bytes.extend(tree.features);
            bytes.extend(tree.thresholds.iter().chain(&tree.leaves).flat_map(|value| value.to_le_bytes()));
        }
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        serializer.collect_str(&std::iter::once(format!("d{DEPTH}:")).chain(digits).collect::<String>())
    }
}

impl<'de> Deserialize<'de> for Forest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let told = text.strip_prefix('d').and_then(|rest| rest.split_once(':'));
        let (depth, text) =
            told.map_or((Some(FORMER_DEPTH), text.as_str()), |(depth, text)| (depth.parse().ok(), text));
        let depth = depth.filter(|depth| (1..=DEPTH).contains(depth)).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "a forest's trees are 1 to {DEPTH} splits deep, written as in \"d{DEPTH}:\""
            ))
        })?;
        let byte = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
        let parsed = bytes.and_then(|bytes| parse(&bytes, depth));
        parsed.ok_or_else(|| serde::de::Error::custom("a forest is not made of whole trees of numbers"))
    }
}

fn parse(bytes: &[u8], depth: u32) -> Option<Forest> {
    let leaves = 1 << depth;
    let nodes = leaves - 1;
    let size = nodes + 4 * nodes + 4 * leaves;
    let number = |bytes: &[u8]| Some(f32::from_le_bytes(bytes.try_into().ok()?));
    let (base, rest) = bytes.split_at_checked(4)?;
    if !rest.len().is_multiple_of(size) {
        return None;
    }
    let tree = |bytes: &[u8]| {
        let (features, numbers) = bytes.split_at_checked(nodes)?;
        let numbers: Vec<f32> = numbers.chunks_exact(4).map(number).collect::<Option<_>>()?;
        let (thresholds, leaves) = numbers.split_at_checked(nodes)?;
        let sound = leaves.iter().all(|leaf| leaf.is_finite()) && !thresholds.iter().any(|it| it.is_nan());
        sound.then_some(())?;
        Some(Tree::deepened(features, thresholds, leaves))
    };
    let base = number(base).filter(|base| base.is_finite())?;
    Some(Forest { base, trees: rest.chunks_exact(size).map(tree).collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    /// Rows `(x, noise, nothing)` whose outcome is uniform between x² and x² + 1 + x.
    fn lessons(rows: usize) -> (Vec<f32>, Vec<f32>) {
        let mut rng = random::stream(1, Purpose::Search, 0);
        let mut one = || {
            let (x, u, noise) = (rng.random::<f32>(), rng.random::<f32>(), rng.random::<f32>());
            ([x, noise, f32::NAN], x * x + u * (1.0 + x))
        };
        let rows: Vec<_> = (0..rows).map(|_| one()).collect();
        (rows.iter().flat_map(|row| row.0).collect(), rows.iter().map(|row| row.1).collect())
    }

    fn fitted(quantile: f64) -> Forest {
        let (features, outcomes) = lessons(20_000);
        Forest::fit(Lessons { features: &features, width: 3, outcomes: &outcomes }, quantile, 7)
    }

    #[test]
    fn a_quantile_is_that_of_the_law_it_learned_from() {
        for quantile in [0.5, 0.9] {
            let forest = fitted(quantile);
            let error = |step: i32| {
                let x = step as f32 / 20.0;
                f64::from((forest.at(&[x, 0.3, f32::NAN]) - x * x - quantile as f32 * (1.0 + x)).abs())
            };
            let worst = (2..19).map(error).fold(0.0, f64::max);
            assert!(worst < 0.15, "{worst} at {quantile}");
        }
    }

    #[test]
    fn as_many_outcomes_lie_below_as_the_quantile_says() {
        let (features, outcomes) = lessons(20_000);
        let forest = fitted(0.9);
        let below = features.chunks_exact(3).zip(&outcomes).filter(|(x, outcome)| **outcome <= forest.at(x)).count();
        let share = below as f64 / outcomes.len() as f64;
        assert!((share - 0.9).abs() < 0.015, "{share}");
    }

    #[test]
    fn equal_lessons_give_equal_forests_and_files_hold_them() {
        let forest = fitted(0.5);
        assert_eq!(fitted(0.5), forest);
        let text = serde_json::to_string(&forest).unwrap();
        assert_eq!(serde_json::from_str::<Forest>(&text).unwrap(), forest);
        for broken in [
            "\"\"",
            "\"d6:\"",
            "\"d7:00000000\"",
            "\"d0:00000000\"",
            "\"d-:00000000\"",
            "\"00\"",
            "\"0000c07f\"",
            "\"xy000000\"",
            "\"0000000012\"",
            "\"ä0000000\"",
        ] {
            assert!(serde_json::from_str::<Forest>(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn trees_of_former_files_say_what_they_said() {
        // The bits of the leaf's number are the path to it, the first split's the highest.
        let mut bytes = 0.5_f32.to_le_bytes().to_vec();
        bytes.extend((0..15_u32).map(|node| (node + 1).ilog2() as u8));
        bytes.extend((0..15).flat_map(|_| 0.0_f32.to_le_bytes()));
        bytes.extend((0..16_u8).flat_map(|leaf| f32::from(leaf).to_le_bytes()));
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let forest: Forest = serde_json::from_str(&format!("\"{digits}\"")).unwrap();
        for leaf in 0..16_u8 {
            let features = [3, 2, 1, 0].map(|bit| f32::from(leaf >> bit & 1));
            assert!((forest.at(&features) - 0.5 - f32::from(leaf)).abs() < f32::EPSILON, "{leaf}");
        }
        let text = serde_json::to_string(&forest).unwrap();
        assert_eq!(serde_json::from_str::<Forest>(&text).unwrap(), forest);
    }

    #[test]
    fn too_few_rows_give_their_own_quantile() {
        let forest = Forest::fit(Lessons { features: &[1.0, 2.0, 3.0], width: 1, outcomes: &[4.0, 9.0, 5.0] }, 0.5, 0);
        assert!((forest.at(&[2.0]) - 5.0).abs() < 1e-6);
        let nothing = Forest::fit(Lessons { features: &[], width: 1, outcomes: &[] }, 0.5, 0);
        assert!(nothing.at(&[2.0]).abs() < 1e-6);
    }

    #[test]
    fn what_is_not_a_number_meets_a_leaf_that_rows_have_reached() {
        let (features, outcomes) = lessons(400);
        let forest = Forest::fit(Lessons { features: &features, width: 3, outcomes: &outcomes }, 0.5, 7);
        let unknown = forest.at(&[f32::NAN; 3]);
        assert!((0.0..3.0).contains(&unknown), "{unknown}");
    }
}
