"""Where elements are not 0, which there are, how often."""

from __future__ import annotations

import numpy as np

from rows.row import ANY_SHAPE, Array, Row, one, positive, real


def counts(x: Array, weights: Array | None = None, minlength: int = 0) -> Array:
    return np.bincount(np.abs(x).astype(np.int64), weights, minlength)


ROWS = [
    Row(
        "nonzero", "", lambda m, x: m.nonzero(x > 0), lambda x: np.argwhere(x > 0), ANY_SHAPE,
        differentiable=False, dtype="int64",
    ),
    Row(
        "nonzero", "tuple", lambda m, x: m.stack(x.clamp(min=0).nonzero(as_tuple=True)),
        lambda x: np.stack(np.nonzero(x > 0)), one(real, (1,), (0,), (2, 3), (33, 17)),
        differentiable=False, dtype="int64",
    ),
    Row(
        "where", "the condition alone", lambda m, x: m.where(x > 0)[-1], lambda x: np.where(x > 0)[-1],
        one(real, (5,), (2, 3)), differentiable=False, dtype="int64",
    ),
    Row(
        "unique", "", lambda m, x: m.unique(x.detach().round()), lambda x: np.unique(np.round(x)), ANY_SHAPE,
        differentiable=False,
    ),
    Row(
        "unique", "inverse", lambda m, x: x.detach().round().unique(return_inverse=True)[1],
        lambda x: np.unique(np.round(x), return_inverse=True)[1].reshape(x.shape), ANY_SHAPE,
        differentiable=False, dtype="int64",
    ),
    Row(
        "unique", "counts along dim", lambda m, x: m.unique(x.detach().sign(), return_counts=True, dim=1)[1],
        lambda x: np.unique(np.sign(x), return_counts=True, axis=1)[1], one(real, (1, 9), (2, 30)),
        differentiable=False, dtype="int64",
    ),
    Row(
        "bincount", "", lambda m, x: m.bincount(x.detach().abs().long(), minlength=2),
        lambda x: counts(x, None, 2), one(real, (0,), (1,), (5,), (1030,)), differentiable=False, dtype="int64",
    ),
    Row(
        "bincount", "weights", lambda m, w: (w.detach() * 1.37).long().bincount(w), lambda w: counts(w * 1.37, w),
        one(positive, (1,), (5,), (9,)), has_peer=False,  # PyTorch's has no gradient
    ),
]  # fmt: skip
