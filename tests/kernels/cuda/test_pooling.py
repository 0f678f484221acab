"""Pooling and resampling kernels for the GPU against the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minigrad import kernels
from minigrad.kernels import reference
from minigrad.kernels.windows import Span

cuda = kernels.load("cuda")

numbers = pytest.mark.parametrize("dtype", ["float32", "float64"])


def found(name: str, *arguments: Any) -> np.ndarray:
    """What the GPU's function gives for host arrays; ``index`` and ``weight`` of resampling stay on the host."""
    last = 1 if "resample" in name else len(arguments)
    given = [
        cuda.to_device(a, 0) if isinstance(a, np.ndarray) and i < last else a for i, a in enumerate(arguments)
    ]
    host: np.ndarray = getattr(cuda, name)(*given).host()
    return host


def close(got: np.ndarray, expected: np.ndarray) -> None:
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    eps = np.finfo(expected.dtype).eps
    np.testing.assert_allclose(got, expected, rtol=64 * eps, atol=64 * eps)


def some_spans(rng: np.random.Generator, sizes: tuple[int, ...]) -> tuple[Span, ...]:
    """Windows that begin and end anywhere."""
    spans = []
    for n in sizes:
        start = rng.integers(0, n, rng.integers(1, 5))
        spans.append(Span(start, start + 1 + rng.integers(0, n - start), int(rng.integers(1, 4))))
    return tuple(spans)


@numbers
@pytest.mark.parametrize("sizes", [(9,), (5, 7), (3, 4, 5), (1, 1)])
@pytest.mark.parametrize("with_nan", [True, False])
def test_poolings_are_those_of_the_reference(dtype: str, sizes: tuple[int, ...], with_nan: bool) -> None:
    rng = np.random.default_rng(0)
    for lead in ((2, 3), (), (0, 2)):
        spans = some_spans(rng, sizes)
        x = rng.integers(0, 5, (*lead, *sizes)).astype(dtype)  # with ties
        if with_nan:
            x[x == 0] = np.nan
        index = reference.argmax_pool(x, spans)
        np.testing.assert_array_equal(found("argmax_pool", x, spans), index, strict=True)
        pooled = reference.max_pool(x, index, len(sizes))
        np.testing.assert_array_equal(found("max_pool", x, index, len(sizes)), pooled, strict=True)
        dy = rng.normal(0, 1, index.shape).astype(dtype)
        close(found("max_pool_backward", dy, index, sizes), reference.max_pool_backward(dy, index, sizes))
        counts = tuple(span.stop - span.start for span in spans)
        close(found("avg_pool", x, spans, counts), reference.avg_pool(x, spans, counts))
        expected = reference.avg_pool_backward(dy, sizes, spans, counts)
        close(found("avg_pool_backward", dy, sizes, spans, counts), expected)


@numbers
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_resampling_is_that_of_the_reference(dtype: str, dim: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (4, 5, 6)).astype(dtype)
    index, weight = rng.integers(0, x.shape[dim], (7, 3)), rng.normal(0, 1, (7, 3))
    y = reference.resample(x, dim, index, weight)
    close(found("resample", x, dim, index, weight), y)
    expected = reference.resample_backward(y, dim, x.shape[dim], index, weight)
    close(found("resample_backward", y, dim, x.shape[dim], index, weight), expected)


def test_where_windows_are_is_copied_to_the_device_once() -> None:
    from minigrad.kernels.cuda.pooling import kept

    places = np.arange(5)
    assert kept(places, 0) is kept(places.copy(), 0)
    assert kept(places, 0) is not kept(places + 1, 0)


def test_what_is_kept_on_the_device_is_there_for_every_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    from minigrad.kernels.cuda import device, pooling

    told: list[str] = []
    for name in ("upload", "synchronize"):
        function = getattr(device.driver(), name)

        def call(*given: object, name: str = name, function: Callable[..., None] = function) -> None:
            told.append(name)
            function(*given)

        monkeypatch.setattr(device.driver(), name, call)
    places = np.array([3, 1, 4, 1, 5, 9])
    assert pooling.kept(places, 0) is pooling.kept(places, 0)
    assert told == ["upload", "synchronize"]
