"""Arithmetic of one or two operands, with broadcasting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import dtypes
from minigrad.graph import Array, Kept, Op, record
from minigrad.ops.operands import Number, cast, floating, pair, tensor

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["abs", "add", "clone", "div", "erf", "exp", "log", "mul", "neg", "pow", "sqrt", "sub"]

Gradients = tuple["Tensor | None", ...]

# -- two operands ---------------------------------------------------------------------------------------------
# Where an operand was broadcast its gradient comes out too large; the walk back sums it (backward.py).


class Add(Op):
    """out = x + y"""

    output = "out"

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.add(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        return dout, dout


class Sub(Op):
    """out = x - y"""

    output = "out"

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.sub(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        return dout, -dout if self.wants("y") else None


class Mul(Op):
    """out = x * y"""

    output = "out"
    x = Kept()
    y = Kept()

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.mul(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        dx = dout * self.y if self.wants("x") else None
        dy = dout * self.x if self.wants("y") else None
        return dx, dy


class Div(Op):
    """out = x / y"""

    output = "out"
    x = Kept()
    y = Kept()

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.div(x, y)

    def backward(self, dout: Tensor) -> Gradients:
        dx = dout / self.y
        return dx, -dx * (self.x / self.y) if self.wants("y") else None


class Pow(Op):
    """y = x^exponent"""

    x = Kept()

    def __init__(self, exponent: float) -> None:
        self.exponent = exponent

    def forward(self, kernels: Any, x: Array) -> Any:
        if self.exponent == 2:
            return kernels.mul(x, x)
        return kernels.pow(x, np.asarray(self.exponent, x.dtype))

    def backward(self, dy: Tensor) -> Gradients:
        n = self.exponent
        if n == 0:  # n x^(n - 1) would be 0 * Inf at x = 0
            return (dy * 0,)
        return (dy * (self.x ** (n - 1) * n),)


class PowTensor(Op):
    """out = x^y"""

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


def add(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """Sum, elementwise: ``out = x + y``.

    Shapes broadcast, dtypes promote as in PyTorch, and either operand may be a Python number.
    Raises ValueError for shapes that do not broadcast, TypeError for anything but tensors and numbers.

    >>> import minigrad as mg
    >>> mg.tensor([[1.0], [2.0]]) + mg.tensor([10.0, 20.0])
    tensor([[11., 21.],
            [12., 22.]])
    """
    return record(Add(), *pair("add", x, y))


def sub(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """Difference, elementwise: ``out = x - y``; operands as for :func:`add`, but not bool.

    >>> import minigrad as mg
    >>> 1 - mg.tensor([1.0, 4.0])
    tensor([ 0., -3.])
    """
    x, y = pair("sub", x, y)
    if x.dtype == dtypes.bool_:
        raise TypeError("sub: bools have no difference; use != for exclusive or")
    return record(Sub(), x, y)


def mul(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """Product, elementwise: ``out = x * y``; operands as for :func:`add`.

    >>> import minigrad as mg
    >>> mg.tensor([1, 2]) * 1.5
    tensor([1.5000, 3.0000])
    """
    return record(Mul(), *pair("mul", x, y))


def div(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """Quotient, elementwise: ``out = x / y``; operands as for :func:`add`, integers become float32.

    Division by zero gives Inf or NaN, as in IEEE arithmetic.

    >>> import minigrad as mg
    >>> mg.tensor([1, -1, 0]) / 0
    tensor([ inf, -inf,  nan])
    """
    x, y = pair("div", x, y)
    if x.dtype.kind != "f":
        x, y = cast(x, dtypes.float32), cast(y, dtypes.float32)
    return record(Div(), x, y)


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
    if base.dtype.kind != "f" and (power.array < 0).any():
        raise ValueError(f"pow: {base.dtype} to a negative power is no integer: use x.float()")
    if isinstance(exponent, (bool, int, float, np.generic)):
        return record(Pow(power.array.item()), base)
    return record(PowTensor(), base, power)


# -- one operand ----------------------------------------------------------------------------------------------


class Neg(Op):
    """y = -x"""

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
        return (dy * record(Sign(), self.x),)


class Sign(Op):
    """y = -1, 0 or 1, the sign of x: constant between the jumps, so it has no graph"""

    is_differentiable = False

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.sign(x)


class Exp(Op):
    """y = e^x"""

    y = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.exp(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy * self.y,)


class Log(Op):
    """y = ln x"""

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.log(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy / self.x,)


class Sqrt(Op):
    """y = x^(1/2)"""

    y = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.sqrt(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy / (self.y * 2),)


class Erf(Op):
    """y = erf x"""

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.erf(x)

    def backward(self, dy: Tensor) -> Gradients:
        x = self.x
        return (dy * ((-x * x).exp() * (2 / math.sqrt(math.pi))),)


class Clone(Op):
    """y = x, in memory of its own"""

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
        raise TypeError("neg: a bool has no negative; use x == False for its opposite")
    return record(Neg(), x)


def abs(x: Tensor) -> Tensor:
    """Absolute value, elementwise: ``y = |x|``. The derivative at 0 is taken to be 0.

    >>> import minigrad as mg
    >>> mg.tensor([-1.5, 2.0]).abs()
    tensor([1.5000, 2.0000])
    """
    return record(Abs(), tensor("abs", x))


def exp(x: Tensor) -> Tensor:
    """Exponential, elementwise: ``y = e^x``, ``dy/dx = y``. Integers become float32.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).exp()
    tensor([1.0000, 2.7183])
    """
    return record(Exp(), floating("exp", x))


def log(x: Tensor) -> Tensor:
    """Natural logarithm, elementwise: ``y = ln x``, ``dy/dx = 1 / x``. NaN below 0, -Inf at 0.

    >>> import minigrad as mg
    >>> mg.tensor([1.0, 0.0, -1.0]).log()
    tensor([0.0000,   -inf,    nan])
    """
    return record(Log(), floating("log", x))


def sqrt(x: Tensor) -> Tensor:
    """Square root, elementwise: ``y = x^(1/2)``, ``dy/dx = 1 / (2 y)``. NaN below 0.

    >>> import minigrad as mg
    >>> mg.tensor([4.0, 2.0]).sqrt()
    tensor([2.0000, 1.4142])
    """
    return record(Sqrt(), floating("sqrt", x))


def erf(x: Tensor) -> Tensor:
    """Error function, elementwise: ``y = 2 / sqrt(pi)`` times the integral of ``e^(-t^2)`` from 0 to x.

    ``dy/dx = 2 / sqrt(pi) e^(-x^2)``. Integers become float32.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).erf()
    tensor([0.0000, 0.8427])
    """
    return record(Erf(), floating("erf", x))


def clone(x: Tensor) -> Tensor:
    """A copy in memory of its own, through which gradients flow.

    >>> import minigrad as mg
    >>> mg.tensor([1, 2]).clone()
    tensor([1, 2])
    """
    return record(Clone(), tensor("clone", x))
