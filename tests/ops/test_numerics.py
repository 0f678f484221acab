"""Where formulas taken literally would overflow, divide by zero, or lose NaN."""

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


def value_and_gradient(f: Any, values: Any, dtype: Any = mg.float32) -> tuple[Any, Any]:
    x = mg.tensor(values, dtype=dtype, requires_grad=True)
    y = f(x)
    weights = mg.arange(1, y.numel() + 1, dtype=dtype).reshape(y.shape)
    y.backward(weights)
    return y.tolist(), x.grad.tolist()


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_sigmoid_at_ten_thousand(dtype: Any) -> None:
    assert value_and_gradient(mg.sigmoid, [-1e4, 0.0, 1e4], dtype) == ([0, 0.5, 1], [0, 0.5, 0])


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_tanh_at_ten_thousand(dtype: Any) -> None:
    assert value_and_gradient(mg.tanh, [-1e4, 0.0, 1e4], dtype) == ([-1, 0, 1], [0, 2, 0])


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_softmax_at_ten_thousand(dtype: Any) -> None:
    assert value_and_gradient(lambda z: z.softmax(0), [-1e4, 1e4, 1e4], dtype) == ([0, 0.5, 0.5], [0, -0.25, 0.25])


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_log_softmax_at_ten_thousand(dtype: Any) -> None:
    assert value_and_gradient(lambda z: z.log_softmax(0), [-1e4, 1e4], dtype) == ([-2e4, 0], [1, -1])


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
@pytest.mark.parametrize("sign", [1, -1])
def test_logsumexp_at_ten_thousand(dtype: Any, sign: int) -> None:
    value, slope = value_and_gradient(lambda z: z.logsumexp(0), [sign * 1e4, sign * 1e4, -1e5], dtype)
    assert value == pytest.approx(sign * 1e4 + np.log(2), rel=1e-7)
    assert slope == pytest.approx([0.5, 0.5, 0], rel=1e-3)


def test_logsumexp_of_nothing_and_of_infinities() -> None:
    assert mg.zeros(2, 0).logsumexp(1).tolist() == [-INF, -INF]
    x = mg.tensor([[-INF, -INF], [INF, 0.0], [-INF, 1.0]])
    assert x.logsumexp(1).tolist() == [-INF, INF, 1]


def test_nan_comes_through() -> None:
    x = mg.tensor([NAN, 1.0])
    for f in (mg.relu, mg.sigmoid, mg.tanh, mg.exp, mg.sqrt, mg.neg, mg.abs):
        found = f(x).tolist()
        assert np.isnan(found[0])
        assert not np.isnan(found[1])
    for out in (x.sum(), x.mean(), x.max(), x.min(), x.max(0).values, x.logsumexp(0)):
        assert np.isnan(out.item())
    assert x.argmax().item() == x.argmin().item() == 0
    assert np.isnan(x.softmax(0).array).all()


def test_division_by_zero_and_logarithms_of_nothing_warn_of_nothing() -> None:
    x = mg.tensor([1.0, -1.0, 0.0])
    np.testing.assert_array_equal((x / 0).array, [INF, -INF, NAN])
    np.testing.assert_array_equal(x.log().array, [0, NAN, -INF])
    np.testing.assert_array_equal((x * 3e38 * 10).array, [INF, -INF, 0])


def test_relu_and_abs_have_slope_zero_at_their_kink() -> None:
    assert value_and_gradient(mg.relu, [0.0, -0.0]) == ([0, 0], [0, 0])
    assert value_and_gradient(mg.abs, [0.0]) == ([0], [0])


def test_powers_at_zero() -> None:
    assert value_and_gradient(lambda x: x**0, [0.0]) == ([1], [0])
    assert value_and_gradient(lambda x: x**1, [0.0]) == ([0], [1])
    assert value_and_gradient(lambda x: x**2, [0.0]) == ([0], [0])
    assert value_and_gradient(lambda x: x ** mg.tensor([0.0, 1.0, 2.0]), [0.0, 0.0, 0.0]) == ([1, 0, 0], [0, 2, 0])
    assert value_and_gradient(lambda n: mg.zeros(2) ** n, [0.0, 2.0]) == ([1, 0], [0, 0])


def test_equal_extremes_share_the_gradient_or_the_first_takes_it() -> None:
    assert value_and_gradient(mg.max, [1.0, 3.0, 3.0]) == (3, [0, 0.5, 0.5])
    assert value_and_gradient(mg.min, [1.0, 1.0, 3.0]) == (1, [0.5, 0.5, 0])
    assert value_and_gradient(lambda x: x.max(0).values, [1.0, 3.0, 3.0]) == (3, [0, 1, 0])
    assert mg.tensor([3.0, 3.0]).argmax().item() == 0


def test_sums_of_nothing() -> None:
    x = mg.zeros(0, 3)
    assert (x.sum().item(), x.sum(0).tolist(), x.sum(1).shape) == (0, [0, 0, 0], (0,))
    assert x.softmax(0).shape == (0, 3)


def test_the_second_derivative_of_a_power_is_the_same_in_both_orders_at_exponent_0() -> None:
    x = mg.tensor(2.0, dtype=mg.float64, requires_grad=True)
    y = mg.tensor(0.0, dtype=mg.float64, requires_grad=True)
    (dx,) = mg.grad(x**y, x, create_graph=True)
    (dy,) = mg.grad(x**y, y, create_graph=True)
    assert mg.grad(dx, y)[0].item() == pytest.approx(0.5, abs=1e-15)
    assert mg.grad(dy, x)[0].item() == pytest.approx(0.5, abs=1e-15)


@pytest.mark.parametrize("kernels", ["numba", "reference"])
def test_nan_goes_through_relu_and_its_derivative(kernels: str) -> None:
    z = mg.tensor([float("nan"), -1.0, 1.0], requires_grad=True)
    with mg.use_kernels(kernels):
        a = z.relu()
        a.backward(mg.ones(3))
    assert str(a.tolist()) == "[nan, 0.0, 1.0]"
    assert z.grad.tolist() == [1.0, 0.0, 1.0]


def test_the_mean_of_nothing_is_nan_without_a_warning() -> None:
    with mg.use_kernels("reference"):
        assert np.isnan(mg.zeros(0).mean().item())


def test_a_huge_exponent_is_infinite_without_a_warning() -> None:
    assert (mg.tensor([2.0, 0.5]) ** 1e300).tolist() == [float("inf"), 0.0]
