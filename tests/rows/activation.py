"""Activations."""

from __future__ import annotations

import math

import numpy as np

from rows.row import Array, Row, elementwise, real


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def erf(x: Array) -> Array:
    return np.asarray(np.vectorize(math.erf, otypes=[x.dtype])(x))


def gelu(z: Array) -> Array:
    return z / 2 * (1 + erf(z / np.sqrt(2).astype(z.dtype)))


ROWS = [
    Row("relu", "", lambda m, z: m.relu(z), lambda z: np.maximum(z, 0), elementwise(real)),
    Row("sigmoid", "", lambda m, z: m.sigmoid(z), sigmoid, elementwise(real)),
    Row("tanh", "", lambda m, z: m.tanh(z), np.tanh, elementwise(real)),
    Row("gelu", "", lambda m, z: m.nn.functional.gelu(z), gelu, elementwise(real)),
]
