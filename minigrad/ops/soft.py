"""Activations with soft corners and steps; and the softmaxes, along one dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad import dtypes
from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array
from minigrad.ops.activation import Activation, ActivationOfZ
from minigrad.ops.operands import cast, divisor, floating, one_dim, only_floats, parameter, tensor
from minigrad.ops.rounding import sign

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["log_softmax", "logsigmoid", "softmax", "softplus", "softsign"]

# -- softplus -------------------------------------------------------------------------------------------------


class Softplus(ActivationOfZ):
    """a = log(1 + e^(beta z)) / beta, or z where beta z > threshold

    da/dz = 1 / (1 + e^(-beta z))
    """

    def __init__(self, beta: float, threshold: float) -> None:
        self.beta, self.threshold = beta, threshold

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.softplus(z, self.beta, self.threshold)

    def backward(self, da: Tensor) -> Gradients:
        return (record(SoftplusBackward(self.beta, self.threshold), da, self.z),)


class SoftplusBackward(Op):
    """dz = da / (1 + e^(-beta z)), or da where beta z > threshold"""

    output = "dz"
    da = Kept()
    z = Kept()

    def __init__(self, beta: float, threshold: float) -> None:
        self.beta, self.threshold = beta, threshold

    def forward(self, kernels: Any, da: Array, z: Array) -> Any:
        return kernels.softplus_backward(da, z, self.beta, self.threshold)

    def backward(self, g: Tensor) -> Gradients:
        beta, threshold = self.beta, self.threshold
        dda = record(SoftplusBackward(beta, threshold), g, self.z) if self.wants("da") else None
        if not self.wants("z"):
            return dda, None
        t = self.z * beta
        s = t.sigmoid()
        return dda, g * self.da * (s * (1 - s) * beta * (t <= threshold))


def softplus(z: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Relu with a soft corner, elementwise: ``a = log(1 + e^(beta z)) / beta``. Only for floats.

    Where ``beta z`` is above ``threshold`` it is z itself. ``da/dz = 1 / (1 + e^(-beta z))``. Raises ValueError
    for a beta of 0. Source: Dugas and others, Incorporating second-order functional knowledge for better option
    pricing, 2000.

    >>> import minigrad as mg
    >>> mg.softplus(mg.tensor([-1.0, 0.0, 30.0]))
    tensor([ 0.3133,  0.6931, 30.0000])
    """
    op = Softplus(divisor("softplus", "beta", beta), parameter("softplus", "threshold", threshold))
    return record(op, only_floats("softplus", tensor("softplus", z)))


# -- logsigmoid -----------------------------------------------------------------------------------------------


class LogSigmoid(ActivationOfZ):
    """a = -log(1 + e^-z)

    da/dz = 1 / (1 + e^z)
    """

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.logsigmoid(z)

    def backward(self, da: Tensor) -> Gradients:
        return (record(LogSigmoidBackward(), da, self.z),)


class LogSigmoidBackward(Op):
    """dz = da / (1 + e^z)"""

    output = "dz"
    da = Kept()
    z = Kept()

    def forward(self, kernels: Any, da: Array, z: Array) -> Any:
        return kernels.logsigmoid_backward(da, z)

    def backward(self, g: Tensor) -> Gradients:
        dda = record(LogSigmoidBackward(), g, self.z) if self.wants("da") else None
        if not self.wants("z"):
            return dda, None
        s = self.z.sigmoid()
        return dda, -(g * self.da * (s * (1 - s)))


def logsigmoid(z: Tensor) -> Tensor:
    """Logarithm of the sigmoid, elementwise: ``a = -log(1 + e^-z)``, exact also where the sigmoid underflows.

    ``da/dz = 1 / (1 + e^z)``. Only for floats.

    >>> import minigrad as mg
    >>> mg.logsigmoid(mg.tensor([-1e4, 0.0, 1.0]))
    tensor([-1.0000e+04, -6.9315e-01, -3.1326e-01])
    """
    return record(LogSigmoid(), only_floats("logsigmoid", tensor("logsigmoid", z)))


# -- softsign -------------------------------------------------------------------------------------------------


class Softsign(ActivationOfZ):
    """a = z / (1 + |z|)

    da/dz = 1 / (1 + |z|)^2
    """

    def forward(self, kernels: Any, z: Array) -> Any:
        return kernels.softsign(z)

    def backward(self, da: Tensor) -> Gradients:
        return (record(SoftsignBackward(), da, self.z),)


class SoftsignBackward(Op):
    """dz = da / (1 + |z|)^2"""

    output = "dz"
    da = Kept()
    z = Kept()

    def forward(self, kernels: Any, da: Array, z: Array) -> Any:
        return kernels.softsign_backward(da, z)

    def backward(self, g: Tensor) -> Gradients:
        dda = record(SoftsignBackward(), g, self.z) if self.wants("da") else None
        if not self.wants("z"):
            return dda, None
        d = self.z.abs() + 1
        return dda, g * self.da * (sign(self.z) * -2 / (d * d * d))


def softsign(z: Tensor) -> Tensor:
    """Step from -1 to 1, elementwise: ``a = z / (1 + |z|)``, slower than tanh. Integers become float32.

    ``da/dz = 1 / (1 + |z|)^2``. Source: Bergstra and others, Quadratic polynomials learn better image features,
    2009.

    >>> import minigrad as mg
    >>> mg.softsign(mg.tensor([-1.0, 0.0, 3.0]))
    tensor([-0.5000,  0.0000,  0.7500])
    """
    return record(Softsign(), floating("softsign", z))


# -- softmax --------------------------------------------------------------------------------------------------


class Softmax(Activation):
    """a = e^z / sum e^z        along dim

    da/dz = a_i ([i = j] - a_j)
    """

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


def softmax(z: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Probabilities along ``dim``: ``a_i = e^z_i / sum_j e^z_j``, so that they add up to 1.

    The largest z is subtracted first, so nothing overflows. ``da_i/dz_j = a_i ([i = j] - a_j)``. Only for floats;
    with a ``dtype``, z is cast to that first.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 0.0, 1e4]).softmax(dim=0)
    tensor([0., 0., 1.])
    """
    d, z = one_dim("softmax", dim, tensor("softmax", z).ndim), _floats("softmax", z, dtype)
    if not z.ndim:  # kernels reduce along dims that are there
        return softmax(z.reshape(1), 0).reshape(())
    return record(Softmax(d), z)


# -- log-softmax ----------------------------------------------------------------------------------------------


class LogSoftmax(Activation):
    """a = z - log sum e^z        along dim

    da/dz = [i = j] - e^a_j
    """

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


def log_softmax(z: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Logarithm of the softmax along ``dim``: ``a_i = z_i - log sum_j e^z_j``, exact also where it underflows.

    ``da_i/dz_j = [i = j] - e^a_j``. Only for floats; with a ``dtype``, z is cast to that first.

    >>> import minigrad as mg
    >>> mg.tensor([0.0, 1e4]).log_softmax(dim=0)
    tensor([-10000.,      0.])
    """
    d, z = one_dim("log_softmax", dim, tensor("log_softmax", z).ndim), _floats("log_softmax", z, dtype)
    if not z.ndim:  # kernels reduce along dims that are there
        return log_softmax(z.reshape(1), 0).reshape(())
    return record(LogSoftmax(d), z)


def _floats(name: str, z: Tensor, dtype: Any) -> Tensor:
    """z cast to the dtype, if there is one, which must be of floats."""
    wanted = z.dtype if dtype is None else dtypes.dtype(dtype)
    if wanted.kind != "f":
        raise TypeError(f"{name}: z must be of floats, it is {wanted}: use z.float(), or dtype=mg.float32")
    return cast(z, wanted)
