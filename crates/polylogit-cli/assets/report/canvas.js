// Heat maps of very many cells: one pixel a cell, stretched, with a reading for the mouse and the arrow keys.

/** The page's own colour as [r, g, b], whatever the theme. */
function resolved(variable) {
  const probe = el("span");
  probe.style.color = `var(${variable})`;
  document.body.append(probe);
  const rgb = getComputedStyle(probe)
    .color.match(/[\d.]+/g)
    .map(Number);
  probe.remove();
  return rgb;
}

/** `opacity(r, c)` in [−1, 1]: the sign chooses the colour. `describe(r, c)` reads a cell out. */
function heatCanvas({ rows, columns, opacity, describe, label, width }) {
  const canvas = el("canvas", {
    width: columns,
    height: rows,
    tabIndex: 0,
    "@role": "img",
    "@aria-label": `${label}. Arrow keys read single cells.`,
  });
  const tall = Math.round(Math.min(460, Math.max(120, rows * Math.min(16, Math.max(3, width / columns)))));
  canvas.style.height = `${tall}px`;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(columns, rows);
  const [positive, negative] = [resolved("--positive"), resolved("--negative")];
  for (let r = 0, at = 0; r < rows; r++)
    for (let c = 0; c < columns; c++, at += 4) {
      const v = opacity(r, c);
      pixels.data.set(v < 0 ? negative : positive, at);
      pixels.data[at + 3] = 255 * Math.min(1, Math.abs(v));
    }
  context.putImageData(pixels, 0, 0);
  const readout = el(
    "p",
    { className: "readout", "@aria-live": "polite" },
    "Point at a cell to read it, or use the arrow keys.",
  );
  const cursor = el("div", { className: "cursor" });
  let [row, column] = [0, 0];
  const read = () => {
    readout.textContent = describe(row, column);
    const box = canvas.getBoundingClientRect();
    cursor.style.cssText =
      `display:block;left:${(column / columns) * box.width - 1}px;top:${canvas.offsetTop + (row / rows) * box.height - 1}px;` +
      `width:${Math.max(6, box.width / columns + 3)}px;height:${Math.max(6, box.height / rows + 3)}px`;
  };
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    column = Math.min(columns - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * columns)));
    row = Math.min(rows - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * rows)));
    read();
  });
  canvas.addEventListener("pointerleave", () => (cursor.style.display = "none"));
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!move) return;
    event.preventDefault();
    row = Math.min(rows - 1, Math.max(0, row + move[0]));
    column = Math.min(columns - 1, Math.max(0, column + move[1]));
    read();
  });
  return [canvas, cursor, readout];
}
