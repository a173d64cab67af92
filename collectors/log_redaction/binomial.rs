//! What a random sample can show about a rate: the upper bound of Clopper and Pearson, one-sided, 95 %.

/// How unlikely a sample must be for a rate to be ruled out.
const DOUBT: f64 = 0.05;

/// The largest rate, 0 to 1, that finding `hits` among `drawn` does not rule out with 95 % confidence.
pub(super) fn upper_bound(hits: u64, drawn: u64) -> f64 {
    if hits >= drawn {
        return 1.0;
    }
    #[allow(clippy::cast_precision_loss, reason = "samples are far below 2^53")]
    let (hits, drawn) = (hits as f64, drawn as f64);
    if hits == 0.0 {
        return 1.0 - DOUBT.powf(1.0 / drawn);
    }
    // P(at most `hits` of `drawn`) under the rate p is I(1 - p; drawn - hits, hits + 1): falling in p.
    let (mut low, mut high) = (hits / drawn, 1.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if incomplete_beta(1.0 - middle, drawn - hits, hits + 1.0) > DOUBT {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The bound in words: `1 in 333`.
pub(super) fn in_words(hits: u64, drawn: u64) -> String {
    let bound = upper_bound(hits, drawn);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the number drawn")]
    let one_in = (1.0 / bound).floor() as u64;
    if one_in > 2 { format!("1 in {one_in}") } else { format!("{:.0} in 100", (bound * 100.0).ceil()) }
}

/// The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8, evaluated as Lentz
/// does).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    if x < (a + 1.0) / (a + b + 2.0) { front * fraction(x, a, b) / a } else { 1.0 - front * fraction(1.0 - x, b, a) / b }
}

fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for step in 1..10_000 {
        let m = f64::from(step);
        for term in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            value *= d * c;
        }
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// The logarithm of the gamma function for positive arguments, by the series of Stirling behind a few steps up.
fn ln_gamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < 10.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / (x * x);
    let series = (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse * (1.0 / 1260.0 - inverse / 1680.0))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P(at most `hits` of `drawn`), added up term by term.
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    fn at_most(hits: u64, drawn: u64, rate: f64) -> f64 {
        let mut term = (1.0 - rate).powf(drawn as f64);
        let mut sum = term;
        for k in 0..hits {
            term *= (drawn - k) as f64 / (k + 1) as f64 * rate / (1.0 - rate);
            sum += term;
        }
        sum
    }

    #[test]
    fn at_the_bound_the_sample_is_just_unlikely_enough() {
        for drawn in [1, 2, 10, 59, 60, 300, 1_000, 5_000] {
            for hits in [0, 1, 2, 5, 40].into_iter().filter(|hits| *hits < drawn) {
                let bound = upper_bound(hits, drawn);
                let chance = at_most(hits, drawn, bound);
                assert!((chance - DOUBT).abs() < 1e-7, "{hits} of {drawn}: {bound} leaves {chance}");
            }
        }
        assert!((upper_bound(3, 3) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn words() {
        assert_eq!(in_words(0, 59), "1 in 20");
        assert_eq!(in_words(0, 1_000), "1 in 334");
        assert_eq!(in_words(0, 100_000), "1 in 33381");
        assert_eq!(in_words(1, 1), "100 in 100");
        assert_eq!(in_words(0, 1), "95 in 100");
    }
}
