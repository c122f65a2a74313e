//! Colours, dashes and marks: those of Okabe and Ito (2008), which colour-blind readers tell apart, and a dash and a mark
//! of its own for each, which a black-and-white print keeps apart.

use super::scene::{Color, Mark, Stroke};

pub(super) const INK: Color = Color::new(0x22, 0x22, 0x22);
pub(super) const QUIET: Color = Color::new(0x5A, 0x5A, 0x5A);
pub(super) const GRID: Color = Color::new(0xE4, 0xE4, 0xE4);
pub(super) const FRAME: Color = Color::new(0x9A, 0x9A, 0x9A);
pub(super) const CLOUD: Color = Color::new(0xB4, 0xB4, 0xB4);

pub(super) const BLUE: Color = Color::new(0x00, 0x72, 0xB2);
/// Darker than theirs, for a contrast of 3.4 to 1 on white, as [`STEEL`] is.
pub(super) const ORANGE: Color = Color::new(0xC2, 0x7C, 0x00);
pub(super) const GREEN: Color = Color::new(0x00, 0x9E, 0x73);
pub(super) const VERMILLION: Color = Color::new(0xD5, 0x5E, 0x00);
pub(super) const PURPLE: Color = Color::new(0xCC, 0x79, 0xA7);
pub(super) const SKY: Color = Color::new(0x56, 0xB4, 0xE9);
pub(super) const STEEL: Color = Color::new(0x2E, 0x94, 0xD0);

/// One look per series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) color: Color,
    pub(super) dash: &'static [f64],
    pub(super) mark: Mark,
}

impl Look {
    pub(super) const fn stroke(self, width: f64) -> Stroke {
        Stroke { color: self.color, width, dash: self.dash }
    }
}

const LOOKS: [Look; 8] = [
    Look { color: BLUE, dash: &[], mark: Mark::Disc },
    Look { color: VERMILLION, dash: &[9.0, 4.0], mark: Mark::Square },
    Look { color: GREEN, dash: &[2.5, 3.0], mark: Mark::Triangle },
    Look { color: ORANGE, dash: &[11.0, 3.0, 2.5, 3.0], mark: Mark::Diamond },
    Look { color: PURPLE, dash: &[5.0, 3.0], mark: Mark::Inverted },
    Look { color: STEEL, dash: &[14.0, 4.0], mark: Mark::Plus },
    Look { color: INK, dash: &[4.0, 2.0, 1.5, 2.0], mark: Mark::Cross },
    Look { color: QUIET, dash: &[1.5, 2.0], mark: Mark::Ring },
];

/// The look of the `index`-th series. After eight the colours come round, with other dashes and marks.
pub(super) fn look(index: usize) -> Look {
    let (place, round) = (index % LOOKS.len(), index / LOOKS.len());
    Look { color: LOOKS[place].color, ..LOOKS[(place + 3 * round) % LOOKS.len()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_four_series_look_different_and_eight_without_colour() {
        let looks: Vec<Look> = (0..64).map(look).collect();
        for (index, one) in looks.iter().enumerate() {
            for (before, other) in looks[..index].iter().enumerate() {
                assert!((one.color, one.mark) != (other.color, other.mark), "{before} and {index}");
                assert!(before / 8 != index / 8 || (one.mark != other.mark && one.dash != other.dash));
            }
        }
    }
}
