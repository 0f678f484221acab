"""Activations that are linear above a threshold, like relu, and do something else below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array
from minigrad.ops.activation import ActivationOfZ
from minigrad.ops.choice import where
from minigrad.ops.operands import divisor, number, only_floats, parameter, tensor

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["celu", "elu", "hardtanh", "leaky_relu", "relu6", "selu"]

# -- leaky relu -----------------------------------------------------------------------------------------------


class LeakyRelu(ActivationOfZ):
    """a = z where z > 0, else negative_slope z

    da/dz = 1 where z > 0, else negative_slope
    """

    def __init__(self, negative_slope: float) -> None:
        self.negative_slope = negative_slope

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.leaky_relu(z, self.negative_slope)

    def backward(self, da: Tensor) -> Gradients:
        return (record(LeakyReluBackward(self.negative_slope), da, self.z),)


class LeakyReluBackward(Op):
    """dz = da where z > 0, else negative_slope da"""

    output = "dz"
    z = Kept()

    def __init__(self, negative_slope: float) -> None:
        self.negative_slope = negative_slope

    def forward(self, kernels: Any, da: Array, z: Array) -> Any:
        return kernels.leaky_relu_backward(da, z, self.negative_slope)

    def backward(self, g: Tensor) -> Gradients:
        return record(LeakyReluBackward(self.negative_slope), g, self.z), None  # flat in z


def leaky_relu(z: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Leaky rectified linear unit, elementwise: ``a = z`` where z > 0, else ``negative_slope z``.

    ``da/dz = 1`` where z > 0, else ``negative_slope``. Only for floats. Source: Maas, Hannun and Ng, Rectifier
    nonlinearities improve neural network acoustic models, 2013.

    >>> import minigrad as mg
    >>> mg.leaky_relu(mg.tensor([-1.0, 0.0, 2.0]), negative_slope=0.1)
    tensor([-0.1000,  0.0000,  2.0000])
    """
    slope = parameter("leaky_relu", "negative_slope", negative_slope)
    return record(LeakyRelu(slope), only_floats("leaky_relu", tensor("leaky_relu", z)))


class PRelu(Op):
    """a = z where z > 0, else slope z

    da/dz = 1 where z > 0, else slope
    da/dslope = 0 where z > 0, else z
    """

    output = "a"
    z = Kept()
    slope = Kept()

    def forward(self, kernels: Any, z: Array, slope: Array) -> Any:
        return kernels.where(kernels.gt(z, np.zeros((), z.dtype)), z, kernels.mul(z, slope))

    def backward(self, da: Tensor) -> Gradients:
        is_above = self.z > 0
        dz = where(is_above, da, da * self.slope) if self.wants("z") else None
        dslope = where(is_above, 0, da * self.z) if self.wants("slope") else None
        return dz, dslope


# -- hardtanh, relu6 ------------------------------------------------------------------------------------------


class Hardtanh(ActivationOfZ):
    """a = min(max(z, min_val), max_val)"""

    def __init__(self, min_val: float, max_val: float) -> None:
        self.min_val, self.max_val = min_val, max_val

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.hardtanh(z, self.min_val, self.max_val)

    def backward(self, da: Tensor) -> Gradients:
        return (record(HardtanhBackward(self.min_val, self.max_val), da, self.z),)


class HardtanhBackward(Op):
    """dz = da where min_val < z < max_val, else 0"""

    output = "dz"
    z = Kept()

    def __init__(self, min_val: float, max_val: float) -> None:
        self.min_val, self.max_val = min_val, max_val

    def forward(self, kernels: Any, da: Array, z: Array) -> Any:
        return kernels.hardtanh_backward(da, z, self.min_val, self.max_val)

    def backward(self, g: Tensor) -> Gradients:
        return record(HardtanhBackward(self.min_val, self.max_val), g, self.z), None  # flat in z


class Relu6(Hardtanh):
    """a = min(max(z, 0), 6)"""

    min_val, max_val = 0.0, 6.0

    def __init__(self) -> None:
        """No parameters: those of the class are constants."""


def hardtanh(z: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """Tanh made of straight lines, elementwise: ``a = min(max(z, min_val), max_val)``.

    ``da/dz = 1`` between the limits, else 0; at them too. An integer z needs limits that its dtype can hold. Not
    for bool. Raises ValueError unless ``min_val`` is the smaller one.

    >>> import minigrad as mg
    >>> mg.hardtanh(mg.tensor([-3.0, 0.5, 3.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    z = number("hardtanh", z)
    low, high = limits("hardtanh", min_val, max_val)
    if z.dtype.kind != "f":
        holds = np.iinfo(z.dtype)
        for limit in (low, high):
            if not (limit.is_integer() and holds.min <= limit <= holds.max):
                raise ValueError(f"hardtanh: a limit of {limit:g} does not fit into {z.dtype}: use z.float()")
    return record(Hardtanh(low, high), z)


def limits(name: str, min_val: float, max_val: float) -> tuple[float, float]:
    """Two numbers, the smaller one first."""
    low, high = parameter(name, "min_val", min_val), parameter(name, "max_val", max_val)
    if not low <= high:
        raise ValueError(f"{name}: min_val must not be above max_val, got {low:g} and {high:g}")
    return low, high


def relu6(z: Tensor, inplace: bool = False) -> Tensor:
    """Rectified linear unit up to 6, elementwise: ``a = min(max(z, 0), 6)``. Not for bool.

    ``da/dz = 1`` where 0 < z < 6, else 0. Source: Krizhevsky, Convolutional deep belief networks on CIFAR-10,
    2010.

    >>> import minigrad as mg
    >>> mg.relu6(mg.tensor([-1.0, 2.0, 8.0]))
    tensor([0., 2., 6.])
    """
    return record(Relu6(), number("relu6", z))


# -- elu, celu, selu ------------------------------------------------------------------------------------------


class Elu(ActivationOfZ):
    """a = z where z > 0, else alpha (e^z - 1)

    da/dz = 1 where z > 0, else alpha e^z
    """

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha

    def lines(self) -> tuple[float, float, float]:
        """above, below and rate in: a = above z where z > 0, else below (e^(rate z) - 1)."""
        return 1.0, self.alpha, 1.0

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.elu(z, *self.lines())

    def backward(self, da: Tensor) -> Gradients:
        above, below, rate = self.lines()
        return (record(EluBackward(above, below * rate, rate), da, self.z),)


class EluBackward(Op):
    """dz = above da where z > 0, else below e^(rate z) da"""

    output = "dz"
    da = Kept()
    z = Kept()

    def __init__(self, above: float, below: float, rate: float) -> None:
        self.above, self.below, self.rate = above, below, rate

    def forward(self, kernels: Any, da: Array, z: Array) -> Any:
        return kernels.elu_backward(da, z, self.above, self.below, self.rate)

    def backward(self, g: Tensor) -> Gradients:
        dda = dz = None
        if self.wants("da"):
            dda = record(EluBackward(self.above, self.below, self.rate), g, self.z)
        if self.wants("z"):  # the same form again, flat above 0
            dz = record(EluBackward(0.0, self.below * self.rate, self.rate), g * self.da, self.z)
        return dda, dz


class Celu(Elu):
    """a = z where z > 0, else alpha (e^(z / alpha) - 1)"""

    def lines(self) -> tuple[float, float, float]:
        return 1.0, self.alpha, 1 / self.alpha


class Selu(Elu):
    """a = scale z where z > 0, else scale alpha (e^z - 1)"""

    scale, alpha = 1.0507009873554804934, 1.6732632423543772848

    def __init__(self) -> None:
        """No parameters: those of the class are constants."""

    def lines(self) -> tuple[float, float, float]:
        return self.scale, self.scale * self.alpha, 1.0


def elu(z: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Exponential linear unit, elementwise: ``a = z`` where z > 0, else ``alpha (e^z - 1)``. Only for floats.

    ``da/dz = 1`` where z > 0, else ``alpha e^z``. Source: Clevert, Unterthiner and Hochreiter, Fast and accurate
    deep network learning by exponential linear units (ELUs), 2015.

    >>> import minigrad as mg
    >>> mg.elu(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.6321,  0.0000,  2.0000])
    """
    return record(Elu(parameter("elu", "alpha", alpha)), only_floats("elu", tensor("elu", z)))


def celu(z: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Elu without a kink for any alpha, elementwise: ``a = z`` where z > 0, else ``alpha (e^(z / alpha) - 1)``.

    ``da/dz = 1`` where z > 0, else ``e^(z / alpha)``. Only for floats. Raises ValueError for an alpha of 0.
    Source: Barron, Continuously differentiable exponential linear units, 2017.

    >>> import minigrad as mg
    >>> mg.celu(mg.tensor([-1.0, 0.0, 2.0]), alpha=2.0)
    tensor([-0.7869,  0.0000,  2.0000])
    """
    return record(Celu(divisor("celu", "alpha", alpha)), only_floats("celu", tensor("celu", z)))


def selu(z: Tensor, inplace: bool = False) -> Tensor:
    """Self-normalising elu, elementwise: ``a = scale z`` where z > 0, else ``scale alpha (e^z - 1)``.

    scale = 1.0507..., alpha = 1.6733...: a layer of inputs with mean 0 and variance 1 gives such outputs. ``da/dz
    = scale`` where z > 0, else ``scale alpha e^z``. Only for floats. Source: Klambauer, Unterthiner, Mayr and
    Hochreiter, Self-normalizing neural networks, 2017.

    >>> import minigrad as mg
    >>> mg.selu(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-1.1113,  0.0000,  2.1014])
    """
    return record(Selu(), only_floats("selu", tensor("selu", z)))


# -- softshrink -----------------------------------------------------------------------------------------------


class Softshrink(ActivationOfZ):
    """a = z - min(max(z, -lambd), lambd)

    da/dz = 0 where |z| <= lambd, else 1
    """

    def __init__(self, lambd: float) -> None:
        self.lambd = lambd

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.sub(z, kernels.hardtanh(z, -self.lambd, self.lambd))

    def backward(self, da: Tensor) -> Gradients:
        return (where(self.z.abs() <= self.lambd, 0, da),)
