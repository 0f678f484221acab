"""Circular and hyperbolic functions and their inverses. Angles are in radians; integers become float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad import dtypes
from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array
from minigrad.ops.operands import Number, cast, floating, pair

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "sin", "sinh", "tan"]

# -- circular -------------------------------------------------------------------------------------------------


class Sin(Op):
    """y = sin x

    dy/dx = cos x
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.sin(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy * self.x.cos(),)


def sin(x: Tensor) -> Tensor:
    """Sine, elementwise: ``y = sin x``, ``dy/dx = cos x``.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).sin()
    tensor([0.0000, 0.8415])
    """
    return record(Sin(), floating("sin", x))


class Cos(Op):
    """y = cos x

    dy/dx = -sin x
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.cos(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (-dy * self.x.sin(),)


def cos(x: Tensor) -> Tensor:
    """Cosine, elementwise: ``y = cos x``, ``dy/dx = -sin x``.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).cos()
    tensor([1.0000, 0.5403])
    """
    return record(Cos(), floating("cos", x))


class Tan(Op):
    """y = tan x

    dy/dx = 1 + y^2
    """

    y = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.tan(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy * (self.y * self.y + 1),)


def tan(x: Tensor) -> Tensor:
    """Tangent, elementwise: ``y = tan x``, ``dy/dx = 1 + y^2``.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).tan()
    tensor([0.0000, 1.5574])
    """
    return record(Tan(), floating("tan", x))


# -- their inverses -------------------------------------------------------------------------------------------


class Asin(Op):
    """y = arcsin x

    dy/dx = 1 / sqrt(1 - x^2)
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.asin(x)

    def backward(self, dy: Tensor) -> Gradients:
        x = self.x
        return (dy / ((1 - x) * (1 + x)).sqrt(),)


def asin(x: Tensor) -> Tensor:
    """Angle between -pi/2 and pi/2 of the sine x, elementwise: ``dy/dx = 1 / sqrt(1 - x^2)``. NaN where |x| > 1.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).asin()
    tensor([0.0000, 1.5708])
    """
    return record(Asin(), floating("asin", x))


class Acos(Op):
    """y = arccos x

    dy/dx = -1 / sqrt(1 - x^2)
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.acos(x)

    def backward(self, dy: Tensor) -> Gradients:
        x = self.x
        return (-dy / ((1 - x) * (1 + x)).sqrt(),)


def acos(x: Tensor) -> Tensor:
    """Angle between 0 and pi of the cosine x, elementwise: ``dy/dx = -1 / sqrt(1 - x^2)``. NaN where |x| > 1.

    >>> import minigrad as mg
    >>> mg.tensor([1.0, 0.0]).acos()
    tensor([0.0000, 1.5708])
    """
    return record(Acos(), floating("acos", x))


class Atan(Op):
    """y = arctan x

    dy/dx = 1 / (1 + x^2)
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.atan(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy / (self.x * self.x + 1),)


def atan(x: Tensor) -> Tensor:
    """Angle between -pi/2 and pi/2 of the tangent x, elementwise: ``dy/dx = 1 / (1 + x^2)``.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).atan()
    tensor([0.0000, 0.7854])
    """
    return record(Atan(), floating("atan", x))


class Atan2(Op):
    """out = the angle of the point (x, y)"""

    output = "out"
    y = Kept()
    x = Kept()

    def forward(self, kernels: Any, y: Array, x: Array) -> Any:
        return kernels.atan2(y, x)

    def backward(self, dout: Tensor) -> Gradients:
        x, y = self.x, self.y
        r2 = x * x + y * y
        slope = dout / (r2 + (r2 == 0))  # 0 for the point (0, 0)
        return slope * x, -slope * y


def atan2(y: Tensor | Number, x: Tensor | Number) -> Tensor:
    """Angle of the point (x, y), elementwise, between -pi and pi: ``arctan(y / x)`` in the right quadrant.

    ``dout/dy = x / (x^2 + y^2)``, ``dout/dx = -y / (x^2 + y^2)``, and 0 for the point (0, 0). Shapes broadcast.

    >>> import minigrad as mg
    >>> mg.atan2(mg.tensor([1.0, -1.0]), mg.tensor([0.0, -1.0]))
    tensor([ 1.5708, -2.3562])
    """
    y, x = pair("atan2", y, x)
    if x.dtype.kind != "f":
        y, x = cast(y, dtypes.float32), cast(x, dtypes.float32)
    return record(Atan2(), y, x)


# -- hyperbolic -----------------------------------------------------------------------------------------------


class Sinh(Op):
    """y = sinh x

    dy/dx = cosh x
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.sinh(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy * self.x.cosh(),)


def sinh(x: Tensor) -> Tensor:
    """Hyperbolic sine, elementwise: ``y = (e^x - e^-x) / 2``, ``dy/dx = cosh x``.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).sinh()
    tensor([0.0000, 1.1752])
    """
    return record(Sinh(), floating("sinh", x))


class Cosh(Op):
    """y = cosh x

    dy/dx = sinh x
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.cosh(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy * self.x.sinh(),)


def cosh(x: Tensor) -> Tensor:
    """Hyperbolic cosine, elementwise: ``y = (e^x + e^-x) / 2``, ``dy/dx = sinh x``.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).cosh()
    tensor([1.0000, 1.5431])
    """
    return record(Cosh(), floating("cosh", x))


class Asinh(Op):
    """y = arsinh x

    dy/dx = 1 / sqrt(1 + x^2)
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.asinh(x)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy / (self.x * self.x + 1).sqrt(),)


def asinh(x: Tensor) -> Tensor:
    """Inverse of :func:`sinh`, elementwise: ``dy/dx = 1 / sqrt(x^2 + 1)``.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).asinh()
    tensor([0.0000, 0.8814])
    """
    return record(Asinh(), floating("asinh", x))


class Acosh(Op):
    """y = arcosh x

    dy/dx = 1 / sqrt(x^2 - 1)
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.acosh(x)

    def backward(self, dy: Tensor) -> Gradients:
        x = self.x
        return (dy / ((x - 1) * (x + 1)).sqrt(),)


def acosh(x: Tensor) -> Tensor:
    """Inverse of :func:`cosh`, elementwise: ``dy/dx = 1 / sqrt(x^2 - 1)``. NaN below 1.

    >>> import minigrad as mg
    >>> mg.tensor([1.0, 2.0]).acosh()
    tensor([0.0000, 1.3170])
    """
    return record(Acosh(), floating("acosh", x))


class Atanh(Op):
    """y = artanh x

    dy/dx = 1 / (1 - x^2)
    """

    x = Kept()

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.atanh(x)

    def backward(self, dy: Tensor) -> Gradients:
        x = self.x
        return (dy / ((1 - x) * (1 + x)),)


def atanh(x: Tensor) -> Tensor:
    """Inverse of :func:`tanh`, elementwise: ``dy/dx = 1 / (1 - x^2)``. Inf at 1, NaN where |x| > 1.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 0.5]).atanh()
    tensor([0.0000, 0.5493])
    """
    return record(Atanh(), floating("atanh", x))
