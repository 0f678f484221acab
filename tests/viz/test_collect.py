from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.viz import text
from minigrad.viz.recording import operations
from minigrad.viz.schema import Graph, Node
from viz.models import Perceptron


def collected(tensor: mg.Tensor, **options: Any) -> Graph:
    return mg.draw(tensor, **options).graph


def by_title(graph: Graph, title: str) -> Node:
    (node,) = [node for node in graph.nodes if node.title == title]
    return node


def cluster_of(graph: Graph, node: Node) -> str:
    return "" if node.cluster is None else graph.clusters[node.cluster].name


# -- nodes and edges -----------------------------------------------------------------------------------------


def test_operations_are_numbered_as_recorded_and_leaves_after_them_by_first_use() -> None:
    a, b = mg.tensor(1.0, requires_grad=True), mg.tensor(2.0)
    late = a.exp()
    first = b * a
    graph = collected(first + late)
    assert [node.title or node.kind for node in graph.nodes] == ["Exp", "Mul", "Add", "parameter", "input"]
    assert [node.id for node in graph.nodes] == [0, 1, 2, 3, 4]
    assert [(e.source, e.target, e.symbol) for e in graph.edges] == [
        (3, 0, ""), (4, 1, ""), (3, 1, ""), (1, 2, ""), (0, 2, ""),
    ]  # fmt: skip


def test_a_leaf_used_twice_is_one_node() -> None:
    x = mg.tensor(3.0, requires_grad=True)
    graph = collected(x * x + x)
    assert graph.count("parameter") == 1
    assert len(graph.edges) == 4


def test_an_input_used_twice_is_one_node() -> None:
    x, w = mg.tensor([1.0, 2.0]), mg.tensor(3.0, requires_grad=True)
    assert collected(w * x + w / x).count("input") == 1


def test_a_diamond_of_depth_60_has_60_operations() -> None:
    x = mg.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(60):
        y = y + y
    assert collected(y).count("operation") == 60


def test_a_chain_of_10_000_operations_is_collected_without_recursion() -> None:
    x = mg.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(10_000):
        y = y + x
    assert len(collected(y).nodes) == 10_001
    assert y.grad_fn is not None
    orders = [op.order for op in operations([y.grad_fn])]
    assert orders == sorted(orders)


def test_only_what_the_tensor_was_computed_from_is_collected() -> None:
    x = mg.tensor(1.0, requires_grad=True)
    y = x.exp()
    _beside, _after = x.log(), y.log()
    assert [node.title for node in collected(y).nodes] == ["Exp", ""]


def test_the_inputs_of_cat_are_numbered() -> None:
    x = mg.ones(2, requires_grad=True)
    assert [edge.input for edge in collected(mg.cat([x, x])).edges] == ["x0", "x1"]


# -- values --------------------------------------------------------------------------------------------------


def test_z_and_a_of_a_layer_have_their_values() -> None:
    x, W = mg.tensor([[1.0, 2.0]]), mg.tensor([[0.5, -1.0]], requires_grad=True)
    z = mg.linear(x, W)
    a = z.sigmoid()
    graph = collected((a * 2).sum())
    for title, tensor in (("Linear", z), ("Sigmoid", a)):
        node = by_title(graph, title)
        assert node.value is not None
        assert node.value.is_whole
        assert node.value.numbers == tuple(tensor.detach().numpy().ravel().tolist())


def test_a_value_that_nobody_keeps_is_computed_again() -> None:
    x = mg.tensor([[1.0, 2.0]], requires_grad=True)
    y = (x + 1).sum(0).sum()
    assert numbers(by_title(collected(y), "Add")) == (2.0, 3.0)
    y.backward()
    assert by_title(collected(y), "Add").value is None  # the graph is freed


def test_a_value_is_not_computed_from_what_has_changed_since() -> None:
    x = mg.tensor([[1.0, 2.0]], requires_grad=True)
    y = (x + 1).sum()
    x.array[...] = 5
    x.touch()
    assert by_title(collected(y), "Add").value is None


def numbers(node: Node) -> tuple[float, ...]:
    assert node.value is not None
    return node.value.numbers


def test_the_result_and_named_tensors_have_their_values() -> None:
    x = mg.tensor(2.0, requires_grad=True)
    y = x + 1
    graph = collected(y + 1, names={"y": y})
    assert [node.value.numbers for node in graph.nodes[:2] if node.value] == [(3.0,), (4.0,)]
    assert graph.nodes[0].symbol == "y"
    assert [node.is_result for node in graph.nodes[:2]] == [False, True]


@pytest.mark.parametrize(("size", "whole"), [(32, True), (33, False)])
def test_values_are_whole_up_to_max_values_and_have_a_summary(size: int, whole: bool) -> None:
    x = mg.tensor(np.arange(size, dtype=np.float32))
    value = collected(x * mg.tensor(1.0, requires_grad=True)).nodes[0].value
    assert value is not None and value.summary is not None
    assert value.is_whole is whole
    assert value.numbers == (tuple(map(float, range(size))) if whole else ())
    found = value.summary
    assert (found.minimum, found.mean, found.maximum) == (0.0, (size - 1) / 2, size - 1.0)
    assert sum(found.histogram) == size


def test_values_false_reads_none() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    assert all(node.value is None for node in collected((x * x).sum(), values=False).nodes)


def test_max_values_0_summarises_all_but_single_numbers() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    graph = collected(x.sum(), max_values=0)
    assert [node.value.is_whole for node in graph.nodes if node.value] == [True, False]


def test_empty_and_infinite_values_are_collected_without_a_warning() -> None:
    scale = mg.tensor(1.0, requires_grad=True)
    odd = mg.tensor(np.r_[np.inf, -np.inf, np.nan, np.zeros(40)].astype(np.float32))
    assert collected(odd * scale).nodes[0].value is not None
    empty = collected(mg.zeros(0, 3) * scale).nodes[0].value
    assert empty is not None
    assert empty.is_whole
    assert empty.numbers == ()


def test_a_summary_counts_what_is_not_finite_and_leaves_it_out() -> None:
    scale = mg.tensor(1.0, requires_grad=True)
    odd = mg.tensor(np.r_[np.inf, -np.inf, np.nan, np.arange(41)].astype(np.float32))
    value = collected(odd * scale).nodes[0].value
    assert value is not None and value.summary is not None
    assert value.summary.not_finite == 3
    assert (value.summary.minimum, value.summary.mean, value.summary.maximum) == (0.0, 20.0, 40.0)


def test_gradients_stand_beside_the_values_of_leaves_and_retained_tensors() -> None:
    x = mg.tensor(3.0, requires_grad=True)
    y = x * x
    y.retain_grad()
    z = y * 2
    z.backward(retain_graph=True)
    mul, last, leaf, _two = collected(z).nodes
    assert mul.gradient and mul.gradient.numbers == (2.0,)
    assert leaf.gradient and leaf.gradient.numbers == (12.0,)
    assert last.gradient is None


def test_a_freed_graph_has_structure_and_shapes_and_says_so() -> None:
    x = mg.tensor([[1.0, 2.0]], requires_grad=True)
    a = x.sigmoid()
    loss = a.sum()
    assert not collected(loss).notes
    del a
    loss.backward()
    graph = collected(loss)
    assert graph.notes == ("values freed by backward(); backward(retain_graph=True) keeps them",)
    assert by_title(graph, "Sigmoid").value is None
    assert by_title(graph, "Sigmoid").shape == (1, 2)


def test_a_parameter_changed_after_the_forward_pass_says_so() -> None:
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    y = (w * mg.tensor([3.0, 4.0])).sum()
    assert not any(node.value.changed for node in collected(y).nodes if node.value)
    w.detach().numpy()[...] = 0.0
    w.touch()
    assert [node.value.changed for node in collected(y).nodes if node.kind == "parameter" and node.value] == [True]


def test_a_constant_that_is_gone_leaves_its_value_if_it_is_a_number_or_kept() -> None:
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    y = w * mg.tensor([3.0, 4.0]) + mg.tensor([5.0, 6.0]) + 7.0
    values = [node.value.numbers if node.value else None for node in collected(y).nodes if node.kind == "input"]
    assert values == [(3.0, 4.0), None, (7.0,)]


# -- names and clusters --------------------------------------------------------------------------------------


def test_layers_are_clusters_and_a_functional_activation_belongs_to_its_layer() -> None:
    graph = collected(Perceptron()(mg.ones(1, 2)))
    assert [cluster.name for cluster in graph.clusters] == ["layer1", "layer2"]
    inside = [(node.title, cluster_of(graph, node)) for node in graph.nodes if node.kind == "operation"]
    assert inside == [("Linear", "layer1"), ("Sigmoid", "layer1"), ("Linear", "layer2"), ("Sigmoid", "layer2")]


def test_parameters_bear_their_names_and_stand_in_their_layer_while_the_input_stands_outside() -> None:
    graph = collected(Perceptron()(mg.ones(1, 2)))
    leaves = [(n.symbol, n.name, cluster_of(graph, n)) for n in graph.nodes if n.kind != "operation"]
    assert leaves == [
        ("x", "", ""), ("W₁", "layer1.weight", "layer1"), ("b₁", "layer1.bias", "layer1"),
        ("W₂", "layer2.weight", "layer2"), ("b₂", "layer2.bias", "layer2"),
    ]  # fmt: skip


def test_nested_modules_are_nested_clusters_with_their_full_names() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 1))
    graph = collected(net(mg.ones(1, 2)))
    assert [(c.name, c.parent) for c in graph.clusters] == [("0", None), ("0.0", 0), ("0.1", 0), ("1", None)]


def test_a_layer_called_twice_is_two_clusters_and_its_parameters_stand_outside_both() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return self.layer(self.layer(x))

    graph = collected(Twice()(mg.ones(1, 2)))
    assert [cluster.name for cluster in graph.clusters] == ["layer", "layer, call 2"]
    assert [(n.name, n.cluster) for n in graph.nodes if n.kind == "parameter"] == [
        ("layer.weight", None), ("layer.bias", None),
    ]  # fmt: skip


def test_the_whole_model_is_a_cluster_only_where_something_is_outside() -> None:
    net = Perceptron()
    graph = collected((net(mg.ones(1, 2)) - 1).sum())
    assert [cluster.name for cluster in graph.clusters] == ["Perceptron", "layer1", "layer2"]
    assert cluster_of(graph, by_title(graph, "Sub")) == ""


def test_a_callers_name_takes_the_place_of_the_formulas() -> None:
    x, w = mg.tensor(1.0), mg.tensor(2.0, requires_grad=True)
    loss = x * w
    graph = collected(loss, names={"x": x, "w": w, "loss": loss})
    assert [node.symbol for node in graph.nodes] == ["loss", "x", "w"]
    assert graph.title == "loss"


def test_several_models_are_titled_by_what_they_are_for() -> None:
    loss = nn.Linear(1, 1)(nn.Linear(2, 1)(mg.ones(1, 2))).named("loss")
    assert collected(loss).title == "loss"
    assert collected(loss.exp()).title == "Linear and Linear"


@pytest.mark.parametrize(("count", "formula"), [(2, "y = cat([t0, t1], 0)"), (5, "y = cat(inputs, 0)")])
def test_a_formula_names_a_few_inputs_of_an_operation_that_takes_any_number(count: int, formula: str) -> None:
    tensors = [mg.ones(1, requires_grad=True).named(f"t{i}") for i in range(count)]
    graph = collected(mg.cat(tensors))
    assert text.formula(graph.nodes[0].formula, dict(graph.nodes[0].words)) == formula
    assert [edge.symbol for edge in graph.edges] == ([""] * 2 if count == 2 else ["x0", "x1", "x2", "x3", "x4"])


def test_a_formula_speaks_of_tensors_by_name_and_of_numbers_as_they_are() -> None:
    a, b = mg.tensor(1.0, requires_grad=True), mg.tensor(2.0)
    c = a * b
    d = c - 2
    graph = collected(d * d.exp(), names={"a": a, "b": b, "c": c, "d": d})
    assert [dict(n.words) for n in graph.nodes[:4]] == [
        {"out": "c", "x": "a", "y": "b"}, {"out": "d", "x": "c", "y": "2"}, {"x": "d"}, {"x": "d", "y": "y"},
    ]  # fmt: skip
    assert {edge.symbol for edge in graph.edges} == {""}


def test_an_output_does_not_take_the_name_that_an_input_has() -> None:
    y = mg.tensor(1.0, requires_grad=True)
    assert dict(collected(y.exp(), names={"y": y}).nodes[0].words) == {"x": "y", "y": "y₁"}


# -- nothing is changed --------------------------------------------------------------------------------------


def test_drawing_changes_nothing_and_keeps_nothing_alive() -> None:
    x = mg.tensor([[0.5, -1.0]], requires_grad=True)
    y = x.sigmoid().sum()
    assert x.version is not None
    before = x.version.value, x.grad, y.grad, x._constant, y._constant
    node, array = weakref.ref(y.grad_fn), weakref.ref(y.array)
    gc.disable()
    try:
        drawing = mg.draw(y, names={"y": y})
        assert drawing.dot
        assert (x.version.value, x.grad, y.grad, x._constant, y._constant) == before
        del y
        assert node() is None
        assert array() is None
    finally:
        gc.enable()


def test_a_buffer_that_the_model_changes_in_place_is_said_to_have_changed() -> None:
    layer = nn.BatchNorm1d(2)
    graph = mg.draw(layer, mg.tensor([[1.0, 2.0], [3.0, 6.0]])).graph
    leaves = {node.name: node for node in graph.nodes if node.kind != "operation"}
    changed = {name for name, leaf in leaves.items() if leaf.value is not None and leaf.value.changed}
    assert changed == {"num_batches_tracked"}  # the running statistics move outside the graph
    assert "1" not in {word for node in graph.nodes for name, word in node.words if name == "x"}


def test_a_parameter_that_was_changed_after_its_use_is_said_to_have_changed() -> None:
    b = mg.tensor([1.0], requires_grad=True)
    y = mg.tensor([2.0]) + b
    with mg.no_grad():
        b.add_(1.0)
    value = next(node.value for node in mg.draw(y).graph.nodes if node.kind == "parameter")
    assert value is not None
    assert value.changed


def test_a_rule_is_in_the_frame_of_its_layer_also_that_of_an_activation_that_is_called_as_a_function() -> None:
    graph = mg.draw(Perceptron()(mg.ones(1, 2)).sum(), passes="both").graph
    frames = [
        graph.clusters[node.cluster].name
        for node in graph.nodes
        if node.title == "SigmoidBackward" and node.cluster is not None
    ]
    assert frames == ["layer2", "layer1"]
