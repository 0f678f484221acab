"""Activations that multiply z with a gate, something between 0 and 1, and one gate made of straight lines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array
from minigrad.ops.activation import ActivationOfZ, SigmoidBackward
from minigrad.ops.joining import cat
from minigrad.ops.operands import one_dim, only_floats, tensor
from minigrad.ops.soft import softplus

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["gelu", "glu", "hardsigmoid", "hardswish", "mish", "silu"]

# -- gelu -----------------------------------------------------------------------------------------------------


class Gelu(ActivationOfZ):
    """a = z/2 (1 + erf(z / sqrt 2))

    da/dz = P(Z <= z) + z p(z)
    """

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


class GeluTanh(ActivationOfZ):
    """a = z/2 (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3)))"""

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.gelu_tanh(z)

    def backward(self, da: Tensor) -> Gradients:
        return (record(GeluTanhBackward(), da, self.z),)


class GeluTanhBackward(Op):
    """dz = da (s + z s (1 - s) dt/dz)        s = sigmoid(t), t = 2 sqrt(2 / pi) (z + 0.044715 z^3)"""

    output = "dz"
    da = Kept()
    z = Kept()

    def forward(self, kernels: Any, da: Array, z: Array) -> Any:
        return kernels.gelu_tanh_backward(da, z)

    def backward(self, g: Tensor) -> Gradients:
        dda = record(GeluTanhBackward(), g, self.z) if self.wants("da") else None
        if not self.wants("z"):
            return dda, None
        z, twice = self.z, 2 * math.sqrt(2 / math.pi)
        s = ((z + z**3 * 0.044715) * twice).sigmoid()
        dt, ddt = (z * z * 0.134145 + 1) * twice, z * (0.26829 * twice)
        return dda, g * self.da * (s * (1 - s) * (dt * 2 + z * (dt * dt * (1 - s * 2) + ddt)))


def gelu(z: Tensor, approximate: str = "none") -> Tensor:
    """Gaussian error linear unit, elementwise: ``a = z P(Z <= z) = z/2 (1 + erf(z / sqrt 2))``. Only for floats.

    ``da/dz = P(Z <= z) + z e^(-z^2 / 2) / sqrt(2 pi)``. With ``approximate="tanh"`` it is ``z/2 (1 + tanh(
    sqrt(2 / pi) (z + 0.044715 z^3)))``, which differs by less than 0.0005. Source: Hendrycks and Gimpel, Gaussian
    error linear units (GELUs), 2016. Raises ValueError for another approximation.

    >>> import minigrad as mg
    >>> mg.gelu(mg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    >>> mg.gelu(mg.tensor([-1.0, 0.0, 1.0]), approximate="tanh")
    tensor([-0.1588,  0.0000,  0.8412])
    """
    check_approximation("gelu", approximate)
    z = only_floats("gelu", tensor("gelu", z))
    return record(Gelu() if approximate == "none" else GeluTanh(), z)


def check_approximation(name: str, approximate: str) -> None:
    """Raise ValueError for another approximation than those there are."""
    if approximate not in ("none", "tanh"):
        raise ValueError(f"{name}: there is no approximation {approximate!r}: use 'none' or 'tanh'")


# -- silu -----------------------------------------------------------------------------------------------------


class Silu(ActivationOfZ):
    """a = z / (1 + e^-z)"""

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.silu(z)

    def backward(self, da: Tensor) -> Gradients:
        return (record(SiluBackward(), da, self.z),)


class SiluBackward(Op):
    """dz = da s (1 + z (1 - s))        s = 1 / (1 + e^-z)"""

    output = "dz"
    da = Kept()
    z = Kept()

    def forward(self, kernels: Any, da: Array, z: Array) -> Any:
        return kernels.silu_backward(da, z)

    def backward(self, g: Tensor) -> Gradients:
        dda = record(SiluBackward(), g, self.z) if self.wants("da") else None
        if not self.wants("z"):
            return dda, None
        s = self.z.sigmoid()
        return dda, g * self.da * (s * (1 - s) * (2 + self.z * (1 - s * 2)))


def silu(z: Tensor, inplace: bool = False) -> Tensor:
    """Sigmoid linear unit, also called swish, elementwise: ``a = z s = z / (1 + e^-z)``. Only for floats.

    ``da/dz = s (1 + z (1 - s))``. Source: Elfwing, Uchibe and Doya, Sigmoid-weighted linear units for neural
    network function approximation in reinforcement learning, 2017.

    >>> import minigrad as mg
    >>> mg.silu(mg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.2689,  0.0000,  0.7311])
    """
    return record(Silu(), only_floats("silu", tensor("silu", z)))


# -- mish -----------------------------------------------------------------------------------------------------


class Mish(ActivationOfZ):
    """a = z tanh(log(1 + e^z))"""

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.mish(z)

    def backward(self, da: Tensor) -> Gradients:
        return (record(MishBackward(), da, self.z),)


class MishBackward(Op):
    """dz = da (t + z s (1 - t^2))        t = tanh(log(1 + e^z)), s = 1 / (1 + e^-z)"""

    output = "dz"
    da = Kept()
    z = Kept()

    def forward(self, kernels: Any, da: Array, z: Array) -> Any:
        return kernels.mish_backward(da, z)

    def backward(self, g: Tensor) -> Gradients:
        dda = record(MishBackward(), g, self.z) if self.wants("da") else None
        if not self.wants("z"):
            return dda, None
        z = self.z
        s, t = z.sigmoid(), softplus(z).tanh()
        return dda, g * self.da * (s * (1 - t * t) * (2 + z * (1 - s - s * t * 2)))


def mish(z: Tensor, inplace: bool = False) -> Tensor:
    """Mish, elementwise: ``a = z t`` with ``t = tanh(log(1 + e^z))``. Only for floats.

    ``da/dz = t + z s (1 - t^2)`` with ``s = 1 / (1 + e^-z)``. Source: Misra, Mish: a self regularized
    non-monotonic activation function, 2019.

    >>> import minigrad as mg
    >>> mg.mish(mg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.3034,  0.0000,  0.8651])
    """
    return record(Mish(), only_floats("mish", tensor("mish", z)))


# -- hardsigmoid, hardswish -----------------------------------------------------------------------------------


class Hardsigmoid(ActivationOfZ):
    """a = min(max(z/6 + 1/2, 0), 1)"""

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.hardsigmoid(z)

    def backward(self, da: Tensor) -> Gradients:
        return (record(HardsigmoidBackward(), da, self.z),)


class HardsigmoidBackward(Op):
    """dz = da / 6 where -3 < z < 3, else 0"""

    output = "dz"
    z = Kept()

    def forward(self, kernels: Any, da: Array, z: Array) -> Any:
        return kernels.hardsigmoid_backward(da, z)

    def backward(self, g: Tensor) -> Gradients:
        return record(HardsigmoidBackward(), g, self.z), None  # flat in z


class Hardswish(ActivationOfZ):
    """a = z min(max(z/6 + 1/2, 0), 1)"""

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.hardswish(z)

    def backward(self, da: Tensor) -> Gradients:
        return (record(HardswishBackward(), da, self.z),)


class HardswishBackward(Op):
    """dz = da (z/3 + 1/2) where -3 < z < 3, 0 below, da above"""

    output = "dz"
    da = Kept()
    z = Kept()

    def forward(self, kernels: Any, da: Array, z: Array) -> Any:
        return kernels.hardswish_backward(da, z)

    def backward(self, g: Tensor) -> Gradients:
        dda = record(HardswishBackward(), g, self.z) if self.wants("da") else None
        return dda, g * self.da * (self.z.abs() < 3) / 3 if self.wants("z") else None


def hardsigmoid(z: Tensor, inplace: bool = False) -> Tensor:
    """Sigmoid made of straight lines, elementwise: ``a = min(max(z/6 + 1/2, 0), 1)``. Only for floats.

    ``da/dz = 1/6`` where -3 < z < 3, else 0. Source: Howard and others, Searching for MobileNetV3, 2019.

    >>> import minigrad as mg
    >>> mg.hardsigmoid(mg.tensor([-4.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """
    return record(Hardsigmoid(), only_floats("hardsigmoid", tensor("hardsigmoid", z)))


def hardswish(z: Tensor, inplace: bool = False) -> Tensor:
    """Silu with a gate made of straight lines, elementwise: ``a = z min(max(z/6 + 1/2, 0), 1)``. Only for floats.

    ``da/dz = z/3 + 1/2`` where -3 < z < 3, 0 below and 1 above. Source: Howard and others, Searching for
    MobileNetV3, 2019.

    >>> import minigrad as mg
    >>> mg.hardswish(mg.tensor([-4.0, -1.5, 3.0]))
    tensor([ 0.0000, -0.3750,  3.0000])
    """
    return record(Hardswish(), only_floats("hardswish", tensor("hardswish", z)))


# -- glu ------------------------------------------------------------------------------------------------------


class Glu(ActivationOfZ):
    """a = x sigmoid(y)        x and y are the halves of z along dim"""

    def __init__(self, first: tuple[slice, ...], second: tuple[slice, ...]) -> None:
        self.first, self.second = first, second

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.mul(kernels.index(z, self.first), kernels.sigmoid(kernels.index(z, self.second)))

    def backward(self, da: Tensor) -> Gradients:
        s = self.z[self.second].sigmoid()
        dy = record(SigmoidBackward(), da * self.z[self.first], s)
        return (cat((da * s, dy), len(self.first) - 1),)


def glu(z: Tensor, dim: int = -1) -> Tensor:
    """Gated linear unit: ``a = x sigmoid(y)`` with x and y the two halves of z along ``dim``. Only for floats.

    Source: Dauphin, Fan, Auli and Grangier, Language modeling with gated convolutional networks, 2016. Raises
    ValueError where there are no two halves.

    >>> import minigrad as mg
    >>> mg.glu(mg.tensor([[1.0, 2.0, 0.0, 10.0]]))
    tensor([[0.5000, 1.9999]])
    """
    z = only_floats("glu", tensor("glu", z))
    d = one_dim("glu", dim, z.ndim)
    if not z.ndim or z.shape[d] % 2:
        raise ValueError(f"glu: dim {dim} of shape {z.shape} has no two halves: its size must be even")
    half, before = z.shape[d] // 2, (slice(None),) * d
    return record(Glu((*before, slice(half)), (*before, slice(half, None))), z)
