"""Parameter: a tensor that a module trains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.creation import zeros_like
from minigrad.tensor import Tensor


class Parameter(Tensor):
    """A tensor that wants a gradient and that a :class:`Module` finds among its attributes.

    Args:
        data: a tensor, or anything that makes one; copied.
        requires_grad: False freezes it.

    Raises:
        TypeError: integers or bools, which have no gradient.

    >>> Parameter([1.0, 2.0])
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad=requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


def zero_grad(parameters: Iterable[Tensor], set_to_none: bool) -> None:
    """Forget the gradients, or have new ones of zeros in their place."""
    for p in parameters:
        p.grad = None if set_to_none or p.grad is None else zeros_like(p.grad)
