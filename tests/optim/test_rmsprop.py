"""RMSprop against a loop in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad.optim import RMSprop

OPTIONS = {
    "default": {},
    "alpha and eps": {"alpha": 0.5, "eps": 0.1},
    "weight decay": {"weight_decay": 0.1},
    "momentum": {"momentum": 0.9},
    "centered": {"centered": True},
    "all": {"centered": True, "momentum": 0.5, "weight_decay": 0.1, "maximize": True, "alpha": 0.9},
}
START = np.random.default_rng(0).normal(size=(3, 4))
PULL = np.random.default_rng(1).normal(size=(3, 4))


def optimised(**options) -> tuple[mg.Tensor, RMSprop]:
    """The parameter after ten steps down ``sum pull p^2``, and its optimiser."""
    p = mg.tensor(START, requires_grad=True)
    optimizer = RMSprop([p], lr=0.05, **options)
    for _ in range(10):
        optimizer.zero_grad()
        (p * p * mg.from_numpy(PULL)).sum().backward()
        optimizer.step()
    return p, optimizer


@pytest.mark.parametrize("name", OPTIONS)
def test_ten_steps_are_those_of_the_formula(name):
    chosen = {"alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0} | OPTIONS[name]
    alpha, sign = chosen["alpha"], -1 if chosen.get("maximize", False) else 1
    p, s, mean, v = START.copy(), np.zeros_like(START), np.zeros_like(START), np.zeros_like(START)
    for _ in range(10):
        g = sign * 2 * PULL * p + chosen["weight_decay"] * p
        s = alpha * s + (1 - alpha) * g**2
        mean = alpha * mean + (1 - alpha) * g
        variance = s - mean**2 if chosen.get("centered", False) else s
        v = chosen["momentum"] * v + g / (np.sqrt(variance) + chosen["eps"])
        p = p - 0.05 * v
    np.testing.assert_allclose(optimised(**OPTIONS[name])[0].detach().numpy(), p, rtol=1e-10)


def test_only_what_the_options_need_is_remembered():
    for options, extra in (
        ({}, set()),
        ({"momentum": 0.5}, {"momentum_buffer"}),
        ({"centered": True}, {"grad_avg"}),
    ):
        p, optimizer = optimised(**options)
        assert set(optimizer.state[p]) == {"step", "square_avg", *extra}
        assert optimizer.state[p]["step"] == 10


def test_a_momentum_that_is_switched_on_later_starts_from_zero():
    p, optimizer = optimised()
    optimizer.param_groups[0]["momentum"] = 0.5
    before = p.detach().numpy().copy()
    p.grad = mg.zeros_like(p).detach()
    optimizer.step()
    np.testing.assert_array_equal(p.detach().numpy(), before)
    assert optimizer.state[p]["momentum_buffer"].tolist() == np.zeros((3, 4)).tolist()
