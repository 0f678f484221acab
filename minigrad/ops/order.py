"""Order: dims exchanged, and elements reversed or rotated along a dim."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Op, record
from minigrad.kernels import Array
from minigrad.ops.operands import many_dims, one_dim, sizes, tensor
from minigrad.ops.shape import reshape

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["flip", "movedim", "permute", "roll", "swapaxes", "transpose"]

# -- of dims --------------------------------------------------------------------------------------------------


class Permute(Op):
    """y = permute(x, dims)        Dim i of y is dim dims[i] of x."""

    is_view = True

    def __init__(self, dims: tuple[int, ...]) -> None:
        self.dims = dims

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.permute(x, self.dims)

    def backward(self, dy: Tensor) -> Gradients:
        dims = self.dims
        return (record(Permute(tuple(sorted(range(len(dims)), key=dims.__getitem__))), dy),)


class Transpose(Permute):
    """y = transpose(x, dims)        A permutation that exchanges two dims."""


def permute(x: Tensor, dims: int | Sequence[int] = (), *more: int) -> Tensor:
    """The dims in another order, as a view: dim i of the result is dim ``dims[i]`` of ``x``.

    >>> import minigrad as mg
    >>> mg.zeros(2, 3, 4).permute(2, 0, 1).shape
    (4, 2, 3)
    """
    given = sizes("permute", (dims, *more))
    return record(Permute(_order(given, tensor("permute", x).ndim)), x)


@functools.lru_cache(1024)
def _order(dims: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """The dims counted from the front, of which there must be each."""
    order = tuple(one_dim("permute", d, ndim) for d in dims)
    if sorted(order) != list(range(ndim)):
        raise ValueError(f"permute: {dims} is not an order of {ndim} dimensions")
    return order


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dims exchanged, as a view.

    >>> import minigrad as mg
    >>> mg.zeros(2, 3, 4).transpose(0, -1).shape
    (4, 3, 2)
    """
    order = list(range(tensor("transpose", x).ndim))
    i, j = one_dim("transpose", dim0, x.ndim), one_dim("transpose", dim1, x.ndim)
    if order:
        order[i], order[j] = j, i
    return record(Transpose(tuple(order)), x)


def swapaxes(x: Tensor, axis0: int, axis1: int) -> Tensor:
    """:func:`transpose` by the name that NumPy gives it.

    >>> import minigrad as mg
    >>> mg.zeros(2, 3).swapaxes(0, 1).shape
    (3, 2)
    """
    return transpose(x, axis0, axis1)


def movedim(x: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """The dims ``source`` moved to the places ``destination``, the others staying in order; a view.

    Raises ValueError where a dim is named twice, or the two have different lengths.

    >>> import minigrad as mg
    >>> mg.zeros(2, 3, 4).movedim(0, -1).shape, mg.zeros(2, 3, 4).movedim((0, 1), (2, 0)).shape
    ((3, 4, 2), (3, 4, 2))
    """
    both = [dims if isinstance(dims, Sequence) else (dims,) for dims in (source, destination)]
    moved, places = ([one_dim("movedim", d, tensor("movedim", x).ndim) for d in dims] for dims in both)
    if len(moved) != len(places) or len(set(moved)) < len(moved) or len(set(places)) < len(places):
        raise ValueError(
            f"movedim: source {source} and destination {destination} must be as long, and name no dim twice"
        )
    order = [d for d in range(x.ndim) if d not in moved]
    for place, d in sorted(zip(places, moved, strict=True)):
        order.insert(place, d)
    return permute(x, order if x.ndim else ())


# -- of elements ----------------------------------------------------------------------------------------------


class Flip(Op):
    """y = flip(x, dims)        The elements in reverse order along dims."""

    def __init__(self, dims: tuple[int, ...]) -> None:
        self.dims = dims

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.flip(x, self.dims)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(Flip(self.dims), dy),)


class Roll(Op):
    """y[(i + shift) mod n] = x[i]        along each of dims"""

    def __init__(self, shifts: tuple[int, ...], dims: tuple[int, ...]) -> None:
        self.shifts, self.dims = shifts, dims

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.roll(x, self.shifts, self.dims)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(Roll(tuple(-shift for shift in self.shifts), self.dims), dy),)


def flip(x: Tensor, dims: int | Sequence[int], *more: int) -> Tensor:
    """The elements in reverse order along ``dims``. A copy, as in PyTorch; ``x[::-1]`` is the view.

    >>> import minigrad as mg
    >>> mg.tensor([[1, 2], [3, 4]]).flip(1)
    tensor([[2, 1],
            [4, 3]])
    """
    given = sizes("flip", (dims, *more))
    return record(Flip(many_dims("flip", given, tensor("flip", x).ndim) if given else ()), x)


def roll(x: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Tensor:
    """The elements ``shifts`` places further along ``dims``; what leaves at the end comes in at the start.

    Without ``dims`` the elements are taken in order, whatever the shape. Raises ValueError where there is not one
    shift for each dim.

    >>> import minigrad as mg
    >>> mg.arange(5).roll(2), mg.tensor([[1, 2], [3, 4]]).roll(1, 0)
    (tensor([3, 4, 0, 1, 2]), tensor([[3, 4],
            [1, 2]]))
    """
    by = sizes("roll", (shifts,) if isinstance(shifts, Sequence) else ((shifts,),))
    if dims is None:
        if len(by) != 1:
            raise ValueError(f"roll: {len(by)} shifts without dims: name one dim for each")
        return reshape(record(Roll(by, (0,)), reshape(x, tensor("roll", x).numel())), x.shape)
    along = tuple(
        one_dim("roll", d, tensor("roll", x).ndim) for d in (dims if isinstance(dims, Sequence) else (dims,))
    )
    if len(by) != len(along):
        raise ValueError(f"roll: {len(by)} shifts for {len(along)} dims: name one dim for each")
    return roll(x, sum(by)) if not x.ndim else record(Roll(by, along), x)
