"use strict";

/* What happens at a moment, in a sentence with the numbers in it. */

/**
 * @param {Timeline} timeline
 * @returns {(string | HTMLElement)[]}
 */
function tell(timeline) {
  const { now, model } = timeline;
  if (!timeline.hasMoved) {
    const then = model.walk.length ? ", and then the gradients flow back" : "";
    return [`This is the forward pass, computed. Press play to see it from the start${then}; → and ← step.`];
  }
  if (now === 0) return ["Inputs and parameters are there, nothing is computed yet. Press play, or → to step."];
  const node = timeline.nodeAt(now);
  if (timeline.isForward()) {
    const formula = formulaElement(node.formula, node.words);
    const sentence = [html("b", {}, node.title), " computes ", formula, ...computed(node)];
    if (now === timeline.end) sentence.push(". That is the result; this page plays the forward pass only.");
    return sentence;
  }
  const gifts = timeline.giftsAt(now);
  if (now === timeline.forwardEnd + 1) {
    const start = `∂${model.resultName}/∂${nameOf(node)} = ${valueText(gifts[0].total)}`;
    const why = "The walk back begins at the result: its derivative with respect to itself, ";
    return [why, html("span", { class: "flow" }, start)];
  }
  const sentence = [html("b", {}, node.title), " passes the gradient back: "];
  gifts.forEach((gift, i) => sentence.push(i ? ";  " : "", passed(model, node, gift)));
  if (gifts.length === 0) sentence.push("none of its inputs wants one");
  if (now === timeline.end) sentence.push(`. Done: ${countLeaves(model)}.`);
  return sentence;
}

/** The formula's numbers, where they are short; the shape of the result, where they are not. */
function computed(node) {
  if (!node.value) return [];
  const result = [" = ", html("b", {}, valueText(node.value))];
  if (countOf(node.value) > 4) return [", ", shapeText(node.value.shape)];
  const known = new Map(node.inputs.map((edge) => [edge.input, edge.source.value]));
  if (![node.value, ...known.values()].every((value) => value && countOf(value) === 1)) return result;
  const right = node.formula.split("=").slice(1).join("=").trim();
  const said = node.words.filter(([word]) => !known.has(word));
  const numbers = formulaElement(right, said, (word) => (known.has(word) ? inlineValue(known.get(word)) : null));
  return [" = ", numbers, ...result];
}

/** To whom a gradient goes, how it is made, and what it makes there together with those before it. */
function passed(model, node, { edge, part, total, node: to }) {
  const called = new Map(node.words).get(edge.input) || (to.isLeaf && to.name);
  const name = oneLine(called || (to.isLeaf ? to.symbol : edge.input), 24);
  const line = html("span", { class: "flow" }, `∂${model.resultName}/∂${name}`);
  const arrives = node.gifts.at(-1)?.total;
  const isNumber = countOf(part) === 1;
  if (isNumber && arrives && countOf(arrives) === 1 && edge.slope && countOf(edge.slope) === 1) {
    line.append(" = ", inlineValue(arrives, true), " · ", inlineValue(edge.slope));
  } else if (edge.derivative) {
    const factor = formulaText(edge.derivative, node.words);
    const bracketed = factor.includes(" ") ? `(${factor})` : factor;
    line.append(` = ∂${model.resultName}/∂${nameOf(node)} · ${bracketed}`);
  }
  line.append(isNumber ? ` = ${valueText(part)}` : `, ${shapeText(part.shape)}`);
  if (!called && !to.isLeaf) line.append(` to ${to.title}`);
  if (total !== part) line.append(isNumber ? `, together ${valueText(total)}` : ", added to what was there");
  return line;
}

const nameOf = (node) => oneLine(node.name || node.symbol, 24);

function countLeaves(model) {
  const count = model.nodes.filter((node) => node.kind === "parameter" && node.gifts.length > 0).length;
  return count === 1 ? "the parameter has its gradient" : `all ${count} parameters have their gradients`;
}
