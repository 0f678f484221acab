"""Recurrent kernels for the GPU against the reference: every gate of every step, and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minigrad import kernels
from minigrad.kernels import reference

cuda = kernels.load("cuda")

GATES = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3}


def found(name: str, *arguments: Any) -> np.ndarray:
    """What the GPU's function gives for host arrays."""
    given = [cuda.to_device(a, 0) if isinstance(a, np.ndarray) else a for a in arguments]
    host: np.ndarray = getattr(cuda, name)(*given).host()
    return host


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize(("T", "B", "H"), [(4, 3, 5), (1, 1, 1), (2, 9, 17), (0, 2, 3), (3, 0, 2)])
def test_sequences_are_those_of_the_reference(name: str, T: int, B: int, H: int, dtype: str) -> None:
    rng, gates = np.random.default_rng(0), GATES[name]

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(dtype)

    z, h0, W = normal(T, B, gates * H), normal(B, H), normal(gates * H, H)
    others: dict[str, list[Any]] = {"lstm": [normal(B, H), W], "gru": [W, normal(gates * H)]}
    arguments = [z, h0, *others.get(name, [W])]
    tolerance = {"rtol": 0, "atol": 1e3 * np.finfo(dtype).eps}
    y = getattr(reference, name)(*arguments)
    np.testing.assert_allclose(found(name, *arguments), y, **tolerance, strict=True)
    if name == "gru":
        without = reference.gru(z, h0, W, None)
        np.testing.assert_allclose(found(name, z, h0, W, None), without, **tolerance, strict=True)
    dy = normal(*y.shape)
    expected = getattr(reference, f"{name}_backward")(dy, y, W)
    scale = max(1, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(
        found(f"{name}_backward", dy, y, W) / scale, expected / scale, **tolerance, strict=True
    )


def test_numpys_functions_stay_on_the_device() -> None:
    """The ways back are differentiated by running them on tensors, zeros included."""
    import minigrad as mg

    t = mg.ones(2, 3).cuda()
    for function in (np.zeros_like, np.ones_like, np.empty_like):
        assert function(t).device == "cuda:0"
