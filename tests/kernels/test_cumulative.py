"""Running sums and products, and recurrences, against the reference and against exact sums."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minigrad.kernels import cpu, reference
from minigrad.kernels.cpu.cumulative import COLUMNS

FLOATS = ["float32", "float64"]


def array(dtype: str, *shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).uniform(-1.5, 1.5, shape).astype(dtype)


def same(got: np.ndarray, want: np.ndarray) -> None:
    assert (got.dtype, got.shape, got.flags.c_contiguous) == (want.dtype, want.shape, True)
    np.testing.assert_allclose(got, want, rtol=16 * np.finfo(want.dtype).eps, atol=16 * np.finfo(want.dtype).eps)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1,), (5,), (4, 5, 6), (0, 3), (3, 0), (2, 3, COLUMNS + 1)])
def test_every_dim_and_layout_agrees(shape: tuple[int, ...], dtype: str) -> None:
    a, b = array(dtype, *shape), array(dtype, *shape)[..., ::-1]
    for x, y in ((a, b), (a.T, b.T), (np.broadcast_to(a[:1], a.shape), b)):
        for dim in range(x.ndim):
            same(cpu.cumprod(x, dim), reference.cumprod(x, dim))
            for turned in (False, True):
                same(cpu.cumsum(x, dim, turned), reference.cumsum(x, dim, turned))
                same(cpu.recurrence(x, y, dim, turned), reference.recurrence(x, y, dim, turned))


@pytest.mark.parametrize("target", [cpu, reference])
def test_a_recurrence_is_its_formula_and_transposed_it_is_its_transpose(target: object) -> None:
    a, b = array("float64", 4), np.eye(4)
    columns = target.recurrence(np.repeat(a[:, None], 4, 1), b, 0, False)
    formula = [[math.prod(a[j + 1 : i + 1]) if i >= j else 0 for j in range(4)] for i in range(4)]
    np.testing.assert_allclose(columns, formula, rtol=1e-15, atol=0)
    transposed = target.recurrence(np.repeat(a[:, None], 4, 1), b, 0, True)
    np.testing.assert_allclose(transposed, columns.T, rtol=1e-15, atol=0)


@pytest.mark.compiled
@pytest.mark.parametrize("target", [cpu, reference])
@pytest.mark.parametrize("dim", [0, 1])
def test_float32_is_summed_in_float64(target: object, dim: int) -> None:
    x = np.full((100_000, 2) if dim == 0 else (2, 100_000), 0.1, np.float32)
    last = target.cumsum(x, dim, False).max()
    assert last == np.float32(100_000 * float(np.float32(0.1)))


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint8", "bool"])
def test_integers_and_bools_are_accumulated_as_int64(dtype: str) -> None:
    x = np.array([1, 1, 0], dtype)
    for result, want in ((cpu.cumsum(x, 0, False), [1, 2, 2]), (cpu.cumsum(x, 0, True), [2, 1, 0])):
        assert (result.dtype, result.tolist()) == (np.int64, want)
    assert (cpu.cumprod(x, 0).dtype, cpu.cumprod(x, 0).tolist()) == (np.int64, [1, 1, 0])


def test_infinities_and_nan_go_on_from_where_they_stand() -> None:
    x = np.array([1, np.inf, 2, np.nan, 3], np.float32)
    for target in (cpu, reference):
        np.testing.assert_array_equal(target.cumsum(x, 0, False), [1, np.inf, np.inf, np.nan, np.nan])
        np.testing.assert_array_equal(target.cumprod(x, 0), [1, np.inf, np.inf, np.nan, np.nan])
        steps = target.recurrence(np.full(3, np.inf, np.float32), np.zeros(3, np.float32), 0, False)
        np.testing.assert_array_equal(steps, [0, np.nan, np.nan])
