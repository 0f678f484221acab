"""Pieces: one tensor as several, or as windows that overlap; all of them views."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Op, record
from minigrad.kernels import Array
from minigrad.ops.indexing import Index
from minigrad.ops.operands import integer, one_dim, sizes, tensor
from minigrad.ops.shape import reshape

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["chunk", "narrow", "select", "split", "unbind", "unfold"]

# -- side by side ---------------------------------------------------------------------------------------------


class Split(Index):
    """y = x[key]        a slice of one dim, one of several pieces"""


class Unbind(Index):
    """y = x[key]        an index of one dim, one of all"""


def split(x: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of ``x`` cut along ``dim`` in pieces of ``split_size``, the last one smaller if need be.

    ``split_size`` may also be the list of all sizes. Raises ValueError where they do not add up to that of ``x``.

    >>> import minigrad as mg
    >>> mg.arange(5).split(2), mg.arange(5).split([1, 4])
    ((tensor([0, 1]), tensor([2, 3]), tensor([4])), (tensor([0]), tensor([1, 2, 3, 4])))
    """
    n = _size("split", x, dim)
    if isinstance(split_size, Sequence):
        pieces = sizes("split", (split_size,))
        if sum(pieces) != n or min(pieces, default=0) < 0:
            raise ValueError(
                f"split: sizes {pieces} do not add up to {n}, the size of dim {dim} of shape {x.shape}"
            )
        return _cut(x, pieces, dim)
    (size,) = sizes("split", (split_size,))
    if size < 0 or (size == 0 and n):
        raise ValueError(f"split: dim {dim} of shape {x.shape} cannot be cut in pieces of {size}")
    return _cut(x, [min(size, n - start) for start in range(0, n, size or 1)] or [0], dim)


def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of ``x`` cut along ``dim`` in ``chunks`` pieces of one size, the last one smaller if need be.

    There are fewer pieces where that size fills the dim with fewer. Raises ValueError for no chunks at all.

    >>> import minigrad as mg
    >>> mg.arange(6).chunk(3), [len(piece) for piece in mg.arange(5).chunk(4)]
    ((tensor([0, 1]), tensor([2, 3]), tensor([4, 5])), [2, 2, 1])
    """
    n = _size("chunk", x, dim)
    (count,) = sizes("chunk", (chunks,))
    if count < 1:
        raise ValueError(f"chunk: a tensor of shape {x.shape} cannot be cut in {count} pieces")
    return split(x, -(-n // count), dim) if n else _cut(x, [0] * count, dim)


def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of everything along ``dim``, which they no longer have.

    >>> import minigrad as mg
    >>> mg.tensor([[1, 2], [3, 4]]).unbind(1)
    (tensor([1, 3]), tensor([2, 4]))
    """
    n = _size("unbind", x, dim)
    before = (slice(None),) * one_dim("unbind", dim, x.ndim)
    return tuple(record(Unbind((*before, i)), x) for i in range(n))


def narrow(x: Tensor, dim: int, start: int | Tensor, length: int) -> Tensor:
    """A view of ``length`` places along ``dim``, from ``start`` on: ``x[:, start : start + length]`` for dim 1.

    A negative ``start`` counts from the end. Raises ValueError, or IndexError, for places that are not there.

    >>> import minigrad as mg
    >>> mg.arange(6).reshape(2, 3).narrow(1, 1, 2)
    tensor([[1, 2],
            [4, 5]])
    """
    n = _size("narrow", x, dim)
    first, count = integer("narrow", start), integer("narrow", length)
    if not -n <= first <= n:
        raise IndexError(f"narrow: start {first} is out of range for dim {dim} of size {n}")
    first += n if first < 0 else 0
    if not 0 <= count <= n - first:
        raise ValueError(f"narrow: there are no {count} places from {first} on in dim {dim} of shape {x.shape}")
    return record(Index((*[slice(None)] * one_dim("narrow", dim, x.ndim), slice(first, first + count))), x)


def select(x: Tensor, dim: int, index: int) -> Tensor:
    """A view of one place along ``dim``, which the result does not have: ``x[:, index]`` for dim 1.

    Raises IndexError for a place that is not there.

    >>> import minigrad as mg
    >>> mg.arange(6).reshape(2, 3).select(1, -1)
    tensor([2, 5])
    """
    n, place = _size("select", x, dim), integer("select", index)
    if not -n <= place < n:
        raise IndexError(f"select: index {place} is out of range for dim {dim} of size {n}")
    return record(Index((*[slice(None)] * one_dim("select", dim, x.ndim), place)), x)


def _size(name: str, x: Tensor, dim: int) -> int:
    """The size of ``dim``, for which there must be one."""
    if not tensor(name, x).ndim:
        raise ValueError(f"{name}: a tensor without dimensions has no pieces")
    return x.shape[one_dim(name, dim, x.ndim)]


def _cut(x: Tensor, pieces: Sequence[int], dim: int) -> tuple[Tensor, ...]:
    before = (slice(None),) * one_dim("split", dim, x.ndim)
    ends = accumulate(pieces, initial=0)
    return tuple(record(Split((*before, slice(start, end))), x) for start, end in pairwise(ends))


# -- windows --------------------------------------------------------------------------------------------------


class Unfold(Op):
    """y[..., i, ..., j] = x[..., i step + j, ...]        i along dim, j along a new last dim"""

    is_view = True

    def __init__(self, dim: int, size: int, step: int) -> None:
        self.dim, self.size, self.step = dim, size, step

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.unfold(x, self.dim, self.size, self.step)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(UnfoldBackward(self.shape_of("x"), self.dim, self.size, self.step), dy),)


class UnfoldBackward(Op):
    """dx[..., i step + j, ...] += dy[..., i, ..., j]        starting from zeros"""

    output = "dx"

    def __init__(self, shape: tuple[int, ...], dim: int, size: int, step: int) -> None:
        self.to_shape, self.dim, self.size, self.step = shape, dim, size, step

    def forward(self, kernels: Any, dy: Array) -> Any:
        return kernels.unfold_backward(dy, self.to_shape, self.dim, self.size, self.step)

    def backward(self, g: Tensor) -> Gradients:
        return (record(Unfold(self.dim, self.size, self.step), g),)


def unfold(x: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Every window of ``size`` elements along a dimension, ``step`` apart: a view, with a new last dim for them.

    Raises ValueError for a window larger than the dimension, or a step below 1.

    >>> import minigrad as mg
    >>> mg.arange(5).unfold(0, 3, 1)
    tensor([[0, 1, 2],
            [1, 2, 3],
            [2, 3, 4]])
    """
    d = one_dim("unfold", dimension, tensor("unfold", x).ndim)
    size, step = sizes("unfold", (size, step))
    n = x.shape[d] if x.ndim else 1
    if not 0 <= size <= n or step < 1:
        raise ValueError(
            f"unfold: there are no windows of {size}, {step} apart, in dim {d}, of size {n}, of x {x.shape}"
        )
    if not x.ndim:
        return reshape(x, 1)[:size]
    return record(Unfold(d, size, step), x)
