"""Every optimiser against PyTorch's: fifteen steps with each option, and states that go from one to the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minigrad as mg

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peer


@pytest.fixture(autouse=True)
def counts_in_float64() -> Iterator[None]:
    """PyTorch keeps NAdam's product of momenta in its default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


RNG = np.random.default_rng(0)
STARTS = [RNG.normal(size=shape) for shape in ((4, 3), (3,), ())]
PULLS = [RNG.normal(size=(15, *start.shape)) for start in STARTS]  # one for each step

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.5, "maximize": True},
        {"momentum": 0.9, "nesterov": True},
        {"weight_decay": 0.1},
        {"momentum": 0.8, "weight_decay": 0.1, "nesterov": True},
    ],
    "RMSprop": [
        {},
        {"alpha": 0.5, "eps": 0.1},
        {"centered": True},
        {"momentum": 0.9},
        {"momentum": 0.9, "centered": True, "weight_decay": 0.1, "maximize": True},
    ],
    "Adagrad": [
        {},
        {"lr_decay": 0.1, "initial_accumulator_value": 0.5},
        {"weight_decay": 0.1, "eps": 0.1, "maximize": True},
    ],
    "Adam": [
        {},
        {"betas": (0.5, 0.9)},
        {"betas": (0.0, 0.0)},
        {"eps": 0.1, "amsgrad": True},
        {"weight_decay": 0.1, "maximize": True},
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "Adadelta": [{}, {"rho": 0.5, "eps": 0.1}, {"weight_decay": 0.1, "maximize": True}],
    "NAdam": [
        {},
        {"betas": (0.5, 0.9), "momentum_decay": 0.1},
        {"weight_decay": 0.1, "maximize": True, "eps": 0.1},
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "RAdam": [
        {},
        {"betas": (0.5, 0.9), "eps": 0.1},
        {"weight_decay": 0.1, "maximize": True},
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "AdamW": [
        {},
        {"weight_decay": 0.5, "betas": (0.8, 0.95)},
        {"amsgrad": True, "maximize": True, "eps": 1e-3},
    ],
}
ALL = [pytest.param(name, options, id=f"{name} {options}") for name in OPTIONS for options in OPTIONS[name]]


def made(of: Any, name: str, dtype: str, options: dict[str, Any]) -> tuple[list[Any], Any]:
    """Three parameters in two groups of different rates, and their optimiser."""
    params = [of.tensor(start.tolist(), dtype=getattr(of, dtype), requires_grad=True) for start in STARTS]
    groups = [{"params": params[:2]}, {"params": params[2:], "lr": 0.02}]
    return params, getattr(of.optim, name)(groups, lr=0.1, **options)


def steps(of: Any, params: list[Any], optimizer: Any, first: int, last: int) -> None:
    """Down ``sum pull p^2``, with another pull in each step."""
    for i in range(first, last):
        optimizer.zero_grad()
        terms = [
            (p * p * of.tensor(pull[i].tolist(), dtype=p.dtype)).sum()
            for p, pull in zip(params, PULLS, strict=True)
        ]
        sum(terms).backward()
        optimizer.step()


def check(ours: list[Any], theirs: list[Any], rtol: float) -> None:
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=rtol, atol=rtol / 10)  # of a rate


@pytest.mark.parametrize("target", ["numba", "reference"])
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize(("name", "options"), ALL)
def test_fifteen_steps_are_pytorchs(
    name: str, options: dict[str, Any], dtype: str, rtol: float, target: str
) -> None:
    (ours, optimizer), (theirs, peer) = made(mg, name, dtype, options), made(torch, name, dtype, options)
    with mg.use_kernels(target):
        steps(mg, ours, optimizer, 0, 15)
    steps(torch, theirs, peer, 0, 15)
    check(ours, theirs, rtol)


@pytest.mark.parametrize("name", OPTIONS)
def test_the_defaults_are_pytorchs(name: str) -> None:
    p, q = mg.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    ours, theirs = (getattr(of.optim, name)([x]).defaults for of, x in ((mg, p), (torch, q)))
    switches = {"foreach", "fused", "capturable", "differentiable"}  # how PyTorch computes, not what
    assert ours == {key: value for key, value in theirs.items() if key not in switches}


@pytest.mark.parametrize(("name", "options"), ALL)
def test_a_state_goes_from_pytorch_to_minigrad_and_back(name: str, options: dict[str, Any]) -> None:
    theirs, peer = made(torch, name, "float64", options)
    steps(torch, theirs, peer, 0, 5)
    ours, optimizer = made(mg, name, "float64", {})
    for p, q in zip(ours, theirs, strict=True):
        p.array[...] = q.detach().numpy()
    optimizer.load_state_dict(_converted(peer.state_dict(), torch.Tensor, lambda t: mg.tensor(t.numpy())))
    steps(mg, ours, optimizer, 5, 10)
    steps(torch, theirs, peer, 5, 10)
    check(ours, theirs, 1e-10)

    again, third = made(torch, name, "float64", {})
    with torch.no_grad():
        for q, p in zip(again, ours, strict=True):
            q.copy_(torch.tensor(p.detach().numpy()))
    third.load_state_dict(_converted(optimizer.state_dict(), mg.Tensor, lambda t: torch.tensor(t.numpy())))
    steps(torch, again, third, 10, 15)
    steps(torch, theirs, peer, 10, 15)
    check(ours_of(again), theirs, 1e-10)


def ours_of(params: list[Any]) -> list[mg.Tensor]:
    return [mg.tensor(p.detach().numpy()) for p in params]


def _converted(value: Any, kind: type, convert: Any) -> Any:
    """A nested state with its tensors made into those of the other library."""
    if isinstance(value, kind):
        return convert(value)
    if isinstance(value, dict):
        return {key: _converted(part, kind, convert) for key, part in value.items()}
    return [_converted(part, kind, convert) for part in value] if isinstance(value, list) else value
