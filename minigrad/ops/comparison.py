"""Comparisons and questions about numbers: bool results, which no gradient passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.graph import Op, record
from minigrad.kernels import Array, moved
from minigrad.ops.operands import Number, pair, tensor

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["allclose", "eq", "equal", "ge", "gt", "isclose", "isfinite", "isinf", "isnan", "le", "lt", "ne"]

# -- of two ---------------------------------------------------------------------------------------------------


class Compare(Op):
    """out = kernel(x, y)        eq, ne, lt, le, gt or ge"""

    output = "out"
    is_differentiable = False

    def __init__(self, kernel: str) -> None:
        self.kernel = kernel

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return getattr(kernels, self.kernel)(x, y)


class IsClose(Op):
    """out = |x - y| <= atol + rtol |y|"""

    output = "out"
    is_differentiable = False

    def __init__(self, rtol: float, atol: float, equal_nan: bool) -> None:
        self.rtol, self.atol, self.equal_nan = rtol, atol, equal_nan

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return kernels.isclose(x, y, self.rtol, self.atol, self.equal_nan)


def eq(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """``x == y``, elementwise, as bool; operands as for :func:`add`.

    >>> import minigrad as mg
    >>> mg.tensor([1.0, 2.0]) == 2
    tensor([False,  True])
    """
    return record(Compare("eq"), *pair("eq", x, y))


def ne(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """``x != y``, elementwise, as bool; operands as for :func:`add`."""
    return record(Compare("ne"), *pair("ne", x, y))


def lt(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """``x < y``, elementwise, as bool; operands as for :func:`add`."""
    return record(Compare("lt"), *pair("lt", x, y))


def le(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """``x <= y``, elementwise, as bool; operands as for :func:`add`."""
    return record(Compare("le"), *pair("le", x, y))


def gt(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """``x > y``, elementwise, as bool; operands as for :func:`add`."""
    return record(Compare("gt"), *pair("gt", x, y))


def ge(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """``x >= y``, elementwise, as bool; operands as for :func:`add`."""
    return record(Compare("ge"), *pair("ge", x, y))


def isclose(
    x: Tensor | Number, y: Tensor | Number, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Whether x and y are nearly equal, elementwise: ``|x - y| <= atol + rtol |y|``; operands as for :func:`add`.

    An Inf is close to itself alone, NaN to nothing, or to NaN with ``equal_nan``. Raises ValueError for a negative
    tolerance.

    >>> import minigrad as mg
    >>> mg.isclose(mg.tensor([1.0, 1.0]), mg.tensor([1.000001, 1.1]))
    tensor([ True, False])
    """
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not tolerance >= 0:
            raise ValueError(f"isclose: {name} must not be negative, got {tolerance}")
    return record(IsClose(rtol, atol, equal_nan), *pair("isclose", x, y))


def allclose(
    x: Tensor | Number, y: Tensor | Number, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are nearly equal, as one bool of Python; see :func:`isclose`.

    >>> import minigrad as mg
    >>> mg.allclose(mg.tensor([1.0, 2.0]), mg.tensor([1.0, 2.000001]))
    True
    """
    return bool(moved(isclose(x, y, rtol, atol, equal_nan).array, "cpu").all())


def equal(x: Tensor, y: Tensor) -> bool:
    """Whether two tensors have the same shape and equal elements, as one bool of Python. NaN equals nothing.

    >>> import minigrad as mg
    >>> mg.equal(mg.ones(2), mg.ones(2)), mg.equal(mg.ones(2), mg.ones(1, 2))
    (True, False)
    """
    if tensor("equal", x).shape != tensor("equal", y).shape:
        return False
    return bool(moved(eq(x, y).array, "cpu").all())


# -- of one ---------------------------------------------------------------------------------------------------


class Check(Op):
    """y = kernel(x)        isnan, isinf or isfinite"""

    is_differentiable = False

    def __init__(self, kernel: str) -> None:
        self.kernel = kernel

    def forward(self, kernels: Any, x: Array) -> Any:
        return getattr(kernels, self.kernel)(x)


def isnan(x: Tensor) -> Tensor:
    """Whether x is NaN, elementwise.

    >>> import minigrad as mg
    >>> (mg.tensor([0.0, 1.0]) / 0).isnan()
    tensor([ True, False])
    """
    return record(Check("isnan"), tensor("isnan", x))


def isinf(x: Tensor) -> Tensor:
    """Whether x is Inf or -Inf, elementwise."""
    return record(Check("isinf"), tensor("isinf", x))


def isfinite(x: Tensor) -> Tensor:
    """Whether x is neither Inf, -Inf nor NaN, elementwise."""
    return record(Check("isfinite"), tensor("isfinite", x))
