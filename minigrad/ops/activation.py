"""Activations: what they have in common, and the three whose derivative is written with a: relu, sigmoid, tanh.

Each keeps the pre-activation z and the activation a, one of them only to be seen. The derivatives are operations
of their own (``ReluBackward``, ...), one kernel each. They have rules too, so a gradient recorded with
``create_graph=True`` can be differentiated again, to any order.

The others are in ``rectifiers.py`` (linear above a threshold), ``gates.py`` (z times something between 0 and 1)
and ``soft.py`` (soft steps, and what adds up to 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array
from minigrad.ops.operands import floating, number

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["relu", "sigmoid", "tanh"]


class Activation(Op):
    """a = f(z), elementwise or along one dimension"""

    z = Kept(seen_only=True)
    a = Kept()


class ActivationOfZ(Activation):
    """a = f(z), with a derivative that is written with z"""

    z = Kept()
    a = Kept(seen_only=True)


# -- relu -----------------------------------------------------------------------------------------------------


class Relu(Activation):
    """a = max(z, 0)

    da/dz = 1 where z > 0, else 0
    """

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


def relu(z: Tensor, inplace: bool = False) -> Tensor:
    """Rectified linear unit, elementwise: ``a = max(z, 0)``, ``da/dz = 1`` where z > 0, else 0. Not for bool.

    ``inplace`` is taken, here and by other activations, as PyTorch has it. It changes nothing: z stays as it is.

    >>> import minigrad as mg
    >>> mg.tensor([-1.0, 0.0, 2.0]).relu()
    tensor([0., 0., 2.])
    """
    return record(Relu(), number("relu", z))


# -- sigmoid --------------------------------------------------------------------------------------------------


class Sigmoid(Activation):
    """a = 1 / (1 + e^-z)

    da/dz = a (1 - a)
    """

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
    """a = tanh z

    da/dz = 1 - a^2
    """

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
