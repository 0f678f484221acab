"""Graphs of whole training steps: a replay is the step that it stands for, and an error ends the notes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import kernels, nn
from minigrad.kernels import reference
from minigrad.kernels.cuda import device
from minigrad.nn import functional as F
from training_steps import Training, losses

OPTIMIZERS: dict[str, Callable[..., mg.optim.Optimizer]] = {
    "SGD": lambda p: mg.optim.SGD(p, lr=0.1),
    "momentum": lambda p: mg.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "RMSprop": lambda p: mg.optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
    "Adagrad": lambda p: mg.optim.Adagrad(p, lr=0.1, lr_decay=0.1),
    "Adam": lambda p: mg.optim.Adam(p, lr=0.05),
    "amsgrad": lambda p: mg.optim.Adam(p, lr=0.05, amsgrad=True, weight_decay=0.1, maximize=True),
    "AdamW": lambda p: mg.optim.AdamW(p, lr=0.05),
}


def trained(optimizer: Callable[..., mg.optim.Optimizer], p: float = 0.0) -> Training:
    """A small net on the device, and its step."""

    def parts() -> list[nn.Module]:
        return [nn.Linear(4, 6), nn.ReLU(), nn.Dropout(p), nn.Linear(6, 2)]

    return Training(parts, F.mse_loss, optimizer)


def batches(count: int) -> list[tuple[mg.Tensor, mg.Tensor]]:
    rng = np.random.default_rng(0)
    shapes = (5, 4), (5, 2)
    return [
        tuple(mg.tensor(rng.standard_normal(s, np.float32), device="cuda") for s in shapes) for _ in range(count)
    ]


def plain(state: Any) -> Any:
    """What a state dict holds, in lists and numbers."""
    if isinstance(state, dict):
        return {key: plain(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [plain(value) for value in state]
    return (state.dtype, state.tolist()) if isinstance(state, mg.Tensor) else state


def everything(training: Training) -> Any:
    return plain([training.net.state_dict(), training.optimizer.state_dict(), mg.get_rng_state()])


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("p", [0.0, 0.4])
def test_replays_are_the_steps_that_they_stand_for(name: str, p: float) -> None:
    """Bit for bit, and with eager steps in between; the schedule goes on all the while."""
    given, found = batches(6), []
    for is_captured in (False, True):
        training = trained(OPTIMIZERS[name], p)
        found.append((losses(training, given, 0.5, is_captured=is_captured), everything(training)))
    assert found[0] == found[1]
    assert len(set(found[0][0])) == len(given)


def test_taking_notes_counts_no_step_and_draws_no_number() -> None:
    training, [batch] = trained(OPTIMIZERS["Adam"], 0.5), batches(1)
    training.step(*batch)
    before = everything(training)
    graph = mg.cuda.graph(training.step, *batch, warmup=0)
    assert everything(training) == before
    assert {state["step"] for state in training.optimizer.state.values()} == {1}
    graph(*batch)
    assert {state["step"] for state in training.optimizer.state.values()} == {2}
    assert everything(training) != before


def test_a_replay_drops_what_the_cpu_drops() -> None:
    x = mg.ones(6, 50)
    captured = mg.cuda.graph(lambda t: F.dropout(t, 0.3), x.cuda())
    mg.manual_seed(4)
    found = [captured(x.cuda()).tolist() for _ in range(3)]
    mg.manual_seed(4)
    assert found == [F.dropout(x, 0.3).tolist() for _ in range(3)]
    assert found[0] != found[1] != found[2]


def test_forward_and_backward_of_one_replay_drop_the_same() -> None:
    x = mg.ones(4, 60, device="cuda").requires_grad_()

    def both(x: mg.Tensor) -> tuple[mg.Tensor, mg.Tensor]:
        y = F.dropout2d(F.dropout(x, 0.5).reshape(4, 15, 2, 2), 0.25)
        return y.detach(), mg.grad(y.sum(), [x])[0]

    captured = mg.cuda.graph(both, x)
    masks = []
    for _ in range(3):
        y, dx = captured(x)
        assert y.reshape(4, 60).tolist() == dx.tolist()
        masks.append(y.tolist())
    assert masks[0] != masks[1] != masks[2]


def test_a_part_that_is_computed_again_drops_the_same() -> None:
    x = mg.ones(40, device="cuda").requires_grad_()

    def part(x: mg.Tensor) -> mg.Tensor:
        return F.dropout(x * 1.0, 0.5) * x  # whose gradient needs the dropped x

    def both(x: mg.Tensor) -> tuple[mg.Tensor, mg.Tensor]:
        y = mg.checkpoint(part, x)
        return y.detach(), mg.grad(y.sum(), [x])[0]

    y, dx = mg.cuda.graph(both, x)(x)
    assert dx.tolist() == (2 * y).tolist()


LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "attention": (lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.4, batch_first=True), (2, 3, 4)),
    "recurrent": (lambda: nn.LSTM(3, 4, 2, dropout=0.5), (3, 2, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_with_dropouts_of_their_own_are_repeated(name: str) -> None:
    make, shape = LAYERS[name]
    layer, x = make().cuda(), mg.randn(*shape, device="cuda")

    def step(x: mg.Tensor) -> tuple[mg.Tensor, ...]:
        y = layer(x)
        y = y[0] if isinstance(y, tuple) else y
        return (y.detach(), *mg.grad((y * y).sum(), list(layer.parameters())))

    captured = mg.cuda.graph(step, x)
    mg.manual_seed(7)
    found = [plain(captured(x)) for _ in range(2)]
    mg.manual_seed(7)
    assert found == [plain(step(x)) for _ in range(2)]
    assert found[0] != found[1]


def test_numbers_go_on_to_a_second_page(monkeypatch: pytest.MonkeyPatch) -> None:
    from minigrad.kernels.cuda import notes

    monkeypatch.setattr(notes, "BYTES", 300)
    eager, captured, [batch] = trained(OPTIMIZERS["Adam"]), trained(OPTIMIZERS["Adam"]), batches(1)
    step = mg.cuda.graph(captured.step, *batch)
    assert len(step.notes.pages) > 1
    step(*batch)
    for _ in range(3):
        eager.step(*batch)
    assert everything(eager) == everything(captured)


def test_a_graph_goes_with_its_last_reference() -> None:
    """Without the garbage collector, and its memory with it."""
    training, [batch] = trained(OPTIMIZERS["Adam"], 0.5), batches(1)
    gc.collect()
    gc.disable()
    try:
        step = mg.cuda.graph(training.step, *batch)
        step(*batch)
        gone = weakref.ref(step), weakref.ref(step.notes)
        del step
        assert [reference() for reference in gone] == [None, None]
    finally:
        gc.enable()


def test_only_what_has_changed_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    training, [batch] = trained(OPTIMIZERS["momentum"]), batches(1)
    step, sent = mg.cuda.graph(training.step, *batch), []
    upload = device.driver().upload
    monkeypatch.setattr(device.driver(), "upload", lambda *rest: (sent.append(rest), upload(*rest)))
    for _ in range(3):
        step(*batch)
    assert len(sent) == 1
    training.optimizer.param_groups[0]["lr"] = 0.01
    step(*batch)
    assert len(sent) == 2


# -- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["momentum", "Adam"])
def test_the_first_step_of_an_optimiser_cannot_be_noted(name: str) -> None:
    training, [batch] = trained(OPTIMIZERS[name]), batches(1)
    with pytest.raises(RuntimeError, match=r"the first step of .*: let warmup be at least 1"):
        mg.cuda.graph(training.step, *batch, warmup=0)
    assert not training.optimizer.state


def test_parameters_on_the_cpu_are_refused() -> None:
    p = nn.Parameter(mg.ones(2))
    p.grad = mg.ones(2)
    step = mg.optim.SGD([p], lr=0.5)
    with pytest.raises(RuntimeError, match="SGD has parameters on the CPU"):
        mg.cuda.graph(step.step)


CHANGES: dict[str, tuple[str, Callable[[Training], Any]]] = {
    "a state that was loaded": ("Adam", lambda t: t.optimizer.load_state_dict(t.optimizer.state_dict())),
    "another option": ("Adam", lambda t: t.optimizer.param_groups[0].update(amsgrad=True)),
    "a momentum": ("SGD", lambda t: t.optimizer.param_groups[0].update(momentum=0.5)),
    "no look ahead": ("momentum", lambda t: t.optimizer.param_groups[0].update(nesterov=False)),
    "a net that has moved": ("Adam", lambda t: t.net.to("cuda:1")),
    "a rate below 0": ("Adam", lambda t: t.optimizer.param_groups[0].update(lr=-1.0)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_no_graph_can_follow_is_refused_and_nothing_is_done(change: str) -> None:
    name, apply = CHANGES[change]
    training, [batch] = trained(OPTIMIZERS[name], 0.5), batches(1)
    step = mg.cuda.graph(training.step, *batch)
    apply(training)
    before = everything(training)
    with pytest.raises((RuntimeError, ValueError), match=r"capture it again|lr must be in"):
        step(*batch)
    assert everything(training) == before
    assert kernels.taking.notes is None


def test_a_graph_within_a_graph_is_refused() -> None:
    x = mg.ones(2, device="cuda")
    inner = mg.cuda.graph(lambda t: t + 1, x)
    with pytest.raises(RuntimeError, match="the function calls another graph"):
        mg.cuda.graph(lambda t: inner(t), x)
    with pytest.raises(RuntimeError, match="makes a graph of its own"):
        mg.cuda.graph(lambda t: mg.cuda.graph(lambda u: u + 1, t), x)


def test_an_index_out_of_range_is_told_of_a_replay() -> None:
    table, i = mg.ones(4, 2, device="cuda"), mg.tensor([1, 3], device="cuda")
    look = mg.cuda.graph(lambda i: F.embedding(i, table), i)
    assert look(i).sum().item() == 4
    look(mg.tensor([1, 9], device="cuda"))
    with pytest.raises(IndexError, match="index 9 is out of range for a size of 4"):
        mg.cuda.synchronize()


# -- errors ---------------------------------------------------------------------------------------------------


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Room for 32 MiB more than is in use."""
    gc.collect()
    mg.cuda.empty_cache()
    driver = device.driver()
    monkeypatch.setattr(driver, "memory", driver.memory - driver.memory_info(0)[0] + (32 << 20))
    yield
    gc.collect()


def failing(after: int, error: Callable[[], Any]) -> Callable[[mg.Tensor], mg.Tensor]:
    """A function whose call number ``after`` fails when it has done some work."""
    calls = []

    def function(x: mg.Tensor) -> mg.Tensor:
        calls.append(x)
        y = F.dropout(x * 2, 0.5)
        if len(calls) > after:
            error()
        return y + 1

    return function


def raise_key_error() -> None:
    raise KeyError("of the function")


@pytest.mark.parametrize("after", [0, 2], ids=["in the warm-up", "while notes are taken"])
def test_after_an_error_everything_works_as_before(after: int) -> None:
    x = mg.ones(8, device="cuda")
    mg.cuda.synchronize()
    memory, streams = device.device(0).memory, dict(device.current.streams)
    kept = set(memory.kept)
    function = failing(after, raise_key_error)
    with pytest.raises(KeyError, match="of the function"):
        mg.cuda.graph(function, x)
    assert (kernels.taking.notes, memory.noting, memory.kept) == (None, 0, kept)
    assert {**streams, 0: 0} == {**device.current.streams, 0: device.stream(0)}
    assert (x * 3).tolist() == [3.0] * 8
    assert mg.cuda.graph(lambda t: t * 4, x)(x).tolist() == [4.0] * 8


@pytest.mark.parametrize("after", [0, 2], ids=["in the warm-up", "while notes are taken"])
def test_out_of_memory_says_how_much_and_a_later_graph_works(after: int, little_memory: None) -> None:
    x = mg.ones(8, device="cuda")
    function = failing(after, lambda: mg.empty(12 << 20, device="cuda"))
    with pytest.raises(mg.cuda.OutOfMemoryError) as error:
        mg.cuda.graph(function, x)
    for part in ("cuda:0 has no room for 48.0 MiB", "tensors use ", "more are kept", "are free"):
        assert part in str(error.value)
    assert (x + 1).tolist() == [2.0] * 8
    assert mg.cuda.graph(lambda t: t * 4, x)(x).tolist() == [4.0] * 8


def test_what_could_be_given_back_while_notes_are_taken_is_named(little_memory: None) -> None:
    mg.empty(6 << 20, device="cuda")  # 24 MiB, kept for the next one

    def function(x: mg.Tensor) -> mg.Tensor:
        return mg.empty(5 << 20, device="cuda") if kernels.taking.notes is not None else x * 1

    x = mg.ones(8, device="cuda")
    with pytest.raises(mg.cuda.OutOfMemoryError, match=r"mg.cuda.empty_cache\(\) before would give 24.0 MiB"):
        mg.cuda.graph(function, x)
    mg.cuda.empty_cache()
    assert mg.cuda.graph(function, x)(x).shape == (5 << 20,)


def test_the_memory_of_a_capture_that_failed_is_used_again(little_memory: None) -> None:
    def function(x: mg.Tensor) -> mg.Tensor:
        y = mg.empty(5 << 20, device="cuda")
        return y + mg.empty(5 << 20, device="cuda")

    for _ in range(2):
        try:
            mg.cuda.graph(function, mg.ones(1, device="cuda"))
        except mg.cuda.OutOfMemoryError:
            gc.collect()
        assert mg.empty(7 << 20, device="cuda").shape == (7 << 20,)  # 28 MiB


def test_waiting_for_the_device_while_notes_are_taken_ends_them() -> None:
    """As a driver does; what minigrad itself refuses comes with a better reason."""
    x = mg.ones(8, device="cuda")
    with pytest.raises(RuntimeError, match="while it takes notes"):
        mg.cuda.graph(lambda t: device.driver().synchronize(0), x)
    assert mg.cuda.graph(lambda t: t * 4, x)(x).tolist() == [4.0] * 8


def test_the_key_is_that_of_the_reference() -> None:
    x = np.ones((3, 8), np.float32)
    cuda = kernels.load("cuda")
    for key in (0, 5, 2**64 - 1):
        want = reference.dropout(x, 0.4, key, 2)
        assert cuda.dropout(cuda.to_device(x, 0), 0.4, key, 2).host().tolist() == want.tolist()


@pytest.mark.parametrize("name", ["Adadelta", "NAdam", "RAdam"])
def test_an_optimiser_made_of_operations_is_not_repeated(name: str) -> None:
    training = trained(getattr(mg.optim, name))
    with pytest.raises(RuntimeError, match=f"mg.cuda.graph: {name} is made of operations"):
        mg.cuda.graph(training.step, *batches(1)[0])
