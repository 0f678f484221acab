"""Kernels start, find their elements, and say so when they leave their memory."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import kernels
from minigrad.kernels import reference

cuda = kernels.load("cuda")

SHAPES = [(), (1,), (3,), (31,), (33,), (7, 10), (2, 3, 5), (0, 4)]


def rand(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_goes_to_the_device_comes_back(shape: tuple[int, ...]) -> None:
    x = rand(*shape)
    assert np.array_equal(cuda.to_device(x, 0).host(), x)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_flat_kernel_reaches_every_element(shape: tuple[int, ...]) -> None:
    x, y = rand(*shape), rand(*shape) + 1
    assert np.array_equal(cuda.add(cuda.to_device(x, 0), cuda.to_device(y, 0)).host(), x + y)


@pytest.mark.parametrize(
    ("left", "right"),
    [((7, 10), (10,)), ((7, 10), (7, 1)), ((2, 3, 5), (3, 1)), ((4, 1, 3), (1, 5, 1)), ((6,), ())],
)
def test_operands_broadcast(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    x, y = rand(*left), rand(*right)
    found = cuda.mul(cuda.to_device(x, 0), cuda.to_device(y, 0))
    assert np.array_equal(found.host(), x * y)


def test_a_number_is_an_argument_of_the_kernel() -> None:
    x = rand(9)
    found = cuda.sub(cuda.to_device(x, 0), np.asarray(2.5, np.float32))
    assert np.array_equal(found.host(), x - np.float32(2.5))


def test_strided_views_are_read_where_they_are() -> None:
    x = rand(6, 8)
    view = cuda.to_device(x, 0)[1::2, ::-3]
    assert np.array_equal(view.host(), x[1::2, ::-3])
    assert np.array_equal(cuda.gelu(view).host(), cuda.gelu(cuda.to_device(x[1::2, ::-3].copy(), 0)).host())


def test_a_rule_takes_its_parameters() -> None:
    z = rand(13)
    found = cuda.elu(cuda.to_device(z, 0), 1.5, 0.5, 2.0).host()
    np.testing.assert_allclose(found, reference.elu(z, 1.5, 0.5, 2.0), rtol=1e-6)


def test_memory_outside_a_block_is_out_of_bounds() -> None:
    from minigrad.kernels.cuda.device import driver

    x = cuda.to_device(rand(4), 0)
    pointer = driver().pointer(x.address, x.dtype)
    with pytest.raises(IndexError, match="outside the memory"):
        pointer[-(10**9)]


@pytest.mark.parametrize("index", ["uint32", "int64"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 4), (3, 3), (7, 1, 5), (2, 3, 4)])
def test_places_are_found_in_either_width(
    shape: tuple[int, ...], index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minigrad.kernels.cuda import elementwise

    monkeypatch.setattr(elementwise, "index_type", lambda size: np.dtype(index))
    x, y = rand(*shape), rand(*shape[:0:-1])
    there = cuda.to_device(y, 0).transpose(range(y.ndim)[::-1])
    with mg.cuda.fuse(False):
        found = cuda.mul(cuda.to_device(x, 0), there)
    assert np.array_equal(found.host(), x * y.T)
