"""The same elements in another arrangement, or repeated by broadcasting."""

from __future__ import annotations

import numpy as np

from rows.row import MATRIX, Row, one, real

ROWS = [
    Row("reshape", "", lambda m, x: m.reshape(x, (3, -1)), lambda x: x.reshape(3, -1), MATRIX),
    Row(
        "reshape", "scalar", lambda m, x: x.reshape(()), lambda x: x.reshape(()),
        one(real, (), (1,), (1, 1)),
    ),
    Row(
        "reshape_as", "", lambda m, x: x.reshape_as(m.zeros(3, 2)), lambda x: x.reshape(3, 2),
        [*one(real, (2, 3), (6,)), (real((3, 2)).T,)],
    ),
    Row("view", "", lambda m, x: x.view(-1), lambda x: x.reshape(-1), one(real, (), (2, 3), (0, 3))[:2]),
    Row("view_as", "", lambda m, x: x.view_as(m.zeros(3, 2)), lambda x: x.reshape(3, 2), one(real, (2, 3), (6,))),
    Row("flatten", "", lambda m, x: m.flatten(x), np.ravel, [*MATRIX, (real(()),)]),
    Row("flatten", "end", lambda m, x: m.flatten(x, 1), lambda x: x.reshape(2, 6), one(real, (2, 3, 2))),
    Row(
        "unflatten", "", lambda m, x: m.unflatten(x, -1, (-1, 2)),
        lambda x: x.reshape(*x.shape[:-1], x.shape[-1] // 2, 2), one(real, (6,), (2, 4), (0, 2)),
    ),
    Row("squeeze", "", lambda m, x: m.squeeze(x), np.squeeze, one(real, (), (1, 3, 1), (2, 3), (1, 0))),
    Row("squeeze", "dim", lambda m, x: m.squeeze(x, 0), lambda x: x.reshape(3, 1), one(real, (1, 3, 1))),
    Row("unsqueeze", "", lambda m, x: m.unsqueeze(x, -1), lambda x: x[..., None], [*MATRIX, (real(()),)]),
    Row("contiguous", "", lambda m, x: x.contiguous(), np.array, [*MATRIX, (real(()),)]),
    Row(
        "expand", "", lambda m, x: x.expand(2, -1, 3), lambda x: np.broadcast_to(x, (2, 2, 3)),
        one(real, (2, 3), (2, 1)),
    ),
    Row(
        "expand", "from a scalar", lambda m, x: x.expand(2, 0), lambda x: np.broadcast_to(x, (2, 0)),
        one(real, (), (1,)),
    ),
    Row(
        "expand_as", "", lambda m, x: x.expand_as(m.zeros(2, 2, 3)), lambda x: np.broadcast_to(x, (2, 2, 3)),
        one(real, (2, 3), (2, 1), (3,), ()),
    ),
    Row(
        "broadcast_to", "", lambda m, x: m.broadcast_to(x, (2, 3)), lambda x: np.broadcast_to(x, (2, 3)),
        one(real, (2, 3), (2, 1), (3,), ()),
    ),
    Row(
        "broadcast_tensors", "", lambda m, x, y: m.stack(m.broadcast_tensors(x, y)),
        lambda x, y: np.stack(np.broadcast_arrays(x, y)),
        [(real((2, 1)), real((3,))), (real(()), real((0,))), (real((3, 2)).T, real((2, 3)))],
    ),
]  # fmt: skip
