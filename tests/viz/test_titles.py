"""The titles of frames can be read: no edge runs across them, in a layout that is Graphviz's own."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

import pytest

import minigrad as mg
from gallery import PICTURES
from minigrad import nn
from minigrad.viz.titles import uncross

SVG = "{http://www.w3.org/2000/svg}"


def crossed(svg: str) -> list[str]:
    """The titles of frames that an edge runs across, as far as they are drawn below the edges."""
    groups = [*ElementTree.fromstring(svg).iter(f"{SVG}g")]
    edges = [point for group in groups if group.get("class") == "edge" for point in points(group)]
    found = []
    for group in groups:
        lines = [*group.iter(f"{SVG}text")] if group.get("class") == "cluster" else []
        for line in lines:
            x, y, size = (float(line.get(name, "0")) for name in ("x", "y", "font-size"))
            right = x + 0.5 * size * len(line.text or "")
            if any(x <= a <= right and y - 0.8 * size <= b <= y for a, b in edges):
                found.append(line.text or "")
    return found


def points(edge: ElementTree.Element) -> Iterator[tuple[float, float]]:
    """Points on the curves of an edge."""
    for path in edge.iter(f"{SVG}path"):
        ends = [tuple(map(float, pair.split(","))) for pair in re.findall(r"-?[\d.]+,-?[\d.]+", path.get("d", ""))]
        for i in range(0, len(ends) - 3, 3):
            for t in (step / 300 for step in range(301)):
                weights = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t**3
                x, y = (sum(w * end[k] for w, end in zip(weights, ends[i:], strict=False)) for k in (0, 1))
                yield x, y


def twice() -> mg.Drawing:
    """One network called on two inputs: its parameters stand between the calls, and edges enter from above."""
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    return mg.draw(net(mg.ones(1, 3)) - net(mg.zeros(1, 3)))


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("name", [*PICTURES, "twice"])
def test_no_edge_runs_across_the_title_of_a_frame(name: str, direction: str) -> None:
    with mg.use_kernels("reference"):
        drawing = twice() if name == "twice" else PICTURES[name]()
        assert crossed(drawing.redraw(direction=direction).svg()) == []


def test_a_title_without_a_free_place_stands_above_the_edges() -> None:
    svg = twice().svg()
    title = svg.index(">2, call 2<")
    assert title > svg.rindex('class="edge"')
    assert "2, call 2, Linear" in svg  # and not what Graphviz calls it


def cell() -> mg.Drawing:
    """A recurrent cell, whose state goes back to its start along a line with a label."""

    class Steps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTMCell(3, 2)

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            h = c = mg.zeros(1, 2)
            for step in x:
                h, c = self.cell(step, (h, c))
            return h

    return mg.draw(Steps(), mg.ones(5, 1, 3))


def test_no_title_stands_on_the_label_of_a_line() -> None:
    groups = [*ElementTree.fromstring(cell().svg()).iter(f"{SVG}g")]
    texts = {
        kind: [line for group in groups if group.get("class") == kind for line in group.iter(f"{SVG}text")]
        for kind in ("edge", "cluster")
    }
    assert [label.text for label in texts["edge"]] == ["next", "next"]
    for label in texts["edge"]:
        x, y = float(label.get("x", "")), float(label.get("y", ""))
        for title in texts["cluster"]:
            left, line = float(title.get("x", "")), float(title.get("y", ""))
            right = left + 6 * len(title.text or "")
            assert abs(y - line) > 9 or x + 12 < left or right < x - 12


LAID = """digraph {
	subgraph cluster_0 {
		graph [bb="0,0,200,100", fillcolor="#f5f7f8",
			label=<f>,
			labeljust=l,
			lheight=0.2,
			lp="28,90",
			lwidth=0.5];
		a [pos="20,20"];
	}
	b -> a [pos="EDGE"];
}
"""


@pytest.mark.parametrize(
    ("edge", "center"),
    [
        ("150,200 150,150 150,100 150,0", "28.00"),  # elsewhere
        ("28,200 28,150 28,100 28,0", "49.00"),  # the title goes to the right of it
        ("28,200 28,150 28,100 28,0;60,200 60,150 60,100 60,0", "81.00"),
        ("0,95 40,95 80,95 400,95", None),
    ],
)
def test_a_title_goes_to_the_first_free_place(edge: str, center: str | None) -> None:
    laid = uncross(LAID.replace("EDGE", edge))
    if center is None:
        assert 'label=""' in laid and "title_of_cluster_0 [label=<<table" in laid
        assert "outputorder=edgesfirst" in laid
    else:
        assert f'lp="{center},90"' in laid
