"use strict";

/* An array in the panel, as a map of colours, as a table, or as a histogram. */

const VIEWS = { map: "Heat map", table: "Table", histogram: "Histogram" };

/** The largest part of an array that stands inside a formula. */
const INLINE = { rows: 3, columns: 4 };

/**
 * An array with its name and shape.
 * @param {string} name
 * @param {?Value} value
 * @param {"map" | "table" | "histogram"} view
 * @param {string} [note]
 */
function arrayBlock(name, value, view, note = "") {
  const block = html("figure", { class: "array" });
  const caption = html("figcaption", {}, html("var", {}, oneLine(name, 40)), " ");
  if (value) caption.append(html("span", { class: "shape" }, shapeText(value.shape)));
  if (note) caption.append(html("span", { class: "note" }, note));
  block.append(caption, arrayBody(name, value, view));
  if (value?.summary && !value.shape.includes(0)) block.append(summaryLine(value));
  if (value?.changed) block.append(html("p", { class: "warning" }, "changed in place since"));
  return block;
}

function arrayBody(name, value, view) {
  if (value === null) return html("p", { class: "empty" }, "Nobody keeps this value any more.");
  if (countOf(value) === 0) return html("p", { class: "empty" }, "An array without elements.");
  if (countOf(value) === 1) {
    const [number] = value.numbers;
    return html("p", { class: "single", title: String(number) }, numberText(number));
  }
  if (view === "table" || (view === "map" && hasRoomForNumbers(value))) return tableOf(value);
  if (view === "histogram") return histogram(value);
  return mapOf(name, value);
}

/** A small map has room for its numbers, and is a table then. */
function hasRoomForNumbers(value) {
  return isWhole(value) && rowsOf(value).length <= 6 && rowsOf(value)[0].length <= 5;
}

function summaryLine({ summary }) {
  const { minimum: min, mean, maximum: max, deviation: std } = summary;
  const line = html("p", { class: "summary" });
  for (const [name, number] of Object.entries({ min, mean, max, std })) {
    line.append(html("span", {}, `${name} `, html("b", {}, numberText(number))));
  }
  if (summary.not_finite) line.append(html("span", { class: "warning" }, `${summary.not_finite} not finite`));
  return line;
}

/** A map that tells the number under the pointer. */
function mapOf(name, value) {
  const rows = rowsOf(value);
  const columns = rows[0].length;
  const cell = Math.max(6, Math.min(26, 320 / columns, 200 / rows.length));
  const [width, height] = [Math.min(320, cell * columns), cell * rows.length];
  const label = `heat map of ${oneLine(name, 40)}, ${shapeText(value.shape)}`;
  const picture = svg("svg", { class: "map", viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
  picture.setAttribute("aria-label", label);
  picture.append(heatMap(rows, { x: 0, y: 0, width, height }));
  const scale = numberText(scaleOf(rows));
  const usual = isWhole(value) ? `full colour: ${scale}` : `means of blocks, full colour: ${scale}`;
  const readout = html("p", { class: "readout" }, usual);
  picture.addEventListener("pointermove", (event) => {
    const { left, top, width: shown, height: tall } = picture.getBoundingClientRect();
    const i = Math.min(rows.length - 1, Math.max(0, Math.floor(((event.clientY - top) / tall) * rows.length)));
    const j = Math.min(columns - 1, Math.max(0, Math.floor(((event.clientX - left) / shown) * columns)));
    readout.textContent = `${placeText(value, i, j)} = ${numberText(rows[i][j])}`;
  });
  picture.addEventListener("pointerleave", () => (readout.textContent = usual));
  return html("div", { class: "mapped" }, picture, readout);
}

/** Where a cell stands in the array: [0, 3], or the block that it is the mean of. */
function placeText(value, i, j) {
  if (!isWhole(value)) return `mean of block ${i + 1}, ${j + 1}`;
  let rest = i * (value.shape.at(-1) ?? 1) + j;
  const place = [];
  for (const size of value.shape.toReversed()) {
    place.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return `[${place.join(", ")}]`;
}

function tableOf(value) {
  const rows = rowsOf(value);
  const scale = scaleOf(rows);
  const head = html("tr", {}, html("td"), ...rows[0].map((_, j) => html("th", { scope: "col" }, String(j))));
  const body = rows.map((row, i) => {
    const cells = row.map((number) => {
      const cell = html("td", { title: String(number) }, numberText(number));
      cell.style.background = shadeOf(number / 2, scale);
      return cell;
    });
    return html("tr", {}, html("th", { scope: "row" }, String(i)), ...cells);
  });
  const table = html("table", {}, html("thead", {}, head), html("tbody", {}, ...body));
  const box = html("div", { class: "table", tabindex: "0", role: "region", "aria-label": "numbers" }, table);
  const blocks = "too many numbers for a page: the means of blocks";
  if (!isWhole(value)) box.prepend(html("p", { class: "readout" }, blocks));
  return box;
}

/** A value in the place of a word: a number, in brackets where it may follow a sign, or a small matrix. */
function inlineValue(value, isFirst = false) {
  if (value === null) return null;
  if (countOf(value) === 1 && value.numbers.length === 1) {
    const [number] = value.numbers;
    const text = number < 0 && !isFirst ? `(${numberText(number)})` : numberText(number);
    return html("span", { class: "number", title: String(number) }, text);
  }
  if (countOf(value) === 0 || !isWhole(value)) return html("span", { class: "shape" }, shapeText(value.shape));
  const rows = rowsOf(value);
  const columns = Math.min(rows[0].length, INLINE.columns);
  const matrix = html("span", { class: "matrix", role: "img", "aria-label": valueText(value) });
  matrix.style.gridTemplateColumns = `repeat(${columns}, auto)`;
  const more = ["⋮", ...Array(columns - 1).fill("")];
  for (const row of shorten(rows, INLINE.rows)) {
    const texts = row && shorten(row, columns).map((number) => (number === null ? "⋯" : numberText(number)));
    matrix.append(...(texts ?? more).map((text) => html("span", {}, text)));
  }
  return matrix;
}

/** The first few of a list, and null for the rest. */
function shorten(list, limit) {
  return list.length <= limit ? list : [...list.slice(0, limit - 1), null];
}
