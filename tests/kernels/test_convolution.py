"""Convolution kernels against the reference: any windows, strides, groups and sizes; bands, blocks and threads."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.kernels import cpu, reference
from minigrad.kernels.cpu import layout, threads
from minigrad.kernels.windows import Windows

Case = tuple[Windows, tuple[int, ...], int, int, int, int]  # windows, sizes, images, channels of x and z, groups


@st.composite
def cases(draw: Any) -> Case:
    dims, groups = draw(st.integers(1, 2)), draw(st.integers(1, 3))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(dims))

    size, stride, dilation, padding, room = each(1, 4), each(1, 3), each(1, 2), each(0, 3), each(0, 30)
    reach = [d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True)]
    sizes = tuple(max(1, r - 2 * p) + more for r, p, more in zip(reach, padding, room, strict=True))
    counts = tuple((n + 2 * p - r) // s + 1 for n, p, r, s in zip(sizes, padding, reach, stride, strict=True))
    images, x_channels, z_channels = draw(st.integers(1, 5)), draw(st.integers(1, 20)), draw(st.integers(1, 20))
    at = Windows(size, stride, padding, dilation, counts)
    return at, sizes, images, x_channels * groups, z_channels * groups, groups


def check(case: Case, dtype: str) -> None:
    """The three products are those of the reference."""
    at, sizes, N, C, M, groups = case
    rng = np.random.default_rng(0)
    x, z, W, b, b_x = (
        rng.normal(0, 1, shape).astype(dtype)
        for shape in ((N, C, *sizes), (N, M, *at.counts), (M, C // groups, *at.size), (M,), (C,))
    )
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("conv", (x, W, b, at, groups)),
        ("conv", (x, W, None, at, groups)),
        ("conv_transpose", (z, W, b_x, sizes, at, groups)),
        ("conv_transpose", (z, W, None, sizes, at, groups)),
        ("conv_weight", (z, x, at, groups)),
    ]
    for name, arguments in calls:
        found, expected = getattr(cpu, name)(*arguments), getattr(reference, name)(*arguments)
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        tolerance = 64 * np.finfo(dtype).eps * max(1, np.abs(expected).max())
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance, err_msg=f"{name} {case}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(1,), (9,), (5, 7)])
@pytest.mark.parametrize("groups", [1, 2])
def test_windows_of_one_element_are_matrix_products(groups: int, sizes: tuple[int, ...], dtype: str) -> None:
    ones, none = (1,) * len(sizes), (0,) * len(sizes)
    check((Windows(ones, ones, none, ones, sizes), sizes, 3, 4, 6, groups), dtype)
    check((Windows(ones, ones, ones, ones, tuple(n + 2 for n in sizes)), sizes, 3, 4, 6, groups), dtype)  # padded


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(case=cases())
@settings(deadline=None, max_examples=60)
def test_any_convolution_is_that_of_the_reference(dtype: str, case: Case) -> None:
    check(case, dtype)


SMALL: Case = (Windows((3, 2), (2, 1), (1, 2), (1, 2), (3, 5)), (6, 4), 2, 4, 6, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_small_convolution_is_that_of_the_reference(dtype: str) -> None:
    check(SMALL, dtype)


def test_elements_that_no_window_has_have_no_gradient() -> None:
    at = Windows((1, 1), (3, 2), (0, 0), (1, 1), (2, 2))
    dx = cpu.conv_transpose(np.ones((1, 1, 2, 2)), np.full((1, 1, 1, 1), 5.0), None, (5, 4), at, 1)
    expected = np.zeros((5, 4))
    expected[::3, ::2] = 5
    np.testing.assert_array_equal(dx[0, 0], expected)


@pytest.mark.compiled
def test_images_in_bands_and_channels_in_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for plan in (layout.conv_plan, layout.transpose_plan, layout.weight_plan):
        plan.cache_clear()
    monkeypatch.setattr(layout, "BAND", 300)
    monkeypatch.setattr(layout, "BLOCK", 100)
    case: Case = (Windows((3, 3), (1, 2), (1, 1), (1, 1), (17, 9)), (17, 17), 3, 8, 10, 2)
    check(case, "float64")
    at, sizes, N, C, M, groups = case
    plan = layout.weight_plan(sizes, N, C // groups, M // groups, at, groups)
    assert plan.layout[6] < sizes[0] and plan.shape[2] < C // groups  # a band, and a block
    for cached in (layout.conv_plan, layout.transpose_plan, layout.weight_plan):
        cached.cache_clear()


@pytest.mark.compiled
def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_grain", 0)
    rng = np.random.default_rng(0)
    at = Windows((3, 3), (1, 1), (1, 1), (1, 1), (9, 9))
    x, z, W = (rng.normal(0, 1, s).astype("float32") for s in ((5, 3, 9, 9), (5, 7, 9, 9), (7, 3, 3, 3)))
    results = []
    for n in (1, 2):
        if n > threads.numba.config.NUMBA_NUM_THREADS:
            pytest.skip("one processor")
        monkeypatch.setattr(threads, "_threads", n)
        dx, dW = cpu.conv_transpose(z, W, None, (9, 9), at, 1), cpu.conv_weight(z, x, at, 1)
        results.append([cpu.conv(x, W, None, at, 1), dx, dW])
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_what_has_no_kernel_is_left_to_the_reference() -> None:
    at = Windows((2,) * 3, (1,) * 3, (0,) * 3, (1,) * 3, (1, 1, 1))
    volume, W = np.arange(8.0).reshape(1, 1, 2, 2, 2), np.ones((1, 1, 2, 2, 2))
    assert cpu.conv(volume, W, None, at, 1).item() == 28
    whole = np.arange(4).reshape(1, 1, 4)
    line = Windows((2,), (1,), (0,), (1,), (3,))
    assert cpu.conv(whole, np.ones((1, 1, 2), np.int64), None, line, 1).tolist() == [[[1, 3, 5]]]
    empty = cpu.conv_weight(np.ones((0, 2, 3)), np.ones((0, 1, 4)), line, 1)
    assert empty.tolist() == np.zeros((2, 1, 2)).tolist()


def test_windows_as_columns_and_back() -> None:
    x = np.arange(12.0).reshape(1, 1, 3, 4)
    at = Windows((2, 3), (1, 1), (1, 0), (1, 1), (4, 2))
    y = reference.im2col(x, at)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0)))
    for k, i in itertools.product(np.ndindex(2, 3), np.ndindex(4, 2)):
        assert y[(0, 0, *k, *i)] == padded[0, 0, i[0] + k[0], i[1] + k[1]]
    times = reference.col2im(reference.im2col(np.ones_like(x), at), (3, 4), at)
    np.testing.assert_array_equal(reference.col2im(y, (3, 4), at), x * times)
