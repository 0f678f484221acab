"""Sorting."""

from __future__ import annotations

import numpy as np

from rows.row import REDUCED, Array, Row, one, real


def lower_median(x: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    if dim is None:
        return np.asarray(np.sort(x.ravel())[(x.size - 1) // 2])
    middle = (x.shape[dim] - 1) // 2
    return np.sort(x, dim).take([middle] if keepdim else middle, dim)


LINES = REDUCED + one(real, (1,), (5,), (0, 2), (2, 0), (1030,))

ROWS = [
    Row("sort", "", lambda m, x: m.sort(x)[0], np.sort, LINES),
    Row("sort", "first dim", lambda m, x: x.sort(dim=0).values, lambda x: np.sort(x, 0), LINES),
    Row("sort", "descending", lambda m, x: x.sort(0, True).values, lambda x: -np.sort(-x, 0), LINES),
    Row(
        "sort", "indices", lambda m, x: m.sort(x, stable=True).indices, np.argsort, LINES,
        differentiable=False, dtype="int64",
    ),
    Row("sort", "of a scalar", lambda m, x: m.sort(x).values, lambda x: x, one(real, ())),
    Row("argsort", "", lambda m, x: m.argsort(x), np.argsort, LINES, differentiable=False, dtype="int64"),
    Row(
        "argsort", "descending", lambda m, x: x.argsort(0, True), lambda x: np.argsort(-x, 0), LINES,
        differentiable=False, dtype="int64",
    ),
    Row(
        "argsort", "of a scalar", lambda m, x: m.argsort(x), lambda x: np.array(0), one(real, ()),
        differentiable=False, dtype="int64",
    ),
    Row(
        "topk", "", lambda m, x: m.topk(x, 2)[0], lambda x: -np.sort(-x)[..., :2],
        REDUCED + one(real, (2,), (1030,)),
    ),
    Row("topk", "nothing", lambda m, x: m.topk(x, 0)[0], lambda x: x[..., :0], one(real, (2, 3))),
    Row("topk", "all", lambda m, x: m.topk(x, 3).values, lambda x: -np.sort(-x), one(real, (2, 3))),
    Row(
        "topk", "smallest", lambda m, x: x.topk(1, dim=0, largest=False).values,
        lambda x: np.sort(x, 0)[:1], REDUCED,
    ),
    Row(
        "topk", "indices", lambda m, x: x.topk(2, -1).indices, lambda x: np.argsort(-x, -1)[..., :2],
        REDUCED, differentiable=False, dtype="int64",
    ),
    Row(
        "topk", "unsorted", lambda m, x: x.topk(2, sorted=False).indices,
        lambda x: np.sort(np.argsort(-x, -1)[..., :2], -1), REDUCED, differentiable=False, dtype="int64",
        has_peer=False,  # in PyTorch their order is undefined
    ),
    Row("topk", "of a scalar", lambda m, x: m.topk(x, 1).values, lambda x: x, one(real, ())),
    Row("median", "", lambda m, x: m.median(x), lower_median, one(real, (), (1,), (5,), (1030,)) + REDUCED),
    Row(
        "median", "dim", lambda m, x: m.median(x, 1)[0], lambda x: lower_median(x, 1),
        REDUCED + one(real, (0, 2)),
    ),
    Row(
        "median", "keepdim", lambda m, x: x.median(0, True).values, lambda x: lower_median(x, 0, True), REDUCED,
    ),
    Row(
        "median", "indices", lambda m, x: x.median(-1).indices,
        lambda x: np.argsort(x)[..., (x.shape[-1] - 1) // 2], REDUCED, differentiable=False, dtype="int64",
    ),
    Row("median", "of a scalar", lambda m, x: m.median(x, 0).values, lambda x: x, one(real, ())),
]  # fmt: skip
