"""Scalar rules: an activation, its derivative, a loss of one element, a division. Each is written once, here.

A rule is plain Python on numbers, so it can be tried in a prompt:

>>> sigmoid(0.0)
0.5
>>> relu_backward(3.0, 0.0)
0.0

Every target compiles it into its own kernels and supplies its own ``exp``, ``log``, ``floor`` and so on,
``exp_times``, ``normal_cdf`` and ``gate`` in place of the ones that are found here. The literals below take the
dtype of the kernel: in a float32 kernel ``1.0`` is a float32, so that nothing is computed in float64 by accident.

``z`` is a pre-activation, ``a`` the activation, ``da`` the derivative of the loss with respect to ``a``. What
comes after them are parameters, the same for all elements: they are handed to the machine code, not built in.
The exponents below are never large, so that nothing overflows: where ``e`` is ``e^-|z|``, the logistic function
is ``1 / (1 + e)`` for a positive z and ``e / (1 + e)`` for a negative one.

NaN in ``z``, ``p`` or ``y`` comes out as NaN: a comparison with it is false, and the branch taken then returns it.
"""

from __future__ import annotations

from math import copysign, erf, exp, expm1, floor, fmod, log, log1p, tanh

__all__ = ["bce", "bce_slope", "bce_with_logits", "elu", "elu_backward", "gelu", "gelu_backward"]
__all__ += ["gelu_tanh", "gelu_tanh_backward", "hardsigmoid", "hardsigmoid_backward", "hardswish"]
__all__ += ["hardswish_backward", "hardtanh", "hardtanh_backward", "huber", "leaky_relu"]
__all__ += ["leaky_relu_backward", "logsigmoid", "logsigmoid_backward", "mish", "mish_backward"]
__all__ += ["relu", "relu_backward", "sigmoid", "sigmoid_backward", "silu", "silu_backward"]
__all__ += ["softplus", "softplus_backward", "softsign", "softsign_backward", "tanh", "tanh_backward"]

# -- written with a -------------------------------------------------------------------------------------------


def relu(z: float) -> float:
    """a = max(z, 0)."""
    return 0.0 if z <= 0.0 else z


def relu_backward(da: float, a: float) -> float:
    """dz = da where a > 0, else 0.  At the kink, z = 0, the derivative is taken to be 0."""
    return 0.0 if a <= 0.0 else da


def exp_times(x: float, t: float) -> float:
    """x e^t for t <= 40."""
    return x * exp(t)


def gate(x: float, t: float) -> float:
    """x s with s = 1 / (1 + e^-t).

    For a negative t that is a / (1 + e) with a = x e. Where e is small, a - a e / (1 + e) is the same with fewer
    digits lost: 1 + e has been rounded to about 1, and what it lost counts for less in the smaller term.
    """
    e = exp_times(1.0, -abs(t))
    a = x if t >= 0.0 else exp_times(x, -abs(t))
    is_low = t < -0.5
    r = (0.0 - e if is_low else a) / (1.0 + e)  # unlike -e, not -0 where e is 0: there a + a r is a, also if -0
    return a + a * r if is_low else r


def sigmoid(z: float) -> float:
    """a = 1 / (1 + e^-z)."""
    e = exp_times(1.0, -abs(z))
    a = 1.0 if z >= 0.0 else e
    return a - a * (e / (1.0 + e))  # which is a / (1 + e): see gate


def sigmoid_backward(da: float, a: float) -> float:
    """dz = da * a (1 - a)."""
    return da * (a * (1.0 - a))


def tanh_backward(da: float, a: float) -> float:
    """dz = da * (1 - a^2)."""
    return da * (1.0 - a * a)


# -- linear above a threshold ---------------------------------------------------------------------------------


def leaky_relu(z: float, negative_slope: float) -> float:
    """a = z where z > 0, else negative_slope z."""
    return z if z > 0.0 else negative_slope * z


def leaky_relu_backward(da: float, z: float, negative_slope: float) -> float:
    """dz = da where z > 0, else negative_slope da."""
    return da if z > 0.0 else negative_slope * da


def hardtanh(z: float, min_val: float, max_val: float) -> float:
    """a = z, but at least min_val and at most max_val."""
    return min_val if z < min_val else max_val if z > max_val else z


def hardtanh_backward(da: float, z: float, min_val: float, max_val: float) -> float:
    """dz = da between the limits, else 0; at them too."""
    return 0.0 if z <= min_val or z >= max_val else da


def elu(z: float, above: float, below: float, rate: float) -> float:
    """a = above z where z > 0, else below (e^(rate z) - 1)."""
    return above * z if z > 0.0 else below * expm1(rate * z)


def elu_backward(da: float, z: float, above: float, below: float, rate: float) -> float:
    """dz = da above where z > 0, else da below e^(rate z).  This below is the rate times the one of elu."""
    return da * above if z > 0.0 else da * (below * exp(rate * z))


# -- a gate times z -------------------------------------------------------------------------------------------


def normal_cdf(z: float) -> float:
    """P(Z <= z) of a standard normal Z = (1 + erf(z / sqrt 2)) / 2."""
    return 0.5 * (1.0 + erf(z * 0.7071067811865476))


def gelu(z: float) -> float:
    """a = z P(Z <= z) of a standard normal Z."""
    return z * normal_cdf(z)


def gelu_backward(da: float, z: float) -> float:
    """dz = da (P(Z <= z) + z e^(-z^2 / 2) / sqrt(2 pi)), the second factor being the density of Z."""
    return da * (normal_cdf(z) + z * exp(-0.5 * z * z) * 0.3989422804014327)


def gelu_tanh(z: float) -> float:
    """a = z/2 (1 + tanh u) = z / (1 + e^-2u) with u = sqrt(2 / pi) (z + 0.044715 z^3).

    In e^2u the error of 2u is felt |2u| times: a is right to 2 + 5 |u| units in the last place.
    """
    return gate(z, z * (1.5957691216057308 + 0.07135481627260025 * (z * z)))


def gelu_tanh_backward(da: float, z: float) -> float:
    """dz = da (s + z s (1 - s) 2 du/dz) with s = 1 / (1 + e^-2u); the rise of s is 0 where e^-2|u| is."""
    t = 1.5957691216057308 * z * (1.0 + 0.044715 * z * z)
    e = exp(-abs(t))
    d = 1.0 + e
    rise = 0.0 if e == 0.0 else e / (d * d) * (z * 1.5957691216057308 * (1.0 + 0.134145 * z * z))
    return da * ((1.0 if t >= 0.0 else e) / d + rise)


def silu(z: float) -> float:
    """a = z s with s = 1 / (1 + e^-z)."""
    return gate(z, z)


def silu_backward(da: float, z: float) -> float:
    """dz = da s (1 + z (1 - s))."""
    e = exp(-abs(z))
    d = 1.0 + e
    return da * ((1.0 if z >= 0.0 else e) / d * (1.0 + z * ((e if z >= 0.0 else 1.0) / d)))


def mish(z: float) -> float:
    """a = z t with t = tanh log(1 + e^z) = n / (n + 2), n = e^z (e^z + 2).

    Digits are kept as in gate: with e = e^z, t is e - e (e^2 + e) / (n + 2) where e is small, and beyond
    1/2 + 1/2 (n - 2) / (n + 2).
    """
    capped = z if z < 40.0 else 40.0  # from there on t is 1
    e = exp_times(1.0, capped)
    n = e * e + 2.0 * e
    is_low = z < -0.7
    a = exp_times(z, capped) if is_low else 0.5 * z
    return a + a * ((0.0 - (e * e + e) if is_low else n - 2.0) / (n + 2.0))


def mish_backward(da: float, z: float) -> float:
    """dz = da (t + z s (1 - t^2)) with s = 1 / (1 + e^-z)."""
    e = exp(-abs(z))
    top = 1.0 + 2.0 * e if z >= 0.0 else e * (e + 2.0)
    rest = 2.0 * e * e if z >= 0.0 else 2.0
    t = top / (top + rest)
    s = (1.0 if z >= 0.0 else e) / (1.0 + e)
    return da * (t + z * s * (rest / (top + rest) * (1.0 + t)))


def hardsigmoid(z: float) -> float:
    """a = z/6 + 1/2, but at least 0 and at most 1."""
    return 0.0 if z <= -3.0 else 1.0 if z >= 3.0 else (z + 3.0) / 6.0


def hardsigmoid_backward(da: float, z: float) -> float:
    """dz = da / 6 where -3 < z < 3, else 0."""
    return 0.0 if z <= -3.0 or z >= 3.0 else da / 6.0


def hardswish(z: float) -> float:
    """a = z hardsigmoid(z)."""
    return 0.0 if z <= -3.0 else z if z >= 3.0 else z * ((z + 3.0) / 6.0)


def hardswish_backward(da: float, z: float) -> float:
    """dz = da (z/3 + 1/2) where -3 < z < 3, 0 below and da above."""
    return 0.0 if z <= -3.0 else da if z >= 3.0 else da * ((2.0 * z + 3.0) / 6.0)


# -- soft steps and corners -----------------------------------------------------------------------------------


def softplus(z: float, beta: float, threshold: float) -> float:
    """a = log(1 + e^(beta z)) / beta, or z where beta z is above the threshold."""
    t = beta * z
    return z if t > threshold else ((t if t > 0.0 else 0.0) + log1p(exp(-abs(t)))) / beta


def softplus_backward(da: float, z: float, beta: float, threshold: float) -> float:
    """dz = da / (1 + e^(-beta z)), or da where beta z is above the threshold."""
    t = beta * z
    return da if t > threshold else gate(da, t)


def logsigmoid(z: float) -> float:
    """a = -log(1 + e^-z)."""
    return (z if z < 0.0 else -0.0) - log1p(exp(-abs(z)))


def logsigmoid_backward(da: float, z: float) -> float:
    """dz = da / (1 + e^z)."""
    return gate(da, -z)


def softsign(z: float) -> float:
    """a = z / (1 + |z|)."""
    return z / (1.0 + abs(z))


def softsign_backward(da: float, z: float) -> float:
    """dz = da / (1 + |z|)^2."""
    d = 1.0 + abs(z)
    return da / (d * d)


# -- losses ---------------------------------------------------------------------------------------------------


def huber(d: float, delta: float) -> float:
    """l = d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2)."""
    size = abs(d)
    return 0.5 * d * d if size <= delta else delta * (size - 0.5 * delta)


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


# -- division, rounded down -----------------------------------------------------------------------------------


def remainder(x: float, y: float) -> float:
    """x - y floor(x / y), which has the sign of y."""
    r = fmod(x, y)
    return copysign(r, y) if r == 0.0 else r + y if (r < 0.0) != (y < 0.0) else r


def floor_divide(x: float, y: float) -> float:
    """floor(x / y), from what remains: x / y itself could round up to the next whole number."""
    r = fmod(x, y)
    q = (x - r) / y
    q = q - 1.0 if r != 0.0 and (r < 0.0) != (y < 0.0) else q
    whole = floor(q)
    whole = whole + 1 if q - whole > 0.5 else whole
    return x / y if y == 0.0 else copysign(0.0, x / y) if q == 0.0 else whole


# -- a sum of exponentials ------------------------------------------------------------------------------------


def logaddexp(x: float, y: float) -> float:
    """log(e^x + e^y) = max(x, y) + log(1 + e^-|x - y|); two equal Infs have no difference."""
    return (x if x > y else y) + log1p(exp(-abs(x - y) if x != y else -0.0))
