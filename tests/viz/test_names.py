"""What stands in which frame, and what it is called."""

from __future__ import annotations

from typing import Any, Literal

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.ops import activation, gates, rectifiers, soft
from minigrad.viz.schema import Graph, Node

ACTIVATIONS = [
    getattr(module, name)
    for module in (activation, gates, rectifiers, soft)
    for name in module.__all__
    if name != "glu"  # which halves z first
]


class Layers(nn.Module):
    """An activation between two layers, called as a function."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.first, self.second, self.function = nn.Linear(2, 3), nn.Linear(3, 1), function

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        a = (
            self.function(self.first(x), 1)
            if "softmax" in self.function.__name__
            else self.function(self.first(x))
        )
        return self.second(a)


def frame_of(graph: Graph, node: Node) -> str:
    if node.cluster is None:
        return ""
    cluster = graph.clusters[node.cluster]
    return f"{cluster.name} {cluster.type}"


@pytest.mark.parametrize("passes", ["backward", "both"])
@pytest.mark.parametrize("function", ACTIVATIONS)
def test_the_rule_of_an_activation_called_as_a_function_stands_with_its_layer(
    function: Any, passes: Literal["backward", "both"]
) -> None:
    graph = mg.draw(Layers(function)(mg.ones(1, 2)).sum(), passes=passes).graph
    (rule,) = [node for node in graph.nodes if node.title.endswith("Backward") and "Linear" not in node.title]
    assert frame_of(graph, rule) == f"first Linear + {rule.title}"


def test_the_title_of_a_frame_says_which_activation_stands_with_the_layer() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.l = nn.Linear(2, 2)

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return x + self.l(x).relu()

    drawing = mg.draw(Residual(), mg.ones(1, 2))
    assert [(node.title, frame_of(drawing.graph, node)) for node in drawing.graph.nodes if node.title] == [
        ("Linear", "l Linear + Relu"), ("Relu", "l Linear + Relu"), ("Add", ""),
    ]  # fmt: skip
    assert ">Linear + Relu<" in drawing.dot


def test_the_title_of_a_frame_is_the_layers_alone_where_the_activation_is_a_module_itself() -> None:
    graph = mg.draw(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), mg.ones(1, 2)).graph
    assert [cluster.type for cluster in graph.clusters] == ["Linear", "ReLU"]
