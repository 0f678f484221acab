"""Pooling and resampling kernels against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.kernels import cpu, reference
from minigrad.kernels.windows import Span

numbers = pytest.mark.parametrize("dtype", ["float32", "float64"])


@st.composite
def windows(draw: Any) -> tuple[tuple[int, ...], tuple[Span, ...]]:
    """Sizes, and spans along each dim that begin and end anywhere."""
    sizes, spans = [], []
    for _ in range(draw(st.integers(1, 2))):
        n = draw(st.integers(1, 20))
        starts = draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=9))
        stops = [draw(st.integers(start + 1, n)) for start in starts]
        sizes.append(n)
        spans.append(Span(np.array(starts), np.array(stops), draw(st.integers(1, 3))))
    return tuple(sizes), tuple(spans)


def close(found: np.ndarray, expected: np.ndarray) -> None:
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    eps = np.finfo(expected.dtype).eps
    np.testing.assert_allclose(found, expected, rtol=64 * eps, atol=64 * eps)


@numbers
@given(given_windows=windows(), seed=st.integers(0, 1000), with_nan=st.booleans())
@settings(deadline=None, max_examples=60)
def test_poolings_are_those_of_the_reference(dtype: str, given_windows: Any, seed: int, with_nan: bool) -> None:
    sizes, spans = given_windows
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 5, (2, 3, *sizes)).astype(dtype)  # with ties
    if with_nan:
        x[x == 0] = np.nan
    index = reference.argmax_pool(x, spans)
    np.testing.assert_array_equal(cpu.argmax_pool(x, spans), index)
    np.testing.assert_array_equal(cpu.max_pool(x, index, len(sizes)), reference.max_pool(x, index, len(sizes)))
    dy = rng.normal(0, 1, index.shape).astype(dtype)
    close(cpu.max_pool_backward(dy, index, sizes), reference.max_pool_backward(dy, index, sizes))
    counts = tuple(span.stop - span.start for span in spans)
    close(cpu.avg_pool(x, spans, counts), reference.avg_pool(x, spans, counts))
    close(cpu.avg_pool_backward(dy, sizes, spans, counts), reference.avg_pool_backward(dy, sizes, spans, counts))


@numbers
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_resampling_is_that_of_the_reference(dtype: str, dim: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (4, 5, 6)).astype(dtype)
    index, weight = rng.integers(0, x.shape[dim], (7, 3)), rng.normal(0, 1, (7, 3))
    y = reference.resample(x, dim, index, weight)
    close(cpu.resample(x, dim, index, weight), y)
    expected = reference.resample_backward(y, dim, x.shape[dim], index, weight)
    close(cpu.resample_backward(y, dim, x.shape[dim], index, weight), expected)


def test_integers_and_volumes_are_left_to_the_reference() -> None:
    span = Span(np.array([0, 1]), np.array([2, 3]), 1)
    line = np.array([[[3, 1, 2]]])
    assert cpu.argmax_pool(line, (span,)).tolist() == [[[0, 2]]]
    assert cpu.max_pool(line, np.array([[[0, 2]]]), 1).tolist() == [[[3, 2]]]
    assert cpu.max_pool_backward(np.array([[[4, 5]]]), np.array([[[0, 0]]]), (3,)).tolist() == [[[9, 0, 0]]]
    volume = np.arange(27.0).reshape(1, 1, 3, 3, 3)
    assert cpu.argmax_pool(volume, (span,) * 3).ravel().tolist() == [13, 14, 16, 17, 22, 23, 25, 26]
    counts = (np.array([2, 2]),) * 3
    means = cpu.avg_pool(volume, (span,) * 3, counts)
    assert means.ravel().tolist() == [6.5, 7.5, 9.5, 10.5, 15.5, 16.5, 18.5, 19.5]
    assert cpu.avg_pool_backward(means, (3, 3, 3), (span,) * 3, counts).sum() == means.sum()
