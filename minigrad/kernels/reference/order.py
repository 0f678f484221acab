"""Elements in order, and where they stand. NaN comes after every number, and equals keep their order."""

from __future__ import annotations

import numpy as np

from minigrad.kernels import Array

__all__ = ["argmedian", "argsort", "topk"]


def argsort(x: Array, dim: int, descending: bool) -> Array:
    if not descending:
        return x.argsort(dim, kind="stable")
    from_the_end = np.flip(x, dim).argsort(dim, kind="stable")  # so that equals keep their order, turned round
    return x.shape[dim] - 1 - np.flip(from_the_end, dim)


def topk(x: Array, dim: int, k: int, largest: bool, sorted: bool) -> Array:
    first = argsort(x, dim, descending=largest)[(*[slice(None)] * dim, slice(k))]
    return first.copy() if sorted else np.sort(first, dim)


def argmedian(x: Array, dim: int, keepdim: bool) -> Array:
    middle = (x.shape[dim] - 1) // 2
    found = x == np.partition(x, middle, dim).take([middle], dim)
    missing = np.isnan(x)
    return np.where(missing.any(dim, keepdims=True), missing, found).argmax(dim, keepdims=keepdim)
