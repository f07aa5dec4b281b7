//! Tail probabilities of the normal and the chi-square distribution. The only file that names `libm`, whose
//! erfc is that of the C library, within one unit in the last place, to the same bits everywhere.
//!
//! The normal tail is erfc(|z|/√2). A chi-square variable of f degrees of freedom has
//!
//! ```text
//! P(χ²_f > x) = [f odd] erfc(√(x/2)) + Σ_a e^(−x/2) (x/2)^a / Γ(a + 1)     a = f/2 − 1, f/2 − 2, … ≥ 0 (or ½)
//! ```
//!
//! a sum of positive terms, so that the farthest tail keeps its digits (Abramowitz and Stegun 1964, 26.4.4–5).

use libm::{erfc, lgamma as ln_gamma};
use std::f64::consts::SQRT_2;

/// P(|Z| > |z|) of a standard normal Z.
pub(crate) fn two_sided(z: f64) -> f64 {
    /// √2 − [`SQRT_2`].
    const REST: f64 = -9.667_293_313_452_913e-17;
    let z = z.abs();
    let a = z / SQRT_2;
    erfc_near(a, (SQRT_2.mul_add(-a, z) - REST * a) / SQRT_2)
}

/// erfc(a + δ) of a small δ, the rounding of a: in the tail a relative change of a is one of 2a² in erfc.
fn erfc_near(a: f64, delta: f64) -> f64 {
    let slope = -std::f64::consts::FRAC_2_SQRT_PI * (-a * a).exp();
    let change = slope * delta;
    // (z = ∞)
    if change.is_nan() && !a.is_nan() { 0.0 } else { erfc(a) + change }
}

/// z with P(|Z| ≤ z) = `level`: Newton on the tail, which is convex, so that steps from 0 never pass the answer.
pub(crate) fn critical(level: f64) -> f64 {
    let target = 1.0 - level;
    let mut z = 0.0f64;
    loop {
        let density = (2.0 / std::f64::consts::PI).sqrt() * (-0.5 * z * z).exp();
        let next = z + (two_sided(z) - target) / density;
        // Rounding ends the ascent.
        if next <= z * (1.0 + f64::EPSILON) || next.is_nan() {
            return z;
        }
        z = next;
    }
}

/// P(χ²_df > x).
pub(crate) fn chi_square_tail(x: f64, df: usize) -> f64 {
    if df == 0 || x.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 1.0;
    }
    let half = 0.5 * x;
    if half.is_infinite() {
        return 0.0;
    }
    // Terms from the largest a down: each is the one before times a/(x/2).
    let mut a = 0.5 * df as f64 - 1.0;
    let mut sum = 0.0;
    if a >= 0.0 {
        let mut term = (a * half.ln() - half - ln_gamma(a + 1.0)).exp();
        while a >= 0.0 {
            sum += term;
            term *= a / half;
            a -= 1.0;
        }
    }
    let root = half.sqrt();
    let first =
        if df.is_multiple_of(2) { 0.0 } else { erfc_near(root, root.mul_add(-root, half) / (2.0 * root)) };
    (first + sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of mpmath at 40 digits.
    #[test]
    fn tails_keep_their_digits() {
        for (z, p) in [
            (0.138_162_504_295_625_77, 0.890_111_988_079_491_8),
            (1.959_963_984_540_054, 0.050_000_000_000_000_02),
            (5.0, 5.733_031_437_583_878e-7),
            (12.0, 3.552_964_224_155_358e-33),
            (30.0, 9.813_427_854_296_374e-198),
        ] {
            assert!((two_sided(z) / p - 1.0).abs() < 2e-14, "{z}: {:e}", two_sided(z));
            assert_eq!(two_sided(z), two_sided(-z));
        }
        for (x, df, p) in CHI_SQUARE {
            let got = chi_square_tail(x, df);
            // ln Γ of many degrees of freedom is a large number whose last digit counts.
            let tolerance = 1e-13 * (df as f64 / 50.0).max(1.0);
            assert!((got / p - 1.0).abs() < tolerance, "{x} {df}: {got:e} {p:e}");
        }
        assert_eq!(chi_square_tail(0.0, 3), 1.0);
        assert!(chi_square_tail(1.0, 0).is_nan() && chi_square_tail(f64::NAN, 1).is_nan());
        assert_eq!(chi_square_tail(f64::INFINITY, 2), 0.0);
    }

    const CHI_SQUARE: [(f64, usize, f64); 11] = [
        (0.5, 1, 0.479_500_122_186_953_5),
        (3.841_458_820_694_124, 1, 0.050_000_000_000_000_06),
        (31.739_184_414_135_252, 6, 1.830_738_205_998_055_2e-5),
        (182.693_549_955_044_86, 8, 2.798_127_443_160_098_7e-35),
        (449.499_708_003_465_4, 4, 5.571_935_450_701_725e-96),
        (0.01, 7, 0.999_999_999_243_059),
        (1200.0, 3, 7.331_671_591_550_678e-260),
        (300.0, 250, 0.016_518_273_157_868_72),
        (900.0, 1001, 0.989_910_382_684_465_7),
        (60.0, 1, 9.485_737_571_073_848e-15),
        (1400.0, 2, 9.859_676_543_759_77e-305),
    ];

    #[test]
    fn critical_values_undo_the_tail() {
        for level in [1e-6, 0.5, 0.9, 0.95, 0.99, 0.999_999] {
            assert!((1.0 - two_sided(critical(level)) - level).abs() < 1e-15, "{level}");
        }
        assert!((critical(0.95) - 1.959_963_984_540_054_2).abs() < 1e-15);
    }
}
