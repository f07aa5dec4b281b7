//! The profiles of a path as SVG: every feature's effect sd_j w_kj over −ln λ, a panel for each class.

use super::write;
use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use polylogit::Path;
use std::path::Path as File;

/// Panels beside each other, and the size of one.
const ACROSS: usize = 3;
const PANEL: (u32, u32) = (400, 320);
/// More classes than this share one panel, of the norms over the classes.
const PANELS: usize = 9;
/// Features with a colour and a name.
const NAMED: usize = 8;
/// A weight has its name in a panel where it ends at this share of the height or more.
const LEAST: f64 = 0.03;
/// Letters of a name, room for it, and the least distance of two names.
const LETTERS: usize = 17;
const ROOM: u32 = 115;
const DISTANCE: i32 = 13;
/// Dark enough on white, told apart by most eyes (after Okabe and Ito).
const COLOURS: [RGBColor; NAMED] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 130, 95),
    RGBColor(170, 70, 130),
    RGBColor(150, 110, 0),
    RGBColor(30, 140, 200),
    RGBColor(90, 60, 30),
    RGBColor(100, 80, 170),
];
const OTHERS: RGBColor = RGBColor(185, 185, 185);

/// What one panel shows.
struct Panel {
    title: String,
    /// Of each feature that is ever used: its index and its value at each λ.
    lines: Vec<(usize, Vec<f64>)>,
}

/// Draws the profiles into `file`.
pub(crate) fn save(file: &File, path: &Path, names: &[String]) -> Result<()> {
    let svg = draw(path, names).map_err(|error| anyhow!("the path cannot be drawn: {error}"))?;
    write(file, &svg)
}

fn draw(path: &Path, names: &[String]) -> Result<String, Box<dyn std::error::Error>> {
    let panels = panels(path);
    let coloured = largest(&panels);
    let x: Vec<f64> = path.points.iter().map(|p| -p.lambda.ln()).collect();
    let values = || panels.iter().flat_map(|p| &p.lines).flat_map(|(_, y)| y.iter().copied());
    let (low, high) = values().fold((0.0f64, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
    let margin = 0.05 * (high - low).max(1e-9);
    let across = panels.len().min(ACROSS);
    let down = panels.len().div_ceil(ACROSS);
    let size = (PANEL.0 * across as u32, PANEL.1 * down as u32);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE)?;
        for (i, (panel, area)) in panels.iter().zip(root.split_evenly((down, across))).enumerate() {
            let scale = (low - margin)..(high + margin);
            draw_panel(panel, &area, &root, &x, scale, i % ACROSS == 0, &coloured, names)?;
        }
        root.present()?;
    }
    Ok(svg)
}

/// One for each class; two classes share one, and very many do.
fn panels(path: &Path) -> Vec<Panel> {
    let k = path.classes.len();
    let panel = |title: String, of: &dyn Fn(&[f64]) -> f64| {
        let mut lines: Vec<Option<Vec<f64>>> = vec![None; path.features];
        for (i, point) in path.points.iter().enumerate() {
            for (j, weights) in point.weights() {
                let line = lines[j].get_or_insert_with(|| vec![0.0; path.points.len()]);
                line[i] = path.feature_sd[j] * of(weights);
            }
        }
        let lines = lines.into_iter().enumerate().filter_map(|(j, line)| Some((j, line?))).collect();
        Panel { title, lines }
    };
    match k {
        2 => vec![panel(format!("{} against {}", path.classes[1], path.classes[0]), &|w| w[1] - w[0])],
        _ if k > PANELS => {
            let norm = |w: &[f64]| w.iter().map(|w| w * w).sum::<f64>().sqrt();
            vec![panel(format!("norm over the {k} classes"), &norm)]
        }
        _ => (0..k).map(|c| panel(path.classes[c].to_string(), &move |w| w[c])).collect(),
    }
}

/// The features whose effects are largest at the end of the path, in any panel.
fn largest(panels: &[Panel]) -> Vec<usize> {
    let mut ends: Vec<(usize, f64)> = Vec::new();
    for (j, line) in panels.iter().flat_map(|p| &p.lines) {
        let end = line.last().map_or(0.0, |v| v.abs());
        match ends.iter_mut().find(|(other, _)| other == j) {
            Some((_, most)) => *most = most.max(end),
            None => ends.push((*j, end)),
        }
    }
    ends.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ends.into_iter().take(NAMED).filter(|(_, end)| *end > 0.0).map(|(j, _)| j).collect()
}

#[expect(clippy::too_many_arguments, reason = "what a panel shares with the others")]
fn draw_panel(
    panel: &Panel,
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    root: &DrawingArea<SVGBackend<'_>, Shift>,
    x: &[f64],
    scale: std::ops::Range<f64>,
    first: bool,
    coloured: &[usize],
    names: &[String],
) -> Result<(), Box<dyn std::error::Error>> {
    let least = LEAST * (scale.end - scale.start);
    let (left, right) = (x.first().copied().unwrap_or(0.0), x.last().copied().unwrap_or(1.0));
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .margin_right(ROOM)
        .caption(shorten(&panel.title, 2 * LETTERS), ("sans-serif", 15))
        .x_label_area_size(35)
        .y_label_area_size(if first { 50 } else { 35 })
        .build_cartesian_2d(left..right.max(left + 1e-9), scale)?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(TRANSPARENT).bold_line_style(BLACK.mix(0.08)).x_desc("−ln λ");
    if first {
        mesh.y_desc("weight × sd of the column");
    }
    mesh.draw()?;
    chart.draw_series(std::iter::once(PathElement::new(vec![(left, 0.0), (right, 0.0)], BLACK.mix(0.4))))?;
    let colour = |j: &usize| coloured.iter().position(|c| c == j).map(|at| COLOURS[at]);
    let (named, others): (Vec<_>, Vec<_>) = panel.lines.iter().partition(|(j, _)| colour(j).is_some());
    for (j, line) in others.into_iter().chain(named.iter().copied()) {
        let style = colour(j).map_or(OTHERS.stroke_width(1), |c| c.stroke_width(2));
        let points: Vec<(f64, f64)> = x.iter().copied().zip(line.iter().copied()).collect();
        let used = runs(line).map(|of| PathElement::new(&points[of], style));
        chart.draw_series(used)?;
    }
    let mut labels: Vec<(i32, usize)> = Vec::new();
    let mut edge = 0;
    for (j, line) in named {
        let end = line.last().copied().unwrap_or(0.0);
        if end.abs() >= least {
            let (at, height) = chart.backend_coord(&(right, end));
            labels.push((height, *j));
            edge = at;
        }
    }
    let bottom = chart.backend_coord(&(right, chart.y_range().start)).1;
    labels.sort_unstable();
    let heights = spread(&labels.iter().map(|(height, _)| *height).collect::<Vec<_>>(), bottom);
    for ((_, j), height) in labels.iter().zip(heights) {
        let font = ("sans-serif", 12).into_font().color(&colour(j).unwrap_or(BLACK));
        let name = shorten(&names[*j], LETTERS);
        root.draw(&Text::new(name, (edge + 5, height - 6), font))?;
    }
    Ok(())
}

/// The ranges where a line is not 0, with the zeros at their ends.
fn runs(line: &[f64]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let from = |start: usize, zero: bool| (start..line.len()).find(|&i| (line[i] == 0.0) == zero);
    let mut start = from(0, false);
    std::iter::from_fn(move || {
        let first = start?;
        let end = from(first, true).unwrap_or(line.len());
        start = from(end, false);
        Some(first.saturating_sub(1)..(end + 1).min(line.len()))
    })
}

/// Heights (ascending) apart from each other, none below the bottom.
fn spread(heights: &[i32], bottom: i32) -> Vec<i32> {
    let mut out = heights.to_vec();
    for i in 1..out.len() {
        out[i] = out[i].max(out[i - 1] + DISTANCE);
    }
    let mut limit = bottom;
    for height in out.iter_mut().rev() {
        *height = (*height).min(limit);
        limit = *height - DISTANCE;
    }
    out
}

fn shorten(name: &str, letters: usize) -> String {
    if name.chars().count() <= letters {
        return name.to_owned();
    }
    name.chars().take(letters - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use polylogit::{Design, Label, Lambdas, LogisticRegression, Target};

    #[test]
    fn names_do_not_overlap() {
        assert_eq!(spread(&[10, 12, 50], 100), [10, 23, 50]);
        assert_eq!(spread(&[90, 95, 99], 100), [74, 87, 100]);
        assert_eq!(spread(&[], 100), [0; 0]);
    }

    #[test]
    fn lines_are_drawn_where_they_are_not_zero() {
        let of = |line: &[f64]| runs(line).collect::<Vec<_>>();
        assert_eq!(of(&[0.0, 0.0, 1.0, 2.0]), vec![1..4; 1]);
        assert_eq!(of(&[1.0, 0.0, 0.0, 0.0, -1.0, 0.0]), [0..2, 3..6]);
        assert_eq!(of(&[0.0, 0.0]), []);
    }

    fn path(rows: usize, d: usize, classes: usize) -> Path {
        let x: Vec<f64> = (0..rows * d).map(|i| ((i * 7919 + i / d * 31) % 101) as f64).collect();
        let target =
            Target::from_labels((0..rows).map(|i| Label::from(format!("c{}", i % classes)))).unwrap();
        let design = Design::dense(&x, rows, d).unwrap();
        let lasso = LogisticRegression::new().l1_ratio(1.0).standardize(true).max_steps(50);
        lasso.path(&design, &target, &Lambdas::spaced(12).ratio(0.1)).unwrap()
    }

    #[test]
    fn panels_and_names_by_the_number_of_classes() {
        for (d, classes, panels) in [(2, 2, 1), (3, 3, 3), (60, 4, 4), (5, 11, 1)] {
            let path = path(88, d, classes);
            let names: Vec<String> = (0..d).map(|j| format!("<{j}>")).collect();
            let svg = draw(&path, &names).unwrap();
            assert_eq!(svg.matches("−ln λ").count(), panels, "{classes}");
            assert_eq!(svg.matches("weight × sd").count(), panels.div_ceil(ACROSS));
            let shown = (0..d).filter(|j| svg.contains(&format!("&lt;{j}&gt;"))).count();
            assert!((1..=NAMED).contains(&shown) && !svg.contains("<0>"), "{shown}");
        }
        assert_eq!(shorten("a long name of a column", 9), "a long n…");
    }

    #[test]
    fn a_path_without_weights_is_drawn() {
        let mut path = path(40, 3, 4);
        path.points.truncate(1);
        assert!(draw(&path, &["a", "b", "c"].map(str::to_owned)).unwrap().contains("−ln λ"));
    }
}
