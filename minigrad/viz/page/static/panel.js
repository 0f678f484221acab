"use strict";

/* All about one node: its formula with the numbers put in, its arrays, what flows back through it and why, and the
   source of its two rules. */

const KINDS = {
  operation: "operation",
  parameter: "parameter: gets a gradient",
  input: "input: gets no gradient",
  kept: "a value from outside the graph",
  group: "operations, folded",
};

class Panel {
  /**
   * @param {HTMLElement} element
   * @param {Model} model
   * @param {{go: (time: number) => void, open: (node: Node) => void, close: () => void}} actions
   */
  constructor(element, model, actions) {
    Object.assign(this, { element, model, actions, node: null, view: "map" });
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** Show a node, and read it out: the heading takes the focus. */
  open(node, hasFocus = true) {
    this.node = node;
    this.element.hidden = false;
    this.render();
    this.element.scrollTop = 0;
    if (hasFocus) this.element.querySelector("h2").focus({ preventScroll: true });
  }

  close() {
    this.element.hidden = true;
    this.node = null;
  }

  render() {
    const { node } = this;
    const parts = ["heading", "formula", "facts", "values", "gradient", "chain", "source"];
    this.element.replaceChildren(...parts.map((part) => this[part](node)).filter(Boolean));
  }

  section(title, ...children) {
    return html("section", {}, html("h3", {}, title), ...children);
  }

  heading(node) {
    const close = html("button", { class: "close", type: "button", "aria-label": "close the panel" }, "✕");
    close.addEventListener("click", () => this.actions.close());
    const what = node.is_result ? "operation: the result" : KINDS[node.kind];
    const kind = html("p", { class: `kind ${node.kind}` }, what);
    const title = oneLine(node.isLeaf ? node.label || "a number" : node.title, Infinity);
    return html("header", {}, kind, html("h2", { tabindex: "-1" }, html("bdi", {}, title)), close);
  }

  // -- formula ------------------------------------------------------------------------------------------------

  formula(node) {
    if (!node.formula) return null;
    const section = this.section("Formula", html("p", {}, formulaElement(node.formula, node.words)));
    const known = new Map(node.inputs.map((edge) => [edge.input, edge.source.value]));
    known.set(node.output, node.value);
    if ([...known.values()].every((value) => value !== null)) {
      const said = new Map(node.words.filter(([word]) => !known.has(word)));
      const shown = (word) => (known.has(word) ? inlineValue(known.get(word), word === node.output) : null);
      section.append(html("p", { class: "numbers" }, formulaElement(node.formula, [...said], shown)));
    }
    return section;
  }

  // -- facts --------------------------------------------------------------------------------------------------

  facts(node) {
    const list = html("dl", {});
    const enter = (name, ...content) => list.append(html("dt", {}, name), html("dd", {}, ...content));
    if (node.name && !node.isLeaf) enter("name", html("bdi", {}, oneLine(node.name, Infinity)));
    enter("shape", `${shapeText(node.shape) || "a single number"}, ${node.dtype}`);
    const { operations, walk } = this.model;
    if (node.time > 0) {
      enter("computed", this.moment(`forward step ${node.time} of ${operations.length}`, node.time));
    }
    if (node.walked < Infinity) {
      const number = node.walked - operations.length;
      enter("walked back", this.moment(`backward step ${number} of ${walk.length}`, node.walked));
    }
    const settings = node.settings.map(([name, value]) => `${name} = ${value}`).join(", ");
    if (settings) enter("settings", settings);
    const { line } = node;
    if (line) enter("line", `${line.file}, line ${line.number}`, html("code", {}, line.code));
    if (node.bytes) enter("keeps", `${node.bytes.toLocaleString("en")} bytes for the walk back`);
    if (node.flops) enter("work", `${node.flops.toLocaleString("en")} floating-point operations`);
    if (node.seconds !== null) enter("time", `${numberText(node.seconds * 1e3)} ms`);
    if (node.note) enter("note", node.note);
    return this.section("Facts", list);
  }

  moment(text, time) {
    const button = html("button", { type: "button", class: "moment", title: "go to that moment" }, text);
    button.addEventListener("click", () => this.actions.go(time));
    return button;
  }

  // -- arrays -------------------------------------------------------------------------------------------------

  values(node) {
    const blocks = node.inputs.map((edge) => {
      const kept = node.kept.find(({ name, source }) => name === edge.input && source === edge.source.id);
      return arrayBlock(edge.source.symbol || edge.input, edge.source.value, this.view, keptText(kept));
    });
    const kept = node.kept.find(({ source }) => source === node.id);
    const name = node.isLeaf ? node.label || "value" : node.symbol;
    const output = arrayBlock(name, node.value, this.view, keptText(kept));
    output.classList.add("output");
    return this.section(node.isLeaf ? "Value" : "Values in and out", this.viewSwitch(), ...blocks, output);
  }

  /** Which of the three views all arrays of the panel have. */
  viewSwitch() {
    const group = html("fieldset", { class: "views" }, html("legend", {}, "show arrays as"));
    for (const [view, name] of Object.entries(VIEWS)) {
      const input = html("input", { type: "radio", name: "view", value: view });
      input.checked = view === this.view;
      input.addEventListener("change", () => {
        this.view = view;
        this.render();
        this.element.querySelector(`input[value="${view}"]`).focus();
      });
      group.append(html("label", {}, input, html("span", {}, name)));
    }
    return group;
  }

  // -- gradients ----------------------------------------------------------------------------------------------

  gradient(node) {
    const total = node.gradientAt(Infinity);
    if (total === null && this.model.walk.length === 0) return null;
    if (total === null) return this.section("Gradient", html("p", { class: "empty" }, "No gradient flows here."));
    const name = this.derivative(node.isLeaf ? node.label : node.symbol);
    const section = this.section("Gradient", arrayBlock(name, total, this.view));
    section.classList.add("back");
    if (node.gifts.length > 1) {
      const list = html("ul", {});
      for (const { edge, part, time } of node.gifts) {
        const text = `${valueText(part)} from ${edge ? edge.target.title : "the start of the walk"}`;
        list.append(html("li", {}, this.moment(text, time)));
      }
      section.append(html("p", {}, `It is the sum of ${node.gifts.length} that arrive:`), list);
    }
    return section;
  }

  /** The chain rule, input by input: what arrives, times the local derivative, is what goes on. */
  chain(node) {
    const given = node.inputs.filter((edge) => edge.gift || edge.derivative);
    if (given.length === 0) return null;
    const rules = given.map((edge) => this.rule(node, edge));
    const section = this.section("Local derivatives and what goes on", ...rules);
    section.classList.add("back");
    return section;
  }

  rule(node, edge) {
    const name = oneLine(new Map(node.words).get(edge.input) ?? edge.input, 24);
    const out = oneLine(node.symbol || node.output, 24);
    const local = `∂${out}/∂${name}`;
    const isNumber = (value) => value && countOf(value) === 1;
    const item = html("div", { class: "rule" });
    if (edge.derivative) {
      const line = html("p", {}, `${local} = `, formulaElement(edge.derivative, node.words));
      if (isNumber(edge.slope)) line.append(` = ${valueText(edge.slope)}`);
      item.append(line);
    }
    if (edge.slope && !isNumber(edge.slope)) item.append(arrayBlock(local, edge.slope, this.view));
    if (!edge.gift) return item;
    const arrives = node.gradientAt(Infinity);
    const { part } = edge.gift;
    const [goesOn, came] = [this.derivative(name), this.derivative(out)];
    if (isNumber(part) && isNumber(arrives)) {
      const slope = isNumber(edge.slope) ? inlineValue(edge.slope) : local;
      const line = html("p", { class: "numbers" }, `${goesOn} = ${came} · ${local} = `);
      line.append(inlineValue(arrives, true), " · ", slope, " = ", html("b", {}, valueText(part)));
      item.append(line);
    } else {
      item.append(arrayBlock(goesOn, part, this.view, `goes on to ${name}`));
    }
    return item;
  }

  /** The derivative of the result with respect to what has that name. */
  derivative(name) {
    return `∂${this.model.resultName}/∂${oneLine(name, 24)}`;
  }

  // -- source -------------------------------------------------------------------------------------------------

  source(node) {
    const code = this.model.code[node.type];
    if (!code) return null;
    return this.section(
      "Source",
      html("p", { class: "file" }, `class ${node.type.split(".").at(-1)} in ${code.file}`),
      html("h4", {}, "forward, on arrays"),
      sourceElement(code.forward),
      html("h4", {}, "backward, on tensors"),
      sourceElement(code.backward),
    );
  }
}

/** Whether and why an operation holds a value. */
function keptText(kept) {
  if (!kept) return "";
  return kept.seen_only ? "kept to be seen" : "kept for the walk back";
}
