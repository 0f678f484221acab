"""Indexing by arrays of integers, and the way back, against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minigrad.kernels import Along, cpu, reference
from minigrad.kernels.cpu import gather, threads

ALL = slice(None)
KEYS: dict[str, tuple[Any, ...]] = {
    "rows": (np.array([0, -1, 0]),),
    "matrix of rows": (ALL, np.array([[0, 1], [1, -5]])),
    "last dim": (ALL, ALL, np.array([5, -6])),
    "pairs": (np.array([0, 1]), np.array([[1], [-2]])),
    "all dims": (np.array([3, 3]), np.array([4, 4]), np.array([0, 0])),
    "nothing": (np.array([], np.int64),),
    "small integers": (np.array([1, 1], np.int8),),
    "whole dims behind": (ALL, np.array([0, 0]), ALL),
}
ALONG: dict[str, tuple[Any, ...]] = {
    f"{m} along {dim}{' without' * (not keepdim)}": Along(
        np.random.default_rng(m).integers(0, 4, (4, 5, 6)[:dim] + (m,) * keepdim + (4, 5, 6)[dim + 1 :]),
        dim,
        keepdim,
    )
    for dim in range(3)
    for m, keepdim in ((1, True), (7, True), (1, False))
}
FEWER: dict[str, tuple[Any, ...]] = {
    "fewer": Along(np.array([[[3, 3, 0]]]), 0),
    "short": Along(np.ones((4, 5, 6), np.int32), 1),
}
OTHERS: dict[str, tuple[Any, ...]] = {
    "apart": (np.array([0, 1]), ALL, np.array([1, 2])),
    "beside an int": (np.array([1, 1]), 2),
    "beside part of a dim": (slice(1, 3), np.array([0, 0])),
    "mask": (np.array([True, False, True, True]),),
    "new dim": (None, np.array([0, 0])),
    "ellipsis": (..., np.array([0, 0])),
    "basic": (slice(None, None, -1), 1),
    "whole": (ALL,),
    "empty": (),
}


EVERY = KEYS | ALONG | FEWER | OTHERS


def array(dtype: str, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 2, shape).astype(dtype)


def same(got: np.ndarray, want: np.ndarray) -> None:
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    np.testing.assert_allclose(got, want, rtol=4 * np.finfo(want.dtype).eps, atol=4 * np.finfo(want.dtype).eps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("key", EVERY.values(), ids=list(EVERY))
def test_every_key_takes_and_adds_what_the_reference_does(key: tuple[Any, ...], dtype: str) -> None:
    x = array(dtype, 4, 5, 6)
    for view in (x, array(dtype, 6, 5, 4).T, x[:, ::-1]):
        y = cpu.index(view, key)
        np.testing.assert_array_equal(y, view[key])
        assert y.shape == view[key].shape
        dy = array(dtype, *y.shape)
        for slope in (dy, np.broadcast_to(dy.ravel()[:1].sum(), y.shape), dy.T.copy().T):
            same(cpu.index_backward(slope, x.shape, key), reference.index_backward(slope, x.shape, key))
            same(cpu.put_add(view, key, slope), reference.put_add(view, key, slope))
    np.testing.assert_array_equal(x, array(dtype, 4, 5, 6))


@pytest.mark.parametrize("key", KEYS.values(), ids=list(KEYS))
def test_these_keys_are_rows(key: tuple[Any, ...]) -> None:
    assert gather.rows_of(key, (4, 5, 6)) is not None


@pytest.mark.parametrize("key", ALONG.values(), ids=list(ALONG))
def test_these_keys_have_an_index_for_each_element(key: tuple[Any, ...]) -> None:
    assert gather.sizes_along(key, (4, 5, 6)) is not None


@pytest.mark.parametrize("key", [*FEWER.values(), *KEYS.values()], ids=[*FEWER, *KEYS])
def test_those_keys_have_not(key: tuple[Any, ...]) -> None:
    assert gather.sizes_along(key, (4, 5, 6)) is None


@pytest.mark.parametrize("key", OTHERS.values(), ids=list(OTHERS))
def test_those_keys_are_left_to_the_reference(key: tuple[Any, ...]) -> None:
    assert gather.rows_of(key, (4, 5, 6)) is None


@pytest.mark.parametrize("key", [(np.array([0, 4]),), (np.array([-5]),), (np.array([0]),) * 4])
def test_what_is_not_there_is_refused_as_by_the_reference(key: tuple[Any, ...]) -> None:
    with pytest.raises(IndexError, match=r"out of bounds|too many indices"):
        cpu.index(np.zeros((4, 5, 6)), key)


def test_integers_are_left_to_the_reference() -> None:
    x, key = np.arange(6).reshape(3, 2), (np.array([2, 2]),)
    np.testing.assert_array_equal(cpu.index(x, key), x[[2, 2]])
    np.testing.assert_array_equal(cpu.index_backward(x[:2], (3, 2), key), [[0, 0], [0, 0], [2, 4]])
    np.testing.assert_array_equal(cpu.put_add(x, key, x[:2]), [[0, 1], [2, 3], [6, 9]])


@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("key", ["rows", "along"])
def test_sums_do_not_depend_on_the_number_of_threads(key: str, dim: int) -> None:
    dy, places = array("float32", 800, 800), np.random.default_rng(1).integers(0, 40, (800, 800))
    at = Along(places, dim) if key == "along" else (*[ALL] * dim, places[0])
    shape = tuple(40 if d == dim else 800 for d in range(2))
    before = threads.get_num_threads()
    results = []
    try:
        for n in {1, before}:
            threads.set_num_threads(n)
            results.append((cpu.index_backward(dy, shape, at), cpu.index(dy, at)))
    finally:
        threads.set_num_threads(before)
    for one, several in zip(results[0], results[-1], strict=True):
        np.testing.assert_array_equal(one, several)
    exact = reference.index_backward(dy.astype(np.float64), shape, at)
    np.testing.assert_allclose(results[0][0], exact, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(results[0][1], dy[at])
