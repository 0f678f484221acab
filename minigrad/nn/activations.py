"""Activations as modules, so that they can stand in a Sequential.

The functions are in ``ops/``, those that are made of several operations in ``functional/activations.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.conversion import Device
from minigrad.creation import full
from minigrad.nn import functional as F
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops.gates import check_approximation
from minigrad.ops.operands import divisor, integer, not_below_zero, parameter
from minigrad.ops.rectifiers import limits
from minigrad.tensor import Tensor

__all__ = ["CELU", "ELU", "GELU", "GLU", "SELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh"]
__all__ += ["LeakyReLU", "LogSigmoid", "LogSoftmax", "Mish", "PReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid"]
__all__ += ["Softmax", "Softmin", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold"]


class Activation(Module):
    """A module with the options of its function, which ``repr`` shows. Wrong ones are refused at once."""

    options: tuple[str, ...] = ()

    def check_numbers(self) -> None:
        """Raise TypeError for an option that is no number."""
        for name in self.options:
            parameter(type(self).__name__, name, getattr(self, name))

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.options)


class InPlaceActivation(Activation):
    """One that PyTorch can compute in place; see :class:`ReLU`."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        return ", ".join(filter(None, [super().extra_repr(), "inplace=True" if self.inplace else ""]))


# -- linear above a threshold ---------------------------------------------------------------------------------


class ReLU(InPlaceActivation):
    """``a = max(z, 0)``

    ``inplace`` is accepted, here and below, as in PyTorch. It changes nothing but ``repr``: results are the same,
    and z stays as it is for whoever holds it.
    """

    def forward(self, z: Tensor) -> Tensor:
        return F.relu(z)


class ReLU6(InPlaceActivation):
    """``a = min(max(z, 0), 6)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.relu6(z)


class LeakyReLU(InPlaceActivation):
    """``a = z`` where z > 0, else ``negative_slope z``"""

    options = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope
        self.check_numbers()

    def forward(self, z: Tensor) -> Tensor:
        return F.leaky_relu(z, self.negative_slope)


class PReLU(Activation):
    """``a = max(z, 0) + weight min(z, 0)``, with one learned slope, or one for each of the channels (B, C, ...)"""

    options = ("num_parameters",)

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Device = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = Parameter(full((num_parameters,), init, device=device, dtype=dtype))

    def forward(self, z: Tensor) -> Tensor:
        return F.prelu(z, self.weight)


class Threshold(InPlaceActivation):
    """``a = z`` where z > threshold, else ``value``"""

    options = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold, self.value = threshold, value
        self.check_numbers()

    def forward(self, z: Tensor) -> Tensor:
        return F.threshold(z, self.threshold, self.value)


class Hardtanh(InPlaceActivation):
    """``a = min(max(z, min_val), max_val)``"""

    options = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        limits("Hardtanh", min_val, max_val)
        self.min_val, self.max_val = min_val, max_val

    def forward(self, z: Tensor) -> Tensor:
        return F.hardtanh(z, self.min_val, self.max_val)


class ELU(InPlaceActivation):
    """``a = z`` where z > 0, else ``alpha (e^z - 1)``"""

    options = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha
        self.check_numbers()

    def forward(self, z: Tensor) -> Tensor:
        return F.elu(z, self.alpha)


class CELU(InPlaceActivation):
    """``a = z`` where z > 0, else ``alpha (e^(z / alpha) - 1)``"""

    options = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        divisor("CELU", "alpha", alpha)
        self.alpha = alpha

    def forward(self, z: Tensor) -> Tensor:
        return F.celu(z, self.alpha)


class SELU(InPlaceActivation):
    """``a = scale z`` where z > 0, else ``scale alpha (e^z - 1)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.selu(z)


# -- a gate times z -------------------------------------------------------------------------------------------


class GELU(Activation):
    """``a = z/2 (1 + erf(z / sqrt 2))``, or with ``approximate="tanh"`` nearly so"""

    options = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        check_approximation("GELU", approximate)
        self.approximate = approximate

    def forward(self, z: Tensor) -> Tensor:
        return F.gelu(z, self.approximate)


class SiLU(InPlaceActivation):
    """``a = z / (1 + e^-z)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.silu(z)


class Mish(InPlaceActivation):
    """``a = z tanh(log(1 + e^z))``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.mish(z)


class Hardsigmoid(InPlaceActivation):
    """``a = min(max(z/6 + 1/2, 0), 1)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.hardsigmoid(z)


class Hardswish(InPlaceActivation):
    """``a = z min(max(z/6 + 1/2, 0), 1)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.hardswish(z)


class GLU(Activation):
    """``a = x sigmoid(y)`` with x and y the halves of z along ``dim``"""

    options = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = integer("GLU", dim)

    def forward(self, z: Tensor) -> Tensor:
        return F.glu(z, self.dim)


# -- soft steps and corners -----------------------------------------------------------------------------------


class Sigmoid(Module):
    """``a = 1 / (1 + e^-z)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.sigmoid(z)


class Tanh(Module):
    """``a = tanh z``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.tanh(z)


class Softsign(Module):
    """``a = z / (1 + |z|)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.softsign(z)


class Softplus(Activation):
    """``a = log(1 + e^(beta z)) / beta``, or z where ``beta z`` is above ``threshold``"""

    options = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold
        self.check_numbers()
        divisor("Softplus", "beta", beta)

    def forward(self, z: Tensor) -> Tensor:
        return F.softplus(z, self.beta, self.threshold)


class LogSigmoid(Module):
    """``a = -log(1 + e^-z)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.logsigmoid(z)


class Tanhshrink(Module):
    """``a = z - tanh z``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.tanhshrink(z)


class Shrink(Module):
    """An activation that is 0 between ``-lambd`` and ``lambd``."""

    check: Callable[[str, str, float], float] = staticmethod(parameter)

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.check(type(self).__name__, "lambd", lambd)
        self.lambd = lambd

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Hardshrink(Shrink):
    """``a = 0`` where |z| <= lambd, else ``z``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.hardshrink(z, self.lambd)


class Softshrink(Shrink):
    """``a = z - min(max(z, -lambd), lambd)``"""

    check = staticmethod(not_below_zero)

    def forward(self, z: Tensor) -> Tensor:
        return F.softshrink(z, self.lambd)


# -- along one dimension --------------------------------------------------------------------------------------


class AlongDim(Activation):
    """An activation along one dimension, which must be given: PyTorch's guess is deprecated."""

    options = ("dim",)

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = integer(type(self).__name__, dim)


class Softmax(AlongDim):
    """``a = e^z / sum e^z`` along ``dim``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.softmax(z, self.dim)


class LogSoftmax(AlongDim):
    """``a = z - log sum e^z`` along ``dim``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.log_softmax(z, self.dim)


class Softmin(AlongDim):
    """``a = e^-z / sum e^-z`` along ``dim``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.softmin(z, self.dim)
