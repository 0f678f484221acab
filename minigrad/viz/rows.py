"""DOT text with positions -> the same in several rows, as a text has lines, where one row would be too long.

A deep net from left to right is a strip that fits no page. It is cut where few values pass and no small frame is
in the way; the pieces go below one another, and the line of each value that is read further down runs on through
the gap between the rows to the next one, as a reader's eye does. A frame that is cut goes on in the next row.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Sequence

import numpy as np

from minigrad.viz.curves import Box, Points, bend, extent, rounded, split, tight
from minigrad.viz.strip import (
    EDGE,
    FRAME,
    INCH,
    NODE,
    ROOT,
    Edge,
    Kind,
    Strip,
    around,
    is_in,
    point,
    replaced,
    value,
)

MARGIN = 8.0  # between a frame and what is in it
GAP = 14.0  # between a row and the lines that run between rows
LANE = 7.0  # between two such lines
BLANK = 40.0  # the most that is left empty across a row; above and below all boxes, twice as much
TITLE, HALF = 24.0, 30.0  # the height of a title, and half the height of the label of a line, at least
CONTINUED = 0.75  # inches that the word takes in a title


def in_rows(laid: str, width: float) -> str:
    """``laid``, in which everything has its place, in rows of about ``width`` points at most."""
    strip = Strip(laid.replace("\\\n", ""))  # Graphviz breaks long lines
    return _Rows(strip, strip.cuts(width) if strip.length > width else []).text()


class _Row:
    """Where a row goes: to the side and up or down, and where there is nothing across it, it becomes lower.

    Args:
        around: its extent in the strip.
        bands: the lower and the upper end of whatever keeps its height.
    """

    def __init__(self, around: Box, bands: Sequence[tuple[float, float]]) -> None:
        self.left, low, self.right, high = around
        self.old, self.new = [low], [0.0]
        for band in [*sorted(bands), (high, high)]:
            start, end = max(band[0], self.old[-1]), min(band[1], high)
            if end > self.old[-1]:
                is_within = len(self.old) > 1 and band[0] < high
                self.new.append(self.new[-1] + min(start - self.old[-1], BLANK if is_within else 2 * BLANK))
                self.new.append(self.new[-1] + end - start)
                self.old += [start, end]
        self.height = self.new[-1]
        self.x = self.y = 0.0

    def __call__(self, points: Points) -> Points:
        """Points of the strip, in their new places."""
        y = np.interp(points[..., 1], self.old, self.new)
        return np.stack([points[..., 0] + self.x, y + self.y], axis=-1)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The same for one."""
        found = self(np.array([x, y]))
        return float(found[0]), float(found[1])


class _Rows:
    """A strip that has been cut: where its pieces go, and what runs between them."""

    def __init__(self, strip: Strip, cuts: Sequence[float]) -> None:
        self.strip, self.cuts = strip, cuts
        self.edges = [strip.edge(found) for found in EDGE.finditer(strip.laid)]
        self.rows = self._home()
        if left := set(range(len(cuts))) - set(self.rows.values()):  # there were leaves alone
            self.cuts = cuts = [cut for row, cut in enumerate(cuts) if row not in left]
            self.rows = self._home()
        self.shared = self._shared()
        self.lanes = [self._lanes(row) for row in range(len(cuts))]  # of each gap between rows
        self.parts = self._parts()
        self.side = GAP + LANE * max(map(len, self.lanes)) if self.lanes else 0.0  # left and right of rows
        self.places = self._place()

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

    def _span(self, edge: Edge) -> range:
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
            found = next(f for f in FRAME.finditer(self.strip.laid) if f[1] == name)[2]
            tall, wide = (float(value(found, name)) * INCH for name in ("lheight", "lwidth"))
            inner = [other for other in parts if other != name and is_in(frames[other], frame)]
            for row in rows:
                within = [self.strip.boxes[id] for id in self.strip.members[name] if self.rows[id] == row]
                within += [parts[other][row] for other in inner if row in parts[other]]
                left, low, right, high = around(within)
                left = frame[0] if row == rows[0] else left - MARGIN
                right = frame[2] if row == rows[-1] else right + MARGIN
                title = wide + (CONTINUED * INCH if row > rows[0] else 0) + 2 * MARGIN
                parts[name][row] = left, low - MARGIN, max(right, left + title), high + MARGIN + tall + 4
        return parts

    def _lanes(self, row: int) -> dict[Kind, int]:
        """The lines from a row to the next, by their places: the first is the highest where it leaves the row."""
        heights: dict[Kind, float] = {}
        for edge in self.edges:
            if row in self._span(edge):
                heights[edge.kind] = float(self._pieces(edge)[row - self.rows[edge.ends[0]]][-1, 1])
        return {kind: i for i, kind in enumerate(sorted(heights, key=lambda kind: -heights[kind]))}

    def _place(self) -> list[_Row]:
        """Put one row below the other."""
        boxes: list[list[Box]] = [[] for _ in range(len(self.cuts) + 1)]
        bands: list[list[tuple[float, float]]] = [[] for _ in boxes]
        for id, box in self.strip.boxes.items():
            boxes[self.rows[id]].append(box)
            bands[self.rows[id]].append((box[1] - MARGIN, box[3] + MARGIN))  # with the heads of arrows
        for parts in self.parts.values():
            for row, box in parts.items():
                boxes[row].append(box)
                bands[row] += [(box[1] - MARGIN, box[1] + MARGIN), (box[3] - TITLE, box[3] + MARGIN)]
        for edge in self.edges:
            for row, piece in enumerate(self._pieces(edge), self.rows[edge.ends[0]]):
                boxes[row].append(extent(piece))
            if edge.label:
                label = self.strip.label(edge.label)
                boxes[self._row_of_label(edge)].append(label)
                bands[self._row_of_label(edge)].append((label[1] - HALF, label[3] + HALF))
        places = [_Row(around(found), held) for found, held in zip(boxes, bands, strict=True)]
        y = 0.0
        for row in reversed(range(len(places))):
            places[row].x, places[row].y = self.side - places[row].left, y
            y += places[row].height
            if row:
                y += 2 * GAP + LANE * (len(self.lanes[row - 1]) - 1)
        self.height = y
        self.width = max(row.right - row.left for row in places) + 2 * self.side
        return places

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

    def _cut(self, edge: Edge) -> list[Points]:
        """A line cut where the strip is."""
        found, rest = [], edge.points
        for row in self._span(edge):
            done, rest = split(rest, self.cuts[row])
            found.append(done)
        return [*found, rest]

    def _pieces(self, edge: Edge) -> list[Points]:
        """The same, with what it shares with others of its kind."""
        return [*(self.shared[edge.kind, row] for row in self._span(edge)), self._cut(edge)[-1]]

    def line(self, edge: Edge) -> Points:
        """The whole line, through the gaps between rows."""
        start = self.rows[edge.ends[0]]
        moved = [self.places[row](piece) for row, piece in enumerate(self._pieces(edge), start)]
        line = moved[0]
        for row, piece in enumerate(moved[1:], start):
            here, lanes = self.places[row], self.lanes[row]
            place, last = lanes[edge.kind], len(lanes) - 1
            beside = here.right + here.x + GAP - MARGIN + (last - place) * LANE
            below = here.y - GAP - (last - place) * LANE
            before = self.side - GAP + MARGIN - place * LANE
            corners = [line[-1], (beside, line[-1, 1]), (beside, below), (before, below), (before, piece[0, 1])]
            line = np.concatenate([line, rounded([*corners, piece[0]])[1:], piece[1:]])
        return line

    # -- text -------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """The DOT text."""
        laid = NODE.sub(self._node, self.strip.laid)
        laid = EDGE.sub(self._line, laid)
        continued = "".join(self._continued(found) for found in self._outermost_first())
        laid = FRAME.sub(lambda found: self._frame(found, min(self.parts[found[1]])), laid)
        return ROOT.sub(lambda found: self._sheet(found) + continued, laid, count=1)

    def _outermost_first(self) -> list[re.Match[str]]:
        found = FRAME.finditer(self.strip.laid)
        return sorted(found, key=lambda frame: -len(self.strip.members[frame[1]]))

    def _node(self, found: re.Match[str]) -> str:
        left, low, right, high = self.strip.boxes[found[1]]
        x, y = self.places[self.rows[found[1]]].at((left + right) / 2, (low + high) / 2)
        return replaced(found[0], "pos", f"{x:.2f},{y:.2f}")

    def _line(self, found: re.Match[str]) -> str:
        edge = self.strip.edge(found)
        line = self.line(edge)
        old = value(found[3], "pos").split()
        arrows = []
        for arrow in (part for part in old if part[0] in "es"):
            is_late = (arrow[0] == "e") != edge.is_turned
            x, y = self.places[self.rows[edge.ends[is_late]]].at(*point(arrow[2:]))
            arrows.append(f"{arrow[0]},{x:.2f},{y:.2f}")
        curve = tight(line[::-1] if edge.is_turned else line)
        text = replaced(found[0], "pos", " ".join([*arrows, *(f"{x:.2f},{y:.2f}" for x, y in curve.tolist())]))
        if edge.label:
            x, y = self.places[self._row_of_label(edge)].at(*point(edge.label))
            text = replaced(text, "lp", f"{x:.2f},{y:.2f}")
        return text

    def _row_of_label(self, edge: Edge) -> int:
        row = bisect(self.cuts, point(edge.label)[0])
        return min(max(row, self.rows[edge.ends[0]]), self.rows[edge.ends[1]])

    def _frame(self, found: re.Match[str], row: int) -> str:
        """The head of a frame, for its part in a row."""
        part = self.parts[found[1]][row]
        (left, low), (right, high) = (self.places[row].at(*corner) for corner in (part[:2], part[2:]))
        height, width = (float(value(found[2], name)) * INCH for name in ("lheight", "lwidth"))
        text = replaced(found[0], "bb", f"{left:.2f},{low:.2f},{right:.2f},{high:.2f}")
        return replaced(text, "lp", f"{left + width / 2 + MARGIN:.2f},{high - height / 2 - 4:.2f}")

    def _continued(self, found: re.Match[str]) -> str:
        """The parts of a frame in other rows than its first; they come first, as what is around others."""
        text = ""
        for row in sorted(self.parts[found[1]])[1:]:
            width = float(value(found[2], "lwidth")) + CONTINUED
            head = re.sub(r"\blwidth=[\d.]+", f"lwidth={width:.2f}", found[0])
            head = re.sub(
                r"label=<(.*)>,(?=\s*labeljust)", r'label=<\1  <font point-size="8">continued</font>>,', head
            )
            head = self._frame(FRAME.match(head) or found, row).replace(found[1], f"{found[1]}_{row}", 1)
            text += f"\n\t{head}\n\t}}"
        return text

    def _sheet(self, found: re.Match[str]) -> str:
        """The whole, with its caption above it."""
        text = found[0]
        top, width = self.height, self.width
        if 'lp="' in text:
            caption, wide = (float(value(text, name)) * INCH for name in ("lheight", "lwidth"))
            text = replaced(text, "lp", f"{wide / 2 + MARGIN:.2f},{top + MARGIN + caption / 2:.2f}")
            top, width = top + caption + 2 * MARGIN, max(width, wide + 2 * MARGIN)
        return replaced(text, "bb", f"0,0,{width:.2f},{top:.2f}")
