"""Losses whose formula needs care near 0 and 1; the others are made of operations, in nn/functional.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.graph import Array, Kept, Op, record

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

Gradients = tuple["Tensor | None", ...]


class BinaryCrossEntropy(Op):
    """l = -(y log p + (1 - y) log(1 - p))"""

    output = "l"
    p = Kept()
    y = Kept()

    def forward(self, kernels: Any, p: Array, y: Array) -> Any:
        return kernels.bce(p, y)

    def backward(self, dl: Tensor) -> Gradients:
        dp = dl * record(BinaryCrossEntropySlope(), self.p, self.y) if self.wants("p") else None
        dy = dl * ((1 - self.p).log() - self.p.log()) if self.wants("y") else None
        return dp, dy


class BinaryCrossEntropySlope(Op):
    """dl/dp = (p - y) / (p (1 - p))"""

    output = "s"
    p = Kept()
    y = Kept()

    def forward(self, kernels: Any, p: Array, y: Array) -> Any:
        return kernels.bce_slope(p, y)

    def backward(self, ds: Tensor) -> Gradients:
        p, y = self.p, self.y
        dp = ds * (y / p**2 + (1 - y) / (1 - p) ** 2) if self.wants("p") else None
        dy = -ds / (p * (1 - p)) if self.wants("y") else None
        return dp, dy


class BinaryCrossEntropyWithLogits(Op):
    """l = max(z, 0) - z y + log(1 + e^-|z|)"""

    output = "l"
    z = Kept()
    y = Kept()

    def forward(self, kernels: Any, z: Array, y: Array) -> Any:
        return kernels.bce_with_logits(z, y)

    def backward(self, dl: Tensor) -> Gradients:
        dz = dl * (self.z.sigmoid() - self.y) if self.wants("z") else None
        dy = -dl * self.z if self.wants("y") else None
        return dz, dy
