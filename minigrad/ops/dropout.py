"""Dropout: some elements become 0. Which, is an input, drawn beforehand, so that a node gives the same twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.graph import Array, Kept, Op, record
from minigrad.ops.operands import Gradients

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


class Dropout(Op):
    """y = x * mask        where the mask holds 0 and 1 / (1 - p), and broadcasts to x"""

    mask = Kept()

    def forward(self, kernels: Any, x: Array, mask: Array) -> Any:
        return kernels.mul(x, mask)

    def backward(self, dy: Tensor) -> Gradients:
        return record(Dropout(), dy, self.mask), None
