"""Adam against a loop in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad.optim import Adam, AdamW

OPTIONS = {
    "default": {},
    "betas": {"betas": (0.5, 0.9)},
    "betas of zero": {"betas": (0.0, 0.0)},
    "eps": {"eps": 0.1},
    "weight decay": {"weight_decay": 0.1},
    "decoupled": {"weight_decay": 0.1, "decoupled_weight_decay": True},
    "amsgrad": {"amsgrad": True, "betas": (0.5, 0.5)},
    "uphill": {"maximize": True},
}
START = np.random.default_rng(0).normal(size=(3, 4))
PULL = np.random.default_rng(1).normal(size=(3, 4))


def trained(steps: int, kind: type[Adam] = Adam, **options) -> np.ndarray:
    """The parameter after some steps down ``sum pull p^2``."""
    p = mg.tensor(START, requires_grad=True)
    optimizer = kind([p], lr=0.1, **options)
    for _ in range(steps):
        optimizer.zero_grad()
        (p * p * mg.from_numpy(PULL)).sum().backward()
        optimizer.step()
    return p.detach().numpy()


@pytest.mark.parametrize("name", OPTIONS)
def test_ten_steps_are_those_of_the_formula(name):
    chosen = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0} | OPTIONS[name]
    decoupled, sign = chosen.get("decoupled_weight_decay", False), -1 if chosen.get("maximize", False) else 1
    beta1, beta2 = chosen["betas"]
    p, m, s, top = START.copy(), np.zeros_like(START), np.zeros_like(START), np.zeros_like(START)
    for t in range(1, 11):
        g = sign * 2 * PULL * p + (0 if decoupled else chosen["weight_decay"] * p)
        m = beta1 * m + (1 - beta1) * g
        s = beta2 * s + (1 - beta2) * g**2
        top = np.maximum(top, s)
        s_hat = (top if chosen.get("amsgrad", False) else s) / (1 - beta2**t)
        kept = 1 - 0.1 * chosen["weight_decay"] if decoupled else 1
        p = kept * p - 0.1 * (m / (1 - beta1**t)) / (np.sqrt(s_hat) + chosen["eps"])
    np.testing.assert_allclose(trained(10, **OPTIONS[name]), p, rtol=1e-11)


def test_adamw_is_adam_with_a_decoupled_weight_decay():
    decoupled = trained(10, weight_decay=0.1, decoupled_weight_decay=True)
    np.testing.assert_array_equal(trained(10, AdamW, weight_decay=0.1), decoupled)
    np.testing.assert_array_equal(trained(10, AdamW), trained(10, AdamW, weight_decay=0.01))


def test_adamw_cannot_be_made_into_adam():
    optimizer = AdamW([mg.ones(1, requires_grad=True)])
    with pytest.raises(ValueError, match="AdamW without decoupled_weight_decay is Adam"):
        optimizer.add_param_group({"params": mg.ones(2, requires_grad=True), "decoupled_weight_decay": False})


def test_the_first_step_has_the_size_of_lr_whatever_the_gradient():
    p = mg.zeros(3, dtype=mg.float64, requires_grad=True)
    p.grad = mg.tensor([1e-3, 1.0, -1e3], dtype=mg.float64)
    Adam([p]).step()
    np.testing.assert_allclose(p.detach().numpy(), [-1e-3, -1e-3, 1e-3], rtol=1e-4)


def test_each_parameter_counts_its_own_steps():
    p, q = mg.zeros(1, requires_grad=True), mg.zeros(1, requires_grad=True)
    optimizer = Adam([p, q])
    p.grad = mg.ones(1)
    optimizer.step()
    q.grad = mg.ones(1)
    optimizer.step()
    assert (optimizer.state[p]["step"], optimizer.state[q]["step"]) == (2, 1)
    assert q.item() == pytest.approx(-1e-3, rel=1e-6)


def test_float32_parameters_stay_float32():
    p = mg.ones(2, requires_grad=True)
    p.grad = mg.ones(2)
    optimizer = Adam([p])
    optimizer.step()
    assert p.dtype == optimizer.state[p]["exp_avg"].dtype == optimizer.state[p]["exp_avg_sq"].dtype == mg.float32
