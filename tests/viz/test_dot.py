from __future__ import annotations

import math
import re
import sys
import time
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

import minigrad as mg
from graphs import scalar
from minigrad import nn
from viz.models import Perceptron

HOSTILE = {
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "a\"b'c": "a\"b'c",
    "{x|y} <p>": "{x|y} <p>",
    "two\nlines\0": "two�lines�",
    "party 🎉": "party 🎉",
    "family 👩\u200d👧": "family 👩\u200d👧",
    "back\\slash \\N \\G": "back\\slash \\N \\G",
    "trailing\\": "trailing\\",
    "\u202ewrong way\u202c": "�wrong way�",
    "עברית": "עברית",
    "]]> --> &amp;": "]]> --> &amp;",
    "half \ud800": "half �",
    "x" * 10_000: "x" * 47 + "…",
}


def texts(drawing: mg.Drawing) -> list[str]:
    """The pieces of text in the SVG."""
    found = ElementTree.fromstring(drawing.svg()).iter("{http://www.w3.org/2000/svg}text")
    return [element.text or "" for element in found]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_shown_as_it_is_whatever_is_in_it(name: str) -> None:
    x = mg.tensor(1.0, requires_grad=True)
    drawing = mg.draw(x.exp(), names={name: x})
    assert HOSTILE[name] in texts(drawing)


@pytest.mark.parametrize("name", [name for name in HOSTILE if "\0" not in name and "\ud800" not in name])
def test_a_class_may_have_any_name(name: str) -> None:
    model = type(name, (nn.Sequential,), {})(nn.Linear(1, 1))
    assert HOSTILE[name] in texts(mg.draw(model(mg.ones(1, 1))))


def test_a_module_may_have_any_name() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.add_module('<b>"{\\N', nn.Linear(1, 1))

        def forward(self, x: mg.Tensor) -> Any:
            return next(iter(self.children()))(x)

    found = texts(mg.draw(Model()(mg.ones(1, 1))))
    assert '<b>"{\\N' in found
    assert '<b>"{\\N.weight' in found


def test_a_formula_is_escaped() -> None:
    class Smaller(mg.Op):
        """y = x where x < 1 & x > "0" """

        def forward(self, kernels: Any, x: Any) -> Any:
            return kernels.copy(x)

    drawing = mg.draw(mg.record(Smaller(), mg.tensor(1.0, requires_grad=True)))
    assert 'y = x where x < 1 & x > "0"' in " ".join(texts(drawing))


def test_a_name_is_not_read_as_a_formula() -> None:
    x, y = mg.tensor(1.0, requires_grad=True), mg.tensor(2.0)
    c = x * y
    assert "sum = a^2 · -b" in texts(mg.draw(c, names={"sum": c, "a^2": x, "-b": y}))


def test_edges_are_labelled_where_the_formula_does_not_say_which_is_which() -> None:
    class Mixed(mg.Op):
        """out = a mixture of both"""

        output = "out"

        def forward(self, kernels: Any, x: Any, y: Any) -> Any:
            return kernels.add(x, y)

    y, other = mg.tensor(1.0, requires_grad=True), mg.tensor(2.0, requires_grad=True)

    def labels(drawing: mg.Drawing) -> list[str]:
        return sorted(re.findall(r"-> n\d+ \[label=<(\w+)>", drawing.dot))

    mixed = mg.draw(mg.record(Mixed(), other, y), names={"c": other})
    assert labels(mixed) == ["x", "y"]
    assert labels(mg.draw(other - y, names={"c": other})) == []  # out = c - y
    assert labels(mg.draw(other - y, names={"c": other}, formulas=False)) == ["x", "y"]


@pytest.mark.parametrize(
    ("shape", "rows"),
    [((1, 64), [8] * 8), ((1, 6, 10), [10] * 6), ((40,), [14]), ((2, 33), [11, 11]), ((784,), [14] * 14)],
)
def test_a_large_input_is_a_heat_map_of_at_most_16_by_16_cells(shape: tuple[int, ...], rows: list[int]) -> None:
    x = mg.linspace(0.0, 1.0, math.prod(shape)).reshape(shape)
    dot = mg.draw(x * mg.tensor(1.0, requires_grad=True)).dot
    assert [row.count("<td") for row in heat_map(dot)] == rows


def heat_map(dot: str) -> list[str]:
    return re.findall(r"<tr>((?:<td width[^/]*></td>)+)</tr>", dot)


def test_leaves_stand_beside_an_operation_but_not_where_two_run_side_by_side() -> None:
    layers = mg.draw(nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1)), mg.ones(1, 3))
    assert layers.dot.count("rank=same") == 2
    cell = nn.Module()
    cell.add_module("cell", nn.RNNCell(3, 2))
    cell.forward = lambda x: cell.cell(x)  # type: ignore[method-assign, operator]
    assert "rank=same" not in mg.draw(cell, mg.ones(1, 3)).dot


def test_operations_with_leaves_that_follow_one_another_have_them_beside() -> None:
    class Affine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale, self.shift = nn.Parameter(mg.ones(2)), nn.Parameter(mg.zeros(2))

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return (x * self.scale).exp() + self.shift

    drawing = mg.draw(nn.Sequential(Affine(), nn.ReLU()), mg.ones(1, 2))
    assert drawing.dot.count("rank=same") == 2


def test_a_long_row_is_broken() -> None:
    dot = mg.draw(mg.linspace(0.0, 1.0, 25, requires_grad=True).reshape(1, 25).exp()).dot
    lines = [line.count("<td") for line in re.findall(r"<tr>((?:<td width[^/]*</font></td>)+)</tr>", dot)]
    assert lines[-4:] == [8, 8, 8, 1]


def test_a_long_vector_is_no_tower() -> None:
    def lines(size: int) -> list[int]:
        dot = mg.draw(mg.linspace(0.0, 1.0, size, requires_grad=True).exp()).dot
        return [line.count("<td") for line in re.findall(r"<tr>((?:<td width[^/]*</font></td>)+)</tr>", dot)]

    assert lines(10)[-10:] == [1] * 10
    assert lines(22)[-6:] == [4, 4, 4, 4, 4, 2]


def test_a_constant_that_is_nearly_1_does_not_read_1() -> None:
    dot = mg.draw(mg.tensor(1.0001, requires_grad=True) + 1.0002).dot
    assert ">1.0001<" in dot and ">1.0002<" in dot


@pytest.mark.parametrize(("shape", "whole"), [((4, 4), True), ((8,), True), ((9,), False), ((3, 6), False)])
def test_parameters_are_whole_up_to_half_as_many_numbers(shape: tuple[int, ...], whole: bool) -> None:
    w = mg.linspace(0.0, 1.0, math.prod(shape)).reshape(shape)
    dot = mg.draw(mg.tensor(w, requires_grad=True).sum()).dot
    assert ("mean" in dot) is not whole


@pytest.mark.parametrize(("size", "times"), [(4, 4), (5, 1), (40, 1)])
def test_many_equal_numbers_are_written_once(size: int, times: int) -> None:
    dot = mg.draw(mg.full((size,), 7.0, requires_grad=True).sum()).dot
    assert dot.count(">7<") == times
    assert (">all<" in dot) is (times == 1)
    assert ">all<" not in mg.draw(mg.full((7,), math.nan, requires_grad=True).sum()).dot


def test_parameters_and_inputs_differ_in_shape_and_colour() -> None:
    dot = mg.draw(mg.tensor(1.0, requires_grad=True) * mg.tensor([1.0, 2.0])).dot
    parameter, value = (re.search(rf"n{i} \[label=<<table (.*?)>", dot) for i in (1, 2))
    assert parameter and value
    assert "rounded" in value[1]
    assert "rounded" not in parameter[1]
    assert re.findall("#......", value[1]) != re.findall("#......", parameter[1])


def test_a_vector_runs_across_the_direction_and_a_matrix_keeps_its_rows() -> None:
    x = mg.tensor([0.125, 0.25, 0.5], requires_grad=True)
    down, across = r"0\.125</font></td></tr><tr><td", r"0\.125</font></td><td"
    for direction, found in (("LR", down), ("TB", across)):
        assert re.search(found, mg.draw(x.exp(), direction=direction).dot)
        assert re.search(across, mg.draw(x.reshape(1, 3).exp(), direction=direction).dot)
        assert re.search(down, mg.draw(x.reshape(3, 1).exp(), direction=direction).dot)
    matrix = mg.draw(mg.tensor([[0.125, 0.25], [0.5, 1.0]], requires_grad=True).exp()).dot
    assert re.search(r"0\.125</font></td><td[^/]*0\.250</font></td></tr>", matrix)


def test_text_on_the_heat_map_has_enough_contrast() -> None:
    dot = mg.draw(mg.tensor([-1.0, -0.1, 0.0, 0.1, 1.0, float("nan")], requires_grad=True).exp()).dot
    colours = set(re.findall(r'bgcolor="(#\w{6})"><font face', dot))
    assert len(colours) > 5
    for colour in colours:
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert (luminance + 0.05) / (0.0137 + 0.05) > 4.5  # WCAG AA, for the ink #1f2933


def test_the_legend_explains_what_the_picture_has_and_no_more() -> None:
    x = mg.tensor(1.0, requires_grad=True)
    assert "input: requires none" not in mg.draw(x.exp()).dot
    assert "input: requires none" in mg.draw(x * 2).dot
    for word in ("negative", "full colour: the largest in its block"):
        assert word in mg.draw(x * 2).dot
        assert word not in mg.draw(x * 2, values=False).dot


def test_a_box_says_that_its_value_was_not_kept() -> None:
    z = mg.tensor([[1.0, 2.0]], requires_grad=True)
    loss = (z + mg.tensor([[3.0, 4.0]])).sum() * 2
    assert mg.draw(loss).dot.count("value not kept") == 2  # what was added, and the sum with it
    assert "not kept" not in mg.draw(loss, values=False).dot


def test_a_value_is_computed_again_from_what_is_kept_of_an_input() -> None:
    z = mg.tensor([[1.0, 2.0]], requires_grad=True)
    loss = nn.functional.cross_entropy(z, mg.tensor([1]))  # nobody else holds the target
    assert "value not kept" not in mg.draw(loss).dot


def test_a_freed_graph_says_how_values_are_kept() -> None:
    x = mg.tensor(1.0, requires_grad=True)
    y = x.exp()
    y.backward()
    assert "backward(retain_graph=True) keeps them" in mg.draw(y).dot


def test_what_is_kept_stands_in_the_column_of_its_operation() -> None:
    drawing = mg.draw(Perceptron()(mg.ones(1, 2)).sum(), kept="nodes")
    columns = [
        {int(node) for node in re.findall(r"n(\d+)", rank)}
        for rank in re.findall(r"rank=same\n((?:\s+n\d+\n)+)", drawing.dot)
    ]
    nodes, edges = drawing.view.nodes, drawing.view.edges
    kept = [edge for edge in edges if nodes[edge.target].kind == "kept" and nodes[edge.target].cluster is not None]
    assert len(kept) == 8
    assert all(any({edge.source, edge.target} <= column for column in columns) for edge in kept)


def test_the_svg_is_titled_with_what_it_shows() -> None:
    svg = mg.draw(Perceptron()(mg.ones(1, 2))).svg()
    assert "<title>Computation graph of Perceptron: 4 operations, 4 parameters, 1 input.</title>" in svg


def test_a_missing_graphviz_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "graphviz", None)
    drawing = mg.draw(mg.tensor(1.0, requires_grad=True).exp())
    with pytest.raises(ImportError, match=r"the package graphviz: pip install graphviz$"):
        _ = drawing.dot


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_the_largest_numbers_there_are_have_colours(theme: str) -> None:
    x = mg.tensor([1.7e308, -1.7e308, math.inf, -math.inf, math.nan], dtype=mg.float64, requires_grad=True)
    labels = texts(mg.draw(x.clone(), theme=theme))
    assert [label.strip("\N{NO-BREAK SPACE}") for label in labels].count("1.70e+308") == 2


@pytest.mark.compiled
def test_1000_nodes_are_an_svg_within_3_seconds() -> None:
    model = nn.Sequential(*(nn.Sequential(nn.Linear(2, 2), nn.Tanh()) for _ in range(250)))
    x = mg.ones(1, 2)
    model(x)
    started = time.process_time()
    drawing = mg.draw(model, x, fold=False, max_nodes=2000)
    assert len(drawing.view.nodes) == 1001
    assert drawing.svg().count('class="node"') == 1001
    assert time.process_time() - started < 3


def test_a_value_that_is_read_all_along_a_deep_graph_does_not_make_it_hang() -> None:
    x = scalar(0.5)
    y = x
    for _ in range(66):
        y = (y * 1.01).tanh() + x
    started = time.process_time()
    assert mg.draw(y, max_nodes=300).svg().count('class="node"') == 265
    assert time.process_time() - started < 10
