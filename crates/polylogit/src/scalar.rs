//! The two floating-point types that data may come in.

/// A slice whose type is known.
#[derive(Debug, Clone, Copy)]
pub enum Slice<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
}

mod sealed {
    use super::Slice;
    pub trait Sealed: Sized {
        fn slice(values: &[Self]) -> Slice<'_>;
        /// The numbers, if they are of this type.
        fn own(values: Slice<'_>) -> Option<&[Self]>;
    }
    impl Sealed for f32 {
        fn slice(values: &[Self]) -> Slice<'_> {
            Slice::F32(values)
        }
        fn own(values: Slice<'_>) -> Option<&[Self]> {
            if let Slice::F32(values) = values { Some(values) } else { None }
        }
    }
    impl Sealed for f64 {
        fn slice(values: &[Self]) -> Slice<'_> {
            Slice::F64(values)
        }
        fn own(values: Slice<'_>) -> Option<&[Self]> {
            if let Slice::F64(values) = values { Some(values) } else { None }
        }
    }
}

/// `f32` or `f64`. Sealed: the numerical promises hold for these two only.
pub trait Scalar:
    sealed::Sealed
    + Copy
    + Send
    + Sync
    + PartialOrd
    + std::fmt::Debug
    + std::fmt::Display
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
    + std::ops::AddAssign
    + std::ops::Neg<Output = Self>
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// −∞.
    const NEG_INFINITY: Self;
    /// Not a number.
    const NAN: Self;
    /// Distance from 1 to the next number.
    const EPSILON: Self;

    /// e to the power of `self`.
    #[must_use]
    fn exp(self) -> Self;
    /// The natural logarithm.
    #[must_use]
    fn ln(self) -> Self;
    /// ln(1 + self), exact near 0.
    #[must_use]
    fn ln_1p(self) -> Self;
    /// Is it NaN?
    fn is_nan(self) -> bool;
    /// Is it neither NaN nor infinite?
    fn is_finite(self) -> bool;
    /// Widens to `f64`, exactly.
    fn to_f64(self) -> f64;
    /// Rounds an `f64` to this type.
    fn from_f64(value: f64) -> Self;
}

macro_rules! impl_scalar {
    ($t:ident) => {
        impl Scalar for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NEG_INFINITY: Self = $t::NEG_INFINITY;
            const NAN: Self = $t::NAN;
            const EPSILON: Self = $t::EPSILON;

            #[inline(always)]
            fn exp(self) -> Self {
                $t::exp(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                $t::ln(self)
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                $t::ln_1p(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                $t::is_nan(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $t::is_finite(self)
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::allow_attributes,
                reason = "rounding is the purpose"
            )]
            fn from_f64(value: f64) -> Self {
                value as $t
            }
        }
    };
}
impl_scalar!(f32);
impl_scalar!(f64);
