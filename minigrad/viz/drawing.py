"""Drawing: a recorded graph as a picture, in a notebook or as a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal

from minigrad.inspect.trace import Trace
from minigrad.tensor import Tensor
from minigrad.viz import text
from minigrad.viz.collect import Graph, collect, operations
from minigrad.viz.dot import to_dot
from minigrad.viz.render import render

Direction = Literal["LR", "TB"]
_PICTURES = ("svg", "png", "pdf")
_TEXTS = ("dot", "gv")


class Drawing:
    """What :func:`draw` gives: the graph as plain data, as DOT text, and as a picture.

    Attributes:
        graph: nodes, edges and clusters as plain data (:class:`minigrad.viz.collect.Graph`).
        direction: ``"LR"`` or ``"TB"``.
    """

    def __init__(self, graph: Graph, direction: Direction) -> None:
        self.graph, self.direction = graph, direction

    @cached_property
    def dot(self) -> str:
        """The picture in Graphviz's language. The same graph gives the same text in every process."""
        return to_dot(self.graph, self.direction)

    def svg(self) -> str:
        """The picture as SVG text."""
        return render(self.dot, "svg").decode()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture in the format of the suffix: .svg, .png, .pdf, or .dot and .gv for its DOT text.

        The file appears complete or not at all. Raises ValueError for another suffix, OSError where the file
        cannot be written.
        """
        path = Path(path)
        format = path.suffix.lower().removeprefix(".")
        if format not in (*_PICTURES, *_TEXTS):
            formats = ", ".join(f".{known}" for known in (*_PICTURES, *_TEXTS))
            raise ValueError(f"cannot draw into {path.name!r}: the suffix must be one of {formats}")
        content = self.dot.encode() if format in _TEXTS else render(self.dot, format)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            try:
                part.write_bytes(content)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise OSError(error.errno, f"cannot write a picture: {error.strerror}", str(path)) from None

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        counts = f"{len(self.graph.nodes)} nodes, {len(self.graph.edges)} edges"
        return f"<Drawing of {text.name(self.graph.title)}: {counts}>"


def draw(
    what: Tensor | Trace, *, direction: Direction = "LR", values: bool = True, max_values: int = 32,
    names: Mapping[str, Tensor] | None = None, max_nodes: int = 500,
) -> Drawing:  # fmt: skip
    """The graph that a tensor was computed by, as a picture. Nothing is changed, and nothing is kept alive.

    Each operation is a box with its formula and the value it computed, as far as the graph or a tensor still
    holds it; parameters and inputs are boxes of their own, and each call of a module is a frame.

    Args:
        what: a tensor with a graph, or a trace whose output has one.
        direction: ``"LR"``, from left to right, or ``"TB"``, from top to bottom.
        values: whether numbers are shown at all.
        max_values: show every number of values of at most this many, and of parameters of half as many, at
            most a quarter in one dimension; of larger ones the smallest, the mean and the largest, and of
            inputs of at most eight times as many the colours.
        names: what to call tensors, for example ``{"x": x, "loss": loss}``. Parameters of a module bear their
            names there.
        max_nodes: refuse to draw more; a few hundred take Graphviz a second, and the time grows faster than
            the number.

    Raises:
        TypeError: neither a tensor nor a trace of a model that returns one; ``names`` that do not lead from
            text to tensors; a number that is no integer.
        ValueError: a tensor without a graph, too many nodes, an unknown direction, a negative ``max_values``.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> mg.draw(x * x + 1)
    <Drawing of Add: 4 nodes, 4 edges>
    """
    tensor = what.output if isinstance(what, Trace) else what
    names = {} if names is None else names
    if not isinstance(tensor, Tensor):
        raise TypeError(f"draw() expects a Tensor or a Trace of one, got {type(tensor).__name__}")
    if not isinstance(names, Mapping):
        raise TypeError(f"names must be like {{'x': x, 'loss': loss}}, got {type(names).__name__}")
    for name, named in names.items():
        if not isinstance(name, str):
            raise TypeError(f"names: {name!r} is no name for a tensor; it must be a str")
        if not isinstance(named, Tensor):
            raise TypeError(f"names: {name!r} expects a Tensor, got {type(named).__name__}")
    for option, number in (("max_values", max_values), ("max_nodes", max_nodes)):
        if not isinstance(number, int):
            raise TypeError(f"{option} must be an int, got {type(number).__name__}")
    if direction not in ("LR", "TB"):
        raise ValueError(f"there is no direction {direction!r}: use 'LR' or 'TB'")
    if max_values < 0:
        raise ValueError(f"max_values must not be negative, got {max_values}")
    if tensor.grad_fn is None:
        raise ValueError(_why_no_graph(tensor))
    ops = operations(tensor.grad_fn)
    count = len({id(node) for op in ops for node in (op, *op.edges)})
    if count > max_nodes:
        raise ValueError(
            f"this graph has {count} nodes, and draw() stops at max_nodes={max_nodes}, since a larger "
            f"picture takes Graphviz long and is metres wide: draw a part of it, or pass max_nodes={count}"
        )
    return Drawing(collect(tensor, ops, names, max_values if values else None), direction)


def _why_no_graph(tensor: Tensor) -> str:
    if tensor.requires_grad:
        why = "a leaf, which no operation has made: draw what is computed from it"
    elif tensor.is_inference():
        why = "made in inference_mode(), which records nothing: compute it outside"
    else:
        why = (
            "made under no_grad(), detached, or computed from nothing that requires a gradient: compute it "
            "with recording on, from a tensor with requires_grad=True"
        )
    return f"this tensor of shape {tensor.shape} has no graph to draw; it is {why}"
