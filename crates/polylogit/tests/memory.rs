//! What a fit takes beside the data: the estimate against the peak, and what a limit does.

use polylogit::inference::{Covariance, Inference};
use polylogit::{Csr, Design, Error, LogisticRegression, Result, Target};

/// Uniform in [−1, 1), a fixed stream.
fn uniforms(n: usize) -> Vec<f64> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// Classes by the largest of K columns and noise.
fn labels(x: &[f64], n: usize, d: usize, k: usize) -> Target {
    let noise = uniforms(n * k);
    let y = (0..n).map(|i| {
        let z = |c: usize| x[i * d + c % d] + 2.0 * noise[i * k + c];
        i64::try_from((0..k).max_by(|a, b| z(*a).total_cmp(&z(*b))).unwrap()).unwrap()
    });
    Target::from_labels(y).unwrap()
}

fn ridge() -> LogisticRegression {
    LogisticRegression::new().lambda(1e-3).standardize(true).threads(1)
}

#[test]
fn a_limit_that_is_enough_changes_nothing_and_one_that_is_not_says_what_is_missing() -> Result<()> {
    let (n, d, k) = (4000, 60, 7);
    let x = uniforms(n * d);
    let (design, target) = (Design::dense(&x, n, d)?, labels(&x, n, d, k));
    let free = ridge().fit(&design, &target)?;
    let estimate = ridge().memory(&design, &target)?;
    assert!(estimate.parts.windows(2).all(|two| two[0].bytes >= two[1].bytes));
    let ample = ridge().memory_limit(estimate.bytes()).fit(&design, &target)?;
    // No room for copies of the rows: slower, the same bits.
    let copies = estimate.parts.iter().find(|part| part.what == "copies of the rows").unwrap().bytes;
    let thrifty = ridge().memory_limit(estimate.bytes() - copies / 2).fit(&design, &target)?;
    for other in [ample, thrifty] {
        assert_eq!(other.model, free.model);
        assert_eq!(other.certificate, free.certificate);
        assert_eq!(other.passes.to_bits(), free.passes.to_bits());
    }
    let limit = 100_000;
    let error = ridge().memory_limit(limit).fit(&design, &target).unwrap_err();
    let Error::Memory { needed, limit: told, .. } = &error else { panic!("{error}") };
    assert_eq!(*told, limit);
    // Nor for probabilities: slower still, to the same accuracy.
    let of_rows = estimate.parts.iter().find(|part| part.what == "probabilities of the rows").unwrap().bytes;
    assert!(*needed < estimate.bytes() - copies - of_rows / 2);
    let slow = ridge().memory_limit(*needed).fit(&design, &target)?;
    assert!(slow.objective - free.objective <= slow.certificate.gap);
    assert!(free.objective - slow.objective <= free.certificate.gap);
    assert!(slow.certificate.relative_gap <= 1e-6 && slow.model != free.model);
    let text = error.to_string();
    assert!(text.contains("KiB beside the data (") && text.contains("98 KiB are allowed: "), "{text}");
    Ok(())
}

#[test]
fn statistics_keep_the_limit() -> Result<()> {
    let (n, d, k) = (2000, 12, 5);
    let x = uniforms(n * d);
    let (design, target) = (Design::dense(&x, n, d)?, labels(&x, n, d, k));
    let within = |limit| {
        Inference::new().regression(LogisticRegression::new().lambda(0.0).threads(1).memory_limit(limit))
    };
    let needed = within(u64::MAX).memory(&design, &target)?.bytes();
    let free = Inference::new().fit(&design, &target)?;
    assert_eq!(within(needed).fit(&design, &target)?.covariance_matrix(), free.covariance_matrix());
    let error = within(needed / 3).fit(&design, &target).unwrap_err();
    assert!(matches!(error, Error::Memory { .. }), "{error}");
    Ok(())
}

#[test]
fn paths_and_cross_validations_keep_the_limit() -> Result<()> {
    let (n, d, k) = (4000, 20, 3);
    let x = uniforms(n * d);
    let (design, target) = (Design::dense(&x, n, d)?, labels(&x, n, d, k));
    let lasso = LogisticRegression::new().l1_ratio(1.0).threads(2);
    let needed = lasso.memory(&design, &target)?.bytes();
    let lambdas = polylogit::Lambdas::spaced(5);
    assert!(lasso.clone().memory_limit(needed).path(&design, &target, &lambdas).is_ok());
    assert!(lasso.clone().memory_limit(needed - 1).path(&design, &target, &lambdas).is_err());
    // Two threads work on two folds at once.
    let validation = polylogit::CrossValidation::new(3).lambdas(lambdas);
    assert!(validation.run(&lasso.clone().memory_limit(3 * needed), &design, &target).is_ok());
    let error = validation.run(&lasso.memory_limit(needed), &design, &target).unwrap_err();
    assert!(matches!(error, Error::Memory { .. }), "{error}");
    Ok(())
}

/// Problems whose peak is well above what the process itself takes.
#[cfg(target_os = "linux")]
#[expect(clippy::cast_sign_loss, reason = "columns are not negative")]
fn problem(name: &str) -> Result<(u64, u64)> {
    let measured = |regression: &LogisticRegression, design: &Design<'_>, target: &Target| {
        let estimate = regression.memory(design, target)?.bytes();
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = status("VmRSS:");
        regression.fit(design, target)?;
        Ok((estimate, status("VmHWM:") - before))
    };
    let (n, d, k) = match name {
        "narrow" => (150_000, 40, 4),
        "classes" => (40_000, 20, 400),
        "coefficients" => (1_000, 400, 600),
        "wide" => (1_600, 6_400, 3),
        "lasso" => (40_000, 40, 12),
        "statistics" => (4_000, 180, 8),
        _ => (60_000, 3_000, 12),
    };
    if name == "sparse" {
        let (columns, in_row) = (uniforms(n * 30), 30);
        let (mut indices, mut indptr) = (Vec::new(), vec![0u32]);
        for row in columns.chunks_exact(in_row) {
            let mut row: Vec<u32> = row.iter().map(|u| (u.abs() * d as f64) as u32).collect();
            row.sort_unstable();
            row.dedup();
            indices.extend(row);
            indptr.push(indices.len() as u32);
        }
        let values = uniforms(indices.len());
        let design = Design::sparse(Csr::new(&values[..], &indices[..], &indptr[..]), d)?;
        return measured(&ridge(), &design, &labels(&columns, n, in_row, k));
    }
    let x = uniforms(n * d);
    let target = labels(&x, n, d, k);
    if name == "statistics" {
        let design = Design::dense(&x, n, d)?;
        let inference =
            Inference::new().regression(ridge()).despite_penalty(true).covariance(Covariance::Hc1);
        let estimate = inference.memory(&design, &target)?.bytes();
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = status("VmRSS:");
        inference.fit(&design, &target)?;
        return Ok((estimate, status("VmHWM:") - before));
    }
    let regression = match name {
        "lasso" => ridge().l1_ratio(1.0),
        "coefficients" => ridge().tol(1e-2),
        _ => ridge(),
    };
    if name == "classes" {
        let x: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        return measured(&regression, &Design::dense(&x, n, d)?, &target);
    }
    measured(&regression, &Design::dense(&x, n, d)?, &target)
}

#[cfg(target_os = "linux")]
fn status(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    1024 * line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
}

/// Each problem in a process of its own, for an allocator keeps memory; that process is this test again.
#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::disallowed_methods, reason = "how this test speaks to itself")]
fn the_estimate_is_near_the_peak() {
    if let Ok(name) = std::env::var("POLYLOGIT_TEST_PROBLEM") {
        let (estimate, peak) = problem(&name).unwrap();
        println!("measured {estimate} {peak}");
        return;
    }
    for name in ["narrow", "classes", "coefficients", "wide", "sparse", "lasso", "statistics"] {
        let out = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_estimate_is_near_the_peak", "--nocapture"])
            .env("POLYLOGIT_TEST_PROBLEM", name)
            .output()
            .unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let mut numbers = text.split("measured ").nth(1).unwrap().split_whitespace().map(str::parse::<f64>);
        let (estimate, peak) = (numbers.next().unwrap().unwrap(), numbers.next().unwrap().unwrap());
        assert!(peak > 50e6, "{name}: {peak} bytes are too few to measure");
        // Coefficients that are packed for passes are a tenth of what many of them take.
        let least = if name == "coefficients" { 0.9 } else { 0.7 };
        assert!((least * peak..1.3 * peak).contains(&estimate), "{name}: estimate {estimate}, peak {peak}");
    }
}
