"""Variance, standard deviation, norms."""

from __future__ import annotations

import numpy as np

from rows.row import REDUCED, Array, Row, one, real


def norm(x: Array, p: float, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Array:
    if abs(p) == np.inf:
        return np.asarray((np.max if p > 0 else np.min)(np.abs(x), dim, keepdims=keepdim))
    return np.asarray(np.power(np.power(np.abs(x), p).sum(dim, keepdims=keepdim), 1 / p))


SETS = [
    (real(x), real(y) * 0.9371)
    for x, y in (((2, 3), (4, 3)), ((1, 2), (1, 2)), ((0, 3), (2, 3)), ((2, 2, 1), (3, 1)), ((33, 3), (17, 3)))
]

ROWS = [
    Row("var", "", lambda m, x: m.var(x), lambda x: np.var(x, ddof=1), one(real, (2,), (5,), (1030,)) + REDUCED),
    Row("var", "dim", lambda m, x: x.var(1), lambda x: x.var(1, ddof=1), REDUCED),
    Row(
        "var", "correction", lambda m, x: m.var(x, dim=-1, correction=0, keepdim=True),
        lambda x: x.var(-1, keepdims=True), REDUCED,
    ),
    Row(
        "var", "unbiased", lambda m, x: x.var((0, 1), False, True), lambda x: x.var((0, 1), keepdims=True),
        REDUCED,
    ),
    Row("var", "only unbiased", lambda m, x: x.var(False), np.var, REDUCED),
    Row("std", "", lambda m, x: m.std(x), lambda x: np.std(x, ddof=1), one(real, (2,), (5,), (1030,)) + REDUCED),
    Row("std", "dim", lambda m, x: x.std(-1), lambda x: x.std(-1, ddof=1), one(real, (2, 3), (2, 3, 2))),
    Row(
        "std", "correction", lambda m, x: m.std(x, (0, 1), correction=0.5, keepdim=True),
        lambda x: x.std((0, 1), ddof=0.5, keepdims=True), REDUCED,
    ),
    Row("var_mean", "var", lambda m, x: m.var_mean(x, 1)[0], lambda x: x.var(1, ddof=1), one(real, (2, 3))),
    Row("var_mean", "mean", lambda m, x: m.var_mean(x, 1)[1], lambda x: x.mean(1), one(real, (2, 3))),
    Row(
        "std_mean", "std", lambda m, x: m.std_mean(x, dim=0, unbiased=False, keepdim=True)[0],
        lambda x: x.std(0, keepdims=True), one(real, (2, 3)),
    ),
    Row("std_mean", "mean", lambda m, x: m.std_mean(x, True)[1], np.mean, one(real, (2, 3))),
    Row("norm", "", lambda m, x: m.norm(x), lambda x: norm(x, 2), one(real, (), (1,), (5,), (1030,)) + REDUCED),
    Row("norm", "fro", lambda m, x: x.norm("fro", (0, 1)), lambda x: norm(x, 2, (0, 1)), REDUCED),
    *[
        Row("norm", str(p), lambda m, x, p=p: m.norm(x, p, 1), lambda x, p=p: norm(x, p, 1), REDUCED)
        for p in (1, 2, 3, 2.5, 1.5, 0.5, -1, float("inf"), -float("inf"))
    ],
    Row(
        "norm", "keepdim", lambda m, x: x.norm(3, (1, 0), True), lambda x: norm(x, 3, (0, 1), True), REDUCED,
    ),
    Row(
        "norm", "dtype", lambda m, x: x.norm(1, dim=0, dtype=m.float64), lambda x: norm(x, 1, 0), REDUCED,
        dtype="float64",
    ),
    Row(
        "norm", "0", lambda m, x: m.norm(x, 0, 1), lambda x: np.count_nonzero(x, 1), one(real, (2, 3), (0, 2)),
        has_peer=False,  # PyTorch gives no gradient, instead of 0
    ),
    *[
        Row(
            "cdist", str(p), lambda m, x, y, p=p: m.cdist(x, y, p=p),
            lambda x, y, p=p: norm(x[..., :, None, :] - y[..., None, :, :], p, -1), SETS,
        )
        for p in (2.0, 1.0, 3.0, float("inf"))
    ],
    Row(
        "quantile", "", lambda m, x: m.quantile(x, 0.3), lambda x: np.quantile(x, 0.3),
        one(real, (1,), (5,), (7, 3)) + REDUCED,
    ),
    *[
        Row(
            "quantile", how, lambda m, x, how=how: x.quantile(0.7, 1, interpolation=how),
            lambda x, how=how: np.quantile(x, 0.7, axis=1, method=how), REDUCED,
        )
        for how in ("linear", "lower", "higher", "nearest", "midpoint")
    ],
    Row(
        "quantile", "several", lambda m, x: x.quantile(x.new_tensor([0.0, 0.25, 1.0]), 0, True),
        lambda x: np.quantile(x, [0.0, 0.25, 1.0], axis=0, keepdims=True), REDUCED,
    ),
    Row(
        "quantile", "keepdim", lambda m, x: x.quantile(0.5, keepdim=True),
        lambda x: np.quantile(x, 0.5, keepdims=True), [*REDUCED, *one(real, ())],
    ),
]  # fmt: skip
