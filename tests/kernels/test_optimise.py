"""Optimiser steps against the reference, in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minigrad.kernels import cpu, reference

FLOATS = ["float32", "float64"]
SGD: list[dict[str, Any]] = [
    {"momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False},
    {"momentum": 0.0, "dampening": 0.0, "weight_decay": 0.1, "nesterov": False},
    {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1, "nesterov": False},
    {"momentum": 0.9, "dampening": 0.0, "weight_decay": 0.0, "nesterov": True},
]


def close(got: np.ndarray, want: np.ndarray) -> None:
    eps = np.finfo(want.dtype).eps
    np.testing.assert_allclose(got, want, rtol=8 * eps, atol=8 * eps)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("options", SGD)
@pytest.mark.parametrize("shape", [(), (0,), (7, 3), (600, 301)])
def test_sgd_takes_the_steps_of_the_reference(dtype: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    p = rng.standard_normal(shape).astype(dtype).reshape(shape)
    v = np.full(shape, np.nan, dtype) if options["momentum"] else None  # not read at the first step
    q, w = p.copy(), None if v is None else v.copy()
    for step in range(3):
        g = np.asarray(rng.standard_normal(shape)).astype(dtype)
        before = g.copy()
        cpu.sgd_step(p, g, v, lr=0.1, first=step == 0, **options)
        reference.sgd_step(q, g, w, lr=0.1, first=step == 0, **options)
        np.testing.assert_array_equal(g, before)
        close(p, q)
        if v is not None and w is not None:
            close(v, w)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("shape", [(), (0,), (7, 3), (600, 301)])
def test_adam_takes_the_steps_of_the_reference(dtype: str, weight_decay: float, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    ours = [np.asarray(rng.standard_normal(shape)).astype(dtype), np.zeros(shape, dtype), np.zeros(shape, dtype)]
    twin = [x.copy() for x in ours]
    options = {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": weight_decay}
    for step in (1, 2, 3):
        g = np.asarray(rng.standard_normal(shape)).astype(dtype)
        cpu.adam_step(ours[0], g, ours[1], ours[2], step=step, **options)
        reference.adam_step(twin[0], g, twin[1], twin[2], step=step, **options)
        for x, y in zip(ours, twin, strict=True):
            close(x, y)


def test_strided_parameters_are_changed_in_place_too() -> None:
    base = np.ones((4, 6), np.float32)
    p, g = base[:, ::2], np.ones((4, 3), np.float32)
    cpu.sgd_step(p, g, None, lr=0.5, momentum=0, dampening=0, weight_decay=0, nesterov=False, first=True)
    np.testing.assert_array_equal(base, np.tile([0.5, 1.0], (4, 3)).astype(np.float32))
    cpu.sgd_step(np.ones((3, 4), np.float32).T, g, None, lr=0.5, momentum=0, dampening=0, weight_decay=0,
                 nesterov=False, first=True)  # fmt: skip


def test_gradients_of_any_layout_are_read() -> None:
    p, g = np.zeros((3, 4), np.float32), np.arange(12, dtype=np.float32).reshape(4, 3).T
    cpu.sgd_step(p, g, None, lr=1.0, momentum=0, dampening=0, weight_decay=0, nesterov=False, first=True)
    np.testing.assert_array_equal(p, -g)


@pytest.mark.parametrize("target", [cpu, reference], ids=["cpu", "reference"])
def test_a_momentum_of_another_size_is_an_error_and_not_memory_overwritten(target: Any) -> None:
    p, v = np.ones(4, np.float32), np.ones(3, np.float32)
    with pytest.raises(ValueError, match="broadcast"):
        target.sgd_step(p, p.copy(), v, lr=0.1, first=False, **SGD[2])
    assert (p.tolist(), v.tolist()) == ([1, 1, 1, 1], [1, 1, 1])
