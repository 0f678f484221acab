from __future__ import annotations

import minigrad as mg
from minigrad import nn
from viz.models import Perceptron


def test_the_same_computation_has_no_difference() -> None:
    model = Perceptron()
    before = mg.draw(model, mg.ones(1, 2))
    graph = mg.draw(model, mg.zeros(1, 2), before=before).graph
    assert graph.notes == ("no difference",)
    assert not any(part.mark for part in (*graph.nodes, *graph.edges))


def test_what_is_new_and_what_is_gone_are_marked() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    graph = mg.draw((x * x).tanh().sum(), before=mg.draw((x * x).exp().sum())).graph
    assert [(node.title, node.mark) for node in graph.nodes] == [
        ("Mul", ""), ("Tanh", "added"), ("Sum", ""), ("", ""), ("Exp", "removed"),
    ]  # fmt: skip
    ends = [(graph.nodes[e.source].title, graph.nodes[e.target].title, e.mark) for e in graph.edges if e.mark]
    assert ends == [
        ("Mul", "Tanh", "added"), ("Tanh", "Sum", "added"), ("Mul", "Exp", "removed"), ("Exp", "Sum", "removed"),
    ]  # fmt: skip
    assert graph.notes == ("1 added, 1 removed",)


def test_no_grad_and_other_shapes_are_changes() -> None:
    model = Perceptron()
    before = mg.draw(model, mg.ones(1, 2))
    with mg.no_grad():
        graph = mg.draw(model, mg.ones(4, 2), before=before).graph
    notes = {node.title: (node.mark, node.note) for node in graph.nodes if node.kind == "operation"}
    assert notes["Linear"] == ("changed", "shape was (1, 1); was recorded")
    assert [node.mark for node in graph.nodes if node.kind == "parameter"] == [""] * 4


def test_another_setting_is_a_change_that_says_what_it_was() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    graph = mg.draw(x**3, before=mg.draw(x**2)).graph
    assert (graph.nodes[0].mark, graph.nodes[0].note) == ("changed", "was exponent=2")


def test_a_layer_that_is_gone_keeps_its_frame() -> None:
    long = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2))
    short = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    graph = mg.draw(short, mg.ones(1, 2), before=mg.draw(long, mg.ones(1, 2))).graph
    gone = [node for node in graph.nodes if node.mark == "removed"]
    assert {graph.clusters[node.cluster].name for node in gone if node.cluster is not None} == {"2"}
    assert "2.weight" in {node.name for node in gone}


def test_marks_are_drawn_with_words_and_in_the_legend() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    dot = mg.draw(x.tanh(), before=mg.draw(x.exp())).dot
    assert dot.count("+ added") == 2
    assert dot.count("− removed") == 2
