"""Losses, and conversions."""

from __future__ import annotations

import numpy as np

from minigrad.ops.loss import BinaryCrossEntropy, BinaryCrossEntropyWithLogits
from rows.row import Row, broadcasting, elementwise, probability, real

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
    Row("to", "", lambda m, x: x.to(m.float64) * 1, np.array, elementwise(real), dtype="float64"),
]  # fmt: skip
