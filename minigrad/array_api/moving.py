"""Shapes, order and places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad import ops
from minigrad.array_api.reducing import Axis
from minigrad.ops.operands import many_dims
from minigrad.tensor import Tensor

__all__ = ["argsort", "clip", "concat", "expand_dims", "flip", "matrix_transpose"]
__all__ += ["nonzero", "permute_dims", "repeat", "reshape", "roll", "sort"]
__all__ += ["squeeze", "stack", "take", "take_along_axis", "tile", "unique_values"]


def concat(arrays: Sequence[Tensor], /, axis: int | None = 0) -> Tensor:
    """The tensors one after another; with None, flattened."""
    return ops.cat([x.flatten() for x in arrays]) if axis is None else ops.cat(arrays, axis)


def stack(arrays: Sequence[Tensor], /, axis: int = 0) -> Tensor:
    """The tensors one after another along a new axis."""
    return ops.stack(arrays, axis)


def expand_dims(x: Tensor, /, axis: int = 0) -> Tensor:
    """With a new axis of size 1."""
    return ops.unsqueeze(x, axis)


def squeeze(x: Tensor, /, axis: Axis = None) -> Tensor:
    """Without axes of size 1. Raises ValueError for one of another size."""
    out = ops.squeeze(x, axis)
    if axis is not None and x.ndim - out.ndim < len(many_dims("squeeze", axis, x.ndim)):
        raise ValueError(f"squeeze: axis {axis} of shape {x.shape} does not have size 1")
    return out


def reshape(x: Tensor, /, shape: Any, *, copy: bool | None = None) -> Tensor:
    """The elements in another shape: a view where that is possible, or as ``copy`` demands."""
    out = ops.view(x, shape) if copy is False else ops.reshape(x, shape)
    return out.clone() if copy else out


def permute_dims(x: Tensor, /, axes: Sequence[int] | None = None) -> Tensor:
    """The axes in another order; reversed, if none is given."""
    return ops.permute(x, tuple(reversed(range(x.ndim))) if axes is None else axes)


def matrix_transpose(x: Tensor, /) -> Tensor:
    """The last two axes exchanged."""
    return ops.transpose(x, -2, -1)


def flip(x: Tensor, /, axis: Axis = None) -> Tensor:
    """The elements in reverse order, along all axes or some."""
    return ops.flip(x, tuple(range(x.ndim)) if axis is None else axis)


def roll(x: Tensor, /, shift: int | Sequence[int], axis: Axis = None) -> Tensor:
    """The elements moved on, and around."""
    return ops.roll(x, shift, axis)


def repeat(x: Tensor, repeats: int | Tensor, /, axis: int | None = None) -> Tensor:
    """Each element several times in a row."""
    return ops.repeat_interleave(x, repeats, axis)


def tile(x: Tensor, repetitions: int | Sequence[int], /) -> Tensor:
    """The whole several times."""
    return ops.tile(x, repetitions)


def clip(x: Tensor, /, min: Any = None, max: Any = None) -> Tensor:
    """No element below ``min`` or above ``max``."""
    return ops.clone(x) if min is None and max is None else ops.clamp(x, min, max)


def take(x: Tensor, indices: Tensor, /, axis: int | None = None) -> Tensor:
    """The parts of ``x`` that stand at some places of an axis; of the flattened ``x``, if none is given."""
    return ops.index_select(x.flatten(), 0, indices) if axis is None else ops.index_select(x, axis, indices)


def take_along_axis(x: Tensor, indices: Tensor, /, axis: int = -1) -> Tensor:
    """The elements that stand at other places in each line along an axis."""
    return ops.take_along_dim(x, indices, axis)


def sort(x: Tensor, /, axis: int = -1, *, descending: bool = False, stable: bool = True) -> Tensor:
    """The elements along an axis in order."""
    return ops.sort(x, axis, descending, stable=stable).values


def argsort(x: Tensor, /, axis: int = -1, *, descending: bool = False, stable: bool = True) -> Tensor:
    """Where the elements that :func:`sort` puts in order stand."""
    return ops.argsort(x, axis, descending, stable=stable)


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """Where the elements are not 0: indices for each axis."""
    found: tuple[Tensor, ...] = ops.nonzero(x, as_tuple=True)
    return found


def unique_values(x: Tensor, /) -> Tensor:
    """The different elements, in order."""
    found: Tensor = ops.unique(x)
    return found
