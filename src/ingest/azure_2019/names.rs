//! Short names for functions: as many digits of the hash as tell it from all others.

use super::Key;

/// Least digits of a hash that a name keeps.
const LEAST: usize = 12;

/// A unique name for each key; `keys` are sorted and distinct. Where one function hash stands under several apps, the
/// app's digits (and the owner's) follow.
pub(super) fn unique(keys: &[Key]) -> Vec<String> {
    let functions = shorten(keys.iter().map(|key| key.function.as_str()).collect());
    let apps = shorten(keys.iter().map(|key| key.app.as_str()).collect());
    let owners = shorten(keys.iter().map(|key| key.owner.as_str()).collect());
    let mut count = std::collections::BTreeMap::new();
    for key in keys {
        *count.entry(key.function.as_str()).or_insert(0) += 1;
    }
    let name = |at: usize| match count[keys[at].function.as_str()] {
        1 => functions[at].clone(),
        _ => format!("{}.{}.{}", functions[at], apps[at], owners[at]),
    };
    (0..keys.len()).map(name).collect()
}

/// Cuts each hash after the digits that tell it from every different one, and not before [`LEAST`].
fn shorten(hashes: Vec<&str>) -> Vec<String> {
    let mut sorted = hashes.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let common = |a: &str, b: &str| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let short = |hash: &str| {
        let at = sorted.binary_search(&hash).unwrap_or(0);
        let before = at.checked_sub(1).map_or(0, |before| common(sorted[before], hash));
        let after = sorted.get(at + 1).map_or(0, |after| common(hash, after));
        hash.chars().take(LEAST.max(before.max(after) + 1)).collect()
    };
    hashes.into_iter().map(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(owner: &str, app: &str, function: &str) -> Key {
        Key { owner: owner.into(), app: app.into(), function: function.into() }
    }

    #[test]
    fn a_name_is_as_short_as_it_can_be_and_unique() {
        let keys = [
            key("o1", "a1", "0123456789abcdef"),
            key("o1", "a1", "0123456789abccef"),
            key("o1", "a1", "fedcba9876543210"),
            key("o1", "a1", "fedc"),
        ];
        assert_eq!(unique(&keys), ["0123456789abcd", "0123456789abcc", "fedcba987654", "fedc"]);
    }

    #[test]
    fn one_hash_under_two_apps_is_two_functions() {
        let keys = [key("", "a1", "ff"), key("", "a2", "ff"), key("", "a2", "ee")];
        assert_eq!(unique(&keys), ["ff.a1.", "ff.a2.", "ee"]);
    }
}
