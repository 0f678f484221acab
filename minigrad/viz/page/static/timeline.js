"use strict";

/* What happens when. A moment is a number: 0 before anything has run, then one for each operation in the order
   they ran, then one for each step of the walk back, of which the first is that the result's gradient is 1. */

/** The present moment, and how one gets to the next. */
class Timeline {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.forwardEnd = model.operations.length;
    this.now = this.forwardEnd; // a page opens with every value in its place
    this.hasMoved = false;
    this.end = model.end;
  }

  isForward(time = this.now) {
    return time <= this.forwardEnd;
  }

  /** @returns {?Node} the node that computes something then, or whose backward rule runs */
  nodeAt(time) {
    if (time <= 0) return null;
    const { operations, walk } = this.model;
    return this.isForward(time) ? operations[time - 1] : walk[time - 1 - this.forwardEnd].node;
  }

  /** @returns {Gift[]} the gradients that are given then */
  giftsAt(time) {
    return this.isForward(time) ? [] : this.model.walk[time - 1 - this.forwardEnd].gifts;
  }

  /**
   * The next moment, or the one before, at which something visible changes.
   * @param {1 | -1} direction
   * @param {(node: Node) => string} keyOf  of the visible item that a node is in: a folded module acts at once
   */
  stepFrom(time, direction, keyOf) {
    const place = (at) => {
      const node = this.nodeAt(at);
      return node && `${keyOf(node)} ${this.isForward(at)}`;
    };
    const isFolded = (at) => at > 0 && keyOf(this.nodeAt(at))[0] === "m";
    let next = Math.max(0, Math.min(this.end, time + direction));
    if (direction > 0) {
      while (next < this.end && isFolded(next) && place(next + 1) === place(next)) next += 1;
    } else if (isFolded(time)) {
      while (next > 0 && place(next) === place(time)) next -= 1;
    }
    return next;
  }
}
