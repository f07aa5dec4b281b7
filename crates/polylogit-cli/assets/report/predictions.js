// The predictions' side: confusion, reliability, one class against the rest, the worst mistakes.

function predictionSection() {
  const p = report.predictions;
  const node = section(
    "predictions",
    "The predictions",
    `Measured on ${count(p.rows, "row")} of ${report.about.data}${p.weighted ? ", weighted" : ""}.`,
  );
  if (report.about.training)
    node.append(note("These are the rows that the model learned from: expect somewhat less on new ones.", "warning"));
  const K = report.classes.length;
  const classes = grid({
    label: "Measures of each class",
    count: K,
    search: true,
    columns: [
      { name: "class", width: 180, value: className },
      { name: p.weighted ? "weight" : "rows", width: 96, value: (k) => p.classes[k].weight },
      ...[
        ["precision", "of the rows predicted so, the share that is"],
        ["recall", "of its rows, the share predicted so"],
        ["f1", "harmonic mean of precision and recall"],
        ["auc", "the chance that one of its rows has a larger probability of it than another row"],
        ["average_precision", "area under precision and recall"],
        ["calibration_error", "how far its probabilities lie from frequencies"],
      ].map(([key, title]) => ({
        name:
          { f1: "F1", auc: "AUC", average_precision: "avg. prec.", calibration_error: "calib. error" }[key] ?? key,
        title,
        width: 112,
        value: (k) => p.classes[k][key],
        text: (v) => (v == null ? "–" : v.toFixed(4)),
      })),
    ],
  });
  const [matrix, ...others] = [confusion(p, K), reliability(p), confidence(p)];
  const few = K <= 6 && p.confusion;
  node.append(
    ...(few
      ? [el("div", { className: "triple" }, matrix, others)]
      : [matrix, el("div", { className: "pair" }, others)]),
    el("h3", { className: "spaced" }, "Each class"),
    classes.node,
  );
  oneClass(node, p, K);
}

function confusion(p, K) {
  const shares = p.confusion?.map((row) => {
    const sum = d3.sum(row) || 1;
    return row.map((w) => w / sum);
  });
  const worst = p.errors.slice(0, 3).map(([a, b, w]) => `${className(a)} taken for ${className(b)} (${num(w, 4)})`);
  const label = () =>
    `Confusion of ${K} classes. ${percent(p.accuracy)} are on the diagonal${worst.length ? `; most frequent errors: ${worst.join(", ")}` : ""}.`;
  const numbers = () => [
    ["label", "predicted", p.weighted ? "weight" : "rows"],
    p.errors.map(([a, b, w]) => [className(a), className(b), w]),
  ];
  if (!shares) {
    const table = el(
      "div",
      { className: "scroll", tabIndex: 0, "@role": "region", "@aria-label": "Most frequent errors" },
      plainTable("Most frequent errors", ...numbers()),
    );
    return el("figure", { "@aria-label": "Most frequent errors" }, el("h3", {}, "Most frequent errors"), table);
  }
  const small = K <= 30;
  return figure({
    id: "confusion",
    title: "Confusion",
    text:
      "Each line is a true class, split by what the model said; the diagonal is right. Shades are shares of the line" +
      (small && K <= 12 ? `, numbers ${p.weighted ? "weights" : "rows"}.` : ".") +
      (worst.length ? ` Most often: ${worst.join(", ")}.` : " There is no error."),
    legend: () => [
      ["var(--positive)", "right"],
      ["var(--negative)", "wrong"],
    ],
    draw: (width) => {
      if (!small)
        return heatCanvas({
          rows: K,
          columns: K,
          width,
          opacity: (a, b) => (a === b ? 1 : -1) * shares[a][b] ** 0.5,
          describe: (a, b) =>
            `${className(a)} predicted as ${className(b)}: ${num(p.confusion[a][b])} (${percent(shares[a][b])} of ${className(a)})`,
          label: label(),
        });
      const room = nameRoom(report.classes, Math.min(width, 700));
      const side = Math.min((width - room - 20) / K, K <= 5 ? 74 : K <= 12 ? 52 : 27);
      const turned = d3.max(report.classes, (n) => Math.min(n.length, 14)) * 7 > side;
      const cells = d3
        .cross(d3.range(K), d3.range(K))
        .map(([a, b]) => ({ a, b, w: p.confusion[a][b], s: shares[a][b] }));
      const top = turned ? 96 : 44;
      return chart({
        width: room + side * K + (turned ? 60 : 20),
        height: Math.min(side, 52) * K + top + 6,
        marginLeft: room,
        marginTop: top,
        marginBottom: 6,
        marginRight: turned ? 60 : 20,
        padding: 0.04,
        x: {
          domain: d3.range(K),
          axis: "top",
          label: "predicted →",
          labelAnchor: "right",
          tickFormat: (k) => cut(className(k), 14),
          tickRotate: turned ? -40 : 0,
          tickSize: 0,
        },
        y: { domain: d3.range(K), label: null, tickFormat: (k) => nameCut(room)(className(k)), tickSize: 0 },
        color: { type: "identity" },
        opacity: { type: "identity" },
        marks: [
          Plot.cell(cells, {
            x: "b",
            y: "a",
            fill: (c) => (c.a === c.b ? "var(--positive)" : "var(--negative)"),
            fillOpacity: (c) => (c.s ? 0.06 + 0.84 * c.s ** 0.6 : 0),
            stroke: "var(--line)",
            strokeWidth: 0.5,
          }),
          K <= 12 && side > 26
            ? Plot.text(cells, {
                x: "b",
                y: "a",
                text: (c) => (c.w ? num(c.w, 4) : ""),
                fill: (c) => (c.s > 0.5 ? "var(--strong)" : "var(--ink)"),
                fontWeight: 600,
              })
            : null,
          Plot.tip(
            cells,
            Plot.pointer({
              x: "b",
              y: "a",
              title: (c) =>
                `${className(c.a)} predicted as ${className(c.b)}\n${num(c.w)} (${percent(c.s)} of ${className(c.a)})`,
            }),
          ),
        ],
      });
    },
    label,
    numbers,
  }).node;
}

const unitAxis = (label) => ({ domain: [0, 1], label, ticks: 6, grid: true });
const square = (width) => ({ width: Math.min(width, 520), height: Math.min(width, 520) * 0.86, marginLeft: 48 });

function reliability(p) {
  const most = d3.max(p.reliability, (b) => b.rows) || 1;
  return figure({
    id: "reliability",
    title: "Reliability",
    text: `Is the model as often right as it says? Points on the diagonal: yes; below: it is too sure. Calibration error ${num(p.calibration_error, 3)}; perfect probabilities would show about ${num(p.calibration_error_by_chance, 3)} on so many rows. Bars cover the true share with ${Math.round(100 * p.level)} %.`,
    draw: (width) =>
      chart({
        ...square(width),
        x: unitAxis("probability of the predicted class →"),
        y: unitAxis("↑ share that is right"),
        r: { range: [2.5, 9], domain: [0, most], type: "sqrt" },
        marks: [
          Plot.line(
            [
              [0, 0],
              [1, 1],
            ],
            { stroke: "currentColor", strokeOpacity: 0.5, strokeDasharray: "4 4" },
          ),
          Plot.ruleX(p.reliability, {
            x: "confidence",
            y1: (b) => b.interval[0],
            y2: (b) => b.interval[1],
            stroke: "var(--c0)",
            strokeOpacity: 0.6,
            strokeWidth: 2,
          }),
          Plot.dot(p.reliability, { x: "confidence", y: "frequency", r: "rows", fill: "var(--c0)", tip: true }),
        ],
      }),
    label: () =>
      `Reliability diagram: ${p.reliability.length} groups of rows, probability of the predicted class against the share that is right; calibration error ${num(p.calibration_error, 3)}.`,
    numbers: () => [
      ["from", "to", "rows", "mean probability", "share right", "low", "high"],
      p.reliability.map((b) => [num(b.low, 3), b.high, b.rows, b.confidence, b.frequency, ...b.interval]),
    ],
  }).node;
}

/** Bars of two parts over equal bins of [0, 1]. */
function bars(parts, width, x, y, options = {}) {
  const n = parts[0].values.length;
  const rects = parts.flatMap(({ values, color, name }) =>
    values.map((w, i) => ({ low: i / n, high: (i + 1) / n, w, color, name })),
  );
  return chart({
    ...square(width),
    marginLeft: 56,
    x: { ...unitAxis(x), grid: false },
    y: { label: y, grid: true, ticks: 5, ...options.y },
    color: { type: "identity" },
    marks: [
      Plot.rectY(
        rects,
        options.stack === false
          ? { x1: "low", x2: "high", y1: 0, y2: "w", fill: "color", fillOpacity: 0.6, insetLeft: 1, insetRight: 1 }
          : Plot.stackY({ x1: "low", x2: "high", y: "w", fill: "color", insetLeft: 1, insetRight: 1 }),
      ),
      Plot.ruleY([0]),
    ],
  });
}

function confidence(p) {
  const parts = [
    { values: p.wrong, color: "var(--c1)", name: "wrong" },
    { values: p.right, color: "var(--c0)", name: "right" },
  ];
  return figure({
    id: "confidence",
    title: "How sure it is",
    text: "How many rows get how large a probability of the predicted class, and which of them are wrong. A good model is wrong at the left only.",
    legend: () => parts.map((x) => [x.color, x.name]),
    draw: (width) => bars(parts, width, "probability of the predicted class →", p.weighted ? "weight" : "rows"),
    label: () =>
      `Histogram: ${num(d3.sum(p.right.slice(-3)) + d3.sum(p.wrong.slice(-3)), 4)} of ${num(p.total_weight, 5)} lie above 0.88, of them ${num(d3.sum(p.wrong.slice(-3)), 4)} wrong.`,
    numbers: () => [
      ["from", "to", "right", "wrong"],
      p.right.map((w, i) => [num(i / p.right.length, 3), (i + 1) / p.right.length, w, p.wrong[i]]),
    ],
  }).node;
}

function oneClass(node, p, K) {
  let chosen =
    d3.least(
      d3.range(K).filter((k) => p.classes[k].auc != null),
      (k) => p.classes[k].auc,
    ) ?? 0;
  const few = K <= FEW;
  const color = (k) => (few ? classColor(k) : k === chosen ? "var(--c0)" : "var(--line)");
  const curves = (key) => {
    const all = d3.range(K).filter((k) => p.classes[k][key]);
    // The chosen one last, so that it lies on top.
    return all.sort((a, b) => (a === chosen) - (b === chosen)).map((k) => ({ k, points: p.classes[k][key] }));
  };
  const one = el("div", { className: "triple" });
  const parts = [];
  const pick = choice(
    "Class",
    d3.range(K).map((k) => [k, className(k)]),
    chosen,
    (v) => {
      chosen = Number(v);
      parts.forEach((x) => x.redraw());
    },
  );
  node.append(
    el("h3", { className: "spaced" }, "One class against the rest"),
    el(
      "p",
      { className: "note" },
      few
        ? "All classes in colour, the chosen one bold."
        : `All ${K} classes in grey, the chosen one in colour; at first that of the least area.`,
    ),
    el("div", { className: "controls" }, pick),
  );
  const legend = few
    ? () => d3.range(K).map((k) => [classColor(k), className(k)])
    : () => [
        ["var(--c0)", className(chosen)],
        ["var(--line)", "other classes"],
      ];
  const lines = (key, width, x, y, extra) =>
    chart({
      ...square(width),
      x: unitAxis(x),
      y: unitAxis(y),
      marks: [
        extra,
        ...curves(key).map(({ k, points }) =>
          Plot.line(points, {
            x: (d) => d[0],
            y: (d) => d[1],
            stroke: color(k),
            strokeWidth: k === chosen ? 3 : few ? 1.6 : 1,
            curve: key === "roc" ? "linear" : "step-before",
          }),
        ),
      ],
    });
  parts.push(
    figure({
      id: "roc",
      title: "Receiver operating characteristic",
      text: () =>
        `As the bar is lowered, how many rows of the class are found, and how many others are taken for it. Area of ${className(chosen)}: ${num(p.classes[chosen].auc)}.`,
      legend,
      draw: (width) =>
        lines(
          "roc",
          width,
          "others taken for it →",
          "↑ found",
          Plot.line(
            [
              [0, 0],
              [1, 1],
            ],
            { stroke: "currentColor", strokeOpacity: 0.5, strokeDasharray: "4 4" },
          ),
        ),
      label: () => `ROC curves of ${K} classes; the area of ${className(chosen)} is ${num(p.classes[chosen].auc)}.`,
      numbers: () => [
        ["others taken for it", `${className(chosen)} found`],
        (p.classes[chosen].roc ?? []).map(([x, y]) => [num(x), y]),
      ],
    }),
  );
  parts.push(
    figure({
      id: "pr",
      title: "Precision and recall",
      text: () =>
        `Of what is taken for the class, the share that is right, against the share of the class that is found. Average precision of ${className(chosen)}: ${num(p.classes[chosen].average_precision)}.`,
      legend,
      draw: (width) => lines("precision_recall", width, "recall →", "↑ precision", null),
      label: () =>
        `Precision and recall of ${K} classes; the average precision of ${className(chosen)} is ${num(p.classes[chosen].average_precision)}.`,
      numbers: () => [
        ["recall", `precision of ${className(chosen)}`],
        (p.classes[chosen].precision_recall ?? []).map(([x, y]) => [num(x), y]),
      ],
    }),
  );
  parts.push(
    figure({
      id: "histogram",
      title: "Probabilities of the class",
      text: () =>
        `The probability of ${className(chosen)} among its own rows and among the others, each as shares. The farther apart, the better the class is told.`,
      legend: () => [
        ["var(--c0)", className(chosen)],
        ["var(--c7)", "other rows"],
      ],
      draw: (width) => {
        const share = (values) => {
          const sum = d3.sum(values) || 1;
          return values.map((w) => w / sum);
        };
        const { own, others } = p.classes[chosen];
        return bars(
          [
            { values: share(others), color: "var(--c7)" },
            { values: share(own), color: "var(--c0)" },
          ],
          width,
          `probability of ${cut(className(chosen), 20)} →`,
          "share",
          { stack: false, y: { tickFormat: (v) => `${Math.round(100 * v)} %` } },
        );
      },
      label: () =>
        `Histogram of the probability of ${className(chosen)}: ${percent(d3.sum(p.classes[chosen].own.slice(13)) / (d3.sum(p.classes[chosen].own) || 1))} of its rows lie above 0.52.`,
      numbers: () => [
        ["from", "to", "its rows", "others"],
        p.classes[chosen].own.map((w, i) => [num(i / 25, 3), (i + 1) / 25, w, p.classes[chosen].others[i]]),
      ],
    }),
  );
  one.append(...parts.map((x) => x.node));
  node.append(one);
}

function mistakeSection() {
  const m = report.mistakes;
  const node = section("mistakes", "Most confident mistakes");
  if (!m.total) return void node.append(el("p", {}, "There are none: every row is predicted right."));
  node.append(
    el(
      "p",
      {},
      `The ${m.listed.length === m.total ? count(m.total, "mistake") : `${m.listed.length} most confident of ${count(m.total, "mistake")}`}: rows where the model is sure and wrong. They are worth a look: a wrong label, a rare case, or something that no column tells. Reasons are the columns that pull hardest toward the prediction and away from the label, with what they add to the log odds beyond an average row.`,
    ),
  );
  const rows = m.listed.map((x) => [
    String(x.row),
    className(x.label),
    className(x.predicted),
    num(x.confidence, 3),
    num(x.truth, 3),
    el(
      "span",
      { className: "reasons" },
      x.because.map(([name, value, adds]) => `${cut(name, 32)} = ${num(value)} (+${num(adds, 2)})`).join("; "),
    ),
  ]);
  node.append(
    el(
      "div",
      { className: "scroll", tabIndex: 0, "@role": "region", "@aria-label": "Most confident mistakes" },
      plainTable(
        "Most confident mistakes",
        ["row", "label", "predicted", "p(predicted)", "p(label)", "reasons"],
        rows,
      ),
    ),
  );
}
