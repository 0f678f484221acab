"""How far elements spread, how large they are together, what most are below: variance, norms, quantiles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import graph
from minigrad.dtypes import int64
from minigrad.graph import Gradients, Kept, record
from minigrad.kernels import Array, full, is_seen
from minigrad.ops.arithmetic import abs, lerp, sub
from minigrad.ops.choice import where
from minigrad.ops.comparison import isnan
from minigrad.ops.extremes import check_not_empty, share
from minigrad.ops.operands import (
    Dim,
    Number,
    cast,
    many_dims,
    only_floats,
    parameter,
    tensor,
    zeros_like,
)
from minigrad.ops.order import movedim
from minigrad.ops.pieces import select
from minigrad.ops.reduction import Reduction, as_floats, mean, with_ones
from minigrad.ops.rounding import ceil, floor, round, sign
from minigrad.ops.selection import index_select
from minigrad.ops.shape import reshape, unsqueeze
from minigrad.ops.sorting import sort

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["cdist", "norm", "quantile", "std", "std_mean", "var", "var_mean"]


# -- spread ---------------------------------------------------------------------------------------------------


class Var(Reduction):
    """y = sum (x - mean x)^2 / (n - correction)        over the n elements of dims"""

    x = Kept()

    def __init__(self, dims: tuple[int, ...], keepdim: bool, correction: float) -> None:
        super().__init__(dims, keepdim)
        self.correction = correction

    def forward(self, kernels: Any, x: Array) -> Any:
        n = math.prod(x.shape[d] for d in self.dims)
        _, variance = kernels.moments(x, self.dims, self.keepdim)
        return kernels.mul(variance, np.asarray(n * self.weight(n), x.dtype))

    def backward(self, dy: Tensor) -> Gradients:
        return (self.slope(dy * 2),)

    def weight(self, n: int) -> float:
        """1 / (n - correction), and Inf where no degree of freedom is left."""
        return 1 / (n - self.correction) if n > self.correction else math.inf

    def slope(self, dy: Tensor) -> Tensor:
        """dy (x - mean x) / (n - correction)"""
        x = self.x
        n = math.prod(x.shape[d] for d in self.dims)
        return self.fitted(dy * self.weight(n)) * (x - mean(x, self.dims, keepdim=True))


class Std(Var):
    """y = (sum (x - mean x)^2 / (n - correction))^(1/2)        over the n elements of dims"""

    x = Kept()
    y = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.sqrt(super().forward(kernels, x))

    def backward(self, dy: Tensor) -> Gradients:
        still = cast(self.y == 0, dy.dtype)  # where the root has every slope, 0 is taken
        return (self.slope(dy * (1 - still) / (self.y + still)),)


def var(
    x: Tensor,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Number | None = None,
) -> Tensor:
    """Variance: ``y = sum (x - mean x)^2 / (n - correction)`` over the n elements of ``dim``.

    Args:
        x: a float tensor.
        dim: one dimension, several, or all (None).
        unbiased: an older way to say ``correction=1`` (True) or ``correction=0`` (False).
        keepdim: keep a reduced dimension with size 1.
        correction: what is taken from the number of elements; by default 1, Bessel's correction.

    Returns:
        NaN or Inf where n is no more than the correction.

    Raises:
        TypeError: ``x`` is not of floats, or both ``unbiased`` and ``correction`` are given.

    >>> import minigrad as mg
    >>> x = mg.tensor([1.0, 2.0, 3.0, 4.0])
    >>> x.var(), x.var(correction=0)
    (tensor(1.6667), tensor(1.2500))
    """
    return _spread("var", Var, x, dim, unbiased, keepdim, correction)


def std(
    x: Tensor,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Number | None = None,
) -> Tensor:
    """Standard deviation, the root of :func:`var`, whose arguments it takes. Its slope at 0 is taken to be 0.

    >>> import minigrad as mg
    >>> mg.tensor([[1.0, 3.0], [2.0, 2.0]]).std(dim=1, correction=0)
    tensor([1., 0.])
    """
    return _spread("std", Std, x, dim, unbiased, keepdim, correction)


def var_mean(
    x: Tensor,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Number | None = None,
) -> tuple[Tensor, Tensor]:
    """:func:`var` and :func:`mean`, in this order.

    >>> import minigrad as mg
    >>> mg.var_mean(mg.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    y = _spread("var_mean", Var, x, dim, unbiased, keepdim, correction)
    return y, mean(x, None if isinstance(dim, bool) else dim, keepdim)


def std_mean(
    x: Tensor,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Number | None = None,
) -> tuple[Tensor, Tensor]:
    """:func:`std` and :func:`mean`, in this order.

    >>> import minigrad as mg
    >>> mg.std_mean(mg.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    y = _spread("std_mean", Std, x, dim, unbiased, keepdim, correction)
    return y, mean(x, None if isinstance(dim, bool) else dim, keepdim)


def _spread(
    name: str,
    op: type[Var],
    x: Tensor,
    dim: Dim | bool,
    unbiased: bool | None,
    keepdim: bool,
    correction: Number | None,
) -> Tensor:
    x = only_floats(name, tensor(name, x))
    if isinstance(dim, bool):  # x.var(False)
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise TypeError(f"{name}: takes either unbiased or correction")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return record(op(many_dims(name, dim, x.ndim), keepdim, float(correction)), x)


# -- size -----------------------------------------------------------------------------------------------------


class Norm(Reduction):
    """y = (sum |x|^p)^(1/p)        over dims; max |x| for p = inf, min |x| for -inf, how many x are not 0 for 0"""

    x = Kept()
    y = Kept()

    def __init__(self, dims: tuple[int, ...], keepdim: bool, p: float) -> None:
        super().__init__(dims, keepdim)
        self.p = p

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.norm(x, self.dims, self.keepdim, self.p)

    def backward(self, dy: Tensor) -> Gradients:
        x, y = self.x, self.y
        if self.p == 0:
            return (zeros_like(x),)
        if math.isinf(self.p):  # equal ones share the gradient
            return (self.fitted(dy) * (sign(x) * share(abs(x), self.fitted(y), self.dims)),)
        still = cast(y == 0, y.dtype)  # where the root has every slope, 0 is taken
        dy, y = dy * (1 - still), y + still
        if self.p == 2:
            return (self.fitted(dy / y) * x,)
        ratio = (abs(x) + (x == 0)) / self.fitted(y)  # not 0 where x is, for 0^(p - 1) may be Inf
        return (self.fitted(dy) * (sign(x) * ratio ** (self.p - 1)),)


def norm(
    x: Tensor, p: float | str | None = "fro", dim: Dim = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    """The p-norm of the elements over ``dim``: ``y = (sum |x|^p)^(1/p)``.

    ``dx = dy sign(x) (|x| / y)^(p - 1)``, and 0 where y is 0. For p = inf, equal largest ones share the gradient.

    Args:
        x: a float tensor.
        p: the order, any number. ``inf`` gives the largest ``|x|``, ``-inf`` the smallest, 0 how many are not 0.
            None and ``"fro"`` mean 2, for Frobenius' norm of a matrix is that of its elements.
        dim: one dimension, several, or all (None).
        keepdim: keep a reduced dimension with size 1.
        dtype: a float dtype to which ``x`` is converted first.

    Raises:
        ValueError: another string, or no element where p is inf or negative. TypeError: ``x`` is not of floats.

    >>> import minigrad as mg
    >>> x = mg.tensor([[3.0, -4.0], [0.0, 0.0]], requires_grad=True)
    >>> x.norm(), x.norm(1, dim=0), x.norm(float("inf"))  # doctest: +NORMALIZE_WHITESPACE
    (tensor(5., grad_fn=<NormBackward>), tensor([3., 4.], grad_fn=<NormBackward>),
     tensor(4., grad_fn=<NormBackward>))
    """
    dims = many_dims("norm", dim, tensor("norm", x).ndim)
    if isinstance(p, str) and p != "fro":
        raise ValueError(f"norm: there is no order {p!r}: use a number, inf, -inf or 'fro'")
    order = 2.0 if p is None or p == "fro" else float(p)
    if order < 0 or math.isinf(order):
        check_not_empty("norm", x, dims)
    return record(Norm(dims, keepdim, order), as_floats("norm", x, dtype))


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """The distance of each vector to each of other ones: ``(..., P, M), (..., R, M) -> (..., P, R)``.

    ``out_ij = |x1_i - x2_j|_p``, a :func:`norm`, whose gradient is 0 where two are the same. Batches broadcast.
    ``compute_mode`` is accepted, as in PyTorch, and changes nothing.

    Raises ValueError for shapes that do not fit and a negative ``p``, TypeError for anything but floats.

    >>> import minigrad as mg
    >>> mg.cdist(mg.tensor([[0.0, 0.0], [3.0, 0.0]]), mg.tensor([[3.0, 4.0]]))
    tensor([[5.],
            [4.]])
    """
    one, other = tensor("cdist", x1).shape, tensor("cdist", x2).shape
    if min(len(one), len(other)) < 2 or one[-1] != other[-1] or p < 0:
        raise ValueError(f"cdist: takes (..., P, M), (..., R, M) and p from 0 on, got {one}, {other} and p={p}")
    return norm(sub(unsqueeze(x1, -2), unsqueeze(x2, -3)), p, -1)


# -- places in order ------------------------------------------------------------------------------------------

INTERPOLATIONS = ("linear", "lower", "higher", "nearest", "midpoint")


def quantile(
    x: Tensor, q: float | Tensor, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """What a share ``q`` of the elements lies below: of n in order, the one at the place ``q (n - 1)``.

    Args:
        x: floats. Where one of them is NaN, so is the result.
        q: a number in [0, 1], or a tensor of them, (Q,), whose results are along a new first dim.
        dim: the dimension to go along; by default all elements are one row.
        keepdim: keep a reduced dimension with size 1.
        interpolation: what holds between two places: ``"linear"``, ``"lower"``, ``"higher"``, ``"nearest"``, or
            ``"midpoint"``.

    Raises:
        ValueError: a ``q`` outside [0, 1] or of two dims, another interpolation, or no elements.
        TypeError: ``x`` is not of floats, or ``q`` not of its dtype.

    >>> import minigrad as mg
    >>> mg.quantile(mg.tensor([4.0, 1.0, 2.0, 3.0]), mg.tensor([0.5, 1.0]))
    tensor([2.5000, 4.0000])
    """
    name, shape = "quantile", only_floats("quantile", tensor("quantile", x)).shape
    at: Any = q
    if not isinstance(q, graph.tensor_class):
        at = graph.tensor_class.of(full((), parameter(name, "q", q), x.dtype, x.device))
    if at.dtype != x.dtype:
        raise TypeError(f"{name}: x is {x.dtype} and q {at.dtype}: use q.to(x)")
    if at.ndim > 1 or (is_seen(at.array) and not ((at.array >= 0) & (at.array <= 1)).all()):
        raise ValueError(f"{name}: q must be one number in [0, 1], or a row of them, got {q!r:.60}")
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"{name}: there is no interpolation {interpolation!r}: use {', '.join(INTERPOLATIONS)}")
    dims = many_dims(name, dim, len(shape))
    check_not_empty(name, x, dims)
    rows = reshape(x, -1) if dim is None or not shape else movedim(x, dims[0], -1)  # (..., n)
    ordered, last = sort(rows).values, rows.shape[-1] - 1
    place = reshape(at, -1) * last
    below = {"higher": ceil, "nearest": round}.get(interpolation, floor)(place.detach())
    found = index_select(ordered, -1, cast(below, int64))  # (..., Q)
    if interpolation in ("linear", "midpoint"):
        above = index_select(ordered, -1, cast(ceil(place.detach()), int64))
        found = lerp(found, above, place - below if interpolation == "linear" else 0.5)
    largest = select(ordered, -1, last).unsqueeze(-1)
    found = movedim(where(isnan(largest), largest, found), -1, 0)  # NaN is the largest
    rest = with_ones(shape, dims) if keepdim else found.shape[1:]
    return reshape(found, (*at.shape, *rest))
