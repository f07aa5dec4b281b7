//! The kernels' plain twins: the formulas in loops, and the properties that hold the two together.

use proptest::prelude::*;

use super::{
    Block, ByFeature, Curved, Lines, Panels, ROWS, Real, RowSums, Step, add_deviations, add_rows, axpy,
    covariance_columns, curvatures, curved_dots, dot, entropy, foresee, gather, into_columns, into_rows,
    logits, losses, mean_columns, moved, moved_sums, outer, outer_lower, padded, padded_classes,
    scores_from_memory, shift_scores, softmax_columns, standardise, turn,
};

fn plain_logits(block: Block, x: &[f64], theta: &[f64], k: usize, z: &mut [f64]) {
    for row in 0..block.rows {
        for c in 0..k {
            z[c * block.stride + row] =
                (0..theta.len() / k).map(|j| theta[j * k + c] * x[j * block.stride + row]).sum();
        }
    }
}

fn plain_outer(block: Block, a: &[f64], b: &[f64], columns: usize, sum: &mut [f64]) {
    for (at, sum) in sum.iter_mut().enumerate() {
        let (a, b) = (&a[at / columns * block.stride..], &b[at % columns * block.stride..]);
        *sum += a[..block.rows].iter().zip(&b[..block.rows]).map(|(a, b)| a * b).sum::<f64>();
    }
}

/// q_c (Δz_c − s) of a row, and x² q_c (1[c=e] − p_e): what sums over the rows are made of.
fn plain_curved(of: &Curved<'_>, x: &[f64], dz: &[f64], s: &[f64], c: usize) -> f64 {
    let at = |table: &[f64], r: usize| table[c * of.block.stride + r];
    (0..of.block.rows).map(|r| x[r] * at(of.q, r) * (at(dz, r) - s[r])).sum()
}

fn plain_curvature(of: &Curved<'_>, x: &[f64], c: usize, e: usize) -> f64 {
    let at = |table: &[f64], k: usize, r: usize| table[k * of.block.stride + r];
    let own = |r: usize| f64::from(u8::from(c == e)) - at(of.p, e, r);
    (0..of.block.rows).map(|r| x[r] * x[r] * at(of.q, c, r) * own(r)).sum()
}

fn plain_shift(of: &Curved<'_>, x: &[f64], classes: &[u32], delta: &[f64], dz: &mut [f64], s: &mut [f64]) {
    for (r, (delta, c)) in (0..of.block.rows).flat_map(|r| delta.iter().zip(classes).map(move |d| (r, d))) {
        let at = *c as usize * of.block.stride + r;
        dz[at] += delta * x[r];
        s[r] += delta * of.p[at] * x[r];
    }
}

/// Rows, features, classes and numbers for them.
fn problem() -> impl Strategy<Value = (Block, usize, usize, Vec<f64>)> {
    (1usize..100, 1usize..40, 1usize..40).prop_flat_map(|(rows, m, k)| {
        let block = Block::new(rows);
        let numbers = block.len(m + k) + m * k;
        (Just(block), Just(m), Just(k), prop::collection::vec(-2.0..2.0f64, numbers))
    })
}

/// Probabilities, covariances with the scores, and their product with X.
fn run<T: Real>(block: Block, x: &[T], theta: &[f64], k: usize) -> (Vec<T>, Vec<T>, Vec<f64>) {
    let mut panels = Panels::<T>::default();
    panels.pack(theta, k, 1.0);
    let mut p = vec![T::ZERO; block.len(k)];
    logits(block, x, &panels, &mut p);
    let mut u = p.clone();
    softmax_columns(block, &mut p, &mut RowSums::new(block));
    covariance_columns(block, &p, &vec![T::ONE; block.rows], &mut u);
    let mut sum = vec![0.0; theta.len()];
    outer(block, x, &u, k, &mut sum);
    (p, u, sum)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn logits_agree_with_their_twin((block, m, k, numbers) in problem()) {
        let (x, theta) = (&numbers[..block.len(m)], &numbers[block.len(m)..][..m * k]);
        let (mut z, mut expected) = (vec![0.0; block.len(k)], vec![0.0; block.len(k)]);
        let mut panels = Panels::<f64>::default();
        panels.pack(theta, k, 1.0);
        logits(block, x, &panels, &mut z);
        plain_logits(block, x, theta, k, &mut expected);
        for (z, e) in z.iter().zip(&expected) {
            prop_assert!((z - e).abs() <= 1e-14 * (1.0 + 4.0 * m as f64));
        }
    }

    /// To the bit, with or without turning X.
    #[test]
    fn scores_of_rows_are_those_of_columns((block, m, k, numbers) in problem(), bad in 0usize..2) {
        let (x, theta) = numbers.split_at(block.len(m));
        let theta = &theta[..m * k];
        let weights: Vec<f64> = (0..k * m).map(|at| theta[at % m * k + at / m]).collect();
        let mut panels = Panels::default();
        panels.pack(theta, k, 1.0);
        let mut expected = vec![0.0; block.len(k)];
        logits(block, x, &panels, &mut expected);

        let rows: Vec<f64> = (0..block.rows * m).map(|at| x[at % m * block.stride + at / m]).collect();
        let (width, mut z, mut columns) = (padded_classes(k), vec![], vec![0.0; block.len(k)]);
        z.resize(block.rows * width, f64::NAN);
        // Rows that come alone, and a number of them that is not whole.
        let alone = rows.len() / m / 3 + 1;
        let weights = ByFeature::new(&weights, k);
        scores_from_memory(&rows[..alone * m], &weights, &mut z[..alone * width]);
        scores_from_memory(&rows[alone * m..], &weights, &mut z[alone * width..]);
        let mut intercepts = vec![0.0; k];
        prop_assert!(into_columns(&z, width, &intercepts, block, &mut columns));
        let mut out = vec![0.0; (block.rows - 1) * k];
        into_rows(block, &columns, &mut out);
        for (at, out) in out.iter().enumerate() {
            prop_assert_eq!(*out, expected[at % k * block.stride + at / k]);
        }
        if bad == 1 {
            intercepts[k / 2] = f64::INFINITY;
            prop_assert!(!into_columns(&z, width, &intercepts, block, &mut columns));
        }
    }

    #[test]
    fn outer_products_agree_with_their_twin((block, m, k, numbers) in problem()) {
        let (a, b) = numbers[..block.len(m + k)].split_at(block.len(m));
        let (mut sum, mut expected) = (vec![1.0; m * k], vec![1.0; m * k]);
        outer(block, a, b, k, &mut sum);
        plain_outer(block, a, b, k, &mut expected);
        for (s, e) in sum.iter().zip(&expected) {
            prop_assert!((s - e).abs() <= 1e-15 * (4.0 * block.rows as f64).powf(1.5));
        }
    }

    #[test]
    fn softmax_agrees_with_the_formula((block, _, k, numbers) in problem(), scale in 0.1..400.0f64) {
        let z: Vec<f64> = numbers[..block.len(k)].iter().map(|v| v * scale).collect();
        let mut p = z.clone();
        let mut rows = RowSums::<f64>::new(block);
        softmax_columns(block, &mut p, &mut rows);
        for r in 0..block.rows {
            let z: Vec<f64> = (0..k).map(|c| z[c * block.stride + r]).collect();
            let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = z.iter().map(|z| (z - max).exp()).sum();
            prop_assert_eq!(rows.max[r], max);
            prop_assert!((rows.sum[r] - sum).abs() <= 1e-15 * sum * k as f64);
            let mut mean = 0.0;
            for (c, z) in z.iter().enumerate() {
                let expected = (z - max).exp() / sum;
                let got = p[c * block.stride + r];
                prop_assert!((got - expected).abs() <= 1e-15 * (k as f64 + 1.0) * expected + 1e-300, "{got} {expected}");
                mean += expected * (z - max);
            }
            prop_assert!((rows.mean[r] - mean).abs() <= 1e-13);
        }
    }

    #[test]
    fn losses_are_those_of_their_twin((block, _, k, numbers) in problem(), beyond in 0usize..32) {
        let mut p = numbers[..block.len(k)].to_vec();
        let mut rows = RowSums::new(block);
        softmax_columns(block, &mut p, &mut rows);
        // The first class is everyone's own.
        let (label, n) = (&numbers[..block.rows], block.rows - beyond);
        let w: Vec<f64> = (0..n).map(|r| (r % 4) as f64).collect();
        let (nll, entropy) = losses(&rows, label, &w);
        let (mut expected, mut uncertain, mut size) = (0.0, 0.0, 1.0);
        for (r, w) in w.iter().enumerate() {
            let of = |c: usize| p[c * block.stride + r];
            expected -= w * of(0).ln();
            uncertain -= (0..k).map(|c| w * of(c) * of(c).ln()).sum::<f64>();
            size += 4.0 * w;
        }
        prop_assert!((nll - expected).abs() <= 1e-14 * size, "{nll} {expected}");
        prop_assert!((entropy - uncertain).abs() <= 1e-14 * size, "{entropy} {uncertain}");
    }

    #[test]
    fn f32_kernels_agree_with_those_of_f64((block, m, k, numbers) in problem()) {
        let narrow: Vec<f32> = numbers.iter().map(|v| *v as f32).collect();
        let wide: Vec<f64> = narrow.iter().map(|v| f64::from(*v)).collect();
        let (x, theta) = (block.len(m), &wide[block.len(m)..][..m * k]);
        let close = |a: &[f32], b: &[f64]| a.iter().zip(b).all(|(a, b)| (f64::from(*a) - b).abs() <= 1e-4);
        let (p, u, sum) = run(block, &wide[..x], theta, k);
        let (p32, u32, sum32) = run(block, &narrow[..x], theta, k);
        prop_assert!(close(&p32, &p) && close(&u32, &u));
        prop_assert!(sum.iter().zip(&sum32).all(|(a, b)| (a - b).abs() <= 1e-4 * (1.0 + block.rows as f64)));
    }

    #[test]
    fn covariances_are_the_jacobian_times_a_vector((block, _, k, numbers) in problem()) {
        let mut p = numbers[..block.len(k)].to_vec();
        softmax_columns(block, &mut p, &mut RowSums::new(block));
        let v: Vec<f64> = p.iter().map(|p| (7.0 * p).sin()).collect();
        let mut u = v.clone();
        covariance_columns(block, &p, &vec![0.5; block.rows], &mut u);
        for r in 0..block.rows {
            let of = |z: &[f64]| (0..k).map(|c| z[c * block.stride + r]).collect::<Vec<f64>>();
            let expected = crate::softmax::jacobian_vector_product(&of(&p), &of(&v)).unwrap();
            prop_assert!(of(&u).iter().zip(expected).all(|(u, e)| (u - 0.5 * e).abs() <= 1e-15));
        }
    }

    #[test]
    fn moved_sums_are_those_of_moved_scores((block, _, k, numbers) in problem(), t in 0.0..8.0f64) {
        let mut p = numbers[..block.len(k)].to_vec();
        softmax_columns(block, &mut p, &mut RowSums::new(block));
        let u: Vec<f64> = p.iter().map(|p| (7.0 * p).sin()).collect();
        let (mut max, mut sums) = (vec![0.0; block.rows], vec![0.0; block.len(2)]);
        moved_sums(block, &p, &u, &[0.0, t], &mut max, &mut sums);
        for r in 0..block.rows {
            let (p, u) = (|c| p[c * block.stride + r], |c| u[c * block.stride + r]);
            let most = (0..k).map(u).fold(f64::NEG_INFINITY, f64::max);
            let expected: f64 = (0..k).map(|c| p(c) * (t * (u(c) - most)).exp()).sum();
            prop_assert_eq!(max[r], most);
            prop_assert!((sums[r] - 1.0).abs() <= 1e-14);
            prop_assert!((sums[block.stride + r] - expected).abs() <= 1e-14);
        }
    }

    #[test]
    fn coordinate_kernels_agree_with_their_twins((block, _, k, numbers) in problem(), some in 1usize..4) {
        let (x, mut s) = (&numbers[..block.rows], numbers[numbers.len() - block.rows..].to_vec());
        let mut p = numbers[..block.len(k)].to_vec();
        softmax_columns(block, &mut p, &mut RowSums::new(block));
        let weight = |at: usize| 1.5 + ((at % block.stride) as f64).sin();
        let q: Vec<f64> = p.iter().enumerate().map(|(at, p)| p * weight(at)).collect();
        let mut dz: Vec<f64> = q.iter().map(|q| (7.0 * q).sin()).collect();
        let of = Curved { block, p: &p, q: &q };
        let classes: Vec<u32> = (0..k as u32).rev().step_by(some).collect();
        let n = classes.len();
        // |x|, |Δz| and |s| are at most 2, w at most 2.5: sums of so many terms, rounded as often.
        let tolerance = 1e-15 * (40.0 * block.rows as f64);

        let (mut dots, mut h) = (vec![1.0; n], vec![1.0; n * n]);
        curved_dots(&of, x, &classes, &dz, &s, &mut dots);
        curvatures(&of, x, &classes, &mut h);
        for (i, &c) in classes.iter().enumerate() {
            let expected = 1.0 + plain_curved(&of, x, &dz, &s, c as usize);
            prop_assert!((dots[i] - expected).abs() <= tolerance, "{} {expected}", dots[i]);
            for (l, &e) in classes.iter().enumerate() {
                let expected = 1.0 + plain_curvature(&of, x, c as usize, e as usize);
                prop_assert!((h[i * n + l] - expected).abs() <= tolerance, "{} {expected}", h[i * n + l]);
            }
        }

        let delta: Vec<f64> = (0..n).map(|i| if i % 3 == 1 { 0.0 } else { (i as f64).cos() }).collect();
        let (mut expected_dz, mut expected_s) = (dz.clone(), s.clone());
        shift_scores(&of, x, &classes, &delta, &mut dz, &mut s);
        plain_shift(&of, x, &classes, &delta, &mut expected_dz, &mut expected_s);
        prop_assert!(dz.iter().zip(&expected_dz).all(|(a, b)| (a - b).abs() <= 1e-15));
        prop_assert!(s.iter().zip(&expected_s).all(|(a, b)| (a - b).abs() <= 1e-15 * 4.0 * (n + 1) as f64));
    }

    #[test]
    fn steps_are_foreseen_as_their_twin_does((block, _, k, numbers) in problem(), scale in 0.0..2.0f64) {
        let mut p = numbers[..block.len(k)].to_vec();
        softmax_columns(block, &mut p, &mut RowSums::new(block));
        let w: Vec<f64> = (0..block.rows).map(|i| (i % 4) as f64).collect();
        let q: Vec<f64> = p.iter().enumerate().map(|(at, p)| p * w.get(at % block.stride).unwrap_or(&0.0)).collect();
        let dz: Vec<f64> = numbers[..block.len(k)].iter().map(|v| scale * v).collect();
        let of = Step { block, k, w: &w, p: &p, q: &q, r: &q, dz: &dz };
        let (mut mean, mut inverse) = (vec![0.0; block.rows], vec![0.0; block.rows]);
        let (mut next, mut residuals) = (vec![0.0; block.len(k)], vec![0.0; block.len(k)]);
        foresee(&of, (&mut mean, &mut inverse), (&mut next, &mut residuals));
        let (mut means, mut z) = (vec![9.0; block.rows], vec![9.0; block.len(k)]);
        mean_columns(block, &p, &dz, &mut means);
        moved(&p, scale, &dz, &mut z);
        for ((z, p), dz) in z.iter().zip(&p).zip(&dz) {
            prop_assert!((z - (p + scale * dz)).abs() <= 1e-15 * (1.0 + (scale * dz).abs()));
        }
        for (row, w) in w.iter().enumerate() {
            let at = |c: usize| c * block.stride + row;
            let mean: f64 = (0..k).map(|c| p[at(c)] * dz[at(c)]).sum();
            prop_assert!((means[row] - mean).abs() <= 1e-14, "{} {mean}", means[row]);
            for c in 0..k {
                let change = if *w > 0.0 { p[at(c)] * (dz[at(c)] - mean) } else { 0.0 };
                prop_assert!((next[at(c)] - p[at(c)] - change).abs() <= 1e-14);
                prop_assert!((residuals[at(c)] - q[at(c)] - w * change).abs() <= 1e-14);
            }
        }
        let (sum, least) = entropy(&w, &next[..block.rows]);
        let ln = |p: f64| p.clamp(f64::MIN_POSITIVE, 1.0).ln();
        let expected: f64 = next.iter().zip(&w).map(|(p, w)| -w * p * ln(*p)).sum();
        let size: f64 = next.iter().zip(&w).map(|(p, w)| (w * p * ln(*p)).abs()).sum();
        prop_assert!((sum - expected).abs() <= 1e-13 * (1.0 + size), "{sum} {expected}");
        prop_assert_eq!(least, next[..block.rows].iter().copied().fold(f64::INFINITY, f64::min));
    }

    #[test]
    fn runs_are_taken_as_their_twins_take_them(
        rows in 0usize..20, d in 1usize..70, ends in (0usize..70, 0usize..70), gap in 0usize..9, bad: bool,
    ) {
        let wave = |n: usize, f: f64| -> Vec<f64> { (0..n).map(|i| (f * i as f64).sin()).collect() };
        let (mut x, shift, factor, from) = (wave(rows * d, 1.3), wave(d, 0.7), wave(d, 2.9), wave(d, 0.5));
        if bad && rows > 0 {
            x[rows * d / 2] = f64::NAN;
        }
        let narrow: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        let of = ends.0.min(ends.1).min(d)..ends.0.max(ends.1).min(d);
        let stride = (of.len() + gap).max(1);
        let (mut double, mut single) = (vec![9.0f64; rows * stride], vec![9.0f32; rows * stride]);
        let scale = (&shift[of.clone()], &factor[of.clone()]);
        standardise(&x, (d, of.clone()), scale, stride, &mut double);
        standardise(&narrow, (d, of.clone()), scale, stride, &mut single);
        let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
        for (at, double) in double.into_iter().enumerate() {
            let (row, j) = (at / stride, of.start + at % stride);
            let scaled = |x: f64| if of.contains(&j) { (x - shift[j]) * factor[j] } else { 0.0 };
            prop_assert!(same(double, scaled(x[(row * d + j).min(rows * d - 1)])));
            let expected = scaled(f64::from(narrow[(row * d + j).min(rows * d - 1)])) as f32;
            prop_assert!(same(f64::from(single[at]), f64::from(expected)));
        }
        let s: Vec<f64> = (0..rows).map(|i| (i % 3) as f64).collect();
        let (mut sums, mut squares) = (wave(d, 0.3), wave(d, 0.2));
        add_deviations(&x, &s, &from, &mut sums, &mut squares);
        for j in 0..d {
            let e = || (0..rows).map(|row| (s[row], x[row * d + j] - from[j]));
            // Of several rows, sums are taken in another order.
            let same = |a: f64, b: f64| same(a, b) || (rows > 1 && (a - b).abs() <= 1e-13);
            prop_assert!(same(sums[j], (0.3 * j as f64).sin() + e().map(|(s, e)| s * e).sum::<f64>()));
            prop_assert!(same(squares[j], (0.2 * j as f64).sin() + e().map(|(s, e)| s * e * e).sum::<f64>()));
        }
    }

    #[test]
    fn rows_are_turned_as_their_twin_turns_them(rows in 0usize..30, d in 0usize..40, gap in 0usize..9) {
        let wave = |n: usize, f: f64| -> Vec<f64> { (0..n).map(|i| (f * i as f64).sin()).collect() };
        let (x, shift, factor) = (wave(rows * d, 1.3), wave(d, 0.7), wave(d, 2.9));
        let narrow: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        let stride = rows + gap;
        let (mut double, mut single) = (vec![9.0f64; d * stride], vec![9.0f32; d * stride]);
        let mut wide = double.clone();
        turn(&narrow, (&shift, &factor), stride, &mut double);
        turn(&narrow, (&shift, &factor), stride, &mut single);
        turn(&x, (&shift, &factor), stride, &mut wide);
        for j in 0..d {
            for r in 0..stride {
                let of = |v: f64| if r < rows { (v - shift[j]) * factor[j] } else { 9.0 };
                let (x, narrow) = if r < rows { (x[r * d + j], f64::from(narrow[r * d + j])) } else { (0.0, 0.0) };
                prop_assert_eq!(wide[j * stride + r], of(x));
                prop_assert_eq!(double[j * stride + r], of(narrow));
                prop_assert_eq!(single[j * stride + r], of(narrow) as f32);
            }
        }
    }

    #[test]
    fn dot_products_are_those_of_their_twin(a in prop::collection::vec(-2.0..2.0f64, 0..150)) {
        let b: Vec<f64> = (0..a.len()).map(|i| (i as f64).sin()).collect();
        let plain: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        prop_assert!((dot(&a, &b) - plain).abs() <= 1e-13);
    }

    #[test]
    fn rows_are_added_as_their_twin_adds_them(
        rows in 1..=ROWS, width in 1usize..70, first in 0usize..5, k in 1usize..9, scale in -2.0..2.0f64,
    ) {
        let wave = |n: usize, f: f64| -> Vec<f64> { (0..n).map(|i| (f * i as f64).sin()).collect() };
        let d = first + width + 2;
        let (x, shift, r) = (wave(rows * d, 1.3), wave(width, 0.7), wave(rows * k, scale));
        let narrow: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        let (mut out, mut single) = (wave(k * width, 2.0), wave(k * width, 2.0));
        let before = out.clone();
        add_rows(&x, d, first, &shift, &r, &mut out);
        add_rows(&narrow, d, first, &shift, &r, &mut single);
        for (at, before) in before.iter().enumerate() {
            let (c, j) = (at / width, at % width);
            let sum = |x: &dyn Fn(usize) -> f64| -> f64 {
                before + (0..rows).map(|i| r[i * k + c] * (x(i * d + first + j) - shift[j])).sum::<f64>()
            };
            // At most five terms of at most 2.
            prop_assert!((out[at] - sum(&|at| x[at])).abs() <= 1e-14);
            prop_assert!((single[at] - sum(&|at| f64::from(narrow[at]))).abs() <= 1e-14);
        }
        let mut y = before.clone();
        axpy(scale, &out, &mut y);
        prop_assert!((0..y.len()).all(|i| y[i] == before[i] + scale * out[i]));
    }

    #[test]
    fn the_lower_triangle_is_that_of_the_whole((block, m, _, numbers) in problem()) {
        let a = &numbers[..block.len(m)];
        let (mut lower, mut whole) = (vec![0.0; m * m], vec![0.0; m * m]);
        outer_lower(block, a, a, &mut lower);
        plain_outer(block, a, a, m, &mut whole);
        for (i, j) in (0..m).flat_map(|i| (0..=i).map(move |j| (i, j))) {
            prop_assert!((lower[i * m + j] - whole[i * m + j]).abs() <= 1e-11);
        }
    }

    #[test]
    fn gathered_rows_are_sums_of_rows(k in 1usize..40, entries in prop::collection::vec((0u32..9, -2.0..2.0f64), 0..30)) {
        let width = padded(k);
        let table: Vec<f64> = (0..9 * width).map(|i| (i as f64).cos()).collect();
        let (indices, values): (Vec<u32>, Vec<f64>) = entries.into_iter().unzip();
        let middle = indices.len() / 2;
        let starts = [0, middle, indices.len()];
        for squared in [false, true] {
            let lines = Lines { starts: &starts, indices: &indices, values: &values, squared };
            let mut out = vec![1.0; 2 * width];
            gather(lines, &table, width, &mut out);
            // Vectors of f32 may be wider than a row of the table.
            let single: Vec<f32> = table.iter().map(|v| *v as f32).collect();
            let mut out_single = vec![1.0f32; 2 * width];
            gather(lines, &single, width, &mut out_single);
            for ((at, out), single) in out.iter().enumerate().zip(&out_single) {
                let of = starts[at / width]..starts[at / width + 1];
                let sum: f64 = of
                    .map(|e| {
                        let value = if squared { values[e] * values[e] } else { values[e] };
                        value * table[indices[e] as usize * width + at % width]
                    })
                    .sum();
                prop_assert!((out - 1.0 - sum).abs() <= 1e-13);
                prop_assert!((f64::from(*single) - 1.0 - sum).abs() <= 1e-4);
            }
        }
    }

    #[test]
    fn ln_is_within_one_ulp(x in prop_oneof![1e-3..1.0f64, 1.0..1e6f64], exponent in -1000i32..1000) {
        let x = [x, x * 2f64.powi(exponent), f64::MIN_POSITIVE];
        let mut got = x;
        super::ln_in_place(&mut got);
        for (got, x) in got.iter().zip(x) {
            prop_assert!(got.to_bits().abs_diff(x.ln().to_bits()) <= 1, "{x}: {got:e} {:e}", x.ln());
        }
    }

    #[test]
    fn exp_of_f32_is_within_two_ulp(x in -87.0..0.0f32) {
        let (got, expected) = (super::exp::exp_f32(x, f32::mul_add), f64::from(x).exp() as f32);
        prop_assert!(got.to_bits().abs_diff(expected.to_bits()) <= 2, "{x}: {got:e} {expected:e}");
    }

    #[test]
    fn exp_is_within_two_ulp(x in -708.0..0.0f64) {
        let (got, expected) = (super::exp::exp_f64(x, f64::mul_add), x.exp());
        prop_assert!(got.to_bits().abs_diff(expected.to_bits()) <= 2, "{x}: {got:e} {expected:e}");
    }
}

#[test]
fn exp_at_its_ends() {
    let exp = |x: f64| super::exp::exp_f64(x, f64::mul_add);
    assert_eq!(exp(0.0), 1.0);
    assert_eq!(exp(-0.0), 1.0);
    assert_eq!(exp(-709.0), 0.0);
    assert_eq!(exp(f64::NEG_INFINITY), 0.0);
    assert_eq!(exp(f64::MIN), 0.0);
    assert!(exp(f64::NAN).is_nan());
}
