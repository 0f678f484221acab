"""Sums, products and powers, with broadcasting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from minigrad import dtypes
from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array, is_seen
from minigrad.ops.operands import Number, cast, dtype_of, number, pair, several, tensor
from minigrad.ops.rounding import sign

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["abs", "add", "clone", "lerp", "mul", "neg", "pow", "square", "sub"]

# -- sums and products ----------------------------------------------------------------------------------------
# Where an operand was broadcast its gradient comes out too large; the walk back sums it (backward.py).


class Add(Op):
    """out = x + y

    dout/dx = 1
    dout/dy = 1
    """

    output = "out"

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.add(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        return dout, dout


class Sub(Op):
    """out = x - y

    dout/dx = 1
    dout/dy = -1
    """

    output = "out"

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.sub(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        return dout, -dout if self.wants("y") else None


class Mul(Op):
    """out = x * y

    dout/dx = y
    dout/dy = x
    """

    output = "out"
    x = Kept()
    y = Kept()

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.mul(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        dx = dout * self.y if self.wants("x") else None
        dy = dout * self.x if self.wants("y") else None
        return dx, dy


def add(x: Tensor | Number, y: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """Sum, elementwise: ``out = x + alpha * y``.

    Shapes broadcast, dtypes promote as in PyTorch, and either operand may be a Python number.
    Raises ValueError for shapes that do not broadcast, TypeError for anything but tensors and numbers, or for a
    fraction as ``alpha`` between integers.

    >>> import minigrad as mg
    >>> mg.tensor([[1.0], [2.0]]) + mg.tensor([10.0, 20.0])
    tensor([[11., 21.],
            [12., 22.]])
    """
    x, y = pair("add", x, y)
    return record(Add(), x, y if alpha == 1 else times("add", alpha, y))


def sub(x: Tensor | Number, y: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """Difference, elementwise: ``out = x - alpha * y``; operands as for :func:`add`, but not bool.

    >>> import minigrad as mg
    >>> 1 - mg.tensor([1.0, 4.0])
    tensor([ 0., -3.])
    """
    x, y = pair("sub", x, y)
    if x.dtype == dtypes.bool_:
        raise TypeError("sub: bools have no difference; use != for exclusive or")
    return record(Sub(), x, y if alpha == 1 else times("sub", alpha, y))


def times(name: str, alpha: Number, y: Tensor) -> Tensor:
    """``alpha * y``, which must have the dtype of ``y``."""
    own = dtype_of(name, alpha)
    if not dtypes.yields_to(own, y.dtype):
        raise TypeError(f"{name}: alpha={alpha} would make {own} of {y.dtype} elements")
    return mul(alpha, y)


def mul(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """Product, elementwise: ``out = x * y``; operands as for :func:`add`.

    >>> import minigrad as mg
    >>> mg.tensor([1, 2]) * 1.5
    tensor([1.5000, 3.0000])
    """
    return record(Mul(), *pair("mul", x, y))


# -- powers ---------------------------------------------------------------------------------------------------


class Pow(Op):
    """y = x^exponent

    dy/dx = exponent x^(exponent - 1)
    """

    x = Kept()

    known: ClassVar = {-1: "reciprocal", -0.5: "rsqrt", 0.5: "sqrt", 1: "copy"}  # a tenth of the work of a power

    def __init__(self, exponent: float) -> None:
        self.exponent = exponent

    def forward(self, kernels: Any, x: Array) -> Any:
        n = self.exponent
        if n in (2, 3):
            square = kernels.mul(x, x)
            return square if n == 2 else kernels.mul(square, x)
        if n in self.known:
            return getattr(kernels, self.known[n])(x)
        return kernels.pow(x, np.asarray(n, x.dtype))

    def backward(self, dy: Tensor) -> Gradients:
        n = self.exponent
        if n == 0:  # n x^(n - 1) would be 0 * Inf at x = 0
            return (dy * 0,)
        return (dy * (self.x ** (n - 1) * n),)


class PowTensor(Op):
    """out = x^y

    dout/dx = y x^(y - 1)
    dout/dy = x^y ln x
    """

    title = "Pow"
    x = Kept()
    y = Kept()
    out = Kept()

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.pow(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        x, y = self.x, self.y
        dx = dy = None
        if self.wants("x"):  # y x^(y - 1), and 0 where x = y = 0
            dx = dout * (y * x ** (y - 1 + (x == 0) * (y == 0)))
        if self.wants("y"):  # x^y log x, and 0 where x = 0
            dy = dout * (self.out * (x + (x == 0)).log())
        return dx, dy


def pow(x: Tensor | Number, exponent: Tensor | Number) -> Tensor:
    """Power, elementwise: ``y = x^exponent``; operands as for :func:`add`.

    The derivative for x is ``n x^(n - 1)``, and 0 where n = 0; for a tensor exponent it is ``x^n log x``, and 0
    where x = 0. Raises ValueError for an integer tensor to a negative integer power.

    >>> import minigrad as mg
    >>> mg.tensor([1.0, 2.0, 3.0]) ** 2, 2 ** mg.tensor([0.0, 0.5])
    (tensor([1., 4., 9.]), tensor([1.0000, 1.4142]))
    """
    base, power = pair("pow", x, exponent)
    if base.dtype == dtypes.bool_:
        return cast(pow(cast(base, dtypes.uint8), cast(power, dtypes.uint8)), dtypes.bool_)
    if base.dtype.kind != "f" and is_seen(power.array) and (power.array < 0).any():
        raise ValueError(f"pow: {base.dtype} to a negative power is not an integer: use x.float()")
    if isinstance(exponent, (bool, int, float, np.generic)):
        return record(Pow(power.array.item()), base)
    return record(PowTensor(), base, power)


def square(x: Tensor) -> Tensor:
    """Square, elementwise: ``y = x^2``, which is recorded as a power; ``dy/dx = 2 x``.

    >>> import minigrad as mg
    >>> mg.tensor([3.0, -2.0]).square()
    tensor([9., 4.])
    """
    return pow(tensor("square", x), 2)


# -- one operand ----------------------------------------------------------------------------------------------


class Neg(Op):
    """y = -x

    dy/dx = -1
    """

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.neg(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (-dy,)


class Abs(Op):
    """y = |x|"""

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.abs(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy * sign(self.x),)


class Clone(Op):
    """y = x, in memory of its own

    dy/dx = 1
    """

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.copy(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy,)


def neg(x: Tensor) -> Tensor:
    """Negation, elementwise: ``y = -x``. Not for bool (TypeError).

    >>> import minigrad as mg
    >>> -mg.tensor([1, -2])
    tensor([-1,  2])
    """
    if tensor("neg", x).dtype == dtypes.bool_:
        raise TypeError("neg: a bool has no negative; use ~x for its opposite")
    return record(Neg(), x)


def abs(x: Tensor) -> Tensor:
    """Absolute value, elementwise: ``y = |x|``. The derivative at 0 is taken to be 0. Not for bool (TypeError).

    >>> import minigrad as mg
    >>> mg.tensor([-1.5, 2.0]).abs()
    tensor([1.5000, 2.0000])
    """
    return record(Abs(), number("abs", x))


def clone(x: Tensor) -> Tensor:
    """A copy in memory of its own, through which gradients flow.

    >>> import minigrad as mg
    >>> mg.tensor([1, 2]).clone()
    tensor([1, 2])
    """
    return record(Clone(), tensor("clone", x))


# -- between two ----------------------------------------------------------------------------------------------


class Lerp(Op):
    """out = start + weight (end - start)

    dout/dstart = 1 - weight
    dout/dend = weight
    dout/dweight = end - start
    """

    output = "out"
    start = Kept()
    end = Kept()
    weight = Kept()

    def forward(self, kernels: Any, start: Array, end: Array, weight: Array) -> Any:
        return kernels.lerp(start, end, weight)

    def backward(self, dout: Tensor) -> Gradients:
        dstart = dout * (1 - self.weight) if self.wants("start") else None
        dend = dout * self.weight if self.wants("end") else None
        dweight = dout * (self.end - self.start) if self.wants("weight") else None
        return dstart, dend, dweight


def lerp(start: Tensor, end: Tensor | Number, weight: Tensor | Number) -> Tensor:
    """Linear interpolation, elementwise: ``out = start + weight (end - start)``, exact where weight is 0 or 1.

    Shapes broadcast. Raises TypeError unless a float results.

    >>> import minigrad as mg
    >>> mg.lerp(mg.tensor([0.0, 10.0]), mg.tensor([1.0, 20.0]), 0.25)
    tensor([ 0.2500, 12.5000])
    """
    if all(dtype_of("lerp", x).kind != "f" for x in (start, end, weight)):
        raise TypeError(f"lerp: start must be of floats, it is {tensor('lerp', start).dtype}: use x.float()")
    return record(Lerp(), *several("lerp", tensor("lerp", start), end, weight))
