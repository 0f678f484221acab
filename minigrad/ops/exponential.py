"""Exponentials, logarithms, roots. Integers become float32."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array
from minigrad.ops.operands import floating

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["erf", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "rsqrt", "sqrt"]

# -- exponentials ---------------------------------------------------------------------------------------------


class Exp(Op):
    """y = e^x

    dy/dx = y
    """

    y = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.exp(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy * self.y,)


def exp(x: Tensor) -> Tensor:
    """Exponential, elementwise: ``y = e^x``, ``dy/dx = y``.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).exp()
    tensor([1.0000, 2.7183])
    """
    return record(Exp(), floating("exp", x))


class Exp2(Op):
    """y = 2^x

    dy/dx = y ln 2
    """

    y = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.exp2(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy * (self.y * math.log(2)),)


def exp2(x: Tensor) -> Tensor:
    """Power of two, elementwise: ``y = 2^x``, ``dy/dx = y ln 2``.

    >>> import minigrad as mg
    >>> mg.tensor([3.0, 0.5]).exp2()
    tensor([8.0000, 1.4142])
    """
    return record(Exp2(), floating("exp2", x))


class Expm1(Op):
    """y = e^x - 1

    dy/dx = y + 1
    """

    y = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.expm1(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy * (self.y + 1),)


def expm1(x: Tensor) -> Tensor:
    """Exponential less one, elementwise: ``y = e^x - 1``, ``dy/dx = y + 1``. Exact also for small x.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).expm1(), mg.tensor(1e-20).expm1() > 0
    (tensor([0.0000, 1.7183]), tensor(True))
    """
    return record(Expm1(), floating("expm1", x))


# -- logarithms -----------------------------------------------------------------------------------------------


class Log(Op):
    """y = ln x

    dy/dx = 1 / x
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.log(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy / self.x,)


def log(x: Tensor) -> Tensor:
    """Natural logarithm, elementwise: ``y = ln x``, ``dy/dx = 1 / x``. NaN below 0, -Inf at 0.

    >>> import minigrad as mg
    >>> mg.tensor([1.0, 0.0, -1.0]).log()
    tensor([0.0000,   -inf,    nan])
    """
    return record(Log(), floating("log", x))


class Log2(Op):
    """y = log_2 x

    dy/dx = 1 / (x ln 2)
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.log2(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy / (self.x * math.log(2)),)


def log2(x: Tensor) -> Tensor:
    """Logarithm to base 2, elementwise; ``dy/dx = 1 / (x ln 2)``. NaN below 0, -Inf at 0.

    >>> import minigrad as mg
    >>> mg.tensor([8.0, 0.5]).log2()
    tensor([ 3., -1.])
    """
    return record(Log2(), floating("log2", x))


class Log10(Op):
    """y = log_10 x

    dy/dx = 1 / (x ln 10)
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.log10(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy / (self.x * math.log(10)),)


def log10(x: Tensor) -> Tensor:
    """Logarithm to base 10, elementwise; ``dy/dx = 1 / (x ln 10)``. NaN below 0, -Inf at 0.

    >>> import minigrad as mg
    >>> mg.tensor([1000.0, 0.1]).log10()
    tensor([ 3., -1.])
    """
    return record(Log10(), floating("log10", x))


class Log1p(Op):
    """y = ln(1 + x)

    dy/dx = 1 / (1 + x)
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.log1p(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy / (self.x + 1),)


def log1p(x: Tensor) -> Tensor:
    """Logarithm of one more, elementwise: ``y = ln(1 + x)``, ``dy/dx = 1 / (1 + x)``. Exact also for small x.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).log1p(), mg.tensor(1e-20).log1p() > 0
    (tensor([0.0000, 0.6931]), tensor(True))
    """
    return record(Log1p(), floating("log1p", x))


# -- roots and the error function -----------------------------------------------------------------------------


class Sqrt(Op):
    """y = x^(1/2)

    dy/dx = 1 / (2 y)
    """

    y = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.sqrt(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy / (self.y * 2),)


def sqrt(x: Tensor) -> Tensor:
    """Square root, elementwise: ``y = x^(1/2)``, ``dy/dx = 1 / (2 y)``. NaN below 0.

    >>> import minigrad as mg
    >>> mg.tensor([4.0, 2.0]).sqrt()
    tensor([2.0000, 1.4142])
    """
    return record(Sqrt(), floating("sqrt", x))


class Rsqrt(Op):
    """y = x^(-1/2)

    dy/dx = -y^3 / 2
    """

    y = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.rsqrt(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy * (self.y * self.y * self.y * -0.5),)


def rsqrt(x: Tensor) -> Tensor:
    """Reciprocal of the square root, elementwise: ``y = x^(-1/2)``, ``dy/dx = -y^3 / 2``. NaN below 0, Inf at 0.

    >>> import minigrad as mg
    >>> mg.tensor([4.0, 0.0]).rsqrt()
    tensor([0.5000,    inf])
    """
    return record(Rsqrt(), floating("rsqrt", x))


class Erf(Op):
    """y = erf x

    dy/dx = 2 e^(-x^2) / sqrt(pi)
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.erf(x)

    def backward(self, dy: Tensor) -> Gradients:
        x = self.x
        return (dy * ((-x * x).exp() * (2 / math.sqrt(math.pi))),)


def erf(x: Tensor) -> Tensor:
    """Error function, elementwise: ``y = 2 / sqrt(pi)`` times the integral of ``e^(-t^2)`` from 0 to x.

    ``dy/dx = 2 / sqrt(pi) e^(-x^2)``.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).erf()
    tensor([0.0000, 0.8427])
    """
    return record(Erf(), floating("erf", x))
