"use strict";

/* The document that the page was made with, as objects that know one another. The fields of "graph" are those of
   docs/graph-json.md; "backward", "values" and "code" are what only a page needs. Nothing here draws. */

/**
 * @typedef {object} Value   What an array held: every number if they are few, and a summary of many.
 * @property {number[]} shape
 * @property {number[]} numbers
 * @property {?{minimum: number, mean: number, maximum: number, deviation: number, not_finite: number,
 *              histogram: number[], cells: number[][]}} summary
 * @property {boolean} changed  in place, after it had been kept
 *
 * @typedef {object} Gift    A gradient on its way to a node: `part` comes along `edge`, and makes `total` there.
 * @property {?Edge} edge    null for the gradient that the walk begins with
 * @property {Node} node
 * @property {Value} part
 * @property {Value} total
 * @property {number} time   the moment when it arrives
 *
 * @typedef {object} Module  A call of a module; `parent` is the id of the one around it, or null.
 * @property {number} id
 * @property {string} name
 * @property {string} type
 * @property {?number} parent
 * @property {Node[]} operations  in it, and in the modules in it, in the order they ran
 */

/** A value of the graph, with the operation that computed it. */
class Node {
  constructor(fields) {
    const usual = { value: null, name: "", title: "", type: "", formula: "", words: [], settings: [], kept: [] };
    Object.assign(this, usual, { note: "", mark: "", bytes: 0, flops: 0, seconds: null, line: null }, fields);
    this.module = fields.cluster ?? null;
    this.value = readValue(this.value);
    this.gradient = readValue(this.gradient); // as a tensor carries it; on a page with a walk, the gifts have it
    this.isLeaf = ["parameter", "input", "kept"].includes(this.kind);
    /** @type {Edge[]} */ this.inputs = [];
    /** @type {Edge[]} */ this.outputs = [];
    /** @type {Gift[]} */ this.gifts = [];
    this.time = 0; // when the forward pass computes it
    this.walked = Infinity; // when its backward rule runs
  }

  /** What the node is called: by the caller, in the model, or by its operation. */
  get label() {
    const isNamed = this.isLeaf || this.words.some(([word]) => word === this.output);
    return this.name || (isNamed ? this.symbol : this.title);
  }

  /** The name that the formula has for the result. */
  get output() {
    return this.formula.split(/\s*[+]?=/)[0].trim();
  }

  /** @returns {?Value} the sum of the gradients that have arrived by then */
  gradientAt(time) {
    const arrived = this.gifts.findLast((gift) => gift.time <= time)?.total ?? null;
    return arrived ?? (this.gifts.length === 0 && this.time <= time ? this.gradient : null);
  }
}

/** A value on its way from one node to another, which takes it as `input`. */
class Edge {
  constructor(id, fields, source, target) {
    Object.assign(this, { derivative: "", is_detached: false }, fields, { id, source, target });
    this.slope = readValue(fields.slope);
    /** @type {?Gift} the gradient that comes back along it */
    this.gift = null;
  }
}

/** The whole document: nodes, edges, modules, and what happens at each moment. */
class Model {
  constructor(document) {
    const { graph } = document;
    this.title = graph.title;
    this.notes = graph.notes ?? [];
    this.isDownwards = document.direction === "TB";
    this.code = document.code;
    this.nodes = graph.nodes.map((fields) => new Node(fields));
    this.edges = graph.edges.map(
      (fields, id) => new Edge(id, fields, this.nodes[fields.source], this.nodes[fields.target]),
    );
    for (const edge of this.edges) {
      edge.source.outputs.push(edge);
      edge.target.inputs.push(edge);
    }
    /** @type {Module[]} */
    this.modules = graph.clusters.map((fields) => ({ type: "", ...fields, operations: [] }));
    this.operations = this.nodes.filter((node) => !node.isLeaf);
    this.operations.forEach((node, i) => (node.time = i + 1));
    for (const node of this.operations) {
      for (let id = node.module; id !== null; id = this.modules[id].parent) this.modules[id].operations.push(node);
    }
    this.result = this.nodes.findLast((node) => node.is_result) ?? this.operations.at(-1);
    this.readBackward(document);
  }

  /** Enter the steps of the walk back: each is the node whose rule runs, and what it gives. */
  readBackward({ backward, values }) {
    const read = values.map(readValue);
    this.walk = (backward ?? []).map(({ node, gives }, i) => {
      const time = this.operations.length + 1 + i;
      const gifts = gives.map(([edge, to, part, total]) => ({
        edge: edge === null ? null : this.edges[edge],
        node: this.nodes[to],
        part: read[part],
        total: read[total],
        time,
      }));
      for (const gift of gifts) {
        gift.node.gifts.push(gift);
        if (gift.edge) gift.edge.gift = gift;
      }
      if (i > 0) this.nodes[node].walked = time;
      return { node: this.nodes[node], gifts };
    });
  }

  /** What the result is called where one says what is derived: by the caller, or L. */
  get resultName() {
    const { output, symbol } = this.result;
    return symbol.replace(/[₀-₉]+$/u, "") === output ? "L" : oneLine(symbol, 16);
  }

  /** The last moment; 0 is before anything has run. */
  get end() {
    return this.operations.length + this.walk.length;
  }
}

/** A value with its numbers as numbers: JSON has no word for NaN and infinity. */
function readValue(value) {
  if (!value) return null;
  const numbers = (list) => list.map(Number);
  const summary = value.summary && {
    ...value.summary,
    minimum: Number(value.summary.minimum),
    mean: Number(value.summary.mean),
    maximum: Number(value.summary.maximum),
    deviation: Number(value.summary.deviation),
    cells: value.summary.cells.map(numbers),
  };
  return { changed: false, ...value, numbers: numbers(value.numbers), summary };
}

/** @returns {number} how many numbers the array has */
const countOf = (value) => value.shape.reduce((product, size) => product * size, 1);

/** @returns {boolean} whether every number is there */
const isWhole = (value) => value.numbers.length > 0 || value.shape.includes(0);

/** @returns {number[][]} the numbers as rows, or the means of blocks of them where they are too many */
function rowsOf(value) {
  if (!isWhole(value)) return value.summary.cells;
  const width = value.shape.at(-1) ?? 1;
  const rows = [];
  for (let i = 0; i < value.numbers.length; i += width) rows.push(value.numbers.slice(i, i + width));
  return rows;
}
