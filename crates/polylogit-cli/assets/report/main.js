// The page from top to bottom; then what keeps it in shape: width, theme, print.

function header() {
  const a = report.about;
  document.title = `${a.target}: polylogit report`;
  const themes = ["automatic", "light", "dark"];
  const button = el("button", { type: "button" }, "Theme: automatic");
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(document.documentElement.dataset.theme ?? "automatic") + 1) % themes.length];
    if (next === "automatic") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    button.textContent = `Theme: ${next}`;
    redraw();
  });
  document
    .getElementById("header")
    .append(
      el(
        "div",
        {},
        el("p", { className: "kind" }, "Softmax regression report"),
        el("h1", {}, a.target),
        el(
          "p",
          { className: "source" },
          `${a.model} on ${a.data}: ${count(report.classes.length, "class")}, ${count(report.coefficients.total, "design column")}, ${count(report.predictions.rows, "row")}`,
        ),
      ),
      button,
    );
  document
    .getElementById("footer")
    .append(
      el(
        "p",
        {},
        `Written by polylogit ${a.version}. The page holds all of its data and loads nothing. Charts: Observable Plot and D3.`,
      ),
    );
}

function overviewSection() {
  const { predictions: p, solved: s, sheet } = report;
  const total = d3.sum(sheet.balance);
  const constant = -d3.sum(sheet.balance, (w) => (w ? (w / total) * Math.log(w / total) : 0));
  const usual = d3.max(sheet.balance) / total;
  const aucs = p.classes.map((c) => c.auc).filter((v) => v != null);
  const card = (name, value, about) =>
    el(
      "div",
      { className: "card" },
      el("dt", {}, name),
      el("dd", {}, el("div", { className: "value" }, value), el("div", { className: "about" }, about)),
    );
  section(
    "overview",
    "Summary",
    el(
      "dl",
      { className: "cards" },
      card("Accuracy", percent(p.accuracy), `the most frequent class alone: ${percent(usual)}`),
      card("Log loss", num(p.log_loss), `nats; constant shares: ${num(constant)}`),
      card(
        "Calibration error",
        num(p.calibration_error, 2),
        `by chance alone: ${num(p.calibration_error_by_chance, 2)}`,
      ),
      aucs.length ? card("Mean AUC", num(d3.mean(aucs)), `least of a class: ${num(d3.min(aucs))}`) : null,
      s.gap == null
        ? card("Certificate", "none", "no bound on the distance to the optimum")
        : card(
            "Distance to the optimum",
            `≤ ${num(s.gap, 2)}`,
            `${s.certificate}; relative ${num(s.relative_gap, 2)}`,
          ),
      card("Objective", num(s.objective), "F in nats; less is better"),
    ),
    el(
      "p",
      {},
      `The model predicts ${report.about.target} right for ${percent(p.accuracy)} of ${count(p.rows, "row")}${report.about.training ? ", the rows it learned from" : ""}. ` +
        (s.gap == null
          ? ""
          : s.certificate === "proven"
            ? `No coefficients whatsoever would have an objective lower by more than ${num(s.gap, 2)}.`
            : `Its objective is estimated to lie ${num(s.gap, 2)} above the least.`),
    ),
  );
}

function navigation() {
  const list = el(
    "ol",
    {},
    sections.map(({ id, title }) => el("li", {}, el("a", { href: `#${id}` }, title))),
  );
  document.getElementById("nav").append(list);
  const links = [...list.querySelectorAll("a")];
  const mark = () => {
    const at = sections.findLastIndex(({ node }) => node.getBoundingClientRect().top < innerHeight * 0.35);
    links.forEach((a, i) =>
      i === Math.max(0, at) ? a.setAttribute("aria-current", "true") : a.removeAttribute("aria-current"),
    );
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
}

function redraw() {
  figures.forEach((f) => f.redraw());
  grids.forEach((g) => g.render());
}

header();
overviewSection();
solvedSection();
sheetSection();
coefficientSection();
validationSection();
predictionSection();
mistakeSection();
navigation();
redraw();

let before = document.getElementById("main").clientWidth;
new ResizeObserver(() => {
  const now = document.getElementById("main").clientWidth;
  if (now === before) return;
  before = now;
  requestAnimationFrame(redraw);
}).observe(document.getElementById("main"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

// On paper it is light, and tables stand open with their first rows.
let theme;
addEventListener("beforeprint", () => {
  theme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  figures.forEach((f) => f.redraw());
  grids.forEach((g) => g.print(true));
});
addEventListener("afterprint", () => {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  figures.forEach((f) => f.redraw());
  grids.forEach((g) => g.print(false));
});
document.documentElement.dataset.ready = "true";
