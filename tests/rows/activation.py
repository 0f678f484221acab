"""Activations."""

from __future__ import annotations

import math

import numpy as np

from rows.row import Array, Row, Shape, elementwise, one, real


def wide(shape: Shape = ()) -> Array:
    """Distinct numbers from -8 to 8, but not near 0: beyond every threshold below."""
    return np.asarray(4 * real(shape))


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def erf(x: Array) -> Array:
    return np.asarray(np.vectorize(math.erf, otypes=[x.dtype])(x))


def gelu(z: Array) -> Array:
    return z / 2 * (1 + erf(z / np.sqrt(2).astype(z.dtype)))


def gelu_tanh(z: Array) -> Array:
    return z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


def elu(z: Array, scale: float = 1, alpha: float = 1, rate: float = 1) -> Array:
    return scale * np.where(z > 0, z, alpha * (np.exp(rate * z) - 1))


def softplus(z: Array) -> Array:
    return np.log(1 + np.exp(z))


def softmax(z: Array) -> Array:
    return np.exp(z) / np.exp(z).sum(0)


SELU = {"scale": 1.0507009873554804934, "alpha": 1.6732632423543772848}
GATED = [*one(real, (4,), (2, 6), (3, 2, 2), (0, 4), (2, 0)), (real((6, 2)).T,), (real((2, 8))[:, ::-2],)]

ROWS = [
    Row("relu", "", lambda m, z: m.relu(z), lambda z: np.maximum(z, 0), elementwise(real)),
    Row("sigmoid", "", lambda m, z: m.sigmoid(z), sigmoid, elementwise(real)),
    Row("tanh", "", lambda m, z: m.tanh(z), np.tanh, elementwise(real)),
    # rectifiers.py
    Row(
        "relu6", "", lambda m, z: m.nn.functional.relu6(z), lambda z: np.clip(z, 0, 6), elementwise(wide)
    ),
    Row(
        "leaky_relu", "", lambda m, z: m.nn.functional.leaky_relu(z),
        lambda z: np.where(z > 0, z, 0.01 * z), elementwise(real),
    ),
    Row(
        "leaky_relu", "negative", lambda m, z: m.nn.functional.leaky_relu(z, -0.5),
        lambda z: np.where(z > 0, z, -0.5 * z), elementwise(real),
    ),
    Row(
        "hardtanh", "", lambda m, z: m.nn.functional.hardtanh(z), lambda z: np.clip(z, -1, 1), elementwise(wide)
    ),
    Row(
        "hardtanh", "limits", lambda m, z: m.nn.functional.hardtanh(z, -0.5, 4),
        lambda z: np.clip(z, -0.5, 4), elementwise(wide),
    ),
    Row("elu", "", lambda m, z: m.nn.functional.elu(z), elu, elementwise(wide)),
    Row(
        "elu", "alpha", lambda m, z: m.nn.functional.elu(z, alpha=0.5), lambda z: elu(z, alpha=0.5),
        elementwise(wide),
    ),
    Row("celu", "", lambda m, z: m.celu(z), elu, elementwise(wide)),
    Row(
        "celu", "alpha", lambda m, z: m.celu(z, alpha=2.5), lambda z: elu(z, alpha=2.5, rate=0.4),
        elementwise(wide),
    ),
    Row("selu", "", lambda m, z: m.selu(z), lambda z: elu(z, **SELU), elementwise(wide)),
    # gates.py
    Row("gelu", "", lambda m, z: m.nn.functional.gelu(z), gelu, elementwise(wide)),
    Row(
        "gelu", "tanh", lambda m, z: m.nn.functional.gelu(z, approximate="tanh"), gelu_tanh, elementwise(wide)
    ),
    Row("silu", "", lambda m, z: m.nn.functional.silu(z), lambda z: z * sigmoid(z), elementwise(wide)),
    Row(
        "mish", "", lambda m, z: m.nn.functional.mish(z), lambda z: z * np.tanh(softplus(z)), elementwise(wide)
    ),
    Row(
        "hardsigmoid", "", lambda m, z: m.nn.functional.hardsigmoid(z), lambda z: np.clip(z / 6 + 0.5, 0, 1),
        elementwise(wide), has_peer=False,  # PyTorch's 1/6 is that of float32, in float64 too
    ),
    Row(
        "hardswish", "", lambda m, z: m.nn.functional.hardswish(z), lambda z: z * np.clip(z / 6 + 0.5, 0, 1),
        elementwise(wide),
    ),
    Row(
        "glu", "", lambda m, z: m.nn.functional.glu(z),
        lambda z: np.split(z, 2, -1)[0] * sigmoid(np.split(z, 2, -1)[1]), GATED,
    ),
    Row(
        "glu", "dim", lambda m, z: m.nn.functional.glu(z, dim=0),
        lambda z: np.split(z, 2)[0] * sigmoid(np.split(z, 2)[1]), one(real, (2,), (4, 3), (2, 3, 2)),
    ),
    # soft.py
    Row("softplus", "", lambda m, z: m.nn.functional.softplus(z), softplus, elementwise(wide)),
    Row(
        "softplus", "beta", lambda m, z: m.nn.functional.softplus(z, beta=2, threshold=3),
        lambda z: np.where(2 * z > 3, z, softplus(2 * z) / 2), elementwise(wide),
    ),
    Row(
        "logsigmoid", "", lambda m, z: m.nn.functional.logsigmoid(z), lambda z: -softplus(-z), elementwise(wide)
    ),
    Row(
        "softsign", "", lambda m, z: m.nn.functional.softsign(z), lambda z: z / (1 + np.abs(z)),
        elementwise(wide),
    ),
    Row(
        "softmax", "dtype", lambda m, z: m.softmax(z, 0, dtype=m.float64), softmax, one(real, (), (4,), (3, 2)),
        dtype="float64",
    ),
    Row(
        "log_softmax", "dtype", lambda m, z: m.log_softmax(z, 0, dtype=m.float64), lambda z: np.log(softmax(z)),
        one(real, (), (4,), (3, 2)), dtype="float64",
    ),
]  # fmt: skip
