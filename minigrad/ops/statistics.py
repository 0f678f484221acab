"""How far elements spread, and how large they are together: variance, standard deviation, norms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.graph import Array, Kept, record
from minigrad.ops.arithmetic import abs
from minigrad.ops.extremes import check_not_empty, share
from minigrad.ops.operands import (
    Dims,
    Gradients,
    Number,
    cast,
    many_dims,
    only_floats,
    tensor,
    zeros_like,
)  # fmt: skip
from minigrad.ops.reduction import Reduction, as_floats, mean
from minigrad.ops.rounding import sign

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["norm", "std", "std_mean", "var", "var_mean"]


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
        return (self.spread(dy) * (self.slope() * 2),)

    def weight(self, n: int) -> float:
        """1 / (n - correction), and Inf where no degree of freedom is left."""
        return 1 / (n - self.correction) if n > self.correction else math.inf

    def slope(self) -> Tensor:
        """(x - mean x) / (n - correction)"""
        x = self.x
        n = math.prod(x.shape[d] for d in self.dims)
        return (x - mean(x, self.dims, keepdim=True)) * self.weight(n)


class Std(Var):
    """y = (sum (x - mean x)^2 / (n - correction))^(1/2)        over the n elements of dims"""

    x = Kept()
    y = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.sqrt(super().forward(kernels, x))

    def backward(self, dy: Tensor) -> Gradients:
        still = cast(self.y == 0, dy.dtype)  # where the root has every slope, 0 is taken
        return (self.spread(dy * (1 - still) / (self.y + still)) * self.slope(),)


def var(
    x: Tensor, dim: Dims | bool = None, unbiased: bool | None = None, keepdim: bool = False,
    *, correction: Number | None = None,
) -> Tensor:  # fmt: skip
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
    x: Tensor, dim: Dims | bool = None, unbiased: bool | None = None, keepdim: bool = False,
    *, correction: Number | None = None,
) -> Tensor:  # fmt: skip
    """Standard deviation, the root of :func:`var`, whose arguments it takes. Its slope at 0 is taken to be 0.

    >>> import minigrad as mg
    >>> mg.tensor([[1.0, 3.0], [2.0, 2.0]]).std(dim=1, correction=0)
    tensor([1., 0.])
    """
    return _spread("std", Std, x, dim, unbiased, keepdim, correction)


def var_mean(
    x: Tensor, dim: Dims | bool = None, unbiased: bool | None = None, keepdim: bool = False,
    *, correction: Number | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """:func:`var` and :func:`mean`, in this order.

    >>> import minigrad as mg
    >>> mg.var_mean(mg.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    y = _spread("var_mean", Var, x, dim, unbiased, keepdim, correction)
    return y, mean(x, None if isinstance(dim, bool) else dim, keepdim)


def std_mean(
    x: Tensor, dim: Dims | bool = None, unbiased: bool | None = None, keepdim: bool = False,
    *, correction: Number | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """:func:`std` and :func:`mean`, in this order.

    >>> import minigrad as mg
    >>> mg.std_mean(mg.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    y = _spread("std_mean", Std, x, dim, unbiased, keepdim, correction)
    return y, mean(x, None if isinstance(dim, bool) else dim, keepdim)


def _spread(
    name: str, op: type[Var], x: Tensor, dim: Dims | bool, unbiased: bool | None, keepdim: bool,
    correction: Number | None,
) -> Tensor:  # fmt: skip
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
        x, y = self.x, self.spread(self.y)
        if self.p == 0:
            return (zeros_like(x),)
        if math.isinf(self.p):  # equal ones share the gradient
            return (self.spread(dy) * (sign(x) * share(abs(x), y, self.dims)),)
        still = cast(y == 0, y.dtype)  # where the root has every slope, 0 is taken
        dy = self.spread(dy) * (1 - still)
        if self.p == 2:
            return (dy * (x / (y + still)),)
        ratio = (abs(x) + (x == 0)) / (y + still)  # not 0 where x is, for 0^(p - 1) may be Inf
        return (dy * (sign(x) * ratio ** (self.p - 1)),)


def norm(
    x: Tensor, p: float | str | None = "fro", dim: Dims = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:  # fmt: skip
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
