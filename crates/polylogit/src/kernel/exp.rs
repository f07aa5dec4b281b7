//! exp for x ≤ 0, and the softmax of a block by columns.

use pulp::Arch;

use super::Block;

/// log₂ e.
const LOG2_E: f64 = std::f64::consts::LOG2_E;
/// ln 2 in two parts: the first has 32 trailing zeros, so that its products with exponents are exact
/// (Cody and Waite, 1980).
const LN2_HI: f64 = f64::from_bits(0x3FE6_2E42_FEE0_0000);
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
/// Adding it leaves the nearest integer in the low bits of the sum.
const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 · 2^52
/// Below this e^x is less than the smallest normal number; it becomes 0.
const UNDERFLOW: f64 = -708.0;

/// e^x for x ≤ 0 (0 below −708; NaN stays NaN), within 2 ulp. No branch, so loops over it are vectorised.
#[inline(always)]
pub(super) fn exp(x: f64) -> f64 {
    let clamped = if x < UNDERFLOW { UNDERFLOW } else { x };
    let shifted = clamped * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (clamped - n * LN2_HI) - n * LN2_LO;
    // Taylor's series of e^r − 1 − r − r²/2 up to r^13: |r| ≤ ln 2 / 2 leaves 4e-18.
    let mut tail = 1.0 / 6_227_020_800.0;
    tail = tail * r + 1.0 / 479_001_600.0;
    tail = tail * r + 1.0 / 39_916_800.0;
    tail = tail * r + 1.0 / 3_628_800.0;
    tail = tail * r + 1.0 / 362_880.0;
    tail = tail * r + 1.0 / 40_320.0;
    tail = tail * r + 1.0 / 5_040.0;
    tail = tail * r + 1.0 / 720.0;
    tail = tail * r + 1.0 / 120.0;
    tail = tail * r + 1.0 / 24.0;
    tail = tail * r + 1.0 / 6.0;
    tail = tail * r + 0.5;
    let p = 1.0 + (r + r * r * tail);
    let scale = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    if x < UNDERFLOW { 0.0 } else { p * scale }
}

/// What [`softmax_columns`] knows of each row besides its probabilities.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowSums {
    /// m = max_k z_k.
    pub(crate) max: Vec<f64>,
    /// Σ_k e^(z_k − m), at least 1.
    pub(crate) sum: Vec<f64>,
    /// Σ_k p_k (z_k − m): the entropy is ln(sum) − mean.
    pub(crate) mean: Vec<f64>,
}

impl RowSums {
    pub(crate) fn new(block: Block) -> Self {
        let zeros = || vec![0.0; block.rows];
        Self { max: zeros(), sum: zeros(), mean: zeros() }
    }
}

/// Replaces the scores `z` (K columns) of a block by their softmax.
pub(crate) fn softmax_columns(block: Block, z: &mut [f64], rows: &mut RowSums) {
    let n = block.rows;
    let RowSums { max, sum, mean } = rows;
    let (max, sum, mean) = (&mut max[..n], &mut sum[..n], &mut mean[..n]);
    Arch::new().dispatch(
        #[inline(always)]
        || {
            max.fill(f64::NEG_INFINITY);
            sum.fill(0.0);
            mean.fill(0.0);
            for z in z.chunks_exact(block.stride) {
                let z = &z[..n];
                for r in 0..n {
                    max[r] = if z[r] > max[r] { z[r] } else { max[r] };
                }
            }
            for z in z.chunks_exact_mut(block.stride) {
                let z = &mut z[..n];
                for r in 0..n {
                    let t = z[r] - max[r];
                    let e = exp(t);
                    z[r] = e;
                    sum[r] += e;
                    // e·t → 0 as t → −∞; the product alone would be NaN there.
                    mean[r] += if t < UNDERFLOW { 0.0 } else { e * t };
                }
            }
            for r in 0..n {
                mean[r] /= sum[r];
            }
            for z in z.chunks_exact_mut(block.stride) {
                let z = &mut z[..n];
                for r in 0..n {
                    z[r] /= sum[r];
                }
            }
        },
    );
}
