"use strict";

/* The lines between cards: a smooth path, a tip at either end, and the gradient that comes back along it. */

/** A line that is drawn, and what it shows at a moment. */
class Line {
  /**
   * @param {Route} route
   * @param {boolean} isDownwards
   */
  constructor(route, isDownwards) {
    this.route = route;
    this.isDownwards = isDownwards;
    this.begins = Math.min(...route.edges.map((edge) => edge.target.time));
    const [first, last] = [route.stations[0], route.stations.at(-1)];
    const points = route.stations.flatMap(([start, end, v]) => [this.turn(start, v), this.turn(end, v)]);
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    const [x, y] = [Math.min(...xs) - 12, Math.min(...ys) - 12];
    this.box = { x, y, width: Math.max(...xs) - x + 12, height: Math.max(...ys) - y + 12 };
    this.start = this.turn(first[0], first[2]);
    this.finish = this.turn(last[1], last[2]);
  }

  turn(along, across) {
    return this.isDownwards ? [across, along] : [along, across];
  }

  /** The path: straight through columns, and curved between them. */
  path() {
    const point = (along, across) => this.turn(along, across).map((n) => n.toFixed(1)).join(" ");
    let [start, end, level] = this.route.stations[0];
    let d = `M${point(start, level)}`;
    for (const [nextStart, nextEnd, nextLevel] of this.route.stations.slice(1)) {
      if (nextLevel === level) {
        end = nextEnd;
        continue;
      }
      const middle = (end + nextStart) / 2;
      const [first, second] = [point(middle, level), point(middle, nextLevel)];
      d += `L${point(end, level)}C${first} ${second} ${point(nextStart, nextLevel)}`;
      [start, end, level] = [nextStart, nextEnd, nextLevel];
    }
    return `${d}L${point(end, level)}`;
  }

  /** Draw the line; from far away, without tips and text. */
  draw(isFar) {
    this.wire = svg("path", { class: "wire", d: this.path() });
    const isDetached = this.route.edges.every((edge) => edge.is_detached);
    this.element = svg("g", { class: isDetached ? "line detached" : "line" }, this.wire);
    this.isFar = isFar;
    if (isFar) return this.element;
    const angle = this.isDownwards ? 90 : 0;
    const tip = (name, [x, y], turned) => {
      const transform = `translate(${x} ${y}) rotate(${turned})`;
      return svg("path", { class: `tip ${name}`, d: "M-8 -4L0 0L-8 4z", transform });
    };
    this.element.append(tip("onward", this.finish, angle), tip("backward", this.start, angle + 180));
    const [edge] = this.route.edges;
    const words = isDetached ? "detached" : this.route.to[0] === "n" ? edge.symbol : "";
    if (words) {
      const [x, y] = this.finish;
      const place = this.isDownwards ? { x: x + 6, y: y - 9 } : { x: x - 10, y: y - 5, "text-anchor": "end" };
      this.element.append(svg("text", { class: "operand", ...place }, oneLine(words, 12)));
    }
    return this.element;
  }

  /**
   * What the line is doing: waiting, flowing, done, or with a gradient on it, or one that has come back.
   * @param {string} acting  the key of the item that acts
   */
  stateAt(time, acting, isForward) {
    const isTaker = acting === this.route.to;
    if (time < this.begins) return "waiting";
    if (isForward) return isTaker ? "flowing" : "done";
    const arrived = this.route.edges.some((edge) => edge.gift && edge.gift.time <= time);
    if (!arrived) return "done";
    return isTaker ? "returning" : "walked";
  }

  show(state) {
    if (this.state === state) return;
    this.element.dataset.state = this.state = state;
    if (this.isFar) return;
    this.element.querySelector(".carried")?.remove();
    const [{ gift }] = this.route.edges;
    if (state === "returning" && gift && countOf(gift.part) === 1) {
      const length = this.wire.getTotalLength();
      const { x, y } = this.wire.getPointAtLength(length / 2);
      const place = { x, y: y - 6, "text-anchor": "middle" };
      this.element.append(svg("text", { class: "carried", ...place }, valueText(gift.part)));
    }
  }
}

/** The frame of an open module, with a heading that folds it. */
class Frame {
  constructor(module, box) {
    this.module = module;
    this.key = box.key;
    this.box = box;
  }

  draw() {
    const { x, y, width, height } = this.box;
    const { name, type } = this.module;
    const heading = svg("text", { class: "heading", x: 12, y: 19 });
    heading.append(svg("tspan", { class: "chevron" }, "▾ "), oneLine(name, 32));
    if (type && type !== name) heading.append(svg("tspan", { class: "type" }, `  ${oneLine(type, 24)}`));
    const ground = svg("rect", { width: headingWidth(this.module), height: HEADING_HEIGHT, rx: 8 });
    const body = svg("rect", { class: "body", width, height, rx: 12 });
    const handle = svg("g", { class: "handle" }, ground, heading);
    this.element = svg("g", { class: "frame", transform: `translate(${x} ${y})` }, body, handle);
    return this.element;
  }

  show() {
    // a frame looks the same at every moment
  }
}

/** How wide a heading is. */
function headingWidth({ name, type }) {
  const kind = type && type !== name ? `  ${oneLine(type, 24)}` : "";
  return widthOf(`▾ ${oneLine(name, 32)}${kind}`, "title") + 24;
}
