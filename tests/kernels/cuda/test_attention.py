"""Attention on the GPU against the reference, both ways."""

from __future__ import annotations

import numpy as np
import pytest

from minigrad import kernels
from minigrad.kernels import reference

cuda = kernels.load("cuda")
MASKS = [None, (3, 5), (2, 1, 1, 5), (2, 4, 3, 1)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("shape", MASKS)
def test_both_ways_are_those_of_the_reference(shape: tuple[int, ...] | None, is_causal: bool, dtype: str) -> None:
    rng = np.random.default_rng(1)
    q, dout = (rng.standard_normal((2, 4, 3, 6)).astype(dtype) for _ in range(2))
    k, v = (rng.standard_normal((2, 4, 5, 6)).astype(dtype) for _ in range(2))
    mask = None
    if shape is not None:
        mask = np.zeros(shape, dtype)
        mask[rng.random(shape) < 0.3] = -np.inf
        mask[..., -1, :] = -np.inf
    there = [cuda.to_device(x, 0) for x in (dout, q, k, v)]
    added = None if mask is None else cuda.to_device(mask, 0)
    for name, first in (("attention", 1), ("attention_backward", 0)):
        want = getattr(reference, name)(*(dout, q, k, v)[first:], mask, 0.4, is_causal)
        got = getattr(cuda, name)(*there[first:], added, 0.4, is_causal).host()
        np.testing.assert_allclose(got, want, rtol=0, atol=50 * np.finfo(dtype).eps, strict=True)
