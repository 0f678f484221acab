"""Reductions, and sums of products; ``axis`` and ``keepdims`` are PyTorch's ``dim`` and ``keepdim``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad import ops
from minigrad.array_api.making import full
from minigrad.ops.operands import one_dim
from minigrad.tensor import Tensor

__all__ = ["all", "any", "argmax", "argmin", "count_nonzero", "cumulative_prod", "cumulative_sum"]
__all__ += ["diff", "max", "mean", "min", "prod", "std", "sum", "tensordot", "var", "vecdot"]

Axis = int | Sequence[int] | None


def sum(x: Tensor, /, axis: Axis = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over all axes, one, or several."""
    return ops.sum(x, axis, keepdims, dtype=dtype)


def prod(x: Tensor, /, axis: Axis = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The product over all axes, one, or several."""
    return ops.prod(x, axis, keepdims, dtype=dtype)


def mean(x: Tensor, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The mean over all axes, one, or several."""
    return ops.mean(x, axis, keepdims)


def var(x: Tensor, /, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The variance, over n - ``correction``: over n by default, unlike ``mg.var``."""
    return ops.var(x, axis, correction=correction, keepdim=keepdims)


def std(x: Tensor, /, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The square root of :func:`var`."""
    return ops.std(x, axis, correction=correction, keepdim=keepdims)


def max(x: Tensor, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The largest element."""
    return ops.amax(x, axis, keepdims)


def min(x: Tensor, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The smallest element."""
    return ops.amin(x, axis, keepdims)


def argmax(x: Tensor, /, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """Where the first largest element stands."""
    return ops.argmax(x, axis, keepdims)


def argmin(x: Tensor, /, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """Where the first smallest element stands."""
    return ops.argmin(x, axis, keepdims)


def any(x: Tensor, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Whether any element is not 0."""
    return ops.any(x, axis, keepdims)


def all(x: Tensor, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Whether no element is 0."""
    return ops.all(x, axis, keepdims)


def count_nonzero(x: Tensor, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """How many elements are not 0."""
    return ops.sum(ops.ne(x, 0), axis, keepdims)


# -- along one axis -------------------------------------------------------------------------------------------


def cumulative_sum(
    x: Tensor, /, axis: int | None = None, *, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """The sums of the first elements along an axis; with ``include_initial``, of none to begin with."""
    d = _axis("cumulative_sum", x, axis)
    return _begun(ops.cumsum(x, d, dtype=dtype), d, 0, include_initial)


def cumulative_prod(
    x: Tensor, /, axis: int | None = None, *, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """The products of the first elements along an axis; with ``include_initial``, of none to begin with."""
    d = _axis("cumulative_prod", x, axis)
    return _begun(ops.cumprod(x, d, dtype=dtype), d, 1, include_initial)


def _axis(name: str, x: Tensor, axis: int | None) -> int:
    if axis is None and x.ndim != 1:
        raise ValueError(f"{name}: along which axis of shape {x.shape}? Name one")
    return one_dim(name, 0 if axis is None else axis, x.ndim)


def _begun(running: Tensor, d: int, start: int, include_initial: bool) -> Tensor:
    if not include_initial:
        return running
    shape = (*running.shape[:d], 1, *running.shape[d + 1 :])
    return ops.cat([full(shape, start, dtype=running.dtype), running], d)


def diff(
    x: Tensor, /, axis: int = -1, n: int = 1, *, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """What is added from one element to the next along an axis, ``n`` times over."""
    d = one_dim("diff", axis, x.ndim)
    x = ops.cat([each for each in (prepend, x, append) if each is not None], d)
    before = (slice(None),) * d
    for _ in range(n):
        x = x[(*before, slice(1, None))] - x[(*before, slice(None, -1))]
    return x


# -- products -------------------------------------------------------------------------------------------------


def vecdot(x1: Tensor, x2: Tensor, /, axis: int = -1) -> Tensor:
    """The sum of products along an axis."""
    return ops.sum(x1 * x2, axis)


def tensordot(x1: Tensor, x2: Tensor, /, axes: int | Sequence[Sequence[int]] = 2) -> Tensor:
    """The sum of products over pairs of axes."""
    return ops.tensordot(x1, x2, axes)
