"""Steps."""

from __future__ import annotations

import numpy as np

from rows.row import Array, Row, Shape, elementwise, positive, real


def between_steps(shape: Shape = ()) -> Array:
    """Numbers away from whole ones and from those half-way between."""
    return np.asarray(np.floor(real(shape) * 3) + 0.2 * positive(shape))


STEPS = elementwise(between_steps)

ROWS = [
    Row("sign", "", lambda m, x: m.sign(x), np.sign, STEPS),
    Row("floor", "", lambda m, x: m.floor(x), np.floor, STEPS),
    Row("ceil", "", lambda m, x: m.ceil(x), np.ceil, STEPS),
    Row("trunc", "", lambda m, x: m.trunc(x), np.trunc, STEPS),
    Row("round", "", lambda m, x: m.round(x), np.round, STEPS),
    Row("round", "decimals", lambda m, x: m.round(x / 100, decimals=2), lambda x: np.round(x / 100, 2), STEPS),
    Row("round", "tens", lambda m, x: m.round(x * 10, decimals=-1), lambda x: np.round(x * 10, -1), STEPS),
    Row("round", "operator", lambda m, x: round(x), np.round, STEPS, has_peer=False),
    Row("frac", "", lambda m, x: m.frac(x), lambda x: x - np.trunc(x), STEPS),
]
