from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.graph import Op
from minigrad.viz.derivatives import derivatives
from minigrad.viz.schema import Graph, Node
from viz.models import Perceptron


def by_title(graph: Graph, title: str) -> Node:
    (node,) = [node for node in graph.nodes if node.title == title]
    return node


def parabola() -> tuple[mg.Tensor, mg.Tensor, mg.Tensor]:
    x, w = mg.tensor([1.0, 2.0]), mg.tensor([3.0, -1.0], requires_grad=True)
    return x, w, ((x * w) ** 2).sum()


# -- what can be drawn ---------------------------------------------------------------------------------------


def test_several_tensors_are_one_picture_with_several_results() -> None:
    x = mg.tensor(2.0, requires_grad=True)
    y = x.exp()
    graph = mg.draw(y, y.log(), x.tanh()).graph
    assert [node.title for node in graph.nodes if node.is_result] == ["Exp", "Log", "Tanh"]


def test_a_model_with_an_input_is_run_once_and_drawn() -> None:
    class Counting(Perceptron):
        calls = 0

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            Counting.calls += 1
            return super().forward(x)

    model, x = Counting(), mg.tensor([[0.5, -2.0]])
    drawn = mg.draw(model, x)
    assert Counting.calls == 1
    assert drawn.dot == mg.draw(model(x)).dot


def test_what_a_model_computes_under_no_grad_is_drawn_as_not_recorded() -> None:
    with mg.no_grad():
        drawn = mg.draw(Perceptron(), mg.tensor([[0.5, -2.0]]))
    operations = [node for node in drawn.graph.nodes if node.kind == "operation"]
    assert len(operations) == 4
    assert not any(node.is_recorded or node.kept for node in operations)
    assert operations[-1].is_result and operations[0].flops == 12
    assert all(node.value for node in operations)
    assert drawn.dot.count("not recorded") == 5  # four boxes and the legend


def test_the_time_is_read_only_where_it_is_asked_for() -> None:
    model, x = Perceptron(), mg.ones(1, 2)
    timed = mg.draw(model, x, times=True)
    assert all((node.seconds or 0) > 0 for node in timed.graph.nodes if node.title)
    assert all(node.seconds is None for node in mg.draw(model, x).graph.nodes)
    assert " ms" in timed.dot


# -- names ---------------------------------------------------------------------------------------------------


def test_names_may_be_locals_with_anything_among_them() -> None:
    x, w, loss = parabola()
    number, text = 3, "x"
    found = {node.symbol for node in mg.draw(loss, names=locals()).graph.nodes}
    assert {"x", "w", "loss"} <= found
    assert (number, text) == (3, "x")


def test_the_first_of_several_names_is_shown() -> None:
    x = mg.tensor(1.0, requires_grad=True)
    assert mg.draw(x.exp(), names={"x": x, "again": x}).graph.nodes[1].symbol == "x"


def test_a_tensor_can_be_named_where_it_is_made() -> None:
    x = mg.tensor(1.0, requires_grad=True).named("x")
    y = mg.tensor(2.0).named("factor")

    def inner() -> mg.Tensor:
        return (x * y).named("product") + 1

    symbols = [node.symbol for node in mg.draw(inner()).graph.nodes]
    assert symbols == ["product", "out", "x", "factor", ""]
    assert [node.symbol for node in mg.draw(x.exp(), names={"other": x}).graph.nodes] == ["y", "other"]


def test_a_name_must_be_text() -> None:
    with pytest.raises(TypeError, match=r"named\(\) expects a str, got 3"):
        mg.ones(1).named(3)  # type: ignore[arg-type]


# -- which graph ---------------------------------------------------------------------------------------------


def test_all_gradients_are_those_of_backward_and_no_grad_changes() -> None:
    _x, w, loss = parabola()
    graph = mg.draw(loss, all_gradients=True).graph
    assert w.grad is None
    middle = [node.gradient.numbers for node in graph.nodes if node.kind == "operation" and node.gradient]
    assert middle == [(6.0, -4.0), (1.0, 1.0), (1.0,)]
    loss.backward()
    assert w.grad is not None
    (leaf,) = [node for node in graph.nodes if node.kind == "parameter"]
    assert leaf.gradient is not None and leaf.gradient.numbers == tuple(w.grad.tolist())


def test_the_backward_pass_is_drawn_with_the_kept_values_it_reads() -> None:
    _x, w, loss = parabola()
    graph = mg.draw(loss, names={"w": w}, passes="backward").graph
    assert w.grad is None
    assert graph.title == "backward pass of Sum"
    assert {node.title for node in graph.nodes if node.title} == {"Mul", "Pow"}
    (result,) = [node for node in graph.nodes if node.is_result]
    assert (result.symbol, result.value and result.value.numbers) == ("dw", (6.0, -8.0))
    (kept,) = [node for node in graph.nodes if node.kind == "kept"]
    assert (kept.name, kept.value and kept.value.numbers) == ("of Mul", (3.0, -2.0))


def test_both_passes_are_two_stages_that_share_their_inputs() -> None:
    x, w, loss = parabola()
    graph = mg.draw(loss, names={"x": x, "w": w}, passes="both").graph
    assert [(stage.name, stage.is_backward) for stage in graph.clusters] == [
        ("forward", False),
        ("backward", True),
    ]
    assert sum(node.value is not None and node.value.numbers == (1.0, 2.0) for node in graph.nodes) == 1
    crossing = {
        (graph.nodes[edge.source].symbol, graph.nodes[edge.target].cluster)
        for edge in graph.edges
        if graph.nodes[edge.source].cluster == 0 and graph.nodes[edge.target].cluster == 1
    }
    assert crossing == {("x", 1), ("out₁", 1)}


def test_stages_are_frames_in_time() -> None:
    x = mg.tensor([-1.0, 0.5], requires_grad=True)
    y = x.tanh()
    (dy,) = mg.grad(y.sum(), x, create_graph=True)
    (d2y,) = mg.grad(dy.sum(), x, create_graph=True)
    graph = mg.draw(dy, d2y, stages={"forward": y, "first": dy, "second": d2y}).graph
    found = [(node.title, graph.clusters[node.cluster or 0].name) for node in graph.nodes if node.title]
    assert found == [
        ("Tanh", "forward"), ("TanhBackward", "first"), ("Mul", "second"), ("Mul", "second"),
        ("TanhBackward", "second"),
    ]  # fmt: skip
    assert by_title(graph, "Tanh").value is not None
    a = np.tanh([-1.0, 0.5])
    last = graph.nodes[4].value
    assert last is not None
    np.testing.assert_allclose(last.numbers, -2 * a * (1 - a * a), rtol=1e-6)


@pytest.mark.parametrize("passes", ["backward", "both"])
def test_a_walk_back_starts_from_a_single_number(passes: Any) -> None:
    with pytest.raises(
        ValueError, match=r"a walk back starts from a single number with a graph.*\(2,\): draw a loss"
    ):
        mg.draw(mg.ones(2, requires_grad=True).exp(), passes=passes)


# -- what a node and an edge show ----------------------------------------------------------------------------


def test_kept_values_have_their_names_their_bytes_and_their_node() -> None:
    graph = mg.draw(Perceptron()(mg.tensor([[0.5, -2.0]]))).graph
    sigmoid = graph.nodes[1]
    assert [(k.name, k.source, k.bytes, k.seen_only) for k in sigmoid.kept] == [
        ("z", 0, 12, True),
        ("a", 1, 12, False),
    ]
    assert sigmoid.kept[0].value == graph.nodes[0].value
    assert sigmoid.bytes == 24


def test_z_and_a_stand_side_by_side() -> None:
    drawing = mg.draw(Perceptron()(mg.tensor([[0.5, -2.0]])), kept="beside")
    assert len(re.findall(r">z[₁₂]</font></td><td><font[^>]*>a[₁₂]</font>", drawing.dot)) == 2
    assert ">z₁</font></td><td>" not in drawing.redraw(kept="no").dot


def test_kept_arrays_are_nodes_of_their_own_also_beside_a_leaf() -> None:
    x, w, loss = parabola()
    drawing = mg.draw(loss, names={"x": x, "w": w}, kept="nodes")
    kept = [node for node in drawing.view.nodes if node.kind == "kept"]
    assert [(node.symbol, node.name) for node in kept] == [
        ("x", "kept, 8 B"),
        ("w", "kept, 8 B"),
        ("out", "kept, 8 B"),
    ]
    assert drawing.view.count("parameter") == 1
    assert drawing.dot.count("style=dotted") == 3


@pytest.mark.parametrize(
    ("option", "word"), [("flops", "12 FLOP"), ("bytes", "24 B kept"), ("lines", "models.py")]
)
def test_work_memory_and_lines_are_shown_where_they_are_asked_for(option: str, word: str) -> None:
    model, x = Perceptron(), mg.ones(1, 2)
    assert word in mg.draw(model, x, **{option: True}).dot
    assert word not in mg.draw(model, x).dot


@pytest.mark.parametrize(("option", "word"), [("formulas", "x W₁ᵀ"), ("shapes", "(3, 2)"), ("gradients", "grad<")])
def test_what_is_shown_can_be_left_out(option: str, word: str) -> None:
    drawing = mg.draw(Perceptron()(mg.ones(1, 2)).sum(), all_gradients=True)
    assert word in drawing.dot
    assert word not in drawing.redraw(**{option: False}).dot


def test_constants_can_be_grey_or_hidden() -> None:
    x, _w, loss = parabola()
    drawing = mg.draw(loss, names={"x": x})
    assert drawing.redraw(constants="hide").view.count("input") == 0
    assert drawing.redraw(constants="hide").view.notes == ("1 constant hidden",)
    assert "style=dashed" in drawing.redraw(constants="grey").dot
    assert "style=dashed" not in drawing.dot


def test_large_values_can_be_heat_maps() -> None:
    drawing = mg.draw(mg.linspace(0.0, 1.0, 40, requires_grad=True).exp())
    assert "mean" in drawing.dot
    assert "mean" not in drawing.redraw(large="heat map").dot


def test_an_edge_shows_the_local_derivative_and_its_numbers() -> None:
    z = mg.tensor([0.0, 1.0], requires_grad=True)
    drawing = mg.draw(z.sigmoid(), derivatives=True)
    (edge,) = drawing.graph.edges
    a = 1 / (1 + np.exp([0.0, -1.0]))
    assert edge.derivative == "a (1 - a)"
    assert edge.slope is not None and edge.slope.shape == (2,)
    np.testing.assert_allclose(edge.slope.numbers, a * (1 - a), rtol=1e-6)
    assert "da/dz = a (1 − a)" in drawing.dot


def test_the_derivative_of_a_product_of_matrices_is_a_matrix() -> None:
    x, W = mg.tensor([[1.0, 2.0]], requires_grad=True), mg.tensor([[3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])
    (to_x, to_W) = mg.draw(mg.linear(x, W), derivatives=True).graph.edges
    assert to_x.slope is not None and to_x.slope.shape == (3, 2)
    assert to_x.slope.numbers == (3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
    assert to_W.slope is None


def test_local_derivatives_are_left_out_where_they_cannot_be_known() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    freed = (x * x).sum()
    freed.backward()
    with mg.lean_mode():
        lean = x.sigmoid()
    large = mg.ones(100, requires_grad=True).exp()
    for tensor in (freed, large):
        assert all(edge.slope is None for edge in mg.draw(tensor, derivatives=True).graph.edges if edge.derivative)
    assert mg.draw(lean, derivatives=True).graph.edges[0].slope is None or lean.grad_fn is not None


# -- the formulas of the derivatives -------------------------------------------------------------------------

_FUNCTIONS = {
    "ln": np.log, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos, "sinh": np.sinh, "cosh": np.cosh,
}  # fmt: skip


def value_of(formula: str, names: dict[str, Any]) -> Any:
    """The numbers of a formula as it is written in a docstring."""
    if " where " in formula:
        one, condition, other = re.split(" where |, else ", formula)
        return np.where(value_of(condition, names), value_of(one, names), value_of(other, names))
    python = re.sub(r"\|(\w+)\|", r"abs(\1)", formula)
    for name in _FUNCTIONS:
        python = re.sub(rf"\b{name} (\w+)", rf"{name}(\1)", python)
    python = re.sub(r"(?<=[\w)])(?<!\bsqrt) (?=[\w(])", " * ", python)
    python = re.sub(r"\^-(\w+)", r"**(-\1)", python).replace("^", "**")
    return eval(python, {**_FUNCTIONS, "abs": abs, "e": math.e, "pi": math.pi, "P": None}, names)


def subclasses(cls: type[Op]) -> list[type[Op]]:
    return [deeper for sub in cls.__subclasses__() for deeper in (sub, *subclasses(sub))]


UNARY = {
    "neg", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "erf", "reciprocal", "sin",
    "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "clone", "relu", "sigmoid",
    "tanh",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(UNARY))
def test_a_derivative_in_a_docstring_is_what_the_rule_computes(name: str) -> None:
    low = 1.1 if name == "acosh" else 0.1
    x = mg.tensor(np.linspace(low, low + 0.8, 5), requires_grad=True)
    op = getattr(mg, name)(x).grad_fn
    (symbol, formula), *_ = derivatives(type(op)).items()
    drawn = mg.draw(getattr(mg, name)(x), derivatives=True).graph
    output = drawn.nodes[0].value
    assert output is not None and drawn.edges[0].slope is not None
    names = {symbol: x.detach().numpy(), op.output: np.array(output.numbers)}
    expected = np.broadcast_to(value_of(formula, names), (5,))
    np.testing.assert_allclose(drawn.edges[0].slope.numbers, expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow"])
def test_a_derivative_of_two_operands_is_what_the_rule_computes(name: str) -> None:
    x, y = (mg.tensor(np.linspace(low, low + 1, 4), requires_grad=True) for low in (0.5, 1.5))
    out = getattr(mg, name)(x, y)
    assert out.grad_fn is not None
    for edge in mg.draw(out, derivatives=True).graph.edges:
        names = {"x": x.detach().numpy(), "y": y.detach().numpy(), "out": out.detach().numpy()}
        expected = np.broadcast_to(value_of(edge.derivative, names), (4,))
        assert edge.slope is not None
        np.testing.assert_allclose(edge.slope.numbers, expected, rtol=1e-12)


def test_every_derivative_in_a_docstring_is_of_an_input() -> None:
    found = 0
    for cls in subclasses(Op):
        if cls.__module__.startswith("minigrad.ops"):
            declared = re.findall(rf"^d{cls.output}/d(\w+) = ", cls.__doc__ or "", re.MULTILINE)
            assert set(declared) <= set(cls.inputs)
            found += len(derivatives(cls))
    assert found >= 50


# -- themes and size -----------------------------------------------------------------------------------------


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["light", "dark", "print"])
def test_text_has_enough_contrast_in_every_theme(name: str) -> None:
    from minigrad.viz.look import THEMES

    theme = THEMES[name]
    grounds = [theme.paper, theme.frame_fill, *theme.fill.values()]
    assert min(contrast(theme.ink, ground) for ground in grounds) > 7
    assert min(contrast(theme.grey, ground) for ground in grounds) > 4.5
    plain = theme.head == theme.paper  # and no head has another colour
    heads = {theme.head} if plain else {theme.head, theme.result}
    assert min(contrast(theme.head_ink, head) for head in heads) > 4.5
    marks = {theme.head} if plain else set(theme.marks.values())
    assert min(contrast(theme.mark_ink, mark) for mark in marks) > 4.5
    heat = [theme.heat(number, -1.0, 1.0) for number in np.linspace(-1, 1, 21)]
    assert min(contrast(theme.ink, ground) for ground in heat) > 4.5
    assert min(contrast(theme.alert, ground) for ground in (theme.paper, theme.fill["operation"])) > 4.5
    assert min(contrast(theme.rim[kind], theme.paper) for kind in theme.rim) > 3


@pytest.mark.parametrize("name", ["light", "dark", "print"])
def test_a_theme_changes_the_colours_and_nothing_else(name: Any) -> None:
    drawing = mg.draw(Perceptron()(mg.ones(1, 2)))

    def words(drawn: mg.Drawing) -> set[str]:
        legend = {"negative", "0", "positive", "smallest", "largest", "in its block"}
        legend.add("full colour: the largest in its block")
        return set(re.findall(r"<text[^>]*>([^<]+)<", drawn.svg())) - legend

    assert words(drawing.redraw(theme=name)) == words(drawing)


def test_the_svg_has_a_title_a_description_and_words_for_every_box() -> None:
    svg = mg.draw(Perceptron()(mg.ones(1, 2))).svg()
    assert '<svg role="img" aria-label="Computation graph of Perceptron: ' in svg
    assert "<desc>In the order they ran: Linear → Sigmoid → Linear → Sigmoid.</desc>" in svg
    assert "<title>Linear: z₁ = x W₁ᵀ + b₁, z₁ (1, 3)</title>" in svg
    assert "<title>parameter, W₁ layer1.weight (3, 2)</title>" in svg
    assert "<title>layer1.weight to Linear</title>" in svg
    assert len(re.findall(r'<g id="n\d+" class="node">', svg)) == 9


def test_an_array_that_two_formulas_name_differently_has_one_name() -> None:
    model, x = mg.nn.Linear(64, 64), mg.randn(1, 64)
    svg = mg.draw(((model(x) - x) ** 2).sum()).svg()  # the x of one formula, the y of another
    assert "<title>x to Linear</title>" in svg and "<title>x to Sub</title>" in svg
    two = mg.tensor([1.5, 2.0])
    assert "<title>1.5 to " not in mg.draw(mg.ones(2, requires_grad=True) * two - two * 2.0).svg()
