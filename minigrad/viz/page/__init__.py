"""A recorded graph as a page: one HTML file that plays the forward pass and the walk back, opened from disk.

The page is put together here and comes alive in ``static/``: a template, styles, and scripts that are read in the
order of :data:`SCRIPTS`, plain ones, since a browser loads no modules from a file. They get the graph as the JSON
document of ``docs/graph-json.md``, with the steps of the walk and the source of the operations beside it.

Nothing that comes from outside is ever markup or script. The document is text that the scripts parse, they make
elements and set their text, and the page's content security policy lets no other script run, no address be
fetched, and no text be taken for markup.
"""

from __future__ import annotations

import base64
import hashlib
import html as markup
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from minigrad.viz import document, text
from minigrad.viz.page.source import sources
from minigrad.viz.page.walk import Step
from minigrad.viz.schema import Graph, Value

if TYPE_CHECKING:
    from minigrad.viz.drawing import Drawing

STYLES = ("page", "graph", "panel", "narrow")

#: The scripts in the order in which they need one another.
SCRIPTS = (
    "data", "text", "heat", "ranks", "order", "places", "layout", "timeline", "cards", "lines", "camera", "scene",
    "arrays", "code", "panel", "search", "story", "player", "keys", "app",
)  # fmt: skip

#: A page of more nodes would take a browser long, so it gets what a picture shows, which is folded, and no walk.
MOST_NODES = 10_000


def html(drawing: Drawing, steps: Sequence[Step] = ()) -> str:
    """The page of a drawing; with the ``steps`` of a walk back it plays these too."""
    graph = drawing.graph
    if len(graph.nodes) > MOST_NODES:
        graph = drawing.view
        graph = replace(graph, edges=tuple(edge for edge in graph.edges if not edge.is_next))  # no layer goes back
        if steps:  # they are those of nodes that have been folded
            steps, graph = (), replace(graph, notes=(*graph.notes, "the walk back is not played: too many nodes"))
    styles = [_static(f"{name}.css") for name in STYLES]
    scripts = [_static(f"{name}.js") for name in SCRIPTS]
    return Template(_static("template.html")).substitute(
        policy=_policy(styles, scripts),
        title=markup.escape(text.name(graph.title)),
        styles="\n".join(f"<style>{style}</style>" for style in styles),
        data=_data(graph, drawing.look.direction, steps),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


@cache
def _static(name: str) -> str:
    return files(__name__).joinpath("static", name).read_text(encoding="utf-8")


def _policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """The content security policy: these styles and scripts, by their digests, and nothing else at all."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(_digest, scripts))}",
            f"style-src {' '.join(map(_digest, styles))}",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


def _digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _data(graph: Graph, direction: str, steps: Sequence[Step]) -> str:
    """All that the scripts read, as JSON in which nothing can end the element that it stands in."""
    values: dict[Value, int] = {}  # each once: an Add gives the same gradient to both its inputs

    def number(value: Value) -> int:
        return values.setdefault(value, len(values))

    backward = [
        {
            "node": step.node,
            "gives": [[gift.edge, gift.to, number(gift.part), number(gift.total)] for gift in step.gives],
        }
        for step in steps
    ]
    # What is kept is the value of the node that it comes from, which has it already.
    nodes = [replace(node, kept=tuple(replace(kept, value=None) for kept in node.kept)) for node in graph.nodes]
    parts = {
        "graph": document.write(replace(graph, nodes=tuple(nodes))),
        "direction": json.dumps(direction),
        "backward": json.dumps(backward),
        "values": json.dumps([document.plain(value) for value in values]),
        "code": json.dumps(sources({node.type for node in graph.nodes if node.type})),
    }
    found = "{" + ",\n".join(f'"{name}": {part}' for name, part in parts.items()) + "}"
    return found.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
