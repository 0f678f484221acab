"""Activations: each keeps the pre-activation z, to be seen, and the activation a, which its derivative reads.

The derivatives are operations of their own (``ReluBackward``, ...), one kernel each. They have rules too, so a
gradient recorded with ``create_graph=True`` can be differentiated again, to any order.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minigrad.graph import Array, Kept, Op, record
from minigrad.ops.operands import floating, one_dim, tensor

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["gelu", "log_softmax", "relu", "sigmoid", "softmax", "tanh"]

Gradients = tuple["Tensor | None", ...]


class Activation(Op):
    """a = f(z), elementwise or along one dimension"""

    z = Kept(seen_only=True)
    a = Kept()


# -- relu -----------------------------------------------------------------------------------------------------


class Relu(Activation):
    """a = max(z, 0)"""

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.relu(z)

    def backward(self, da: Tensor) -> Gradients:
        return (record(ReluBackward(), da, self.a),)


class ReluBackward(Op):
    """dz = da where a > 0, else 0"""

    output = "dz"
    a = Kept()

    def forward(self, kernels: Any, da: Array, a: Array) -> Any:
        return kernels.relu_backward(da, a)

    def backward(self, g: Tensor) -> Gradients:
        return record(ReluBackward(), g, self.a), None  # flat in a


def relu(z: Tensor) -> Tensor:
    """Rectified linear unit, elementwise: ``a = max(z, 0)``, ``da/dz = 1`` where z > 0, else 0.

    >>> import minigrad as mg
    >>> mg.tensor([-1.0, 0.0, 2.0]).relu()
    tensor([0., 0., 2.])
    """
    return record(Relu(), tensor("relu", z))


# -- sigmoid --------------------------------------------------------------------------------------------------


class Sigmoid(Activation):
    """a = 1 / (1 + e^-z)"""

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.sigmoid(z)

    def backward(self, da: Tensor) -> Gradients:
        return (record(SigmoidBackward(), da, self.a),)


class SigmoidBackward(Op):
    """dz = da * a (1 - a)"""

    output = "dz"
    da = Kept()
    a = Kept()

    def forward(self, kernels: Any, da: Array, a: Array) -> Any:
        return kernels.sigmoid_backward(da, a)

    def backward(self, g: Tensor) -> Gradients:
        dda = record(SigmoidBackward(), g, self.a) if self.wants("da") else None
        return dda, g * self.da * (1 - self.a * 2) if self.wants("a") else None


def sigmoid(z: Tensor) -> Tensor:
    """Logistic function, elementwise: ``a = 1 / (1 + e^-z)``, ``da/dz = a (1 - a)``. Finite for every z.

    >>> import minigrad as mg
    >>> mg.tensor([-1e4, 0.0, 1.0]).sigmoid()
    tensor([0.0000, 0.5000, 0.7311])
    """
    return record(Sigmoid(), floating("sigmoid", z))


# -- tanh -----------------------------------------------------------------------------------------------------


class Tanh(Activation):
    """a = tanh z"""

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.tanh(z)

    def backward(self, da: Tensor) -> Gradients:
        return (record(TanhBackward(), da, self.a),)


class TanhBackward(Op):
    """dz = da * (1 - a^2)"""

    output = "dz"
    da = Kept()
    a = Kept()

    def forward(self, kernels: Any, da: Array, a: Array) -> Any:
        return kernels.tanh_backward(da, a)

    def backward(self, g: Tensor) -> Gradients:
        dda = record(TanhBackward(), g, self.a) if self.wants("da") else None
        return dda, g * self.da * (self.a * -2) if self.wants("a") else None


def tanh(z: Tensor) -> Tensor:
    """Hyperbolic tangent, elementwise: ``a = tanh z``, ``da/dz = 1 - a^2``.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1.0]).tanh()
    tensor([0.0000, 0.7616])
    """
    return record(Tanh(), floating("tanh", z))


# -- gelu -----------------------------------------------------------------------------------------------------


class Gelu(Activation):
    """a = z/2 (1 + erf(z / sqrt 2))"""

    z = Kept()  # which the derivative reads, here
    a = Kept(seen_only=True)

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.gelu(z)

    def backward(self, da: Tensor) -> Gradients:
        return (record(GeluBackward(), da, self.z),)


class GeluBackward(Op):
    """dz = da (P(Z <= z) + z p(z))        for a standard normal Z, of density p"""

    output = "dz"
    da = Kept()
    z = Kept()

    def forward(self, kernels: Any, da: Array, z: Array) -> Any:
        return kernels.gelu_backward(da, z)

    def backward(self, g: Tensor) -> Gradients:
        dda = record(GeluBackward(), g, self.z) if self.wants("da") else None
        if not self.wants("z"):
            return dda, None
        z2 = self.z * self.z
        density = (z2 * -0.5).exp() * (1 / math.sqrt(2 * math.pi))
        return dda, g * self.da * (density * (2 - z2))  # (z p)' = p - z^2 p, and P' = p


def gelu(z: Tensor) -> Tensor:
    """Gaussian error linear unit, elementwise: ``a = z P(Z <= z) = z/2 (1 + erf(z / sqrt 2))``, exactly.

    ``da/dz = P(Z <= z) + z e^(-z^2 / 2) / sqrt(2 pi)``. Source: Hendrycks and Gimpel, Gaussian error linear units
    (GELUs), 2016.

    >>> import minigrad as mg
    >>> mg.tensor([-1.0, 0.0, 1.0]).gelu()
    tensor([-0.1587,  0.0000,  0.8413])
    """
    return record(Gelu(), floating("gelu", z))


# -- softmax --------------------------------------------------------------------------------------------------


class Softmax(Activation):
    """a = e^z / sum e^z        along dim"""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.softmax(z, self.dim)

    def backward(self, da: Tensor) -> Gradients:
        return (record(SoftmaxBackward(self.dim), da, self.a),)


class SoftmaxBackward(Op):
    """dz = a (da - sum da a)        along dim"""

    output = "dz"
    da = Kept()
    a = Kept()

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, kernels: Any, da: Array, a: Array) -> Any:
        return kernels.softmax_backward(da, a, self.dim)

    def backward(self, g: Tensor) -> Gradients:
        da, a, dim = self.da, self.a, self.dim
        dda = record(SoftmaxBackward(dim), g, a) if self.wants("da") else None
        if not self.wants("a"):
            return dda, None
        along_da = (da * a).sum(dim, keepdim=True)
        along_g = (g * a).sum(dim, keepdim=True)
        return dda, g * (da - along_da) - da * along_g


def softmax(z: Tensor, dim: int) -> Tensor:
    """Probabilities along ``dim``: ``a_i = e^z_i / sum_j e^z_j``, so that they add up to 1.

    The largest z is subtracted first, so nothing overflows. ``da_i/dz_j = a_i ([i = j] - a_j)``.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 0.0, 1e4]).softmax(dim=0)
    tensor([0., 0., 1.])
    """
    z, d = floating("softmax", z), one_dim("softmax", dim, tensor("softmax", z).ndim)
    if not z.ndim:  # kernels reduce along dims that are there
        return softmax(z.reshape(1), 0).reshape(())
    return record(Softmax(d), z)


# -- log-softmax ----------------------------------------------------------------------------------------------


class LogSoftmax(Activation):
    """a = z - log sum e^z        along dim"""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.log_softmax(z, self.dim)

    def backward(self, da: Tensor) -> Gradients:
        return (record(LogSoftmaxBackward(self.dim), da, self.a),)


class LogSoftmaxBackward(Op):
    """dz = da - e^a sum da        along dim"""

    output = "dz"
    da = Kept()
    a = Kept()

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, kernels: Any, da: Array, a: Array) -> Any:
        return kernels.log_softmax_backward(da, a, self.dim)

    def backward(self, g: Tensor) -> Gradients:
        p, dim = self.a.exp(), self.dim
        along_g = (g * p).sum(dim, keepdim=True)
        dda = g - along_g if self.wants("da") else None
        return dda, -(g * p * self.da.sum(dim, keepdim=True)) if self.wants("a") else None


def log_softmax(z: Tensor, dim: int) -> Tensor:
    """Logarithm of the softmax along ``dim``: ``a_i = z_i - log sum_j e^z_j``, exact also where it underflows.

    ``da_i/dz_j = [i = j] - e^a_j``.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1e4]).log_softmax(dim=0)
    tensor([-10000.,      0.])
    """
    z, d = floating("log_softmax", z), one_dim("log_softmax", dim, tensor("log_softmax", z).ndim)
    if not z.ndim:  # kernels reduce along dims that are there
        return log_softmax(z.reshape(1), 0).reshape(())
    return record(LogSoftmax(d), z)
