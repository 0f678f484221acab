"""Elements moved, not computed: shapes, copies, indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.dtypes import DType
from minigrad.kernels import Array, Dims, quiet

__all__ = ["cast", "cat", "copy", "expand", "index", "index_backward"]
__all__ += ["permute", "put", "put_add", "reshape", "stack"]


def reshape(x: Array, shape: Dims) -> Array:
    return x.reshape(shape)


def permute(x: Array, dims: Dims) -> Array:
    return x.transpose(dims)


def expand(x: Array, shape: Dims) -> Array:
    return np.broadcast_to(x, shape)


@quiet
def cast(x: Array, dtype: DType) -> Array:
    return x.astype(dtype)


def copy(x: Array) -> Array:
    return x.copy()


def cat(arrays: Sequence[Array], dim: int) -> Array:
    return np.concatenate(arrays, dim)


def stack(arrays: Sequence[Array], dim: int) -> Array:
    return np.stack(arrays, dim)


def index(x: Array, key: Any) -> Array:
    out = x[key]
    return out if isinstance(out, np.ndarray) else np.asarray(x[(*key, ...)])  # a view of one element, not a copy


def index_backward(dy: Array, shape: Dims, key: Any) -> Array:
    return _add_at(np.zeros(shape, dy.dtype), key, dy)


def put(x: Array, key: Any, v: Array) -> Array:
    out = x.astype(np.result_type(x, v))  # another only where one is complex, for a complex step
    out[key] = v
    return out


def put_add(x: Array, key: Any, v: Array) -> Array:
    return _add_at(x.astype(np.result_type(x, v)), key, v)


def _add_at(out: Array, key: Any, v: Array) -> Array:
    """out[key] += v, once for each time that ``key`` names an element; only integer arrays can do so twice."""
    if any(isinstance(part, np.ndarray) and part.dtype.kind != "b" for part in key):
        np.add.at(out, key, v)
    else:
        out[key] += v
    return out
