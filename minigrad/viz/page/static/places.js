"use strict";

/* The third step of a layered layout: where across its column each vertex stands.

   Every vertex wants to be level with its neighbours. What is nearest to all these wishes, with the order kept
   and nothing overlapping, is an isotonic regression, which pooling finds in linear time (Ayer and others, "An
   empirical distribution function for sampling with incomplete information", 1955). */

/** The room between two vertices of a column. */
const GAP = { item: 22, bend: 10 };

/** How often the columns are gone through in each direction. */
const ROUNDS = 6;

/**
 * Give every vertex its `place`.
 * @param {Vertex[][]} columns
 * @param {Link[]} links
 */
function placeColumns(columns, links) {
  const before = groupBy(links, (link) => link.to);
  const after = groupBy(links, (link) => link.from);
  const fromBefore = (vertex) => (before.get(vertex) ?? []).map(levelWithSource);
  const fromAfter = (vertex) => (after.get(vertex) ?? []).map(levelWithTarget);
  const fromBoth = (vertex) => [...fromBefore(vertex), ...fromAfter(vertex)];

  for (const column of columns) settle(column, column.map(() => ({ place: 0, weight: 1 })));
  for (let round = 0; round < ROUNDS; round += 1) {
    const isLast = round >= ROUNDS / 2;
    const go = (order, wishes) => {
      for (const column of order) settle(column, column.map((vertex) => wishOf(vertex, wishes(vertex))));
    };
    go(columns, isLast ? fromBoth : fromBefore);
    go(columns.toReversed(), isLast ? fromBoth : fromAfter);
  }
}

const levelWithSource = ({ from, fromShift, toShift, weight }) => {
  return { place: from.place + fromShift - toShift, weight };
};

const levelWithTarget = ({ to, fromShift, toShift, weight }) => {
  return { place: to.place + toShift - fromShift, weight };
};

/** Where a vertex would stand by itself: the weighted mean of its neighbours' wishes, or where it is. */
function wishOf(vertex, wishes) {
  const weight = wishes.reduce((sum, wish) => sum + wish.weight, 0);
  if (weight === 0) return { place: vertex.place, weight: 0.01 };
  return { place: wishes.reduce((sum, wish) => sum + wish.weight * wish.place, 0) / weight, weight };
}

/** The distance that the middles of two vertices, one after the other in a column, must have. */
function distance(first, second) {
  const gap = first.kind === "bend" || second.kind === "bend" ? GAP.bend : GAP.item;
  return (first.across + second.across) / 2 + gap;
}

/** Put a column's vertices as close to their wishes as the order and the distances allow. */
function settle(column, wishes) {
  const offsets = [0];
  for (let i = 1; i < column.length; i += 1) offsets.push(offsets[i - 1] + distance(column[i - 1], column[i]));

  /** @type {{mean: number, weight: number, count: number}[]} vertices that touch, pooled */
  const pools = [];
  wishes.forEach((wish, i) => {
    let pool = { mean: wish.place - offsets[i], weight: wish.weight, count: 1 };
    while (pools.length > 0 && pools.at(-1).mean >= pool.mean) {
      const other = pools.pop();
      const weight = other.weight + pool.weight;
      const mean = (other.mean * other.weight + pool.mean * pool.weight) / weight;
      pool = { mean, weight, count: other.count + pool.count };
    }
    pools.push(pool);
  });
  let i = 0;
  for (const pool of pools) {
    for (let n = 0; n < pool.count; n += 1, i += 1) column[i].place = pool.mean + offsets[i];
  }
}
