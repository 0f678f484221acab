"use strict";

/* The graph on the screen. Of cards, frames and lines only those in sight are in the document, and at each moment
   they are asked for what they show: so a step costs the same in a graph of ten nodes and of ten thousand. */

/** From this far away cards are shapes without text. */
const FAR = 0.34;

class Scene {
  /**
   * @param {SVGSVGElement} view
   * @param {Model} model
   * @param {Timeline} timeline
   */
  constructor(view, model, timeline) {
    Object.assign(this, { view, model, timeline, folded: new Set(), selected: null, active: null });
    const [frames, cards, lines] = ["frames", "cards", "lines"].map((name) => svg("g", { class: name }));
    this.layers = { frames, cards, lines };
    this.plane = svg("g", { class: "plane" }, frames, cards, lines);
    view.append(this.plane);
    this.cards = new Map(model.nodes.map((node) => [`n${node.id}`, new Card(node)]));
    this.camera = new Camera(view, this.plane, () => this.refresh());
    this.isDownwards = model.isDownwards;
    this.items = new Map();
    this.drawn = new Set();
  }

  // -- layout -------------------------------------------------------------------------------------------------

  /** Lay everything out anew: at the beginning, after folding and unfolding, and after a turn. */
  arrange() {
    this.clear();
    const sizeOf = (key) => this.sizeOf(key);
    this.layout = layOut(this.model, this.folded, sizeOf, this.isDownwards);
    const visible = new Visibility(this.model, this.folded);
    this.keyOf = (node) => visible.keys[node.id];
    this.items = new Map();
    for (const [key, box] of this.layout.boxes) {
      const isOpen = key[0] === "m" && !this.folded.has(Number(key.slice(1)));
      const item = isOpen ? new Frame(this.model.modules[Number(key.slice(1))], box) : this.cardOf(key);
      item.depth = visible.framesAround(key).length;
      item.box = box;
      this.items.set(key, item);
    }
    this.lines = this.layout.routes.map((route) => new Line(route, this.isDownwards));
    this.order = [...this.items.keys()].toSorted((a, b) => this.timeOf(a) - this.timeOf(b));
    if (!this.items.has(this.active)) this.active = this.order[0];
    this.refresh();
  }

  sizeOf(key) {
    const module = key[0] === "m" ? this.model.modules[Number(key.slice(1))] : null;
    if (module && !this.folded.has(module.id)) return { width: headingWidth(module), height: HEADING_HEIGHT };
    const { width, height } = this.cardOf(key);
    return { width, height };
  }

  cardOf(key) {
    if (!this.cards.has(key)) {
      this.cards.set(key, new FoldedCard(this.model.modules[Number(key.slice(1))]));
    }
    return this.cards.get(key);
  }

  /** When an item is first computed: its place in the order in which the keyboard goes through the graph. */
  timeOf(key) {
    const { nodes, modules } = this.model;
    if (key[0] === "m") return modules[Number(key.slice(1))].operations[0].time - 0.5;
    const node = nodes[Number(key.slice(1))];
    if (!node.isLeaf) return node.time;
    return (node.outputs[0]?.target.time ?? 0) - (node.module === null ? 0.75 : 0.25); // before or in the frame
  }

  /** Fold or unfold modules, keeping what was in sight where it was. */
  setFolded(folded, anchor = null) {
    const before = this.items.get(anchor)?.box;
    this.folded = folded;
    this.arrange();
    const after = this.items.get(anchor)?.box;
    const { camera } = this;
    if (before && after) camera.panBy((before.x - after.x) * camera.zoom, (before.y - after.y) * camera.zoom);
    else this.lookFirst();
  }

  toggle(key) {
    const id = Number(key.slice(1));
    const folded = new Set(this.folded);
    if (!folded.delete(id)) folded.add(id);
    this.active = key;
    this.setFolded(folded, key);
  }

  /** Unfold all that hides a node. */
  uncover(node) {
    const around = new Visibility(this.model, new Set()).modulesAround(node.module);
    if (!around.some((id) => this.folded.has(id))) return;
    this.setFolded(new Set([...this.folded].filter((id) => !around.includes(id))));
  }

  extent() {
    return { x: 0, y: 0, width: Math.max(1, this.layout.width), height: Math.max(1, this.layout.height) };
  }

  /** Show everything if it can be read, and else where it begins. */
  lookFirst() {
    this.camera.measure();
    const { width, height } = this.extent();
    this.camera.fit(this.extent(), false);
    if (this.camera.zoom >= ZOOM.readable) return;
    this.camera.leave();
    const across = this.isDownwards ? this.camera.width / width : this.camera.height / height;
    const zoom = Math.min(1, Math.max(ZOOM.readable, across * 0.94));
    const [shown] = this.model.operations;
    const { box } = this.items.get(this.keyOf(shown));
    const place = (start, size, all, window) => {
      if (all * zoom < window) return (window - all * zoom) / 2;
      return Math.max(window - all * zoom - 20, Math.min(20, window / 2 - (start + size / 2) * zoom));
    };
    const { width: wide, height: high } = this.camera;
    this.camera.set(place(box.x, box.width, width, wide), place(box.y, box.height, height, high), zoom);
  }

  /** Take everything off the screen. */
  clear() {
    for (const item of this.drawn) item.element.remove();
    this.drawn.clear();
  }

  // -- drawing ------------------------------------------------------------------------------------------------

  /** Draw what has come into sight, take away what has left it, and show the present moment. */
  refresh() {
    if (!this.layout) return;
    const sight = this.camera.sight();
    const isInSight = ({ x, y, width, height }) =>
      x < sight.x + sight.width && x + width > sight.x && y < sight.y + sight.height && y + height > sight.y;
    const isFar = this.camera.zoom < FAR;
    if (isFar !== this.isFar) this.clear();
    this.isFar = isFar;
    this.view.classList.toggle("far", isFar);
    for (const item of [...this.items.values(), ...this.lines]) {
      const isHeld = item.key !== undefined && (item.key === this.active || item.key === this.selected);
      const isWanted = isHeld || isInSight(item.box);
      if (isWanted && !this.drawn.has(item)) this.enter(item);
      else if (!isWanted && this.drawn.has(item)) {
        item.element.remove();
        this.drawn.delete(item);
      }
    }
    this.show();
  }

  enter(item) {
    const element = item.draw(this.isFar);
    item.state = undefined;
    this.drawn.add(item);
    if (item instanceof Line) {
      this.layers.lines.append(element);
      return;
    }
    const isFrame = item instanceof Frame;
    element.setAttribute("transform", `translate(${item.box.x} ${item.box.y})`);
    if (isFrame) element.classList.toggle("inner", item.depth % 2 === 1);
    const button = isFrame ? element.querySelector(".handle") : element;
    button.setAttribute("role", "button");
    button.dataset.key = item.key;
    if (item.module) button.setAttribute("aria-expanded", String(isFrame));
    if (isFrame) button.setAttribute("aria-label", `module ${oneLine(item.module.name)}, open: fold it`);
    item.button = button;
    this.layers[isFrame ? "frames" : "cards"].append(element);
  }

  /** Show the present moment on everything that is drawn. */
  show() {
    const { now } = this.timeline;
    const isForward = this.timeline.isForward();
    const node = this.timeline.nodeAt(now);
    const acting = node && this.keyOf(node);
    const receiving = new Set(this.timeline.giftsAt(now).map((gift) => this.keyOf(gift.node)));
    for (const item of this.drawn) {
      if (!(item instanceof Line)) continue;
      const state = item.stateAt(now, acting, isForward);
      if (state === "returning") receiving.add(item.route.from);
      item.show(state);
    }
    for (const item of this.drawn) {
      if (item instanceof Line) continue;
      item.show(now);
      item.button.setAttribute("tabindex", item.key === this.active ? "0" : "-1");
      item.element.classList.toggle("selected", item.key === this.selected);
      if (item instanceof Frame) continue;
      const state = this.stateOf(item, acting, isForward, receiving);
      if (item.state !== state) {
        item.element.dataset.state = item.state = state;
        item.button.setAttribute("aria-label", describe(item, now));
      }
    }
  }

  stateOf(item, acting, isForward, receiving) {
    const { now } = this.timeline;
    if (acting === item.key) return isForward ? "computing" : "giving";
    if (receiving.has(item.key)) return "receiving";
    const times = item.module ? item.module.operations.map((node) => node.time) : [item.node.time];
    if (times.at(-1) > now) return "waiting";
    return item.node.gradientAt(now) ? "walked" : "done";
  }

  // -- pointing at items --------------------------------------------------------------------------------------

  /** Bring an item into sight, and let the keyboard act on it. */
  focus(key) {
    this.active = key;
    this.camera.reveal(this.items.get(key).box);
    this.refresh();
    this.items.get(key).button.focus({ preventScroll: true });
  }

  /** The nearest item in a direction of the screen, or null. */
  neighbour(key, [dx, dy]) {
    const middle = ({ x, y, width, height }) => [x + width / 2, y + height / 2];
    const [x, y] = middle(this.items.get(key).box);
    let [nearest, least] = [null, Infinity];
    for (const item of this.items.values()) {
      if (item.key === key || item instanceof Frame) continue;
      const [ox, oy] = middle(item.box);
      const ahead = (ox - x) * dx + (oy - y) * dy;
      const aside = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx);
      const cost = ahead + 2.5 * aside;
      if (ahead > 1 && cost < least) [nearest, least] = [item.key, cost];
    }
    return nearest;
  }
}

/** An item in words, for those who do not see it. */
function describe(item, time) {
  const { node, module } = item;
  const name = module ? `module ${oneLine(module.name)}, folded, last value` : oneLine(node.label);
  const value = node.time <= time ? `value ${valueText(node.value)}` : "not computed yet";
  const gradient = node.gradientAt(time);
  const formula = module || node.isLeaf ? node.kind : `${node.title}, ${formulaText(node.formula, node.words)}`;
  return [name, formula, value, gradient && `gradient ${valueText(gradient)}`].filter(Boolean).join(", ");
}
