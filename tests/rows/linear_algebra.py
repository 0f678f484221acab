"""Matrix products."""

from __future__ import annotations

import numpy as np

from rows.row import Array, Row, real


def linear(x: Array, W: Array, b: Array | float = 0.0) -> Array:
    return np.asarray(x @ W.T + b)


def added(x: Array, y: Array, z: Array, beta: float = 1.0, alpha: float = 1.0) -> Array:
    return np.asarray(beta * x + alpha * (y @ z))


MATRICES = [
    (real((2, 3)), real((3, 4))),
    (real((1, 1)), real((1, 1))),
    (real((0, 3)), real((3, 2))),
    (real((2, 0)), real((0, 3))),
    (real((2, 3)), real((3, 0))),
    (real((3,)), real((3,))),
    (real((3,)), real((3, 2))),
    (real((2, 3)), real((3,))),
    (real((2, 2, 3)), real((3,))),
    (real((3,)), real((2, 3, 2))),
    (real((2, 1, 2)), real((2, 3))),
    (real((2, 1, 2, 1)), real((2, 1, 2))),
    (real((3, 2)).T, real((4, 3)).T),
    (real((2, 3))[::-1], real((3, 8))[:, ::-2]),
    (real((33, 17)), real((17, 9))),
]

LAYERS = [
    (real((2, 3)), real((4, 3)), real((4,))),
    (real((3,)), real((2, 3)), real((2,))),
    (real((2, 2, 3)), real((1, 3)), real((1,))),
    (real((0, 3)), real((2, 3)), real((2,))),
    (real((2, 0)), real((3, 0)), real((3,))),
    (real((2, 3)), real((0, 3)), real((0,))),
    (real((3, 2)).T, real((3, 4)).T, real((8,))[::-2]),
    (real((33, 17)), real((9, 17)), real((9,))),
]

# by the number of dims of the first operand
STRICT = {
    1: [(real((n,)), real((n,))) for n in (3, 1, 0)] + [(real((6,))[::2], real((3,))[::-1])],
    2: [(real((2, 3)), real((3,))), (real((0, 3)), real((3,))), (real((3, 2)).T, real((6,))[::-2])],
    3: [
        (real((2, 1, 3)), real((2, 3, 2))),
        (real((0, 2, 3)), real((0, 3, 1))),
        (real((3, 2, 2)).T, real((2, 3, 2))),
    ],
}
ADDED = {
    2: [
        (real(x), real(y), real(z))
        for x, y, z in (((2, 4), (2, 3), (3, 4)), ((4,), (0, 3), (3, 4)), ((2, 1), (2, 0), (0, 3)))
    ],
    3: [
        (real(x), real(y), real(z))
        for x, y, z in (((2, 1, 3), (2, 1, 2), (2, 2, 3)), ((3,), (2, 1, 2), (2, 2, 3)))
    ],
}
VECTORS = [(real((m,)), real((n,))) for m, n in ((2, 3), (1, 1), (0, 2))] + [(real((4,))[::-2], real((3,)))]

ROWS = [
    Row("matmul", "", lambda m, x, y: m.matmul(x, y), np.matmul, MATRICES),
    Row("matmul", "operator", lambda m, x, y: x @ y, np.matmul, MATRICES),
    Row("dot", "", lambda m, x, y: m.dot(x, y), np.dot, STRICT[1]),
    Row("mv", "", lambda m, x, y: m.mv(x, y), np.matmul, STRICT[2]),
    Row(
        "mm",
        "",
        lambda m, x, y: m.mm(x, y),
        np.matmul,
        [pair for pair in MATRICES if all(x.ndim == 2 for x in pair)],
    ),
    Row("bmm", "", lambda m, x, y: m.bmm(x, y), np.matmul, STRICT[3]),
    Row("addmm", "", lambda m, x, y, z: m.addmm(x, y, z), added, ADDED[2]),
    Row(
        "addmm",
        "factors",
        lambda m, x, y, z: x.addmm(y, z, beta=0.5, alpha=-2),
        lambda x, y, z: added(x, y, z, 0.5, -2.0),
        ADDED[2],
    ),
    Row(
        "addmm",
        "without the first",
        lambda m, y, z: m.addmm(y.new_full((1,), float("nan")), y, z, beta=0, alpha=3),
        lambda y, z: 3 * (y @ z),
        [sample[1:] for sample in ADDED[2]],
    ),
    Row(
        "baddbmm",
        "",
        lambda m, x, y, z: m.baddbmm(x, y, z, alpha=0.5),
        lambda x, y, z: added(x, y, z, 1.0, 0.5),
        ADDED[3],
    ),
    Row("outer", "", lambda m, x, y: m.outer(x, y), np.outer, VECTORS),
    Row("linear", "", lambda m, x, W, b: m.linear(x, W, b), linear, LAYERS),
    Row("linear", "no bias", lambda m, x, W: m.linear(x, W), linear, [sample[:2] for sample in LAYERS]),
]
