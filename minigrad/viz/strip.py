"""A picture in one row, read from DOT text with positions: where everything is, and where it can be cut."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minigrad.viz.curves import Box, Points

Kind = tuple[str, bool]  # of a line: where it comes from, and whether it is dashed

INCH = 72.0
NODE = re.compile(r"^\t+(n\d+)\t\[(.*?)\];$", re.MULTILINE | re.DOTALL)
EDGE = re.compile(r"^\t+(n\d+) -> (n\d+)\t\[(.*?)\];$", re.MULTILINE | re.DOTALL)
FRAME = re.compile(r"subgraph (cluster_\d+) \{\s*graph \[(.*?)\];", re.DOTALL)
ROOT = re.compile(r"graph \[(.*?)\];", re.DOTALL)
_NUMBERS = re.compile(r"(?<![\w-])(weight|width|height)=([\d.]+)")  # in a label numbers have quotation marks
LABEL = re.compile(r'-> n\d+\t\[(?:(?!\];\n).)*?\blp="([^"]*)"', re.DOTALL)


@dataclass(slots=True)
class Edge:
    """A line, from the node whose value it takes to one that reads it, as it is cut."""

    ends: tuple[str, str]
    points: Points
    is_turned: bool  # drawn from the reader's end
    kind: Kind  # lines of one kind run together
    label: str  # where it is, or ""


class Strip:
    """A picture in one row: where everything is."""

    def __init__(self, laid: str) -> None:
        self.laid = laid
        self.boxes = {found[1]: _box_of_node(found[2]) for found in NODE.finditer(laid)}
        self.frames = {found[1]: _box(value(found[2], "bb")) for found in FRAME.finditer(laid)}
        self.members = self._members()
        self.gaps = self._gaps()
        self.left = min((box[0] for box in self.boxes.values()), default=0.0)
        self.length = max((box[2] for box in self.boxes.values()), default=0.0) - self.left

    def _members(self) -> dict[str, list[str]]:
        """The nodes in each frame, by their places."""
        ids = np.array([*self.boxes])
        low, high = np.split(np.array([*self.boxes.values()]), 2, axis=1)
        return {
            name: ids[(low >= frame[:2]).all(1) & (high <= frame[2:]).all(1)].tolist()
            for name, frame in self.frames.items()
        }

    def edge(self, found: re.Match[str]) -> Edge:
        """A line, with its points in the direction of the strip."""
        places = [part.split(",") for part in value(found[3], "pos").split() if part[0] not in "es"]
        ends, curve = (found[1], found[2]), np.array(places, float)
        is_turned = self.center(ends[0]) > self.center(ends[1])
        if is_turned:
            ends, curve = ends[::-1], curve[::-1]
        label = re.search(r'\blp="([^"]*)"', found[3])
        return Edge(ends, curve, is_turned, (ends[0], "dashed" in found[3]), label[1] if label else "")

    def center(self, node: str) -> float:
        """The x of a node."""
        return (self.boxes[node][0] + self.boxes[node][2]) / 2

    # -- where to cut -----------------------------------------------------------------------------------------

    def cuts(self, width: float) -> list[float]:
        """Where it is cut so that rows have about one length, few lines pass, and few frames are divided."""
        prices = self._prices(width)
        places = [self.left, *self.gaps, self.left + self.length]
        even = self.length / math.ceil(self.length / width)
        best, before = [0.0], [0]  # the least price of all rows up to each place, and where the last one begins
        for i, end in enumerate(places[1:], 1):
            is_last = i == len(places) - 1
            found: list[tuple[float, int]] = []
            for j in reversed(range(i)):
                row = end - places[j]
                if row > 1.1 * width and found:
                    break
                uneven = ((row - even) / even) ** 2 * (6 if is_last and row < even else 20)
                found.append((best[j] + uneven + 20 * max(0.0, row / width - 1), j))
            price, start = min(found)
            best.append(price + (0.0 if is_last else prices[i - 1]))
            before.append(start)
        cuts, i = [], before[-1]
        while i:
            cuts.append(places[i])
            i = before[i]
        return cuts[::-1]

    def _gaps(self) -> list[float]:
        """Where a cut can be: in the middle of each gap between columns of nodes, or behind the labels in it."""
        labels = [x for x, _ in map(point, LABEL.findall(self.laid))]
        found: list[float] = []
        reached = -math.inf
        for left, _, right, _ in sorted(self.boxes.values()):
            if left > reached > -math.inf:
                is_labelled = any(reached < x < left for x in labels)
                found.append(left - 3 if is_labelled else (left + reached) / 2)
            reached = max(reached, right)
        return found

    def label(self, place: str) -> Box:
        """About the room that the label of a line takes: Graphviz tells its middle, and leaves a gap that wide."""
        x, y = point(place)
        room = [abs(x - side) for box in self.boxes.values() for side in (box[0], box[2])]
        return x - min(room), y - 6, x + min(room), y + 6

    def _prices(self, width: float) -> list[float]:
        """What a cut in each gap costs: the more, the more values pass there and the smaller the frames are."""
        price, x = np.zeros(len(self.gaps)), np.array(self.gaps)
        reach: dict[Kind, tuple[float, float]] = {}
        for found in EDGE.finditer(self.laid):
            edge = self.edge(found)
            weight = float(dict(_NUMBERS.findall(found[3])).get("weight", 8)) / 8
            end, most = reach.get(edge.kind, (-math.inf, 0.0))
            reach[edge.kind] = max(end, self.center(edge.ends[1])), max(most, weight)
        for (source, _), (end, weight) in reach.items():
            price += 1.5 * weight**2 * ((self.center(source) < x) & (x < end))
        for name, members in self.members.items():
            ends = [self.center(id) for id in members]
            size = (self.frames[name][2] - self.frames[name][0]) / width
            price += (1 + 25 * max(0.0, 1 - size)) * ((min(ends) < x) & (x < max(ends)))
        return price.tolist()


# -- attributes ------------------------------------------------------------------------------------------------


def value(attributes: str, name: str) -> str:
    """The value of an attribute; text in a label has no quotation mark, which is escaped there."""
    found = re.search(rf'(?<!\w){name}=(?:"([^"]*)"|([\d.]+))', attributes)
    assert found is not None
    return found[1] if found[1] is not None else found[2]


def replaced(attributes: str, name: str, value: str) -> str:
    return re.sub(rf'(?<!\w){name}="[^"]*"', f'{name}="{value}"', attributes, count=1)


def point(value: str) -> tuple[float, float]:
    x, y = map(float, value.split(","))
    return x, y


def _box(value: str) -> Box:
    left, low, right, high = map(float, value.split(","))
    return left, low, right, high


def _box_of_node(attributes: str) -> Box:
    x, y = point(value(attributes, "pos"))
    sizes = dict(_NUMBERS.findall(attributes))
    width, height = (float(sizes[name]) * INCH / 2 for name in ("width", "height"))
    return x - width, y - height, x + width, y + height


def is_in(box: Box, frame: Box) -> bool:
    return frame[0] <= box[0] and frame[1] <= box[1] and box[2] <= frame[2] and box[3] <= frame[3]


def around(boxes: Sequence[Box]) -> Box:
    left, low, right, high = zip(*boxes, strict=True)
    return min(left), min(low), max(right), max(high)
