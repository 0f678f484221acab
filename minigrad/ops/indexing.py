"""Indexing: ints, slices, None, ..., masks and integer arrays, with NumPy's meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import graph
from minigrad.graph import Array, Op, record
from minigrad.ops.operands import tensor

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["index"]

Gradients = tuple["Tensor | None", ...]


class Index(Op):
    """y = x[key]"""

    def __init__(self, key: Any) -> None:
        self.key = key
        parts = key if isinstance(key, tuple) else (key,)
        self.is_view = not any(isinstance(part, np.ndarray) for part in parts)

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.index(x, self.key)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(IndexBackward(self.shape_of("x"), self.key), dy),)


class IndexBackward(Op):
    """dx[key] += dy        starting from zeros, so an element taken twice receives both gradients"""

    output = "dx"

    def __init__(self, shape: tuple[int, ...], key: Any) -> None:
        self.to_shape, self.key = shape, key

    def forward(self, kernels: Any, dy: Array) -> Any:
        return kernels.index_backward(dy, self.to_shape, self.key)

    def backward(self, g: Tensor) -> Gradients:
        return (record(Index(self.key), g),)


class TakeAlong(Op):
    """y = x[index]        along dim"""

    def __init__(self, index: Array, dim: int) -> None:
        self.index, self.dim = index, dim

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.take_along(x, self.index, self.dim)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(TakeAlongBackward(self.shape_of("x"), self.index, self.dim), dy),)


class TakeAlongBackward(Op):
    """dx[index] += dy        along dim, starting from zeros"""

    output = "dx"

    def __init__(self, shape: tuple[int, ...], index: Array, dim: int) -> None:
        self.to_shape, self.index, self.dim = shape, index, dim

    def forward(self, kernels: Any, dy: Array) -> Any:
        return kernels.take_along_backward(dy, self.to_shape, self.index, self.dim)

    def backward(self, g: Tensor) -> Gradients:
        return (record(TakeAlong(self.index, self.dim), g),)


def index(x: Tensor, key: Any) -> Tensor:
    """``x[key]``: ints, slices, None and ``...`` give a view; bool masks and integer arrays a copy.

    Raises IndexError for an index that is out of range or not an integer or a bool.

    >>> import minigrad as mg
    >>> x = mg.tensor([[1, 2, 3], [4, 5, 6]])
    >>> x[1, ::2], x[x > 4], x[:, mg.tensor([2, 0])]
    (tensor([4, 6]), tensor([5, 6]), tensor([[3, 1],
            [6, 4]]))
    """
    parts = tuple(_part(part) for part in (key if isinstance(key, tuple) else (key,)))
    return record(Index(parts), tensor("index", x))


def _part(part: Any) -> Any:
    """One part of a key, as NumPy takes it. An array is copied: the graph keeps it for the way back."""
    if isinstance(part, graph.tensor_class):
        part = part.array
    if isinstance(part, (list, np.ndarray)):
        part = np.array(part)
        if not part.size and part.dtype.kind == "f":  # [] holds no float
            part = part.astype(np.int64)
        if part.dtype.kind not in "iub":
            raise IndexError(f"index: tensors and arrays must be integer or bool, got {part.dtype}")
    return part
