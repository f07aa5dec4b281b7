// The model's side: what was solved, the data, the cross-validation.

function solvedSection() {
  const s = report.solved;
  const node = section("solved", "What was solved", el("p", { className: "formula" }, s.formula), `F is ${s.words}.`);
  if (!s.converged)
    node.append(
      note("The fit ended before its goal: the certificate says how good the model is all the same.", "warning"),
    );
  node.append(facts(s.facts));
  const t = s.trace;
  if (!t || t.passes.length < 2) {
    node.append(
      note(
        t
          ? "No convergence curve: the fit began at its goal, where the path of the cross-validation had come to."
          : "No convergence curve: the model file holds no steps (models from Python and older files hold none).",
      ),
    );
    return;
  }
  const steps = t.passes
    .map((passes, i) => ({ passes, gap: t.relative_gap[i], objective: t.objective[i] }))
    .filter((d) => d.gap > 0);
  node.append(
    figure({
      id: "convergence",
      title: "Convergence",
      text: `The ${s.certificate} distance to the best possible F, relative to F, after each step. The fit ends where it falls below the goal (dashed); one pass reads every row once.`,
      draw: (width) =>
        chart({
          width,
          height: 280,
          marginLeft: 56,
          x: { label: "passes over the rows", grid: false },
          y: { type: "log", label: "certified relative gap", grid: true, tickFormat: (v) => num(v, 1), ticks: 6 },
          marks: [
            Plot.ruleY([t.tol], { stroke: "var(--c1)", strokeDasharray: "4 4" }),
            Plot.line(steps, { x: "passes", y: "gap", stroke: "var(--c0)", strokeWidth: 2 }),
            Plot.dot(steps, {
              x: "passes",
              y: "gap",
              fill: "var(--c0)",
              r: steps.length > 80 ? 1.5 : 3.5,
              tip: true,
              channels: { objective: { value: (d) => num(d.objective, 8), label: "F" } },
            }),
          ],
        }),
      label: () =>
        `Line: the certified relative gap falls from ${num(steps[0]?.gap, 2)} to ${num(steps.at(-1)?.gap, 2)} within ${num(steps.at(-1)?.passes, 3)} passes; the goal was ${num(t.tol, 2)}.`,
      numbers: () => [
        ["passes", "certified relative gap", "F"],
        t.passes.map((p, i) => [num(p, 5), t.relative_gap[i], num(t.objective[i], 10)]),
      ],
    }).node,
  );
}

function sheetSection() {
  const s = report.sheet;
  const kinds = Object.entries(s.kinds).map(([kind, n]) =>
    kind === "indexed"
      ? count(s.features, "indexed feature")
      : `${n.toLocaleString("en")} ${n === 1 ? { numbers: "number", categories: "category" }[kind] : kind}`,
  );
  const node = section("data", "The data");
  const missing = Object.values(s.missing).reduce((a, b) => a + b, 0);
  const list = [
    ["Rows", s.rows.toLocaleString("en")],
    ["Columns", `${kinds.join(", ")}; ${count(s.features, "design column")}`],
  ];
  if (s.weight) list.push(["Weights", `column ${s.weight}, total ${num(report.predictions.total_weight, 6)}`]);
  list.push([
    "Missing",
    missing
      ? `${count(missing, "value")} filled in: ${Object.entries(s.missing)
          .map(([c, n]) => `${c} ${n}`)
          .join(", ")}`
      : "none",
  ]);
  for (const [column, [n, level]] of Object.entries(s.unseen))
    list.push(["Unseen", `column ${column}: ${count(n, "row")} with a level that training did not see (${level})`]);
  if (s.sparse) list.push(["Density", `${percent(s.density)} of the values are not 0`]);
  node.append(facts(list));
  const total = d3.sum(s.balance);
  const shown = d3
    .range(s.balance.length)
    .sort((a, b) => (s.balance.length > 40 ? s.balance[b] - s.balance[a] : a - b))
    .slice(0, 40);
  node.append(
    figure({
      id: "balance",
      title: "Classes",
      text:
        s.balance.length > 40
          ? `The 40 most frequent of ${s.balance.length} classes.`
          : `How much of the data each class of ${report.about.target} has.`,
      draw: (width) => {
        const room = nameRoom(shown.map(className), width);
        return chart({
          width,
          height: shown.length * (shown.length > 12 ? 17 : 24) + 46,
          marginTop: 4,
          marginLeft: room,
          marginRight: 60,
          x: { label: s.weight ? "weight" : "rows", grid: true, ticks: 5 },
          y: { domain: shown, label: null, tickFormat: (k) => nameCut(room)(className(k)), tickSize: 0 },
          marks: [
            Plot.barX(shown, {
              x: (k) => s.balance[k],
              y: (k) => k,
              fill: "var(--c0)",
              insetTop: 1.5,
              insetBottom: 1.5,
            }),
            Plot.text(shown, {
              x: (k) => s.balance[k],
              y: (k) => k,
              text: (k) => percent(s.balance[k] / total),
              dx: 5,
              textAnchor: "start",
            }),
            Plot.ruleX([0]),
          ],
        });
      },
      label: () =>
        `Bars: ${shown
          .slice(0, 8)
          .map((k) => `${className(k)} ${percent(s.balance[k] / total)}`)
          .join(", ")}${shown.length > 8 ? " and more" : ""}.`,
      numbers: () => [["class", s.weight ? "weight" : "rows"], s.balance.map((w, k) => [className(k), w])],
    }).node,
  );
  const names = report.coefficients.features;
  const shift = (i) =>
    s.training_mean[i] == null || !s.training_sd[i] ? null : (s.mean[i] - s.training_mean[i]) / s.training_sd[i];
  const column = (name, value, title) => ({ name, title, width: 110, value });
  const table = grid({
    label: "Columns of the data",
    count: names.length,
    search: true,
    columns: [
      { name: "column", width: 200, value: (i) => names[i] },
      column("mean", (i) => s.mean[i]),
      column("sd", (i) => s.sd[i], "standard deviation"),
      column("min", (i) => s.min[i]),
      column("max", (i) => s.max[i]),
      column("train mean", (i) => s.training_mean[i], "mean of the values that training saw"),
      column("train sd", (i) => s.training_sd[i], "standard deviation in training"),
      column("shift", shift, "mean here less mean in training, in standard deviations of training"),
    ],
  });
  node.append(
    el("h3", { className: "spaced" }, "Columns"),
    el(
      "p",
      { className: "note" },
      `Design columns as the model sees them${keptNote()}. Shift is how far the mean here lies from that in training, in standard deviations: far from 0, the model meets other data than it learned from.`,
    ),
    table.node,
  );
}

function validationSection() {
  const v = report.validation;
  if (!v) return;
  const name = { log_loss: "log loss (nats)", accuracy: "accuracy", brier: "Brier score" }[v.score] ?? v.score;
  const node = section(
    "validation",
    "Choosing the penalty",
    `The strength λ of the penalty was chosen by cross-validation in ${v.folds} folds: every row was scored once by a model that had not seen it. Taken: ${v.chosen === "best" ? "the best mean score" : "the largest λ whose mean is within one standard error of the best"}.`,
  );
  const points = v.curves.flatMap((c, a) =>
    c.lambda.map((lambda, i) => ({
      a,
      alpha: c.l1_ratio,
      lambda,
      mean: c.mean[i],
      low: c.mean[i] - c.standard_error[i],
      high: c.mean[i] + c.standard_error[i],
      features: c.nonzero_features[i],
    })),
  );
  const at = (p) => v.curves[p.curve].lambda[p.point];
  const several = v.curves.length > 1;
  const color = (d) => `var(--c${d.a % FEW})`;
  const x = { type: "log", label: "λ, the strength of the penalty →", tickFormat: (t) => num(t, 1), ticks: 6 };
  const marks = [...new Set([at(v.best), at(v.one_se)])].map((l) => ({
    l,
    name: l === at(v.best) ? (l === at(v.one_se) ? "best, 1se" : "best") : "1se",
  }));
  const best = v.curves[v.best.curve];
  node.append(
    figure({
      id: "cv",
      title: "Cross-validation",
      text: `Mean ${name} of held-out rows with one standard error, and below how many features have a weight that is not 0. To the right the penalty is stronger.`,
      legend: several ? () => v.curves.map((c, a) => [`var(--c${a % FEW})`, `α = ${num(c.l1_ratio, 3)}`]) : undefined,
      draw: (width) => [
        chart({
          width,
          height: 300,
          marginLeft: 56,
          marginTop: 30,
          x: { ...x, label: null },
          y: { label: `mean ${name}`, grid: true, nice: true, ticks: 6 },
          marks: [
            Plot.ruleX(marks, { x: "l", stroke: "var(--c1)", strokeDasharray: "4 4" }),
            Plot.text(marks, { x: "l", text: "name", frameAnchor: "top", dy: -14, fill: "var(--c1)" }),
            Plot.ruleX(points, { x: "lambda", y1: "low", y2: "high", stroke: color, strokeOpacity: 0.35 }),
            Plot.line(points, { x: "lambda", y: "mean", z: "a", stroke: color, strokeWidth: 2 }),
            Plot.dot(points, {
              x: "lambda",
              y: "mean",
              fill: color,
              r: 2.5,
              tip: { format: { fill: false } },
              channels: { features: "features" },
            }),
          ],
        }),
        chart({
          width,
          height: 140,
          marginLeft: 56,
          x,
          y: { label: "features", grid: true, ticks: 3 },
          marks: [
            Plot.line(points, {
              x: "lambda",
              y: "features",
              z: "a",
              stroke: color,
              curve: "step-after",
              strokeWidth: 2,
            }),
            Plot.ruleX(marks, { x: "l", stroke: "var(--c1)", strokeDasharray: "4 4" }),
          ],
        }),
      ],
      label: () =>
        `Curve: mean ${name} along ${best.lambda.length} values of λ; best ${num(best.mean[v.best.point])} at λ = ${num(at(v.best))} with ${best.nonzero_features[v.best.point]} features.`,
      numbers: () => [
        [...(several ? ["α"] : []), "λ", "mean", "standard error", "features"],
        points.map((p) => [
          ...(several ? [num(p.alpha, 3)] : []),
          several ? p.lambda : num(p.lambda, 5),
          p.mean,
          p.high - p.mean,
          p.features,
        ]),
      ],
    }).node,
  );
}
