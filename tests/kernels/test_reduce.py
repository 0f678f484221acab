"""Reductions against the reference, and sums against exact ones."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.kernels import cpu, reference
from minigrad.kernels.cpu import threads
from minigrad.kernels.cpu.memory import INDEX, reads, writes
from minigrad.kernels.cpu.reduce import CHUNK, COLUMNS, GROUP
from minigrad.kernels.cpu.row_sums import SHORT
from minigrad.kernels.cpu.softmax import rows_piece, softmax_row
from minigrad.kernels.cpu.threads import Kernel

FLOATS = ["float32", "float64"]
REDUCTIONS = "sum mean amax amin logsumexp".split()


def close(got: np.ndarray, want: np.ndarray, scale: float = 1.0) -> None:
    assert isinstance(got, np.ndarray)
    assert (got.dtype, got.shape, got.flags.c_contiguous) == (want.dtype, want.shape, True)
    tolerance = 8 * np.finfo(want.dtype).eps if want.dtype.kind == "f" else 0
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=scale * tolerance)


def normal(dtype: str, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 2, shape).astype(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_agree_over_every_set_of_dims_and_layout(name: str, dtype: str) -> None:
    x = normal(dtype, 3, 4, 1, 5)
    function, twin = getattr(cpu, name), getattr(reference, name)
    for view in (x, x.T, x[::-1, ::2], np.broadcast_to(x[:1], x.shape)):
        for count in range(5):
            for dims in itertools.combinations(range(4), count):
                close(function(view, dims, True), twin(view, dims, True), scale=10)
                close(function(view, dims, False), twin(view, dims, False), scale=10)


@pytest.mark.parametrize("dtype", FLOATS)
def test_products_and_lengths_agree_with_those_of_float64(dtype: str) -> None:
    for x in (normal(dtype, 3, 4, 1, 5), normal(dtype, 3, 140, 2), normal(dtype, 2, 2 * SHORT + 3)):
        exact = x.astype(np.float64)
        for view, wide in ((x, exact), (x.T, exact.T)):
            for dims in [(0,), (1,), (x.ndim - 1,), (0, 1), tuple(range(x.ndim)), ()]:
                with np.errstate(over="ignore"):  # a product may be too large for float32
                    product = reference.prod(wide, dims, False).astype(dtype)
                np.testing.assert_allclose(
                    cpu.prod(view, dims, False), product, rtol=1e-6 if dtype == "float32" else 1e-13
                )
                close(cpu.norm(view, dims, False, 2.0), reference.norm(wide, dims, False, 2.0).astype(dtype))


def test_the_sizes_of_factors_may_be_far_apart() -> None:
    for x in (np.repeat(np.float32([1e-30, 1e30]), 8), np.tile(np.float32([2**-17, 2**17]), 10_000)):
        assert cpu.prod(x, (0,), False) == pytest.approx(1.0, rel=1e-5)
        assert cpu.prod(x[:, None].repeat(3, 1), (0,), False) == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_zero_dimensional_input_gives_a_zero_dimensional_array(name: str) -> None:
    x = np.array(3.0, np.float32)
    close(getattr(cpu, name)(x, (), False), np.array(3.0, np.float32))


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [1, 2, SHORT - 1, SHORT, SHORT + 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
def test_rows_of_every_length_are_summed_as_well_as_pairwise(dtype: str, size: int) -> None:
    x = np.random.default_rng(size).normal(1, 10, size).astype(dtype)
    exact = math.fsum(x.tolist())
    bound = np.finfo(dtype).eps * math.fsum(np.abs(x).tolist())
    error = abs(float(cpu.sum(x, (0,), False)) - exact)
    assert error <= max(abs(float(x.sum()) - exact), bound)
    assert cpu.amax(x, (0,), False) == x.max()
    assert cpu.amin(x, (0,), False) == x.min()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("inner", [2, 3, COLUMNS - 1, COLUMNS, COLUMNS + 1])
def test_columns_are_summed_as_well_as_pairwise(dtype: str, inner: int) -> None:
    x = normal(dtype, 2, 2 * GROUP - 1, inner)
    for o in range(2):
        exact = np.array([math.fsum(x[o, :, j].tolist()) for j in range(inner)])
        bound = np.finfo(dtype).eps * np.abs(x[o]).sum(0, dtype=np.float64)
        assert (np.abs(cpu.sum(x, (1,), False)[o] - exact) <= bound).all()


@pytest.mark.compiled
def test_sum_of_many_equal_float32_does_not_stagnate() -> None:
    x = np.full(20_000_000, 0.1, np.float32)
    assert float(cpu.sum(x, (0,), False)) == pytest.approx(20_000_000 * float(np.float32(0.1)), rel=2**-22)


@pytest.mark.parametrize("dtype", ["int64", "int32", "int8", "uint8", "bool"])
def test_integers_and_bools_are_summed_as_int64(dtype: str) -> None:
    x = np.array([[1, 0, 1], [1, 1, 1]], dtype)
    close(cpu.sum(x, (0, 1), False), np.array(5, np.int64))
    close(cpu.amax(x, (0,), False), np.array([1, 1, 1], dtype))
    close(cpu.argmin(x, 1, False), np.array([1, 0]))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("place", [0, 1, 40, 99])
def test_nan_and_infinities_pass_through(dtype: str, place: int) -> None:
    for value in (np.nan, np.inf, -np.inf):
        x = normal(dtype, 100, 3)
        x[place, 1] = value
        for dims in ((0,), (0, 1), (1,)):
            for name in REDUCTIONS:
                close(getattr(cpu, name)(x, dims, False), getattr(reference, name)(x, dims, False), scale=100)
        for name in ("argmax", "argmin"):
            close(getattr(cpu, name)(x, 0, False), getattr(reference, name)(x, 0, False))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_arg_reductions_give_the_first_place(name: str, dtype: str) -> None:
    x = np.random.default_rng(0).integers(0, 3, (4, 50, 3)).astype(dtype)
    for view in (x, x.T, x[:, ::-1]):
        for dim in range(3):
            for keepdim in (False, True):
                close(getattr(cpu, name)(view, dim, keepdim), getattr(reference, name)(view, dim, keepdim))
    zeros = np.array([-0.0, 0.0], dtype)
    assert getattr(cpu, name)(zeros, 0, False) == 0


def test_empty_reductions_are_those_of_numpy() -> None:
    x = np.empty((0, 3), np.float32)
    close(cpu.sum(x, (0,), False), np.zeros(3, np.float32))
    close(cpu.sum(x, (1,), False), np.zeros(0, np.float32))
    close(cpu.logsumexp(x, (0,), False), np.full(3, -np.inf, np.float32))
    close(cpu.amax(x, (1,), True), np.empty((0, 1), np.float32))
    close(cpu.softmax(x, 1), x)
    close(cpu.log_softmax(x, 0), x)
    with pytest.raises(ValueError, match="zero-size array"):
        cpu.amax(x, (0,), False)


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_and_its_derivatives_agree_along_every_dim(dtype: str) -> None:
    z, da = normal(dtype, 4, 5, 6), normal(dtype, 4, 5, 6)[::-1]
    for view in (z, z.T, z[:, ::-1]):
        slope = np.ascontiguousarray(da).reshape(view.shape)
        for dim in range(3):
            a, log_a = reference.softmax(view, dim), reference.log_softmax(view, dim)
            close(cpu.softmax(view, dim), np.ascontiguousarray(a))
            close(cpu.log_softmax(view, dim), np.ascontiguousarray(log_a))
            close(cpu.softmax_backward(slope, a, dim), reference.softmax_backward(slope, a, dim).copy("C"))
            want = reference.log_softmax_backward(slope, log_a, dim).copy("C")
            close(cpu.log_softmax_backward(slope, log_a, dim), want, scale=10)


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_ways_back_of_softmax_agree_for_many_columns(dtype: str) -> None:
    da, a = normal(dtype, 2, 7, 603), reference.softmax(normal(dtype, 7, 2, 603).swapaxes(0, 1), 1)
    close(cpu.softmax_backward(da, a, 1), reference.softmax_backward(da, a, 1).copy("C"), scale=4)
    want = reference.log_softmax_backward(da, np.log(a), 1).copy("C")
    close(cpu.log_softmax_backward(da, np.log(a), 1), want, scale=10)


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_stays_finite_at_ten_thousand(dtype: str) -> None:
    z = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4 - 1]], dtype)
    for name in ("softmax", "log_softmax"):
        result = getattr(cpu, name)(z, 1)
        assert np.isfinite(result).all()
        close(result, getattr(reference, name)(z, 1))
    close(cpu.logsumexp(z, (1,), False), reference.logsumexp(z, (1,), False))


@pytest.mark.parametrize("dtype", FLOATS)
def test_rows_of_infinities_and_nan_are_those_of_the_reference(dtype: str) -> None:
    inf = np.inf
    z = np.array([[-inf, -inf, -inf], [inf, 0, 0], [-inf, 0, 1], [np.nan, 0, 1], [inf, -inf, 0]], dtype)
    close(cpu.softmax(z, 1), reference.softmax(z, 1))
    close(cpu.log_softmax(z, 1), reference.log_softmax(z, 1))
    close(cpu.logsumexp(z, (1,), False), reference.logsumexp(z, (1,), False))


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    x = normal("float32", 3, 200_003)
    before = threads.get_num_threads()
    results = []
    try:
        for n in {1, before}:
            threads.set_num_threads(n)
            results.append([cpu.sum(x, (0, 1), False), cpu.sum(x, (0,), False), cpu.softmax(x, 1)])
    finally:
        threads.set_num_threads(before)
    for one, other in zip(results[0], results[-1], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n", [10, 33, pytest.param(1000, marks=pytest.mark.compiled)])
def test_softmax_does_not_depend_on_where_its_result_lies(n: int) -> None:
    memory = np.empty(8 * n, np.float32)
    z = memory[3 * n : 4 * n].reshape(1, n)
    z[:] = normal("float32", 1, n)
    dtype = memory.dtype
    rows = Kernel("softmax_rows", rows_piece(softmax_row(dtype)), (reads(dtype), INDEX, writes(dtype)))
    found = set()
    for start in (0, n, 2 * n - 1, *range(4 * n, 7 * n)):
        rows(n, z.ravel(), n, memory[start : start + n])
        found.add(memory[start : start + n].tobytes())
    assert len(found) == 1


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "sizes",
    [
        (1, 1),
        (3, 10),
        (5, SHORT + 1),
        (64, 33),
        (130, 1),
        (17, 48),
        (65, 10),
        pytest.param((300, 301), marks=pytest.mark.compiled),
    ],
)
def test_cross_entropy_and_its_derivative_agree(dtype: str, sizes: tuple[int, int]) -> None:
    z = normal(dtype, *sizes)
    y = np.random.default_rng(1).integers(0, sizes[1], sizes[0])
    slope = normal(dtype, sizes[0])
    for view in (z, z.copy("F"), z[::-1]):
        close(cpu.cross_entropy(view, y), reference.cross_entropy(view, y))
        want = np.ascontiguousarray(reference.cross_entropy_backward(slope, view, y))
        close(cpu.cross_entropy_backward(slope, view, y), want, scale=4)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("times", [1, 12])  # 12: many rows side by side
def test_cross_entropy_of_extreme_rows_is_that_of_the_reference(dtype: str, times: int) -> None:
    inf = np.inf
    z = np.array([[1e4, -1e4], [-1e4, 1e4], [inf, 0], [0, -inf], [-inf, -inf], [np.nan, 0]] * times, dtype)
    for label in (0, 1):
        y = np.full(len(z), label)
        close(cpu.cross_entropy(z, y), reference.cross_entropy(z, y))
        slope = np.ones(len(z), dtype)
        close(cpu.cross_entropy_backward(slope, z, y), reference.cross_entropy_backward(slope, z, y))


@pytest.mark.parametrize("kernels", [cpu, reference])
@pytest.mark.parametrize("scale", [1e2, 1e4, 1e15])
def test_the_derivative_of_cross_entropy_is_as_exact_for_large_logits(kernels: Any, scale: float) -> None:
    z = np.float32(scale) * normal("float32", 64, 10)
    z[:, 1] = z[:, 0] = z.max(1) * np.float32(1.5)  # two classes share the probability, a third one is right
    y, slope = np.full(64, 2), np.ones(64, np.float32)
    want = reference.cross_entropy_backward(slope.astype("float64"), z.astype("float64"), y)
    np.testing.assert_allclose(kernels.cross_entropy_backward(slope, z, y), want, rtol=2e-6, atol=1e-7)


def test_cross_entropy_of_no_rows_has_no_elements() -> None:
    z, y = np.empty((0, 3), np.float32), np.empty(0, np.int64)
    loss = cpu.cross_entropy(z, y)
    close(loss, np.empty(0, np.float32))
    close(cpu.cross_entropy_backward(loss, z, y), z)


@pytest.mark.parametrize("dtype", FLOATS)
def test_moments_agree_over_every_set_of_dims_and_layout(dtype: str) -> None:
    x = normal(dtype, 3, 4, 1, 5)
    for view in (x, x.T, x[::-1, ::2], np.broadcast_to(x[:1], x.shape)):
        for count in range(1, 5):
            for dims in itertools.combinations(range(4), count):
                for keepdim in (True, False):
                    got, want = cpu.moments(view, dims, keepdim), reference.moments(view, dims, keepdim)
                    for one, other in zip(got, want, strict=True):
                        close(one, other, scale=10)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(2, 3 * SHORT + 1), (3 * SHORT + 1, 2)])
def test_variance_does_not_suffer_from_a_large_mean(dtype: str, shape: tuple[int, int]) -> None:
    x = (normal("float64", *shape) + 1e4).astype(dtype)
    dim = int(np.argmax(shape))
    mean, variance = cpu.moments(x, (dim,), False)
    exact = x.astype(np.longdouble)
    np.testing.assert_allclose(mean, exact.mean(dim).astype(dtype), rtol=2e-7 if dtype == "float32" else 1e-14)
    np.testing.assert_allclose(variance, exact.var(dim).astype(dtype), rtol=2e-7 if dtype == "float32" else 1e-12)


def test_moments_of_extremes_and_of_nothing_are_those_of_the_reference() -> None:
    x = np.array([[np.nan, 1, 2], [3, np.inf, 2], [3, 3, 3]], np.float32)
    for dims in ((0,), (1,)):
        for got, want in zip(cpu.moments(x, dims, False), reference.moments(x, dims, False), strict=True):
            close(got, want)
    for got in cpu.moments(np.empty((0, 3), np.float32), (1,), False):
        close(got, np.empty(0, np.float32))


@pytest.mark.parametrize("count", [10, 100])
def test_classes_written_over_after_the_forward_pass_are_refused(count: int) -> None:
    z, y = mg.randn(64, count, requires_grad=True), mg.zeros(64, dtype=mg.int64)
    loss = mg.nn.functional.cross_entropy(z, y)
    y.numpy()[:] = count  # which no version counts
    with pytest.raises(IndexError, match=f"class {count} is out of range"):
        loss.backward()
    y.numpy()[:] = 0
    w = mg.ones(64, requires_grad=True)
    (dz,) = mg.grad((mg.nn.functional.cross_entropy(z, y, reduction="none") * w).sum(), z, create_graph=True)
    y.numpy()[:] = -1
    with pytest.raises(IndexError, match="out of range"):
        dz.square().sum().backward()
