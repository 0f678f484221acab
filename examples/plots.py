"""The plots of the examples: panels side by side in one file, on a transparent ground.

Text and lines are of middling lightness, so that they can be read on white paper and on a dark page alike. A panel
is a function that fills one of Matplotlib's axes: those made here show curves and images, an example has others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Panel = Callable[[Any], None]  # fills a matplotlib.axes.Axes

FORMATS = ".png .svg .pdf"
INK, FAINT = "#7d7d7d", "#7d7d7d40"  # the contrast of INK is 4.1 to white and 4.6 to #101010
COLOURS = ["#3b87d9", "#e0702e", "#2f9e6b", "#b565c4", "#a8831a", "#d9536f", "#379aae", "#8c7a5e"]
STYLE = {
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "figure.facecolor": "none",
    "font.size": 10,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "savefig.facecolor": "none",
    "svg.hashsalt": "minigrad",  # the same file for the same plot
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def save(path: Path, *panels: Panel, width: float = 5.0, height: float = 3.6) -> None:
    """Write panels side by side, each so many inches wide and high; the suffix says in which format."""
    import matplotlib
    from cycler import cycler
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE | {"axes.prop_cycle": cycler(color=COLOURS)}):
        figure = Figure(figsize=(width * len(panels), height), dpi=144, layout="constrained")
        for panel, axes in zip(panels, figure.subplots(1, len(panels), squeeze=False)[0], strict=True):
            panel(axes)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def curves(
    title: str,
    lines: Mapping[str, Sequence[float]],
    *,
    x: str = "epoch",
    y: str = "",
    log: bool = False,
    start: float = 1,
) -> Panel:
    """A line for each name: its numbers against ``start``, ``start + 1``, ...; ``log`` for a logarithmic scale."""

    def panel(axes: Any) -> None:
        for name, values in lines.items():
            marker = "o" if len(values) == 1 else None
            axes.plot(np.arange(len(values)) + start, values, label=name, linewidth=1.8, marker=marker)
        axes.set(title=title, xlabel=x, ylabel=y, yscale="log" if log else "linear")
        axes.xaxis.get_major_locator().set_params(integer=True)  # no half epochs
        if len(lines) > 1:
            axes.legend()

    return panel


def images(
    title: str, pictures: np.ndarray, *, names: Sequence[str] = (), columns: int = 6, colours: str = "gray_r"
) -> Panel:
    """Pictures of shape (N, height, width) in rows, from light (their least number) to dark, names below them."""

    def panel(axes: Any) -> None:
        axes.set(title=title)
        axes.axis("off")
        rows, share = -(-len(pictures) // columns), 0.7 if names else 0.9  # of a tile that is the picture
        for i, picture in enumerate(pictures):
            row, column = divmod(i, columns)
            tile = axes.inset_axes((column / columns, 1 - (row + share) / rows, 0.9 / columns, share / rows))
            tile.imshow(picture, cmap=colours)
            tile.set(xticks=[], yticks=[])
            tile.spines[:].set_visible(False)
            if names:
                tile.set_xlabel(names[i], fontsize=8, labelpad=2)

    return panel
