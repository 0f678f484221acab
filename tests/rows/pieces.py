"""One tensor as several, put together again in another order; and windows."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rows.row import MATRIX, Array, Row, one, real


def turned(pieces: list[Array]) -> Array:
    return np.concatenate(pieces[::-1])


ROWS = [
    Row(
        "split", "", lambda m, x: m.cat(m.split(x, 2)[::-1]),
        lambda x: turned([x[i : i + 2] for i in range(0, len(x), 2)] or [x]), [*MATRIX, *one(real, (5,), (0,))],
    ),
    Row(
        "split", "sizes", lambda m, x: m.cat(m.split(x, [2, 0, 1], -1)[::-1], -1),
        lambda x: np.concatenate([x[..., 2:], x[..., :2]], -1), [*one(real, (3,), (2, 3)), (real((3, 2)).T,)],
    ),
    Row(
        "split", "one piece", lambda m, x: x.split(1, dim=1)[1], lambda x: x[:, 1:2],
        [*one(real, (2, 3)), (real((3, 2)).T,)],
    ),
    Row(
        "chunk", "", lambda m, x: m.cat(m.chunk(x, 3)[::-1]),
        lambda x: turned([x[i : i + -(-len(x) // 3)] for i in range(0, len(x), -(-len(x) // 3) or 1)] or [x]),
        [*MATRIX, *one(real, (5,), (4,))],
    ),
    Row(
        "unbind", "", lambda m, x: m.stack(m.unbind(x, -1)[::-1]), lambda x: np.moveaxis(x[..., ::-1], -1, 0),
        [*one(real, (3,), (2, 3), (0, 2), (2, 1, 2)), (real((3, 2)).T,)],
    ),
    Row(
        "narrow", "", lambda m, x: m.narrow(x, 1, 1, 2), lambda x: x[:, 1:3],
        [*one(real, (2, 3), (0, 3), (2, 4, 2)), (real((3, 2)).T,)],
    ),
    Row(
        "narrow", "from the end", lambda m, x: x.narrow(-1, -2, 1), lambda x: x[..., -2:-1],
        one(real, (3,), (2, 3)),
    ),
    Row("select", "", lambda m, x: m.select(x, 1, 2), lambda x: x[:, 2], [*one(real, (2, 3)), (real((3, 2)).T,)]),
    Row("select", "from the end", lambda m, x: x.select(0, -1), lambda x: x[-1], one(real, (3,), (2, 3, 2))),
    Row(
        "unfold", "", lambda m, x: x.unfold(0, 3, 1), lambda x: sliding_window_view(x, 3, 0),
        [*one(real, (5,), (4, 2), (3, 0)), (real((6,))[::-1],)],
    ),
    Row(
        "unfold", "step", lambda m, x: x.unfold(-1, 2, 3), lambda x: sliding_window_view(x, 2, -1)[..., ::3, :],
        [*one(real, (9,), (2, 5), (2, 4, 2)), (real((4, 2)).T,)],
    ),
    Row("unfold", "of none", lambda m, x: x.unfold(0, 0, 2), lambda x: np.zeros((2, 0)), one(real, (3,))),
]  # fmt: skip
