"""Dropout: some elements become 0. Which, a key decides, drawn beforehand, so that a node gives the same twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Op, record
from minigrad.kernels import Array

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


class Dropout(Op):
    """y = x / (1 - p), or 0 with probability p

    It is linear, and so its own derivative. ``together`` neighbours share a fate.
    """

    def __init__(self, p: float, key: int, together: int = 1) -> None:
        self.p, self.key, self.together = p, key, together

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.dropout(x, self.p, self.key, self.together)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(Dropout(self.p, self.key, self.together), dy),)
