"""Steps: functions that are constant between jumps, so that their derivative is 0 wherever they have one."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Op, record
from minigrad.kernels import Array
from minigrad.ops.operands import number, only_floats, tensor, zeros_like

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["ceil", "floor", "frac", "round", "sign", "trunc"]


class Step(Op):
    """y = a step function of x"""

    def backward(self, dy: Tensor) -> Gradients:
        return (zeros_like(dy),)


class Sign(Step):
    """y = -1, 0 or 1, the sign of x"""

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.sign(x)


class Floor(Step):
    """y = the largest whole number <= x"""

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.floor(x)


class Ceil(Step):
    """y = the smallest whole number >= x"""

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.ceil(x)


class Trunc(Step):
    """y = x without its fraction"""

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.trunc(x)


class Round(Step):
    """y = the multiple of 10^-decimals nearest to x"""

    def __init__(self, decimals: int) -> None:
        self.decimals = decimals

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.round_to(x, self.decimals) if self.decimals else kernels.round(x)


class Frac(Op):
    """y = x - trunc(x)"""

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.sub(x, kernels.trunc(x))

    def backward(self, dy: Tensor) -> Gradients:
        return (dy,)


def sign(x: Tensor) -> Tensor:
    """Sign, elementwise: -1, 0 or 1, as x is negative, zero or positive; the derivative is 0 everywhere.

    >>> import minigrad as mg
    >>> mg.tensor([-2.0, 0.0, 3.0]).sign()
    tensor([-1.,  0.,  1.])
    """
    x = tensor("sign", x)
    return record(Sign(), x) if x.dtype.kind != "b" else x.clone()


def floor(x: Tensor) -> Tensor:
    """The largest whole number not above x, elementwise; the derivative is 0. Not for bool (TypeError).

    >>> import minigrad as mg
    >>> mg.tensor([1.5, -1.5]).floor()
    tensor([ 1., -2.])
    """
    return _step(Floor(), number("floor", x))


def ceil(x: Tensor) -> Tensor:
    """The smallest whole number not below x, elementwise; the derivative is 0. Not for bool (TypeError).

    >>> import minigrad as mg
    >>> mg.tensor([1.5, -1.5]).ceil()
    tensor([ 2., -1.])
    """
    return _step(Ceil(), number("ceil", x))


def trunc(x: Tensor) -> Tensor:
    """Whole part, elementwise: x without its fraction; the derivative is 0. Not for bool (TypeError).

    >>> import minigrad as mg
    >>> mg.tensor([1.5, -1.5]).trunc()
    tensor([ 1., -1.])
    """
    return _step(Trunc(), number("trunc", x))


def round(x: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest whole number, elementwise, or multiple of ``10^-decimals``; halves go to the even neighbour.

    The derivative is 0. Raises TypeError for bools, and for integers with ``decimals``; ValueError for more
    than 38 ``decimals``, as ``10^38`` is the largest power of ten that a float32 holds.

    >>> import minigrad as mg
    >>> x = mg.tensor([0.5, 1.5, -123.456])
    >>> x.round(), x.round(decimals=2), x.round(decimals=-2)
    (tensor([   0.,    2., -123.]), tensor([   0.5000,    1.5000, -123.4600]), tensor([   0.,    0., -100.]))
    """
    x = number("round", x)
    try:
        decimals = operator.index(decimals)
    except TypeError:
        raise TypeError(f"round: decimals must be an int, got {type(decimals).__name__}") from None
    if not -38 <= decimals <= 38:
        raise ValueError(f"round: decimals must be between -38 and 38, got {decimals}")
    return _step(Round(decimals), only_floats("round", x) if decimals else x)


def frac(x: Tensor) -> Tensor:
    """The fraction, elementwise, with the sign of x: ``y = x - trunc(x)``, ``dy/dx = 1``. Floats only (TypeError).

    >>> import minigrad as mg
    >>> mg.tensor([1.5, -1.25]).frac()
    tensor([ 0.5000, -0.2500])
    """
    return record(Frac(), only_floats("frac", tensor("frac", x)))


def _step(op: Op, x: Tensor) -> Tensor:
    """``op`` on floats; integers are whole already."""
    return record(op, x) if x.dtype.kind == "f" else x.clone()
