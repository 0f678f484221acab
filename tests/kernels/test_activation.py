"""Activation kernels: how exact they are, special values, parameters, and their rules as plain Python."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest
from numba.core.event import install_recorder

from minigrad.kernels import cpu, reference, rules

Array = np.ndarray[Any, Any]

SELU = (1.0507009873554805, 1.7580993408473766, 1.0)
PARAMETERS: dict[str, list[tuple[float, ...]]] = {
    "leaky_relu": [(0.01,), (-2.0,)],
    "hardtanh": [(-1.0, 1.0), (0.0, 6.0), (-math.inf, 2.5)],
    "elu": [(1.0, 1.0, 1.0), SELU, (1.0, -2.0, -0.5)],
    "softplus": [(1.0, 20.0), (2.0, 3.0), (-0.5, 20.0), (1.0, math.inf)],
    "huber": [(1.0,), (0.25,)],
}
PARAMETERS |= {f"{name}_backward": values for name, values in PARAMETERS.items() if name != "huber"}

# Units in the last place of the larger of the result and 1: what float32 may be off. Where two terms cancel, as
# in the derivative of silu near its zero at -1.28, a result has the error of the terms.
BOUNDS = {
    "relu": 0, "leaky_relu": 0.5, "hardtanh": 0, "elu": 2, "gelu": 2, "gelu_tanh": 2, "silu": 2, "mish": 2,
    "hardsigmoid": 1, "hardswish": 2, "softplus": 1.5, "logsigmoid": 1, "softsign": 1, "sigmoid": 1, "tanh": 1,
    "leaky_relu_backward": 0.5, "hardtanh_backward": 0, "elu_backward": 2, "gelu_backward": 2,
    "gelu_tanh_backward": 2.5, "silu_backward": 2.5, "mish_backward": 2.5, "hardsigmoid_backward": 0.5,
    "hardswish_backward": 1.5, "softplus_backward": 1, "logsigmoid_backward": 1, "softsign_backward": 2,
    "huber": 1.5,
}  # fmt: skip

# Units of the result itself, where nothing cancels: on the way to 0 they lose no digits
RELATIVE = {"elu": 2, "hardsigmoid": 1.5, "hardswish": 2, "logsigmoid": 2, "mish": 2, "silu": 2.1, "softplus": 2,
            "softsign": 2}  # fmt: skip

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 3.0, -3.0, 6.0, 1e4, -1e4, 1e30, -1e30, 1e-40, 88.9, -104.0, 710.5, -746.0]
SPECIAL += [np.inf, -np.inf, np.nan]


def operands(name: str) -> int:
    """How many arrays a rule takes before its parameters."""
    return 2 if next(iter(inspect.signature(getattr(rules, name)).parameters)) in ("da", "p") else 1


def call(target: Any, name: str, z: Array, parameters: tuple[float, ...]) -> Array:
    """The activation of z, or its derivative there."""
    arrays = (np.ones_like(z), z) if operands(name) == 2 else (z,)
    return np.asarray(getattr(target, name)(*arrays, *parameters))


def exact(name: str, z: Array, parameters: tuple[float, ...]) -> Array:
    """The same in float64, without the cancellation of the reference in the tail of the normal distribution."""
    if not name.startswith("gelu") or "tanh" in name:
        return call(reference, name, z, parameters)
    below = np.vectorize(math.erfc)(-z / math.sqrt(2)) / 2
    return below * z if name == "gelu" else below + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


@pytest.mark.compiled
@pytest.mark.parametrize("name", BOUNDS)
def test_float32_is_off_by_at_most_so_many_units_in_the_last_place(name: str) -> None:
    near = [np.linspace(-30, 30, 60_001), np.linspace(-2, 2, 40_001), np.logspace(-30, 15, 999)]
    z = np.concatenate([*near, -near[-1]]).astype(np.float32)
    for given in PARAMETERS.get(name, [()]):
        parameters = tuple(float(np.float32(value)) for value in given)
        got, want = (
            call(cpu, name, z, parameters).astype(np.float64),
            exact(name, z.astype(np.float64), parameters),
        )
        finite = np.abs(want) < 3e38
        assert np.isinf(got[~finite]).all()
        error, size = np.abs(got[finite] - want[finite]), np.abs(want[finite])
        assert (error / np.spacing(np.maximum(size, 1).astype(np.float32))).max() <= BOUNDS[name]
        if name in RELATIVE:
            normal = size > 1e-35
            assert (error[normal] / np.spacing(size[normal].astype(np.float32))).max() <= RELATIVE[name]


def test_every_rule_has_a_bound_or_is_tested_elsewhere() -> None:
    of_losses = {"bce", "bce_slope", "bce_with_logits"}
    written_with_a = {"relu_backward", "sigmoid_backward", "tanh_backward"}
    assert set(rules.__all__) == set(BOUNDS) | of_losses | written_with_a


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [name for name in BOUNDS if name not in ("relu", "sigmoid", "tanh")])
def test_kernels_agree_with_the_reference_on_special_values_and_layouts(name: str, dtype: str) -> None:
    z = np.array(SPECIAL, dtype)
    unit = np.finfo(dtype).eps
    frozen = z.copy()
    frozen.flags.writeable = False
    for parameters in PARAMETERS.get(name, [()]):
        for view in (z, z[::-2], z.reshape(4, 5).T, z[:0], z[3].reshape(()), frozen, np.broadcast_to(z, (2, 20))):
            before = view.copy()
            got, want = call(cpu, name, view, parameters), call(reference, name, view, parameters)
            assert (got.shape, got.dtype) == (view.shape, view.dtype)
            np.testing.assert_allclose(got, want, rtol=16 * unit, atol=4 * unit)
            np.testing.assert_array_equal(view, before)
            assert not np.shares_memory(got, view)


@pytest.mark.parametrize("name", PARAMETERS)
def test_integers_and_other_dtypes_are_left_to_the_reference(name: str) -> None:
    z = np.array([-3, 0, 2])
    parameters = (0.0, 2.0) if "hardtanh" in name else PARAMETERS[name][0]
    np.testing.assert_array_equal(call(cpu, name, z, parameters), call(reference, name, z, parameters))


@pytest.mark.compiled
@pytest.mark.parametrize("name", PARAMETERS)
def test_large_arrays_run_in_parallel_with_the_same_result(name: str) -> None:
    z = np.random.default_rng(0).normal(0, 3, (700, 601)).astype(np.float32)  # more than GRAIN
    parameters = PARAMETERS[name][0]
    rows = np.concatenate([call(cpu, name, row, parameters)[None] for row in z])
    np.testing.assert_array_equal(call(cpu, name, z, parameters), rows)


@pytest.mark.compiled
@pytest.mark.parametrize("name", PARAMETERS)
def test_another_parameter_needs_no_other_machine_code(name: str) -> None:
    z = np.linspace(-3, 3, 50)
    call(cpu, name, z, PARAMETERS[name][0])
    with install_recorder("numba:compile") as recorder:
        for value in (0.125, 0.375, 7):
            call(cpu, name, z, (value,) * len(PARAMETERS[name][0]))
    assert recorder.buffer == []


@pytest.mark.parametrize("target", [cpu, reference], ids=["numba", "reference"])
def test_a_parameter_too_large_for_float32_is_infinite_without_a_warning(target: Any) -> None:
    z = np.array([-1.0, 1.0], np.float32)
    assert target.leaky_relu(z, 1e300).tolist() == [-math.inf, 1.0]
    assert target.hardtanh(z, -1e300, 1e300).tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("name", rules.__all__)
def test_rules_run_as_plain_python(name: str) -> None:
    for parameters in PARAMETERS.get(name, [()]):
        for z in (-1.75, 0.25, 0.75):
            arguments = [0.25] * (
                len(inspect.signature(getattr(rules, name)).parameters) - len(parameters) - 1
            ) + [z]
            if name.startswith("bce"):
                arguments = [abs(z) / 2, 0.75]
            want = float(getattr(reference, name)(*map(np.float64, arguments), *parameters))
            assert getattr(rules, name)(*arguments, *parameters) == pytest.approx(want, rel=1e-14)
