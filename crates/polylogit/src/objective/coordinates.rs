//! Between raw coefficients and the solver's θ: z = W x + b = Σ_j θ_j x̃_j + θ_b, x̃ = (x − shift)·factor.

use crate::coefficients::Coefficients;
use crate::design::rows::Standardise;

/// W_·j = θ_j·factor_j, b = θ_b − Σ_j W_·j·shift_j, in the zero-sum gauge. `None` if one is not finite.
pub(crate) fn to_coefficients(
    theta: &[f64],
    classes: usize,
    standardise: &Standardise,
    intercept: bool,
) -> Option<Coefficients> {
    let d = standardise.shift.len();
    let mut weights = vec![0.0; classes * d];
    let mut intercepts = if intercept { theta[d * classes..].to_vec() } else { vec![0.0; classes] };
    for k in 0..classes {
        for j in 0..d {
            let w = theta[j * classes + k] * standardise.factor[j];
            weights[k * d + j] = w;
            intercepts[k] -= w * standardise.shift[j];
        }
    }
    Some(Coefficients::new(classes, d, weights, intercepts).ok()?.center())
}

/// The θ of raw coefficients in the zero-sum gauge; columns that are left out (factor 0) get 0.
pub(crate) fn to_theta(c: &Coefficients, standardise: &Standardise, intercept: bool) -> Vec<f64> {
    to_theta_as_is(&c.clone().center(), standardise, intercept)
}

/// The θ of raw coefficients in their own gauge.
pub(crate) fn to_theta_as_is(c: &Coefficients, standardise: &Standardise, intercept: bool) -> Vec<f64> {
    let (k, d) = (c.classes(), c.features());
    let mut theta = vec![0.0; (d + usize::from(intercept)) * k];
    for class in 0..k {
        let mut b = c.intercepts()[class];
        for (j, w) in c.class_weights(class).iter().enumerate() {
            if standardise.factor[j] > 0.0 {
                theta[j * k + class] = w / standardise.factor[j];
                b += w * standardise.shift[j];
            }
        }
        if intercept {
            theta[d * k + class] = b;
        }
    }
    theta
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let c = Coefficients::new(2, 2, vec![1.0, -2.0, -1.0, 2.0], vec![0.5, -0.5]).unwrap();
        let s = Standardise { shift: vec![3.0, -1.0], factor: vec![0.5, 4.0] };
        assert_eq!(to_coefficients(&to_theta(&c, &s, true), 2, &s, true).unwrap(), c);
    }
}
