"""Elements moved, against the reference."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from minigrad.kernels import Array, cpu, reference
from minigrad.kernels.cpu import move

DTYPES = ["float32", "float64", "int64", "int32", "uint8", "bool"]


def array(dtype: str, *shape: int) -> Array:
    return np.random.default_rng(0).normal(0, 9, shape).astype(dtype)


def same(got: Array, want: Array) -> None:
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    np.testing.assert_array_equal(got, want)


def permutations(dtype: str) -> Iterator[Array]:
    for shape in ((3, 1, 5, 2), (17, 2, 16, 3), (1, 40, 33, 1)):
        for order in itertools.permutations(range(4)):
            yield array(dtype, *shape).transpose(order)


@pytest.mark.parametrize("dtype", DTYPES)
def test_copies_of_permuted_arrays_are_contiguous_and_equal(dtype: str) -> None:
    for x in permutations(dtype):
        y = cpu.copy(x)
        assert y.flags.c_contiguous
        assert y.base is None
        same(y, x)


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_a_permuted_array_is_reshaped_to_a_view_where_numpy_gives_one(dtype: str) -> None:
    for x in permutations(dtype):
        a, b, c, d = x.shape
        for shape in [(-1,), (a * b, c * d), (a, b * c, d), (a, b, c * d), (a * b * c, d), (a, 1, b, c, d)]:
            full = tuple(x.size // abs(np.prod(shape)) if n == -1 else n for n in shape)
            y, want = cpu.reshape(x, full), x.reshape(full)
            same(y, want)
            assert np.shares_memory(x, y) == np.shares_memory(x, want)


def test_two_exchanged_groups_of_dims_are_a_transposition() -> None:
    x = array("float32", 2, 3, 4, 5)
    assert move.turn(x.transpose(0, 2, 3, 1)) == ((0, 3, 1, 2), 2, 20, 3)
    assert move.turn(x.transpose(2, 3, 0, 1)) == ((2, 3, 0, 1), 1, 20, 6)
    for other in (x, x.transpose(0, 2, 1, 3), x[:, ::2], x[::-1], x.T, np.broadcast_to(x[:1], x.shape)):
        assert move.turn(other) is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_flips_and_rolls_agree_with_the_reference(dtype: str) -> None:
    for x in (array(dtype, 3, 4, 37), array(dtype, 37, 4, 3).T, array(dtype, 2, 0, 3), array(dtype, 5)):
        for dims in [(d,) for d in range(x.ndim)] + [tuple(range(x.ndim))]:
            same(cpu.flip(x, dims), reference.flip(x, dims))
            for shift in (0, 1, -2, 50):
                same(cpu.roll(x, (shift,) * len(dims), dims), reference.roll(x, (shift,) * len(dims), dims))


@pytest.mark.parametrize("dtype", DTYPES)
def test_triangles_agree_with_the_reference(dtype: str) -> None:
    for shape in ((5, 5), (2, 3, 40), (40, 3), (0, 3)):
        for x in (array(dtype, *shape), array(dtype, *shape).swapaxes(-1, -2)):
            for k in (-50, -2, -1, 0, 1, 2, 50):
                same(cpu.tril(x, k), reference.tril(x, k))
                same(cpu.triu(x, k), reference.triu(x, k))
