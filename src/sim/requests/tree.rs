//! A tournament: the least of many keys, and whose it is, when single keys change often.

/// Keys by position. A change costs a comparison per level; the least key and its position stand at the root.
#[derive(Debug, Clone)]
pub(super) struct Tree<K> {
    /// A heap-ordered complete tree: node `i` holds the winner of `2i` and `2i + 1`, and leaves begin at `leaves`.
    nodes: Vec<Entry<K>>,
    leaves: usize,
    none: K,
}

/// A key, and whose it is.
#[derive(Debug, Clone, Copy)]
struct Entry<K> {
    key: K,
    at: u32,
}

impl<K: Copy + PartialOrd> Entry<K> {
    /// The lesser of two; of equal ones the one on the left.
    #[inline]
    fn least(left: Self, right: Self) -> Self {
        let (from_right, key) = if right.key < left.key { (true, right.key) } else { (false, left.key) };
        Self { key, at: if from_right { right.at } else { left.at } }
    }
}

impl<K: Copy + PartialOrd> Tree<K> {
    /// Without keys. `none` stands for a missing key, and is no less than any key.
    pub(super) fn new(none: K) -> Self {
        Self { nodes: vec![Entry { key: none, at: 0 }; 2], leaves: 1, none }
    }

    /// Sets the key of `at`. The winner is carried upwards, so that each level only waits for a comparison.
    #[inline]
    pub(super) fn set(&mut self, at: u32, key: K) {
        while at as usize >= self.leaves {
            self.double();
        }
        let mut node = self.leaves + at as usize;
        let mut winner = Entry { key, at };
        let nodes = &mut self.nodes[..2 * self.leaves];
        nodes[node] = winner;
        while node > 1 {
            let sibling = nodes[node ^ 1];
            let (left, right) = if node & 1 == 0 { (winner, sibling) } else { (sibling, winner) };
            winner = Entry::least(left, right);
            node /= 2;
            nodes[node] = winner;
        }
    }

    /// Takes the key of `at` away.
    pub(super) fn clear(&mut self, at: u32) {
        self.set(at, self.none);
    }

    /// The least key; `none` when there is none.
    #[inline]
    pub(super) fn least(&self) -> K {
        self.nodes[1].key
    }

    /// Whose the least key is: of equal ones the first position.
    #[inline]
    pub(super) fn first(&self) -> u32 {
        self.nodes[1].at
    }

    fn double(&mut self) {
        let leaves = 2 * self.leaves;
        let missing = |node: usize| Entry { key: self.none, at: node.saturating_sub(leaves) as u32 };
        let mut nodes: Vec<Entry<K>> = (0..2 * leaves).map(missing).collect();
        nodes[leaves..leaves + self.leaves].copy_from_slice(&self.nodes[self.leaves..]);
        for node in (1..leaves).rev() {
            nodes[node] = Entry::least(nodes[2 * node], nodes[2 * node + 1]);
        }
        (self.nodes, self.leaves) = (nodes, leaves);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};
    use rand::RngExt;

    #[test]
    fn the_least_key_is_that_of_a_scan() {
        let mut rng = stream(1, Purpose::Faults, 0);
        let (mut tree, mut keys) = (Tree::new(u64::MAX), vec![u64::MAX; 100]);
        for _ in 0..20_000 {
            let at = rng.random_range(0..100_usize);
            let key = if rng.random::<f64>() < 0.2 { u64::MAX } else { rng.random_range(0..50_u64) };
            keys[at] = key;
            tree.set(at as u32, key);
            let least = *keys.iter().min().expect("there are keys");
            assert_eq!(tree.least(), least);
            if least < u64::MAX {
                assert_eq!(Some(tree.first() as usize), keys.iter().position(|&key| key == least));
            }
        }
    }
}
