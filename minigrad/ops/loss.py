"""Losses whose formula needs care, or a kernel; the others are made of operations, in nn/functional/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array
from minigrad.ops.rectifiers import hardtanh
from minigrad.ops.soft import SoftmaxBackward

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

# -- of a number ----------------------------------------------------------------------------------------------


class Huber(Op):
    """l = d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2)"""

    output = "l"
    d = Kept()

    def __init__(self, delta: float) -> None:
        self.delta = delta

    def forward(self, kernels: Any, d: Array) -> Any:
        return kernels.huber(d, self.delta)

    def backward(self, dl: Tensor) -> Gradients:
        return (dl * hardtanh(self.d, -self.delta, self.delta),)


# -- of a class -----------------------------------------------------------------------------------------------


class CrossEntropy(Op):
    """l = log sum e^z - z_y        for each row z of C logits and its class y

    dl/dz = softmax(z) - [j = y]
    """

    output = "l"
    z = Kept()
    y = Kept()

    def forward(self, kernels: Any, z: Array, y: Array) -> Any:
        return kernels.cross_entropy(z, y)  # (B, C), (B,) -> (B,)

    def backward(self, dl: Tensor) -> Gradients:
        return record(CrossEntropyBackward(), dl, self.z, self.y), None


class CrossEntropyBackward(Op):
    """dz = dl (softmax(z) - [j = y])"""

    output = "dz"
    dl = Kept()
    z = Kept()
    y = Kept()

    def forward(self, kernels: Any, dl: Array, z: Array, y: Array) -> Any:
        return kernels.cross_entropy_backward(dl, z, y)

    def backward(self, g: Tensor) -> Gradients:
        p, y = self.z.softmax(1), self.y.unsqueeze(1)
        ddl = dz = None
        if self.wants("dl"):
            ddl = (g * p).sum(1) - g.gather(1, y).squeeze(1)
        if self.wants("z"):
            dz = record(SoftmaxBackward(1), g * self.dl.unsqueeze(1), p)
        return ddl, dz, None


# -- of a probability -----------------------------------------------------------------------------------------


class BinaryCrossEntropy(Op):
    """l = -(y log p + (1 - y) log(1 - p))

    dl/dp = (p - y) / (p (1 - p))
    """

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
    """l = max(z, 0) - z y + log(1 + e^-|z|)

    dl/dz = 1 / (1 + e^-z) - y
    """

    output = "l"
    z = Kept()
    y = Kept()

    def forward(self, kernels: Any, z: Array, y: Array) -> Any:
        return kernels.bce_with_logits(z, y)

    def backward(self, dl: Tensor) -> Gradients:
        dz = dl * (self.z.sigmoid() - self.y) if self.wants("z") else None
        dy = -dl * self.z if self.wants("y") else None
        return dz, dy
