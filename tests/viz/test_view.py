"""What of a graph is in the picture."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize("is_traced", [True, False])
@pytest.mark.parametrize(("layer", "shape"), [(nn.BatchNorm1d(2), (3, 2)), (nn.BatchNorm2d(2), (1, 2, 2, 2))])
def test_running_statistics_are_the_buffers_of_the_layer(
    layer: nn.Module, shape: tuple[int, ...], is_traced: bool
) -> None:
    model = nn.Sequential(nn.ReLU(), layer.eval())
    x = mg.ones(*shape)
    view = (mg.draw(model, x) if is_traced else mg.draw(model(x))).view
    assert titles(view) == ["Relu", "Normalise"][not is_traced :]
    norm = next(node for node in view.nodes if node.title == "Normalise")
    leaves = {node.name: node for node in view.nodes if node.name}
    for symbol, name, number in (("mean", "1.running_mean", 0.0), ("var", "1.running_var", 1.0)):
        leaf = leaves[name]
        assert (leaf.symbol, leaf.shape, leaf.cluster) == (symbol, (2,), norm.cluster)
        assert leaf.value is not None and leaf.value.numbers == (number, number)
    assert text.formula(norm.formula, dict(norm.words)).endswith("− mean) / (var + 1e-05)^(1/2) + b")


def test_running_statistics_that_have_moved_are_said_to_have_changed() -> None:
    layer, x = nn.BatchNorm2d(2).eval(), mg.tensor([[[[1.0, 2.0]], [[3.0, 6.0]]]])
    y = layer(x)
    before = [node.value for node in mg.draw(y).graph.nodes if node.symbol == "y"]
    layer.train()(x)
    nodes = mg.draw(y).graph.nodes
    assert [node.symbol for node in nodes if node.value and node.value.changed] == ["mean", "var"]
    assert [node.value for node in nodes if node.symbol == "y"] == before


def test_what_a_batch_norm_computed_in_lean_mode_is_computed_again() -> None:
    layer, x = nn.BatchNorm2d(2).eval(), mg.tensor([[[[1.0, 2.0]], [[3.0, 6.0]]]])
    with mg.lean_mode():
        y = layer(x).exp()
    (node,) = [node for node in mg.draw(y).graph.nodes if node.title == "Normalise"]
    assert node.value is not None and [round(n, 3) for n in node.value.numbers] == [1, 2, 3, 6]
