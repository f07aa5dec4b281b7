//! The curve of a cross-validation, and the profiles of a path, as SVG.

mod profiles;

use super::cv;
use anyhow::{Context as _, Result, anyhow};
use plotters::prelude::*;
use polylogit::Validated;
use polylogit_model::replace_file;
use std::path::Path;

pub(super) use profiles::save as save_profiles;

/// Width and height.
const SIZE: (u32, u32) = (800, 500);

/// Draws the curve of the best α into `file`.
pub(super) fn save(file: &Path, found: &Validated) -> Result<()> {
    let svg = draw(found).map_err(|error| anyhow!("the curve cannot be drawn: {error}"))?;
    write(file, &svg)
}

fn write(file: &Path, svg: &str) -> Result<()> {
    replace_file(file, |out| out.write_all(svg.as_bytes()))
        .with_context(|| format!("{} cannot be written", file.display()))
}

/// Means and standard errors over ln λ, with lines at the best λ and at that within a standard error.
fn draw(found: &Validated) -> Result<String, Box<dyn std::error::Error + '_>> {
    let curve = &found.curves[found.best.curve];
    let x: Vec<f64> = curve.path.points.iter().map(|p| p.lambda.ln()).collect();
    let bars = || x.iter().zip(&curve.mean).zip(&curve.standard_error).map(|((x, m), s)| (*x, *m, *s));
    let (low, high) = bars()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, m, s)| (low.min(m - s), high.max(m + s)));
    let margin = 0.05 * (high - low).max(1e-9);
    let (left, right) = (x.last().copied().unwrap_or(0.0), x.first().copied().unwrap_or(1.0));
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .margin(15)
            .x_label_area_size(40)
            .y_label_area_size(60)
            .build_cartesian_2d(left..right.max(left + 1e-9), low - margin..high + margin)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("ln λ")
            .y_desc(cv::name(found.score))
            .draw()?;
        for (point, name) in [(found.best.point, "best"), (found.one_se.point, "1se")] {
            let ends = vec![(x[point], low - margin), (x[point], high + margin)];
            let top = (x[point], high + margin);
            chart.draw_series(std::iter::once(PathElement::new(ends, RED.mix(0.6))))?;
            chart.draw_series(std::iter::once(Text::new(format!(" {name}"), top, ("sans-serif", 13))))?;
        }
        chart.draw_series(
            bars().map(|(x, m, s)| PathElement::new(vec![(x, m - s), (x, m + s)], BLACK.mix(0.3))),
        )?;
        chart.draw_series(bars().map(|(x, m, _)| Circle::new((x, m), 3, BLUE.filled())))?;
        root.present()?;
    }
    Ok(svg)
}
