"""Normalisation: numbers brought to mean 0 and variance 1, then scaled and shifted; what norm layers rest on.

The derivative for x is one operation, those for weight and bias are together another: both are sums over the same
elements. ``nn/functional/normalisation.py`` says which dims a norm is about, and moves the running statistics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import graph
from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array
from minigrad.ops.exponential import rsqrt
from minigrad.ops.reduction import mean
from minigrad.ops.statistics import var

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


class Normalise(Op):
    """y = w (x - mean x) / (var x + eps)^(1/2) + b        over dims, with the biased variance

    dy/dw = x_hat
    dy/db = 1
    with x_hat = (x - mean x) / (var x + eps)^(1/2)
    """

    x = Kept()
    w = Kept()
    y = Kept(seen_only=True)

    def __init__(self, dims: tuple[int, ...], eps: float) -> None:
        self.dims, self.eps = dims, eps

    def forward(self, kernels: Any, x: Array, w: Array, b: Array) -> Any:
        y, *self._moments = kernels.normalise(x, w, b, self.dims, self.eps)
        return y

    @property
    def moments(self) -> tuple[Array, Array]:
        """The mean and the variance that ``forward`` found, without dims: for running statistics."""
        mean, variance = self._moments
        return mean, variance

    def backward(self, dy: Tensor) -> Gradients:
        dx = dw = db = None
        if self.wants("x"):
            dx = record(NormaliseBackward(self.dims, self.eps), dy, self.x, self.w)
        if self.wants("w"):
            dw, db = record(NormaliseSums(self.dims, self.eps, self.w.shape), dy, self.x)
        elif self.wants("b"):
            db = dy  # summed where the walk undoes broadcasting
        return dx, dw, db


class NormaliseBackward(Op):
    """dx = (d - mean d - x_hat mean(d x_hat)) / s        with d = w dy and s = (var x + eps)^(1/2), over dims

    It is linear and symmetric in d, so its own derivative for that is itself. For x, ``ds = x_hat / n`` and
    ``d x_hat`` is this operation again.
    """

    output = "dx"
    dy = Kept()
    x = Kept()
    w = Kept()
    dx = Kept()

    def __init__(self, dims: tuple[int, ...], eps: float) -> None:
        self.dims, self.eps = dims, eps

    def forward(self, kernels: Any, dy: Array, x: Array, w: Array) -> Any:
        return kernels.normalise_backward(dy, x, w, self.dims, self.eps)

    def backward(self, g: Tensor) -> Gradients:
        x, w = self.x, self.w
        back = record(NormaliseBackward(self.dims, self.eps), g, x, one(x))
        ddy = back * w if self.wants("dy") else None
        dw = back * self.dy if self.wants("w") else None
        if not self.wants("x"):
            return ddy, None, dw
        x_hat, d = x_hat_of(x, self.dims, self.eps), self.dy * w
        scale = rsqrt(var(x, self.dims, correction=0, keepdim=True) + self.eps)  # 1 / s
        parts = x_hat * self._mean(g * self.dx) + back * self._mean(d * x_hat) + self.dx * self._mean(g * x_hat)
        return ddy, -parts * scale, dw

    def _mean(self, t: Tensor) -> Tensor:
        return mean(t, self.dims, keepdim=True)


class NormaliseSums(Op):
    """s = sum dy x_hat, sum dy        the gradients of w and b, over all that share an element of them"""

    output = "s"
    dy = Kept()
    x = Kept()

    def __init__(self, dims: tuple[int, ...], eps: float, to: tuple[int, ...]) -> None:
        self.dims, self.eps, self.to = dims, eps, to

    def forward(self, kernels: Any, dy: Array, x: Array) -> Any:
        return kernels.normalise_sums(dy, x, self.to, self.dims, self.eps)

    def backward(self, g: Tensor) -> Gradients:
        g_w, g_b = g
        ddy = dx = None
        if self.wants("dy"):
            ddy = g_w * x_hat_of(self.x, self.dims, self.eps) + g_b
        if self.wants("x"):
            dx = record(NormaliseBackward(self.dims, self.eps), self.dy, self.x, g_w)
        return ddy, dx


class NormaliseBy(Op):
    """y = w (x - mean) / (var + eps)^(1/2) + b        with a mean and a variance that are given, without gradient

    dy/dx = w / (var + eps)^(1/2)
    dy/dw = (x - mean) / (var + eps)^(1/2)
    dy/db = 1
    """

    title = "Normalise"
    x = Kept()
    mean = Kept()
    var = Kept()
    w = Kept()
    y = Kept(seen_only=True)

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def forward(self, kernels: Any, x: Array, mean: Array, var: Array, w: Array, b: Array) -> Any:
        scale = kernels.rsqrt(kernels.add(var, np.asarray(self.eps, var.dtype)))
        return kernels.normalise_by(x, mean, scale, w, b)

    def backward(self, dy: Tensor) -> Gradients:
        scale, dx, dw = rsqrt(self.var + self.eps), None, None
        if self.wants("x"):
            dx = dy * (self.w * scale)
        if self.wants("w"):
            dw = (dy * (self.x - self.mean)).sum_to_size(self.w.shape) * scale
        return dx, None, None, dw, dy


def x_hat_of(x: Tensor, dims: tuple[int, ...], eps: float) -> Tensor:
    """x brought to mean 0 and variance 1."""
    return record(Normalise(dims, eps), x, one(x), zero(x))


def one(x: Tensor) -> Tensor:
    """The weight of a norm that has none."""
    return graph.tensor_class.of(np.ones((), x.dtype))


def zero(x: Tensor) -> Tensor:
    """The bias of a norm that has none."""
    return graph.tensor_class.of(np.zeros((), x.dtype))
