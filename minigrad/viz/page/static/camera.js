"use strict";

/* Which part of the plane is in sight. It follows the mouse, fingers, and whoever asks it to show something. */

const ZOOM = { least: 0.04, most: 3, readable: 0.7, comfortable: 1.4 };
const GLIDE = 260; // milliseconds

class Camera {
  /**
   * @param {SVGSVGElement} view   the window onto the plane
   * @param {SVGGElement} plane    what moves
   * @param {() => void} onMove
   */
  constructor(view, plane, onMove) {
    Object.assign(this, { view, plane, onMove, x: 0, y: 0, zoom: 1 });
    this.pointers = new Map(); // the fingers that are down
    this.hasMoved = false; // since the last of them went down
    /** @type {?Box} */ this.fitted = null; // what fills the window, until somebody moves the view
    view.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    view.addEventListener("pointerdown", (event) => this.press(event));
    view.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) {
      view.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
    this.measure();
  }

  /** Read how large the window is; what filled it before does so again. */
  measure() {
    const { width, height } = this.view.getBoundingClientRect();
    [this.width, this.height] = [width, height];
    if (this.fitted) this.fit(this.fitted, false);
  }

  /** @returns {Box} the part of the plane in sight, and a little more */
  sight(margin = 80) {
    return {
      x: (-this.x - margin) / this.zoom,
      y: (-this.y - margin) / this.zoom,
      width: (this.width + 2 * margin) / this.zoom,
      height: (this.height + 2 * margin) / this.zoom,
    };
  }

  /** Go there at once. */
  set(x, y, zoom) {
    Object.assign(this, { x, y, zoom });
    this.plane.setAttribute("transform", `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${zoom.toFixed(4)})`);
    this.onMove();
  }

  /** Go there smoothly, or at once for those who asked for less motion. */
  glide(x, y, zoom = this.zoom) {
    cancelAnimationFrame(this.frame);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.set(x, y, zoom);
    const start = { x: this.x, y: this.y, zoom: this.zoom, time: performance.now() };
    const move = (time) => {
      const share = Math.min(1, Math.max(0, (time - start.time) / GLIDE));
      const eased = 1 - (1 - share) ** 3;
      const between = (from, to) => from + (to - from) * eased;
      this.set(between(start.x, x), between(start.y, y), between(start.zoom, zoom));
      if (share < 1) this.frame = requestAnimationFrame(move);
    };
    this.frame = requestAnimationFrame(move);
    return undefined;
  }

  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const zoom = Math.min(ZOOM.most, Math.max(ZOOM.least, this.zoom * factor));
    const change = zoom / this.zoom;
    this.leave();
    this.set(x - (x - this.x) * change, y - (y - this.y) * change, zoom);
  }

  panBy(x, y) {
    this.leave();
    this.set(this.x + x, this.y + y, this.zoom);
  }

  /** From here on the view is where somebody moved it. */
  leave() {
    cancelAnimationFrame(this.frame);
    this.fitted = null;
  }

  /** Show a whole rectangle, in the middle of the window. */
  fit(box, isGliding = true) {
    const { x, y, width, height } = box;
    this.fitted = box;
    const margin = Math.min(32, this.width * 0.04);
    const zoom = Math.max(
      ZOOM.least,
      Math.min(ZOOM.comfortable, (this.width - 2 * margin) / width, (this.height - 2 * margin) / height),
    );
    const target = [this.width / 2 - (x + width / 2) * zoom, this.height / 2 - (y + height / 2) * zoom, zoom];
    cancelAnimationFrame(this.frame);
    if (isGliding) this.glide(...target);
    else this.set(...target);
  }

  /** Move no more than is needed to have a rectangle in sight, and none at all if it is. */
  reveal({ x, y, width, height }) {
    const margin = Math.min(60, this.width * 0.08);
    const shift = (low, size, offset, window) => {
      const [start, end] = [low * this.zoom + offset, (low + size) * this.zoom + offset];
      if (end - start > window - 2 * margin) return (window - start - end) / 2;
      return Math.max(0, margin - start) + Math.min(0, window - margin - end);
    };
    const [dx, dy] = [shift(x, width, this.x, this.width), shift(y, height, this.y, this.height)];
    if (Math.abs(dx) <= 1 && Math.abs(dy) <= 1) return;
    this.leave();
    this.glide(this.x + dx, this.y + dy);
  }

  // -- mouse and fingers --------------------------------------------------------------------------------------

  wheel(event) {
    event.preventDefault();
    const { left, top } = this.view.getBoundingClientRect();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1);
    this.zoomBy(Math.exp(-pixels * 0.0016), event.clientX - left, event.clientY - top);
  }

  press(event) {
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.hasMoved = false;
  }

  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = [event.clientX, event.clientY];
    if (!this.hasMoved && Math.hypot(now[0] - before[0], now[1] - before[1]) < 4) return;
    if (!this.hasMoved) this.view.setPointerCapture(event.pointerId);
    this.hasMoved = true; // so that the click that ends a drag opens nothing
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const { left, top } = this.view.getBoundingClientRect();
      const distance = ([x, y]) => Math.max(1, Math.hypot(x - other[0], y - other[1]));
      this.zoomBy(distance(now) / distance(before), (now[0] + other[0]) / 2 - left, (now[1] + other[1]) / 2 - top);
    } else {
      this.panBy(now[0] - before[0], now[1] - before[1]);
    }
    this.pointers.set(event.pointerId, now);
  }
}
