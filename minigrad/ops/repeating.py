"""Repeating: copies side by side, and grids of coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import graph
from minigrad.graph import Gradients, Op, record
from minigrad.kernels import Array, moved
from minigrad.ops.indexing import Index
from minigrad.ops.operands import one_dim, sizes, tensor
from minigrad.ops.order import transpose
from minigrad.ops.shape import expand, reshape

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["meshgrid", "repeat", "repeat_interleave", "tile"]


class Repeat(Op):
    """y = repeat(x, repeats)        The whole of x, repeats[d] times one after another along each dim d."""

    def __init__(self, repeats: tuple[int, ...]) -> None:
        self.repeats = repeats

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.repeat(x, self.repeats)

    def backward(self, dy: Tensor) -> Gradients:
        shape = self.shape_of("x")
        shape = (1,) * (len(self.repeats) - len(shape)) + shape
        pairs = [n for pair in zip(self.repeats, shape, strict=True) for n in pair]
        copies = range(0, len(pairs), 2)  # reshape(dy, (r0, n0, r1, n1, ...)), of which the r are the copies
        return (reshape(reshape(dy, pairs).sum(copies), self.shape_of("x")),)


class RepeatInterleave(Index):
    """y = x[index]        along dim, where index names each element as often as it is repeated"""


def repeat(x: Tensor, *repeats: int | Sequence[int]) -> Tensor:
    """The whole of ``x``, ``repeats[d]`` times along each dim d: a copy. More repeats than dims add dims in front.

    :func:`expand` does the same without a copy where a size is 1. Raises ValueError for too few repeats, or
    negative ones.

    >>> import minigrad as mg
    >>> mg.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    times = sizes("repeat", repeats)
    if len(times) < tensor("repeat", x).ndim:
        raise ValueError(
            f"repeat: {len(times)} repeats for a tensor of shape {x.shape}: one for each dim, or more"
        )
    return record(Repeat(_counts("repeat", times)), x)


def tile(x: Tensor, dims: int | Sequence[int], *more: int) -> Tensor:
    """:func:`repeat`, where the first dims are not repeated if there are fewer numbers than dims, as in NumPy.

    >>> import minigrad as mg
    >>> mg.tensor([[1], [2]]).tile(2)
    tensor([[1, 1],
            [2, 2]])
    """
    times = sizes("tile", (dims, *more))
    return record(Repeat(_counts("tile", (1,) * (tensor("tile", x).ndim - len(times)) + times)), x)


def repeat_interleave(x: Tensor, repeats: int | Tensor, dim: int | None = None) -> Tensor:
    """Each element along ``dim`` ``repeats`` times in a row; without ``dim``, of the flattened tensor.

    ``repeats`` is one number, or an integer tensor with one for each element. Raises TypeError for what is
    neither, ValueError for another number of them, or negative ones.

    >>> import minigrad as mg
    >>> x = mg.tensor([[1, 2], [3, 4]])
    >>> x.repeat_interleave(2), x.repeat_interleave(mg.tensor([1, 2]), dim=0)
    (tensor([1, 1, 2, 2, 3, 3, 4, 4]), tensor([[1, 2],
            [3, 4],
            [3, 4]]))
    """
    d = 0 if dim is None else one_dim("repeat_interleave", dim, tensor("repeat_interleave", x).ndim)
    if dim is None or not x.ndim:
        x = reshape(x, tensor("repeat_interleave", x).numel())
    if isinstance(repeats, graph.tensor_class):
        given = moved(repeats.array, "cpu")  # the size of the result must be known here
    else:
        given = np.asarray(sizes("repeat_interleave", ((repeats,),)))
    if given.dtype.kind not in "iu":
        raise TypeError(f"repeat_interleave: repeats must be integers, these are {given.dtype}")
    if given.ndim > 1 or given.size not in (1, x.shape[d]):
        raise ValueError(
            f"repeat_interleave: repeats of shape {given.shape} for dim {d} of shape {x.shape}: "
            f"give one number, or {x.shape[d]}"
        )
    times = np.broadcast_to(given.reshape(-1), x.shape[d])
    _counts("repeat_interleave", times.tolist())
    return record(RepeatInterleave((slice(None),) * d + (np.repeat(np.arange(x.shape[d]), times),)), x)


def meshgrid(*tensors: Tensor | Sequence[Tensor], indexing: str = "ij") -> tuple[Tensor, ...]:
    """For each tensor of numbers on an axis, a view of them spread over the grid that the axes span.

    ``"ij"``: the first tensor varies along dim 0, the second along dim 1, and so on; ``"xy"`` exchanges the first
    two dims, for pictures. Raises ValueError for a tensor with several dims, or another indexing.

    >>> import minigrad as mg
    >>> mg.meshgrid(mg.tensor([1, 2]), mg.tensor([5, 6, 7]))
    (tensor([[1, 1, 1],
            [2, 2, 2]]), tensor([[5, 6, 7],
            [5, 6, 7]]))
    """
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: there is no indexing {indexing!r}: use 'ij' or 'xy'")
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], Sequence) else tensors
    axes = [tensor("meshgrid", t) for t in given]
    for t in axes:
        if t.ndim > 1:
            raise ValueError(f"meshgrid: takes tensors of one dimension, one has shape {t.shape}")
    shape = [t.numel() for t in axes]
    columns = [
        reshape(t, t.numel(), *[1] * after) for after, t in zip(reversed(range(len(shape))), axes, strict=True)
    ]
    grids = tuple(expand(column, shape) for column in columns)
    return tuple(transpose(grid, 0, 1) for grid in grids) if indexing == "xy" and len(grids) > 1 else grids


def _counts(name: str, times: Sequence[int]) -> tuple[int, ...]:
    if min(times, default=0) < 0:
        raise ValueError(f"{name}: nothing can be repeated {min(times)} times")
    return tuple(times)
