"""Recurrent layers and cells against PyTorch from the same weights: outputs, gradients, training, FLOPs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

pytestmark = pytest.mark.peer
RNG = np.random.default_rng(5)
X, H = 3, 4  # the sizes of an input and of a state

CELLS: list[tuple[str, dict[str, Any]]] = [
    ("RNNCell", {}),
    ("RNNCell", {"nonlinearity": "relu"}),
    ("LSTMCell", {}),
    ("LSTMCell", {"bias": False}),
    ("GRUCell", {}),
    ("GRUCell", {"bias": False}),
]
LAYERS: list[tuple[str, dict[str, Any]]] = [
    ("RNN", {}),
    ("RNN", {"nonlinearity": "relu", "num_layers": 2, "batch_first": True}),
    ("RNN", {"bias": False, "bidirectional": True}),
    ("LSTM", {}),
    ("LSTM", {"num_layers": 3, "bias": False}),
    ("LSTM", {"num_layers": 2, "bidirectional": True, "batch_first": True}),
    ("LSTM", {"proj_size": 2}),
    ("LSTM", {"num_layers": 2, "proj_size": 3, "bidirectional": True, "bias": False}),
    ("GRU", {}),
    ("GRU", {"num_layers": 2, "batch_first": True}),
    ("GRU", {"num_layers": 2, "bidirectional": True, "bias": False}),
]
both_dtypes = pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])


def normal(*shape: int, dtype: str = "float64") -> Any:
    return RNG.normal(0, 1, shape).astype(dtype)


def flat(out: Any) -> list[Any]:
    """The tensors of nested tuples."""
    return [t for each in out for t in flat(each)] if isinstance(out, tuple) else [out]


def pair(torch: Any, name: str, sizes: tuple[int, ...], options: dict[str, Any], dtype: str) -> tuple[Any, Any]:
    """A layer of minigrad, and PyTorch's with the same weights."""
    ours = getattr(nn, name)(*sizes, **options, dtype=dtype)
    theirs = getattr(torch.nn, name)(*sizes, **options, dtype=getattr(torch, dtype))
    theirs.load_state_dict({key: torch.tensor(t.numpy()) for key, t in ours.state_dict().items()})
    assert list(ours.state_dict()) == list(theirs.state_dict())
    return ours, theirs


def assert_close(got: Any, want: Any, tolerance: float) -> None:
    wanted = want.detach().numpy()
    np.testing.assert_allclose(got.detach().numpy(), wanted, tolerance, tolerance * max(abs(wanted).max(), 1e-3))


def given_to_both(torch: Any, arrays: list[Any]) -> tuple[list[Any], list[Any]]:
    return (
        [mg.tensor(a, requires_grad=True) for a in arrays],
        [torch.tensor(a, requires_grad=True) for a in arrays],
    )


def compare(torch: Any, ours: Any, theirs: Any, inputs: list[Any], state_count: int, tolerance: float) -> None:
    """Outputs, and the gradients of inputs, states and weights, for every output weighted at random."""
    mine, peers = given_to_both(torch, inputs)
    outs = []
    for net, given_, lib in ((ours, mine, mg), (theirs, peers, torch)):
        x, *state = given_
        hx = None if not state else state[0] if state_count == 1 else tuple(state)
        out = flat(net(x, hx))
        outs.append(out)
        rng = np.random.default_rng(1)
        sum(
            (t * lib.tensor(rng.normal(0, 1, tuple(t.shape)).astype(inputs[0].dtype))).sum() for t in out
        ).backward()
    pairs = list(zip(*outs, strict=True))
    pairs += [(t.grad, u.grad) for t, u in zip(mine, peers, strict=True)]
    pairs += [(p.grad, q.grad) for p, q in zip(ours.parameters(), theirs.parameters(), strict=True)]
    for got, want in pairs:
        assert_close(got, want, tolerance)


@both_dtypes
@pytest.mark.parametrize("batch", [(5,), ()])
@pytest.mark.parametrize("with_state", [True, False])
@pytest.mark.parametrize(("name", "options"), CELLS)
def test_a_cell_does_what_pytorchs_does(name, options, with_state, batch, dtype, tolerance):
    torch = pytest.importorskip("torch")
    ours, theirs = pair(torch, name, (X, H), options, dtype)
    count = 2 if name == "LSTMCell" else 1
    states = [normal(*batch, H, dtype=dtype) for _ in range(count)] if with_state else []
    compare(torch, ours, theirs, [normal(*batch, X, dtype=dtype), *states], count, tolerance)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@both_dtypes
@pytest.mark.parametrize("with_state", [True, False])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize(("name", "options"), LAYERS)
def test_a_layer_does_what_pytorchs_does(name, options, batched, with_state, dtype, tolerance):
    torch = pytest.importorskip("torch")
    ours, theirs = pair(torch, name, (X, H), options, dtype)
    T, B, L = 6, 5, options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    shape = ((B, T) if options.get("batch_first") else (T, B)) if batched else (T,)
    sizes = [options.get("proj_size") or H, H][: 2 if name == "LSTM" else 1]
    states = [normal(L, *[B] * batched, size, dtype=dtype) for size in sizes] if with_state else []
    compare(torch, ours, theirs, [normal(*shape, X, dtype=dtype), *states], len(sizes), tolerance)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@both_dtypes
@pytest.mark.parametrize(("name", "options"), [*LAYERS[:2], *LAYERS[3:7], *LAYERS[8:10]])
def test_ten_training_steps_are_pytorchs(name, options, dtype, tolerance):
    torch = pytest.importorskip("torch")
    ours, theirs = pair(torch, name, (X, H), options, dtype)
    x, target = (
        normal(7, 5, X, dtype=dtype),
        normal(7, 5, ours(mg.zeros(7, 5, X, dtype=dtype))[0].shape[-1], dtype=dtype),
    )
    losses: list[list[float]] = []
    for net, lib in ((ours, mg), (theirs, torch)):
        optimiser = lib.optim.SGD(net.parameters(), lr=0.5)
        losses.append([])
        for _ in range(10):
            optimiser.zero_grad()
            loss = ((net(lib.tensor(x))[0] - lib.tensor(target)) ** 2).mean()
            loss.backward()
            optimiser.step()
            losses[-1].append(loss.item())
    np.testing.assert_allclose(*losses, tolerance)
    assert losses[0][-1] < losses[0][0]
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert_close(p, q, tolerance)


@pytest.mark.parametrize(("name", "options"), [*CELLS, *LAYERS])
def test_it_prints_as_pytorchs_does(name, options):
    torch = pytest.importorskip("torch")
    printed = repr(getattr(nn, name)(X, H, **options))
    if name == "RNN":  # whose nonlinearity PyTorch does not tell
        printed = printed.replace(", nonlinearity=relu", "")
    assert printed == repr(getattr(torch.nn, name)(X, H, **options))


def test_flops_are_those_of_pytorchs_cells_in_a_loop():
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    for name in ("RNN", "LSTM", "GRU"):
        cell, x = getattr(torch.nn, f"{name}Cell")(X, H), torch.ones(6, 5, X, requires_grad=True)
        start = torch.zeros(5, H, requires_grad=True)
        state: Any = (start, start) if name == "LSTM" else start
        with FlopCounterMode(display=False) as counter:
            for t in range(6):
                state = cell(x[t], state)
            flat(state)[0].sum().backward()
        ours = getattr(nn, name)(X, H)
        with mg.profile() as found:
            ours(mg.ones(6, 5, X, requires_grad=True))[0].sum().backward()
        assert found.flops == counter.get_total_flops()
        forward = mg.trace(ours, mg.ones(6, 5, X)).flops
        assert forward == mg.summary(ours, mg.ones(6, 5, X)).flops == counter.get_total_flops() / 3
