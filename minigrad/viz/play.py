"""``mg.play``: a computation and its walk back, run once, as a page that plays both."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minigrad.nn import functional as F
from minigrad.tensor import Tensor
from minigrad.viz import page
from minigrad.viz.draw import draw
from minigrad.viz.drawing import Drawing
from minigrad.viz.look import Look
from minigrad.viz.page.walk import Step, walk
from minigrad.viz.recording import of_tensors
from minigrad.viz.schema import Graph


class Play(Drawing):
    """What :func:`play` gives: a drawing that knows its walk back too, so that ``save("x.html")`` plays both.

    Attributes:
        steps: the walk back (:class:`minigrad.viz.page.walk.Step`).
    """

    def __init__(self, graph: Graph, look: Look, steps: Sequence[Step]) -> None:
        super().__init__(graph, look)
        self.steps = tuple(steps)

    def redraw(self, **switches: Any) -> Play:
        """The same with another look."""
        return Play(self.graph, super().redraw(**switches).look, self.steps)

    def __repr__(self) -> str:
        counts = super().__repr__().removeprefix("<Drawing").removesuffix(">")
        return f"<Play{counts}, {len(self.steps)} steps back>"

    def html(self) -> str:
        """The page."""
        return page.html(self, self.steps)

    def _content(self, format: str) -> bytes:
        return self.html().encode() if format == "html" else super()._content(format)

    def _repr_html_(self) -> str:
        """In a notebook, the page in a frame that can do nothing but run its own scripts."""
        return (
            '<iframe sandbox="allow-scripts" style="width: 100%; height: 680px; border: 0" '
            f'srcdoc="{html.escape(self.html())}"></iframe>'
        )


def play(
    what: Tensor | Callable[[Tensor], Tensor], x: Tensor | None = None, target: Tensor | None = None, *,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None, names: Mapping[str, Any] | None = None,
    max_values: int = 256, **switches: Any,
) -> Play:  # fmt: skip
    """A computation as a page that plays the forward pass, and then the gradients flowing back.

    ``play(loss)`` takes what has been computed; ``play(model, x, target)`` computes it. No ``.grad`` changes, the
    graph is not freed, and nothing is kept alive.

    Args:
        what: a single number with a graph; or a model, or a function of x that gives one.
        x: the model's input.
        target: what the model's output should be. Without one, the model gives the number itself.
        loss: of the output and the target; by default the cross entropy where the target is an integer class, and
            else the mean squared error.
        names: what to call tensors, such as ``{"w": w}`` or ``locals()``; x, target and the loss have these names.
        max_values: every number of values of at most so many is on the page; of larger ones there is a summary.
        switches: those of :func:`mg.draw`; ``passes`` is not among them, since a page plays both.

    Raises:
        TypeError: no tensor and nothing to call; x beside a tensor; a model without x; a target that is no
            tensor, a loss that is no function; ``passes``.
        ValueError: a result of more than one number, or without a graph.
        RuntimeError: a graph that has been freed.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> mg.play(x * x + 1).steps[1].gives[0].total.numbers
    (1.0,)
    >>> page = mg.play(mg.nn.Linear(2, 1), mg.ones(4, 2), mg.zeros(4, 1))
    >>> page
    <Play of Linear: 8 nodes, 7 edges, 5 steps back>
    """
    if "passes" in switches:
        raise TypeError("play() plays both passes; to draw the backward pass, use draw(..., passes='backward')")
    result = _run(what, x, target, loss)
    called = {} if isinstance(what, Tensor) else {"x": x, "target": target, "loss": result}
    shown = {"derivatives": True, "max_values": max_values, **switches}
    drawing = draw(result, names={**called, **(names or {})}, **shown)
    return Play(drawing.graph, drawing.look, walk(of_tensors((result,)), max_values))


def _run(
    what: Any, x: Tensor | None, target: Tensor | None, loss: Callable[[Tensor, Tensor], Tensor] | None
) -> Tensor:
    """The number that the walk back begins at."""
    if isinstance(what, Tensor):
        if x is not None or target is not None or loss is not None:
            raise TypeError("play() of a tensor takes no x, target or loss: it has been computed already")
        result = what
    elif not callable(what):
        raise TypeError(f"play() expects a tensor, or a model with its input, got {type(what).__name__}")
    elif x is None:
        raise TypeError(f"play() of {type(what).__name__} needs its input: play(model, x, target)")
    elif target is None:
        if loss is not None:
            raise TypeError("play() with a loss needs a target: play(model, x, target, loss=...)")
        result = what(x)
    elif not isinstance(target, Tensor):
        raise TypeError(f"play() expects the target as a tensor, got {type(target).__name__}")
    elif loss is not None and not callable(loss):
        raise TypeError(f"play() expects the loss as a function of output and target, got {type(loss).__name__}")
    else:
        usual = F.cross_entropy if target.dtype.kind in "iu" else F.mse_loss
        result = (loss or usual)(what(x), target)
    if not isinstance(result, Tensor):
        raise TypeError(f"play() needs a tensor to walk back from, got {type(result).__name__}")
    if result.numel() != 1:
        raise ValueError(
            f"play() walks back from a single number, this result has shape {result.shape}: play a loss, such as "
            "its .sum(), or pass a target"
        )
    return result
