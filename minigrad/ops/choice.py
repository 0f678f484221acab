"""One of several values for each element: the one that a condition names, the larger one, the nearer bound."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from minigrad import dtypes, graph
from minigrad.dtypes import DType
from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array
from minigrad.ops.arithmetic import clone
from minigrad.ops.logic import logical_and, logical_or
from minigrad.ops.operands import Number, broadcast, cast, pair, plain, scalar, several, tensor
from minigrad.ops.search import nonzero

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["clamp", "clamp_max", "clamp_min", "masked_fill", "maximum", "minimum", "nan_to_num", "where"]

# -- by a condition -------------------------------------------------------------------------------------------


class Where(Op):
    """out = x where condition, else y

    dout/dx = 1 where condition, else 0
    dout/dy = 0 where condition, else 1
    """

    output = "out"
    condition = Kept()

    def forward(self, kernels: Any, condition: Array, x: Array, y: Array) -> Any:
        return kernels.where(condition, x, y)

    def backward(self, dout: Tensor) -> Gradients:
        dx = where(self.condition, dout, 0) if self.wants("x") else None
        dy = where(self.condition, 0, dout) if self.wants("y") else None
        return None, dx, dy


@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Tensor, x: Tensor | Number, y: Tensor | Number) -> Tensor: ...
def where(condition: Tensor, x: Tensor | Number | None = None, y: Tensor | Number | None = None) -> Any:
    """``x`` where ``condition`` is True, else ``y``, elementwise; as a method, ``x.where(condition, y)``.

    Shapes broadcast, the dtypes of ``x`` and ``y`` promote. The gradient goes to the one that was chosen, and 0 to
    the other. With the condition alone, it is ``condition.nonzero(as_tuple=True)``.

    Raises TypeError for a condition that is not bool, or for one value without the other.

    >>> import minigrad as mg
    >>> x = mg.tensor([-1.0, 2.0])
    >>> mg.where(x > 0, x, 0)
    tensor([0., 2.])
    """
    if x is None or y is None:
        if x is not y:
            raise TypeError("where() expects a condition alone, or with two values")
        return nonzero(condition, as_tuple=True)
    condition = _bools("where", "condition", condition)
    x, y = several("where", x, y)
    broadcast("where", condition.shape, x.shape, y.shape)
    return record(Where(), condition, x, y)


def masked_fill(x: Tensor, mask: Tensor, value: Tensor | Number) -> Tensor:
    """``value`` where ``mask`` is True, else ``x``, elementwise; the dtype remains that of ``x``.

    ``value`` is a number or a tensor without dimensions. Raises TypeError for a mask that is not bool, ValueError
    for a value with dimensions, OverflowError for one that an integer dtype cannot hold.

    >>> import minigrad as mg
    >>> mg.ones(3).masked_fill(mg.tensor([True, False, True]), -float("inf"))
    tensor([-inf,   1., -inf])
    """
    x, mask = tensor("masked_fill", x), _bools("masked_fill", "mask", mask)
    if not isinstance(value, graph.tensor_class):
        value = scalar("masked_fill", plain("masked_fill", value), x.dtype)
    elif value.ndim:
        raise ValueError(f"masked_fill: value must have no dimensions, its shape is {value.shape}: use where()")
    broadcast("masked_fill", x.shape, mask.shape)
    return where(mask, cast(value, x.dtype), x)


def _bools(name: str, argument: str, x: Any) -> Tensor:
    found = tensor(name, x)
    if found.dtype != dtypes.bool_:
        raise TypeError(f"{name}: {argument} must be bool, got {found.dtype}: use {argument} != 0")
    return found


# -- by size --------------------------------------------------------------------------------------------------


class Maximum(Op):
    """out = max(x, y)"""

    output = "out"
    x = Kept()
    y = Kept()

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.maximum(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        x, y = self.x, self.y
        share = where(x == y, dout / 2, dout)
        dx = where(x < y, 0, share) if self.wants("x") else None
        dy = where(y < x, 0, share) if self.wants("y") else None
        return dx, dy


class Minimum(Op):
    """out = min(x, y)"""

    output = "out"
    x = Kept()
    y = Kept()

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.minimum(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        x, y = self.x, self.y
        share = where(x == y, dout / 2, dout)
        dx = where(x > y, 0, share) if self.wants("x") else None
        dy = where(y > x, 0, share) if self.wants("y") else None
        return dx, dy


class Clamp(Op):
    """out = min(max(x, low), high)"""

    output = "out"
    x = Kept()
    low = Kept()
    high = Kept()

    def forward(self, kernels: Any, x: Array, low: Array, high: Array) -> Any:
        return kernels.clamp(x, low, high)

    def backward(self, dout: Tensor) -> Gradients:
        x, low, high = self.x, self.low, self.high
        dx = dlow = dhigh = None
        if self.wants("x"):
            dx = where(logical_and(low <= x, x <= high), dout, 0)
        if self.wants("low"):
            dlow = where(logical_and(x < low, low < high), dout, 0)
        if self.wants("high"):
            dhigh = where(logical_or(x > high, high < low), dout, 0)
        return dx, dlow, dhigh


def maximum(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """The larger of two, elementwise, NaN if either is; operands as for :func:`add`.

    The gradient goes to the larger one; equal ones share it half and half.

    >>> import minigrad as mg
    >>> mg.maximum(mg.tensor([1.0, 5.0]), mg.tensor([2.0, 3.0]))
    tensor([2., 5.])
    """
    return record(Maximum(), *pair("maximum", x, y))


def minimum(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """The smaller of two, elementwise, NaN if either is; gradient as for :func:`maximum`.

    >>> import minigrad as mg
    >>> mg.minimum(mg.tensor([1.0, 5.0]), mg.tensor([2.0, 3.0]))
    tensor([1., 3.])
    """
    return record(Minimum(), *pair("minimum", x, y))


def clamp(x: Tensor, min: Tensor | Number | None = None, max: Tensor | Number | None = None) -> Tensor:
    """``out = min(max(x, min), max)``, elementwise: x, or the nearer bound where x lies outside.

    A bound is a number, a tensor that broadcasts, or None. ``dout/dx = 1`` from bound to bound, both included, and
    0 outside, where the gradient goes to the bound. Raises ValueError without any bound.

    >>> import minigrad as mg
    >>> mg.tensor([-2.0, 0.5, 2.0]).clamp(-1, 1), mg.tensor([-2.0, 0.5]).clamp(min=0)
    (tensor([-1.0000,  0.5000,  1.0000]), tensor([0.0000, 0.5000]))
    """
    if min is None and max is None:
        raise ValueError("clamp: needs min, max or both")
    x, *bounds = several("clamp", tensor("clamp", x), *(bound for bound in (min, max) if bound is not None))
    lowest, highest = _range(x.dtype)
    low = scalar("clamp", lowest, x.dtype) if min is None else bounds[0]
    high = scalar("clamp", highest, x.dtype) if max is None else bounds[-1]
    return record(Clamp(), x, low, high)


def clamp_min(x: Tensor, min: Tensor | Number) -> Tensor:
    """:func:`clamp` from below alone: ``out = max(x, min)``, elementwise.

    >>> import minigrad as mg
    >>> mg.tensor([-2.0, 0.5]).clamp_min(0)
    tensor([0.0000, 0.5000])
    """
    return clamp(x, min=min)


def clamp_max(x: Tensor, max: Tensor | Number) -> Tensor:
    """:func:`clamp` from above alone: ``out = min(x, max)``, elementwise.

    >>> import minigrad as mg
    >>> mg.tensor([-2.0, 0.5]).clamp_max(0)
    tensor([-2.,  0.])
    """
    return clamp(x, max=max)


def nan_to_num(
    x: Tensor, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """``x`` with numbers in place of NaN and of both infinities, which get no gradient.

    Args:
        x: any tensor; integers stay as they are.
        nan: for NaN; None is 0 too.
        posinf, neginf: for the infinities, by default the largest and the smallest number of the dtype.

    >>> import minigrad as mg
    >>> mg.tensor([1.0, float("nan"), -float("inf")]).nan_to_num(neginf=-100.0)
    tensor([   1.,    0., -100.])
    """
    if tensor("nan_to_num", x).dtype.kind != "f":
        return clone(x)
    limits, wrong = np.finfo(x.dtype), x != x
    for end, number in ((math.inf, posinf), (-math.inf, neginf)):
        if number is not None:
            x = masked_fill(x, x == end, number)
    if posinf is None or neginf is None:
        x = clamp(x, None if neginf is not None else limits.min, None if posinf is not None else limits.max)
    return masked_fill(x, wrong, nan or 0.0)


def _range(dtype: DType) -> tuple[float, float]:
    """The numbers between which all others of a dtype lie."""
    if dtype.kind == "f":
        return -math.inf, math.inf
    if dtype == dtypes.bool_:
        return False, True
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
