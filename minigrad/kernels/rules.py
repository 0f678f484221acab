"""Scalar rules: an activation, its derivative, a loss of one element. Each is written once, here.

A rule is plain Python on numbers, so it can be tried in a prompt:

>>> sigmoid(0.0)
0.5
>>> relu_backward(3.0, 0.0)
0.0

Every target compiles it into its own kernels and supplies its own ``erf``, ``exp``, ``log``, ``log1p``,
``sqrt`` and ``tanh`` in place of the ones from ``math``. The literals below take the dtype of the kernel: in a
float32 kernel ``1.0`` is a float32, so that nothing is computed in float64 by accident.

``z`` is a pre-activation, ``a`` the activation, ``da`` the derivative of the loss with respect to ``a``.
NaN in ``z``, ``p`` or ``y`` comes out as NaN: a comparison with it is false, and the branch taken then returns it.
"""

from __future__ import annotations

from math import erf, exp, log, log1p, tanh

__all__ = [
    "bce",
    "bce_slope",
    "bce_with_logits",
    "gelu",
    "gelu_backward",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "tanh",
    "tanh_backward",
]


def relu(z: float) -> float:
    """a = max(z, 0)."""
    return 0.0 if z <= 0.0 else z


def relu_backward(da: float, a: float) -> float:
    """dz = da where a > 0, else 0.  At the kink, z = 0, the derivative is taken to be 0."""
    return 0.0 if a <= 0.0 else da


def sigmoid(z: float) -> float:
    """a = 1 / (1 + e^-z), with an exponent that is never positive, so that nothing overflows."""
    e = exp(-abs(z))
    return (1.0 if z >= 0.0 else e) / (1.0 + e)


def sigmoid_backward(da: float, a: float) -> float:
    """dz = da * a (1 - a)."""
    return da * (a * (1.0 - a))


def tanh_backward(da: float, a: float) -> float:
    """dz = da * (1 - a^2)."""
    return da * (1.0 - a * a)


def gelu(z: float) -> float:
    """a = z P(Z <= z) of a standard normal Z = z/2 (1 + erf(z / sqrt 2))."""
    return 0.5 * z * (1.0 + erf(z * 0.7071067811865476))


def gelu_backward(da: float, z: float) -> float:
    """dz = da (P(Z <= z) + z e^(-z^2 / 2) / sqrt(2 pi)), the second factor being the density of Z."""
    return da * (0.5 * (1.0 + erf(z * 0.7071067811865476)) + z * exp(-0.5 * z * z) * 0.3989422804014327)


def bce(p: float, y: float) -> float:
    """l = -(y log p + (1 - y) log(1 - p)), each logarithm at least -100, so that p = 0 and 1 stay finite."""
    log_p = -100.0 if p <= 0.0 else log(p)
    log_q = -100.0 if p >= 1.0 else log1p(-p)
    log_p = -100.0 if log_p < -100.0 else log_p
    log_q = -100.0 if log_q < -100.0 else log_q
    return -(y * log_p + (1.0 - y) * log_q)


def bce_slope(p: float, y: float) -> float:
    """dl/dp = (p - y) / (p (1 - p)), the denominator at least 1e-12."""
    d = p * (1.0 - p)
    return (p - y) / (1e-12 if d < 1e-12 else d)


def bce_with_logits(z: float, y: float) -> float:
    """l = max(z, 0) - z y + log(1 + e^-|z|): bce(sigmoid(z), y) without ever forming the sigmoid."""
    return (0.0 if z <= 0.0 else z) - z * y + log1p(exp(-abs(z)))
