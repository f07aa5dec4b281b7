// The coefficients: the largest of a class, all of them as a heat map, all of them as a table.

/** Said wherever not all features are on the page. */
function keptNote() {
  const c = report.coefficients;
  return c.features.length < c.total
    ? ` (the ${c.features.length.toLocaleString("en")} of largest effect of ${c.total.toLocaleString("en")})`
    : "";
}

function coefficientSection() {
  const c = report.coefficients;
  const [K, d] = [report.classes.length, c.features.length];
  const node = section(
    "coefficients",
    "The coefficients",
    "The score of a class is its intercept plus the sum of its weights times the columns; the softmax of the scores are the probabilities. Only differences between classes count: a column whose weight is the same everywhere changes nothing.",
  );
  if (c.zeros)
    node.append(
      note(
        `${count(c.zeros, "feature")} of ${c.total.toLocaleString("en")} ${c.zeros === 1 ? "has" : "have"} weight 0 in every class: the penalty dropped ${c.zeros === 1 ? "it" : "them"}.`,
      ),
    );
  if (!d) return void node.append(note("The model has no columns, only intercepts."));
  const scale = { sd: true };
  const weight = (k, j) => c.weights[k][j] * (scale.sd ? c.sd[j] : 1);
  const unit = () => (scale.sd ? "per standard deviation of the column" : "per unit of the column");
  const sizes = () => c.features.map((_, j) => Math.hypot(...c.weights.map((_, k) => weight(k, j))));
  let size = sizes();
  const iv = report.intervals;
  const withIntervals = !iv.why_not;
  let chosen = withIntervals ? iv.classes[0].class : 0;
  const scaleChoice = choice(
    "Scale",
    [
      ["sd", "per standard deviation"],
      ["raw", "per unit (raw)"],
    ],
    "sd",
    (v) => {
      scale.sd = v === "sd";
      size = sizes();
      parts.forEach((p) => p.redraw());
      table.reorder();
    },
  );
  node.append(el("div", { className: "controls" }, scaleChoice));

  const FOREST = 25;
  const terms = () => {
    const of = withIntervals ? iv.classes.find((x) => x.class === chosen) : null;
    const all = of
      ? iv.terms.map((name, j) => {
          const s = scale.sd ? iv.sd[j] : 1;
          return { name, value: of.estimate[j] * s, low: of.low[j] * s, high: of.high[j] * s, p: of.p_value[j] };
        })
      : c.features.map((name, j) => ({ name, value: weight(chosen, j) }));
    return all
      .filter((t) => t.value !== 0)
      .sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
      .slice(0, FOREST);
  };
  const what = () =>
    withIntervals
      ? `log odds of ${className(chosen)} against ${className(iv.reference)}`
      : `weight for ${className(chosen)}`;
  const classOptions = (withIntervals ? iv.classes.map((x) => x.class) : d3.range(K)).map((k) => [k, className(k)]);
  const forest = figure({
    id: "forest",
    title: withIntervals ? "Log odds with intervals" : "Largest weights of a class",
    text: () =>
      withIntervals
        ? `How much a column changes the log odds of ${className(chosen)} against ${className(iv.reference)}, ${unit()}, with intervals of ${Math.round(100 * iv.level)} %: where one crosses 0, the data allow no effect.${iv.bases.length ? ` Categories are compared with ${iv.bases.map(([a, b]) => `${a}=${b}`).join(", ")}.` : ""}${report.predictions.weighted ? " Weights are taken as counts." : ""}`
        : `What raises (right) or lowers (left) the score of ${className(chosen)}, ${unit()}. ${iv.why_not}`,
    controls: [
      choice("Class", classOptions, chosen, (v) => {
        chosen = Number(v);
        forest.redraw();
      }),
    ],
    draw: (width) => {
      const list = terms();
      const room = nameRoom(
        list.map((t) => t.name),
        width,
      );
      const y = (t) => list.indexOf(t);
      const color = (t) => (t.value < 0 ? "var(--negative)" : "var(--positive)");
      return chart({
        width,
        height: list.length * 23 + 72,
        marginLeft: room,
        marginRight: 16,
        x: {
          label: `${cut(what(), Math.max(18, Math.floor((width - room) / 7)))} →`,
          grid: true,
          ticks: Math.min(7, width / 90),
          nice: true,
        },
        y: {
          type: "point",
          domain: d3.range(list.length),
          label: null,
          tickFormat: (i) => nameCut(room)(list[i].name),
          tickSize: 0,
        },
        marks: [
          Plot.ruleX([0], { stroke: "currentColor", strokeOpacity: 0.5 }),
          withIntervals
            ? Plot.ruleY(list, { x1: "low", x2: "high", y, stroke: color, strokeWidth: 2 })
            : Plot.ruleY(list, { x1: 0, x2: "value", y, stroke: color, strokeWidth: 2, strokeOpacity: 0.55 }),
          Plot.dot(list, {
            x: "value",
            y,
            fill: color,
            r: 4.5,
            tip: { format: { fill: false, y: false } },
            channels: { column: "name" },
          }),
        ],
      });
    },
    label: () =>
      `Forest plot: ${what()}. ${terms()
        .slice(0, 5)
        .map((t) => `${t.name} ${num(t.value, 3)}${withIntervals ? ` (${num(t.low, 3)} to ${num(t.high, 3)})` : ""}`)
        .join(", ")}.`,
    numbers: () =>
      withIntervals
        ? [["column", "estimate", "low", "high", "p"], terms().map((t) => [t.name, t.value, t.low, t.high, t.p])]
        : [["column", "weight"], terms().map((t) => [t.name, t.value])],
  });

  const order = () => d3.range(d).sort((a, b) => size[b] - size[a]);
  // Few are drawn with their names and numbers, many as pixels.
  const small = K <= 30;
  const WIDE = 1200;
  const heat = figure({
    id: "heat",
    title: "All weights",
    text: () =>
      small && d > 40
        ? `The 40 columns of largest effect, ${unit()}; the table has the rest.`
        : small
          ? `Every weight, ${unit()}; the largest columns first.`
          : `${K} classes (rows) by ${Math.min(d, WIDE).toLocaleString("en")} columns, ${unit()}; the largest columns at the left.`,
    legend: () => [
      ["var(--positive)", "raises the score"],
      ["var(--negative)", "lowers it"],
    ],
    draw: (width) => {
      const js = order().slice(0, small ? 40 : WIDE);
      const most = d3.max(js, (j) => d3.max(d3.range(K), (k) => Math.abs(weight(k, j)))) || 1;
      const shade = (v) => Math.sign(v) * Math.abs(v / most) ** 0.6;
      if (!small)
        return heatCanvas({
          rows: K,
          columns: js.length,
          width,
          opacity: (k, at) => shade(weight(k, js[at])),
          describe: (k, at) => `${className(k)}, ${c.features[js[at]]}: ${num(weight(k, js[at]))}`,
          label: heatLabel(),
        });
      const room = nameRoom(
        js.map((j) => c.features[j]),
        width,
      );
      const wide = (width - room) / K;
      const turned = d3.max(report.classes, (n) => Math.min(n.length, 14)) * 7 > wide;
      const cells = js.flatMap((j) => d3.range(K).map((k) => ({ j, k, v: weight(k, j) })));
      return chart({
        width,
        height: js.length * 24 + 60 + (turned ? 50 : 0),
        marginLeft: room,
        marginTop: turned ? 80 : 30,
        marginBottom: 8,
        marginRight: turned ? 40 : 8,
        padding: 0.04,
        x: {
          domain: d3.range(K),
          axis: "top",
          label: null,
          tickFormat: (k) => cut(className(k), 14),
          tickRotate: turned ? -40 : 0,
          tickSize: 0,
        },
        y: { domain: js, label: null, tickFormat: (j) => nameCut(room)(c.features[j]), tickSize: 0 },
        color: { type: "identity" },
        opacity: { type: "identity" },
        marks: [
          Plot.cell(cells, {
            x: "k",
            y: "j",
            fill: (e) => (e.v < 0 ? "var(--negative)" : "var(--positive)"),
            fillOpacity: (e) => 0.85 * Math.abs(shade(e.v)),
          }),
          wide > 44 ? Plot.text(cells, { x: "k", y: "j", text: (e) => num(e.v, 2), fontSize: 11 }) : null,
        ],
      });
    },
    label: () => heatLabel(),
  });
  const heatLabel = () => {
    const top = order()
      .slice(0, 3)
      .map((j) => c.features[j]);
    return `Heat map of the weights of ${K} classes by ${d} columns; the largest effects have ${top.join(", ")}`;
  };

  const table = grid({
    label: "Coefficients",
    count: d,
    search: true,
    sort: { column: 1, down: true },
    columns: [
      { name: "column", width: 210, value: (j) => c.features[j] },
      {
        name: "size",
        title: "the Euclidean length of the column's weights over the classes",
        width: 100,
        value: (j) => size[j],
        bar: () => d3.max(size),
      },
      ...report.classes.map((name, k) => ({
        name: cut(name, 15),
        title: name,
        width: Math.min(150, Math.max(96, name.length * 8.4 + 30)),
        value: (j) => weight(k, j),
      })),
    ],
  });
  const parts = [heat, forest];
  node.append(el("div", { className: d > 14 || K > 6 ? "" : "pair" }, forest.node, heat.node));
  node.append(
    el("h3", { className: "spaced", id: "table-h" }, "Table"),
    el(
      "p",
      { className: "note" },
      `Click a heading to sort. Weights ${keptNote() ? `of the features${keptNote()}` : "of all columns"} on the scale chosen above; size is their length over the classes.`,
    ),
    table.node,
  );
  if (c.intercept)
    node.append(
      el(
        "details",
        {},
        el("summary", {}, "Intercepts"),
        el(
          "div",
          { className: "scroll", tabIndex: 0, "@role": "region", "@aria-label": "Intercepts" },
          plainTable(
            "Intercepts",
            ["class", "intercept"],
            c.intercept.map((b, k) => [className(k), b]),
          ),
        ),
      ),
    );
}
