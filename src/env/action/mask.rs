//! Masks of one head, as slices of what is allowed.

/// Leaves one choice.
pub(super) fn only(choice: usize, allowed: &mut [bool]) {
    let choice = choice.min(allowed.len().saturating_sub(1));
    allowed.iter_mut().enumerate().for_each(|(index, allowed)| *allowed = index == choice);
}

/// Leaves, of choices that are the `same`, the preferred one, or else the first.
pub(super) fn distinct(preferred: usize, allowed: &mut [bool], same: impl Fn(usize, usize) -> bool) {
    for index in (0..allowed.len()).filter(|&index| index != preferred) {
        allowed[index] = !same(preferred, index) && !(0..index).any(|other| allowed[other] && same(other, index));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_kind_is_left_and_the_preferred_of_its_own() {
        let kinds = [1, 2, 1, 3, 2, 2];
        let mut allowed = [true; 6];
        distinct(4, &mut allowed, |a, b| kinds[a] == kinds[b]);
        assert_eq!(allowed, [true, false, false, true, true, false]);
        only(9, &mut allowed);
        assert_eq!(allowed, [false, false, false, false, false, true], "beyond the end is the last");
    }
}
