"""Comparisons: bool results, which no gradient passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.graph import Array, Op, record
from minigrad.ops.operands import Number, pair

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["eq", "ge", "gt", "le", "lt", "ne"]


class Compare(Op):
    """out = x ? y        ? one of == != < <= > >="""

    output = "out"
    is_differentiable = False

    def __init__(self, kernel: str) -> None:
        self.kernel = kernel

    def forward(self, kernels: Any, x: Array, y: Array) -> Any:
        return getattr(kernels, self.kernel)(x, y)


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
