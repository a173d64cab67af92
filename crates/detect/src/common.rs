//! How common bytes are, one behind the other, in ordinary logs, configuration and source text.

use std::sync::LazyLock;

/// Classes of bytes that [`Common::classes`] tells apart.
const CLASSES: usize = 7;
/// What entering a window at one more place of the prefilter's table costs, beside how often the window occurs: other
/// text that hashes to the same place, with a byte of the same class behind it.
const PLACE: f32 = 1.0 / (65_536.0 * CLASSES as f32);
/// Folded bytes that can stand where any can.
const ANY: f32 = 128.0;
/// Pairs that each byte is believed to have led beside those that were counted.
const UNSEEN: f32 = 4.0;

/// How often pairs of bytes occur, their case cleared.
pub(crate) struct Common {
    pairs: Box<[[u32; 256]; 256]>,
    /// How often each byte leads a pair.
    leads: [u32; 256],
    /// Each byte's share of all.
    share: [f32; 256],
}

/// What was counted in `data/common_text.txt`.
pub(crate) fn usual() -> &'static Common {
    static USUAL: LazyLock<Common> = LazyLock::new(|| Common::of(include_bytes!("../data/common_text.txt")));
    &USUAL
}

/// A byte's share of ordinary text, in millionths, whatever its case.
pub(crate) fn byte(byte: u8) -> u32 {
    (usual().share[usize::from(byte | 0x20)] * 1e6) as u32
}

impl Common {
    fn of(text: &[u8]) -> Common {
        let mut common = Common { pairs: Box::new([[0; 256]; 256]), leads: [0; 256], share: [0.0; 256] };
        for pair in text.windows(2) {
            let (first, next) = (usize::from(pair[0] | 0x20), usize::from(pair[1] | 0x20));
            common.pairs[first][next] += 1;
            common.leads[first] += 1;
        }
        // No byte is impossible.
        let all = text.len() as f32 + ANY / 2.0;
        for (byte, share) in common.share.iter_mut().enumerate().filter(|(byte, _)| byte & 0x20 != 0) {
            *share = (common.leads[byte] as f32 + 0.5) / all;
        }
        common
    }

    /// How much work a window makes that is entered in the prefilter, from 0: `None` is any byte.
    pub(crate) fn cost(&self, window: &[Option<u8>]) -> f32 {
        let mut probable = 1.0;
        let mut last = None;
        for byte in window.iter().flatten().map(|byte| usize::from(*byte)) {
            probable *= match last {
                None => self.share[byte],
                Some(last) => {
                    let pairs: &[u32; 256] = &self.pairs[last];
                    (pairs[byte] as f32 + UNSEEN * self.share[byte]) / (self.leads[last] as f32 + UNSEEN)
                }
            };
            last = Some(byte);
        }
        let places = if window.first().is_some_and(Option::is_none) { ANY } else { 1.0 };
        // Behind any byte the class does not help.
        let classes = if window.last().is_some_and(Option::is_none) { CLASSES as f32 } else { 1.0 };
        probable + PLACE * places * classes
    }

    /// A set of bits for each byte, in any case: the lowest bit, and one for its class. The classes are about equally common.
    pub(crate) fn classes(&self) -> [u8; 256] {
        let mut order: Vec<usize> = (0..256).filter(|byte| byte & 0x20 != 0).collect();
        order.sort_by(|a, b| self.share[*b].total_cmp(&self.share[*a]));
        let mut sums = [0.0f32; CLASSES];
        let mut classes = [1; 256];
        for byte in order {
            let rarest = (0..CLASSES).min_by(|a, b| sums[*a].total_cmp(&sums[*b])).unwrap_or(0);
            sums[rarest] += self.share[byte];
            classes[byte] |= 2 << rarest;
            classes[byte & !0x20] = classes[byte];
        }
        classes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_windows_cost_less_than_common_ones() {
        let cost = |text: &str| usual().cost(&text.bytes().map(|b| (b != b'?').then_some(b)).collect::<Vec<_>>());
        assert!(cost("akia") < cost("pass") && cost("pass") < cost("ass?") && cost("q7~z") < cost("http"));
        assert!(cost("?ghp") > cost("ghp?"), "any byte in front is entered at many places");
    }

    #[test]
    fn every_byte_is_of_one_class_in_any_case() {
        let classes = usual().classes();
        for byte in 0..=u8::MAX {
            let class = classes[usize::from(byte)];
            assert!(class & 1 == 1 && class.count_ones() == 2, "{byte}");
            assert_eq!(class, classes[usize::from(byte.to_ascii_uppercase())]);
        }
    }
}
