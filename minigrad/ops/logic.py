"""Logic: of truths, where every number but 0 is true, and bit by bit. No gradient passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.graph import record
from minigrad.ops.comparison import Check, Compare
from minigrad.ops.operands import Number, dtype_of, pair, tensor

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor"]
__all__ += ["logical_and", "logical_not", "logical_or", "logical_xor"]


class Logic(Compare):
    """out = kernel(x, y)        and, or, or exclusive or, of truths or of bits"""


class Not(Check):
    """y = not x"""


# -- of truths ------------------------------------------------------------------------------------------------


def logical_not(x: Tensor) -> Tensor:
    """Whether x is 0, elementwise.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 2.0]).logical_not()
    tensor([ True, False])
    """
    return record(Not("logical_not"), tensor("logical_not", x))


def logical_and(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """Whether neither x nor y is 0, elementwise, as bool; operands as for :func:`add`.

    >>> import minigrad as mg
    >>> mg.logical_and(mg.tensor([0.0, 2.0]), mg.tensor([1.0, 1.0]))
    tensor([False,  True])
    """
    return record(Logic("logical_and"), *pair("logical_and", x, y))


def logical_or(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """Whether x or y is not 0, elementwise, as bool; operands as for :func:`add`."""
    return record(Logic("logical_or"), *pair("logical_or", x, y))


def logical_xor(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """Whether one of x and y is 0 and the other is not, elementwise, as bool; operands as for :func:`add`."""
    return record(Logic("logical_xor"), *pair("logical_xor", x, y))


# -- bit by bit -----------------------------------------------------------------------------------------------


def bitwise_not(x: Tensor) -> Tensor:
    """``~x``, elementwise: every bit turned over, so ``-x - 1``, or the opposite of a bool.

    Raises TypeError for floats.

    >>> import minigrad as mg
    >>> ~mg.tensor([True, False]), ~mg.tensor([0, 5])
    (tensor([False,  True]), tensor([-1, -6]))
    """
    _check_bits("bitwise_not", tensor("bitwise_not", x))
    return record(Not("bitwise_not"), x)


def bitwise_and(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """``x & y``, elementwise, of integers bit by bit, or of bools; otherwise operands as for :func:`add`.

    Raises TypeError for floats.

    >>> import minigrad as mg
    >>> mg.tensor([True, True]) & mg.tensor([True, False]), mg.tensor([12, 10]) & 6
    (tensor([ True, False]), tensor([4, 2]))
    """
    return _bitwise("bitwise_and", x, y)


def bitwise_or(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """``x | y``, elementwise; operands as for :func:`bitwise_and`."""
    return _bitwise("bitwise_or", x, y)


def bitwise_xor(x: Tensor | Number, y: Tensor | Number) -> Tensor:
    """``x ^ y``, elementwise: the bits in which they differ; operands as for :func:`bitwise_and`."""
    return _bitwise("bitwise_xor", x, y)


def _bitwise(name: str, x: Tensor | Number, y: Tensor | Number) -> Tensor:
    _check_bits(name, x, y)
    return record(Logic(name), *pair(name, x, y))


def _check_bits(name: str, *operands: Tensor | Number) -> None:
    for x in operands:
        if dtype_of(name, x).kind == "f":
            raise TypeError(f"{name}: {dtype_of(name, x)} has no bits to combine, only integers and bools have")
