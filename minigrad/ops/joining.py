"""Joining: tensors one after another, and a border of further elements around one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import dtypes
from minigrad.graph import Gradients, Op, record
from minigrad.kernels import Array
from minigrad.ops.indexing import Index
from minigrad.ops.operands import cast, one_dim, plain, scalar, sizes, tensor
from minigrad.ops.shape import reshape

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["cat", "hstack", "pad", "stack", "vstack"]

Widths = tuple[tuple[int, int], ...]

# -- one after another ----------------------------------------------------------------------------------------


class Cat(Op):
    """y = cat(inputs, dim)        The inputs one after another along dim."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, kernels: Any, *arrays: Array) -> Any:
        return kernels.cat(arrays, self.dim)

    def backward(self, dy: Tensor) -> Gradients:
        ends = np.cumsum([edge.shape[self.dim] for edge in self.edges]).tolist()
        before = (slice(None),) * self.dim
        starts = [0, *ends[:-1]]
        return tuple(
            record(Index((*before, slice(start, end))), dy) for start, end in zip(starts, ends, strict=True)
        )


class Stack(Op):
    """y = stack(inputs, dim)        The inputs one after another along a new dim."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, kernels: Any, *arrays: Array) -> Any:
        return kernels.stack(arrays, self.dim)

    def backward(self, dy: Tensor) -> Gradients:
        before = (slice(None),) * self.dim
        return tuple(record(Index((*before, i)), dy) for i in range(len(self.edges)))


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors one after another along ``dim``; their other sizes must be equal.

    A tensor of shape (0,) beside others of several dims is left out, so that a loop may start from nothing.

    >>> import minigrad as mg
    >>> mg.cat([mg.zeros(2, 1), mg.ones(2, 2)], dim=1)
    tensor([[0., 1., 1.],
            [0., 1., 1.]])
    """
    tensors = _same_dtype("cat", tensors)
    if len({t.ndim for t in tensors}) > 1:
        tensors = [t for t in tensors if t.shape != (0,)]
    d = one_dim("cat", dim, tensors[0].ndim)
    rest = {(*t.shape[:d], *t.shape[d + 1 :]) if t.ndim else None for t in tensors}
    if len(rest) > 1 or None in rest or len({t.ndim for t in tensors}) > 1:
        shapes = ", ".join(str(t.shape) for t in tensors)
        raise ValueError(f"cat: along dim {dim}, the other sizes of {shapes} must be equal")
    return record(Cat(d), *tensors)


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors, all of one shape, one after another along a new dim.

    >>> import minigrad as mg
    >>> mg.stack([mg.tensor([1, 2]), mg.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    tensors = _same_dtype("stack", tensors)
    if len({t.shape for t in tensors}) > 1:
        raise ValueError(f"stack: the shapes {', '.join(str(t.shape) for t in tensors)} must be equal")
    return record(Stack(one_dim("stack", dim, tensors[0].ndim + 1)), *tensors)


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """:func:`cat` side by side: along dim 1, or along the only dim there is.

    >>> import minigrad as mg
    >>> mg.hstack([mg.tensor([[1], [2]]), mg.tensor([[3], [4]])])
    tensor([[1, 3],
            [2, 4]])
    """
    lines = [t if tensor("hstack", t).ndim else reshape(t, 1) for t in tensors]
    return cat(lines, 1 if lines and lines[0].ndim > 1 else 0)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """:func:`cat` one below another: along dim 0, where a tensor of one dim is a row.

    >>> import minigrad as mg
    >>> mg.vstack([mg.tensor([1, 2]), mg.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return cat([t if tensor("vstack", t).ndim > 1 else reshape(t, 1, t.numel()) for t in tensors])


def _same_dtype(name: str, tensors: Sequence[Tensor]) -> list[Tensor]:
    tensors = [tensor(name, t) for t in tensors]
    if not tensors:
        raise ValueError(f"{name}: needs at least one tensor")
    dtype = tensors[0].dtype
    for t in tensors:
        dtype = dtypes.promote_types(dtype, t.dtype)
    return [cast(t, dtype) for t in tensors]


# -- a border -------------------------------------------------------------------------------------------------


class Pad(Op):
    """y = pad(x, widths)        x with so many elements of one value before and after it, along each dim."""

    def __init__(self, widths: Widths, value: float) -> None:
        self.widths, self.value = widths, value

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.pad(x, self.widths, self.value)

    def backward(self, dy: Tensor) -> Gradients:
        shape = zip(self.widths, self.shape_of("x"), strict=True)
        return (record(Crop(tuple(slice(before, before + n) for (before, _), n in shape)), dy),)


class Crop(Index):
    """y = x[key]        x without elements at its borders"""


class PadFromInside(Index):
    """y = x[index]        x with a border of its own elements, which index names along each dim"""

    title = "Pad"


#: The element that stands at place i, which may be outside of 0 to n - 1.
_INSIDE = {
    "reflect": lambda i, n: n - 1 - np.abs(n - 1 - np.abs(i)),
    "replicate": lambda i, n: np.clip(i, 0, n - 1),
    "circular": lambda i, n: i % n,
}


def pad(x: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """``x`` with a border: ``pad`` is (before, after) of the last dim, then of the one before it, and so on.

    Args:
        x: of any shape.
        pad: numbers of elements to add; a negative one takes elements away.
        mode: what stands there. ``"constant"``: ``value``; ``"reflect"``: x mirrored at its first and last
            element; ``"replicate"``: these elements; ``"circular"``: x from its other end.
        value: 0 unless given, for ``"constant"`` only.

    Raises:
        ValueError: an odd number of widths, more than x has dims, a mode that does not exist, a value where none
            is used, or a border that x is too small for.

    >>> import minigrad as mg
    >>> x = mg.tensor([1, 2, 3])
    >>> mg.pad(x, (1, 2)), mg.pad(x, (2, 0), mode="reflect")
    (tensor([0, 1, 2, 3, 0, 0]), tensor([3, 2, 1, 2, 3]))
    """
    given = sizes("pad", (pad,))
    if len(given) % 2 or len(given) > 2 * tensor("pad", x).ndim:
        raise ValueError(f"pad: {given} for shape {x.shape}: two numbers for each dim, from the last one on")
    if mode != "constant" and mode not in _INSIDE:
        raise ValueError(f"pad: there is no mode {mode!r}: use 'constant', {', '.join(map(repr, _INSIDE))}")
    if mode != "constant" and value:
        raise ValueError(f"pad: mode {mode!r} has no use for the value {value}")
    outer = ((0, 0),) * (x.ndim - len(given) // 2)
    widths = (*outer, *zip(given[-2::-2], given[::-2], strict=True))
    for (before, after), n in zip(widths, x.shape, strict=True):
        left = n + min(before, 0) + min(after, 0)
        room = {"constant": np.inf, "reflect": max(n - 1, 0), "replicate": np.inf if n else 0, "circular": left}[
            mode
        ]
        if max(before, after) > room or left < 0:
            raise ValueError(f"pad: shape {x.shape} is too small for a border of {given} in mode {mode!r}")
    fill = scalar("pad", plain("pad", value or 0), x.dtype).item()
    if mode in ("constant", "circular"):  # what is taken away is neither repeated nor in the way
        x, widths = _cropped(x, widths)
    if mode == "constant":
        return record(Pad(widths, fill), x)
    inner = list(zip(widths, x.shape, strict=True))[len(outer) :]
    places = [_INSIDE[mode](np.arange(-before, n + after), n) for (before, after), n in inner]
    return record(PadFromInside((*[slice(None)] * len(outer), *np.ix_(*places))), x)


def _cropped(x: Tensor, widths: Widths) -> tuple[Tensor, Widths]:
    """``x`` without what negative widths take away, and the widths that are left."""
    if all(n >= 0 for pair in widths for n in pair):
        return x, widths
    sides = zip(widths, x.shape, strict=True)
    x = record(Crop(tuple(slice(max(-before, 0), n + min(after, 0)) for (before, after), n in sides)), x)
    return x, tuple((max(before, 0), max(after, 0)) for before, after in widths)
