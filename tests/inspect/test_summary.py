"""mg.summary: a model as a tree, with its sizes, its work and its memory, as far as it runs."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.inspect.summary import Line


class Block(nn.Module):
    def __init__(self, hidden: int = 8) -> None:
        super().__init__()
        self.up, self.act, self.down = nn.Linear(4, hidden), nn.ReLU(), nn.Linear(hidden, 4)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return x + self.down(self.act(self.up(x)))


class Net(nn.Module):
    def __init__(self, blocks: int = 12, last: int = 4) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.blocks = nn.Sequential(*[Block() for _ in range(blocks)])
        self.last = nn.Linear(last, 2)
        self.unused = nn.Linear(5, 5)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return self.last(self.blocks(self.first(x)))


def line(found: mg.Summary, name: str) -> Line:
    return next(line for _, line in found.root.walk() if line.name == name)


def test_equal_blocks_are_one_line_with_their_number() -> None:
    found = mg.summary(Net(), mg.ones(6, 3))
    assert [(depth, line.name, line.times) for depth, line in found.root.walk()] == [
        (0, "Net", 1), (1, "first", 1), (1, "blocks", 1), (2, "0 ... 11", 12), (3, "up", 1), (3, "act", 1),
        (3, "down", 1), (1, "last", 1), (1, "unused", 1),
    ]  # fmt: skip
    assert "    0 ... 11  x 12  Block" in found.table(width=1000)


def test_blocks_that_differ_in_anything_are_not_folded() -> None:
    model = Net(4)
    model.blocks[2].up.weight.requires_grad = False
    names = [line.name for _, line in mg.summary(model, mg.ones(6, 3)).root.walk()]
    assert {"0", "1", "2", "3"} <= set(names)


def test_parameters_are_counted_trainable_and_frozen_and_a_shared_one_once() -> None:
    model = Net(2)
    model.first.weight.requires_grad = False
    model.blocks[1].up.weight = model.blocks[0].up.weight
    found = mg.summary(model, mg.ones(6, 3))
    assert (line(found, "first").trainable, line(found, "first").frozen) == (4, 12)
    assert found.root.frozen == 12
    assert found.parameters == sum(p.numel() for p in model.parameters())


def test_flops_and_shapes_are_those_of_the_pass() -> None:
    found = mg.summary(Net(), mg.ones(6, 3))
    assert line(found, "blocks").flops == 12 * 2 * (2 * 6 * 4 * 8)
    assert found.flops == found.root.flops == 2 * 6 * (3 * 4 + 4 * 2) + line(found, "blocks").flops
    assert (line(found, "up").inputs, line(found, "up").outputs) == (((6, 4),), ((6, 8),))
    assert line(found, "unused").calls == 0
    assert "not called" in found.table(width=1000)


def test_a_module_that_is_called_twice_has_the_work_of_both_calls() -> None:
    layer = nn.Linear(4, 4)

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return self.layer(self.layer(x))

    found = mg.summary(Twice(), mg.ones(1, 4))
    assert (line(found, "layer").calls, line(found, "layer").flops) == (2, 2 * 32)
    assert found.parameters == 20


def test_memory_is_that_of_parameters_activations_gradients_and_the_optimisers_state() -> None:
    model = Net(2)
    x = mg.ones(6, 3)
    parameters = 4 * sum(p.numel() for p in model.parameters())
    needs = mg.summary(model, x, optimizer=mg.optim.Adam).needs
    assert (needs.parameters, needs.gradients, needs.buffers) == (parameters, parameters, 0)
    assert needs.activations == mg.memory(model(x)).bytes
    assert needs.optimizer == 2 * parameters
    assert needs.total == 4 * parameters + needs.activations
    assert mg.summary(model, x).needs.optimizer is None


@pytest.mark.parametrize(("momentum", "factor"), [(0.0, 0), (0.9, 1)])
def test_an_optimiser_is_counted_with_its_own_settings_and_parameters(momentum: float, factor: int) -> None:
    model = Net(2)
    optimizer = mg.optim.SGD(model.blocks.parameters(), momentum=momentum)
    needs = mg.summary(model, mg.ones(6, 3), optimizer=optimizer).needs
    assert needs.optimizer == factor * 4 * sum(p.numel() for p in model.blocks.parameters())
    assert optimizer.state == {}


def test_a_frozen_parameter_needs_no_gradient_and_no_grad_keeps_nothing() -> None:
    model = Net(2)
    model.first.weight.requires_grad = False
    with mg.no_grad():
        needs = mg.summary(model, mg.ones(6, 3)).needs
    assert needs.gradients == needs.parameters - 48
    assert needs.activations == 0


def test_up_to_an_error_everything_is_there_and_the_module_is_marked() -> None:
    found = mg.summary(Net(last=5), mg.ones(6, 3))
    assert isinstance(found.error, ValueError)
    assert [line.name for _, line in found.root.walk() if line.failed] == ["last"]
    assert line(found, "blocks").outputs == ((6, 4),)
    assert line(found, "last").inputs == ((6, 4),)
    table = found.table(width=1000)
    assert table.splitlines()[-1] == (
        "stopped in last: ValueError: Linear(5, 2) expects x of shape (..., 5), got (6, 4)"
    )
    (marked,) = (row for row in table.splitlines() if row.startswith("  last"))
    assert "error" in marked
    assert repr(found).endswith("stopped by a ValueError>")


def test_an_error_outside_of_layers_is_marked_where_it_happened() -> None:
    class Wrong(nn.Module):
        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return x @ x

    found = mg.summary(nn.Sequential(nn.Identity(), Wrong()), mg.ones(2, 3))
    assert [line.kind for _, line in found.root.walk() if line.failed] == ["Wrong"]


def test_what_ends_the_program_is_no_error_of_the_model() -> None:
    class Stopping(nn.Module):
        def forward(self, x: mg.Tensor) -> mg.Tensor:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mg.summary(Stopping(), mg.ones(1))


def test_the_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    before = {name: t.array.copy() for name, t in model.state_dict().items()}
    x = mg.randn(6, 3) * 10 + 5
    mg.manual_seed(3)
    first = mg.rand(2).tolist()
    mg.manual_seed(3)
    found = mg.summary(model, x)
    assert mg.rand(2).tolist() == first
    for name, t in model.state_dict().items():
        np.testing.assert_array_equal(t.array, before[name])
    assert found.needs.buffers == sum(b.array.nbytes for b in model.buffers())


def test_a_summary_keeps_no_activation_alive() -> None:
    model, x = Net(2), mg.ones(6, 3)
    held = []
    model.last.register_forward_hook(lambda module, args, output: held.append(weakref.ref(output)))
    found = mg.summary(model, x)
    gc.collect()
    assert held[0]() is None
    assert found.flops > 0


def test_only_a_module_has_a_summary_and_not_inside_a_trace() -> None:
    with pytest.raises(TypeError, match="expects a Module, got function"):
        mg.summary(lambda x: x, mg.ones(1))  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="one at a time"):
        mg.trace(lambda x: mg.summary(Net(), x), mg.ones(1, 3))


def test_operations_without_a_formula_are_listed_as_uncounted() -> None:
    table = mg.summary(Net(), mg.ones(6, 3)).table(width=1000)
    assert "FLOPs without a formula, not counted: Relu, Add" in table
