"use strict";

/* What a node looks like: a card with its operation, its formula, and side by side the value that it computed and
   the gradient that came back. A card knows how large it will be before it is drawn, so that only those in sight
   need ever be. */

const CARD = { padding: 10, title: 24, formula: 18, label: 13, number: 19, gap: 14, radius: 8 };
const MAP = { width: 84, height: 44, cell: 11 };

const FONTS = {
  title: '600 12.5px "Inter", system-ui, sans-serif',
  text: '12.5px "Inter", system-ui, sans-serif',
  label: '10px "Inter", system-ui, sans-serif',
  number: '600 14px "Inter", system-ui, sans-serif',
};

const measuring = document.createElement("canvas").getContext("2d");
const widths = new Map();

/** @returns {number} how wide a line of text will be */
function widthOf(text, font) {
  const key = `${font} ${text}`;
  if (!widths.has(key)) {
    measuring.font = FONTS[font];
    widths.set(key, Math.ceil(measuring.measureText(text).width * 1.02));
  }
  return widths.get(key);
}

/** What one half of a card shows of an array: a number, a few numbers, or a map of its colours. */
class Cell {
  /**
   * @param {string} label
   * @param {?Value} value
   * @param {Value[]} [later]  what may stand in its place, and must have room
   * @param {boolean} [isExact]  of a number, all its digits
   */
  constructor(label, value, later = [], isExact = false) {
    Object.assign(this, { label, isExact });
    const possible = [value, ...later].filter((found) => found !== null);
    const [sample] = possible;
    this.isMap = sample !== undefined && countOf(sample) > 1;
    if (this.isMap) {
      const rows = rowsOf(sample);
      this.mapWidth = Math.max(Math.min(MAP.cell * rows[0].length, MAP.width), 28);
      this.mapHeight = Math.max(Math.min(MAP.cell * rows.length, MAP.height), 9);
    }
    const lines = this.isMap ? [] : possible.map((found) => widthOf(this.lineOf(found), "number"));
    this.width = Math.max(this.isMap ? this.mapWidth : 34, ...lines, widthOf(label, "label"));
    this.height = CARD.label + (this.isMap ? this.mapHeight + 4 : CARD.number);
  }

  lineOf(value) {
    if (this.isExact && countOf(value) === 1) return exactText(value.numbers[0]);
    return countOf(value) === 0 ? "empty" : valueText(value);
  }

  /** Draw a value, or the place where one will be. */
  draw(value, x, y) {
    const group = svg("g", { class: value === null ? "cell empty" : "cell" });
    group.append(svg("text", { class: "label", x, y: y + 9 }, this.label));
    const top = y + CARD.label;
    if (value === null) {
      const height = this.height - CARD.label - 4;
      group.append(svg("rect", { class: "slot", x, y: top + 1, width: this.width, height, rx: 3 }));
    } else if (this.isMap) {
      group.append(heatMap(rowsOf(value), { x, y: top, width: this.mapWidth, height: this.mapHeight }));
    } else {
      group.append(svg("text", { class: "number", x, y: top + 14 }, this.lineOf(value)));
    }
    return group;
  }
}

/** The card of a node. */
class Card {
  /** @param {Node} node */
  constructor(node) {
    this.node = node;
    this.key = `n${node.id}`;
    this.write();
    const label = [node.isLeaf ? "" : oneLine(node.symbol, 16), shapeText(node.shape)].filter(Boolean).join(" ");
    this.value = new Cell(label || "value", node.value, [], node.isLeaf);
    const totals = node.gifts.map((gift) => gift.total);
    if (totals.length === 0 && node.gradient) totals.push(node.gradient);
    this.gradient = totals.length > 0 ? new Cell("gradient", null, totals) : null;
    this.measure();
  }

  /** Set the text. */
  write() {
    const { node } = this;
    const names = [node.symbol, node.symbol === node.name ? "" : node.name].filter(Boolean).join("  ");
    this.title = oneLine(node.isLeaf ? names : node.title, 32);
    this.lines = node.isLeaf ? [] : formulaLines(node);
  }

  /** Work out the size. */
  measure() {
    this.head = (this.title ? CARD.title : 4) + this.lines.length * CARD.formula;
    const cells = this.value.width + (this.gradient ? this.gradient.width + CARD.gap : 0);
    const texts = this.lines.map((line) => widthOf(line, "text"));
    this.width = Math.max(cells, widthOf(this.title, "title"), ...texts) + 2 * CARD.padding;
    this.height = this.head + Math.max(this.value.height, this.gradient?.height ?? 0) + 8;
  }

  /** Draw the card; from far away, its shape alone. */
  draw(isFar) {
    const { node, width, height } = this;
    this.isFar = isFar;
    this.drawn = [];
    const card = svg("g", { class: `card ${node.kind}${node.is_result ? " result" : ""}` });
    card.append(svg("rect", { class: "body", width, height, rx: CARD.radius }));
    this.element = card;
    if (isFar) return card;
    if (node.isLeaf) card.append(svg("rect", { class: "stripe", y: 6, width: 4, height: height - 12, rx: 2 }));
    if (this.title) card.append(svg("text", { class: "title", x: CARD.padding, y: 17 }, this.title));
    this.lines.forEach((line, i) => {
      const y = CARD.title + i * CARD.formula + 12;
      card.append(svg("text", { class: "formula", x: CARD.padding, y }, line));
    });
    return card;
  }

  /** Show what is known at a moment: the value once computed, and the gradients that have arrived. */
  show(time) {
    if (this.isFar) return;
    const value = this.node.time <= time ? this.node.value : null;
    const gradient = this.gradient && this.node.gradientAt(time);
    if (this.drawn.length > 0 && this.drawn[0] === value && this.drawn[1] === gradient) return;
    this.element.querySelectorAll(".cell").forEach((cell) => cell.remove());
    this.element.append(this.value.draw(value, CARD.padding, this.head));
    if (this.gradient) {
      const middle = CARD.padding + Math.max(this.value.width + CARD.gap, this.width / 2);
      const last = this.width - CARD.padding - this.gradient.width;
      const cell = this.gradient.draw(gradient, Math.min(middle, last), this.head);
      cell.classList.add("back");
      this.element.append(cell);
    }
    this.drawn = [value, gradient];
  }
}

/** A folded module looks like a card: its name, what it is, and the value that leaves it last. */
class FoldedCard extends Card {
  /** @param {Module} module */
  constructor(module) {
    super(module.operations.at(-1));
    this.module = module;
    this.key = `m${module.id}`;
    this.write();
    this.measure();
  }

  write() {
    if (!this.module) return; // the node's own text is of no use here
    const { name, type, operations } = this.module;
    const count = countText(operations.length, "operation");
    this.title = `▸ ${oneLine(name, 26)}`;
    this.lines = [type && type !== name ? `${oneLine(type, 20)}, ${count}` : count];
  }

  measure() {
    if (this.module) super.measure();
  }

  draw(isFar) {
    const card = super.draw(isFar);
    card.classList.add("folded");
    const { width, height } = this;
    card.prepend(svg("rect", { class: "body behind", x: 4, y: 4, width, height, rx: CARD.radius }));
    return card;
  }
}

/** The formula with the caller's words, on as many lines as it needs, and the settings below. */
function formulaLines(node) {
  const settings = node.settings.map(([name, value]) => `${name} = ${value}`).join(", ");
  const lines = wrap(formulaText(node.formula, node.words), 34);
  return settings ? [...lines, oneLine(settings, 34)] : lines;
}

function wrap(text, limit) {
  const lines = [];
  for (const word of oneLine(text, 100).split(" ")) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word;
    if (lines.length > 0 && longer.length <= limit) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.filter(Boolean);
}
