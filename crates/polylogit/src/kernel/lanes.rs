//! One interface to vectors of f32 and of f64.

use pulp::Simd;

#[cfg(target_arch = "x86_64")]
use super::turn::SIDE;
use crate::scalar::Scalar;

/// `f32` or `f64` with its vectors.
pub(crate) trait Real: Scalar {
    /// As many numbers as a register holds.
    type Lanes<S: Simd>: Copy;

    /// Numbers in a vector.
    fn lanes<S: Simd>() -> usize;
    /// All whole vectors of a slice.
    fn vectors<S: Simd>(values: &[Self]) -> &[Self::Lanes<S>];
    /// All whole vectors of a slice.
    fn vectors_mut<S: Simd>(values: &mut [Self]) -> &mut [Self::Lanes<S>];
    /// `value` in each lane.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Lanes<S>;
    /// a·b + c, rounded once where the machine can.
    fn mul_add<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>, c: Self::Lanes<S>) -> Self::Lanes<S>;
    /// a − b.
    fn sub_lanes<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    /// a·b.
    fn mul_lanes<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    /// The sum of the lanes.
    fn sum<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self;
    /// a·b + c on one number, for loops that the compiler vectorises.
    fn fma<S: Simd>(a: Self, b: Self, c: Self) -> Self;
    /// e^x for x ≤ 0, see `exp.rs`.
    fn exp_negative<S: Simd>(x: Self) -> Self;
    /// Rows become columns.
    #[cfg(target_arch = "x86_64")]
    fn transposed(simd: pulp::x86::V4, square: [[Self; SIDE]; SIDE]) -> [[Self; SIDE]; SIDE];
    /// Below this e^x is 0.
    const UNDERFLOW: Self;
    /// Factors below this count as 0: products of some of them would be subnormal, with which machines are slow.
    const TINY: f64;
}

macro_rules! impl_real {
    ($t:ident, $lanes:ident, $count:ident, $as:ident, $as_mut:ident, $splat:ident, $fma:ident, $sub:ident, $mul:ident, $sum:ident, $exp:path, $transposed:path, $under:path, $tiny:literal) => {
        impl Real for $t {
            type Lanes<S: Simd> = S::$lanes;
            const UNDERFLOW: Self = $under;
            const TINY: f64 = $tiny;

            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                S::$count
            }
            #[inline(always)]
            fn vectors<S: Simd>(values: &[Self]) -> &[S::$lanes] {
                S::$as(values).0
            }
            #[inline(always)]
            fn vectors_mut<S: Simd>(values: &mut [Self]) -> &mut [S::$lanes] {
                S::$as_mut(values).0
            }
            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> S::$lanes {
                simd.$splat(value)
            }
            #[inline(always)]
            fn mul_add<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes, c: S::$lanes) -> S::$lanes {
                simd.$fma(a, b, c)
            }
            #[inline(always)]
            fn sub_lanes<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
                simd.$sub(a, b)
            }
            #[inline(always)]
            fn mul_lanes<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
                simd.$mul(a, b)
            }
            #[inline(always)]
            fn sum<S: Simd>(simd: S, a: S::$lanes) -> Self {
                simd.$sum(a)
            }
            #[inline(always)]
            fn fma<S: Simd>(a: Self, b: Self, c: Self) -> Self {
                // Without the instruction `mul_add` would be a call of the mathematics library.
                if S::IS_SCALAR || cfg!(target_family = "wasm") { a * b + c } else { a.mul_add(b, c) }
            }
            #[inline(always)]
            fn exp_negative<S: Simd>(x: Self) -> Self {
                $exp(x, Self::fma::<S>)
            }
            #[cfg(target_arch = "x86_64")]
            #[inline(always)]
            fn transposed(simd: pulp::x86::V4, square: [[Self; SIDE]; SIDE]) -> [[Self; SIDE]; SIDE] {
                $transposed(simd, square)
            }
        }
    };
}
impl_real!(
    f32,
    f32s,
    F32_LANES,
    as_simd_f32s,
    as_mut_simd_f32s,
    splat_f32s,
    mul_add_e_f32s,
    sub_f32s,
    mul_f32s,
    reduce_sum_f32s,
    super::exp::exp_f32,
    super::turn::transposed_f32,
    super::exp::UNDERFLOW_F32,
    1e-13
);
impl_real!(
    f64,
    f64s,
    F64_LANES,
    as_simd_f64s,
    as_mut_simd_f64s,
    splat_f64s,
    mul_add_e_f64s,
    sub_f64s,
    mul_f64s,
    reduce_sum_f64s,
    super::exp::exp_f64,
    super::turn::transposed_f64,
    super::exp::UNDERFLOW_F64,
    1e-100
);
