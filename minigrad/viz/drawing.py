"""Drawing: a recorded graph as a picture, in a notebook or as a file."""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from minigrad.viz import document, text
from minigrad.viz.collect import collector_paused
from minigrad.viz.dot import to_dot
from minigrad.viz.look import Look, look_of
from minigrad.viz.render import render
from minigrad.viz.schema import Graph
from minigrad.viz.svg import describe
from minigrad.viz.view import view

_PICTURES = ("svg", "png", "pdf")
_FORMATS = (*_PICTURES, "dot", "gv", "json", "html")


class Drawing:
    """What ``mg.draw`` gives: the graph as plain data, and as a picture of it.

    Attributes:
        graph: nodes, edges and clusters as plain data (:class:`minigrad.viz.schema.Graph`), all of it, also what
            the picture folds or hides.
        look: what is drawn of it, and how (:class:`minigrad.viz.look.Look`).
    """

    def __init__(self, graph: Graph, look: Look) -> None:
        self.graph, self.look = graph, look

    def redraw(self, **switches: Any) -> Drawing:
        """The same graph with another look, such as ``theme="dark"`` or ``fold=False``; no tensor is read."""
        return Drawing(self.graph, look_of(**{**asdict(self.look), **switches}))

    @cached_property
    def view(self) -> Graph:
        """What of the graph is in the picture: without what is hidden, and folded."""
        with collector_paused():
            return view(self.graph, self.look)

    @cached_property
    def dot(self) -> str:
        """The picture in Graphviz's language. The same graph gives the same text in every process."""
        return to_dot(self.view, self.look)

    def svg(self) -> str:
        """The picture as SVG text, with a title and a description for those who cannot see it."""
        return describe(self._rendered("svg").decode(), self.view)

    def json(self) -> str:
        """The graph as a JSON document, which ``docs/graph-json.md`` describes and :meth:`load` reads."""
        return document.write(self.graph)

    @staticmethod
    def load(path: str | os.PathLike[str], **switches: Any) -> Drawing:
        """The drawing of a graph that was saved as .json, with the switches of ``mg.draw``.

        Raises OSError where the file cannot be read, ValueError where it is no such document.
        """
        return Drawing(document.read(Path(path).read_bytes()), look_of(**switches))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture in the format of the suffix.

        .svg, .png, .pdf; .dot and .gv for its DOT text; .json for the graph as data; .html for a page that plays
        the computation. The file appears complete or not at all. Raises ValueError for another suffix, OSError
        where the file cannot be written.
        """
        path = Path(path)
        format = path.suffix.lower().removeprefix(".")
        if format not in _FORMATS:
            formats = ", ".join(f".{known}" for known in _FORMATS)
            raise ValueError(f"cannot draw into {path.name!r}: the suffix must be one of {formats}")
        content = self._content(format)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            try:
                part.write_bytes(content)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise OSError(error.errno, f"cannot write a picture: {error.strerror}", str(path)) from None

    def _content(self, format: str) -> bytes:
        if format == "html":
            from minigrad.viz import page  # only here: a program that draws no page does not read its parts

            return page.html(self).encode()
        if format in ("png", "pdf"):
            return self._rendered(format)
        return {"svg": self.svg, "json": self.json}.get(format, lambda: self.dot)().encode()

    def _rendered(self, format: str) -> bytes:
        return render(self.dot, format, self.look.width if self.look.direction == "LR" else None)

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        counts = f"{len(self.graph.nodes)} nodes, {len(self.graph.edges)} edges"
        return f"<Drawing of {text.name(self.graph.title)}: {counts}>"
