"""Text stays in its box wherever the picture is shown: a browser writes with the exact widths of the fonts."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.ft2font import FT2Font

import minigrad as mg
from gallery import PICTURES

SVG = "{http://www.w3.org/2000/svg}"


@cache
def font(name: str) -> FT2Font:
    found = FT2Font(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"))
    found.set_size(10, 72)
    return found


def width(element: ElementTree.Element) -> float:
    """The exact width of a text."""
    name = "DejaVuSansMono" if "Mono" in element.get("font-family", "") else "DejaVuSans"
    if element.get("font-weight") == "bold":
        name += "-Bold"
    signs = [font(name).load_char(ord(sign)) for sign in element.text or ""]
    return sum(sign.linearHoriAdvance for sign in signs) / 65536 * float(element.get("font-size", "10")) / 10


def room(drawing: mg.Drawing) -> dict[str, float]:
    """How many points there are right of each text of a box."""
    found = {}
    for box in ElementTree.fromstring(drawing.svg()).iter(f"{SVG}g"):
        if box.get("class") == "node":
            corners = "".join(shape.get("points", "") + shape.get("d", "") + " " for shape in box.iter())
            right = max(float(x) for x in re.findall(r"(-?[\d.]+),", corners))
            for element in box.iter(f"{SVG}text"):
                found[element.text or ""] = right - float(element.get("x", "0")) - width(element)
    return found


@pytest.mark.parametrize("name", PICTURES)
def test_no_text_runs_over_its_box(name: str) -> None:
    with mg.use_kernels("reference"):
        assert min(room(PICTURES[name]()).values()) > 1


def test_long_lines_of_digits_have_room() -> None:
    class Draw(mg.Op):
        """y = x"""

        def __init__(self) -> None:
            self.seed, self.more = 7797202992660666097, 111111111111111111111111

        def forward(self, kernels: Any, x: np.ndarray) -> np.ndarray:
            return x.copy()

    x = mg.tensor([1.0], requires_grad=True)
    found = room(mg.draw(mg.record(Draw(), x.exp())))
    assert found["more=111111111111111111111111"] > 1
    assert min(found.values()) > 1


@pytest.mark.parametrize("title", ["BinaryCrossEntropyWithLogits", "Iiiiiiiiiiiiiiiiiiiiiiiiiiii", "Add"])
def test_long_names_of_operations_have_room(title: str) -> None:
    name = title

    class Named(mg.Op):
        """y = x"""

        title = name

        def forward(self, kernels: Any, x: np.ndarray) -> np.ndarray:
            return x.copy()

    x = mg.tensor(1.0, requires_grad=True)
    assert room(mg.draw(mg.record(Named(), x).exp()))[title] > 1
