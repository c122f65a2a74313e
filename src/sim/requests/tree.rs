//! A tournament: the least of many keys, and whose it is, when single keys change often.

/// Keys by position. A change costs a comparison per level, the least one a walk from the root.
#[derive(Debug, Clone)]
pub(super) struct Tree<K> {
    /// A heap-ordered complete tree: node `i` holds the lesser key of `2i` and `2i + 1`, and leaves begin at `leaves`.
    keys: Vec<K>,
    leaves: usize,
    none: K,
}

impl<K: Copy + PartialOrd> Tree<K> {
    /// Without keys. `none` stands for a missing key, and is no less than any key.
    pub(super) fn new(none: K) -> Self {
        Self { keys: vec![none; 2], leaves: 1, none }
    }

    /// Sets the key of `at`. The lesser key is carried upwards, and siblings are known beforehand, so that a level waits
    /// for a comparison only, not for what the level below has written.
    #[inline]
    pub(super) fn set(&mut self, at: u32, key: K) {
        while at as usize >= self.leaves {
            self.double();
        }
        let mut node = self.leaves + at as usize;
        let mut least = key;
        let keys = &mut self.keys[..2 * self.leaves];
        keys[node] = key;
        while node > 1 {
            let sibling = keys[node ^ 1];
            least = if sibling < least { sibling } else { least };
            node /= 2;
            keys[node] = least;
        }
    }

    /// Takes the key of `at` away.
    pub(super) fn clear(&mut self, at: u32) {
        self.set(at, self.none);
    }

    /// The least key; `none` when there is none.
    #[inline]
    pub(super) fn least(&self) -> K {
        self.keys[1]
    }

    /// Whose the least key is: of equal ones the first position.
    #[inline]
    pub(super) fn first(&self) -> u32 {
        let mut node = 1;
        while node < self.leaves {
            node = 2 * node + usize::from(self.keys[2 * node + 1] < self.keys[2 * node]);
        }
        (node - self.leaves) as u32
    }

    fn double(&mut self) {
        let leaves = 2 * self.leaves;
        let mut keys = vec![self.none; 2 * leaves];
        keys[leaves..leaves + self.leaves].copy_from_slice(&self.keys[self.leaves..]);
        for node in (1..leaves).rev() {
            let (left, right) = (keys[2 * node], keys[2 * node + 1]);
            keys[node] = if right < left { right } else { left };
        }
        (self.keys, self.leaves) = (keys, leaves);
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
