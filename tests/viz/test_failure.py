from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.viz.schema import Graph, Node


def failed(compute: Callable[[], Any]) -> tuple[Graph, Node]:
    """The graph of the error that ``compute`` raises, and the node that failed."""
    with pytest.raises(Exception) as raised:  # each kind of error can be drawn
        compute()
    graph = mg.draw(raised.value).graph
    (node,) = [node for node in graph.nodes if node.mark == "failed"]
    return graph, node


def test_an_operation_that_failed_stands_at_the_end_of_what_it_was_given() -> None:
    x, w = mg.ones(2, 3, requires_grad=True), mg.ones(2, 3)
    graph, node = failed(lambda: x.exp() @ w)
    assert [other.title for other in graph.nodes if other.title] == ["Exp", "matmul"]
    assert [(edge.input, graph.nodes[edge.source].shape) for edge in graph.edges[1:]] == [
        ("x", (2, 3)),
        ("y", (2, 3)),
    ]
    assert node.note.startswith("ValueError: matmul: (2, 3) @ (2, 3)")
    assert graph.title == "ValueError in matmul"
    assert node.line is not None and node.line.file == "test_failure.py"


def test_a_layer_that_refuses_its_input_is_drawn_with_its_parameters_in_its_frame() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(2, 1))
    graph, node = failed(lambda: model(mg.ones(1, 2)))
    assert node.title == "Linear"
    assert node.cluster is not None and graph.clusters[node.cluster].name == "2"
    assert [cluster.name for cluster in graph.clusters] == ["0", "1", "2"]
    sources = [graph.nodes[edge.source] for edge in graph.edges if edge.target == node.id]
    assert [(source.title or source.name, source.shape) for source in sources] == [
        ("Relu", (1, 3)), ("2.weight", (1, 2)), ("2.bias", (1,)),
    ]  # fmt: skip


def test_tensors_in_a_list_are_inputs_too() -> None:
    a, b = mg.ones(2, 3, requires_grad=True), mg.ones(4, 2, requires_grad=True)
    graph, node = failed(lambda: mg.cat([a * 2, b]))
    assert [edge.input for edge in graph.edges if edge.target == node.id] == ["tensors[0]", "tensors[1]"]


def test_an_operation_of_the_users_own_is_found_where_it_is_recorded() -> None:
    class Broken(mg.Op):
        """y = x, but not now"""

        def forward(self, kernels: Any, x: Any) -> Any:
            raise FloatingPointError("not now")

    graph, node = failed(lambda: mg.record(Broken(), mg.ones(2, requires_grad=True)))
    assert (node.title, node.note) == ("Broken", "FloatingPointError: not now")
    assert graph.count("parameter") == 1


def test_the_shapes_stand_on_the_edges_and_the_message_in_the_box() -> None:
    x, w = mg.ones(2, 3, requires_grad=True), mg.ones(2, 3)
    with pytest.raises(ValueError, match="matmul") as raised:
        x.exp() @ w
    dot = mg.draw(raised.value).dot
    assert "x = y₁ (2, 3)" in dot
    assert "y₂ (2, 3)" in dot
    assert "✗ failed" in dot


def test_an_error_without_an_operation_has_no_graph() -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        1 / 0  # noqa: B018
    with pytest.raises(ValueError, match="this ZeroDivisionError came from no operation on tensors"):
        mg.draw(raised.value)
    with pytest.raises(ValueError, match="this KeyError came from no operation"):
        mg.draw(KeyError("never raised"))


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.Linear(2, 1), {"W": "weight", "b": "bias"}),
        (nn.Conv2d(2, 1, 3), {"W": "weight", "b": "bias"}),
        (nn.BatchNorm1d(2), {"w": "weight", "b": "bias"}),
    ],
)
def test_a_parameter_has_the_symbol_in_a_layer_that_failed_that_it_has_in_others(
    layer: nn.Module, words: dict[str, str]
) -> None:
    graph, _ = failed(lambda: layer(mg.ones(1, 4)))
    assert {node.symbol: node.name for node in graph.nodes if node.kind == "parameter"} == words


def test_an_edge_says_which_input_it_is_and_what_the_value_is_called() -> None:
    h = mg.ones(1, 4, requires_grad=True).exp().named("h")
    with pytest.raises(ValueError) as caught:
        nn.Linear(2, 1)(h)
    assert "x = h (1, 4)" in mg.draw(caught.value).dot
