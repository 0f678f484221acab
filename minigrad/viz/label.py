"""A node -> the HTML-like label of its box: its head, its formula, its value, and what else is asked for.

An operation is one box: its name in a dark head, its formula, and below them the value that it computed, so that
the boxes of a chain read x -> z -> a.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Iterator

from minigrad.viz import text
from minigrad.viz.look import Look, Theme
from minigrad.viz.schema import Edge, Graph, Node, Value

# Verdana has the widths of DejaVu Sans, and Menlo those of DejaVu Sans Mono: text that was laid out with one
# fits where there is only the other.
SANS = "DejaVu Sans,Verdana,Helvetica,Arial,sans-serif"
MONO = "DejaVu Sans Mono,Menlo,Courier New,monospace"
PAD = text.PAD

#: Room around text, in points. Graphviz measures with the widths of whole pixels, and a browser writes with the
#: exact ones: text can become a few points longer than the place that was left for it.
ROOM = 5
DIGIT = 0.602 * 9  # the exact width of a digit in MONO
LONGEST, BROKEN = 10, 8  # the numbers of a row that is not broken, and of a line of one that is
COLUMNS = 4  # of a long vector, where a short one is a column
GROWTH = 0.15, 0.36  # how many points a sign, and a digit, can become longer

MANY = 5  # equal numbers that are written once

_TAG = re.compile("<[^>]*>")
_BOX = 'cellborder="0" cellspacing="0" cellpadding="2"'
_SIGNS = {"added": "+ added", "removed": "− removed", "changed": "~ changed", "failed": "✗ failed"}


class Labels:
    """The labels of one picture's nodes and edges."""

    def __init__(self, graph: Graph, look: Look, theme: Theme) -> None:
        self.graph, self.look, self.theme = graph, look, theme
        self.has_values = any(node.value for node in graph.nodes)

    # -- boxes ------------------------------------------------------------------------------------------------

    def node(self, node: Node) -> str:
        """The box of a node."""
        is_head = node.kind in ("operation", "group")
        rows = [
            self._head(node) if is_head else "",
            _lines([*(self._formula(node) if is_head else ()), *self._name(node)]),
            self._values(node),
            _lines(self._foot(node)),
        ]
        body = "".join(f"<tr>{row}</tr>" for row in rows if row)
        width = 2 if node.is_result or node.mark else 1
        style = {"input": ' style="rounded"', "kept": ' style="dashed"', "group": ""}.get(node.kind, "")
        if node.mark == "removed" or not node.is_recorded:
            style = ' style="dashed"'
        colours = f'color="{self._rim(node)}" bgcolor="{self._fill(node)}"'
        return markup(f'<table border="{width}"{style} {_BOX} {colours}>{body}</table>')

    def is_grey(self, node: Node) -> bool:
        """Whether a node is drawn in grey: no gradient flows there."""
        return not node.is_recorded or (node.kind == "input" and self.look.constants == "grey")

    def _rim(self, node: Node) -> str:
        theme = self.theme
        if node.mark:
            return theme.marks[node.mark]
        if self.is_grey(node):
            return theme.line
        return theme.result if node.is_result else theme.rim[node.kind]

    def _fill(self, node: Node) -> str:
        return self.theme.frame_fill if self.is_grey(node) else self.theme.fill[node.kind]

    def _head(self, node: Node) -> str:
        """The name of an operation."""
        theme = self.theme
        ink = theme.mark_ink if node.mark else theme.head_ink
        words = [bold(node.title)]
        if node.kind == "operation" and node.count > 1:
            words.append(font(f"× {node.count:,}", ink, 10))
        if node.mark:
            words.append(font(_SIGNS[node.mark], ink, 8))
        elif not node.is_recorded:
            words.append(font("not recorded", ink, 8))
        if node.is_result:
            words.append(font("result", ink, 8))
        colour = theme.marks[node.mark] if node.mark else theme.result if node.is_result else theme.head
        if theme.head == theme.paper:
            colour = theme.paper
        elif self.is_grey(node) and not node.mark:
            colour = theme.line
        side = PAD * (len(node.title) // 9)  # bold text becomes longer, too
        line = f'<font color="{ink}">{side}{f"{side}{PAD}{PAD}".join(words)}{side}</font>'
        return f'<td bgcolor="{colour}" cellpadding="{ROOM - 1}">{line}</td>'

    def _formula(self, node: Node) -> Iterator[str]:
        """The lines below an operation's name: its formula, its settings; or what a group is called."""
        theme = self.theme
        if node.name:  # of a group
            yield font(node.name, theme.ink, 9)
        formula = text.formula(node.formula, dict(node.words)) if self.look.formulas else ""
        others = ", ".join(f"{name}={value}" for name, value in node.settings)
        for line, color in ((formula, theme.ink), (others, theme.grey)):
            if line:
                yield from (font(part, color, 10) for part in text.wrap(text.name(line, 160), 30))

    def _name(self, node: Node) -> Iterator[str]:
        """What the value is called, and its shape; of a single number nothing more than it needs."""
        shape = text.shape(node.shape, node.dtype) if self.look.shapes and (node.shape or not node.value) else ""
        if node.mark == "failed":
            shape = ""
        grey = self.theme.grey
        words = [*([bold(node.symbol)] if node.symbol else []), *([font(shape, grey, 9)] if shape else [])]
        name = node.name if node.kind not in ("operation", "group") and node.name != node.symbol else ""
        if words:
            yield f"{PAD}{PAD}".join(words)
        if name:
            yield font(name, self.theme.ink, 9)

    def _foot(self, node: Node) -> Iterator[str]:
        theme, look = self.theme, self.look
        if node.value is not None and node.value.changed:
            yield font("changed in place since", theme.alert, 8)
        work = [
            f"{text.count(node.flops)}FLOP" if look.flops and node.flops else "",
            f"{text.count(node.bytes)}B kept" if look.bytes and node.bytes else "",
            f"{node.seconds * 1e3:.3f} ms" if look.times and node.seconds is not None else "",
        ]
        if any(work):
            yield font(f" {text.DOT} ".join(filter(None, work)), theme.grey, 8)
        if look.lines and node.line is not None:
            yield font(node.line.code.split("  #")[0], theme.ink, 8, face=MONO, limit=32)
            yield font(f"{node.line.file}:{node.line.number}", theme.grey, 8)
        if node.note:
            colour = theme.marks[node.mark] if node.mark else theme.grey
            lines = text.wrap(text.name(node.note, 300), 40)
            yield from (font(line, colour, 9 if node.mark else 8) for line in lines)

    # -- values -----------------------------------------------------------------------------------------------

    def _values(self, node: Node) -> str:
        """The value; beside it the kept pre-activation and the gradient, each below its name."""
        blocks: list[tuple[str, Value]] = []
        if self.look.kept == "beside" and node.kind == "operation":
            z = dict(node.words).get("z", "z")
            blocks += [(z, k.value) for k in node.kept if k.value and k.name == "z" and k.source != node.id]
        if node.value is not None:
            blocks.append((node.symbol if blocks else "value", node.value))
        if self.look.gradients and node.gradient is not None:
            blocks.append(("grad", node.gradient))
        if len(blocks) == 1 and blocks[0][0] == "value":
            return f"<td>{self._block(node, blocks[0][1])}</td>"
        if blocks:
            heads = "".join(f"<td>{font(name, self.theme.grey, 8)}</td>" for name, _ in blocks)
            cells = "".join(f'<td valign="top">{self._block(node, value)}</td>' for _, value in blocks)
            rows = f"<tr>{heads}</tr><tr>{cells}</tr>"
            return f'<td><table border="0" cellspacing="4" cellpadding="0">{rows}</table></td>'
        if self.has_values and node.count == 1 and not node.mark:
            return _lines([font("value not kept", self.theme.grey, 8)])
        return ""

    def _block(self, node: Node, value: Value) -> str:
        """Every number in its place, or a heat map, or the smallest, the mean and the largest; one for all."""
        if (same := _in_all(value)) is not None:
            return self._numbers((same,), 1, ("all",))
        if value.is_whole and self._is_small(node, value):
            digits = 7 if node.kind in ("parameter", "input") and not value.shape else 4  # 1.0001 is not 1
            return self._numbers(value.numbers, self._width(value.shape), digits=digits)
        if value.summary is None:  # empty, or a single number
            return self._numbers(value.numbers, 1)
        is_image = node.kind == "input" and self.look.max_values > 0
        parts = []
        if is_image or self.look.large == "heat map":
            parts.append(self._cells(value))
        if is_image or self.look.large == "statistics":
            found = value.summary
            parts.append(self._numbers((found.minimum, found.mean, found.maximum), 1, ("min", "mean", "max")))
        if len(parts) == 1:
            return parts[0]
        rows = "".join(f"<tr><td>{part}</td></tr>" for part in parts)
        return f'<table border="0" cellspacing="0" cellpadding="0">{rows}</table>'

    def _is_small(self, node: Node, value: Value) -> bool:
        """Parameters get less room: what a person follows through the graph are the other values."""
        count, most = math.prod(value.shape), self.look.max_values
        if node.kind == "parameter":
            return count <= 1 or (count <= most // 2 and max(value.shape) <= most // 4)
        return count <= max(most, 1)

    def _numbers(
        self, numbers: tuple[float, ...], width: int, names: tuple[str, ...] = (), *, digits: int = 4
    ) -> str:
        finite = [number for number in numbers if math.isfinite(number)]
        low, high = min(finite, default=0.0), max(finite, default=0.0)
        face = f'<font face="{MONO}" color="{self.theme.ink}" point-size="9">'
        labels = text.columns(numbers, digits)
        room = math.ceil(max(map(len, labels), default=0) * DIGIT) + 4
        cells = [
            f'<td width="{room}" bgcolor="{self.theme.heat(number, low, high)}">{face}{label}</font></td>'
            for number, label in zip(numbers, labels, strict=True)
        ]
        rows = ["".join(cells[start : start + width]) for start in range(0, len(cells), width)]
        if names:
            heads = [f'<td align="left">{font(name, self.theme.grey, 8)}{PAD}</td>' for name in names]
            rows = [head + row for head, row in zip(heads, rows, strict=True)]
        body = (
            "".join(f"<tr>{row}</tr>" for row in rows) or f"<tr><td>{font('empty', self.theme.grey, 8)}</td></tr>"
        )
        return f'<table border="0" cellborder="0" cellspacing="1" cellpadding="0">{body}</table>'

    def _width(self, shape: tuple[int, ...]) -> int:
        """How many numbers stand in a line.

        Of a matrix its columns, but a single long row is broken. A vector runs across the graph's direction; a
        long one is broken too, so that it is no tower.
        """
        if len(shape) > 1:
            is_long = shape[-1] > LONGEST and shape[-1] == math.prod(shape)
            return BROKEN if is_long else max(shape[-1], 1)
        if self.look.direction == "TB":
            return BROKEN
        return 1 if math.prod(shape) <= LONGEST else COLUMNS

    def _cells(self, value: Value) -> str:
        """A heat map without numbers, so that an image can be recognised."""
        assert value.summary is not None
        cells = value.summary.cells
        finite = [cell for row in cells for cell in row if math.isfinite(cell)]
        low, high = min(finite, default=0.0), max(finite, default=0.0)
        size = 9 if max(len(cells), len(cells[0])) <= 8 else 6
        rows = "".join(
            "<tr>"
            + "".join(
                f'<td width="{size}" height="{size}" bgcolor="{self.theme.heat(cell, low, high)}"></td>'
                for cell in row
            )
            + "</tr>"
            for row in cells
        )
        frame = f'border="1" color="{self.theme.line}" cellborder="0" cellspacing="0" cellpadding="0"'
        return f"<table {frame}>{rows}</table>"

    # -- edges ------------------------------------------------------------------------------------------------

    def edge(self, edge: Edge, *, is_labelled: bool) -> str:
        """The label of an edge: the input's name in the formula, and the local derivative; "" for none."""
        rows = [escape(edge.symbol)] if is_labelled and edge.symbol else []
        rows += [font("detached", self.theme.alert, 8)] if edge.is_detached else []
        source, target = self.graph.nodes[edge.source], self.graph.nodes[edge.target]
        if target.mark == "failed":
            said = source.symbol or edge.input
            said = said if text.unnumbered(said) == edge.input else f"{edge.input} = {said}"
            shape = text.shape(source.shape, source.dtype)
            return markup(font(f"{said} {shape}", self.theme.alert, 10))
        if self.look.derivatives and (edge.derivative or edge.slope):
            words = dict(target.words)
            output = target.symbol if re.fullmatch(r"\w+", target.symbol) else target.formula.split(" = ")[0]
            name = f"d{output}/d{words.get(edge.input, edge.input)}"
            formula = text.formula(edge.derivative, words) if edge.derivative else ""
            rows = [font(f"{name} = {formula}" if formula else name, self.theme.ink, 9)]
            is_number = edge.derivative.lstrip("-").isdigit()  # and so the formula says it all
            if (
                edge.slope is not None
                and not is_number
                and 0 < len(edge.slope.numbers) <= max(self.look.max_values // 2, 1)
            ):
                rows.append(self._numbers(edge.slope.numbers, self._width(edge.slope.shape)))
        if len(rows) < 2:
            return markup(rows[0]) if rows else ""
        body = "".join(f"<tr><td>{row}</td></tr>" for row in rows)
        return markup(f'<table border="0" cellspacing="0" cellpadding="1">{body}</table>')


def _in_all(value: Value) -> float | None:
    """The number that all are, where they are many."""
    found = value.summary
    is_one = found is not None and found.minimum == found.maximum and not found.not_finite
    if found is None or not is_one or math.prod(value.shape) < MANY:
        return None
    return found.minimum if len(set(value.numbers)) != 1 else value.numbers[0]


# -- HTML-like text ------------------------------------------------------------------------------------------


def escape(words: str, limit: int = 90) -> str:
    """Text from outside as text: no markup, no escape sequence, no control character, and an end."""
    escaped = html.escape(text.name(words, limit))
    return escaped.replace("\\", "\\\\")  # or Graphviz would put the node's name for \N, in markup too


def _lines(lines: Iterable[str]) -> str:
    """A cell with lines of text, or "" for none; each is a row, since lines in one text would touch."""
    found = list(lines)
    growth = max((_growth(html.unescape(_TAG.sub("", line))) for line in found), default=0.0)
    room = max(ROOM, math.ceil(growth) + 2)
    if len(found) < 2:
        return "".join(f'<td cellpadding="{room}">{line}</td>' for line in found)
    rows = "".join(f"<tr><td>{line}</td></tr>" for line in found)
    table = '<table border="0" cellborder="0" cellspacing="0" cellpadding="1">'
    return f'<td cellpadding="{room - 1}">{table}{rows}</table></td>'


def _growth(line: str) -> float:
    digits = sum(sign.isdigit() for sign in line)
    return GROWTH[0] * (len(line) - digits) + GROWTH[1] * digits


def bold(words: str, size: int = 10) -> str:
    """Text in bold."""
    return f'<font point-size="{size}"><b>{escape(words, 48)}</b></font>'


def font(words: str, color: str, size: int, *, face: str = "", limit: int = 90) -> str:
    """Text in a colour and a size."""
    kind = f' face="{face}"' if face else ""
    return f'<font color="{color}" point-size="{size}"{kind}>{escape(words, limit)}</font>'


def markup(content: str) -> str:
    """A label that Graphviz reads as markup, not as text."""
    return f"<{content}>"
