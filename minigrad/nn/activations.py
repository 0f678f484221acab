"""Activations as modules, so that they can stand in a Sequential.

The functions are in ``ops/``, those that are made of several operations in ``functional/activations.py``.
"""

from __future__ import annotations

from typing import Any

from minigrad.creation import full
from minigrad.nn import functional as F
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Tensor

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "SELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU",
    "LogSigmoid", "LogSoftmax", "Mish", "PReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax", "Softmin",
    "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
]  # fmt: skip

# -- linear above a threshold ---------------------------------------------------------------------------------


class ReLU(Module):
    """``a = max(z, 0)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.relu(z)


class ReLU6(Module):
    """``a = min(max(z, 0), 6)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.relu6(z)


class LeakyReLU(Module):
    """``a = z`` where z > 0, else ``negative_slope z``"""

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, z: Tensor) -> Tensor:
        return F.leaky_relu(z, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class PReLU(Module):
    """``a = max(z, 0) + weight min(z, 0)``, with one learned slope, or one for each of the channels (B, C, ...)"""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = Parameter(full((num_parameters,), init, dtype=dtype))

    def forward(self, z: Tensor) -> Tensor:
        return F.prelu(z, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Threshold(Module):
    """``a = z`` where z > threshold, else ``value``"""

    def __init__(self, threshold: float, value: float) -> None:
        super().__init__()
        self.threshold, self.value = threshold, value

    def forward(self, z: Tensor) -> Tensor:
        return F.threshold(z, self.threshold, self.value)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}"


class Hardtanh(Module):
    """``a = min(max(z, min_val), max_val)``"""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        super().__init__()
        self.min_val, self.max_val = min_val, max_val

    def forward(self, z: Tensor) -> Tensor:
        return F.hardtanh(z, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class ELU(Module):
    """``a = z`` where z > 0, else ``alpha (e^z - 1)``"""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, z: Tensor) -> Tensor:
        return F.elu(z, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class CELU(Module):
    """``a = z`` where z > 0, else ``alpha (e^(z / alpha) - 1)``"""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, z: Tensor) -> Tensor:
        return F.celu(z, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class SELU(Module):
    """``a = scale z`` where z > 0, else ``scale alpha (e^z - 1)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.selu(z)


# -- a gate times z -------------------------------------------------------------------------------------------


class GELU(Module):
    """``a = z/2 (1 + erf(z / sqrt 2))``, or with ``approximate="tanh"`` nearly so"""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, z: Tensor) -> Tensor:
        return F.gelu(z, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """``a = z / (1 + e^-z)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.silu(z)


class Mish(Module):
    """``a = z tanh(log(1 + e^z))``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.mish(z)


class Hardsigmoid(Module):
    """``a = min(max(z/6 + 1/2, 0), 1)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.hardsigmoid(z)


class Hardswish(Module):
    """``a = z min(max(z/6 + 1/2, 0), 1)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.hardswish(z)


class GLU(Module):
    """``a = x sigmoid(y)`` with x and y the halves of z along ``dim``"""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, z: Tensor) -> Tensor:
        return F.glu(z, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


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


class Softplus(Module):
    """``a = log(1 + e^(beta z)) / beta``, or z where ``beta z`` is above ``threshold``"""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, z: Tensor) -> Tensor:
        return F.softplus(z, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


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

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Hardshrink(Shrink):
    """``a = 0`` where |z| <= lambd, else ``z``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.hardshrink(z, self.lambd)


class Softshrink(Shrink):
    """``a = z - min(max(z, -lambd), lambd)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.softshrink(z, self.lambd)


# -- along one dimension --------------------------------------------------------------------------------------


class AlongDim(Module):
    """An activation along one dimension, which must be given: PyTorch's guess is deprecated."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


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
