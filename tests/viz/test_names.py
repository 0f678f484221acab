"""What stands in which frame, and what it is called."""

from __future__ import annotations

from typing import Any, Literal

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.ops import activation, gates, rectifiers, soft
from minigrad.viz import text
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


# -- what values are called ----------------------------------------------------------------------------------


def formulas(graph: Graph) -> list[str]:
    return [text.formula(node.formula, dict(node.words)) for node in graph.nodes if node.title]


def assert_names_mean_boxes(graph: Graph) -> None:
    """No two boxes have one name, and what a formula calls its input is the name, or the number, of that box."""
    names = [node.symbol for node in graph.nodes if node.symbol]
    assert len(set(names)) == len(names)
    for edge in graph.edges:
        source, words = graph.nodes[edge.source], dict(graph.nodes[edge.target].words)
        if edge.input in words:
            assert source.symbol or (source.value and not source.shape)
            said = source.symbol or f"{source.value.numbers[0]:.7g}" if source.value else source.symbol
            assert words[edge.input] == said


def numbers() -> tuple[mg.Tensor, mg.Tensor, mg.Tensor]:
    x = mg.tensor([1.0, 2.0, 3.0])
    return x, mg.tensor([0.5, -1.0, 2.0], requires_grad=True), mg.tensor(1.0, requires_grad=True)


def test_formulas_mean_the_boxes_that_bear_the_names_in_both_passes() -> None:
    x, w, b = numbers()
    loss = ((x * w).sum() + b) ** 2
    graph = mg.draw(loss, names={"x": x, "w": w, "b": b, "loss": loss}, passes="both").graph
    assert formulas(graph) == [
        "out₁ = x · w", "y₁ = Σ out₁", "out₂ = y₁ + b", "loss = out₂²",
        "y₂ = out₂¹", "out₃ = y₂ · 2", "db = dloss · out₃", "dout₁ = expand(db, (3,))", "dw = dout₁ · x",
    ]  # fmt: skip
    assert_names_mean_boxes(graph)


def test_a_name_that_a_box_has_is_no_other_values() -> None:
    x = mg.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    c, y = mg.tensor([[1.0], [2.0]], requires_grad=True), mg.tensor([2.0, 3.0, 4.0], requires_grad=True)
    graph = mg.draw((x * 2 + c) * y, names={"x": x, "c": c, "y": y}).graph
    assert formulas(graph) == ["out₁ = x · 2", "out₂ = out₁ + c", "out₃ = out₂ · y"]
    assert_names_mean_boxes(graph)


def test_a_name_is_not_lost_in_a_loop() -> None:
    x, w, _ = numbers()
    y = x
    for _ in range(3):
        y = y * w
    assert formulas(mg.draw(y, names={"x": x, "w": w}).graph) == [
        "out₁ = x · w",
        "out₂ = out₁ · w",
        "out₃ = out₂ · w",
    ]


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1)), (2, 2)),
        (nn.LSTM(3, 2, num_layers=2), (3, 2, 3)),
        (nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), (1, 3, 4)),
    ],
)
def test_the_names_in_a_model_mean_boxes(model: nn.Module, shape: tuple[int, ...]) -> None:
    x = mg.ones(*shape)
    assert_names_mean_boxes(mg.draw(model, x).graph)
    found = model(x)
    loss = (found[0] if isinstance(found, tuple) else found).sum().named("loss")
    assert_names_mean_boxes(mg.draw(loss, passes="both").graph)


@pytest.mark.parametrize(
    ("layer", "shape", "formula"),
    [
        (nn.Linear(2, 2, bias=False), (1, 2), "z = x Wᵀ"),
        (nn.Conv2d(1, 1, 2, bias=False), (1, 1, 3, 3), "z[o, i] = Σ W[o, c, k] x[c, i s + k d − p]"),
    ],
)
def test_a_formula_has_no_bias_where_there_is_none(layer: nn.Module, shape: tuple[int, ...], formula: str) -> None:
    assert formulas(mg.draw(layer, mg.ones(*shape)).graph) == [formula]


def test_the_parameters_of_a_layer_have_one_number() -> None:
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2), nn.Linear(2, 1))
    leaves = {node.name: node.symbol for node in mg.draw(model, mg.ones(1, 2)).graph.nodes if node.name}
    assert leaves == {"0.weight": "W₁", "1.weight": "W₂", "1.bias": "b₂", "2.weight": "W₃", "2.bias": "b₃"}


def test_a_parameter_has_its_own_name_where_the_formula_has_none_for_it() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale, self.shift = nn.Parameter(mg.ones(2)), nn.Parameter(mg.zeros(2))

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return x * self.scale + self.shift

    graph = mg.draw(Scale(), mg.ones(1, 2)).graph
    assert formulas(graph) == ["out₁ = x · scale", "out₂ = out₁ + shift"]
    two = mg.draw(nn.Sequential(Scale(), Scale()), mg.ones(1, 2))
    assert formulas(two.graph)[::2] == ["out₁ = x · scale₁", "out₃ = out₂ · scale₂"]
    assert two.dot.count(">0.scale<") == 1  # below its symbol


def test_a_folded_block_is_what_the_formula_after_it_reads() -> None:
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(4)), nn.Tanh())
    view = mg.draw(model, mg.ones(1, 2)).view
    assert formulas(view) == ["z₁ = x W₁ᵀ + b₁", "a = tanh z₁"]


# -- several models, and values cut off from the graph --------------------------------------------------------


def two() -> tuple[nn.Module, nn.Module]:
    return nn.Sequential(nn.Linear(2, 2)), nn.Sequential(nn.Linear(2, 2))


def test_two_equal_models_bear_the_names_that_the_caller_gives_them() -> None:
    student, teacher = two()
    x = mg.ones(1, 2)
    loss = (student(x) - teacher(x)).sum()
    graph = mg.draw(loss, names={"student": student, "teacher": teacher, "loss": loss}).graph
    outermost = [(frame.name, frame.type) for frame in graph.clusters if frame.parent is None]
    assert outermost == [("student", "Sequential"), ("teacher", "Sequential")]
    assert [node.name for node in graph.nodes if node.kind == "parameter"] == [
        "student.0.weight", "student.0.bias", "teacher.0.weight", "teacher.0.bias",
    ]  # fmt: skip
    assert_names_mean_boxes(graph)


def test_two_equal_models_without_names_have_numbers() -> None:
    student, teacher = two()
    drawing = mg.draw((student(mg.ones(1, 2)) - teacher(mg.ones(1, 2))).sum())
    outermost = [frame.name for frame in drawing.graph.clusters if frame.parent is None]
    assert outermost == ["Sequential₁", "Sequential₂"]
    assert drawing.graph.count("parameter") == len({n.name for n in drawing.graph.nodes if n.kind == "parameter"})
    assert ">Sequential<" not in drawing.dot


def test_parts_of_a_model_that_are_called_from_outside_have_their_names_in_it() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    loss = model[1](model[0](mg.ones(1, 2)).tanh()).sum()
    graph = mg.draw(loss, names={"model": model}).graph
    assert [frame.name for frame in graph.clusters] == ["model.0", "model.1"]


def detached(graph: Graph) -> list[tuple[str, str]]:
    return [(graph.nodes[e.source].title, graph.nodes[e.target].title) for e in graph.edges if e.is_detached]


def test_a_detached_value_of_the_picture_comes_from_where_it_was_computed() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    a = (x * 2).tanh()
    drawing = mg.draw((a.detach() * a).sum(), names={"x": x}, derivatives=True)
    assert detached(drawing.graph) == [("Tanh", "Mul")]
    assert formulas(drawing.graph) == ["out₁ = x · 2", "a = tanh out₁", "out₂ = a · a", "y = Σ out₂"]
    (edge,) = [edge for edge in drawing.graph.edges if edge.is_detached]
    assert (edge.derivative, edge.slope) == ("", None)
    assert mg.play((a.detach() * a).sum()).steps[2].gives[0].part.numbers == tuple(a.tolist())


def test_a_detached_value_in_a_traced_function_is_marked_on_its_line() -> None:
    def step(x: mg.Tensor) -> mg.Tensor:
        a = (x * 2).tanh()
        return (a.detach() * 3 + a * x.detach()).sum()

    drawing = mg.draw(step, mg.tensor([1.0, 2.0], requires_grad=True))
    assert detached(drawing.graph) == [("Tanh", "Mul"), ("", "Mul")]  # a, and x itself
    assert drawing.dot.count(">detached<") == 2
    assert '"is_detached": true' in drawing.json()


def test_nothing_is_detached_under_no_grad() -> None:
    with mg.no_grad():
        graph = mg.draw(lambda x: (x * 2).detach() + x, mg.tensor([1.0], requires_grad=True)).graph
    assert detached(graph) == []


def test_a_detached_value_from_outside_the_picture_bears_the_name_of_what_it_was() -> None:
    generator, critic = two()
    fake = generator(mg.ones(1, 2))
    loss = critic(fake.detach()).sum() + critic(fake.detach()).sum()
    graph = mg.draw(loss, names={"fake": fake, "loss": loss}).graph
    (leaf,) = [node for node in graph.nodes if node.kind == "input"]
    assert (leaf.symbol, leaf.note) == ("fake", "detached: no gradient goes back from here")
    assert_names_mean_boxes(graph)
    assert len(mg.play(loss, names={"fake": fake}).steps) == 6
