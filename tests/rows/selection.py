"""Gather, scatter and the like."""

from __future__ import annotations

from typing import Any

import numpy as np

from rows.row import Array, Row, one, real

ROW = np.array([[2, 0, 2], [1, 1, 0]])  # along dim 1 of (2, 3), or dim 0 of (3, 3); indices repeat
COLUMN = np.array([[1, 0], [0, 0], [1, 1]])
MASK = np.array([[True, False, True], [False, False, True]])
ONCE = np.array([[2, 0], [1, 2]])  # where one index stands twice, PyTorch's gradients of scatter are arbitrary


def places(index: Array, dim: int) -> tuple[Array, ...]:
    where: list[Array] = list(np.indices(index.shape))
    where[dim] = index
    return tuple(where)


def scattered(x: Array, index: Array, v: Any, dim: int) -> Array:
    out = x.copy()
    out[places(index, dim)] = v
    return out


def added(x: Array, index: Array, v: Array, dim: int) -> Array:
    out = x.copy()
    np.add.at(out, places(index, dim), v)
    return out


def slices_added(x: Array, index: list[int], v: Array, dim: int) -> Array:
    out = np.moveaxis(x.copy(), dim, 0)
    for i, part in zip(index, np.moveaxis(v, dim, 0), strict=True):
        out[i] += part
    return np.moveaxis(out, 0, dim)


def near(m: Any, x: Any, values: Any) -> Any:
    """The values as a tensor where ``x`` is."""
    return m.tensor(values, device=x.device)


ROWS = [
    Row(
        "gather", "", lambda m, x: m.gather(x, 1, near(m, x, ROW)), lambda x: np.take_along_axis(x, ROW, 1),
        [*one(real, (2, 3)), (real((3, 2)).T,), (real((4, 3))[::-2],)],
    ),
    Row(
        "gather", "part", lambda m, x: x.gather(0, near(m, x, ROW)),
        lambda x: np.take_along_axis(x[:, :3], ROW, 0), one(real, (3, 5), (3, 3)),
    ),
    Row(
        "gather", "three dims", lambda m, x: x.gather(-2, near(m, x, COLUMN[None])),
        lambda x: np.take_along_axis(x, COLUMN[None], 1), one(real, (1, 2, 2)),
    ),
    Row("gather", "of a scalar", lambda m, x: m.gather(x, 0, near(m, x, 0)), lambda x: x, one(real, ())),
    Row("gather", "nothing", lambda m, x: x.gather(0, near(m, x, ROW[:0])), lambda x: x[:0], one(real, (2, 3))),
    Row(
        "take_along_dim", "", lambda m, x: m.take_along_dim(x, near(m, x, [[1], [0]]), 1),
        lambda x: np.take_along_axis(x, np.array([[1], [0]]), 1), one(real, (2, 3), (1, 2), (2, 2)),
    ),
    Row(
        "take_along_dim", "flat", lambda m, x: x.take_along_dim(near(m, x, [3, 0, 3])),
        lambda x: x.ravel()[[3, 0, 3]], one(real, (2, 3), (5,)),
    ),
    Row(
        "index_select", "", lambda m, x: m.index_select(x, 0, near(m, x, [1, 0, 1, 1])), lambda x: x[[1, 0, 1, 1]],
        [*one(real, (2, 3), (2,), (2, 3, 2), (33, 17), (2, 0)), (real((3, 2)).T,)],
    ),
    Row(
        "index_select", "last dim", lambda m, x: x.index_select(-1, near(m, x, 1)), lambda x: x[..., [1]],
        one(real, (2, 3), (2,), (2, 3, 2)),
    ),
    Row(
        "index_select", "of a scalar", lambda m, x: m.index_select(x, 0, near(m, x, 0)), lambda x: x,
        one(real, ()),
    ),
    Row(
        "masked_select", "", lambda m, x: m.masked_select(x, near(m, x, MASK)),
        lambda x: np.broadcast_to(x, (2, 3))[MASK], one(real, (2, 3), (3,), (2, 1), ()),
    ),
    Row(
        "masked_select", "broadcast", lambda m, x: x.masked_select(near(m, x, [True, False, True])),
        lambda x: x[..., [0, 2]].ravel(), one(real, (2, 3), (3,)),
    ),
    Row(
        "scatter", "", lambda m, x, v: m.scatter(x, 1, near(m, x, ONCE), v),
        lambda x, v: scattered(x, ONCE, v[:2, :2], 1),
        [(real((2, 3)), real((2, 2))), (real((3, 4)), real((2, 2))), (real((3, 2)).T, real((2, 2)).T)],
    ),
    Row(
        "scatter", "part of src", lambda m, x, v: m.scatter(x, 1, near(m, x, ONCE), v),
        lambda x, v: scattered(x, ONCE, v[:2, :2], 1), [(real((3, 4)), real((2, 5)))],
        has_peer=False,  # PyTorch computes no gradient for such a src
    ),
    Row(
        "scatter", "repeated", lambda m, x, v: x.scatter(1, near(m, x, ROW), v),
        lambda x, v: scattered(x, ROW, v, 1), [(real((2, 3)), real((2, 3)))],
        has_peer=False,  # whose gradient counts what was overwritten
    ),
    Row(
        "scatter", "number", lambda m, x: x.scatter(0, near(m, x, COLUMN), 1.5),
        lambda x: scattered(x, COLUMN, 1.5, 0), one(real, (3, 2), (3, 3)),
    ),
    Row(
        "scatter", "value", lambda m, x: m.scatter(x, -1, near(m, x, COLUMN), value=0.5),
        lambda x: scattered(x, COLUMN, 0.5, 1), one(real, (3, 2)),
    ),
    Row(
        "scatter", "to a scalar", lambda m, x, v: x.scatter(0, near(m, x, 0), v), lambda x, v: v,
        [(real(), real())],
    ),
    Row(
        "scatter_add", "", lambda m, x, v: m.scatter_add(x, 1, near(m, x, ROW), v),
        lambda x, v: added(x, ROW, v, 1),
        [(real((2, 3)), real((2, 3))), (real((4, 3)), real((2, 3))), (real((3, 2)).T, real((3, 2)).T)],
    ),
    Row(
        "scatter_add", "part of src", lambda m, x, v: m.scatter_add(x, 1, near(m, x, ROW), v),
        lambda x, v: added(x, ROW, v[:, :3], 1), [(real((4, 3)), real((2, 4)))],
        has_peer=False,  # PyTorch computes no gradient for such a src
    ),
    Row(
        "scatter_add", "first dim", lambda m, x, v: x.scatter_add(0, near(m, x, COLUMN), v),
        lambda x, v: added(x, COLUMN, v, 0), [(real((2, 2)), real((3, 2))), (real((2, 3)), real((3, 2)))],
    ),
    Row(
        "index_add", "", lambda m, x, v: m.index_add(x, 0, near(m, x, [1, 0, 1]), v),
        lambda x, v: slices_added(x, [1, 0, 1], v, 0),
        [(real((2, 3)), real((3, 3))), (real((2,)), real((3,))), (real((33, 17)), real((3, 17)))],
    ),
    Row(
        "index_add", "alpha", lambda m, x, v: x.index_add(-1, near(m, x, [2, 2]), v, alpha=-3),
        lambda x, v: slices_added(x, [2, 2], -3 * v, x.ndim - 1),
        [(real((2, 3)), real((2, 2))), (real((2, 2, 3)), real((2, 2, 2)))],
    ),
]  # fmt: skip
