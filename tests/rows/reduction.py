"""Reductions, and what works along one dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from rows.row import ANY_SHAPE, REDUCED, Array, Row, broadcasting, one, real


def softmax(z: Array, dim: int) -> Array:
    e = np.exp(z - z.max(dim, keepdims=True, initial=-np.inf))
    return np.asarray(e / e.sum(dim, keepdims=True))


def logsumexp(x: Array, dims: Any, keepdim: bool = False) -> Array:
    return np.asarray(np.log(np.exp(x).sum(dims, keepdims=keepdim)))


ROWS = [
    Row("sum", "", lambda m, x: m.sum(x), np.sum, ANY_SHAPE),
    Row("sum", "dim", lambda m, x: m.sum(x, 1), lambda x: x.sum(1), REDUCED + one(real, (0, 2), (2, 0))),
    Row(
        "sum", "first dim", lambda m, x: x.sum(dim=0, keepdim=True), lambda x: x.sum(0, keepdims=True),
        REDUCED,
    ),
    Row("sum", "dims", lambda m, x: m.sum(x, (0, -1)), lambda x: x.sum((0, -1)), REDUCED),
    Row("mean", "", lambda m, x: m.mean(x), np.mean, one(real, (), (1,), (5,), (1030,)) + REDUCED),
    Row("mean", "dim", lambda m, x: m.mean(x, -1), lambda x: x.mean(-1), REDUCED + one(real, (0, 2))),
    Row(
        "mean", "keepdim", lambda m, x: x.mean((0, 1), True), lambda x: x.mean((0, 1), keepdims=True),
        REDUCED,
    ),
    Row(
        "sum", "dtype", lambda m, x: m.sum(x, 0, dtype=m.float64), lambda x: x.sum(0), REDUCED, dtype="float64",
    ),
    Row("prod", "", lambda m, x: m.prod(x), np.prod, one(real, (), (0,), (1,), (5,), (2, 3), (2, 3, 2))),
    Row(
        "prod", "zeros", lambda m, x: x.prod(1), lambda x: x.prod(1),
        [(np.array([[2.0, 0.0, 3.0], [0.0, 1.5, 0.0], [1.2, 0.5, 0.7]]),)],
    ),
    Row(
        "prod", "keepdim", lambda m, x: m.prod(x, -1, True), lambda x: x.prod(-1, keepdims=True),
        [*one(real, (2, 3), (2, 3, 2), (3, 0), (0, 3)), (real((3, 2)).T,), (real((2, 6))[::-1, ::2],)],
    ),
    Row(
        "prod", "dims", lambda m, x: x.prod((2, 0)), lambda x: x.prod((2, 0)), one(real, (2, 3, 2)),
        has_peer=False,  # PyTorch takes one dim only
    ),
    *[
        Row(
            name, label, function, reference, REDUCED + one(real, (0, 2), (2, 0)), differentiable=False,
            dtype="bool",
        )
        for name, of in (("any", np.any), ("all", np.all))
        for label, function, reference in (
            ("", lambda m, x, name=name: getattr(m, name)(x > 1), lambda x, of=of: of(x > 1)),
            ("floats", lambda m, x, name=name: getattr(m, name)(x, 1), lambda x, of=of: of(x, 1)),
            (
                "dims", lambda m, x, name=name: getattr(x > 1, name)((0, 1), True),
                lambda x, of=of: of(x > 1, (0, 1), keepdims=True),
            ),
        )
    ],
    *[
        Row(
            "count_nonzero", label, lambda m, x, dim=dim: m.count_nonzero(x, dim),
            lambda x, dim=dim: np.count_nonzero(x, dim),
            [*REDUCED, (np.array([[0.0, 1.0, np.nan], [0.0, 0.0, -0.0]]),)], differentiable=False, dtype="int64",
        )
        for label, dim in (("", None), ("dim", 1), ("dims", (0, -1)))
    ],
    Row(
        "logsumexp", "", lambda m, x: m.logsumexp(x, 0), lambda x: logsumexp(x, 0),
        REDUCED + one(real, (1,), (2, 0)),
    ),
    Row(
        "logsumexp", "dims", lambda m, x: m.logsumexp(x, (0, 1), True), lambda x: logsumexp(x, (0, 1), True),
        REDUCED,
    ),
    Row("logaddexp", "", lambda m, x, y: m.logaddexp(x, y), np.logaddexp, broadcasting(real, real)),
    Row(
        "softmax", "", lambda m, z: m.softmax(z, 1), lambda z: softmax(z, 1),
        REDUCED + one(real, (0, 2), (2, 0)),
    ),
    Row(
        "softmax", "first dim", lambda m, z: z.softmax(dim=0), lambda z: softmax(z, 0),
        REDUCED + one(real, (5,)),
    ),
    Row("softmax", "of a scalar", lambda m, z: m.softmax(z, 0), np.ones_like, one(real, ())),
    Row("log_softmax", "", lambda m, z: m.log_softmax(z, -1), lambda z: np.log(softmax(z, -1)), REDUCED),
    Row("log_softmax", "of a scalar", lambda m, z: m.log_softmax(z, -1), np.zeros_like, one(real, ())),
    Row("log_softmax", "first dim", lambda m, z: z.log_softmax(0), lambda z: np.log(softmax(z, 0)), REDUCED),
    Row(
        "sum_to_size", "", lambda m, x: x.sum_to_size(1, 3), lambda x: x.sum(0, keepdims=True),
        one(real, (2, 3), (0, 3)),
    ),
    Row("sum_to_size", "nothing", lambda m, x: x.sum_to_size((2, 3)), np.array, one(real, (2, 3))),
    Row("sum_to_size", "scalar", lambda m, x: x.sum_to_size(()), np.sum, one(real, (2, 3), (1,), ())),
]  # fmt: skip
