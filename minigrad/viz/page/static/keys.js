"use strict";

/* The keyboard: every key, what it does, and in which words the help says so. */

/**
 * @typedef {object} Shortcut
 * @property {string[]} keys   as KeyboardEvent.key names them, with "Shift+" before
 * @property {string} shown
 * @property {string} help
 * @property {(app: App) => void} act
 */

/** @type {Shortcut[]} */
const SHORTCUTS = [
  { keys: [" "], shown: "Space", help: "play, pause", act: (app) => app.player.toggle() },
  { keys: ["ArrowRight"], shown: "→", help: "one step forward", act: (app) => app.player.step(1) },
  { keys: ["ArrowLeft"], shown: "←", help: "one step back", act: (app) => app.player.step(-1) },
  { keys: ["Home"], shown: "Home", help: "to the beginning", act: (app) => app.player.go(0) },
  { keys: ["End"], shown: "End", help: "to the end", act: (app) => app.player.go(app.timeline.end) },
  {
    keys: ["b"],
    shown: "B",
    help: "to where the backward pass begins",
    act: (app) => app.player.go(app.timeline.forwardEnd),
  },
  {
    keys: ["n", "ArrowDown"],
    shown: "N  ↓",
    help: "next node, in the order they ran",
    act: (app) => app.visit(1),
  },
  { keys: ["p", "ArrowUp"], shown: "P  ↑", help: "previous node", act: (app) => app.visit(-1) },
  {
    keys: ["Shift+ArrowRight"],
    shown: "Shift →",
    help: "node to the right; also ← ↑ ↓",
    act: (app) => app.walk([1, 0]),
  },
  { keys: ["Shift+ArrowLeft"], act: (app) => app.walk([-1, 0]) },
  { keys: ["Shift+ArrowUp"], act: (app) => app.walk([0, -1]) },
  { keys: ["Shift+ArrowDown"], act: (app) => app.walk([0, 1]) },
  {
    keys: ["Enter"],
    shown: "Enter",
    help: "open the node, fold or unfold the module",
    act: (app) => app.open(app.scene.active),
  },
  { keys: ["Escape"], shown: "Esc", help: "close what is open", act: (app) => app.closePanel() },
  { keys: ["u"], shown: "U", help: "fold or unfold the module of the node", act: (app) => app.toggleModule() },
  { keys: ["Shift+U"], shown: "Shift U", help: "fold or unfold all modules", act: (app) => app.toggleAll() },
  { keys: ["/"], shown: "/", help: "search", act: (app) => app.search.input.focus() },
  { keys: ["+", "="], shown: "+", help: "closer", act: (app) => app.scene.camera.zoomBy(1.25) },
  { keys: ["-"], shown: "−", help: "farther", act: (app) => app.scene.camera.zoomBy(0.8) },
  { keys: ["0"], shown: "0", help: "the whole graph", act: (app) => app.fit() },
  {
    keys: ["a"],
    shown: "A  D  W  S",
    help: "move: left, right, up, down",
    act: (app) => app.scene.camera.panBy(90, 0),
  },
  { keys: ["d"], act: (app) => app.scene.camera.panBy(-90, 0) },
  { keys: ["w"], act: (app) => app.scene.camera.panBy(0, 90) },
  { keys: ["s"], act: (app) => app.scene.camera.panBy(0, -90) },
  { keys: ["r"], shown: "R", help: "turn: left to right, or top to bottom", act: (app) => app.turn() },
  { keys: ["t"], shown: "T", help: "light or dark", act: (app) => app.switchTheme() },
  { keys: ["?"], shown: "?", help: "this help", act: (app) => app.help.showModal() },
];

/** Act on a key, unless it belongs to the field, button or dialog that has the focus. */
function pressKey(app, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || app.help.open) return;
  const { target } = event;
  const isField = target.matches("input:not([type=range]):not([type=radio]), select, textarea");
  const isOwn = target.matches("button, input, select, a, summary") && [" ", "Enter"].includes(event.key);
  const isRadio = target.matches("input[type=radio]") && event.key.startsWith("Arrow");
  if (isField || isOwn || isRadio) return;
  if (target.closest("pre, .table") && /^(Arrow|Home|End)/u.test(event.key)) return; // it scrolls
  if (target.closest("#panel") && /^(ArrowUp|ArrowDown|Home|End)$/u.test(event.key)) return;
  const isShifted = event.shiftKey && (event.key.length > 1 || /\p{Lu}/u.test(event.key)); // not ?, which is a key
  const name = isShifted ? `Shift+${event.key}` : event.key;
  const shortcut = SHORTCUTS.find(({ keys }) => keys.includes(name) || keys.includes(name.toLowerCase()));
  if (!shortcut) return;
  event.preventDefault();
  shortcut.act(app);
}

/** The list of the keys, for the help. */
function helpList() {
  const list = html("dl", {});
  for (const { shown, help } of SHORTCUTS.filter((shortcut) => shortcut.shown)) {
    const keys = shown.split("  ").map((key) => html("kbd", {}, key));
    list.append(html("div", {}, html("dt", {}, ...keys), html("dd", {}, help)));
  }
  return list;
}
