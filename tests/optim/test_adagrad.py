"""Adagrad against a loop in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad.optim import Adagrad

OPTIONS = {
    "default": {},
    "decay of the rate": {"lr_decay": 0.5},
    "weight decay": {"weight_decay": 0.1},
    "a first sum": {"initial_accumulator_value": 0.5, "eps": 0.1},
    "uphill": {"maximize": True},
}
START = np.random.default_rng(0).normal(size=(3, 4))
PULL = np.random.default_rng(1).normal(size=(3, 4))


@pytest.mark.parametrize("name", OPTIONS)
def test_ten_steps_are_those_of_the_formula(name):
    chosen = {"lr_decay": 0.0, "weight_decay": 0.0, "initial_accumulator_value": 0.0, "eps": 1e-10} | OPTIONS[name]
    sign = -1 if chosen.get("maximize", False) else 1
    p = mg.tensor(START, requires_grad=True)
    optimizer = Adagrad([p], lr=0.1, **OPTIONS[name])
    q, s = START.copy(), np.full_like(START, chosen["initial_accumulator_value"])
    for step in range(10):
        optimizer.zero_grad()
        (p * p * mg.from_numpy(PULL)).sum().backward()
        optimizer.step()
        g = sign * 2 * PULL * q + chosen["weight_decay"] * q
        s = s + g**2
        q = q - 0.1 / (1 + step * chosen["lr_decay"]) * g / (np.sqrt(s) + chosen["eps"])
    np.testing.assert_allclose(p.detach().numpy(), q, rtol=1e-12)
    np.testing.assert_allclose(optimizer.state[p]["sum"].numpy(), s, rtol=1e-12)


def test_an_element_with_seldom_a_gradient_keeps_large_steps():
    p = mg.zeros(2, requires_grad=True)
    optimizer = Adagrad([p], lr=1.0)
    for step in range(9):
        before = p.detach().numpy().copy()
        p.grad = mg.tensor([1.0, 1.0 if step == 8 else 0.0])
        optimizer.step()
    np.testing.assert_allclose(p.detach().numpy() - before, [-1 / 3, -1.0], rtol=1e-6)
