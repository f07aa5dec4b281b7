//! exp for x ≤ 0 and ln, without branches, so that loops over them are vectorised.
//!
//! Both take `fma(a, b, c)` = a·b + c from the instruction set that they are compiled for.

/// log₂ e.
const LOG2_E: f64 = std::f64::consts::LOG2_E;
/// ln 2 in two parts: the first has trailing zeros, so that its products with exponents are exact
/// (Cody and Waite, 1980).
const LN2_HI: f64 = f64::from_bits(0x3FE6_2E42_FEE0_0000);
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
/// Adding it leaves the nearest integer in the low bits of the sum.
const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 · 2^52
/// Below this e^x is less than the smallest normal number; it becomes 0.
pub(super) const UNDERFLOW_F64: f64 = -708.0;

/// e^x for x ≤ 0 (0 below −708; NaN stays NaN), within 2 ulp.
#[inline(always)]
pub(super) fn exp_f64(x: f64, fma: impl Fn(f64, f64, f64) -> f64) -> f64 {
    let clamped = if x < UNDERFLOW_F64 { UNDERFLOW_F64 } else { x };
    let shifted = fma(clamped, LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma(n, -LN2_LO, fma(n, -LN2_HI, clamped));
    // Taylor's series of e^r − 1 − r up to r^13: |r| ≤ ln 2 / 2 leaves 4e-18.
    let mut tail = 1.0 / 6_227_020_800.0;
    tail = fma(tail, r, 1.0 / 479_001_600.0);
    tail = fma(tail, r, 1.0 / 39_916_800.0);
    tail = fma(tail, r, 1.0 / 3_628_800.0);
    tail = fma(tail, r, 1.0 / 362_880.0);
    tail = fma(tail, r, 1.0 / 40_320.0);
    tail = fma(tail, r, 1.0 / 5_040.0);
    tail = fma(tail, r, 1.0 / 720.0);
    tail = fma(tail, r, 1.0 / 120.0);
    tail = fma(tail, r, 1.0 / 24.0);
    tail = fma(tail, r, 1.0 / 6.0);
    tail = fma(tail, r, 0.5);
    let p = 1.0 + fma(r * r, tail, r);
    let scale = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    if x < UNDERFLOW_F64 { 0.0 } else { p * scale }
}

const LN2_HI_F32: f32 = 0.693_359_4; // 0x3F31_8000: 355/512
const LN2_LO_F32: f32 = -2.121_944_4e-4;
const ROUND_F32: f32 = 12_582_912.0; // 1.5 · 2^23
/// As [`UNDERFLOW_F64`].
pub(super) const UNDERFLOW_F32: f32 = -87.0;

/// e^x for x ≤ 0 (0 below −87; NaN stays NaN), within 2 ulp.
#[inline(always)]
pub(super) fn exp_f32(x: f32, fma: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let clamped = if x < UNDERFLOW_F32 { UNDERFLOW_F32 } else { x };
    let shifted = fma(clamped, std::f32::consts::LOG2_E, ROUND_F32);
    let n = shifted - ROUND_F32;
    let r = fma(n, -LN2_LO_F32, fma(n, -LN2_HI_F32, clamped));
    // Up to r^7: |r| ≤ ln 2 / 2 leaves 5e-9.
    let mut tail = 1.0 / 5_040.0;
    tail = fma(tail, r, 1.0 / 720.0);
    tail = fma(tail, r, 1.0 / 120.0);
    tail = fma(tail, r, 1.0 / 24.0);
    tail = fma(tail, r, 1.0 / 6.0);
    tail = fma(tail, r, 0.5);
    let p = 1.0 + fma(r * r, tail, r);
    let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    if x < UNDERFLOW_F32 { 0.0 } else { p * scale }
}

/// ln x for normal x > 0 (NaN stays NaN), within 1 ulp: x = 2^e m with m in [√½, √2), s = (m − 1)/(m + 1),
/// ln m = 2s + s³(…) with the minimax coefficients of Sun's fdlibm (1993).
#[inline(always)]
pub(super) fn ln(x: f64, fma: impl Fn(f64, f64, f64) -> f64) -> f64 {
    const SQRT_HALF: u64 = 0x3FE6_A09E_0000_0000;
    const MANTISSA: u64 = 0x000F_FFFF_FFFF_FFFF;
    // 2^1024 times as much is no less than √½.
    let offset = x.to_bits().wrapping_add((1024 << 52) - SQRT_HALF);
    // The exponent as a number, by way of the low bits of 2^52 (there is no vector conversion in AVX2).
    let e = f64::from_bits((offset >> 52) | 0x4330_0000_0000_0000) - 4_503_599_627_371_520.0;
    let m = f64::from_bits((offset & MANTISSA).wrapping_add(SQRT_HALF));
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let mut r = 1.479_819_860_511_658_6e-1;
    r = fma(r, z, 1.531_383_769_920_937_3e-1);
    r = fma(r, z, 1.818_357_216_161_805e-1);
    r = fma(r, z, 2.222_219_843_214_978_4e-1);
    r = fma(r, z, 2.857_142_874_366_239e-1);
    r = fma(r, z, 3.999_999_999_940_942e-1);
    r = fma(r, z, 6.666_666_666_666_735e-1);
    r *= z;
    let half = 0.5 * f * f;
    let ln = fma(e, LN2_HI_LOG, f - (half - fma(s, half + r, e * LN2_LO_LOG)));
    if x.is_nan() { x } else { ln }
}

/// ln 2 in two parts, as fdlibm has it.
const LN2_HI_LOG: f64 = 6.931_471_803_691_238e-1;
const LN2_LO_LOG: f64 = 1.908_214_929_270_587_7e-10;
