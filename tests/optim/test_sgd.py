"""SGD against a loop in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad.optim import SGD

OPTIONS = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "dampening": {"momentum": 0.9, "dampening": 0.5},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "weight decay": {"weight_decay": 0.1},
    "uphill": {"maximize": True, "momentum": 0.5},
    "all": {"momentum": 0.8, "weight_decay": 0.1, "nesterov": True},
}
START = np.random.default_rng(0).normal(size=(3, 4))
PULL = np.random.default_rng(1).normal(size=(3, 4))


def trained(steps: int, **options) -> np.ndarray:
    """The parameter after some steps down ``sum pull p^2``."""
    p = mg.tensor(START, requires_grad=True)
    optimizer = SGD([p], lr=0.1, **options)
    for _ in range(steps):
        optimizer.zero_grad()
        (p * p * mg.from_numpy(PULL)).sum().backward()
        optimizer.step()
    return p.detach().numpy()


@pytest.mark.parametrize("name", OPTIONS)
def test_ten_steps_are_those_of_the_formula(name):
    chosen = {"momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False, "maximize": False}
    chosen |= OPTIONS[name]
    p, v = START.copy(), None
    for _ in range(10):
        g = (-2 if chosen["maximize"] else 2) * PULL * p + chosen["weight_decay"] * p
        v = g if v is None else chosen["momentum"] * v + (1 - chosen["dampening"]) * g
        p = p - 0.1 * (g + chosen["momentum"] * v if chosen["nesterov"] else v if chosen["momentum"] else g)
    np.testing.assert_allclose(trained(10, **OPTIONS[name]), p, rtol=1e-12)


def test_plain_sgd_remembers_nothing_and_momentum_its_velocity():
    p = mg.ones(2, requires_grad=True)
    p.grad = mg.ones(2)
    plain, moving = SGD([p]), SGD([p], momentum=0.5)
    plain.step()
    moving.step()
    assert plain.state == {}
    assert moving.state[p]["momentum_buffer"].tolist() == [1.0, 1.0]


def test_the_default_lr_is_a_thousandth():
    p = mg.ones(1, dtype=mg.float64, requires_grad=True)
    p.grad = mg.ones(1, dtype=mg.float64)
    SGD([p]).step()
    assert p.item() == 1 - 1e-3
