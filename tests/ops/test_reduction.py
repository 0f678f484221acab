"""Reductions where formulas taken literally go wrong: zeros, ties, NaN, no elements, and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg

INF, NAN = float("inf"), float("nan")


@pytest.fixture(params=["reference", "numba"], autouse=True)
def _target(request: pytest.FixtureRequest) -> Any:
    with mg.use_kernels(request.param):
        yield


def gradient(f: Any, values: Any) -> Any:
    x = mg.tensor(values, dtype=mg.float64, requires_grad=True)
    f(x).sum().backward()
    return x.grad.tolist()


# -- products -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2, 3, 4], [12, 8, 6]),
        ([2, 0, 4], [0, 8, 0]),
        ([2, 0, 0], [0, 0, 0]),
        ([0], [1]),
        ([], []),
    ],
)
def test_derivative_of_a_product_is_the_product_of_the_others(values: Any, expected: Any) -> None:
    assert gradient(mg.prod, values) == expected


def test_product_of_zeros_has_the_right_derivatives_of_every_order() -> None:
    x = mg.tensor([0.0, 0.0, 5.0], requires_grad=True)
    (first,) = mg.grad(x.prod(), x, create_graph=True)
    (second,) = mg.grad(first[0], x, create_graph=True)
    (third,) = mg.grad(second[1], x)
    assert (first.tolist(), second.tolist(), third.tolist()) == ([0, 0, 0], [0, 5, 0], [0, 0, 1])


def test_running_product_of_zeros_has_the_right_derivatives_of_every_order() -> None:
    x = mg.tensor([0.0, 0.0, 5.0], requires_grad=True)
    (first,) = mg.grad(x.cumprod(0)[2], x, create_graph=True)
    (second,) = mg.grad(first[0], x, create_graph=True)
    (third,) = mg.grad(second[1], x)
    assert (first.tolist(), second.tolist(), third.tolist()) == ([0, 0, 0], [0, 5, 0], [0, 0, 1])
    assert gradient(lambda x: x.cumprod(0), [0, 0, 2]) == [1, 0, 0]


# -- spread and size ------------------------------------------------------------------------------------------


def test_standard_deviation_of_equal_elements_is_flat() -> None:
    assert gradient(mg.std, [3, 3, 3]) == [0, 0, 0]


def test_variance_without_a_degree_of_freedom_is_nan_or_infinite() -> None:
    assert np.isnan(mg.tensor([1.0]).var().item())
    assert np.isnan(mg.zeros(0).var().item())
    assert np.isnan(mg.zeros(0).var(correction=0).item())
    assert mg.tensor([1.0, 2.0]).var(correction=2).item() == INF
    assert mg.tensor([1.0, 2.0]).std(correction=3).item() == INF
    assert np.isnan(gradient(mg.var, [1])).all()
    assert mg.tensor(2.0).var(correction=0).item() == 0


@pytest.mark.parametrize("p", [0, 0.5, 1, 1.5, 2, 3, INF, -INF, -1])
def test_norm_at_zero_is_flat(p: float) -> None:
    assert gradient(lambda x: x.norm(p), [0, 0]) == [0, 0]
    assert np.isfinite(gradient(lambda x: x.norm(p, dim=1), [[0, 0], [0, 3]])).all()


def test_second_derivative_of_a_norm_at_zero_is_finite() -> None:
    x = mg.zeros(2, requires_grad=True)
    for p in (1, 2, 3):
        (slope,) = mg.grad(x.norm(p), x, create_graph=True)
        assert mg.grad(slope.sum(), x)[0].tolist() == [0, 0]


def test_norms_of_some_orders() -> None:
    x = mg.tensor([3.0, 0.0, -4.0])
    found = [x.norm(p).item() for p in (0, 1, 2, INF, -INF, -1)]
    assert found == [2, 7, 5, 4, 0, 0]
    assert x.norm().item() == x.norm("fro").item() == x.norm(None).item() == 5
    assert gradient(lambda x: x.norm(INF), [-2, 2, 1]) == [-0.5, 0.5, 0]
    assert mg.zeros(0).norm().item() == mg.zeros(0).norm(0).item() == mg.zeros(0).norm(1).item() == 0


# -- ties, NaN, no elements -----------------------------------------------------------------------------------


def test_equal_extremes_share_the_gradient_of_amax_and_amin() -> None:
    assert gradient(mg.amax, [1, 3, 3]) == [0, 0.5, 0.5]
    assert gradient(lambda x: x.amin(1), [[1, 1, 3], [2, 2, 2]]) == [[0.5, 0.5, 0], [1 / 3] * 3]


def test_equal_medians_share_the_gradient_or_the_first_takes_it() -> None:
    assert gradient(mg.median, [2, 2, 1, 3]) == [0.5, 0.5, 0, 0]
    assert gradient(lambda x: x.median(0).values, [2, 2, 1, 3]) == [1, 0, 0, 0]


def test_nan_wins_in_extremes_and_medians() -> None:
    x = mg.tensor([3.0, NAN, 1.0, NAN])
    for out in (x.amax(), x.amin(), x.median(), x.median(0).values, x.norm(INF), x.prod(), x.var()):
        assert np.isnan(out.item())
    assert x.median(0).indices.item() == 1
    assert (x.any().item(), x.all().item(), x.count_nonzero().item()) == (True, True, 4)


def test_reductions_of_nothing() -> None:
    x = mg.zeros(0, 3)
    assert (x.prod().item(), x.any().item(), x.all().item(), x.count_nonzero().item()) == (1, False, True, 0)
    assert (x.amax(1).shape, x.median(1).values.shape, x.argmin(1).shape) == ((0,), (0,), (0,))
    assert (x.cumsum(0).shape, x.cumprod(1).shape) == ((0, 3), (0, 3))
    assert x.prod(0).tolist() == [1, 1, 1]
    assert gradient(lambda x: x.prod(0), np.zeros((0, 3))) == []


def test_dims_may_be_negative_and_a_scalar_has_one() -> None:
    s = mg.tensor(2.0)
    for f in (mg.sum, mg.prod, mg.amax, mg.norm, mg.cumsum, mg.cumprod):
        assert f(s, dim=-1).item() == f(s, dim=0).item() == 2
    assert [part.item() for part in s.median(-1)] == [2, 0]
    assert (s.any(0).item(), s.all(-1).item(), s.count_nonzero(0).item()) == (True, True, 1)


# -- dtypes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [mg.int8, mg.uint8, mg.int32, mg.int64, mg.bool_])
def test_integers_and_bools_accumulate_as_int64(dtype: Any) -> None:
    x = mg.tensor([1, 1, 0], dtype=dtype)
    for out in (x.sum(), x.prod(), x.cumsum(0), x.cumprod(0), x.sum(0), x.prod(0)):
        assert out.dtype == mg.int64
    assert (x.sum().item(), x.prod().item(), x.cumsum(0).tolist()) == (2, 0, [1, 2, 2])


def test_truth_is_bool_and_uint8_for_uint8() -> None:
    assert mg.tensor([1.0]).any().dtype == mg.tensor([1]).all(0).dtype == mg.bool_
    assert mg.tensor([1], dtype=mg.uint8).any().dtype == mg.tensor([1], dtype=mg.uint8).all(0).dtype == mg.uint8


def test_dtype_is_that_of_the_result_and_the_elements_are_converted_first() -> None:
    x = mg.tensor([200, 100], dtype=mg.uint8)
    found = [x.sum(dtype=mg.uint8), x.prod(dtype=mg.uint8), x.cumsum(0, dtype=mg.uint8), x.sum(dtype=mg.bool_)]
    assert [out.tolist() for out in found] == [44, 32, [200, 44], True]
    assert [out.dtype for out in found] == [mg.uint8, mg.uint8, mg.uint8, mg.bool_]
    assert mg.tensor([1.9, 1.9]).sum(dtype=mg.int64).item() == 2
    mean = x.mean(dtype=mg.float64)
    assert (mean.item(), mean.dtype) == (150, mg.float64)
    assert x.norm(1, dtype=mg.float32).item() == 300


def test_sorted_values_are_the_same_for_integers_and_bools() -> None:
    assert mg.tensor([3, 1, 2]).sort().values.tolist() == [1, 2, 3]
    assert mg.tensor([True, False, True]).sort(descending=True).indices.tolist() == [0, 2, 1]
    assert mg.tensor([5, 1, 3]).median().item() == 3
    assert mg.tensor([True, False]).max(0).values.item() is True
