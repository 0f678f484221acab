"""Optimiser steps against the reference, in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minigrad.kernels import cpu, reference

SGD: list[dict[str, Any]] = [
    {"momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False, "maximize": False},
    {"momentum": 0.0, "dampening": 0.0, "weight_decay": 0.1, "nesterov": False, "maximize": True},
    {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1, "nesterov": False, "maximize": False},
    {"momentum": 0.9, "dampening": 0.0, "weight_decay": 0.0, "nesterov": True, "maximize": True},
]
ADAM: dict[str, Any] = {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
RMSPROP: dict[str, Any] = {"lr": 0.01, "alpha": 0.9, "eps": 1e-8}
ADAGRAD: dict[str, Any] = {"lr": 0.1, "eps": 1e-10}
ON = pytest.mark.parametrize("dtype", ["float32", "float64"])
SHAPES = [(), (0,), (7, 3)]
LARGE = (600, 301)  # for several threads; as Python, one optimiser shows it
OF = pytest.mark.parametrize("shape", [*SHAPES, pytest.param(LARGE, marks=pytest.mark.compiled)], ids=str)
DECAY = pytest.mark.parametrize("weight_decay", [0.0, 0.1])
MAXIMIZE = pytest.mark.parametrize("maximize", [False, True])


def close(got: np.ndarray, want: np.ndarray) -> None:
    eps = np.finfo(want.dtype).eps
    np.testing.assert_allclose(got, want, rtol=16 * eps, atol=8 * eps)


def compare(name: str, shape: tuple[int, ...], dtype: str, wanted: list[bool], **options: Any) -> None:
    """Three steps from zeros by both targets, with those arrays to remember that are wanted."""
    rng = np.random.default_rng(0)
    ours = [np.asarray(rng.standard_normal(shape)).astype(dtype)]
    ours += [np.zeros(shape, dtype) if each else None for each in wanted]
    twin = [None if x is None else x.copy() for x in ours]
    for step in (1, 2, 3):
        g = np.asarray(rng.standard_normal(shape)).astype(dtype)
        before = g.copy()
        count = {"step": step} if name == "adam_step" else {"first": step == 1} if name == "sgd_step" else {}
        for target, (p, *state) in ((cpu, ours), (reference, twin)):
            getattr(target, name)(p, g, *state, **count, **options)
        np.testing.assert_array_equal(g, before)
        for x, y in zip(ours, twin, strict=True):
            if x is not None:
                close(x, y)


@ON
@pytest.mark.parametrize("shape", [*SHAPES, LARGE], ids=str)
@pytest.mark.parametrize("options", SGD)
def test_sgd_takes_the_steps_of_the_reference(dtype: str, shape: tuple[int, ...], options: dict[str, Any]) -> None:
    compare("sgd_step", shape, dtype, [options["momentum"] > 0], lr=0.1, **options)


@ON
@OF
@DECAY
@MAXIMIZE
@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_rmsprop_takes_the_steps_of_the_reference(
    dtype: str, shape: tuple[int, ...], weight_decay: float, maximize: bool, centered: bool, momentum: float
) -> None:
    options = {"weight_decay": weight_decay, "maximize": maximize, "momentum": momentum}
    compare("rmsprop_step", shape, dtype, [True, centered, momentum > 0], **RMSPROP, **options)


@ON
@OF
@DECAY
@MAXIMIZE
def test_adagrad_takes_the_steps_of_the_reference(
    dtype: str, shape: tuple[int, ...], weight_decay: float, maximize: bool
) -> None:
    compare("adagrad_step", shape, dtype, [True], **ADAGRAD, weight_decay=weight_decay, maximize=maximize)


@ON
@OF
@DECAY
@MAXIMIZE
@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("decoupled", [False, True])
def test_adam_takes_the_steps_of_the_reference(
    dtype: str, shape: tuple[int, ...], weight_decay: float, maximize: bool, amsgrad: bool, decoupled: bool
) -> None:
    options = {"weight_decay": weight_decay, "maximize": maximize, "decoupled": decoupled}
    compare("adam_step", shape, dtype, [True, True, amsgrad], **ADAM, **options)


def test_a_velocity_is_not_read_at_the_first_step() -> None:
    p, v = np.ones(4, np.float32), np.full(4, np.nan, np.float32)
    cpu.sgd_step(p, p.copy(), v, lr=0.5, first=True, **SGD[3])
    assert v.tolist() == [-1.0] * 4


@pytest.mark.parametrize("target", [cpu, reference], ids=["cpu", "reference"])
def test_nan_stays_the_largest_that_amsgrad_has_seen(target: Any) -> None:
    p, m, s, top = (np.zeros(3, np.float32) for _ in range(4))
    options = {**ADAM, "weight_decay": 0.0, "decoupled": False, "maximize": False}
    for step, g in enumerate(([np.nan, 1.0, 1.0], [1.0, np.nan, 1.0], [1.0, 1.0, 1.0]), start=1):
        target.adam_step(p, np.array(g, np.float32), m, s, top, step=step, **options)
    assert np.isnan(top).tolist() == np.isnan(p).tolist() == [True, True, False]


def test_strided_parameters_are_changed_in_place_too() -> None:
    base = np.ones((4, 6), np.float32)
    p, g = base[:, ::2], np.ones((4, 3), np.float32)
    cpu.sgd_step(p, g, None, lr=0.5, first=True, **SGD[0])
    np.testing.assert_array_equal(base, np.tile([0.5, 1.0], (4, 3)).astype(np.float32))


def test_a_parameter_in_fortran_order_is_changed_in_place_too() -> None:
    p = np.ones((3, 4), np.float32).T
    cpu.sgd_step(p, np.ones((4, 3), np.float32), None, lr=0.5, first=True, **SGD[0])
    np.testing.assert_array_equal(p, np.full((4, 3), 0.5, np.float32))


def test_gradients_of_any_layout_are_read() -> None:
    p, g = np.zeros((3, 4), np.float32), np.arange(12, dtype=np.float32).reshape(4, 3).T
    cpu.sgd_step(p, g, None, lr=1.0, first=True, **SGD[0])
    np.testing.assert_array_equal(p, -g)


@pytest.mark.parametrize("target", [cpu, reference], ids=["cpu", "reference"])
def test_a_momentum_of_another_size_is_an_error_and_not_memory_overwritten(target: Any) -> None:
    p, v = np.ones(4, np.float32), np.ones(3, np.float32)
    with pytest.raises(ValueError, match="broadcast"):
        target.sgd_step(p, p.copy(), v, lr=0.1, first=False, **SGD[2])
    assert (p.tolist(), v.tolist()) == ([1, 1, 1, 1], [1, 1, 1])
