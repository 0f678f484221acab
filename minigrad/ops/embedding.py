"""Embedding: the rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array
from minigrad.ops.indexing import IndexBackward
from minigrad.ops.operands import cast

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


class Embedding(Op):
    """y = W[i]

    dW[i] += dy        but not for the row that stands for padding
    """

    i = Kept()
    output = "y"

    def __init__(self, padding: int | None) -> None:
        self.padding = padding

    def forward(self, kernels: Any, i: Array, W: Array) -> Any:
        return kernels.index(W, (i,))

    def backward(self, dy: Tensor) -> Gradients:
        i = self.i
        if self.padding is not None:
            dy = dy * cast(i != self.padding, dy.dtype).unsqueeze(-1)
        return None, record(IndexBackward(self.shape_of("W"), (i.array,)), dy)
