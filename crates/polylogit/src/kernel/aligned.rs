//! Memory that starts where a line of the cache does.

use std::ops::{Deref, DerefMut};

use super::Real;
use crate::scalar::Scalar;

/// Bytes of a line of the cache, and of the widest vectors: a load that crosses lines costs two.
const LINE: usize = 64;

/// Reads a number of each line of the cache, in the order of memory, before columns or rows are read side by side,
/// which the hardware does not foresee.
pub(crate) fn touch<T: Scalar>(values: &[T]) {
    let sum = values.iter().step_by(LINE / size_of::<T>()).fold(T::ZERO, |sum, v| sum + *v);
    std::hint::black_box(sum);
}

/// Numbers that start at a line of the cache.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    values: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Real> Aligned<T> {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let values = vec![T::ZERO; len + LINE / size_of::<T>()];
        let start = values.as_ptr().align_offset(LINE).min(values.len() - len);
        Self { values, start, len }
    }

    /// Makes it `len` numbers long, whatever they are.
    pub(crate) fn fit(&mut self, len: usize) {
        if self.start + len > self.values.len() {
            *self = Self::zeros(len);
        }
        self.len = len;
    }

    /// Makes it longer, with what it has and zeros; room for as much again where it has to move.
    pub(crate) fn grow(&mut self, len: usize) {
        let before = self.len;
        if self.start + len > self.values.len() {
            let mut longer = Self::zeros(len.max(2 * before));
            longer[..before].copy_from_slice(self);
            *self = longer;
        }
        self.len = len;
        self[before..].fill(T::ZERO);
    }
}

impl<T> Default for Aligned<T> {
    fn default() -> Self {
        Self { values: Vec::new(), start: 0, len: 0 }
    }
}

impl<T: Real> Clone for Aligned<T> {
    fn clone(&self) -> Self {
        let mut copy = Self::zeros(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.values[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_at_a_line_and_copies_do() {
        for len in [0, 1, 7, 1000] {
            let mut of = Aligned::<f32>::zeros(len);
            of.iter_mut().zip(0u16..).for_each(|(v, i)| *v = i.into());
            let copy = of.clone();
            assert_eq!((of.as_ptr() as usize % LINE, copy.as_ptr() as usize % LINE), (0, 0));
            assert_eq!(of[..], copy[..]);
            let mut grown = copy.clone();
            for longer in [len + 3, len + 200, len + 201] {
                grown.grow(longer);
                assert_eq!((grown.len(), grown.as_ptr() as usize % LINE), (longer, 0));
                assert!(grown[..len] == copy[..] && grown[len..].iter().all(|v| *v == 0.0));
            }
            for len in [len + 100, len] {
                of.fit(len);
                assert_eq!((of.len(), of.as_ptr() as usize % LINE), (len, 0));
            }
        }
    }
}
