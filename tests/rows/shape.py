"""The same elements in another order or arrangement."""

from __future__ import annotations

import numpy as np

from rows.row import Row, one, real

MATRIX = [*one(real, (2, 3), (0, 3), (33, 17)), (real((3, 2)).T,), (real((2, 6))[::-1, ::-2],)]

ROWS = [
    Row("reshape", "", lambda m, x: m.reshape(x, (3, -1)), lambda x: x.reshape(3, -1), MATRIX),
    Row(
        "reshape", "scalar", lambda m, x: x.reshape(()), lambda x: x.reshape(()),
        one(real, (), (1,), (1, 1)),
    ),
    Row("view", "", lambda m, x: x.view(-1), lambda x: x.reshape(-1), one(real, (), (2, 3), (0, 3))[:2]),
    Row("flatten", "", lambda m, x: m.flatten(x), np.ravel, [*MATRIX, (real(()),)]),
    Row("flatten", "end", lambda m, x: m.flatten(x, 1), lambda x: x.reshape(2, 6), one(real, (2, 3, 2))),
    Row(
        "permute", "", lambda m, x: m.permute(x, (2, 0, 1)), lambda x: x.transpose(2, 0, 1),
        one(real, (2, 3, 4), (0, 1, 2)),
    ),
    Row("transpose", "", lambda m, x: m.transpose(x, 0, -1), lambda x: x.T, MATRIX),
    Row("permute", "T", lambda m, x: x.T, lambda x: x.T, MATRIX),
    Row("squeeze", "", lambda m, x: m.squeeze(x), np.squeeze, one(real, (), (1, 3, 1), (2, 3), (1, 0))),
    Row("squeeze", "dim", lambda m, x: m.squeeze(x, 0), lambda x: x.reshape(3, 1), one(real, (1, 3, 1))),
    Row("unsqueeze", "", lambda m, x: m.unsqueeze(x, -1), lambda x: x[..., None], [*MATRIX, (real(()),)]),
    Row(
        "expand", "", lambda m, x: x.expand(2, -1, 3), lambda x: np.broadcast_to(x, (2, 2, 3)),
        one(real, (2, 3), (2, 1)),
    ),
    Row(
        "expand", "from a scalar", lambda m, x: x.expand(2, 0), lambda x: np.broadcast_to(x, (2, 0)),
        one(real, (), (1,)),
    ),
    Row(
        "cat", "", lambda m, x, y: m.cat([x, y]), lambda x, y: np.concatenate([x, y]),
        [(real((2, 3)), real((1, 3))), (real((0,)), real((2,))), (real((3, 2)).T, real((2, 3))[::-1])],
    ),
    Row(
        "cat", "dim", lambda m, x, y: m.cat((x, y, x), dim=-1), lambda x, y: np.concatenate([x, y, x], -1),
        [(real((2, 3)), real((2, 1))), (real((2, 0)), real((2, 1)))],
    ),
    Row(
        "stack", "", lambda m, x, y: m.stack([x, y, x], -1), lambda x, y: np.stack([x, y, x], -1),
        [(real(s), real(s)) for s in [(), (2, 3), (0,)]] + [(real((3, 2)).T, real((2, 3)))],
    ),
]  # fmt: skip
