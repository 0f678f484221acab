"""DOT text with positions -> the same in several rows, as a text has lines, where one row would be too long.

A deep net from left to right is a strip that fits no page. It is cut where few values pass and no small frame is
in the way; the pieces go below one another, and the line of each value that is read further down runs on through
the gap between the rows to the next one, as a reader's eye does. A frame that is cut goes on in the next row.
"""

from __future__ import annotations

import math
import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minigrad.viz.curves import Box, Points, bend, extent, rounded, split, tight

Kind = tuple[str, bool]  # of a line: where it comes from, and whether it is dashed

MARGIN = 8.0  # between a frame and what is in it
GAP = 14.0  # between a row and the lines that run between rows
LANE = 7.0  # between two such lines
CONTINUED = 0.75  # inches that the word takes in a title

_INCH = 72.0
_NODE = re.compile(r"^\t+(n\d+)\t\[(.*?)\];$", re.MULTILINE | re.DOTALL)
_EDGE = re.compile(r"^\t+(n\d+) -> (n\d+)\t\[(.*?)\];$", re.MULTILINE | re.DOTALL)
_FRAME = re.compile(r"subgraph (cluster_\d+) \{\s*graph \[(.*?)\];", re.DOTALL)
_NUMBERS = re.compile(r"(?<![\w-])(weight|width|height)=([\d.]+)")  # in a label numbers have quotation marks
_LABEL = re.compile(r'-> n\d+\t\[(?:(?!\];\n).)*?\blp="([^"]*)"', re.DOTALL)
_ROOT = re.compile(r"graph \[(.*?)\];", re.DOTALL)


def in_rows(laid: str, width: float) -> str:
    """``laid``, in which everything has its place, in rows of about ``width`` points at most."""
    laid = laid.replace("\\\n", "")  # Graphviz breaks long lines
    strip = _Strip(laid)
    return _Rows(strip, strip.cuts(width) if strip.length > width else []).text()


@dataclass(slots=True)
class _Edge:
    """A line, from the node whose value it takes to one that reads it, as it is cut."""

    ends: tuple[str, str]
    points: Points
    is_turned: bool  # drawn from the reader's end
    kind: Kind  # lines of one kind run together
    label: str  # where it is, or ""


class _Strip:
    """A picture in one row: where everything is."""

    def __init__(self, laid: str) -> None:
        self.laid = laid
        self.boxes = {found[1]: _box_of_node(found[2]) for found in _NODE.finditer(laid)}
        self.frames = {found[1]: _box(_value(found[2], "bb")) for found in _FRAME.finditer(laid)}
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

    def edge(self, found: re.Match[str]) -> _Edge:
        """A line, with its points in the direction of the strip."""
        points = np.array([point.split(",") for point in _value(found[3], "pos").split() if point[0] not in "es"])
        ends, curve = (found[1], found[2]), points.astype(float)
        is_turned = self.center(ends[0]) > self.center(ends[1])
        if is_turned:
            ends, curve = ends[::-1], curve[::-1]
        label = re.search(r'\blp="([^"]*)"', found[3])
        return _Edge(ends, curve, is_turned, (ends[0], "dashed" in found[3]), label[1] if label else "")

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
        labels = [x for x, _ in map(_point, _LABEL.findall(self.laid))]
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
        x, y = _point(place)
        room = [abs(x - side) for box in self.boxes.values() for side in (box[0], box[2])]
        return x - min(room), y - 6, x + min(room), y + 6

    def _prices(self, width: float) -> list[float]:
        """What a cut in each gap costs: the more, the more values pass there and the smaller the frames are."""
        price, x = np.zeros(len(self.gaps)), np.array(self.gaps)
        reach: dict[Kind, tuple[float, float]] = {}
        for found in _EDGE.finditer(self.laid):
            edge = self.edge(found)
            weight = float(dict(_NUMBERS.findall(found[3])).get("weight", 8)) / 8
            end, most = reach.get(edge.kind, (-math.inf, 0.0))
            reach[edge.kind] = max(end, self.center(edge.ends[1])), max(most, weight)
        for (source, _), (end, weight) in reach.items():
            price += 1.5 * weight**2 * ((self.center(source) < x) & (x < end))
        for name, members in self.members.items():
            ends = [self.center(id) for id in members]
            size = (self.frames[name][2] - self.frames[name][0]) / width
            price += (1 + 10 * max(0.0, 1 - size)) * ((min(ends) < x) & (x < max(ends)))
        return price.tolist()


class _Rows:
    """A strip that has been cut: where its pieces go, and what runs between them."""

    def __init__(self, strip: _Strip, cuts: Sequence[float]) -> None:
        self.strip, self.cuts = strip, cuts
        self.edges = [strip.edge(found) for found in _EDGE.finditer(strip.laid)]
        self.rows = self._home()
        if left := set(range(len(cuts))) - set(self.rows.values()):  # there were leaves alone
            self.cuts = cuts = [cut for row, cut in enumerate(cuts) if row not in left]
            self.rows = self._home()
        self.count = len(cuts) + 1
        self.shared = self._shared()
        self.lanes = [self._lanes(row) for row in range(len(cuts))]  # of each gap between rows
        self.parts = self._parts()
        self._place()

    def _home(self) -> dict[str, int]:
        """The row of each node; that of its reader for a leaf that stands just before a cut and is read beyond."""
        rows = {id: bisect(self.cuts, self.strip.center(id)) for id in self.strip.boxes}
        readers: dict[str, list[int]] = {}
        for edge in self.edges:
            readers.setdefault(edge.ends[0], []).append(rows[edge.ends[1]])
        leaves = readers.keys() - {edge.ends[1] for edge in self.edges}
        return rows | {
            id: row + 1
            for id, row in rows.items()
            if id in leaves and min(readers[id]) > row and self._is_last(id, row)
        }

    def _is_last(self, node: str, row: int) -> bool:
        """Whether a node stands in the last column of a row."""
        gaps = self.strip.gaps
        return gaps[bisect(gaps, self.strip.center(node))] == self.cuts[row]

    def _span(self, edge: _Edge) -> range:
        """The rows at whose ends a line is cut."""
        return range(self.rows[edge.ends[0]], self.rows[edge.ends[1]])

    def _parts(self) -> dict[str, dict[int, Box]]:
        """The part of each frame in each of its rows: a frame that is cut is as high as what is in it there."""
        parts: dict[str, dict[int, Box]] = {}
        frames = self.strip.frames
        for name, frame in sorted(frames.items(), key=lambda item: len(self.strip.members[item[0]])):
            rows = sorted({self.rows[id] for id in self.strip.members[name]})
            parts[name] = {rows[0]: frame}
            if len(rows) == 1:
                continue
            found = next(f for f in _FRAME.finditer(self.strip.laid) if f[1] == name)[2]
            tall, wide = (float(_value(found, name)) * _INCH for name in ("lheight", "lwidth"))
            inner = [other for other in parts if other != name and _is_in(frames[other], frame)]
            for row in rows:
                within = [self.strip.boxes[id] for id in self.strip.members[name] if self.rows[id] == row]
                within += [parts[other][row] for other in inner if row in parts[other]]
                left, low, right, high = _around(within)
                left = frame[0] if row == rows[0] else left - MARGIN
                right = frame[2] if row == rows[-1] else right + MARGIN
                title = wide + (CONTINUED * _INCH if row > rows[0] else 0) + 2 * MARGIN
                parts[name][row] = left, low - MARGIN, max(right, left + title), high + MARGIN + tall + 4
        return parts

    def _lanes(self, row: int) -> dict[Kind, int]:
        """The lines from a row to the next, by their places: the first is the highest where it leaves the row."""
        heights: dict[Kind, float] = {}
        for edge in self.edges:
            if row in self._span(edge):
                heights[edge.kind] = float(self._pieces(edge)[row - self.rows[edge.ends[0]]][-1, 1])
        return {kind: i for i, kind in enumerate(sorted(heights, key=lambda kind: -heights[kind]))}

    def _place(self) -> None:
        """Give each row its place: how far it moves, and its extent in the old coordinates."""
        boxes: list[list[Box]] = [[] for _ in range(self.count)]
        for id, box in self.strip.boxes.items():
            boxes[self.rows[id]].append(box)
        for parts in self.parts.values():
            for row, box in parts.items():
                boxes[row].append(box)
        for edge in self.edges:
            for row, piece in enumerate(self._pieces(edge), self.rows[edge.ends[0]]):
                boxes[row].append(extent(piece))
            if edge.label:
                boxes[self._row_of_label(edge)].append(self.strip.label(edge.label))
        self.extents = [_around(found) for found in boxes]
        sides = GAP + LANE * max(map(len, self.lanes)) if self.lanes else 0.0
        self.moves: list[tuple[float, float]] = []
        y = 0.0
        for row, (left, low, _, high) in enumerate(self.extents):
            if row:
                y -= 2 * GAP + LANE * (len(self.lanes[row - 1]) - 1)
            self.moves.append((sides - left, y - high))
            y -= high - low
        self.moves = [(dx, dy - y) for dx, dy in self.moves]
        self.height = -y
        self.width = max(right - left for left, _, right, _ in self.extents) + 2 * sides

    # -- lines ------------------------------------------------------------------------------------------------

    def _shared(self) -> dict[tuple[Kind, int], Points]:
        """What lines of one kind that leave a row have in common there: the piece of the straightest one."""
        found: dict[tuple[Kind, int], Points] = {}
        for edge in self.edges:
            for row, piece in zip(self._span(edge), self._cut(edge), strict=False):
                other = found.get((edge.kind, row))
                if other is None or bend(piece) < bend(other):
                    found[edge.kind, row] = piece
        return found

    def _cut(self, edge: _Edge) -> list[Points]:
        """A line cut where the strip is."""
        found, rest = [], edge.points
        for row in self._span(edge):
            done, rest = split(rest, self.cuts[row])
            found.append(done)
        return [*found, rest]

    def _pieces(self, edge: _Edge) -> list[Points]:
        """The same, with what it shares with others of its kind."""
        return [*(self.shared[edge.kind, row] for row in self._span(edge)), self._cut(edge)[-1]]

    def line(self, edge: _Edge) -> Points:
        """The whole line, through the gaps between rows."""
        start = self.rows[edge.ends[0]]
        moved = [piece + self.moves[row] for row, piece in enumerate(self._pieces(edge), start)]
        line = moved[0]
        for row, piece in enumerate(moved[1:], start):
            lanes = self.lanes[row]
            place, last = lanes[edge.kind], len(lanes) - 1
            _, low, right, _ = self.extents[row]
            beside = right + self.moves[row][0] + GAP - MARGIN + (last - place) * LANE
            below = low + self.moves[row][1] - GAP - (last - place) * LANE
            before = self.extents[row + 1][0] + self.moves[row + 1][0] - GAP + MARGIN - place * LANE
            corners = [line[-1], (beside, line[-1, 1]), (beside, below), (before, below), (before, piece[0, 1])]
            line = np.concatenate([line, rounded([*corners, piece[0]])[1:], piece[1:]])
        return line

    # -- text -------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """The DOT text."""
        laid = _NODE.sub(self._node, self.strip.laid)
        laid = _EDGE.sub(self._line, laid)
        continued = "".join(self._continued(found) for found in self._outermost_first())
        laid = _FRAME.sub(lambda found: self._frame(found, min(self.parts[found[1]])), laid)
        return _ROOT.sub(lambda found: self._sheet(found) + continued, laid, count=1)

    def _outermost_first(self) -> list[re.Match[str]]:
        found = _FRAME.finditer(self.strip.laid)
        return sorted(found, key=lambda frame: -len(self.strip.members[frame[1]]))

    def _node(self, found: re.Match[str]) -> str:
        left, low, right, high = self.strip.boxes[found[1]]
        dx, dy = self.moves[self.rows[found[1]]]
        return _with(found[0], "pos", f"{(left + right) / 2 + dx:.2f},{(low + high) / 2 + dy:.2f}")

    def _line(self, found: re.Match[str]) -> str:
        edge = self.strip.edge(found)
        line = self.line(edge)
        old = _value(found[3], "pos").split()
        arrows = []
        for arrow in (point for point in old if point[0] in "es"):
            is_late = (arrow[0] == "e") != edge.is_turned
            dx, dy = self.moves[self.rows[edge.ends[is_late]]]
            x, y = _point(arrow[2:])
            arrows.append(f"{arrow[0]},{x + dx:.2f},{y + dy:.2f}")
        curve = tight(line[::-1] if edge.is_turned else line)
        text = _with(found[0], "pos", " ".join([*arrows, *(f"{x:.2f},{y:.2f}" for x, y in curve.tolist())]))
        if edge.label:
            (x, y), (dx, dy) = _point(edge.label), self.moves[self._row_of_label(edge)]
            text = _with(text, "lp", f"{x + dx:.2f},{y + dy:.2f}")
        return text

    def _row_of_label(self, edge: _Edge) -> int:
        row = bisect(self.cuts, _point(edge.label)[0])
        return min(max(row, self.rows[edge.ends[0]]), self.rows[edge.ends[1]])

    def _frame(self, found: re.Match[str], row: int) -> str:
        """The head of a frame, for its part in a row."""
        left, low, right, high = self.parts[found[1]][row]
        dx, dy = self.moves[row]
        height, width = (float(_value(found[2], name)) * _INCH for name in ("lheight", "lwidth"))
        text = _with(found[0], "bb", f"{left + dx:.2f},{low + dy:.2f},{right + dx:.2f},{high + dy:.2f}")
        return _with(text, "lp", f"{left + dx + width / 2 + MARGIN:.2f},{high + dy - height / 2 - 4:.2f}")

    def _continued(self, found: re.Match[str]) -> str:
        """The parts of a frame in other rows than its first; they come first, as what is around others."""
        text = ""
        for row in sorted(self.parts[found[1]])[1:]:
            width = float(_value(found[2], "lwidth")) + CONTINUED
            head = re.sub(r"\blwidth=[\d.]+", f"lwidth={width:.2f}", found[0])
            head = re.sub(
                r"label=<(.*)>,(?=\s*labeljust)", r'label=<\1  <font point-size="8">continued</font>>,', head
            )
            head = self._frame(_FRAME.match(head) or found, row).replace(found[1], f"{found[1]}_{row}", 1)
            text += f"\n\t{head}\n\t}}"
        return text

    def _sheet(self, found: re.Match[str]) -> str:
        """The whole, with its caption above it."""
        text = found[0]
        top, width = self.height, self.width
        if 'lp="' in text:
            caption, wide = (float(_value(text, name)) * _INCH for name in ("lheight", "lwidth"))
            text = _with(text, "lp", f"{wide / 2 + MARGIN:.2f},{top + MARGIN + caption / 2:.2f}")
            top, width = top + caption + 2 * MARGIN, max(width, wide + 2 * MARGIN)
        return _with(text, "bb", f"0,0,{width:.2f},{top:.2f}")


# -- attributes ------------------------------------------------------------------------------------------------


def _value(attributes: str, name: str) -> str:
    """The value of an attribute; text in a label has no quotation mark, which is escaped there."""
    found = re.search(rf'(?<!\w){name}=(?:"([^"]*)"|([\d.]+))', attributes)
    assert found is not None
    return found[1] if found[1] is not None else found[2]


def _with(attributes: str, name: str, value: str) -> str:
    return re.sub(rf'(?<!\w){name}="[^"]*"', f'{name}="{value}"', attributes, count=1)


def _point(value: str) -> tuple[float, float]:
    x, y = map(float, value.split(","))
    return x, y


def _box(value: str) -> Box:
    left, low, right, high = map(float, value.split(","))
    return left, low, right, high


def _box_of_node(attributes: str) -> Box:
    x, y = _point(_value(attributes, "pos"))
    sizes = dict(_NUMBERS.findall(attributes))
    width, height = (float(sizes[name]) * _INCH / 2 for name in ("width", "height"))
    return x - width, y - height, x + width, y + height


def _is_in(box: Box, frame: Box) -> bool:
    return frame[0] <= box[0] and frame[1] <= box[1] and box[2] <= frame[2] and box[3] <= frame[3]


def _around(boxes: Sequence[Box]) -> Box:
    left, low, right, high = zip(*boxes, strict=True)
    return min(left), min(low), max(right), max(high)
