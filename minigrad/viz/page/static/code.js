"use strict";

/* The Python source of an operation's rules, as it stands in minigrad, with its words coloured. */

const KEYWORDS =
  "and as assert class def del elif else except False finally for from if import in is lambda None not or pass " +
  "raise return self True try while with yield";

const PYTHON = new RegExp(
  [
    /(?<comment>#.*)/u,
    /(?<string>[rbf]?(?:"""[^]*?"""|'''[^]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))/u,
    new RegExp(`(?<keyword>\\b(?:${KEYWORDS.replaceAll(" ", "|")})\\b)`, "u"),
    /(?<number>\b\d[\w.]*\b)/u,
    /(?<name>(?<=\bdef )\w+)/u,
  ]
    .map((part) => part.source)
    .join("|"),
  "gu",
);

/** @returns {HTMLElement} the source in a box of its own */
function sourceElement(source) {
  const code = html("code", {});
  let end = 0;
  for (const found of source.matchAll(PYTHON)) {
    const [[kind]] = Object.entries(found.groups).filter(([, text]) => text !== undefined);
    code.append(source.slice(end, found.index), html("span", { class: kind }, found[0]));
    end = found.index + found[0].length;
  }
  code.append(source.slice(end));
  return html("pre", { tabindex: "0", role: "region", "aria-label": "source" }, code);
}
