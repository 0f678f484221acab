"""Plain data -> DOT text, through the ``graphviz`` package. What a picture looks like is decided here.

An operation is one box: its name in a dark head, its formula, and below them the value it computed, so that
the boxes of a chain read x -> z -> a. Parameters are angular and violet, inputs rounded and green; numbers
stand on a heat map from blue (negative) through white to orange (positive). Both pairs of colours are told
apart with every kind of colour vision (https://colorbrewer2.org).
"""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from minigrad.viz import text
from minigrad.viz.collect import Edge, Graph, Kind, Node, Value

if TYPE_CHECKING:
    import graphviz

# Verdana has the widths of DejaVu Sans, and Menlo those of DejaVu Sans Mono: text that was laid out with one
# fits where there is only the other.
SANS = "DejaVu Sans,Verdana,Helvetica,Arial,sans-serif"
MONO = "DejaVu Sans Mono,Menlo,Courier New,monospace"

INK, GREY, LINE = "#1f2933", "#5f6b76", "#8795a1"
HEAD, RESULT, ALERT = "#37474f", "#0d47a1", "#b71c1c"
KINDS: tuple[Kind, ...] = ("operation", "parameter", "input")
FILL = {"operation": "#ffffff", "parameter": "#efe3f5", "input": "#e0f2e4"}
RIM = {"operation": "#37474f", "parameter": "#762a83", "input": "#1b7837"}
LEGEND = {
    "operation": "value that it computes",
    "parameter": "parameter: gets a gradient",
    "input": "input: gets none",
}
PAD = text.PAD
NEGATIVE, POSITIVE, NO_NUMBER = (107, 174, 214), (253, 160, 82), "#bdbdbd"
WIDEST_STRIP = 32  # cells in a row

Beside = dict[int, list[int]]  # by the id of an operation, the ids of the leaves that stand beside it


def to_dot(graph: Graph, direction: str) -> str:
    """The DOT text of ``graph``, the same in every process. ``direction`` is ``"LR"`` or ``"TB"``."""
    try:
        import graphviz
    except ImportError:
        raise ImportError('drawing needs the package graphviz: pip install "minigrad[draw]"') from None
    dot = graphviz.Digraph("graph of " + text.name(graph.title).replace("\\", "/"))
    dot.attr(
        rankdir=direction, fontname=SANS, fontcolor=INK, fontsize="10", nodesep="0.18", ranksep="0.3",
        pad="0.1", label=_caption(graph), labelloc="t", labeljust="l",
    )  # fmt: skip
    dot.attr("node", shape="plain", fontname=SANS, fontcolor=INK, fontsize="10")
    dot.attr("edge", fontname=SANS, fontcolor=GREY, fontsize="9", color=LINE, arrowsize="0.6")
    beside = _beside(graph)
    _fill(dot, graph, beside, None, direction)
    unclear = {
        edge.target
        for edge in graph.edges
        if edge.symbol not in ("", graph.nodes[edge.source].symbol)
        and edge.source not in beside.get(edge.target, [])
    }
    for edge in graph.edges:
        _connect(dot, edge, graph, beside, direction, edge.target in unclear)
    return str(dot.source)


def _fill(
    dot: graphviz.Digraph, graph: Graph, beside: Beside, inside: int | None, direction: str
) -> None:  # fmt: skip
    """Draw the nodes of a cluster (None: those of no cluster), and the clusters within it."""
    for node in graph.nodes:
        if node.cluster == inside:
            dot.node(f"n{node.id}", label=_label(node, direction))
    for target, parameters in beside.items():
        if graph.nodes[target].cluster == inside:
            with dot.subgraph() as rank:
                rank.attr(rank="same")
                for id in (target, *parameters):
                    rank.node(f"n{id}")
    for cluster in graph.clusters:
        if cluster.parent == inside:
            with dot.subgraph(name=f"cluster_{cluster.id}") as part:
                part.attr(
                    label=_html(_bold(cluster.name)), labeljust="l", style="rounded,filled", color="#cfd8dc",
                    fillcolor="#f5f7f8", margin="8",
                )  # fmt: skip
                _fill(part, graph, beside, cluster.id, direction)


def _beside(graph: Graph) -> Beside:
    """The leaves that stand beside their first operation, not before it, so that a layer stays narrow."""
    found: Beside = {}
    placed: set[int] = set()
    for edge in graph.edges:
        leaf = graph.nodes[edge.source]
        if leaf.kind != "operation" and leaf.cluster is not None and leaf.id not in placed:
            placed.add(leaf.id)
            if leaf.cluster == graph.nodes[edge.target].cluster:
                found.setdefault(edge.target, []).append(leaf.id)
    return found


def _connect(
    dot: graphviz.Digraph, edge: Edge, graph: Graph, beside: Beside, direction: str, is_labelled: bool
) -> None:  # fmt: skip
    source, neighbours = graph.nodes[edge.source], beside.get(edge.target, [])
    if edge.source not in neighbours:
        label = {"label": _html(_escape(edge.symbol))} if is_labelled and edge.symbol else {}
        straight = {"weight": "8"} if source.kind == "operation" else {}  # the chain, before what joins it
        dot.edge(f"n{edge.source}", f"n{edge.target}", **label, **straight)
    elif (neighbours.index(edge.source) < (len(neighbours) + 1) // 2) == (direction == "TB"):
        dot.edge(f"n{edge.source}", f"n{edge.target}")
    else:  # drawn from the far end, so that Graphviz puts the leaf on the other side
        dot.edge(f"n{edge.target}", f"n{edge.source}", dir="back")


# -- labels --------------------------------------------------------------------------------------------------

_BOX = 'cellborder="0" cellspacing="0" cellpadding="2"'


def _label(node: Node, direction: str) -> str:
    rows = [*_operation(node), *_heading(node)]
    if node.value is not None:
        if 0 < _strip_width(node.value) <= WIDEST_STRIP:
            rows.append(_strip(node.value))
        rows.append(_values(node.value, node.gradient, direction))
        if node.value.changed:
            rows.append(_font("changed in place since", ALERT, 8))
    style = 'border="1" style="rounded"' if node.kind == "input" else f'border="{2 if node.is_result else 1}"'
    rim = RESULT if node.is_result else RIM[node.kind]
    body = "".join(row if row.startswith("<tr>") else f"<tr><td>{row}</td></tr>" for row in rows)
    return _html(f'<table {style} {_BOX} color="{rim}" bgcolor="{FILL[node.kind]}">{body}</table>')


def _operation(node: Node) -> Iterator[str]:
    """The rows that an operation has above its value: its name, its formula, its settings."""
    if node.kind != "operation":
        return
    result = " " + _font("result", "#ffffff", 8) if node.is_result else ""
    title = f'<font color="#ffffff">{_bold(node.title)}{result}</font>'
    yield f'<tr><td bgcolor="{RESULT if node.is_result else HEAD}">{title}</td></tr>'
    formula = text.formula(node.formula, dict(node.words))
    others = ", ".join(f"{name}={value}" for name, value in node.settings)
    for line, color in ((formula, INK), (others, GREY)):
        if line:
            yield "<br/>".join(_font(part, color, 10) for part in textwrap.wrap(text.name(line, 90), 30))


def _heading(node: Node) -> Iterator[str]:
    """What the value is called, and its shape; of a single number nothing more than it needs."""
    shape = text.shape(node.shape, node.dtype) if node.shape or not node.value else ""
    words = [*([_bold(node.symbol)] if node.symbol else []), *([_font(shape, GREY, 9)] if shape else [])]
    lines = [" ".join(words), _font(node.name, INK, 9) if node.name else ""]
    if any(lines):
        yield "<br/>".join(line for line in lines if line)


def _values(value: Value, gradient: Value | None, direction: str) -> str:
    if gradient is None:
        return _numbers(value, direction)
    cells = "".join(f"<td>{_numbers(part, direction)}</td>" for part in (value, gradient))
    heads = "".join(f"<td>{_font(word, GREY, 8)}</td>" for word in ("value", "grad"))
    return f'<table border="0" cellspacing="2" cellpadding="0"><tr>{heads}</tr><tr>{cells}</tr></table>'


def _numbers(value: Value, direction: str) -> str:
    """Every number in its place, or the smallest, the mean and the largest."""
    width = _width(value.shape, direction) if value.is_whole else 1
    scale = max((abs(number) for number in value.numbers if math.isfinite(number)), default=0.0)
    cells = [
        f'<td bgcolor="{_heat(number, scale)}"><font face="{MONO}" point-size="9">{label}</font></td>'
        for number, label in zip(value.numbers, text.columns(value.numbers), strict=True)
    ]
    rows = ["".join(cells[start : start + width]) for start in range(0, len(cells), width)]
    if not value.is_whole:
        names = [f'<td align="left">{_font(name, GREY, 8)}{PAD}</td>' for name in ("min", "mean", "max")]
        rows = [name + row for name, row in zip(names, rows, strict=True)]
    body = "".join(f"<tr>{row}</tr>" for row in rows) or f"<tr><td>{_font('empty', GREY, 8)}</td></tr>"
    padding = int(width > 1)  # a column of units is to be dense, numbers side by side are not to touch
    return f'<table border="0" cellborder="0" cellspacing="1" cellpadding="{padding}">{body}</table>'


def _strip(value: Value) -> str:
    """Every number as a coloured cell without text, so that an image can be recognised."""
    width = _strip_width(value)
    scale = max((abs(number) for number in value.colours if math.isfinite(number)), default=0.0)
    cells = [f'<td width="9" height="9" bgcolor="{_heat(number, scale)}"></td>' for number in value.colours]
    rows = "".join(f"<tr>{''.join(cells[i : i + width])}</tr>" for i in range(0, len(cells), width))
    return f'<table border="1" color="{LINE}" cellborder="0" cellspacing="0" cellpadding="0">{rows}</table>'


def _strip_width(value: Value) -> int:
    """A matrix has its own rows, a vector is folded into a square if it can be; 0 where there are no colours."""
    count, last = len(value.colours), max(value.shape[-1:], default=1)
    if last < count:
        return last
    side = math.isqrt(count)
    return side if side * side == count else 16


def _width(shape: tuple[int, ...], direction: str) -> int:
    """How many numbers stand in a row. A vector is a layer of units: it runs across the graph's direction."""
    longer = [size for size in shape if size != 1]
    if len(longer) > 1:
        return max(shape[-1], 1)
    return 1 if direction == "LR" else 8


def _heat(number: float, scale: float) -> str:
    """From blue through white to orange; never so dark that black text on it could not be read."""
    if math.isnan(number):
        return NO_NUMBER
    share = min(abs(number) / scale, 1.0) if scale else float(number != 0)
    full = NEGATIVE if number < 0 else POSITIVE
    return "#" + "".join(f"{round(255 + (colour - 255) * share):02x}" for colour in full)


def _caption(graph: Graph) -> str:
    """The title, what the picture shows, and the legend, all above it."""
    kinds = [kind for kind in KINDS if graph.count(kind)]
    counts = ", ".join(f"{n} {kind}{'' if n == 1 else 's'}" for kind in kinds if (n := graph.count(kind)))
    freed = "values freed by backward(); backward(retain_graph=True) keeps them" if graph.is_freed else ""
    swatches = f'<td bgcolor="{HEAD}">{_font("operation", "#ffffff", 8)}</td>'
    swatches += "".join(
        f'<td border="1" color="{RIM[kind]}" bgcolor="{FILL[kind]}">{_font(LEGEND[kind], INK, 8)}</td>'
        for kind in kinds
    )
    has_values = any(node.value for node in graph.nodes)
    heat = "".join(
        f'<td bgcolor="{_heat(number, 1)}">{_font(word, INK, 8)}</td>'
        for number, word in ((-1.0, "negative"), (0.0, "0"), (1.0, "positive"))
        if has_values
    )
    heat += f"<td>{_font('full colour: the largest in its block', GREY, 8)}</td>" if has_values else ""
    title = f"{_bold(graph.title, 13)}{PAD}{PAD}{_font(counts, GREY, 9)}"
    legend = f'<table border="0" cellspacing="3" cellpadding="2"><tr>{swatches}{heat}</tr></table>'
    rows = [title, *([_font(freed, ALERT, 9)] if freed else []), legend]
    body = "".join(f'<tr><td align="left">{row}</td></tr>' for row in rows)
    return _html(f'<table border="0" cellspacing="0" cellpadding="1">{body}</table>')


# -- HTML-like text ------------------------------------------------------------------------------------------


def _escape(words: str, limit: int = 90) -> str:
    escaped = html.escape(text.name(words, limit))
    return escaped.replace("\\", "\\\\")  # or Graphviz would put the node's name for \N, in markup too


def _bold(words: str, size: int = 10) -> str:
    return f'<font point-size="{size}"><b>{_escape(words, 48)}</b></font>'


def _font(words: str, color: str, size: int) -> str:
    return f'<font color="{color}" point-size="{size}">{_escape(words)}</font>'


def _html(content: str) -> str:
    """A label that Graphviz reads as markup, not as text."""
    return f"<{content}>"
