"""Reductions: one number from many, over all dimensions or some."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import dtypes
from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array
from minigrad.ops.activation import sigmoid
from minigrad.ops.comparison import ne
from minigrad.ops.cumulative import Cumprod, before
from minigrad.ops.operands import (
    Dim,
    as_dtype,
    cast,
    floating,
    many_dims,
    only_floats,
    pair,
    sizes,
    tensor,
)
from minigrad.ops.shape import Expand, reshape

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["all", "any", "count_nonzero", "logaddexp", "logsumexp", "mean", "prod", "sum", "sum_to_size"]


class Reduction(Op):
    """y = x reduced over dims"""

    def __init__(self, dims: tuple[int, ...], keepdim: bool) -> None:
        self.dims, self.keepdim = dims, keepdim

    def fitted(self, y: Tensor) -> Tensor:
        """``y``, of the output's shape, so that it broadcasts to the input's shape."""
        shape = self.shape_of("x")
        return y if y.ndim in (0, len(shape)) else reshape(y, with_ones(shape, self.dims))


class Sum(Reduction):
    """y = sum x        over dims

    dy/dx = 1
    """

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.sum(x, self.dims, self.keepdim)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(Expand(self.shape_of("x")), self.fitted(dy)),)


class Mean(Reduction):
    """y = sum x / n        over the n elements of dims

    dy/dx = 1 / n
    """

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.mean(x, self.dims, self.keepdim)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(MeanBackward(self.dims, self.keepdim, self.shape_of("x")), dy),)


class MeanBackward(Op):
    """dx = dy / n        for each of the n elements of dims"""

    output = "dx"

    def __init__(self, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...]) -> None:
        self.dims, self.keepdim, self.x_shape = dims, keepdim, shape

    def forward(self, kernels: Any, dy: Array) -> Any:
        share = kernels.div(dy, np.asarray(math.prod([self.x_shape[d] for d in self.dims]), dy.dtype))
        if dy.ndim not in (0, len(self.x_shape)):
            share = kernels.reshape(share, with_ones(self.x_shape, self.dims))
        return kernels.expand(share, self.x_shape)

    def backward(self, g: Tensor) -> Gradients:
        return (record(Mean(self.dims, self.keepdim), g),)


class Prod(Reduction):
    """y = prod x        over dims

    dy/dx = y / x
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.prod(x, self.dims, self.keepdim)

    def backward(self, dy: Tensor) -> Gradients:
        x = self.x
        if len(self.dims) == 1:
            return (self.fitted(dy) * others(x, self.dims[0]),)
        d = x.ndim - len(self.dims)
        order = [*(k for k in range(x.ndim) if k not in self.dims), *self.dims]
        turned = x.permute(order)
        rows = turned.reshape(*turned.shape[:d], math.prod(turned.shape[d:]))
        each = others(rows, d).reshape(turned.shape)
        return (self.fitted(dy) * each.permute([order.index(k) for k in range(x.ndim)]),)


class LogSumExp(Reduction):
    """y = log sum e^x        over dims

    dy/dx = e^(x - y)
    """

    x = Kept()
    y = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.logsumexp(x, self.dims, self.keepdim)

    def backward(self, dy: Tensor) -> Gradients:
        return (self.fitted(dy) * (self.x - self.fitted(self.y)).exp(),)


class LogAddExp(Op):
    """out = log(e^x + e^y)

    dout/dx = sigmoid(x - y)
    dout/dy = sigmoid(y - x)
    """

    output = "out"
    x = Kept()
    y = Kept()

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.logaddexp(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        ahead = self.x - self.y  # and not x - out, which is no number where both are Inf
        dx = dout * sigmoid(ahead) if self.wants("x") else None
        dy = dout * sigmoid(-ahead) if self.wants("y") else None
        return dx, dy


class Truth(Op):
    """y = kernel(x)        any or all: whether any x, or all x, are not 0 over dims"""

    is_differentiable = False

    def __init__(self, kernel: str, dims: tuple[int, ...], keepdim: bool) -> None:
        self.kernel, self.dims, self.keepdim = kernel, dims, keepdim

    def forward(self, kernels: Any, x: Array) -> Any:
        return getattr(kernels, self.kernel)(x, self.dims, self.keepdim)


def sum(x: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Sum over ``dim``: one dimension, several, or all (None). Integers and bools add up to int64.

    ``keepdim`` keeps a reduced dimension with size 1. ``x`` is converted to ``dtype``, which the result has too.
    Raises IndexError for a dim that is out of range, ValueError for one that is named twice.

    >>> import minigrad as mg
    >>> x = mg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x.sum(), x.sum(dim=0)
    (tensor(10.), tensor([4., 6.]))
    """
    op = Sum(many_dims("sum", dim, tensor("sum", x).ndim), keepdim)
    return as_dtype(record(op, as_dtype(x, dtype)), dtype)


def mean(x: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Mean over ``dim``, as for :func:`sum`. Only for floats (TypeError); NaN over no elements.

    >>> import minigrad as mg
    >>> mg.tensor([[1.0, 2.0], [3.0, 4.0]]).mean(dim=1, keepdim=True)
    tensor([[1.5000],
            [3.5000]])
    """
    op = Mean(many_dims("mean", dim, tensor("mean", x).ndim), keepdim)
    return record(op, as_floats("mean", x, dtype))


def prod(x: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Product over ``dim``, as for :func:`sum`. Integers and bools multiply to int64; of no elements it is 1.

    ``dy/dx_k`` is the product of the others, which is right also where elements are 0.

    >>> import minigrad as mg
    >>> x = mg.tensor([2.0, 0.0, 3.0], requires_grad=True)
    >>> x.prod().backward()
    >>> x.grad
    tensor([0., 6., 0.])
    """
    op = Prod(many_dims("prod", dim, tensor("prod", x).ndim), keepdim)
    return as_dtype(record(op, as_dtype(x, dtype)), dtype)


def any(x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Whether any element over ``dim`` is not 0: bool, or uint8 for uint8. False of no elements; NaN is not 0.

    >>> import minigrad as mg
    >>> mg.tensor([[0, 1], [0, 0]]).any(dim=1)
    tensor([ True, False])
    """
    return _truth("any", x, dim, keepdim)


def all(x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Whether all elements over ``dim`` are not 0: bool, or uint8 for uint8. True of no elements.

    >>> import minigrad as mg
    >>> mg.tensor([[0, 1], [2, 3]]).all(dim=1)
    tensor([False,  True])
    """
    return _truth("all", x, dim, keepdim)


def count_nonzero(x: Tensor, dim: Dim = None) -> Tensor:
    """How many elements over ``dim`` are not 0, as int64.

    >>> import minigrad as mg
    >>> mg.tensor([[0.0, 1.0], [2.0, 3.0]]).count_nonzero(dim=0)
    tensor([1, 2])
    """
    op = Sum(many_dims("count_nonzero", dim, tensor("count_nonzero", x).ndim), False)
    return record(op, ne(x, 0))


def logsumexp(x: Tensor, dim: Dim, keepdim: bool = False) -> Tensor:
    """``y = log sum e^x`` over ``dim``, with the largest x taken out first, so that nothing overflows.

    >>> import minigrad as mg
    >>> mg.tensor([1e4, 1e4]).logsumexp(dim=0)
    tensor(10000.6934)
    """
    x = floating("logsumexp", x)
    return record(LogSumExp(many_dims("logsumexp", dim, x.ndim), keepdim), x)


def logaddexp(x: Tensor, y: Tensor) -> Tensor:
    """``out = log(e^x + e^y)``, elementwise, exact also where ``e^x`` would overflow: a :func:`logsumexp` of two.

    Shapes broadcast. ``dout/dx = sigmoid(x - y)``, so an Inf takes the whole gradient; it is NaN if both are the
    same Inf. Raises TypeError for anything but floats.

    >>> import minigrad as mg
    >>> mg.logaddexp(mg.tensor([0.0, 1e4]), mg.tensor([0.0, 1e4]))
    tensor([6.9315e-01, 1.0001e+04])
    """
    x, y = (only_floats("logaddexp", t) for t in pair("logaddexp", tensor("logaddexp", x), y))
    return record(LogAddExp(), x, y)


def sum_to_size(x: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """Sum over the dimensions that broadcasting would have made: the way back from ``expand``.

    >>> import minigrad as mg
    >>> mg.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """
    target = sizes("sum_to_size", shape)
    added = x.ndim - len(target)
    if added < 0 or [n for n, m in zip(target, x.shape[added:], strict=True) if n not in (1, m)]:
        raise ValueError(f"sum_to_size: {x.shape} is not a broadcast of {target}")
    if not target:
        return sum(x)
    dims = [d for d in range(x.ndim) if d < added or (target[d - added] == 1 and x.shape[d] != 1)]
    if not dims:
        return x
    y = sum(x, dims, keepdim=not added)
    return y if y.shape == target else reshape(y, target)  # a view, which cannot become a leaf's gradient


def others(x: Tensor, d: int) -> Tensor:
    """For each x_k the product of the others along ``d``, of which none is divided by an x_k that may be 0.

    It is the product of those that come before x_k, times that of those that come after it.
    """
    earlier = before(record(Cumprod(d), x), d, 1)
    later = before(record(Cumprod(d), x.flip(d)), d, 1).flip(d)
    return earlier * later


def with_ones(shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, ...]:
    """The shape, with 1 in the place of the sizes of ``dims``."""
    return tuple(1 if d in dims else n for d, n in enumerate(shape))


def as_floats(name: str, x: Tensor, dtype: Any) -> Tensor:
    """``x`` as ``dtype``, which must be of floats; without one, ``x`` must be."""
    if dtype is None:
        return only_floats(name, x)
    if dtypes.dtype(dtype).kind != "f":
        raise TypeError(f"{name}: the dtype must be one of floats, got {dtype}")
    return as_dtype(x, dtype)


def _truth(name: str, x: Tensor, dim: Dim, keepdim: bool) -> Tensor:
    out = record(Truth(name, many_dims(name, dim, tensor(name, x).ndim), keepdim), x)
    return cast(out, dtypes.uint8) if x.dtype == dtypes.uint8 else out
