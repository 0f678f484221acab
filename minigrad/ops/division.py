"""Quotients, and what remains of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import dtypes, graph
from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array, is_seen
from minigrad.ops.operands import Number, cast, dtype_of, floating, pair, zeros_like

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["div", "floor_divide", "fmod", "reciprocal", "remainder"]

# -- quotients ------------------------------------------------------------------------------------------------


class Div(Op):
    """out = x / y

    dout/dx = 1 / y
    dout/dy = -x / y^2
    """

    output = "out"
    x = Kept()
    y = Kept()

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.div(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        dx = dout / self.y
        return dx, -dx * (self.x / self.y) if self.wants("y") else None


class FloorDivide(Op):
    """out = floor(x / y)"""

    output = "out"

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.floor_divide(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        return zeros_like(dout), zeros_like(dout)


class TruncDivide(Op):
    """out = trunc(x / y)        towards zero"""

    output = "out"

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.trunc_divide(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        return zeros_like(dout), zeros_like(dout)


class Reciprocal(Op):
    """y = 1 / x

    dy/dx = -y^2
    """

    y = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.reciprocal(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (-dy * (self.y * self.y),)


def div(x: Tensor | Number, y: Tensor | Number, *, rounding_mode: str | None = None) -> Tensor:
    """Quotient, elementwise: ``out = x / y``; operands as for :func:`add`, integers become float32.

    With ``rounding_mode`` ``"floor"`` (down) or ``"trunc"`` (towards zero) the quotient is whole, integers remain
    integers, and the derivative is 0. Division by zero gives Inf or NaN, as in IEEE arithmetic.

    Raises ValueError for another mode, ZeroDivisionError for a whole quotient of integers by zero, TypeError for
    one of bools.

    >>> import minigrad as mg
    >>> mg.tensor([1, -1, 0]) / 0
    tensor([ inf, -inf,  nan])
    >>> mg.div(mg.tensor([7, -7]), 2, rounding_mode="floor"), mg.div(mg.tensor([7, -7]), 2, rounding_mode="trunc")
    (tensor([ 3, -4]), tensor([ 3, -3]))
    """
    if rounding_mode == "floor":
        return record(FloorDivide(), *_whole("div", x, y))
    if rounding_mode == "trunc":
        return record(TruncDivide(), *_whole("div", x, y))
    if rounding_mode is not None:
        raise ValueError(f"div: rounding_mode must be None, 'floor' or 'trunc', got {rounding_mode!r}")
    x, y = pair("div", x, y)
    if x.dtype.kind != "f":
        x, y = cast(x, dtypes.float32), cast(y, dtypes.float32)
    return record(Div(), x, y)


def floor_divide(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """``x // y``, elementwise: the quotient rounded down, as :func:`div` with ``rounding_mode="floor"``.

    >>> import minigrad as mg
    >>> mg.tensor([7.0, -7.0]) // 2
    tensor([ 3., -4.])
    """
    return record(FloorDivide(), *_whole("floor_divide", x, y))


def reciprocal(x: Tensor) -> Tensor:
    """``y = 1 / x``, elementwise; ``dy/dx = -y^2``. Integers become float32.

    >>> import minigrad as mg
    >>> mg.tensor([2.0, 0.0]).reciprocal()
    tensor([0.5000,    inf])
    """
    return record(Reciprocal(), floating("reciprocal", x))


# -- remainders -----------------------------------------------------------------------------------------------


class Remainder(Op):
    """out = x - y floor(x / y)"""

    output = "out"
    x = Kept()
    y = Kept()

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.remainder(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        return dout, -dout * floor_divide(self.x, self.y) if self.wants("y") else None


class Fmod(Op):
    """out = x - y trunc(x / y)"""

    output = "out"
    x = Kept()
    y = Kept()

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.fmod(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        return dout, -dout * div(self.x, self.y, rounding_mode="trunc") if self.wants("y") else None


def remainder(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """``x % y``, elementwise: ``out = x - y floor(x / y)``, which has the sign of y, as in Python.

    ``dout/dx = 1`` and ``dout/dy = -floor(x / y)``. Raises ZeroDivisionError for integers and y = 0, TypeError for
    bools.

    >>> import minigrad as mg
    >>> mg.tensor([7, -7]) % 3, mg.tensor([7.5, -7.5]) % -3
    (tensor([1, 2]), tensor([-1.5000, -1.5000]))
    """
    return record(Remainder(), *_whole("remainder", x, y))


def fmod(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """``out = x - y trunc(x / y)``, elementwise, which has the sign of x, as in C.

    ``dout/dx = 1`` and ``dout/dy = -trunc(x / y)``. Raises as :func:`remainder` does.

    >>> import minigrad as mg
    >>> mg.fmod(mg.tensor([7, -7]), 3)
    tensor([ 1, -1])
    """
    return record(Fmod(), *_whole("fmod", x, y))


def _whole(name: str, x: Tensor | Number, y: Tensor | Number) -> tuple[Tensor, Tensor]:
    """Operands that have a whole quotient."""
    kinds = {dtype_of(name, operand).kind for operand in (x, y)}
    if kinds == {"b"}:
        raise TypeError(f"{name}: bools have no quotient: use x.to(mg.uint8)")
    divisor = y.array if isinstance(y, graph.tensor_class) else y
    if "f" not in kinds and is_seen(divisor) and not np.all(divisor):
        raise ZeroDivisionError(f"{name}: integers have no value for a division by zero: use x.float()")
    return pair(name, x, y)
