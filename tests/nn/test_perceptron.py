"""The 784-128-64-10 perceptron of the benchmarks computes what NumPy computes in float64."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


@pytest.mark.parametrize("kernels", ["numba", "reference"])
@pytest.mark.parametrize("batch", [1, 64])
def test_forward_agrees_with_float64_to_1e_5(kernels: str, batch: int) -> None:
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    x = mg.randn(batch, 784)
    with mg.no_grad(), mg.use_kernels(kernels):
        got = model(x).numpy()
    W1, b1, W2, b2, W3, b3 = (p.detach().numpy().astype(np.float64) for p in model.parameters())
    a1 = np.maximum(x.numpy() @ W1.T + b1, 0)
    a2 = np.maximum(a1 @ W2.T + b2, 0)
    expected = a2 @ W3.T + b3
    assert np.abs(got - expected).max() <= 1e-5 * np.abs(expected).max()
