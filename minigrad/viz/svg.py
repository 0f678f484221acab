"""Graphviz's SVG -> the same, with words for those who cannot see it: a title, and what each box shows."""

from __future__ import annotations

import html
import re

from minigrad.viz import text
from minigrad.viz.schema import Cluster, Graph, Kind, Node

_NODE = re.compile(r'<g id="node\d+" class="node">\s*<title>n(\d+)</title>')
_EDGE = re.compile(r'<g id="edge\d+" class="edge">\s*<title>n(\d+)&#45;&gt;n(\d+)</title>')
_FRAME = re.compile(r"<title>(?:title_of_)?cluster_(\d+)(?:_\d+)?</title>")
_ROOT = re.compile(r"<svg ([^>]*)>")


def describe(svg: str, graph: Graph) -> str:
    """Name the picture, its boxes by what is in them, its edges by their ends, and its frames."""
    named = {node.id: _say(_in_words(node)) for node in graph.nodes}
    short = {node.id: _say(_short(node)) for node in graph.nodes}
    kinds: tuple[Kind, ...] = ("operation", "group", "parameter", "input")
    counts = ", ".join(text.plural(graph.count(kind), kind) for kind in kinds if graph.count(kind))
    order = " → ".join(_short(node) for node in graph.nodes[:20] if node.kind in ("operation", "group"))
    alt = _say(f"Computation graph of {graph.title}: {counts}.")
    more = _say(" ".join([f"In the order they ran: {order}.", *graph.notes]))
    svg = _NODE.sub(lambda m: f'<g id="n{m[1]}" class="node">\n<title>{named[int(m[1])]}</title>', svg)
    ends = {(edge.source, edge.target) for edge in graph.edges}

    def edge(match: re.Match[str]) -> str:
        source, target = int(match[1]), int(match[2])
        if (source, target) not in ends:  # drawn from its far end
            source, target = target, source
        return f'<g class="edge">\n<title>{short[source]} to {short[target]}</title>'

    svg = _EDGE.sub(edge, svg)
    svg = _FRAME.sub(lambda m: f"<title>{_say(_called(graph.clusters[int(m[1])]))}</title>", svg)
    return _ROOT.sub(
        lambda m: f'<svg role="img" aria-label="{alt}" {m[1]}>\n<title>{alt}</title>\n<desc>{more}</desc>',
        svg,
        count=1,
    )


def _short(node: Node) -> str:
    number = str(node.value.numbers[0]) if node.value and node.value.numbers and not node.shape else ""
    return node.title or node.name or node.symbol or number or node.kind


def _called(frame: Cluster) -> str:
    return ", ".join(filter(None, [frame.name, frame.type, f"{frame.count:,} times" if frame.count > 1 else ""]))


def _in_words(node: Node) -> str:
    formula = text.formula(node.formula, dict(node.words))
    heading = ": ".join(filter(None, [node.title or node.kind, formula]))
    value = " ".join(filter(None, [node.symbol, node.name, text.shape(node.shape, node.dtype)]))
    return ", ".join(filter(None, [heading, value, node.note]))


def _say(words: str) -> str:
    return html.escape(text.name(words, 1000))
