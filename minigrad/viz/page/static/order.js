"use strict";

/* The second step of a layered layout: in which order the vertices of a column stand, so that few lines cross. */

/** How often the columns are gone through; the best order seen is kept. */
const SWEEPS = 12;

/**
 * Order the vertices of each column by the mean position of their neighbours, forwards and backwards in turn.
 * @param {Vertex[][]} columns  changed in place
 * @param {Link[]} links
 */
function orderColumns(columns, links) {
  const before = groupBy(links, (link) => link.to);
  const after = groupBy(links, (link) => link.from);
  const position = new Map();
  const number = (column) => column.forEach((vertex, i) => position.set(vertex, i));
  columns.forEach(number);

  const meanOf = (vertex, found, end, shift) => {
    if (found === undefined) return position.get(vertex);
    const sum = found.reduce((total, link) => {
      const size = link[end].across || 1;
      return total + position.get(link[end]) + Math.max(-0.5, Math.min(0.5, link[shift] / size));
    }, 0);
    return sum / found.length;
  };
  const sortColumn = (column, forwards) => {
    const wish = new Map();
    for (const vertex of column) {
      const mean = forwards
        ? meanOf(vertex, before.get(vertex), "from", "fromShift")
        : meanOf(vertex, after.get(vertex), "to", "toShift");
      wish.set(vertex, mean);
    }
    column.sort((a, b) => wish.get(a) - wish.get(b) || position.get(a) - position.get(b));
    number(column);
  };

  let best = columns.map((column) => [...column]);
  let fewest = countCrossings(columns, after, position);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
    const forwards = sweep % 2 === 1;
    for (const column of forwards ? columns : columns.toReversed()) sortColumn(column, forwards);
    const crossings = countCrossings(columns, after, position);
    if (crossings < fewest) {
      fewest = crossings;
      best = columns.map((column) => [...column]);
    }
  }
  best.forEach((column, i) => (columns[i] = column));
}

/** How many pairs of links cross: the inversions between neighbouring columns, counted by a Fenwick tree. */
function countCrossings(columns, after, position) {
  let crossings = 0;
  for (const [i, column] of columns.slice(0, -1).entries()) {
    const size = columns[i + 1].length;
    const tree = new Int32Array(size + 1);
    let entered = 0;
    for (const vertex of column) {
      const ends = (after.get(vertex) ?? []).map((link) => position.get(link.to));
      for (const end of ends) {
        let notAbove = 0;
        for (let node = end + 1; node > 0; node -= node & -node) notAbove += tree[node];
        crossings += entered - notAbove;
      }
      for (const end of ends) {
        for (let node = end + 1; node <= size; node += node & -node) tree[node] += 1;
        entered += 1;
      }
    }
  }
  return crossings;
}
