"use strict";

/* Arrays as colours: blue below zero, orange above, the ground's own colour at zero, which keeps its meaning with
   every kind of colour vision. A map of a thousand cells is a few paths, one for each of seventeen shades. */

const SHADES = 8; // on either side of zero

/** @returns {number} the largest size of a finite number in the rows; 0 if there is none */
function scaleOf(rows) {
  return rows.flat().filter(Number.isFinite).reduce((largest, number) => Math.max(largest, Math.abs(number)), 0);
}

/** @returns {string} the shade of a number as a CSS colour that follows the theme */
function shadeOf(number, scale) {
  if (Number.isNaN(number)) return "var(--heat-none)";
  const share = scale === 0 ? 0 : Math.max(-1, Math.min(1, number / scale));
  return shadeColour(Math.round(share * SHADES));
}

function shadeColour(shade) {
  const side = shade < 0 ? "var(--heat-negative)" : "var(--heat-positive)";
  return `color-mix(in oklab, ${side} ${(Math.abs(shade) / SHADES) * 100}%, var(--heat-zero))`;
}

/**
 * Rows of numbers as a map of colours.
 * @param {number[][]} rows
 * @param {{x: number, y: number, width: number, height: number}} area
 * @returns {SVGGElement}
 */
function heatMap(rows, { x, y, width, height }) {
  const scale = scaleOf(rows);
  const paths = new Map();
  const [cellWidth, cellHeight] = [width / Math.max(1, rows[0]?.length ?? 0), height / Math.max(1, rows.length)];
  const gap = Math.min(cellWidth, cellHeight) > 4 ? 0.5 : 0;
  const sides = [cellWidth - gap, cellHeight - gap, gap - cellWidth];
  const [right, down, left] = sides.map((side) => side.toFixed(2));
  rows.forEach((row, i) => {
    row.forEach((number, j) => {
      const colour = shadeOf(number, scale);
      const corner = `M${(x + j * cellWidth).toFixed(2)} ${(y + i * cellHeight).toFixed(2)}`;
      paths.set(colour, `${paths.get(colour) ?? ""}${corner}h${right}v${down}h${left}z`);
    });
  });
  const map = svg("g", { class: "heat" });
  for (const [colour, d] of paths) {
    const path = svg("path", { d });
    path.style.fill = colour;
    map.append(path);
  }
  return map;
}

/** How the numbers are spread, as bars; those below zero and above have the colours of the map. */
function histogram(value) {
  const { minimum, maximum, histogram: counts } = value.summary;
  const [width, height, most] = [320, 96, Math.max(1, ...value.summary.histogram)];
  const step = width / counts.length;
  const picture = svg("svg", { class: "histogram", viewBox: `0 0 ${width} ${height + 16}`, role: "img" });
  picture.append(svg("title", {}, `histogram from ${numberText(minimum)} to ${numberText(maximum)}`));
  counts.forEach((count, i) => {
    const middle = minimum + ((maximum - minimum) * (i + 0.5)) / counts.length;
    const size = (count / most) * (height - 4);
    const bar = svg("rect", { x: i * step + 1, y: height - size, width: step - 2, height: size, rx: 1.5 });
    bar.style.fill = middle < 0 ? "var(--heat-negative)" : "var(--heat-positive)";
    bar.append(svg("title", {}, `${count} near ${numberText(middle)}`));
    picture.append(bar);
  });
  picture.append(svg("path", { class: "axis", d: `M0 ${height + 0.5}H${width}` }));
  picture.append(svg("text", { x: 0, y: height + 13 }, numberText(minimum)));
  picture.append(svg("text", { x: width, y: height + 13, "text-anchor": "end" }, numberText(maximum)));
  return picture;
}
