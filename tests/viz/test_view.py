"""What of a graph is in the picture."""

from __future__ import annotations

import minigrad as mg
from minigrad import nn
from minigrad.viz import text
from minigrad.viz.schema import Graph


def titles(graph: Graph) -> list[str]:
    return [node.title for node in graph.nodes if node.title]


def test_bookkeeping_is_hidden_unless_it_is_asked_for() -> None:
    drawing = mg.draw(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train(), mg.ones(2, 1, 4, 4))
    assert titles(drawing.view) == ["Conv", "Normalise"]
    assert {node.name for node in drawing.view.nodes if not node.title} == {
        "", "0.weight", "0.bias", "1.weight", "1.bias",
    }  # fmt: skip
    assert drawing.view.notes == ("3 operations of bookkeeping hidden; bookkeeping=True shows all",)
    everything = drawing.redraw(bookkeeping=True).view
    assert everything == drawing.graph
    assert sorted(titles(everything)) == ["Add", "Conv", "Normalise", "Reshape", "Reshape"]


def test_a_formula_speaks_of_the_parameter_whose_reshape_is_hidden() -> None:
    drawing = mg.draw(nn.BatchNorm2d(2).train(), mg.ones(2, 2, 1, 1))
    (node,) = [node for node in drawing.view.nodes if node.title]
    formula = text.formula(node.formula, dict(node.words))
    assert formula == "y = w (x − mean x) / (var x + 1e-05)^(1/2) + b"


def test_what_was_kept_of_a_hidden_reshape_is_of_the_parameter() -> None:
    view = mg.draw(nn.BatchNorm2d(2).train(), mg.ones(2, 2, 1, 1), kept="nodes").view
    assert {node.symbol for node in view.nodes if node.kind == "kept"} == {"x", "w", "y"}


def test_what_leads_to_a_result_is_no_bookkeeping() -> None:
    w = mg.ones(2, requires_grad=True)
    assert titles(mg.draw(lambda x: (x * 2, w.reshape(1, 2)), mg.ones(2)).view) == ["Mul", "Reshape"]
    assert titles(mg.draw(w.reshape(1, 2).exp()).view) == ["Reshape", "Exp"]  # w is of no model
    with mg.no_grad():
        assert titles(mg.draw(lambda x: x * 2 + 1, mg.ones(2)).view) == ["Mul", "Add"]


def test_the_largest_elements_are_taken_without_a_reshape() -> None:
    x = mg.tensor([[1.0, 2.0], [4.0, 3.0]], requires_grad=True)
    view = mg.draw(lambda x: x.max(1).values, x).view
    assert [text.formula(node.formula, dict(node.words)) for node in view.nodes if node.title] == [
        "y = max x along 1"
    ]


def test_the_formula_of_a_reshape_that_was_not_recorded_has_its_shape() -> None:
    view = mg.draw(lambda x: x.reshape(2, 1), mg.ones(2)).view
    assert [text.formula(node.formula, dict(node.words)) for node in view.nodes if node.title] == [
        "y = reshape(x, (2, 1))"
    ]
