//! Fits in the numbers of other packages: R's glmnet 4.1-6 at thresh 1e-24 (`glmnet_conventions.R`, and the three-class
//! paths of `glmnet.rs`), and the laws of the conversions.

mod common;

use std::collections::BTreeMap;

use polylogit::{Convention, CrossValidation, Design, Lambdas, LogisticRegression, Target};

/// Coefficients to 6 digits; looser thresholds of glmnet leave 5 on these correlated columns.
const DIGITS: f64 = 1e-6;

fn rows(file: &str) -> Vec<csv::StringRecord> {
    let path = format!("{}/tests/reference/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).unwrap();
    reader.records().map(Result::unwrap).collect()
}

/// The last 100 rows of the irises: two classes.
fn two() -> (Vec<f64>, usize, Target) {
    let t = common::table("iris.csv", "species");
    let ids: Vec<i64> = (0..100).map(|i| i / 50).collect();
    (t.x[50 * t.d..].to_vec(), t.d, Target::from_labels(ids).unwrap())
}

fn worst(ours: &[f64], theirs: &[f64]) -> f64 {
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f64::max)
}

#[test]
fn glmnets_numbers_give_glmnets_coefficients() {
    let six = common::table("glass.csv", "type");
    let (x, d, target) = two();
    let mut fits: BTreeMap<String, Vec<csv::StringRecord>> = BTreeMap::new();
    for row in rows("glmnet_conventions.csv") {
        fits.entry(format!("{} α={} {}", &row[0], &row[2], &row[4])).or_default().push(row);
    }
    assert_eq!(fits.len(), 16);
    for (name, rows) in fits {
        let number = |text: &str| -> f64 { text.parse().unwrap() };
        let binomial = &rows[0][1] == "binomial";
        let mut regression = LogisticRegression::new()
            .like(Convention::Glmnet)
            .l1_ratio(number(&rows[0][2]))
            .lambda(number(&rows[0][3]))
            .standardize(&rows[0][4] == "TRUE")
            .tol(1e-14);
        regression = match &rows[0][0] {
            "two factors" => regression.penalty_factors(vec![0.0, 1.0, 2.0, 4.0]),
            "six factors" => regression.penalty_factors(vec![1.0, 1.0, 2.0, 0.5, 3.0, 1.0, 1.0, 4.0, 1.0]),
            "two through 0" => regression.intercept(false),
            _ => regression,
        };
        let target = match &rows[0][0] {
            "two weights" => target.clone().weights([1.0, 2.0].repeat(50)).unwrap(),
            _ if binomial => target.clone(),
            _ => six.target.clone(),
        };
        let design =
            if binomial { Design::dense(&x, 100, d) } else { Design::dense(&six.x, six.n, six.d) }.unwrap();
        let fit = regression.fit(&design, &target).unwrap();
        let c = fit.model.coefficients();
        let theirs: Vec<f64> = rows.iter().map(|row| number(&row[7])).collect();
        let of = |k: usize| [&c.intercepts()[k..=k], c.class_weights(k)].concat();
        let ours: Vec<f64> = (usize::from(binomial)..c.classes()).flat_map(of).collect();
        assert_eq!(ours.len(), theirs.len());
        let worst = worst(&ours, &theirs);
        println!("{name}: {worst:.1e} {:?} {}", fit.status, fit.certificate.relative_gap);
        assert!(worst <= DIGITS, "{name}: {worst:e}");
        if binomial {
            assert!(c.class_weights(0).iter().chain(&c.intercepts()[..1]).all(|w| *w == 0.0), "{name}");
        }
        // Zeros are the same zeros.
        for (ours, theirs) in ours.iter().zip(&theirs).filter(|_| !name.starts_with("six α=1")) {
            assert_eq!(*ours == 0.0, *theirs == 0.0, "{name}: {ours} {theirs}");
        }
    }
}

#[test]
fn three_classes_need_no_change_of_gauge() {
    let t = common::table("glmnet_multinomial.csv", "target");
    let design = Design::dense(&t.x, t.n, t.d).unwrap();
    let mut fits: BTreeMap<(String, String), Vec<csv::StringRecord>> = BTreeMap::new();
    for row in rows("glmnet_coefficients.csv") {
        fits.entry((row[0].to_owned(), row[1].to_owned())).or_default().push(row);
    }
    assert_eq!(fits.len(), 24);
    for ((name, lambda), rows) in fits {
        let parts: Vec<&str> = name.split(';').collect();
        let alpha = parts[0].strip_prefix("alpha=").unwrap().parse().unwrap();
        let fit = LogisticRegression::new()
            .like(Convention::Glmnet)
            .l1_ratio(alpha)
            .standardize(parts[1] == "standardize=TRUE")
            .grouped(parts[2] == "grouped")
            .lambda(lambda.parse().unwrap())
            .tol(1e-13)
            .fit(&design, &t.target)
            .unwrap();
        let c = fit.model.coefficients();
        let (mut ours, mut theirs) = (vec![], vec![]);
        for row in &rows {
            let class = row[2].parse::<usize>().unwrap() - 1;
            theirs.push(row[4].parse().unwrap());
            ours.push(match row[3].strip_prefix('V') {
                Some(j) => c.class_weights(class)[j.parse::<usize>().unwrap() - 1],
                None => c.intercepts()[class],
            });
        }
        let worst = worst(&ours, &theirs);
        println!("{name} λ={lambda}: {worst:.1e}");
        assert!(worst <= DIGITS, "{name} λ={lambda}: {worst:e}");
    }
}

#[test]
fn the_default_share_and_scale_are_the_packages() {
    let (x, d, target) = two();
    let design = Design::dense(&x, 100, d).unwrap();
    for (like, alpha, standardize) in [
        (Convention::Glmnet, 1.0, true),
        (Convention::ScikitLearn, 0.0, false),
        (Convention::Spark, 0.0, true),
    ] {
        let fit = LogisticRegression::new().like(like).lambda(0.1).fit(&design, &target).unwrap();
        assert_eq!((fit.l1_ratio, fit.standardize), (alpha, standardize));
    }
}

/// F of one vector β as all three packages have it: mean loss plus λ [(1−α)/2 Σ (sd β)² + α Σ |sd β|].
fn sigmoid_objective(x: &[f64], y: &[f64], sd: &[f64], beta: &[f64], lambda: f64, alpha: f64) -> f64 {
    let d = sd.len();
    let loss = |(x, y): (&[f64], &f64)| {
        let z = beta[0] + x.iter().zip(&beta[1..]).map(|(x, b)| x * b).sum::<f64>();
        (1.0 + z.exp()).ln() - y * z
    };
    let n = y.len() as f64;
    let u: Vec<f64> = beta[1..].iter().zip(sd).map(|(b, sd)| b * sd).collect();
    let (square, norm) = (u.iter().map(|u| u * u).sum::<f64>(), u.iter().map(|u| u.abs()).sum::<f64>());
    x.chunks_exact(d).zip(y).map(loss).sum::<f64>() / n
        + lambda * ((1.0 - alpha) / 2.0 * square + alpha * norm)
}

#[test]
fn sparks_objective_is_least_at_sparks_coefficients() {
    let (x, d, target) = two();
    let design = Design::dense(&x, 100, d).unwrap();
    let y: Vec<f64> = (0..100).map(|i| f64::from(i / 50)).collect();
    for (alpha, standardize) in [(0.0, true), (0.6, true), (1.0, true), (0.6, false)] {
        let spark = LogisticRegression::new().like(Convention::Spark).l1_ratio(alpha).lambda(0.03);
        let fit = spark.standardize(standardize).tol(1e-13).fit(&design, &target).unwrap();
        let unbiased = (100.0f64 / 99.0).sqrt();
        let sd: Vec<f64> =
            fit.feature_sd.iter().map(|sd| if standardize { sd * unbiased } else { 1.0 }).collect();
        let c = fit.model.coefficients();
        let beta = [&c.intercepts()[1..], c.class_weights(1)].concat();
        let value = |beta: &[f64]| sigmoid_objective(&x, &y, &sd, beta, 0.03, alpha);
        let least = value(&beta);
        assert!((least - fit.objective).abs() <= 1e-13, "{least} {}", fit.objective);
        for j in 0..=d {
            for step in [1e-3, -1e-3] {
                let mut other = beta.clone();
                other[j] += step;
                assert!(value(&other) > least, "α={alpha} {j} {step}");
            }
        }
    }
}

#[test]
fn bounds_are_those_of_the_one_vector() {
    let (x, d, target) = two();
    let design = Design::dense(&x, 100, d).unwrap();
    let glmnet = |low: f64, high: f64| {
        let regression =
            LogisticRegression::new().like(Convention::Glmnet).l1_ratio(0.5).lambda(0.01).tol(1e-10);
        regression.bounds(vec![low; d], vec![high; d]).fit(&design, &target).unwrap()
    };
    let wide = glmnet(-9.0, 9.0);
    let free = wide.model.coefficients().class_weights(1);
    let bounded = glmnet(-0.25, 0.5);
    let bounded = bounded.model.coefficients();
    assert!(free.iter().any(|w| *w > 0.6) && free.iter().any(|w| *w < -0.3), "{free:?}");
    assert!(bounded.class_weights(1).iter().all(|w| (-0.25..=0.5).contains(w)));
    assert!(bounded.class_weights(1).contains(&0.5));
    assert!(bounded.class_weights(0).iter().all(|w| *w == 0.0));
}

#[test]
fn paths_and_cross_validations_are_in_the_packages_numbers() {
    let (x, d, target) = two();
    let design = Design::dense(&x, 100, d).unwrap();
    for alpha in [1.0, 0.5] {
        let glmnet = LogisticRegression::new().like(Convention::Glmnet).l1_ratio(alpha).tol(1e-12);
        let path = glmnet.path(&design, &target, &Lambdas::spaced(10)).unwrap();
        // λ_max of the one vector: max_j |Σ x̃_ij (y_i − ȳ)|/n/α.
        let fit = glmnet.clone().lambda(1.0).fit(&design, &target).unwrap();
        let mean = |j: usize| (0..100).map(|i| x[i * d + j]).sum::<f64>() / 100.0;
        let score = |j: usize| {
            let m = mean(j);
            (0..100).map(|i| (x[i * d + j] - m) * (f64::from(i as u8 / 50) - 0.5)).sum::<f64>() / 100.0
        };
        let largest = (0..d).map(|j| (score(j) / fit.feature_sd[j]).abs()).fold(0.0, f64::max) / alpha;
        assert!((path.lambda_max / largest - 1.0).abs() < 1e-9, "{} {largest}", path.lambda_max);
        assert_eq!((path.points[0].nonzero_features, path.l1_ratio), (0, alpha));
        let below = glmnet.clone().lambda(0.999 * largest).fit(&design, &target).unwrap();
        assert!(below.model.coefficients().weights().iter().any(|w| *w != 0.0));
        let (point, ours) = (&path.points[5], path.coefficients(5).unwrap());
        let fit = glmnet.clone().lambda(point.lambda).fit(&design, &target).unwrap();
        assert!(common::difference(&ours, fit.model.coefficients()) < 1e-5);
        assert!(ours.class_weights(0).iter().all(|w| *w == 0.0));
        let found = CrossValidation::new(5).run(&glmnet, &design, &target).unwrap();
        let first = found.curves[0].path.points[0].lambda;
        assert!((first / largest - 1.0).abs() < 1e-9);
    }
}

#[test]
fn ridges_of_scikit_learn_are_the_references() {
    // Three classes and more: nothing is converted but C.
    for (name, data) in common::reference("l2.json").as_object().unwrap() {
        let t = common::table(data["file"].as_str().unwrap(), data["target"].as_str().unwrap());
        let design = Design::dense(&t.x, t.n, t.d).unwrap();
        let reference = &data["fits"][0];
        let like =
            LogisticRegression::new().like(Convention::ScikitLearn).c(reference["C"].as_f64().unwrap());
        let fit = like.tol(1e-14).fit(&design, &t.target).unwrap();
        let difference = common::difference(fit.model.coefficients(), &common::coefficients(reference));
        assert!(difference <= DIGITS, "{name}: {difference:e}");
    }
}
