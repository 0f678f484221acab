"""examples/plots.py: files of the format that the suffix names, and what stands in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plots


def curves_and_images() -> tuple[plots.Panel, plots.Panel]:
    lines = {"trained on": [3.0, 2.0, 1.0], "held out": [3.0, 2.5, 2.0]}
    pictures = np.arange(28.0).reshape(7, 2, 2)
    return plots.curves("loss", lines, log=True), plots.images("seven", pictures, names=list("abcdefg"))


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_the_suffix_says_which_format(suffix: str, start: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"plot{suffix}"
    plots.save(path, *curves_and_images())
    assert path.read_bytes().startswith(start)


def test_the_same_plot_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        plots.save(tmp_path / name, *curves_and_images())
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_the_ground_is_transparent_and_the_ink_can_be_read_on_light_and_on_dark(tmp_path: Path) -> None:
    from matplotlib.image import imread

    plots.save(tmp_path / "plot.png", *curves_and_images())
    assert imread(tmp_path / "plot.png")[0, 0, 3] == 0

    def luminance(colour: str) -> float:  # WCAG 2, relative luminance
        parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for colour in [plots.INK, *plots.COLOURS]:
        on_white = 1.05 / (luminance(colour) + 0.05)
        on_dark = (luminance(colour) + 0.05) / (luminance("#101010") + 0.05)
        assert min(on_white, on_dark) >= 3, colour  # WCAG's least for graphics and large text


def axes_of(panel: plots.Panel) -> Any:
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    panel(axes)
    return axes


def test_curves_have_their_numbers_their_names_and_their_scale() -> None:
    axes = axes_of(curves_and_images()[0])
    assert [line.get_label() for line in axes.lines] == ["trained on", "held out"]
    assert [line.get_ydata().tolist() for line in axes.lines] == [[3.0, 2.0, 1.0], [3.0, 2.5, 2.0]]
    assert axes.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert (axes.get_title(), axes.get_yscale(), axes.get_legend() is None) == ("loss", "log", False)
    assert axes_of(plots.curves("one", {"a": [1.0]})).get_legend() is None


def test_images_stand_in_rows_with_their_names() -> None:
    tiles = axes_of(curves_and_images()[1]).child_axes
    assert [tile.get_xlabel() for tile in tiles] == list("abcdefg")
    assert [tile.images[0].get_array().tolist() for tile in tiles] == np.arange(28.0).reshape(7, 2, 2).tolist()
    boxes = [tile.get_position() for tile in tiles]
    assert len({round(box.y0, 6) for box in boxes}) == 2  # six in the first row, one in the second
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
