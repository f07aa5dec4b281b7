// What every section uses: elements, numbers, figures. Texts from files become text nodes, never markup.
const report = JSON.parse(document.getElementById("report").textContent);

/** An element with properties, attributes (after "@") and children; strings become text. */
function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("@")) node.setAttribute(name.slice(1), value);
    else node[name] = value;
  }
  node.append(...children.flat().filter((c) => c != null));
  return node;
}

/** So many significant digits; very small and very large ones as powers of ten. */
function num(value, digits = 4) {
  if (value == null || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-4 || size >= 1e7)) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    const power = `10${[...exponent.replace("+", "")].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("")}`;
    const factor = String(Number(mantissa)).replace("-", "−");
    return factor === "1" ? power : `${factor}·${power}`;
  }
  const text = size >= 1e4 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(digits)));
  return text.replace("-", "−");
}
const count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : what.endsWith("s") ? "es" : "s"}`;
const percent = (share) => (share == null ? "–" : `${(100 * share).toFixed(share > 0.9995 && share < 1 ? 2 : 1)} %`);
const cut = (text, length = 28) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
const className = (k) => report.classes[k];
/** A colour for each of a few classes. */
const FEW = 8;
const classColor = (k) => `var(--c${k % FEW})`;

const sections = [];
const figures = [];

/** A section with its heading; gives the element to put things in. */
function section(id, title, ...intro) {
  const node = el("section", { id, "@aria-labelledby": `${id}-h` }, el("h2", { id: `${id}-h` }, title));
  node.append(...intro.map((text) => (typeof text === "string" ? el("p", {}, text) : text)));
  sections.push({ id, title, node });
  document.getElementById("main").append(node);
  return node;
}

/**
 * A figure: heading, a sentence, controls, the chart, its numbers as a table.
 * `draw(width)` gives nodes; `label()` says what a chart shows to those who do not see it;
 * `numbers()` gives [headers, rows].
 */
function figure({ id, title, text, controls = [], draw, label, numbers, legend }) {
  const chart = el("div", { className: "chart" });
  const node = el("figure", { id, "@aria-labelledby": `${id}-h` }, el("h3", { id: `${id}-h` }, title));
  const sentence = el("p", {});
  const body = el("div");
  node.append(sentence, body);
  if (controls.length) body.append(el("div", { className: "controls" }, controls));
  body.append(chart);
  const keys = el("ul", { className: "legend" });
  if (legend) body.append(keys);
  const own = {
    node,
    width: 0,
    redraw() {
      const width = Math.floor(chart.clientWidth);
      if (!width) return;
      own.width = width;
      sentence.textContent = typeof text === "function" ? text() : text;
      const drawn = [draw(width)].flat();
      for (const svg of drawn.flatMap((d) => [
        ...d.querySelectorAll("svg"),
        ...(d instanceof SVGElement ? [d] : []),
      ])) {
        svg.setAttribute("role", "img");
        svg.setAttribute("aria-label", label());
      }
      chart.replaceChildren(...drawn);
      if (legend)
        keys.replaceChildren(
          ...legend().map(([color, name]) => {
            const patch = el("span", { "@aria-hidden": "true" });
            patch.style.background = color;
            return el("li", {}, patch, name);
          }),
        );
      if (details?.open) details.fill();
    },
  };
  let details;
  if (numbers) {
    details = el("details", {}, el("summary", {}, "Numbers"));
    details.fill = () => {
      details.querySelector(".scroll")?.remove();
      const scroll = el("div", {
        className: "scroll",
        tabIndex: 0,
        "@role": "region",
        "@aria-label": `${title}: numbers`,
      });
      scroll.append(plainTable(title, ...numbers()));
      details.append(scroll);
    };
    details.addEventListener("toggle", () => details.open && details.fill());
    body.append(details);
  }
  figures.push(own);
  return own;
}

/** A chart in the page's type and colours. */
function chart(options) {
  return Plot.plot({
    style: {
      background: "transparent",
      color: "inherit",
      fontFamily: "inherit",
      fontSize: "12px",
      overflow: "visible",
    },
    marginTop: 24,
    marginBottom: 40,
    ...options,
  });
}

/** A labelled choice; `change(value)` when it was made. */
function choice(name, options, value, change) {
  const select = el(
    "select",
    {},
    options.map(([v, text]) => el("option", { value: v }, cut(text, 60))),
  );
  select.value = value;
  select.addEventListener("change", () => change(select.value));
  return el("label", {}, `${name} `, select);
}

const facts = (list) =>
  el(
    "dl",
    { className: "facts" },
    list.flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, v)]),
  );
const note = (text, kind = "") => el("p", { className: `note ${kind}` }, text);

/** The room that names need at the left, at most a share of the width. */
const nameRoom = (names, width) => Math.min(Math.max(...names.map((n) => cut(n).length), 3) * 6.8 + 14, width * 0.42);
const nameCut = (room) => (name) => cut(name, Math.max(4, Math.floor((room - 14) / 6.6)));
