"""Normalisation: numbers brought to mean 0 and variance 1, which is what all norm layers but one rest on.

The weight and bias of such a layer, and the running statistics of a batch norm, are no part of it:
``nn/functional/normalisation.py`` applies them with ordinary operations, each a node of its own in a picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad import graph, kernels
from minigrad.graph import Array, Kept, Op, record
from minigrad.modes import current_mode
from minigrad.ops.exponential import rsqrt
from minigrad.ops.operands import Gradients
from minigrad.ops.reduction import mean
from minigrad.ops.statistics import var

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


class Normalise(Op):
    """x_hat = (x - mean x) / (var x + eps)^(1/2)        over dims, with the biased variance

    dx = (dx_hat - mean dx_hat - x_hat mean(dx_hat x_hat)) / (var x + eps)^(1/2)
    """

    x = Kept()
    x_hat = Kept(seen_only=True)

    def __init__(self, dims: tuple[int, ...], eps: float) -> None:
        self.dims, self.eps = dims, eps

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.normalise(x, self.dims, self.eps)

    def backward(self, dx_hat: Tensor) -> Gradients:
        return (record(NormaliseBackward(self.dims, self.eps), dx_hat, self.x),)


class NormaliseBackward(Op):
    """dx = (dx_hat - mean dx_hat - x_hat mean(dx_hat x_hat)) / s        with s = (var x + eps)^(1/2), over dims

    It is linear and symmetric in dx_hat, so its own derivative for that is itself. For x, ``ds = x_hat / n`` and
    ``d x_hat`` is this operation again.
    """

    dx_hat = Kept()
    x = Kept()
    dx = Kept()

    def __init__(self, dims: tuple[int, ...], eps: float) -> None:
        self.dims, self.eps = dims, eps

    def forward(self, kernels: Any, dx_hat: Array, x: Array) -> Any:
        return kernels.normalise_backward(dx_hat, x, self.dims, self.eps)

    def backward(self, g: Tensor) -> Gradients:
        x = self.x
        back = record(NormaliseBackward(self.dims, self.eps), g, x)
        if not self.wants("x"):
            return back, None
        x_hat = record(Normalise(self.dims, self.eps), x)
        scale = rsqrt(var(x, self.dims, correction=0, keepdim=True) + self.eps)  # 1 / s
        parts = (
            x_hat * self._mean(g * self.dx)
            + back * self._mean(self.dx_hat * x_hat)
            + self.dx * self._mean(g * x_hat)
        )
        return back, -parts * scale

    def _mean(self, t: Tensor) -> Tensor:
        return mean(t, self.dims, keepdim=True)


def moments(x: Tensor, dims: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean and biased variance over ``dims``, in one go and not recorded: for running statistics."""
    centre, variance = kernels.load(current_mode().target).moments(x.array, dims, keepdim=False)
    return graph.tensor_class.of(centre), graph.tensor_class.of(variance)
