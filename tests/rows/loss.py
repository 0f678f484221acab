"""Losses, and conversions."""

from __future__ import annotations

import numpy as np

from minigrad.ops.loss import BinaryCrossEntropy, BinaryCrossEntropyWithLogits, Huber
from rows.row import Array, Row, Shape, broadcasting, elementwise, probability, real


def huber(d: Array, delta: float) -> Array:
    return np.where(np.abs(d) <= delta, d * d / 2, delta * (np.abs(d) - delta / 2))


def cosine(x: Array, y: Array) -> Array:
    return (x * y).sum(1) / np.sqrt((x * x).sum(1) * (y * y).sum(1))


def log_softmax(z: Array) -> Array:
    return z - np.log(np.exp(z).sum(1, keepdims=True))


def larger(shape: Shape = ()) -> Array:
    """Numbers that differ from all of real()'s, and not by a parameter of the rows below."""
    return np.asarray(real(shape) * 0.9371)


ALIKE = [(real(shape), larger(shape)) for shape in ((), (1,), (5,), (2, 3), (33, 17))]
MATRICES = [(real((2, 3)), probability((2, 3))), (real((3, 2)).T, probability((2, 6))[:, ::-2])]

ROWS = [
    Row(
        "bce", "", lambda m, p, y: m.record(BinaryCrossEntropy(), p, y),
        lambda p, y: -(y * np.log(p) + (1 - y) * np.log(1 - p)), broadcasting(probability, probability)[6:7],
        has_peer=False,
    ),
    Row(
        "bce_with_logits", "", lambda m, z, y: m.record(BinaryCrossEntropyWithLogits(), z, y),
        lambda z, y: np.log1p(np.exp(z)) - z * y, broadcasting(real, probability)[6:7], has_peer=False,
    ),
    Row(
        "huber", "", lambda m, d: m.record(Huber(0.7), d), lambda d: huber(d, 0.7), elementwise(real),
        has_peer=False,
    ),
    Row(
        "l1_loss", "none", lambda m, x, y: m.nn.functional.l1_loss(x, y, reduction="none"),
        lambda x, y: np.abs(x - y), ALIKE,
    ),
    Row("mse_loss", "", lambda m, x, y: m.nn.functional.mse_loss(x, y), lambda x, y: ((x - y) ** 2).mean(), ALIKE),
    Row(
        "huber_loss", "", lambda m, x, y: m.nn.functional.huber_loss(x, y, delta=0.7),
        lambda x, y: huber(x - y, 0.7).mean(), ALIKE,
    ),
    Row(
        "smooth_l1_loss", "sum", lambda m, x, y: m.nn.functional.smooth_l1_loss(x, y, reduction="sum", beta=0.7),
        lambda x, y: huber(x - y, 0.7).sum() / 0.7, ALIKE[:-1],
    ),
    Row(
        "kl_div", "", lambda m, x, y: m.nn.functional.kl_div(x, y, reduction="batchmean", log_target=True),
        lambda x, y: (np.exp(y) * (y - x)).sum() / len(x), MATRICES,
    ),
    Row(
        "cross_entropy", "probabilities", lambda m, z, q: m.nn.functional.cross_entropy(z, q, label_smoothing=0.2),
        lambda z, q: -((0.8 * q + 0.2 / 3) * log_softmax(z)).sum(1).mean(), MATRICES,
    ),
    Row(
        "cosine_similarity", "", lambda m, x, y: m.nn.functional.cosine_similarity(x, y), cosine,
        [(real((2, 3)), larger((2, 3))), (real((2, 3)), larger((1, 3))), (real((3, 2)).T, larger((4, 3))[::-2])],
    ),
    Row(
        "normalize", "", lambda m, x: m.nn.functional.normalize(x, 3.0),
        lambda x: x / (np.abs(x) ** 3).sum(1, keepdims=True) ** (1 / 3), [sample[:1] for sample in MATRICES],
    ),
    Row("to", "", lambda m, x: x.to(m.float64) * 1, np.array, elementwise(real), dtype="float64"),
]  # fmt: skip
