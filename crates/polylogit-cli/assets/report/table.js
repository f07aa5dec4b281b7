// Tables: a plain one, and one that sorts and draws only what is in sight.

const isNumber = (value) => typeof value === "number";

/** A table of texts and numbers as they are. */
function plainTable(caption, headers, rows) {
  const cell = (value, i) =>
    el(
      i === 0 ? "th" : "td",
      i === 0 ? { scope: "row" } : { className: isNumber(value) ? "number" : "" },
      value instanceof Node ? value : isNumber(value) || value == null ? num(value, 5) : value,
    );
  const numeric = headers.map((_, i) => i > 0 && rows.length > 0 && isNumber(rows[0][i]));
  return el(
    "table",
    { "@aria-label": caption },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        headers.map((h, i) => el("th", { scope: "col", className: numeric[i] ? "number" : "" }, h)),
      ),
    ),
    el(
      "tbody",
      {},
      rows.map((row) => el("tr", {}, row.map(cell))),
    ),
  );
}

const ROW = 28;
const HEAD = 33;
const grids = [];

/**
 * A table of `count` rows that may be very many, and of very many columns: `columns` are {name, width, value(i), text(v)};
 * the first stays in sight. Headings sort; `search` filters by the first column.
 */
function grid({ label, columns, count: rows, search, sort = null }) {
  const first = columns[0];
  const starts = [0];
  for (const c of columns.slice(1)) starts.push(starts.at(-1) + c.width);
  const total = starts.at(-1) + first.width;
  let order = [...Array(rows).keys()];
  let needle = "";
  let sorted = sort ?? { column: null, down: true };
  let shown = "";
  let printing = false;

  const head = el("div", { className: "row head", "@role": "row", "@aria-rowindex": 1 });
  const body = el("div", { className: "body", "@role": "rowgroup" });
  const box = el(
    "div",
    { className: "grid", tabIndex: 0, "@role": "table", "@aria-label": label, "@aria-colcount": columns.length },
    el("div", { "@role": "rowgroup", className: "headgroup" }, head),
    body,
  );
  box.querySelector(".headgroup").style.display = "contents";
  head.style.width = body.style.width = `${total}px`;
  head.style.minWidth = body.style.minWidth = "100%";

  const cell = (role, j, content, className = "") => {
    const c = columns[j];
    const node = el(
      "div",
      {
        className: `cell ${j ? "number" : "first"} ${className}`,
        "@role": j ? role : role === "cell" ? "rowheader" : role,
        "@aria-colindex": j + 1,
      },
      content,
    );
    node.style.width = `${c.width}px`;
    return node;
  };
  const spacer = (from) => {
    const node = el("div", { "@aria-hidden": "true" });
    node.style.cssText = `flex:none;width:${starts[from] ?? 0}px`;
    return node;
  };

  function reorder() {
    const wanted = needle.toLowerCase();
    order = [...Array(rows).keys()].filter((i) => !wanted || String(first.value(i)).toLowerCase().includes(wanted));
    if (sorted.column !== null) {
      const value = columns[sorted.column].value;
      const keys = Array.from({ length: rows }, (_, i) => value(i));
      const sign = sorted.down ? -1 : 1;
      // What has no value stands last either way.
      order.sort((a, b) => {
        const [x, y] = [keys[a], keys[b]];
        if (x == null || y == null) return (x == null) - (y == null) || a - b;
        return sign * (isNumber(x) ? x - y : x.localeCompare(y)) || a - b;
      });
    }
    box.setAttribute("aria-rowcount", order.length + 1);
    body.style.height = `${order.length * ROW}px`;
    shown = "";
    render();
  }

  function heading(j) {
    const is = sorted.column === j;
    const button = el(
      "button",
      { type: "button", title: columns[j].title ?? columns[j].name },
      columns[j].name + (is ? (sorted.down ? " ▼" : " ▲") : ""),
    );
    button.addEventListener("click", () => {
      sorted = { column: j, down: is ? !sorted.down : j > 0 };
      reorder();
    });
    const node = cell("columnheader", j, button);
    node.setAttribute("aria-sort", is ? (sorted.down ? "descending" : "ascending") : "none");
    return node;
  }

  function render() {
    const top = Math.max(0, Math.floor(box.scrollTop / ROW) - 4);
    const tall = printing ? 60 : Math.ceil((box.clientHeight || 480) / ROW) + 8;
    const rowEnd = Math.min(order.length, (printing ? 0 : top) + tall);
    const left = printing ? 0 : box.scrollLeft;
    const room = (box.clientWidth || 800) - first.width;
    let from = 1;
    while (from < columns.length - 1 && starts[from] < left) from++;
    let to = from;
    while (to < columns.length && starts[to - 1] < left + room) to++;
    const key = [top, rowEnd, from, to, sorted.column, sorted.down, needle, printing].join();
    if (key === shown) return;
    shown = key;
    const focused =
      head.contains(document.activeElement) && document.activeElement.parentElement.getAttribute("aria-colindex");
    const inSight = d3.range(Math.max(1, from - 1), to);
    head.replaceChildren(heading(0), spacer(inSight[0] - 1), ...inSight.map(heading));
    if (focused) head.querySelector(`[aria-colindex="${focused}"] button`)?.focus({ preventScroll: true });
    const lines = [];
    for (let at = printing ? 0 : top; at < rowEnd; at++) {
      const i = order[at];
      const cells = inSight.map((j) => {
        const value = columns[j].value(i);
        const node = cell("cell", j, (columns[j].text ?? num)(value));
        if (columns[j].bar && value != null) {
          node.classList.add("bar");
          node.style.setProperty("--part", `${100 * Math.min(1, Math.max(0, value / columns[j].bar()))}%`);
        }
        return node;
      });
      const name = cell("cell", 0, first.value(i));
      name.title = first.value(i);
      const line = el(
        "div",
        { className: "row", "@role": "row", "@aria-rowindex": at + 2 },
        name,
        spacer(inSight[0] - 1),
        cells,
      );
      line.style.top = `${at * ROW}px`;
      lines.push(line);
    }
    body.replaceChildren(...lines);
  }

  box.addEventListener("scroll", render, { passive: true });
  const own = {
    columns,
    render: () => {
      shown = "";
      render();
    },
    reorder,
    print(yes) {
      printing = yes;
      own.render();
    },
  };
  grids.push(own);
  box.style.width = `${total + 2}px`;
  box.style.height = `${Math.min(480, rows * ROW + HEAD + 2)}px`;
  const parts = [];
  if (search && rows > 12) {
    const input = el("input", { type: "search", placeholder: "Find …", "@aria-label": `${label}: find` });
    input.addEventListener("input", () => {
      needle = input.value;
      box.scrollTop = 0;
      reorder();
    });
    parts.push(el("div", { className: "controls" }, input));
  }
  own.node = el("div", {}, parts, box);
  reorder();
  return own;
}
