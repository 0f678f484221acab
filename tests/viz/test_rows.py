"""A picture that is too long for one row goes on in the next, and every line still leads from box to box."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import numpy as np
import pytest

import minigrad as mg
from gallery import PICTURES
from minigrad import nn
from minigrad.viz.curves import extent, rounded, split, tight
from viz.test_titles import SVG, crossed, points

Box = tuple[float, float, float, float]


def deep(*sizes: int) -> mg.Drawing:
    """A net of layers of different sizes, which are not folded."""
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.Tanh())]
    return mg.draw(nn.Sequential(*layers), mg.ones(8, sizes[0]))


class Block(nn.Module):
    """Adds what it computes, behind two frames, to what it was given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(width, width + 1), nn.Tanh(), nn.Linear(width + 1, width))

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return x + self.body(x)


def blocks() -> mg.Drawing:
    """Blocks in a frame that is longer than a row, each with a line around it; of different sizes, not folded."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.Sequential(*(nn.Sequential(Block(n), nn.Linear(n, n + 1)) for n in range(2, 7)))

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return self.parts(x).sum() + x.sum()

    return mg.draw(Net(), mg.ones(1, 2))


def boxes(svg: str) -> dict[str, Box]:
    """Where each node stands: left, upper, right and lower side."""
    found = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        if group.get("class") == "node" and re.fullmatch(r"n\d+", group.get("id") or ""):
            pairs = re.findall(
                r"(-?[\d.]+),(-?[\d.]+)",
                " ".join(s.get("points", "") + " " + s.get("d", "") for s in group.iter()),
            )
            x, y = np.array(pairs, float).T
            found[group.get("id") or ""] = x.min(), y.min(), x.max(), y.max()
    return found


def away(box: Box, point: tuple[float, float]) -> float:
    """How far a point is from a box, with the head of an arrow between them."""
    (left, upper, right, lower), (x, y) = box, point
    return max(left - x, x - right, upper - y, y - lower, 0.0)


def rows(drawing: mg.Drawing) -> list[list[str]]:
    """The titles of the operations in each row, of a net without branches."""
    places = boxes(drawing.svg())
    found: list[list[str]] = []
    bottom = -np.inf
    for node in drawing.view.nodes:
        if node.kind in ("operation", "group"):
            _, upper, _, lower = places[f"n{node.id}"]
            if upper > bottom:
                found.append([])
            found[-1].append(node.title)
            bottom = lower
    return found


def size(svg: str) -> tuple[float, float]:
    """The width and the height of a picture, in points."""
    return tuple(
        float(ElementTree.fromstring(svg).get(side, "").removesuffix("pt")) for side in ("width", "height")
    )


def test_a_deep_net_is_drawn_in_rows_of_about_one_length() -> None:
    drawing = deep(*range(20, 7, -1))
    width, height = size(drawing.svg())
    assert width < 1.1 * 1280 and height < 1280
    assert [len(row) for row in rows(drawing)] == [8, 8, 8]


def test_the_width_is_a_switch_and_none_draws_one_row() -> None:
    drawing = deep(*range(20, 7, -1))
    assert len(rows(drawing.redraw(width=700))) > 3
    assert len(rows(drawing.redraw(width=None))) == 1


def test_a_picture_that_fits_keeps_its_layout() -> None:
    drawing = deep(2, 3, 1)
    fitted, plain = (boxes(drawing.redraw(width=width).svg()) for width in (1280, None))
    moves = {tuple(np.round(np.subtract(fitted[node], plain[node]), 1).tolist()) for node in plain}
    assert len(moves) == 1


def test_no_room_is_left_for_the_control_points_of_lines() -> None:
    with mg.use_kernels("reference"):
        svg = PICTURES["residual"]().svg()  # a line leads around the block
    lowest = max(box[3] for box in boxes(svg).values())
    for line in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        if line.get("class") == "edge":
            lowest = max(lowest, *(y for _, y in points(line)))
    assert -20 < lowest < 12  # the page ends at 10.8


def test_a_picture_from_top_to_bottom_is_not_broken() -> None:
    drawing = deep(*range(20, 7, -1)).redraw(direction="TB")
    assert size(drawing.svg()) == size(drawing.redraw(width=None).svg())


def test_z_and_its_activation_stay_together() -> None:
    for width in (600, 700, 800, 900, 1000):
        for row in rows(deep(*range(14, 2, -1)).redraw(width=width)):
            assert row[0] == "Linear" and row[-1] == "Tanh"


@pytest.mark.parametrize("width", [500, 800, 1280])
def test_nothing_overlaps_and_every_line_leads_from_its_source_to_its_target(width: int) -> None:
    drawing = blocks().redraw(width=width)
    svg = drawing.svg()
    assert len(rows(drawing)) > 1
    places = boxes(svg)
    assert places.keys() == {f"n{node.id}" for node in drawing.view.nodes}
    every = sorted(places.values())
    for i, one in enumerate(every):
        for other in every[i + 1 :]:
            assert other[0] >= one[2] or other[1] >= one[3] or one[1] >= other[3]
    lines = [group for group in ElementTree.fromstring(svg).iter(f"{SVG}g") if group.get("class") == "edge"]
    assert len(lines) == len(drawing.view.edges)
    wanted = {frozenset((f"n{edge.source}", f"n{edge.target}")) for edge in drawing.view.edges}
    for line in lines:
        curve = [*points(line)]
        starts, stops = ({n for n, box in places.items() if away(box, end) <= 8} for end in (curve[0], curve[-1]))
        found = wanted & {frozenset((one, other)) for one in starts for other in stops}
        assert len(found) == 1
        wanted -= found
        for x, y in curve:
            inside = [n for n, b in places.items() if b[0] + 1 < x < b[2] - 1 and b[1] + 1 < y < b[3] - 1]
            assert set(inside) <= set(*found)
    assert not wanted


def test_a_frame_that_is_cut_goes_on_and_its_title_can_be_read() -> None:
    svg = blocks().redraw(width=800).svg()
    assert svg.count(">continued<") >= 2
    assert crossed(svg) == []
    assert svg.count("<title>parts, Sequential</title>") == svg.count(">parts<")


def test_everything_is_on_the_page() -> None:
    for drawing in (blocks(), deep(*range(20, 7, -1))):
        svg = drawing.svg()
        width, height = size(svg)
        for left, upper, right, lower in boxes(svg).values():
            assert left >= 0 and right <= width and -height <= upper and lower <= 0


def test_a_leaf_before_a_cut_goes_with_the_operation_that_reads_it() -> None:
    x = mg.tensor([1.0] * 6, requires_grad=True)
    y, steps = x, 14
    scales = [mg.full((6,), float(i + 2)) for i in range(steps)]
    for scale in scales:
        y = y * scale
    drawing = mg.draw(y, width=500, names={f"s{i}": scale for i, scale in enumerate(scales)})
    assert len(rows(drawing)) > 2
    places = boxes(drawing.svg())
    for edge in drawing.view.edges:
        if drawing.view.nodes[edge.source].symbol.startswith("s"):
            leaf, reader = places[f"n{edge.source}"], places[f"n{edge.target}"]
            assert abs(leaf[1] - reader[1]) < 150


def test_a_long_picture_without_frames_is_broken_too() -> None:
    y = mg.tensor(1.0, requires_grad=True)
    for function in ("exp", "log", "tanh", "sigmoid", "sin", "cos", "abs", "sqrt") * 2:
        y = getattr(y, function)()
    drawing = mg.draw(y, width=400)
    assert len(rows(drawing)) > 3
    assert 'class="cluster"' not in drawing.svg()


def test_no_row_is_higher_than_what_is_in_it() -> None:
    w = [mg.linspace(-1.0, 1.0, 16).reshape(16, 1), mg.linspace(-1.0, 1.0, 16).reshape(1, 16)]
    w1, w2 = (mg.tensor(part, requires_grad=True) for part in w)
    y = mg.ones(4, 1)
    loss = ((-((y @ w1.T).tanh() @ w2.T)).exp().log() - y).abs().mean()
    drawing = mg.draw(loss, passes="both", width=900)  # what follows the other pass is far away in a strip
    edges = sorted((upper, lower) for _, upper, _, lower in boxes(drawing.svg()).values())
    reached = edges[0][1]
    for upper, lower in edges[1:]:
        assert upper - reached < 150  # with the title of a frame, and lines between rows
        reached = max(reached, lower)


def test_a_label_stands_on_its_line_and_in_its_row() -> None:
    drawing = mg.draw(deep_loss(), derivatives=True, width=600)
    svg = drawing.svg()
    assert len(rows(drawing)) > 2
    width, _ = size(svg)
    lines = [group for group in ElementTree.fromstring(svg).iter(f"{SVG}g") if group.get("class") == "edge"]
    labels = [(line, text) for line in lines for text in line.iter(f"{SVG}text") if (text.text or "")[0] == "d"]
    assert len(labels) >= 10
    for line, text in labels:
        x, y = float(text.get("x", "")), float(text.get("y", ""))
        assert 0 <= x < width - 30
        assert min(abs(a - x) + abs(b - y) for a, b in points(line)) < 40


def deep_loss() -> mg.Tensor:
    """A net that no frame is around, so that its labels have room."""
    x = mg.tensor([0.5, -1.0], requires_grad=True)
    for _ in range(8):
        x = (x * 1.5).tanh()
    return x.sum()


# -- curves --------------------------------------------------------------------------------------------------


def test_a_curve_is_split_where_it_passes() -> None:
    curve = np.array([[0, 0], [10, 30], [20, -30], [30, 10], [40, 50], [50, 0], [60, 0]], float)
    for x in (7.0, 30.0, 44.0):
        before, after = split(curve, x)
        assert before[-1, 0] == pytest.approx(x, abs=1e-6)
        assert (before[-1] == after[0]).all()
        assert len(before) % 3 == len(after) % 3 == 1
        assert (before[0] == curve[0]).all() and (after[-1] == curve[-1]).all()


def test_a_curve_that_ends_before_its_arrow_passes_is_not_split() -> None:
    curve = np.array([[0, 0], [1, 0], [2, 0], [3, 0]], float)
    before, after = split(curve, 5.0)
    assert (before == curve).all() and (after == [3, 0]).all()
    before, after = split(curve, -1.0)
    assert (before == [0, 0]).all() and (after == curve).all()


def test_corners_are_rounded() -> None:
    curve = rounded([(0, 0), (20, 0), (20, -30)])
    assert curve.tolist()[0] == [0, 0] and curve.tolist()[-1] == [20, -30]
    assert [14.0, 0.0] in curve.tolist() and [20.0, -6.0] in curve.tolist()
    assert [20.0, 0.0] not in curve.tolist()


def test_a_tight_line_is_the_same_line_with_control_points_near_it() -> None:
    curve = np.array([[0, 0], [0, -100], [200, -100], [200, 0], [200, 40], [220, 40], [260, 40]], float)
    found = tight(curve)
    assert (found[0] == curve[0]).all() and (found[-1] == curve[-1]).all()
    assert extent(found) == pytest.approx(extent(curve), abs=1)
    assert extent(curve)[1] == pytest.approx(-75, abs=0.5)
    assert found[:, 1].min() > -80 and len(found) > len(curve)
