"""The k largest and smallest, against a full sort; the order of NaN and of equals."""

from __future__ import annotations

import numpy as np
import pytest

from minigrad.kernels import cpu, reference
from minigrad.kernels.cpu.order import FEW

NAN = np.nan


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("k", [0, 1, 2, 7, FEW, FEW + 1, 100])
def test_topk_is_the_beginning_of_the_stable_order(k: int, dtype: str) -> None:
    x = np.random.default_rng(0).integers(-20, 20, (3, 100, 4)).astype(dtype)  # with many equals
    x[0, 10:13, 1] = NAN
    for view in (x, x[::-1, ::-1], x.transpose(1, 0, 2).copy().transpose(1, 0, 2)):
        for largest in (True, False):
            for in_order in (True, False):
                got = cpu.topk(view, 1, k, largest, in_order)
                assert (got.dtype, got.flags.c_contiguous) == (np.int64, True)
                np.testing.assert_array_equal(got, reference.topk(view, 1, k, largest, in_order))


@pytest.mark.parametrize("target", [cpu, reference])
def test_nan_is_the_largest_and_equals_keep_their_order(target: object) -> None:
    x = np.array([3, NAN, 1, NAN, 3], np.float32)
    assert target.argsort(x, 0, False).tolist() == [2, 0, 4, 1, 3]
    assert target.argsort(x, 0, True).tolist() == [1, 3, 0, 4, 2]
    assert target.topk(x, 0, 3, True, True).tolist() == [1, 3, 0]
    assert target.topk(x, 0, 4, False, True).tolist() == [2, 0, 4, 1]
    assert target.topk(x, 0, 3, True, False).tolist() == [0, 1, 3]
    zeros = np.array([0.0, -0.0, 0.0], np.float32)
    assert target.argsort(zeros, 0, True).tolist() == target.topk(zeros, 0, 3, False, True).tolist() == [0, 1, 2]


def test_integers_are_left_to_the_reference() -> None:
    assert cpu.topk(np.array([5, 7, 7]), 0, 2, True, True).tolist() == [1, 2]


def test_the_median_is_the_lower_one_and_the_first_and_nan_if_there_is_one() -> None:
    x = np.array([[4, 1, 3, 2], [2, 2, 1, 3], [5, NAN, 1, NAN]])
    assert reference.argmedian(x, 1, False).tolist() == [3, 0, 1]
    assert reference.argmedian(x, 1, True).shape == (3, 1)
    assert reference.argmedian(x[:2].astype(np.int64), 0, False).tolist() == [1, 0, 1, 0]
