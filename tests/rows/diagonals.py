"""Diagonals and triangles."""

from __future__ import annotations

import numpy as np

from rows.row import MATRIX, Row, one, real

MATRICES = [*MATRIX, *one(real, (2, 3, 3))]

ROWS = [
    Row("diagonal", "", lambda m, x: m.diagonal(x), np.diagonal, [*MATRIX, *one(real, (2, 2, 3))]),
    Row(
        "diagonal",
        "offset",
        lambda m, x: m.diagonal(x, 1, -1, 0),
        lambda x: np.diagonal(x, 1, -1, 0),
        [*MATRIX, *one(real, (3, 1, 2))],
    ),
    Row("diagonal", "outside", lambda m, x: m.diagonal(x, -40), lambda x: np.zeros(0), MATRIX),
    Row("diag", "of a matrix", lambda m, x: m.diag(x, -1), lambda x: np.diag(x, -1), MATRIX),
    Row("diag", "", lambda m, x: m.diag(x), np.diag, [*one(real, (3,), (1,), (0,)), (real((6,))[::-2],)]),
    Row("diag", "offset", lambda m, x: m.diag(x, 2), lambda x: np.diag(x, 2), one(real, (3,), (1,), (0,))),
    Row("trace", "", lambda m, x: x.trace(), np.trace, MATRIX),
    Row("tril", "", lambda m, x: m.tril(x), np.tril, MATRICES),
    Row("tril", "diagonal", lambda m, x: m.tril(x, 1), lambda x: np.tril(x, 1), MATRICES),
    Row("triu", "", lambda m, x: m.triu(x), np.triu, MATRICES),
    Row("triu", "diagonal", lambda m, x: m.triu(x, -1), lambda x: np.triu(x, -1), MATRICES),
]
