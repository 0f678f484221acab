"use strict";

/* The first step of a layered layout: which column each vertex stands in.

   A layout works in two directions that know nothing of the screen: *along* the graph, the way values flow, and
   *across* it. Columns follow one another along; the vertices of one column stand side by side across. The four
   steps, ranks, order, places and paths, are those of Sugiyama, Tagawa and Toda (1981), as Gansner and others
   arranged them for Graphviz ("A technique for drawing directed graphs", 1993). */

/**
 * @typedef {object} Vertex  Something with a place: an item of the graph, a port in a frame, or a bend.
 * @property {string} key
 * @property {"item" | "entry" | "exit" | "bend"} kind
 * @property {number} along   its size in the direction of the flow
 * @property {number} across  its size in the other direction
 * @property {boolean} leaf   whether it only gives, as a parameter does: it then stands close to who takes it
 * @property {number} rank    its column
 * @property {number} place   the middle of it, across
 *
 * @typedef {object} Arc  A connection of two vertices in any columns.
 * @property {Vertex} from
 * @property {Vertex} to
 * @property {string} wire      arcs with one wire carry one value and share their bends
 * @property {string} edge      what it is a part of, for whoever draws it
 * @property {number} fromShift where it leaves, across, from the middle of `from`
 * @property {number} toShift   where it arrives, from the middle of `to`
 * @property {Link[]} links     its pieces, once `splitIntoLinks` has made them
 *
 * @typedef {object} Link  A piece of an arc, from one column to the next.
 * @property {Vertex} from
 * @property {Vertex} to
 * @property {number} fromShift
 * @property {number} toShift
 * @property {number} weight  how much it matters that this piece is straight
 */

/** More bends than this would cost more time than they give clarity; the longest arcs then go without. */
const MAX_BENDS = 30000;

/**
 * Give every vertex its column: one past the last of its sources, leaves just before their first taker.
 * @param {Vertex[]} vertices  in the order they were recorded, so that nearly every arc leads forward
 * @param {Arc[]} arcs
 * @returns {number} how many columns there are
 */
function assignRanks(vertices, arcs) {
  const incoming = groupBy(arcs, (arc) => arc.to);
  const outgoing = groupBy(arcs, (arc) => arc.from);
  const order = sortTopologically(vertices, incoming, outgoing);
  const position = new Map(order.map((vertex, i) => [vertex, i]));
  const leadsForward = (arc) => position.get(arc.from) < position.get(arc.to);

  for (const vertex of order) {
    const sources = (incoming.get(vertex) ?? []).filter(leadsForward);
    vertex.rank = Math.max(0, ...sources.map((arc) => arc.from.rank + 1));
  }
  for (const vertex of order.toReversed()) {
    const takers = (outgoing.get(vertex) ?? []).filter(leadsForward);
    const sources = (incoming.get(vertex) ?? []).filter((arc) => !arc.from.leaf);
    if (takers.length > 0 && (vertex.leaf || takers.length > sources.length)) {
      vertex.rank = Math.min(...takers.map((arc) => arc.to.rank)) - 1;
    }
  }
  return pinPorts(vertices);
}

/**
 * Kahn's order. Where arcs form a circle, which calls of modules can do, the earliest vertex goes first.
 * @returns {Vertex[]}
 */
function sortTopologically(vertices, incoming, outgoing) {
  const missing = new Map(vertices.map((vertex) => [vertex, incoming.get(vertex)?.length ?? 0]));
  const ready = vertices.filter((vertex) => missing.get(vertex) === 0);
  const order = [];
  let earliest = 0;
  while (missing.size > 0) {
    while (ready.length === 0) {
      if (missing.has(vertices[earliest])) ready.push(vertices[earliest]);
      earliest += 1;
    }
    const vertex = ready.pop();
    if (!missing.delete(vertex)) continue;
    order.push(vertex);
    for (const { to } of outgoing.get(vertex) ?? []) {
      if (!missing.has(to)) continue;
      missing.set(to, missing.get(to) - 1);
      if (missing.get(to) === 0) ready.push(to);
    }
  }
  return order;
}

/** Move the ports of a frame to columns of their own before and after everything else. */
function pinPorts(vertices) {
  const inside = vertices.filter((vertex) => vertex.kind === "item").map((vertex) => vertex.rank);
  const first = inside.reduce((least, rank) => Math.min(least, rank), Infinity);
  const last = inside.reduce((most, rank) => Math.max(most, rank), first);
  for (const vertex of vertices) {
    if (vertex.kind === "item") vertex.rank += 1 - first;
    else vertex.rank = vertex.kind === "entry" ? 0 : last - first + 2;
  }
  return last - first + 3;
}

/**
 * Cut every arc into links between neighbouring columns, with a bend in each column that it passes.
 * @param {Arc[]} arcs
 * @returns {{bends: Vertex[], links: Link[]}}
 */
function splitIntoLinks(arcs) {
  const span = (arc) => arc.to.rank - arc.from.rank;
  const bends = new Map();
  const links = new Map();
  for (const arc of arcs.toSorted((a, b) => span(a) - span(b))) {
    arc.links = [];
    let [from, fromShift] = [arc.from, arc.fromShift];
    const isRouted = span(arc) > 0 && bends.size + span(arc) < MAX_BENDS;
    for (let rank = arc.from.rank + 1; isRouted && rank < arc.to.rank; rank += 1) {
      const key = `${arc.wire} ${rank}`;
      if (!bends.has(key)) bends.set(key, { key, kind: "bend", along: 0, across: 6, leaf: false, rank, place: 0 });
      const bend = bends.get(key);
      const name = `${key} ${from.key}`;
      if (!links.has(name)) links.set(name, { from, to: bend, fromShift, toShift: 0, weight: weigh(from, bend) });
      arc.links.push(links.get(name));
      [from, fromShift] = [bend, 0];
    }
    const last = { from, to: arc.to, fromShift, toShift: arc.toShift, weight: weigh(from, arc.to) };
    if (isRouted) links.set(`${arc.edge} ${arc.to.key}`, last);
    arc.links.push(last);
  }
  return { bends: [...bends.values()], links: [...links.values()] };
}

/** Long lines are to be straight, then the chain of operations, and only then the way from a leaf. */
function weigh(from, to) {
  if (from.kind === "bend" && to.kind === "bend") return 8;
  return from.leaf ? 1 : 4;
}

/** @returns {Map} the things by what `keyOf` gives for them, each list in the order of `things` */
function groupBy(things, keyOf) {
  const groups = new Map();
  for (const thing of things) {
    const key = keyOf(thing);
    if (groups.has(key)) groups.get(key).push(thing);
    else groups.set(key, [thing]);
  }
  return groups;
}
