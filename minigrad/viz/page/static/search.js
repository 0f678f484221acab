"use strict";

/* Finding nodes by what can be read on them. */

const MAX_FOUND = 40;

class Search {
  /**
   * @param {HTMLInputElement} input
   * @param {HTMLElement} list
   * @param {Model} model
   * @param {(node: Node) => void} choose
   */
  constructor(input, list, model, choose) {
    Object.assign(this, { input, list, choose, found: [], place: -1 });
    this.texts = model.nodes.map((node) => {
      const module = node.module === null ? "" : model.modules[node.module].name;
      const { label, name, symbol, title, formula, kind, line } = node;
      const text = [label, name, symbol, title, formula, module, kind, line?.code ?? ""].join(" ").toLowerCase();
      return { node, module, text };
    });
    input.addEventListener("input", () => this.find());
    input.addEventListener("keydown", (event) => this.press(event));
    input.addEventListener("blur", () => this.close());
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // or the field would lose the focus, and with it the list
      const place = [...list.children].indexOf(event.target.closest("li"));
      if (place >= 0) this.take(place);
    });
  }

  find() {
    const words = this.input.value.toLowerCase().split(/\s+/u).filter(Boolean);
    const hits = words.length ? this.texts.filter(({ text }) => words.every((word) => text.includes(word))) : [];
    this.found = hits.slice(0, MAX_FOUND);
    const lines = this.found.map(({ node, module }, i) => {
      const what = node.isLeaf ? node.kind : formulaText(node.formula, node.words);
      const line = html("li", { role: "option", id: `found-${i}` }, html("b", {}, oneLine(node.label, 40)));
      line.append(html("span", {}, oneLine(what, 48)));
      if (module) line.append(html("i", {}, oneLine(module, 24)));
      return line;
    });
    if (words.length && hits.length === 0) lines.push(html("li", { class: "none" }, "nothing found"));
    if (hits.length > MAX_FOUND) lines.push(html("li", { class: "none" }, `and ${hits.length - MAX_FOUND} more`));
    this.list.replaceChildren(...lines);
    this.list.hidden = words.length === 0;
    this.input.setAttribute("aria-expanded", String(words.length > 0));
    this.point(this.found.length ? 0 : -1);
  }

  point(place) {
    this.place = place;
    this.found.forEach((_, i) => this.list.children[i].setAttribute("aria-selected", String(i === place)));
    this.list.children[place]?.scrollIntoView({ block: "nearest" });
    if (place >= 0) this.input.setAttribute("aria-activedescendant", `found-${place}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  press(event) {
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in moves && this.found.length) {
      event.preventDefault();
      this.point((this.place + moves[event.key] + this.found.length) % this.found.length);
    } else if (event.key === "Enter" && this.place >= 0) {
      event.preventDefault();
      this.take(this.place);
    } else if (event.key === "Escape") {
      this.input.value = "";
      this.input.blur();
    }
  }

  take(place) {
    const chosen = this.found[place];
    if (!chosen) return;
    this.input.blur();
    this.choose(chosen.node);
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }
}
