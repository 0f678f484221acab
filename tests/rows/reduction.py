"""Reductions, and what works along one dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from rows.row import ANY_SHAPE, REDUCED, Array, Row, one, real


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
    Row("max", "", lambda m, x: m.max(x), np.max, one(real, (), (1,), (5,), (1030,)) + REDUCED),
    Row("max", "dim", lambda m, x: m.max(x, 1)[0], lambda x: x.max(1), REDUCED + one(real, (0, 2))),
    Row("max", "keepdim", lambda m, x: x.max(0, True).values, lambda x: x.max(0, keepdims=True), REDUCED),
    Row(
        "max", "indices", lambda m, x: m.max(x, 0).indices, lambda x: x.argmax(0),
        REDUCED, differentiable=False, dtype="int64",
    ),
    Row("max", "of a scalar", lambda m, x: m.max(x, 0).values, lambda x: x, one(real, ())),
    Row("min", "", lambda m, x: m.min(x), np.min, one(real, (), (1,), (5,), (1030,)) + REDUCED),
    Row("min", "dim", lambda m, x: m.min(x, -1)[0], lambda x: x.min(-1), REDUCED + one(real, (0, 2))),
    Row(
        "min", "indices", lambda m, x: x.min(1).indices, lambda x: x.argmin(1),
        REDUCED, differentiable=False, dtype="int64",
    ),
    Row(
        "argmax", "", lambda m, x: m.argmax(x), np.argmax,
        one(real, (), (1,)) + REDUCED, differentiable=False, dtype="int64",
    ),
    Row(
        "argmax", "keepdim", lambda m, x: x.argmax(1, True), lambda x: x.argmax(1, keepdims=True), REDUCED,
        differentiable=False, dtype="int64",
    ),
    Row(
        "argmin", "", lambda m, x: m.argmin(x), np.argmin,
        one(real, (), (1,)) + REDUCED, differentiable=False, dtype="int64",
    ),
    Row(
        "argmin", "dim", lambda m, x: m.argmin(x, dim=0), lambda x: x.argmin(0),
        REDUCED, differentiable=False, dtype="int64",
    ),
    Row(
        "logsumexp", "", lambda m, x: m.logsumexp(x, 0), lambda x: logsumexp(x, 0),
        REDUCED + one(real, (1,), (2, 0)),
    ),
    Row(
        "logsumexp", "dims", lambda m, x: m.logsumexp(x, (0, 1), True), lambda x: logsumexp(x, (0, 1), True),
        REDUCED,
    ),
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
