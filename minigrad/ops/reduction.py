"""Reductions: one number from many, over all dimensions or some."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from minigrad import dtypes
from minigrad.graph import Array, Kept, Op, record
from minigrad.ops.indexing import TakeAlong
from minigrad.ops.operands import Dims, cast, floating, many_dims, one_dim, sizes, tensor
from minigrad.ops.shape import expand, reshape

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["argmax", "argmin", "logsumexp", "max", "mean", "min", "sum", "sum_to_size"]

Gradients = tuple["Tensor | None", ...]


class Reduction(Op):
    """y = x reduced over dims"""

    def __init__(self, dims: tuple[int, ...], keepdim: bool) -> None:
        self.dims, self.keepdim = dims, keepdim

    def spread(self, y: Tensor) -> Tensor:
        """``y``, of the output's shape, repeated over the reduced dims to the input's shape."""
        shape = self.shape_of("x")
        kept = tuple(1 if d in self.dims else n for d, n in enumerate(shape))
        return expand(reshape(y, kept), shape)


class Sum(Reduction):
    """y = sum x        over dims"""

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.sum(x, self.dims, self.keepdim)

    def backward(self, dy: Tensor) -> Gradients:
        return (self.spread(dy),)


class Mean(Reduction):
    """y = sum x / n        over the n elements of dims"""

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.mean(x, self.dims, self.keepdim)

    def backward(self, dy: Tensor) -> Gradients:
        shape = self.shape_of("x")
        return (self.spread(dy / math.prod(shape[d] for d in self.dims)),)


class Max(Reduction):
    """y = max x        over dims; equal largest elements share the gradient"""

    x = Kept()
    y = Kept()
    kernel = "amax"

    def forward(self, kernels: Any, x: Array) -> Any:
        return getattr(kernels, self.kernel)(x, self.dims, self.keepdim)

    def backward(self, dy: Tensor) -> Gradients:
        at = cast(self.x == self.spread(self.y), dy.dtype)
        return (self.spread(dy) * (at / at.sum(self.dims, keepdim=True)),)


class Min(Max):
    """y = min x        over dims; equal smallest elements share the gradient"""

    kernel = "amin"


class LogSumExp(Reduction):
    """y = log sum e^x        over dims"""

    x = Kept()
    y = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.logsumexp(x, self.dims, self.keepdim)

    def backward(self, dy: Tensor) -> Gradients:
        return (self.spread(dy) * (self.x - self.spread(self.y)).exp(),)


class MaxAlong(TakeAlong):
    """y = max x        along dim; the gradient goes to the first largest element"""

    title = "Max"


class MinAlong(TakeAlong):
    """y = min x        along dim; the gradient goes to the first smallest element"""

    title = "Min"


class ArgExtreme(Op):
    """y = the index of the first largest or smallest x        along dim"""

    is_differentiable = False

    def __init__(self, kernel: str, dim: int) -> None:
        self.kernel, self.dim = kernel, dim

    def forward(self, kernels: Any, x: Array) -> Any:
        return getattr(kernels, self.kernel)(x, self.dim, True)


class ValuesAndIndices(NamedTuple):
    """What ``max(dim)`` and ``min(dim)`` give: the extreme values, and where they stand."""

    values: Tensor
    indices: Tensor


def sum(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Sum over ``dim``: one dimension, several, or all (None). Integers and bools add up to int64.

    ``keepdim`` keeps a reduced dimension with size 1. Raises IndexError for a dim that is out of range.

    >>> import minigrad as mg
    >>> x = mg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x.sum(), x.sum(dim=0)
    (tensor(10.), tensor([4., 6.]))
    """
    x = tensor("sum", x)
    return record(Sum(many_dims("sum", dim, x.ndim), keepdim), x)


def mean(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Mean over ``dim``, as for :func:`sum`. Only for floats (TypeError); NaN over no elements.

    >>> import minigrad as mg
    >>> mg.tensor([[1.0, 2.0], [3.0, 4.0]]).mean(dim=1, keepdim=True)
    tensor([[1.5000],
            [3.5000]])
    """
    if tensor("mean", x).dtype.kind != "f":
        raise TypeError(f"mean: of {x.dtype} elements: use x.float().mean()")
    return record(Mean(many_dims("mean", dim, x.ndim), keepdim), x)


def logsumexp(x: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """``y = log sum e^x`` over ``dim``, with the largest x taken out first, so that nothing overflows.

    >>> import minigrad as mg
    >>> mg.tensor([1e4, 1e4]).logsumexp(dim=0)
    tensor(10000.6934)
    """
    x = floating("logsumexp", x)
    return record(LogSumExp(many_dims("logsumexp", dim, x.ndim), keepdim), x)


def max(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor | ValuesAndIndices:
    """The largest element; with ``dim``, the largest along it and its index, as a named tuple. NaN wins.

    Of several equal ones the first has the index and, with ``dim``, the gradient; without, they share it.
    Raises ValueError where there is no element.

    >>> import minigrad as mg
    >>> x = mg.tensor([[1.0, 5.0], [7.0, 2.0]])
    >>> x.max()
    tensor(7.)
    >>> x.max(dim=1)
    ValuesAndIndices(values=tensor([5., 7.]), indices=tensor([1, 0]))
    """
    if dim is None:
        return _extreme("max", Max, x)
    return _extreme_along("max", MaxAlong, x, dim, keepdim)


def min(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor | ValuesAndIndices:
    """The smallest element; the rest is as for :func:`max`.

    >>> import minigrad as mg
    >>> mg.tensor([3.0, 1.0, 2.0]).min(dim=0)
    ValuesAndIndices(values=tensor(1.), indices=tensor(1))
    """
    if dim is None:
        return _extreme("min", Min, x)
    return _extreme_along("min", MinAlong, x, dim, keepdim)


def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The int64 index of the first largest element (or NaN) along ``dim``, or in the flattened tensor.

    >>> import minigrad as mg
    >>> x = mg.tensor([[1.0, 5.0], [7.0, 2.0]])
    >>> x.argmax(dim=1), x.argmax()
    (tensor([1, 0]), tensor(2))
    """
    return _arg("argmax", x, dim, keepdim)


def argmin(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the first smallest element; the rest is as for :func:`argmax`.

    >>> import minigrad as mg
    >>> mg.tensor([3.0, 1.0, 2.0]).argmin()
    tensor(1)
    """
    return _arg("argmin", x, dim, keepdim)


def sum_to_size(x: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """Sum over the dimensions that broadcasting would have made: the way back from ``expand``.

    >>> import minigrad as mg
    >>> mg.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """
    target = sizes("sum_to_size", shape)
    added = x.ndim - len(target)
    fits = added >= 0 and all(n in (1, m) for n, m in zip(target, x.shape[added:], strict=True))
    if not fits:
        raise ValueError(f"sum_to_size: {x.shape} is no broadcast of {target}")
    dims = [d for d in range(x.ndim) if d < added or (target[d - added] == 1 and x.shape[d] != 1)]
    return reshape(sum(x, dims), target) if dims else x


def _extreme(name: str, op: type[Max], x: Tensor) -> Tensor:
    if not tensor(name, x).numel():
        raise ValueError(f"{name}: a tensor of shape {x.shape} has no element")
    return record(op(tuple(range(x.ndim)), False), x)


def _extreme_along(
    name: str, op: type[TakeAlong], x: Tensor, dim: int, keepdim: bool
) -> ValuesAndIndices:  # fmt: skip
    if not tensor(name, x).ndim:
        return _extreme_along(name, op, reshape(x, (1,)), dim, keepdim=False)
    indices = _arg(name, x, dim, keepdim=True)
    values = record(op(indices.array.reshape(indices.shape), one_dim(name, dim, x.ndim)), x)
    if keepdim:
        return ValuesAndIndices(values, indices)
    return ValuesAndIndices(values.squeeze(dim), indices.squeeze(dim))


def _arg(name: str, x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    if dim is None:
        flat = reshape(tensor(name, x), (-1,) if x.numel() else (0,))
        out = _arg(name, flat, 0, keepdim=False)
        return reshape(out, (1,) * x.ndim) if keepdim else out
    d = one_dim(name, dim, tensor(name, x).ndim)
    if not x.ndim:
        return _arg(name, reshape(x, (1,)), 0, keepdim=False)
    if not x.shape[d]:
        raise ValueError(f"{name}: dim {dim} of shape {x.shape} has no element")
    kernel = "argmin" if name in ("min", "argmin") else "argmax"
    if x.dtype == dtypes.bool_:
        x = cast(x, dtypes.uint8)
    out = record(ArgExtreme(kernel, d), x)
    return out if keepdim else out.squeeze(d)
