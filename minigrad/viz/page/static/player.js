"use strict";

/* Play, pause, step, and the slider: they move the present moment, and tell whoever shows it. */

const PACE = { slowest: 1300, fastest: 180, whole: 40000 }; // milliseconds for a step, and for all of them

class Player {
  /**
   * @param {Timeline} timeline
   * @param {(hasStepped: boolean) => void} onChange
   * @param {() => (node: Node) => string} keyOf
   */
  constructor(timeline, onChange, keyOf) {
    Object.assign(this, { timeline, onChange, keyOf, isPlaying: false });
    const find = (id) => document.getElementById(id);
    [this.slider, this.button, this.speed, this.count] = ["slider", "play", "speed", "count"].map(find);
    const actions = {
      first: () => this.go(0),
      back: () => this.step(-1),
      play: () => this.toggle(),
      next: () => this.step(1),
      last: () => this.go(timeline.end),
    };
    for (const [id, act] of Object.entries(actions)) find(id).addEventListener("click", act);
    this.slider.max = String(timeline.end);
    this.slider.style.setProperty("--turn", String(timeline.end ? timeline.forwardEnd / timeline.end : 1));
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    find("passes").dataset.passes = timeline.end > timeline.forwardEnd ? "2" : "1";
    this.update();
  }

  go(time, hasStepped = false) {
    if (!hasStepped) this.pause();
    this.timeline.now = Math.max(0, Math.min(this.timeline.end, time));
    this.timeline.hasMoved = true;
    this.update();
    this.onChange(hasStepped);
  }

  step(direction) {
    this.pause();
    this.go(this.timeline.stepFrom(this.timeline.now, direction, this.keyOf()), true);
  }

  toggle() {
    if (this.isPlaying) return this.pause();
    if (!this.timeline.hasMoved || this.timeline.now === this.timeline.end) this.go(0);
    this.isPlaying = true;
    this.update();
    return this.advance();
  }

  advance() {
    const { timeline } = this;
    this.go(timeline.stepFrom(timeline.now, 1, this.keyOf()), true);
    if (timeline.now === timeline.end) this.pause();
    else this.timer = setTimeout(() => this.advance(), this.pace() / Number(this.speed.value));
  }

  pace() {
    return Math.max(PACE.fastest, Math.min(PACE.slowest, PACE.whole / this.timeline.end));
  }

  pause() {
    clearTimeout(this.timer);
    this.isPlaying = false;
    this.update();
  }

  update() {
    const { now, end, forwardEnd } = this.timeline;
    const isForward = this.timeline.isForward();
    const [pass, number, all] = isForward
      ? ["forward", now, forwardEnd]
      : ["backward", now - forwardEnd, end - forwardEnd];
    const text = `${pass} ${number} of ${all}`;
    this.slider.value = String(now);
    this.slider.style.setProperty("--now", String(end ? now / end : 0));
    this.slider.setAttribute("aria-valuetext", text);
    this.count.textContent = text;
    document.documentElement.dataset.pass = isForward ? "forward" : "backward";
    this.button.dataset.playing = String(this.isPlaying);
    this.button.setAttribute("aria-label", this.isPlaying ? "pause" : "play");
  }
}
