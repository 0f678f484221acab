"""Tensors one after another, and borders."""

from __future__ import annotations

from typing import Any

import numpy as np

from rows.row import Array, Row, one, real

PAIRS = [(real((2, 3)), real((1, 3))), (real((0,)), real((2,))), (real((3, 2)).T, real((2, 3))[::-1])]
BOXES = [*one(real, (2, 3), (2, 2, 3), (4, 4)), (real((3, 4)).T,), (real((3, 6))[::-1, ::2],)]


def border(label: str, widths: tuple[int, ...], mode: str, numpy_mode: str, samples: Any) -> Row:
    """``pad`` of the last two dims at most; what is negative is taken away first."""

    def reference(x: Array) -> Array:
        sides = [(0, 0)] * (x.ndim - len(widths) // 2) + [*zip(widths[-2::-2], widths[::-2], strict=True)]
        ends = zip(sides, x.shape, strict=True)
        x = x[tuple(slice(max(-before, 0), n + min(after, 0)) for (before, after), n in ends)]
        return np.pad(x, [(max(before, 0), max(after, 0)) for before, after in sides], numpy_mode) if x.ndim else x

    return Row("pad", label, lambda m, x: m.nn.functional.pad(x, widths, mode), reference, samples)


ROWS = [
    Row("cat", "", lambda m, x, y: m.cat([x, y]), lambda x, y: np.concatenate([x, y]), PAIRS),
    Row(
        "cat", "dim", lambda m, x, y: m.cat((x, y, x), dim=-1), lambda x, y: np.concatenate([x, y, x], -1),
        [(real((2, 3)), real((2, 1))), (real((2, 0)), real((2, 1)))],
    ),
    Row(
        "stack", "", lambda m, x, y: m.stack([x, y, x], -1), lambda x, y: np.stack([x, y, x], -1),
        [(real(s), real(s)) for s in [(), (2, 3), (0,)]] + [(real((3, 2)).T, real((2, 3)))],
    ),
    Row(
        "hstack", "", lambda m, x, y: m.hstack([x, y]), lambda x, y: np.hstack([x, y]),
        [(real(x), real(y)) for x, y in [((), ()), ((2,), (3,)), ((2, 1), (2, 3)), ((0, 1), (0, 2))]],
    ),
    Row(
        "vstack", "", lambda m, x, y: m.vstack([x, y]), lambda x, y: np.vstack([x, y]),
        [(real(x), real(y)) for x, y in [((), ()), ((3,), (2, 3)), ((2, 1), (1, 1)), ((0,), (2, 0))]],
    ),
    border("", (1, 2), "constant", "constant", [*BOXES, *one(real, (0,), (3,))]),
    border("two dims", (1, 0, 2, 1), "constant", "constant", BOXES),
    border("taken away", (-1, 2, 1, -1), "constant", "constant", BOXES),
    border("nothing", (), "constant", "constant", [*BOXES, *one(real, ())]),
    Row(
        "pad", "value", lambda m, x: m.nn.functional.pad(x, (1, 1), value=2.5),
        lambda x: np.pad(x, [(0, 0)] * (x.ndim - 1) + [(1, 1)], constant_values=2.5), BOXES,
    ),
    border("reflect", (2, 1), "reflect", "reflect", BOXES),
    border("replicate", (3, 1), "replicate", "edge", BOXES),
    border("circular", (2, 3), "circular", "wrap", BOXES),
    border("circular, taken away", (2, -1), "circular", "wrap", BOXES),
    border("reflect two dims", (1, 2, 1, 1), "reflect", "reflect", one(real, (1, 2, 3), (2, 2, 2, 3))),
    border("replicate two dims", (1, 2, 1, 0), "replicate", "edge", one(real, (1, 2, 3), (2, 2, 2, 3))),
    border("circular two dims", (1, 2, 1, 2), "circular", "wrap", one(real, (1, 2, 3), (2, 2, 2, 3))),
]  # fmt: skip
