"use strict";

/* The page as a whole: what each button, click and key does. */

/** Larger graphs begin with their modules folded, as far as it takes to have no more than this in sight: a picture
 *  draws as many. */
const MAX_AT_FIRST = 80;

/** A window narrower than this has its graph run downwards, as a phone is read. */
const NARROW = 640;

class App {
  constructor() {
    const find = (id) => document.getElementById(id);
    this.model = new Model(JSON.parse(find("data").textContent));
    this.timeline = new Timeline(this.model);
    this.scene = new Scene(find("graph"), this.model, this.timeline);
    this.help = find("help");
    this.storyLine = find("story");
    this.foldButton = find("fold");
    this.panel = new Panel(find("panel"), this.model, {
      go: (time) => this.player.go(time),
      close: () => this.closePanel(),
    });
    this.player = new Player(this.timeline, (hasStepped) => this.show(hasStepped), () => this.scene.keyOf);
    this.search = new Search(find("search"), find("found"), this.model, (node) => this.goTo(node));
    this.listen(find);
    this.label(find);

    this.scene.folded = this.foldAtFirst();
    if (innerWidth < NARROW) this.scene.isDownwards = true;
    this.scene.arrange();
    this.scene.lookFirst();
    this.show(false);
  }

  listen(find) {
    const actions = {
      theme: () => this.switchTheme(),
      turn: () => this.turn(),
      fold: () => this.toggleAll(),
      "open-help": () => this.help.showModal(),
      closer: () => this.scene.camera.zoomBy(1.25),
      farther: () => this.scene.camera.zoomBy(0.8),
      fit: () => this.fit(),
    };
    for (const [id, act] of Object.entries(actions)) find(id).addEventListener("click", act);
    document.addEventListener("keydown", (event) => pressKey(this, event));
    find("graph").addEventListener("click", (event) => {
      const key = event.target.closest("[data-key]")?.dataset.key;
      if (key && !this.scene.camera.hasMoved) this.open(key);
    });
    new ResizeObserver(() => {
      this.scene.camera.measure();
      this.scene.refresh();
    }).observe(find("graph"));
  }

  label(find) {
    const { model } = this;
    const forwardOnly = "forward only: mg.play(loss) records the backward pass too";
    const passes = model.walk.length ? "forward and backward" : forwardOnly;
    find("counts").textContent = `${countText(model.operations.length, "operation")}, ${passes}`;
    for (const note of model.notes) find("notes").append(html("p", {}, note));
    find("keys").append(helpList());
    find("fold").hidden = model.modules.length === 0;
    document.documentElement.dataset.walk = model.walk.length ? "yes" : "no";
  }

  /** Fold modules from the innermost outwards, until there are few enough things in sight. */
  foldAtFirst() {
    const { modules, nodes } = this.model;
    if (nodes.length <= MAX_AT_FIRST) return new Set();
    const everything = new Visibility(this.model, new Set());
    const depth = (module) => everything.modulesAround(module.parent).length;
    const folded = new Set();
    for (let level = Math.max(-1, ...modules.map(depth)); level >= 0; level -= 1) {
      for (const module of modules) if (depth(module) === level) folded.add(module.id);
      if (new Set(new Visibility(this.model, folded).keys).size <= MAX_AT_FIRST) break;
    }
    return folded;
  }

  // -- moments ------------------------------------------------------------------------------------------------

  /** Show the present moment. After a step the view follows what acts. */
  show(hasStepped) {
    this.scene.show();
    this.foldButton.textContent = this.scene.folded.size > 0 ? "Unfold" : "Fold";
    this.storyLine.setAttribute("aria-live", this.player.isPlaying ? "off" : "polite");
    this.storyLine.replaceChildren(...tell(this.timeline));
    const node = this.timeline.nodeAt(this.timeline.now);
    if (hasStepped && node) this.scene.camera.reveal(this.scene.items.get(this.scene.keyOf(node)).box);
  }

  // -- nodes --------------------------------------------------------------------------------------------------

  /** Open a node in the panel; fold an open module, and unfold a folded one. */
  open(key) {
    if (key[0] === "m") {
      this.scene.toggle(key);
      this.scene.focus(key);
      return;
    }
    this.scene.selected = this.scene.active = key;
    this.panel.open(this.model.nodes[Number(key.slice(1))]);
    this.scene.camera.measure();
    this.scene.camera.reveal(this.scene.items.get(key).box);
    this.scene.refresh();
  }

  closePanel() {
    if (!this.panel.isOpen) return;
    const key = this.scene.selected;
    this.panel.close();
    this.scene.selected = null;
    this.scene.camera.measure();
    if (this.scene.items.has(key)) this.scene.focus(key);
    else this.scene.refresh();
  }

  goTo(node) {
    this.scene.uncover(node);
    const { camera } = this.scene;
    if (camera.zoom < ZOOM.readable) camera.set(camera.x, camera.y, 1);
    this.scene.focus(`n${node.id}`);
    this.open(`n${node.id}`);
  }

  /** To the next node or the one before, in the order they ran. */
  visit(direction) {
    const { order, active } = this.scene;
    const place = order.indexOf(active) + (document.activeElement?.dataset.key ? direction : 0);
    this.follow(order[Math.max(0, Math.min(order.length - 1, place))]);
  }

  walk(direction) {
    const key = this.scene.neighbour(this.scene.active, direction);
    if (key) this.follow(key);
  }

  /** Move the focus, and an open panel with it. */
  follow(key) {
    if (this.panel.isOpen && key[0] === "n") {
      this.scene.selected = key;
      this.panel.open(this.model.nodes[Number(key.slice(1))], false);
    }
    this.scene.focus(key);
  }

  // -- the view -----------------------------------------------------------------------------------------------

  toggleModule() {
    const { active } = this.scene;
    const key = active[0] === "m" ? active : new Visibility(this.model, new Set()).framesAround(active).at(-1);
    if (!key) return;
    this.scene.toggle(key);
    this.scene.focus(key);
    this.show(false);
  }

  toggleAll() {
    const all = new Set(this.model.modules.map((module) => module.id));
    this.scene.setFolded(this.scene.folded.size > 0 ? new Set() : all);
    this.show(false);
  }

  fit() {
    this.scene.camera.fit(this.scene.extent());
  }

  turn() {
    this.scene.isDownwards = !this.scene.isDownwards;
    this.scene.arrange();
    this.scene.lookFirst();
  }

  /** From what the system prefers to the other one, and back. */
  switchTheme() {
    const root = document.documentElement;
    const usual = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme ?? usual) === "dark" ? "light" : "dark";
  }
}

const app = new App();
