"""What a picture shows and in which colours: the switches of ``mg.draw``, and the themes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from minigrad.viz.schema import Kind

Colour = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What is drawn of a graph, and how. Any of it can be changed afterwards by :meth:`Drawing.redraw`.

    Attributes:
        direction: ``"LR"``, from left to right, or ``"TB"``, from top to bottom.
        width: what is longer from left to right, in points of 1/72 inch, goes on in a next row, as text does in a
            next line; None draws all in one row.
        theme: ``"light"``, ``"dark"``, or ``"print"``, for black ink on white paper.
        formulas: the formula of each operation.
        shapes: the shape of each value, and its dtype if that is not float32.
        gradients: the gradient beside the value.
        kept: ``"beside"`` shows the kept z beside a in an activation's box; ``"nodes"`` draws all that is kept as
            boxes of their own, with a dotted line to the operation that keeps it; ``"no"`` neither.
        large: values of more than ``max_values`` numbers as ``"statistics"`` (smallest, mean, largest), or as
            ``"heat map"``. Inputs, such as images, are shown as both.
        max_values: write every number of values of at most so many, and of parameters of half as many, at most
            a quarter in one dimension.
        bytes: what the graph keeps because of each operation.
        flops: the floating-point operations of matrix products.
        times: how long each operation took, in a picture of a trace or of a model with an input.
        lines: the line of your program that called for each operation.
        derivatives: on the edges, the local derivative and, where they are few, its numbers.
        constants: inputs that get no gradient, and operations that were not recorded: ``"show"``, ``"grey"`` or
            ``"hide"`` them.
        bookkeeping: what was not recorded and leads to no result, such as a batch norm counting its batches, and
            reshapes of parameters.
        depth: draw modules inside so many others as one box each: 0 closes the outermost.
        fold: draw three or more equal modules in a row, with the operations between them, once, with "× 12".
        max_nodes: what has more boxes is folded until it has not.
    """

    direction: Literal["LR", "TB"] = "LR"
    width: int | None = 1280
    theme: Literal["light", "dark", "print"] = "light"
    formulas: bool = True
    shapes: bool = True
    gradients: bool = True
    kept: Literal["no", "beside", "nodes"] = "no"
    large: Literal["statistics", "heat map"] = "statistics"
    max_values: int = 32
    bytes: bool = False
    flops: bool = False
    times: bool = False
    lines: bool = False
    derivatives: bool = False
    constants: Literal["show", "grey", "hide"] = "show"
    bookkeeping: bool = False
    depth: int | None = None
    fold: bool = True
    max_nodes: int = 80

    def __post_init__(self) -> None:
        for name, known in _WORDS.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"there is no {name} {getattr(self, name)!r}: use {' or '.join(map(repr, known))}"
                )
        for name, least in (("max_values", 0), ("max_nodes", 1), ("depth", 0), ("width", 1)):
            number = getattr(self, name)
            if name in ("depth", "width") and number is None:
                continue
            if not isinstance(number, int) or isinstance(number, bool):
                raise TypeError(f"{name} must be an int, got {type(number).__name__}")
            if number < least:
                raise ValueError(f"{name} must be at least {least}, got {number}")
        for entry in fields(self):
            if isinstance(entry.default, bool) and not isinstance(getattr(self, entry.name), bool):
                raise TypeError(f"{entry.name} must be True or False, got {getattr(self, entry.name)!r}")


_WORDS = {
    "direction": ("LR", "TB"),
    "theme": ("light", "dark", "print"),
    "kept": ("no", "beside", "nodes"),
    "large": ("statistics", "heat map"),
    "constants": ("show", "grey", "hide"),
}


def look_of(**switches: Any) -> Look:
    """A look with these switches. Raises TypeError for one that there is not."""
    known = [entry.name for entry in fields(Look)]
    for name in switches:
        if name not in known:
            raise TypeError(f"draw() has no switch {name!r}; there are {', '.join(known)}")
    return Look(**switches)


# -- themes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Theme:
    """The colours of a picture.

    Hues are those of Okabe and Ito, which people with every kind of colour vision can tell apart (Color Universal
    Design, https://jfly.uni-koeln.de/color/, 2008); and nothing is said by colour alone: kinds differ in their
    shape too, marks have words, and numbers stand on their heat map.
    """

    paper: str
    ink: str
    grey: str
    line: str  # of edges
    head: str
    head_ink: str
    result: str
    alert: str
    fill: dict[Kind, str]
    rim: dict[Kind, str]
    marks: dict[str, str]
    mark_ink: str  # on a head in the colour of a mark
    frame: str
    frame_fill: str
    zero: Colour
    negative: Colour
    positive: Colour
    no_number: str
    is_signed: bool = True  # zero is the middle of the heat map; or else it goes from the smallest to the largest
    names: tuple[str, ...] = field(default=("negative", "0", "positive"))

    def heat(self, number: float, low: float, high: float) -> str:
        """The colour of a number in an array that goes from ``low`` to ``high``."""
        if math.isnan(number):
            return self.no_number
        if self.is_signed:
            scale = max(abs(low), abs(high))
            share = min(abs(number) / scale, 1.0) if scale else float(number != 0)
            full = self.negative if number < 0 else self.positive
        else:
            span = high / 2 - low / 2  # halves, since the span itself may be more than the largest number
            share = min(max((number / 2 - low / 2) / span, 0.0), 1.0) if span else 0.0
            full = self.positive
        return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(self.zero, full, strict=True))


_LIGHT = Theme(
    paper="#ffffff", ink="#1f2933", grey="#5f6b76", line="#8795a1", head="#37474f", head_ink="#ffffff",
    result="#005a8f", alert="#b34700",
    fill={"operation": "#ffffff", "parameter": "#f7e8f0",
        "input": "#dff3ec", "kept": "#fdf6d8", "group": "#eceff1"},
    rim={"operation": "#37474f", "parameter": "#a8467f",
        "input": "#007a59", "kept": "#8a6d00", "group": "#37474f"},
    marks={"added": "#007a59", "removed": "#b34700", "changed": "#8a6d00", "failed": "#b34700"},
    mark_ink="#ffffff",
    frame="#cfd8dc", frame_fill="#f5f7f8",
    zero=(255, 255, 255), negative=(86, 180, 233), positive=(240, 170, 40), no_number="#bdbdbd",
)  # fmt: skip
_DARK = Theme(
    paper="#12171c", ink="#e8edf2", grey="#a3b0bc", line="#7f8d9a", head="#46545f", head_ink="#ffffff",
    result="#0072b2", alert="#ff9a57",
    fill={"operation": "#1d242b", "parameter": "#3a2331",
        "input": "#123229", "kept": "#322c12", "group": "#29323a"},
    rim={"operation": "#7f8d9a", "parameter": "#d98fb5",
        "input": "#3cc79c", "kept": "#e0c341", "group": "#7f8d9a"},
    marks={"added": "#3cc79c", "removed": "#ff9a57", "changed": "#e0c341", "failed": "#ff9a57"},
    mark_ink="#12171c",
    frame="#3b4751", frame_fill="#171d23",
    zero=(29, 36, 43), negative=(0, 92, 144), positive=(142, 86, 0), no_number="#555f68",
)  # fmt: skip
_PRINT = Theme(
    paper="#ffffff", ink="#000000", grey="#444444", line="#555555", head="#ffffff", head_ink="#000000",
    result="#000000", alert="#000000",
    fill=dict.fromkeys(_LIGHT.fill, "#ffffff"), rim=dict.fromkeys(_LIGHT.rim, "#000000"),
    marks=dict.fromkeys(_LIGHT.marks, "#000000"),
    mark_ink="#000000",
    frame="#888888", frame_fill="#ffffff",
    zero=(255, 255, 255), negative=(255, 255, 255), positive=(176, 176, 176), no_number="#ffffff",
    is_signed=False, names=("smallest", "", "largest"),
)  # fmt: skip
THEMES = {"light": _LIGHT, "dark": _DARK, "print": _PRINT}
