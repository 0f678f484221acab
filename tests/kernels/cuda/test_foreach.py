"""The steps of an optimiser as one launch, and the table that it reads."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest

import minigrad as mg
from minigrad.kernels.cuda import device, foreach
from minigrad.kernels.cuda.memory import Cache

Params = Sequence[mg.Tensor]
OPTIMIZERS: dict[str, Callable[[Params], mg.optim.Optimizer]] = {
    "SGD": lambda p: mg.optim.SGD(p, lr=0.1),
    "nesterov": lambda p: mg.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "RMSprop": lambda p: mg.optim.RMSprop(p, lr=0.1, centered=True, momentum=0.5),
    "Adagrad": lambda p: mg.optim.Adagrad(p, lr=0.1),
    "Adam": lambda p: mg.optim.Adam(p, lr=0.1),
    "amsgrad": lambda p: mg.optim.AdamW(p, lr=0.1, amsgrad=True),
}
EDGES = [0, 1, foreach.PIECE - 1, foreach.PIECE, foreach.PIECE + 1, 5 * foreach.PIECE + 3]


def parameters(sizes: Sequence[int], where: str, dtype: str = "float32") -> list[mg.Tensor]:
    """Parameters with gradients, the same on each device."""
    rng, found = np.random.default_rng(0), []
    for n in sizes:
        p, g = (mg.tensor(rng.standard_normal(n), dtype=dtype, device=where) for _ in range(2))
        found.append(p.requires_grad_())
        p.grad = g
    return found


def assert_steps_agree(make: Callable[[str], list[mg.Tensor]], name: str, steps: int = 2) -> int:
    """The device's steps are the host's; what is returned is how many launches the last one was."""
    ours, expected = make("cuda"), make("cpu")
    for params in (ours, expected):
        optimizer = OPTIMIZERS[name](params)
        for _ in range(steps):
            before = mg.cuda.kernel_launches()
            optimizer.step()
            launches = mg.cuda.kernel_launches() - before
        if params is ours:
            found = launches
    for p, want in zip(ours, expected, strict=True):
        np.testing.assert_allclose(p.numpy(force=True), want.numpy(force=True), rtol=2e-5, atol=1e-6)
    return found


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_step_of_many_parameters_is_one_launch(name: str) -> None:
    assert assert_steps_agree(lambda where: parameters([*EDGES, *EDGES[::-1]], where), name) == 1


def test_each_dtype_has_a_launch_of_its_own() -> None:
    def make(where: str) -> list[mg.Tensor]:
        return [*parameters([3, 4], where), *parameters([5, 6], where, "float64")]

    assert assert_steps_agree(make, "Adam") == 2


@pytest.mark.parametrize("extra", [0, 1])
def test_more_parameters_than_a_table_has_rows(extra: int) -> None:
    rows = foreach.ROWS
    assert assert_steps_agree(lambda where: parameters([1] * (rows + extra), where), "SGD") == 1 + extra


def test_groups_with_other_rates_are_launches_of_their_own() -> None:
    p, q = parameters([3, 3], "cuda")
    optimizer = mg.optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.5}], lr=0.25)
    wants = [(t.detach() - rate * t.grad).tolist() for t, rate in ((p, 0.25), (q, 0.5))]
    before = mg.cuda.kernel_launches()
    optimizer.step()
    assert mg.cuda.kernel_launches() - before == 2
    assert [p.tolist(), q.tolist()] == wants


def test_parameters_that_overlap_are_changed_one_after_the_other() -> None:
    def make(where: str) -> list[mg.Tensor]:
        whole = mg.arange(40.0, device=where)
        found = [whole[:30].requires_grad_(), whole[10:].detach().requires_grad_()]
        for p in found:
            p.grad = mg.ones(30, device=where)
        return found

    assert assert_steps_agree(make, "nesterov") == 2


def test_a_parameter_with_gaps() -> None:
    def make(where: str) -> list[mg.Tensor]:
        found = [*parameters([3], where), mg.zeros(4, 5, device=where)[:, ::2].requires_grad_()]
        found[1].grad = mg.ones(3, 4, device=where).T
        return found

    assert_steps_agree(make, "Adam")


# -- the table ------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The tables that are sent to the device."""
    found: list[np.ndarray] = []
    send = foreach.Steps._sent

    def noted(steps: foreach.Steps, values: np.ndarray) -> object:
        found.append(values)
        return send(steps, values)

    monkeypatch.setattr(foreach.Steps, "_sent", noted)
    return found


def test_a_table_is_sent_again_when_a_gradient_has_moved(sent: list[np.ndarray]) -> None:
    [p] = parameters([3], "cuda")
    optimizer, places = mg.optim.SGD([p], lr=1.0), [mg.ones(3, device="cuda"), mg.ones(3, device="cuda")]
    want = p.numpy(force=True)
    for k, count in ((0, 1), (0, 1), (1, 2), (0, 2), (1, 2)):
        p.grad = places[k]
        optimizer.step()
        want = want - 1
        assert len(sent) == count
        np.testing.assert_array_equal(p.numpy(force=True), want)


def test_some_tables_are_kept_and_all_go_with_the_parameter(sent: list[np.ndarray]) -> None:
    mg.cuda.synchronize()
    before = mg.cuda.memory_allocated()
    [p] = parameters([3], "cuda")
    optimizer, places = mg.optim.SGD([p], lr=1.0), [mg.ones(3, device="cuda") for _ in range(foreach.TABLES + 1)]
    for place in places:
        p.grad = place
        optimizer.step()
    assert mg.cuda.memory_allocated() - before == 512 * (1 + len(places) + foreach.TABLES)
    p.grad = places[0]
    optimizer.step()
    assert len(sent) == len(places) + 1
    del optimizer, places, place, p
    assert mg.cuda.memory_allocated() == before


def test_after_some_steps_a_training_loop_sends_no_table(sent: list[np.ndarray]) -> None:
    layers = [layer for _ in range(3) for layer in (mg.nn.Linear(8, 8), mg.nn.LayerNorm(8), mg.nn.GELU())]
    net, x = mg.nn.Sequential(*layers).cuda(), mg.randn(8, 8, device="cuda")
    optimizer = mg.optim.Adam(net.parameters())
    for _ in range(8):
        optimizer.zero_grad()
        net(x).pow(2).mean().backward()
        count = len(sent)
        optimizer.step()
    assert len(sent) == count < 6


def test_memory_is_given_in_one_order_whatever_the_order_of_its_return() -> None:
    cache = Cache(device.driver(), 0)
    first = [cache.take(512, 0) for _ in range(4)]
    places = [memory.address for memory in first]
    for order in itertools.permutations(range(4)):
        held = dict(enumerate(first))
        del first
        for k in order:
            del held[k]
        first = [cache.take(512, 0) for _ in range(4)]
        assert [memory.address for memory in first] == places
    del first
    cache.empty()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_written_back_later_is_not_missed_by_the_next_parameter(name: str) -> None:
    """A transposed parameter is copied for the step; the next one lies in the same memory."""

    def make(where: str) -> list[mg.Tensor]:
        base = mg.tensor([[1.0, 2.0], [3.0, 4.0]], device=where)
        found = [base.T.detach().requires_grad_(), base.detach().requires_grad_()]
        for p in found:
            p.grad = mg.ones(2, 2, device=where)
        return found

    assert_steps_agree(make, name)


def test_a_gradient_in_the_memory_of_a_transposed_parameter_is_read_after_its_step() -> None:
    def make(where: str) -> list[mg.Tensor]:
        base = mg.tensor([[1.0, 2.0], [3.0, 4.0]], device=where)
        p, q = base.T.detach().requires_grad_(), mg.zeros(2, 2, device=where, requires_grad=True)
        p.grad, q.grad = mg.ones(2, 2, device=where), base.detach()
        return [p, q]

    assert_steps_agree(make, "SGD")
