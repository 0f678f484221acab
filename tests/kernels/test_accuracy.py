"""How far elementwise kernels may be from the exact result, in units in the last place of that result."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from minigrad.kernels import cpu, reference

pytestmark = pytest.mark.compiled

Array = np.ndarray[Any, Any]

#: The bound for the compiled kernels in float32 and float64. 0.5: the nearest number; 0: the result itself is one.
ONE_OPERAND: dict[str, tuple[float, float]] = {
    "neg": (0, 0), "abs": (0, 0), "sign": (0, 0),
    "floor": (0, 0), "ceil": (0, 0), "trunc": (0, 0), "round": (0, 0),
    "reciprocal": (0.5, 0.5), "sqrt": (0.5, 0.5), "rsqrt": (1.5, 1.5),
    "exp": (1.2, 1.3), "exp2": (1.2, 1.3), "expm1": (1.6, 2),
    "log": (1, 1), "log2": (1.7, 1.8), "log10": (1.6, 1.4), "log1p": (1, 1),
    "sin": (0.6, 1.6), "cos": (0.6, 1.6), "tan": (0.8, 1.8),
    "asin": (0.51, 1.3), "acos": (0.51, 1.3), "atan": (0.51, 1),
    "sinh": (0.51, 1.7), "cosh": (0.51, 1.5), "asinh": (0.51, 1.9), "acosh": (0.51, 1.8), "atanh": (0.51, 2),
    "erf": (1.2, 1.7), "tanh": (1.6, 1.6), "sigmoid": (1.7, 1.9), "mish": (2, 2),
    "silu": (2.1, 2.25),  # 2.1 in float64 too, where a multiply and an add are one instruction
}  # fmt: skip
TWO_OPERANDS: dict[str, tuple[float, float]] = {
    "add": (0.5, 0.5), "sub": (0.5, 0.5), "mul": (0.5, 0.5), "div": (0.5, 0.5), "pow": (1, 1), "atan2": (0.51, 2),
    "fmod": (0, 0), "remainder": (0.5, 0.5), "floor_divide": (2, 2), "maximum": (0, 0), "minimum": (0, 0),
}  # fmt: skip
NUMPY = 4  # the bound for the reference: NumPy's float32 functions differ from one processor to the next
SUBNORMAL = {"silu": 400, "mish": 400}  # the same, where z times a subnormal e^z has the digits of e^z

every_target = pytest.mark.parametrize("target", [cpu, reference], ids=["numba", "reference"])
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def wide(dtype: str, n: int, seed: int) -> Array:
    """Numbers of every size and sign; whole ones, near 1 and multiples of pi / 2, largest, subnormal, special."""
    rng, info = np.random.default_rng(seed), np.finfo(dtype)
    sizes = np.exp2(rng.uniform(np.log2(np.longdouble(info.smallest_subnormal)), info.maxexp, n))
    ordinary = [
        rng.normal(0, 3, n),
        rng.uniform(-750, 750, n),
        rng.uniform(-105, 105, n),
        rng.integers(-99, 99, n),
    ]
    near = [1 - np.arange(200) * info.eps / 2, 1 + np.arange(200) * info.eps, np.arange(1, 400) * np.pi / 2]
    ends = [info.max * (1 - np.arange(4) * info.eps), info.smallest_subnormal * np.arange(500.0)]
    x = np.concatenate([sizes, *ordinary, *near, *ends, [np.inf]]).astype(dtype)
    return rng.permutation(np.concatenate([x, -x, [np.nan]]).astype(dtype))


def ulps(got: Array, exact: Array) -> Any:
    """The largest distance, after checking that NaN, Inf and signs (also of 0) are where they belong."""
    want = exact.astype(got.dtype)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(want))
    numbers = np.isfinite(want)
    np.testing.assert_array_equal(np.signbit(got[~np.isnan(got)]), np.signbit(want[~np.isnan(want)]))
    unit = np.spacing(np.abs(want[numbers])).astype(exact.dtype)
    return (np.abs(got[numbers].astype(exact.dtype) - exact[numbers]) / unit).max()


def exactly(dtype: str, twin: Callable[..., Array], *arrays: Array) -> Array:
    wider = np.float64 if dtype == "float32" else np.longdouble
    if np.finfo(wider).eps >= np.finfo(dtype).eps:
        pytest.skip("this machine has no wider float to compare with")
    return twin(*(array.astype(wider) for array in arrays))


def erf(x: Array) -> Array:
    """2 / sqrt(pi) e^-x^2 sum_k 2^k x^(2k + 1) / (1 3 5 ... (2k + 1)): terms of one sign, so nothing cancels."""
    x = np.clip(x, -6.5, 6.5)
    term = total = x
    for k in range(1, 250):
        term = term * (2 * x * x) / (2 * k + 1)
        total = total + term
    return total * np.exp(-x * x) * 2 / np.sqrt(x.dtype.type("3.14159265358979323846264338327950288"))


@every_target
@every_dtype
@pytest.mark.parametrize("name", ONE_OPERAND)
def test_function_of_one_number_is_within_its_bound(name: str, dtype: str, target: ModuleType) -> None:
    x = wide(dtype, 3_000 if name == "erf" else 20_000, seed=0)
    with np.errstate(all="ignore"):
        exact = exactly(dtype, erf if name == "erf" else getattr(reference, name), x)
        found = ulps(getattr(target, name)(x), exact)
    assert found <= (ONE_OPERAND[name][dtype == "float64"] if target is cpu else SUBNORMAL.get(name, NUMPY))


@every_target
@every_dtype
@pytest.mark.parametrize("name", TWO_OPERANDS)
def test_function_of_two_numbers_is_within_its_bound(name: str, dtype: str, target: ModuleType) -> None:
    x, y = wide(dtype, 20_000, seed=1), wide(dtype, 20_000, seed=2)
    if name == "pow":  # nearly all of these overflow
        x = np.concatenate([x, np.random.default_rng(3).uniform(0.5, 2, x.size).astype(dtype)])
        y = np.concatenate([y, np.random.default_rng(4).uniform(-99, 99, y.size).astype(dtype)])
    if name in ("maximum", "minimum"):  # of 0 and -0 it may be either
        x, y = x + (x == 0), y + (y == 0)
    with np.errstate(all="ignore"):
        exact = exactly(dtype, getattr(reference, name), x, y)
        found = ulps(getattr(target, name)(x, y), exact)
    assert found <= (TWO_OPERANDS[name][dtype == "float64"] if target is cpu else NUMPY)


@every_dtype
def test_gelu_tanh_is_off_by_what_the_error_of_its_exponent_costs(dtype: str) -> None:
    z = np.linspace(-10 if dtype == "float32" else -20, 10, 100_001).astype(dtype)
    exact = exactly(dtype, reference.gelu_tanh, z)
    u = (2 / np.pi) ** 0.5 * (z + 0.044715 * z**3)
    unit = np.spacing(np.abs(exact).astype(dtype))
    assert (np.abs(cpu.gelu_tanh(z) - exact) / unit / (2 + 5 * np.abs(u))).max() <= 1


@every_target
@every_dtype
def test_interpolation_is_within_two_units_of_the_larger_end(dtype: str, target: ModuleType) -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, 50_000)).astype(dtype)
    weight = rng.uniform(0, 1, 50_000).astype(dtype)
    exact = exactly(dtype, lambda x, y, weight: x + weight * (y - x), x, y, weight)
    unit = np.spacing(np.maximum(np.abs(x), np.abs(y)))
    assert (np.abs(target.lerp(x, y, weight) - exact) / unit).max() <= 2
    np.testing.assert_array_equal(target.lerp(x, y, np.zeros_like(x)), x)
    np.testing.assert_array_equal(target.lerp(x, y, np.ones_like(x)), y)


@every_dtype
def test_whole_powers_and_their_logarithms_are_exact(dtype: str) -> None:
    n = np.arange(-126, 128).astype(dtype)
    powers = np.ldexp(np.ones_like(n), n.astype(int))
    np.testing.assert_array_equal(cpu.exp2(n), powers)
    np.testing.assert_array_equal(cpu.log2(powers), n)
    tens = np.arange(0, 11).astype(dtype)  # 10^10 is the largest that a float32 holds exactly
    np.testing.assert_array_equal(cpu.log10(10.0**tens), tens)


@every_dtype
@pytest.mark.parametrize("name", ONE_OPERAND)
def test_result_does_not_depend_on_the_neighbours(name: str, dtype: str) -> None:
    x, function = wide(dtype, 300, seed=6), getattr(cpu, name)
    alone = np.concatenate([function(x[i : i + 1]) for i in range(0, x.size, 7)])
    np.testing.assert_array_equal(function(x)[::7], alone)


@every_dtype
@pytest.mark.parametrize("name", ["exp", "exp2"])
def test_what_is_masked_takes_no_longer_than_what_is_not(name, dtype):
    """e^-Inf is 0 without a product that underflows, for which a processor takes ten times as long."""
    kernel = getattr(cpu, name)
    seen, masked = (np.full(10_000, value, dtype) for value in (-1.0, -np.inf))

    def fastest(x):
        times = []
        for _ in range(50):
            start = time.thread_time_ns()
            kernel(x)
            times.append(time.thread_time_ns() - start)
        return min(times)

    assert fastest(masked) < 3 * fastest(seen)
