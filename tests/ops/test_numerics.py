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


def test_logaddexp_gives_its_gradient_to_an_infinity_and_no_nan_to_any_derivative() -> None:
    x, y = ([a for a in (-INF, -1.0, INF) for _ in range(3)], [-INF, 1.0, INF] * 3)
    of = [mg.tensor(values, requires_grad=True) for values in (x, y)]
    out = mg.logaddexp(*of)
    assert out.tolist() == pytest.approx([-INF, 1, INF, -1, 1 + np.log1p(np.exp(-2)), INF, INF, INF, INF])
    dx, dy = mg.grad(out.sum(), of, create_graph=True)
    tail = 1 / (1 + np.exp(2))
    assert dx.tolist() == pytest.approx([NAN, 0, 0, 1, tail, 0, 1, 1, NAN], nan_ok=True)  # NaN: as PyTorch has it
    assert dy.tolist() == pytest.approx([NAN, 1, 1, 0, 1 - tail, 1, 0, 0, NAN], nan_ok=True)
    curve = tail * (1 - tail)
    for of_dx in mg.grad(dx.sum(), of, retain_graph=True):
        assert np.abs(of_dx.array) == pytest.approx([NAN, 0, 0, 0, curve, 0, 0, 0, NAN], nan_ok=True)


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


# -- choices, steps, remainders -------------------------------------------------------------------------------


def gradients(f: Any, *values: Any) -> list[Any]:
    """The gradient of the sum for each operand."""
    operands = [mg.tensor(v, requires_grad=True) for v in values]
    f(*operands).sum().backward()
    return [x.grad.tolist() for x in operands]


def test_maximum_and_minimum_share_the_gradient_of_equals_and_give_it_to_both_beside_nan() -> None:
    x, y = [1.0, 2.0, 3.0, NAN, 1.0], [1.0, 3.0, 2.0, 1.0, NAN]
    assert gradients(mg.maximum, x, y) == [[0.5, 0, 1, 1, 1], [0.5, 1, 0, 1, 1]]
    assert gradients(mg.minimum, x, y) == [[0.5, 1, 0, 1, 1], [0.5, 0, 1, 1, 1]]
    for f in (mg.maximum, mg.minimum):
        assert np.isnan(f(mg.tensor(x), mg.tensor(y)).array[3:]).all()


def test_clamp_passes_the_gradient_at_its_bounds_and_gives_it_to_the_bound_beyond() -> None:
    x, low, high = [0.0, 1.0, 1.5, 2.0, 3.0, NAN], [1.0] * 6, [2.0] * 6
    assert gradients(mg.clamp, x, low, high) == [[0, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0]]
    assert gradients(lambda x: x.clamp(1, 2), x) == [[0, 1, 1, 1, 0, 0]]
    assert gradients(mg.clamp, x, high, low) == [[0] * 6, [0] * 6, [1] * 6]  # then the result is high everywhere


def test_clamp_with_bounds_in_the_wrong_order_is_the_upper_one_and_nan_stays() -> None:
    x = mg.tensor([0.0, 1.5, 3.0, NAN])
    assert str(x.clamp(2, 1).tolist()) == "[1.0, 1.0, 1.0, nan]"
    assert str(x.clamp(max=1).tolist()) == "[0.0, 1.0, 1.0, nan]"
    assert str(x.clamp(1, NAN).tolist()) == "[nan, nan, nan, nan]"


def test_where_keeps_what_was_not_chosen_out_of_value_and_gradient() -> None:
    x, inf = mg.tensor([NAN, 1.0], requires_grad=True), mg.tensor([1.0, INF], requires_grad=True)
    out = mg.where(mg.tensor([False, True]), x, inf)
    out.backward(mg.tensor([2.0, 3.0]))
    assert (out.tolist(), x.grad.tolist(), inf.grad.tolist()) == ([1, 1], [0, 3], [2, 0])


def test_round_takes_halves_to_the_even_neighbour() -> None:
    assert mg.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]).round().tolist() == [-2, -2, 0, 0, 2, 2]
    assert mg.tensor([0.125, 0.375]).round(decimals=2).tolist() == pytest.approx([0.12, 0.38])


@pytest.mark.parametrize("decimals", [-38, -1, 1, 38])
def test_rounding_to_decimals_keeps_what_it_cannot_scale(decimals: int) -> None:
    x = mg.tensor([0.0, INF, -INF, NAN, 3e38])
    found = x.round(decimals=decimals).array
    np.testing.assert_array_equal(found[:4], x.array[:4])
    assert np.isfinite(found[4])


def test_steps_have_slope_zero_everywhere() -> None:
    for step in (mg.floor, mg.ceil, mg.trunc, mg.round, mg.sign):
        assert gradients(step, [-1.5, -1.0, 0.0, 0.5, INF]) == [[0] * 5]


def test_remainder_has_the_sign_of_the_divisor_and_fmod_of_the_dividend() -> None:
    x, y = mg.tensor([7.0, -7.0, 7.0, -7.0]), mg.tensor([3.0, 3.0, -3.0, -3.0])
    assert (x % y).tolist() == [1, 2, -2, -1]
    assert mg.fmod(x, y).tolist() == [1, -1, 1, -1]
    assert (x // y).tolist() == [2, -3, -3, 2]
    assert mg.div(x, y, rounding_mode="trunc").tolist() == [2, -2, -2, 2]
    for dtype in (mg.int64, mg.int8):
        n, m = x.to(dtype), y.to(dtype)
        assert (n % m).tolist() == [1, 2, -2, -1]
        assert mg.fmod(n, m).tolist() == [1, -1, 1, -1]
        assert (n // m).tolist() == [2, -3, -3, 2]
        assert mg.div(n, m, rounding_mode="trunc").tolist() == [2, -2, -2, 2]


def test_quotients_and_remainders_at_infinity_and_zero() -> None:
    x = mg.tensor([1.0, -1.0, 0.0])
    np.testing.assert_array_equal((x // 0).array, [INF, -INF, NAN])
    np.testing.assert_array_equal((x % 0).array, [NAN, NAN, NAN])
    np.testing.assert_array_equal((x // INF).array, [0, -1, 0])
    np.testing.assert_array_equal((x % INF).array, [1, INF, 0])
    np.testing.assert_array_equal((mg.tensor([INF]) // 2).array, [NAN])
    assert (mg.tensor([-(2**63)]) // -1).tolist() == [-(2**63)]  # wraps around, as a sum does


def test_divmod_is_quotient_and_remainder_on_either_side() -> None:
    assert [t.tolist() for t in divmod(mg.tensor([7, -7]), 2)] == [[3, -4], [1, 1]]
    assert [t.tolist() for t in divmod(7, mg.tensor([2, -2]))] == [[3, -4], [1, -1]]


def test_angle_of_the_origin_has_slope_zero() -> None:
    assert gradients(mg.atan2, [0.0, 0.0], [0.0, 1.0]) == [[0, 1], [0, 0]]


def test_integer_logic_is_bit_by_bit_on_either_side() -> None:
    x, truth = mg.tensor([12, -1]), mg.tensor([True, False])
    assert [(x & 10).tolist(), (x | 3).tolist(), (x ^ 5).tolist(), (~x).tolist()] == [
        [8, 10],
        [15, -1],
        [9, -6],
        [-13, 0],
    ]
    assert [(10 & x).tolist(), (3 | x).tolist(), (5 ^ x).tolist()] == [[8, 10], [15, -1], [9, -6]]
    assert [(~truth).tolist(), (truth & True).tolist(), (truth | x.eq(-1)).tolist()] == [
        [False, True],
        [True, False],
        [True, True],
    ]
    assert (truth ^ x).dtype == mg.int64


def test_closeness_of_infinities_and_nan() -> None:
    x = mg.tensor([INF, INF, NAN, 1.0, 0.0])
    y = mg.tensor([INF, -INF, NAN, INF, 1e-9])
    assert mg.isclose(x, y).tolist() == [True, False, False, False, True]
    assert mg.isclose(x, y, equal_nan=True).tolist() == [True, False, True, False, True]
    assert mg.allclose(x[:1], y[:1])
    assert not mg.allclose(x, y)
    assert mg.equal(x[:2], x[:2])
    assert not mg.equal(x, x)  # NaN
    assert not mg.equal(x[:1], x[:2])


def test_interpolation_is_exact_at_its_ends() -> None:
    start, end = mg.tensor([0.1, 1e30]), mg.tensor([0.3, 1.0])
    assert mg.lerp(start, end, 0.0).tolist() == start.tolist()
    assert mg.lerp(start, end, 1.0).tolist() == end.tolist()


def test_slopes_where_a_function_begins() -> None:
    assert gradients(mg.sqrt, [0.0]) == [[INF]]
    assert gradients(mg.rsqrt, [0.0]) == [[-INF]]
    assert gradients(mg.reciprocal, [0.0]) == [[-INF]]
    assert gradients(mg.log1p, [-1.0]) == [[INF]]
    assert gradients(mg.acosh, [1.0]) == [[INF]]
    assert gradients(mg.asin, [1.0, -1.0]) == [[INF, INF]]
