"use strict";

/* Numbers, shapes, names and formulas as text; and elements, which are made here and nowhere from markup. */

const MINUS = "\u2212";

/** Four digits: as in a table where that is short, as a power of ten where it is not. */
function numberText(number) {
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : `${MINUS}∞`;
  const size = Math.abs(number);
  const isPlain = size === 0 || (Number.isInteger(number) && size < 1e6);
  let text = String(number);
  if (!isPlain && size >= 1e-3 && size < 1e5) {
    text = number.toFixed(Math.max(0, 3 - Math.floor(Math.log10(size))));
  } else if (!isPlain) {
    text = number.toExponential(2);
  }
  return text.replaceAll("-", MINUS).replace("e+", "e");
}

/** Seven digits, as many as a float32 has, and no needless 0: 1.0001 is not 1. */
function exactText(number) {
  const rounded = Number(number.toPrecision(7));
  const [size, text] = [Math.abs(rounded), String(rounded)];
  return size >= 1e-3 && size < 1e5 ? text.replaceAll("-", MINUS) : numberText(number);
}

/** (2, 3); nothing for a single number. */
function shapeText(shape) {
  if (shape.length === 0) return "";
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

/** 1 operation, 2 operations. */
const countText = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;

/** One short line for a value: the number, the numbers, or the shape. */
function valueText(value) {
  if (value === null) return "not kept";
  if (countOf(value) === 1) return numberText(value.numbers[0]);
  if (isWhole(value) && value.numbers.length <= 4) return `[${value.numbers.map(numberText).join(", ")}]`;
  return `shape ${shapeText(value.shape)}`;
}

/** Control characters, halves of pairs, and signs that would turn the text around them. */
const UNSHOWN = /[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** A text from outside on one line: nothing unshown, and no more than `limit` signs. */
function oneLine(text, limit = 60) {
  const shown = [...text.replaceAll(/\s+/gu, " ").replaceAll(UNSHOWN, "\ufffd")];
  return shown.length > limit ? [...shown.slice(0, limit - 1), "…"].join("") : shown.join("");
}

// -- formulas -------------------------------------------------------------------------------------------------

/**
 * @typedef {object} Piece  Of a formula: a sign, or a word; raised or not.
 * @property {string} text
 * @property {string} word  the formula's own word, or ""
 * @property {boolean} isRaised
 */

const SIGNS = { "*": "·", "-": MINUS, sum: "Σ", sqrt: "√" };

/**
 * The pieces of a formula, its words replaced by the caller's.
 * @param {string} formula  such as "a = 1 / (1 + e^-z)"
 * @param {[string, string][]} words
 * @returns {Piece[]}
 */
function piecesOf(formula, words) {
  const said = new Map(words);
  const pieces = [];
  const syntax = /(\^)?(-)?(?:(\w+(?:\.\w+)?)|(\s*[^\w\s^-]\s*|\s+|[-^]))/gu;
  for (const [, hat, minus, word, sign] of formula.matchAll(syntax)) {
    const isRaised = hat !== undefined && word !== undefined;
    if (minus) pieces.push({ text: MINUS, word: "", isRaised });
    if (word === undefined) {
      pieces.push({ text: (hat ?? "") + sign.replace("*", SIGNS["*"]), word: "", isRaised: false });
    } else {
      const text = said.has(word) ? oneLine(said.get(word), 24) : (SIGNS[word] ?? word);
      pieces.push({ text, word: /^\d/u.test(word) ? "" : word, isRaised });
    }
  }
  return pieces;
}

const RAISED = new Map([..."0123456789-−+naxyzTd"].map((sign, i) => [sign, "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁺ⁿᵃˣʸᶻᵀᵈ"[i]]));

/** A formula as one line of plain text, where a raised piece is so if there are signs for it. */
function formulaText(formula, words = []) {
  return piecesOf(formula, words)
    .map(({ text, isRaised }, i, all) => {
      if (!isRaised) return text;
      const canRise = [...text].every((sign) => RAISED.has(sign));
      if (canRise) return [...text].map((sign) => RAISED.get(sign)).join("");
      return (all[i - 1]?.isRaised ? "" : "^") + text;
    })
    .join("");
}

// -- elements -------------------------------------------------------------------------------------------------

/**
 * An element of HTML with attributes and children; a string becomes a text node, never markup.
 * @returns {HTMLElement}
 */
function html(name, attributes = {}, ...children) {
  return furnish(document.createElement(name), attributes, children);
}

/** An element of SVG. */
function svg(name, attributes = {}, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A formula as HTML: words in italics, exponents raised; `valueOf` may put an element in the place of a word. */
function formulaElement(formula, words = [], valueOf = () => null) {
  const line = html("span", { class: "formula" });
  for (const { text, word, isRaised } of piecesOf(formula, words)) {
    const known = word ? valueOf(word) : null;
    const content = known ?? (/^\p{L}{1,2}$/u.test(word) ? html("var", {}, text) : text);
    line.append(isRaised ? html("sup", {}, content) : content);
  }
  return line;
}
