"""mg.trace: the steps of a forward pass as data, and as a table."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.kernels.cpu import compile
from minigrad.nn import functional as F


class Net(nn.Module):
    """Two layers; the activation of the first is called functionally, that of the second is a module."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Linear(4, 3)
        self.layer2 = nn.Linear(3, 2)
        self.last = nn.Softmax(dim=1)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return self.last(self.layer2(F.sigmoid(self.layer1(x))))


def test_a_step_has_the_values_of_the_formula() -> None:
    net, x = Net(), mg.randn(5, 4)
    step = mg.trace(net, x)["layer1"]
    z = x.array @ net.layer1.weight.array.T + net.layer1.bias.array
    np.testing.assert_allclose(step.z.array, z, rtol=1e-5)
    np.testing.assert_allclose(step.a.array, 1 / (1 + np.exp(-z)), rtol=1e-5)
    assert step.shapes == {"x": (5, 4), "W": (3, 4), "b": (3,), "z": (5, 3), "a": (5, 3)}
    assert step.formula == "z = x W^T + b,  a = 1 / (1 + e^-z)"


def test_a_functional_activation_joins_the_layer_that_made_its_z_and_a_module_does_not() -> None:
    assert [step.name for step in mg.trace(Net(), mg.ones(1, 4))] == ["layer1", "layer2", "last"]


def test_flops_are_two_for_each_multiply_add_of_a_matrix_product() -> None:
    found = mg.trace(Net(), mg.ones(5, 4))
    assert [step.flops for step in found] == [2 * 5 * 4 * 3, 2 * 5 * 3 * 2, 0]
    assert found.flops == 180


def test_kept_bytes_count_each_array_once_and_no_parameter() -> None:
    found = mg.trace(Net(), mg.ones(5, 4))
    # layer1 keeps x, z and a; layer2 keeps that a, counted already; the softmax keeps z and its own a
    assert [step.kept_bytes for step in found] == [(20 + 15 + 15) * 4, 0, (10 + 10) * 4]


def test_under_no_grad_the_values_are_there_and_nothing_is_recorded_or_kept() -> None:
    net, x = Net(), mg.randn(5, 4)
    recorded = mg.trace(net, x)
    with mg.no_grad():
        found = mg.trace(net, x)
    assert (found.nodes, found.kept_bytes) == (0, 0)
    assert recorded.nodes == 4
    assert found["last"].a.tolist() == recorded["last"].a.tolist()
    assert found.output.grad_fn is None


def test_a_layer_that_runs_twice_is_two_steps() -> None:
    layer = nn.Linear(3, 3)
    net = nn.Sequential(layer, nn.Tanh())
    found = mg.trace(lambda x: net(net(x)), mg.ones(1, 3))
    assert len(found) == 4  # a function has no names for the modules it calls
    twice = nn.Sequential(layer, layer)
    assert [step.name for step in mg.trace(twice, mg.ones(1, 3))] == ["0", "0 (2)"]


def test_operations_outside_any_module_are_steps_by_their_own_name() -> None:
    x = mg.tensor([[1.0, 2.0]])
    found = mg.trace(lambda x: (x * 2).sum().exp(), x)
    assert [step.name for step in found] == ["mul", "sum", "exp"]
    assert found["mul"].out.tolist() == [[2.0, 4.0]]


def test_what_is_not_there_is_an_error_that_lists_what_is() -> None:
    found = mg.trace(Net(), mg.ones(1, 4))
    with pytest.raises(KeyError, match="no step 'layer3'; there are layer1, layer2, last"):
        found["layer3"]
    with pytest.raises(AttributeError, match="no 'h'; its values are x, W, b, z, a"):
        _ = found["layer1"].h


@pytest.fixture
def no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def test_a_trace_of_a_matrix_is_told_what_it_is_called_here() -> None:
    with pytest.raises(TypeError, match=r"the sum of a diagonal is x.trace\(\)"):
        mg.trace(mg.eye(2))


@pytest.mark.usefixtures("no_columns")
def test_an_output_that_is_neither_z_nor_a_has_a_column_and_statistics() -> None:
    found = mg.trace(lambda x: (x * 2).sum().exp(), mg.tensor([[1.0, -1.5]]))
    head, mul, add, exp = (line.split("  ") for line in found.table().splitlines()[:4])
    named, statistics = ["layer", "formula", "x", "y", "out"], ["out min", "out mean", "out max", "out std"]
    assert [cell.strip() for cell in head if cell] == [*named, "params", "FLOPs", "kept", "ms", *statistics]
    assert [cell.strip() for cell in mul if cell][2:5] == ["(1, 2)", "()", "(1, 2)"]
    assert [[cell.strip() for cell in row if cell][-4:] for row in (mul, add, exp)] == [
        ["-3", "-0.5", "2", "2.5"],
        ["-1", "-1", "-1", "0"],
        ["0.368", "0.368", "0.368", "0"],
    ]
    assert "out min 0.368  out mean 0.368" in found.table(width=60)


@pytest.mark.usefixtures("no_columns")
def test_a_step_of_several_operations_shows_the_last_ones_output() -> None:
    class Scaled(nn.Module):
        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return (x + 1).exp()

    found = mg.trace(nn.Sequential(Scaled(), nn.Sigmoid()), mg.zeros(1))
    head, scaled, *_ = found.table().splitlines()
    assert head.split()[5:9] == ["out", "params", "FLOPs", "kept"]
    assert scaled.split()[-4:] == ["2.72", "2.72", "2.72", "0"]


def test_the_width_is_that_in_columns_where_the_output_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    found = mg.trace(Net(), mg.ones(1, 4))
    monkeypatch.setenv("COLUMNS", "70")
    assert max(map(len, found.table().splitlines())) <= 70


def test_a_trace_inside_a_trace_is_refused_and_the_outer_one_ends() -> None:
    with pytest.raises(RuntimeError, match=r"trace\(\) cannot run inside a trace or a profile"):
        mg.trace(lambda x: mg.trace(mg.exp, x), mg.ones(1))
    assert len(mg.trace(mg.exp, mg.ones(1))) == 1


@pytest.mark.usefixtures("no_columns")
def test_the_table_has_a_line_for_each_step_and_paragraphs_where_lines_do_not_fit() -> None:
    found = mg.trace(Net(), mg.ones(1, 4))
    lines = found.table().splitlines()
    assert lines[4:] == ["", "FLOPs without a formula, not counted: Sigmoid, Softmax"]
    assert lines[0].split()[:10] == ["layer", "formula", "x", "W", "b", "z", "a", "params", "FLOPs", "kept"]
    assert lines[1].startswith("layer1  z = x W^T + b,  a = 1 / (1 + e^-z)  (1, 4)  (3, 4)  (3,)  (1, 3)  (1, 3)")
    narrow = found.table(width=80).splitlines()
    assert max(map(len, narrow)) <= 80
    assert any("FLOPs 24  kept 40 B" in line for line in narrow)
    assert str(found) == found.table()
    assert "<td" in found._repr_html_()


def test_an_error_in_the_model_leaves_no_observer_behind() -> None:
    with pytest.raises(ValueError, match="expects x of shape"):
        mg.trace(Net(), mg.ones(1, 5))
    calls = mg.trace(lambda x: x + 1, mg.ones(1))
    mg.ones(1) + 1
    assert len(calls) == 1


# -- calls ----------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """A residual block, whose addition is outside of any layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.same = nn.Identity()

    def forward(self, x: mg.Tensor, *, scale: mg.Tensor | None = None) -> dict[str, object]:
        y = self.same(self.layer(x)) + x
        return {"y": y if scale is None else y * scale, "parts": [x, (y,)]}


def test_every_module_call_is_there_in_order_with_its_depth_and_shapes() -> None:
    calls = mg.trace(Net(), mg.ones(5, 4)).calls
    assert [(call.name, call.depth, call.inputs, call.outputs) for call in calls] == [
        ("Net", 0, ((5, 4),), ((5, 2),)),
        ("layer1", 1, ((5, 4),), ((5, 3),)),
        ("layer2", 1, ((5, 3),), ((5, 2),)),
        ("last", 1, ((5, 2),), ((5, 2),)),
    ]
    assert all(call.is_done for call in calls)


def test_a_call_adds_up_what_ran_inside_it() -> None:
    found = mg.trace(Net(), mg.ones(5, 4))
    outer, *inner = found.calls
    assert (outer.flops, outer.kept_bytes) == (found.flops, found.kept_bytes)
    assert [call.parameters for call in found.calls] == [15 + 8, 15, 8, 0]
    assert [call.flops for call in inner] == [120, 60, 0]
    assert [len(call.ops) for call in found.calls] == [4, 1, 1, 1]
    assert sum(call.seconds for call in inner) < outer.seconds


def test_keyword_arguments_and_nested_results_have_shapes_too() -> None:
    (outer, *_) = mg.trace(Block(), mg.ones(2, 3), scale=mg.ones(1)).calls
    assert outer.inputs == ((2, 3), (1,))
    assert outer.outputs == ((2, 3), (2, 3), (2, 3))


def test_a_layer_without_operations_and_a_function_outside_layers_are_steps_too() -> None:
    found = mg.trace(Block(), mg.ones(2, 3))
    assert [step.name for step in found] == ["layer", "same", "add"]
    assert found["same"].shapes == {"x": (2, 3)}
    assert found["same"].output is not None
    assert [step.parameters for step in found] == [12, 0, 0]


def test_a_parameter_counts_at_its_first_use_frozen_or_not() -> None:
    layer = nn.Linear(3, 3)
    layer.weight.requires_grad = False
    found = mg.trace(nn.Sequential(layer, layer), mg.ones(1, 3))
    assert [step.parameters for step in found] == [12, 0]
    assert found.kept_bytes == 0 + 12 * 2  # each layer's x, and no parameter


def test_the_hooks_are_gone_afterwards_also_after_an_error() -> None:
    net = Net()
    found = mg.trace(net, mg.ones(1, 4))
    with pytest.raises(ValueError, match="expects x of shape"):
        mg.trace(net, mg.ones(1, 5))
    net(mg.ones(1, 4))
    assert len(found.calls) == 4


def test_a_module_whose_error_is_caught_has_not_returned_and_the_others_have() -> None:
    class Careful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            try:
                return self.layer(x)
            except ValueError:
                return x

    found = mg.trace(Careful(), mg.ones(1, 5))
    assert [(call.name, call.is_done) for call in found.calls] == [("Careful", True), ("layer", False)]
    assert found.running == []


def test_values_that_hooks_store_elsewhere_are_not_counted() -> None:
    with mg.saved_tensors_hooks(lambda t: t, lambda t: t):
        assert mg.trace(Net(), mg.ones(5, 4)).kept_bytes == 0


def test_the_output_of_a_layer_of_several_operations_is_what_it_returned() -> None:
    class Counting(nn.Module):
        def forward(self, x: mg.Tensor) -> mg.Tensor:
            y = x * 2
            y.sum()
            return y

    step = mg.trace(nn.Sequential(Counting()), mg.ones(2, 3))["0"]
    assert step.output is not None
    assert step.output.tolist() == [[2.0] * 3] * 2
    assert "(2, 3)  ()  (2, 3)" in mg.trace(nn.Sequential(Counting()), mg.ones(2, 3)).table(width=200)


@pytest.mark.parametrize(
    ("layer", "formula"),
    [
        (nn.Linear(4, 3, bias=False), "z = x W^T"),
        (nn.Linear(4, 3), "z = x W^T + b"),
        (nn.Conv1d(2, 3, 2, bias=False), "z[o, i] = sum W[o, c, k] x[c, i s + k d - p]"),
        (nn.Conv1d(2, 3, 2), "z[o, i] = b[o] + sum W[o, c, k] x[c, i s + k d - p]"),
        (nn.ConvTranspose1d(2, 3, 2, bias=False), "y[c, j] = sum W[o, c, k] x[o, i]"),
        (nn.ConvTranspose1d(2, 3, 2), "y[c, j] = b[c] + sum W[o, c, k] x[o, i]"),
    ],
)
def test_the_formula_has_a_bias_where_the_layer_has_one(layer: nn.Module, formula: str) -> None:
    x = mg.ones(1, 2, 4, requires_grad=True)
    for mode in (mg.enable_grad, mg.no_grad):
        with mode():
            (op,) = mg.trace(nn.Sequential(layer), x)["0"].ops
        assert op.formula == formula
        assert op.title == type(layer).__name__.removesuffix("1d")
    layer(x).sum().backward()
    assert x.grad is not None


def test_the_table_has_a_column_for_each_kept_input_of_a_formula() -> None:
    table = mg.trace(nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3)), mg.ones(4, 2)).table(width=300)
    assert table.split("\n")[0].split()[2:8] == ["x", "W", "w", "b", "z", "out"]
    x = mg.trace(lambda x, y: x * y, mg.ones(2), mg.ones(2)).as_table()
    assert x.head[2:5] == ["x", "y", "out"]


def test_the_time_of_a_step_has_no_compilation_in_it() -> None:
    slow = [0.2]

    class Slow(mg.Op):
        """y = x"""

        def forward(self, kernels: Any, x: Any) -> Any:
            if slow:
                compile._made += 1
                time.sleep(slow.pop())
            return kernels.copy(x)

    class Slowly(nn.Module):
        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return mg.record(Slow(), x)

    found = mg.trace(nn.Sequential(nn.ReLU(), Slowly()), mg.ones(2))
    assert found.seconds < 0.1
    assert all(call.seconds < 0.1 for call in found.calls)
