"""Elementwise kernels against the reference: values, special values, broadcasting, layouts, dtypes."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from minigrad.kernels import cpu, reference
from minigrad.kernels.cpu.elementwise import collapse

FLOATS = ["float32", "float64"]
INTEGERS = ["int64", "int32", "int16", "int8", "uint8"]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 1e4, -1e4, 1e-40, 88.9, -104.0, 710.5, -746.0]
SPECIAL += [np.inf, -np.inf, np.nan]
UNARY = "neg abs sign reciprocal sqrt rsqrt floor ceil trunc round relu sigmoid tanh gelu".split()
UNARY += "exp exp2 expm1 log log2 log10 log1p erf sin cos tan asin acos atan sinh cosh asinh acosh atanh".split()
QUESTIONS = "isnan isinf isfinite logical_not".split()
ARITHMETIC = "add sub mul div pow maximum minimum atan2 logaddexp floor_divide trunc_divide remainder fmod".split()
COMPARISONS = "eq ne lt le gt ge logical_and logical_or logical_xor".split()
BACKWARD = "relu_backward sigmoid_backward tanh_backward gelu_backward".split()
LOSSES = "bce bce_slope bce_with_logits".split()
BINARY = ARITHMETIC + COMPARISONS + BACKWARD + LOSSES


def assert_same(got: np.ndarray, want: np.ndarray, ulps: float = 4, near: float = 0) -> None:
    """Same dtype, shape, NaN, Inf and values, to ``ulps`` units in the last place; contiguous and fresh.

    ``near``: a size near which numbers cancel, whose units count for smaller ones too.
    """
    assert isinstance(got, np.ndarray)
    assert (got.dtype, got.shape, got.flags.c_contiguous) == (want.dtype, want.shape, True)
    if got.dtype.kind == "f":
        unit = np.finfo(got.dtype).eps
        np.testing.assert_allclose(got, want, rtol=ulps * unit, atol=smallest(got.dtype) + unit * near)
    else:
        np.testing.assert_array_equal(got, want)


def smallest(dtype: Any) -> float:
    return 2 * float(np.finfo(dtype).smallest_subnormal)


def samples(name: str, dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Random numbers in the domain of ``name``."""
    rng = np.random.default_rng(seed)
    if name in ("log", "sqrt", "bce", "bce_slope"):
        return rng.uniform(0.01, 0.99, shape).astype(dtype)
    return rng.normal(0, 3, shape).astype(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", UNARY + QUESTIONS)
def test_unary_agrees_on_special_values(name: str, dtype: str) -> None:
    with np.errstate(over="ignore"):
        x = np.array(SPECIAL, dtype)
    assert_same(getattr(cpu, name)(x), getattr(reference, name)(x))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", UNARY + QUESTIONS)
def test_unary_agrees_on_every_layout_and_size(name: str, dtype: str) -> None:
    function, twin = getattr(cpu, name), getattr(reference, name)
    x = samples(name, dtype, (6, 7, 5))
    frozen = x.copy()
    frozen.flags.writeable = False
    for view in (
        x,
        x[0, 0, 0:1].reshape(()),
        x[:0],
        x.T,
        x[::-2, :, ::-1],
        np.broadcast_to(x[0, 0], (3, 5)),
        frozen,
    ):
        before = view.copy()
        result = function(view)
        assert_same(result, np.asarray(twin(view)), near=4 if name == "gelu" else 0)  # 1 + erf cancels
        assert not np.shares_memory(result, view)
        np.testing.assert_array_equal(view, before)


def test_gelu_keeps_its_digits_below_zero_too() -> None:
    z = np.linspace(-5, 5, 20_001, dtype=np.float32)
    exact = np.array([0.5 * x * math.erfc(-x * math.sqrt(0.5)) for x in z.tolist()])
    error = np.abs(cpu.gelu(z).astype(np.float64) - exact)
    assert (error <= 4e-6 * np.abs(exact)).all()
    assert (error[z > 0] / np.spacing(exact[z > 0].astype(np.float32))).max() < 2.5


@pytest.mark.parametrize("dtype", FLOATS)
def test_negative_zero_keeps_its_sign(dtype: str) -> None:
    zero = np.array([-0.0], dtype)
    assert np.signbit(cpu.tanh(zero)) == [True]
    assert np.signbit(cpu.sqrt(zero)) == [True]
    assert np.signbit(cpu.abs(zero)) == [False]
    assert np.signbit(cpu.neg(zero)) == [False]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", BINARY)
def test_binary_agrees_on_all_pairs_of_special_values(name: str, dtype: str) -> None:
    with np.errstate(over="ignore"):
        x = np.array(SPECIAL, dtype)[:, None]
    y = np.ascontiguousarray(x.T)
    if name in ("bce", "bce_slope"):  # probabilities; outside of 0..1 there is nothing to agree on
        x = np.array([[0.0], [1e-30], [0.25], [1.0], [np.nan]], dtype)
        y = np.array([[0.0, 0.5, 1.0]], dtype)
    want = getattr(reference, name)(x, y)
    assert_same(getattr(cpu, name)(x, y), want, ulps=8)
    whole = np.broadcast_to(x, want.shape), np.broadcast_to(y, want.shape)
    assert_same(getattr(cpu, name)(*whole), want, ulps=8)


SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((), ()),
    ((1,), ()),
    ((4, 5), (4, 5)),
    ((4, 5), ()),
    ((), (4, 5)),
    ((4, 5), (5,)),
    ((5,), (4, 5)),
    ((4, 5), (4, 1)),
    ((4, 1), (4, 5)),
    ((4, 1), (1, 5)),
    ((2, 3, 4), (4,)),
    ((2, 3, 4), (2, 1, 1)),
    ((2, 3, 4), (2, 1, 4)),
    ((2, 3, 4), (3, 1)),
    ((2, 3, 4), (1, 3, 1)),
    ((1, 3, 1), (2, 1, 4)),
    ((2, 1, 4, 1), (1, 3, 1, 5)),
    ((0, 3), (3,)),
    ((3, 1), (3, 0)),
    ((1, 1), (0,)),
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", BINARY)
def test_binary_agrees_on_every_pattern_of_broadcasting(name: str, dtype: str) -> None:
    for x_shape, y_shape in SHAPES:
        x, y = samples(name, dtype, x_shape), samples(name, dtype, y_shape, seed=1)
        if name == "pow":
            x = np.abs(x)
        want = np.asarray(getattr(reference, name)(x, y))
        near = 16 if name in ("gelu_backward", "bce_with_logits") else 0  # 1 + erf, z - z y
        assert_same(getattr(cpu, name)(x, y), want, ulps=16, near=near)  # 1 - a a and the like cancel


@settings(deadline=None, max_examples=60)
@given(shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=5, max_side=4, min_side=0), flip=st.booleans())
def test_collapsed_operands_address_the_same_elements_as_numpy(shapes: Any, flip: bool) -> None:
    x, y = (np.arange(np.prod(shape, dtype=int)).reshape(shape) for shape in shapes.input_shapes)
    if flip:
        x = x[::-1] if x.ndim else x
        y = y.T.copy().T
    shape, planes, *operands = collapse(x, y)
    assert shape == shapes.result_shape
    p, r, c = np.indices(planes, sparse=True)
    for (elements, plane, row, across), whole in zip(operands, np.broadcast_arrays(x, y), strict=True):
        np.testing.assert_array_equal(elements[p * plane + r * row + c * across].reshape(shape), whole)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_agree_and_wrap_around_as_in_numpy(dtype: str) -> None:
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    x, y = np.array([low, high, 0, 1, 7, 100], dtype), np.array([2, 2, 3, 1, 5, 100], dtype)
    for name in ("neg", "abs", "sign", "bitwise_not", *QUESTIONS):
        assert_same(getattr(cpu, name)(x), getattr(reference, name)(x))
    divisions = "floor_divide trunc_divide remainder fmod".split()
    bits = "bitwise_and bitwise_or bitwise_xor".split()
    for name in [*"add sub mul pow maximum minimum".split(), *divisions, *bits, *COMPARISONS]:
        x, y = (x, np.where(y == 0, 1, y)) if name in divisions else (x, y)
        assert_same(getattr(cpu, name)(x, y), getattr(reference, name)(x, y))
        assert_same(getattr(cpu, name)(x[:, None], y), getattr(reference, name)(x[:, None], y))


def test_bools_agree() -> None:
    x, y = np.array([True, True, False, False]), np.array([True, False, True, False])
    for name in ["add", "mul", *COMPARISONS]:
        assert_same(getattr(cpu, name)(x, y), getattr(reference, name)(x, y))


@pytest.mark.parametrize("dtype", [*FLOATS, "int64", "int8", "bool"])
@pytest.mark.parametrize("name", ["where", "clamp", "lerp"])
def test_three_operands_agree_on_every_pattern_of_broadcasting(name: str, dtype: str) -> None:
    shapes = [(), (1,), (5,), (4, 5), (4, 1), (1, 5), (2, 4, 5)]
    for x_shape, y_shape, z_shape in itertools.product(shapes, repeat=3):
        x, y, z = (samples(name, dtype, shape, seed) for seed, shape in enumerate((x_shape, y_shape, z_shape)))
        if name == "where":
            x = np.asarray(x > 0)
        elif dtype in ("int8", "bool") or (name, dtype) == ("lerp", "int64"):
            continue
        want = np.asarray(getattr(reference, name)(x, y, z))
        assert_same(getattr(cpu, name)(x, y, z), want, near=16 if name == "lerp" else 0)


@pytest.mark.parametrize("dtype", FLOATS)
def test_bounds_agree_on_all_triples_of_special_values(dtype: str) -> None:
    with np.errstate(over="ignore"):
        x = np.array(SPECIAL, dtype)
    triples = x[:, None, None], x[:, None], x
    assert_same(cpu.clamp(*triples), reference.clamp(*triples), ulps=0)


def test_zero_dimensional_results_are_arrays() -> None:
    for dtype in ("float32", "int32", "bool"):
        x = np.array(1, dtype)
        for name in ["add", "mul", "eq"]:
            result = getattr(cpu, name)(x, x)
            assert isinstance(result, np.ndarray) and result.shape == ()


@pytest.mark.parametrize("dtype", [*FLOATS, "int64"])
@pytest.mark.parametrize("name", ["add", "sub", "mul"])
def test_two_scalars_give_what_arrays_of_one_element_give(name: str, dtype: str) -> None:
    values = [0, 1, -1, 3, 7, 2**31 - 1, 2**40, -(2**62), 2**62, 2**63 - 1, -(2**63)]
    if dtype != "int64":
        values = [*SPECIAL, 0.1, 1 / 3, 1e-45, 2.0**-149, 2.0**62, 1e38, 3e38, 1e308, 16777217.0]
    with np.errstate(over="ignore"):
        x = np.array(values, dtype)
    pairs = getattr(cpu, name)(x[:, None], x)
    for i, j in np.ndindex(pairs.shape):
        number = getattr(cpu, name)(np.array(x[i]), np.array(x[j]))
        assert (number.shape, number.dtype) == ((), x.dtype)
        assert number.tobytes() == pairs[i, j].tobytes() or (number != number and pairs[i, j] != pairs[i, j])


def test_powers_agree_where_they_are_easily_wrong() -> None:
    x, y = np.array([0.0, -2.0, -2.0, -2.0, np.nan, 2.0]), np.array([0.0, 3.0, 2.0, 0.5, 0.0, -1.0])
    np.testing.assert_array_equal(cpu.pow(x, y), [1.0, -8.0, 4.0, np.nan, 1.0, 0.5])


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", FLOATS)
def test_large_arrays_run_in_parallel_with_the_same_result(dtype: str) -> None:
    x = samples("exp", dtype, (700, 601))  # more than GRAIN
    assert_same(cpu.sigmoid(x), np.concatenate([cpu.sigmoid(row)[None] for row in x]), ulps=0)
    assert_same(cpu.add(x, x[0]), x + x[0], ulps=0)
    flat = x.reshape(1, -1)
    assert_same(cpu.add(flat, flat[:, :1]), flat + flat[:, :1], ulps=0)
