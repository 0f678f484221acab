"use strict";

/* Where everything stands. Every open module is laid out by itself, innermost first, and is then one large vertex
   in the layout around it. A value that goes in or out passes a port on its frame, so modules never overlap what
   is not theirs, and to fold or unfold one needs no cleverness. */

/**
 * @typedef {object} Box     A rectangle on the plane, the key of what stands there, and whether it is a frame.
 * @property {string} key    "n7" for node 7, "m2" for module 2
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} Route   A line from one visible item to another.
 * @property {string} key
 * @property {string} from   key of the item where it starts
 * @property {string} to
 * @property {Edge[]} edges  the edges it stands for: several where a folded module takes one value more than once
 * @property {[number, number, number][]} stations  straight pieces: from along, to along, across
 *
 * @typedef {object} Layout
 * @property {Map<string, Box>} boxes   of every visible node and module
 * @property {Route[]} routes
 * @property {boolean} isDownwards      whether values flow from top to bottom
 * @property {number} width
 * @property {number} height
 */

/** The room between two columns, and between a frame's ports and what is inside. */
const COLUMN_GAP = 46;
const PORT_GAP = 18;

/** The room between a frame and its contents, and the height of its heading. */
const FRAME_PADDING = 14;
const HEADING_HEIGHT = 28;

/** The distance of two lines that arrive at one box. */
const ARRIVAL_GAP = 13;

/**
 * Lay out what is visible of a graph.
 * @param {Model} model
 * @param {Set<number>} folded  ids of modules
 * @param {(key: string) => {width: number, height: number}} sizeOf  of a card, or of a frame's heading
 * @param {boolean} isDownwards
 * @returns {Layout}
 */
function layOut(model, folded, sizeOf, isDownwards) {
  const visible = new Visibility(model, folded);
  const levels = new Map(visible.levels().map(([key, items]) => [key, { items, arcs: new Map() }]));
  const routes = visible.routes();
  for (const route of routes) route.pieces = enterArcs(route, visible, levels);

  const turn = ({ width, height }) => (isDownwards ? [height, width] : [width, height]);
  const finished = new Map();
  for (const [key, level] of [...levels].reverse()) {
    const room = roomIn(key, isDownwards, sizeOf);
    finished.set(key, layOutLevel(level, visible, finished, (item) => turn(sizeOf(item)), room));
  }

  const boxes = new Map();
  const corners = new Map([[ROOT, [0, 0]]]);
  for (const key of levels.keys()) {
    const [along, across] = corners.get(key);
    for (const item of finished.get(key).items) {
      const [u, v] = [along + item.start, across + item.place - item.across / 2];
      const [x, y] = isDownwards ? [v, u] : [u, v];
      const [width, height] = isDownwards ? [item.across, item.along] : [item.along, item.across];
      boxes.set(item.key, { key: item.key, x, y, width, height });
      corners.set(item.key, [u, v]);
    }
  }
  for (const route of routes) {
    route.stations = route.pieces.flatMap(([level, arc]) => {
      const [along, across] = corners.get(level);
      return stationsOf(arc).map(([start, end, v]) => [start + along, end + along, v + across]);
    });
    delete route.pieces;
  }
  const { along, across } = finished.get(ROOT);
  const [width, height] = isDownwards ? [across, along] : [along, across];
  return { boxes, routes, isDownwards, width, height };
}

/** The level that is in no module. */
const ROOT = "root";

/** What can be seen with some modules folded, and in which open modules it stands. */
class Visibility {
  constructor(model, folded) {
    this.model = model;
    this.folded = folded;
    this.paths = model.modules.map((module) => [...this.modulesAround(module.parent), module.id]);
    this.keys = model.nodes.map((node) => {
      const outermost = this.modulesAround(node.module).find((id) => folded.has(id));
      return outermost === undefined ? `n${node.id}` : `m${outermost}`;
    });
  }

  /** @returns {number[]} a module and those around it, the outermost first */
  modulesAround(id) {
    return id === null ? [] : (this.paths?.[id] ?? [...this.modulesAround(this.model.modules[id].parent), id]);
  }

  /** @returns {string[]} keys of the open modules around an item, the outermost first */
  framesAround(key) {
    const { nodes, modules } = this.model;
    const around = key[0] === "n" ? nodes[Number(key.slice(1))].module : modules[Number(key.slice(1))].parent;
    return this.modulesAround(around).map((id) => `m${id}`);
  }

  isLeaf(key) {
    return key[0] === "n" && this.model.nodes[Number(key.slice(1))].kind !== "operation";
  }

  /** @returns {[string, string[]][]} each open module, outer ones first, with the keys of what stands in it */
  levels() {
    const open = this.model.modules.filter((module) => !this.paths[module.id].some((id) => this.folded.has(id)));
    const levels = new Map([ROOT, ...open.map((module) => `m${module.id}`)].map((key) => [key, []]));
    const enter = (key) => levels.get(this.framesAround(key).at(-1) ?? ROOT).push(key);
    const entered = new Set();
    for (const node of this.model.nodes) {
      for (const key of [...this.framesAround(this.keys[node.id]), this.keys[node.id]]) {
        if (!entered.has(key)) enter(key);
        entered.add(key);
      }
    }
    return [...levels].filter(([key, items]) => key === ROOT || items.length > 0);
  }

  /** @returns {Route[]} one for each edge between visible items; into a folded module, one for each value */
  routes() {
    const found = new Map();
    for (const edge of this.model.edges) {
      const [from, to] = [this.keys[edge.source.id], this.keys[edge.target.id]];
      if (from === to) continue;
      const key = to[0] === "n" ? `e${edge.id}` : `${from} ${to}`;
      if (found.has(key)) found.get(key).edges.push(edge);
      else found.set(key, { key, from, to, edges: [edge] });
    }
    return [...found.values()];
  }
}

/**
 * Enter the pieces of a route as arcs of the levels that it passes.
 * @returns {[string, Arc][]} for each piece its level and its arc, from the start to the end
 */
function enterArcs(route, visible, levels) {
  const [fromPath, toPath] = [route.from, route.to].map((key) => [ROOT, ...visible.framesAround(key), key]);
  let shared = 0;
  while (fromPath[shared + 1] === toPath[shared + 1]) shared += 1;
  const pieces = [];
  const enter = (level, from, to) => {
    const key = `${from} ${to} ${route.from} ${to === route.to ? route.key : ""}`;
    const { arcs } = levels.get(level);
    if (!arcs.has(key)) arcs.set(key, { from, to, wire: route.from, edge: key, fromShift: 0, toShift: 0 });
    pieces.push([level, arcs.get(key)]);
  };
  for (let i = fromPath.length - 2; i > shared; i -= 1) enter(fromPath[i], fromPath[i + 1], `exit ${route.from}`);
  enter(fromPath[shared], fromPath[shared + 1], toPath[shared + 1]);
  for (let i = shared + 1; i < toPath.length - 1; i += 1) enter(toPath[i], `entry ${route.from}`, toPath[i + 1]);
  return pieces;
}

/** The room that a frame needs at each side, and what it needs at least: its heading stands above its contents. */
function roomIn(key, isDownwards, sizeOf) {
  if (key === ROOT) return { before: 0, low: 0, high: 0, along: 0, across: 0 };
  const { width } = sizeOf(key);
  return isDownwards
    ? { before: HEADING_HEIGHT, low: FRAME_PADDING, high: FRAME_PADDING, along: 0, across: width }
    : { before: 0, low: HEADING_HEIGHT + 4, high: FRAME_PADDING, along: width, across: 0 };
}

/**
 * @typedef {object} FinishedLevel  Coordinates are those of its frame, whose corner is 0, 0.
 * @property {number} along
 * @property {number} across
 * @property {Vertex[]} items
 * @property {Map<string, number>} ports  where they are, across, from the middle of the frame
 */

/**
 * Lay out one level, whose open modules are finished.
 * @returns {FinishedLevel}
 */
function layOutLevel(level, visible, finished, sizeOf, room) {
  const vertices = new Map();
  const enter = (key, kind, [along, across]) => {
    vertices.set(key, { key, kind, along, across, leaf: visible.isLeaf(key), rank: 0, place: 0 });
  };
  for (const key of level.items) {
    const inner = finished.get(key);
    enter(key, "item", inner ? [inner.along, inner.across] : sizeOf(key));
  }
  const arcs = [...level.arcs.values()];
  for (const arc of arcs) {
    for (const end of ["from", "to"]) {
      const key = arc[end];
      if (!vertices.has(key)) enter(key, key.split(" ")[0], [0, 6]);
      arc[end] = vertices.get(key);
    }
    arc.fromShift = finished.get(arc.from.key)?.ports.get(`exit ${arc.wire}`) ?? 0;
    arc.toShift = finished.get(arc.to.key)?.ports.get(`entry ${arc.wire}`) ?? 0;
  }

  const columns = Array.from({ length: assignRanks([...vertices.values()], arcs) }, () => []);
  const { bends, links } = splitIntoLinks(arcs);
  for (const vertex of inFirstOrder([...vertices.values(), ...bends], arcs)) columns[vertex.rank].push(vertex);
  orderColumns(columns, links);
  spreadArrivals(columns, arcs, finished);
  placeColumns(columns, links);
  return measureLevel(columns, room);
}

/**
 * The order to begin with: of the leaves that one operation takes, such as a weight and a bias, every other one
 * stands on the far side of the chain, so that the chain runs straight between them.
 */
function inFirstOrder(vertices, arcs) {
  const taker = new Map(arcs.map((arc) => [arc.from, arc.to]));
  const leaves = groupBy(vertices.filter((vertex) => vertex.leaf), (vertex) => taker.get(vertex));
  const far = new Set([...leaves.values()].flatMap((found) => found.filter((_, i) => i % 2 === 1)));
  const side = (vertex) => (far.has(vertex) ? 1 : vertex.leaf ? -1 : 0);
  return vertices.toSorted((a, b) => side(a) - side(b));
}

/** Lines into one box arrive side by side, in the order of where they come from. */
function spreadArrivals(columns, arcs, finished) {
  const position = new Map(columns.flatMap((column) => column.map((vertex, i) => [vertex, i])));
  const arriving = arcs.filter((arc) => arc.to.kind === "item" && !finished.has(arc.to.key));
  for (const [vertex, found] of groupBy(arriving, (arc) => arc.to)) {
    found.sort((a, b) => position.get(a.links.at(-1).from) - position.get(b.links.at(-1).from));
    const gap = Math.min(ARRIVAL_GAP, (vertex.across * 0.7) / found.length);
    found.forEach((arc, i) => {
      arc.toShift = arc.links.at(-1).toShift = (i - (found.length - 1) / 2) * gap;
    });
  }
}

/**
 * Turn columns and places into coordinates, with the room that the frame needs.
 * @returns {FinishedLevel}
 */
function measureLevel(columns, room) {
  const all = columns.flat();
  const low = Math.min(...all.map((vertex) => vertex.place - vertex.across / 2));
  const high = Math.max(...all.map((vertex) => vertex.place + vertex.across / 2));
  const across = Math.max(room.low + high - low + room.high, room.across);
  for (const vertex of all) vertex.place += room.low - low;

  const thickness = columns.map((column) => Math.max(0, ...column.map((vertex) => vertex.along)));
  const gaps = columns.map((_, i) => (i === 0 || i >= columns.length - 2 ? PORT_GAP : COLUMN_GAP));
  gaps[0] += room.before;
  gaps[gaps.length - 1] = 0;
  const length = sum(thickness) + sum(gaps);
  gaps[gaps.length - 2] += Math.max(0, room.along - length);
  let along = 0;
  columns.forEach((column, i) => {
    for (const vertex of column) {
      vertex.column = [along, along + thickness[i]];
      vertex.start = along + (thickness[i] - vertex.along) * (vertex.leaf ? 1 : 0.5); // a leaf close to its taker
    }
    along += thickness[i] + gaps[i];
  });
  const ports = all.filter((vertex) => vertex.kind === "entry" || vertex.kind === "exit");
  return {
    along,
    across,
    items: all.filter((vertex) => vertex.kind === "item"),
    ports: new Map(ports.map((port) => [port.key, port.place - across / 2])),
  };
}

/** The straight pieces of an arc: through its columns, and through the bends between. */
function stationsOf(arc) {
  const { from, to, links } = arc;
  const stations = [[from.start + from.along, from.column[1], from.place + arc.fromShift]];
  for (const { to: bend } of links.slice(0, -1)) stations.push([...bend.column, bend.place]);
  stations.push([to.column[0], to.start, to.place + arc.toShift]);
  return stations;
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
