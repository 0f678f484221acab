"""Elements moved, not computed: shapes, copies, indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.kernels import Array, Dims, quiet

__all__ = [
    "cast", "cat", "copy", "expand", "index", "index_backward", "permute", "reshape", "stack", "take_along",
    "take_along_backward",
]  # fmt: skip


def reshape(x: Array, shape: Dims) -> Array:
    return x.reshape(shape)


def permute(x: Array, dims: Dims) -> Array:
    return x.transpose(dims)


def expand(x: Array, shape: Dims) -> Array:
    return np.broadcast_to(x, shape)


@quiet
def cast(x: Array, dtype: np.dtype[Any]) -> Array:
    return x.astype(dtype)


def copy(x: Array) -> Array:
    return x.copy()


def cat(arrays: Sequence[Array], dim: int) -> Array:
    return np.concatenate(arrays, dim)


def stack(arrays: Sequence[Array], dim: int) -> Array:
    return np.stack(arrays, dim)


def index(x: Array, key: Any) -> Array:
    return np.asarray(x[key])


def index_backward(dy: Array, shape: Dims, key: Any) -> Array:
    dx = np.zeros(shape, dy.dtype)
    np.add.at(dx, key, dy)
    return dx


def take_along(x: Array, index: Array, dim: int) -> Array:
    return np.take_along_axis(x, index, dim)


def take_along_backward(dy: Array, shape: Dims, index: Array, dim: int) -> Array:
    dx = np.zeros(shape, dy.dtype)
    where: list[Array] = list(np.indices(index.shape, sparse=True))
    where[dim] = index
    np.add.at(dx, tuple(where), dy)
    return dx
