"""What ``matmul_steps.py`` puts into docs/matmul.md: the sentences, the tables, the code and the plot."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from harness import machine
from llvmlite.binding import get_host_cpu_name

from minigrad.kernels.cpu.tile import host_registers

if TYPE_CHECKING:
    from matmul_steps import Step
    from matplotlib.axes import Axes

LADDER = "textbook row_by_row blocked four_by_four tiles packed kernel".split()
BYTES = 4  # of an element


def table(steps: list[Step]) -> str:
    """GFLOP/s of each step and n: the median, and the quartiles."""
    sizes = list(steps[-1].speed)
    rows = [["GFLOP/s", *(f"n = {n}" for n in sizes)], ["---"] + ["---:"] * len(sizes)]
    for step in steps:
        if not step.vectors:
            rows.append([step.label, *(cell(step.speed[n]) if n in step.speed else "" for n in sizes)])
    return markdown(rows)


def markdown(rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def cell(speeds: np.ndarray) -> str:
    low, middle, high = np.percentile(speeds, [25, 50, 75])
    return f"**{number(middle)}** ({number(low)} to {number(high)})"


def number(x: float) -> str:
    return f"{x:.1f}" if x < 100 else f"{x:.0f}"


def shapes(steps: list[Step]) -> str:
    """Tiles of several shapes by what they need and what they reach."""
    lanes = host_registers().bytes // BYTES
    heads = ["tile", "registers", "loads for a multiply-add", "bytes for a vector's multiply-add", "GFLOP/s"]
    rows = [heads, ["---:"] * len(heads)]
    for step in steps:
        if step.vectors:
            m, v = step.rows, step.vectors
            needs = [f"{m * v + v + 1}", f"{(m + v) / (m * v):.2f}", f"{BYTES * (m + v * lanes) / (m * v):.0f}"]
            rows.append([f"{m} x {v * lanes}", *needs, cell(step.all())])
    return markdown(rows)


def sentence(step: Step, before: Step | None, peak: Step, n: int = 512) -> str:
    speeds = ", ".join(f"{number(step.median(m))} (n = {m})" for m in step.speed)
    text = f"Measured: {speeds} GFLOP/s."
    if before:
        text += f" At n = {n} that is {np.median(step.speed[n] / before.speed[n]):.2g} times the step before"
        text += f" and {np.median(step.speed[n] / peak.speed[n]) / step.threads:.2g} of the peak"
        text += " of these threads." if step.threads > 1 else "."
    return f"**{text}**"


def caches() -> str:
    """As Linux tells them; nothing elsewhere."""
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return ", ".join(found) or "caches unknown"


def sections(steps: list[Step], functions: list[Callable], rounds: str) -> dict[str, str]:
    """What stands between the marks of the page; ``rounds`` says how it was measured."""
    named = {step.name: step for step in steps}
    peak, chain = named["peak"].all(), named["chain"].all()
    about = f"{machine()}; LLVM calls the processor {get_host_cpu_name()}; its caches: {caches()}. {rounds}"
    low, middle, high = (number(x) for x in np.percentile(peak, [25, 50, 75]))
    limits = (
        f"**Measured: {middle} GFLOP/s (quartiles {low} to {high}) for independent multiply-adds, "
        f"{number(np.median(chain))} where each waits for the one before: "
        f"{np.median(peak) / np.median(chain):.1f} times less.**"
    )
    found = {"machine": about, "peak": limits, "table": table(steps), "shapes": shapes(steps)}
    for name, before in zip(LADDER, [None, *LADDER], strict=False):
        found[name] = sentence(named[name], before and named[before], named["peak"])
    code = {f"code: {function.__name__}": quoted(function) for function in functions}
    return {f"measured: {name}": wrapped(text) for name, text in found.items()} | code


def wrapped(text: str) -> str:
    return text if text.startswith("|") else textwrap.fill(text, 110)


def quoted(function: Callable) -> str:
    """The code of ``function`` without its docstring, which the page tells at more length."""
    source = re.sub(r'    """.*?"""\n', "", inspect.getsource(function), flags=re.DOTALL)
    return f"```python\n{source.strip()}\n```"


def fill(page: str, found: dict[str, str]) -> str:
    """``page`` with the text between ``<!-- name -->`` and ``<!-- end -->`` replaced by ``found[name]``."""
    marks = re.findall(r"<!-- (\w+: \w+) -->", page)
    assert sorted(marks) == sorted(found), f"marks and sections differ: {set(marks) ^ set(found)}"
    return re.sub(
        r"<!-- (\w+: \w+) -->\n.*?<!-- end -->",
        lambda mark: f"<!-- {mark[1]} -->\n{found[mark[1]]}\n<!-- end -->",
        page,
        flags=re.DOTALL,
    )


COLOURS = {  # after Okabe and Ito, darkened until they can be read as text
    "textbook": "#4D4D4D",
    "row_by_row": "#B0417F",
    "blocked": "#A86F00",
    "four_by_four": "#007A5A",
    "tiles": "#C04A00",
    "packed": "#0060A0",
    "kernel": "#0060A0",
    "kernel_1": "#2A86C8",
    "numpy": "#707070",
    "numpy_1": "#707070",
}
MARKERS = dict(zip(COLOURS, "ov^DspsD^v", strict=True))


def draw(steps: list[Step], path: Path) -> None:
    """GFLOP/s over n, each line labelled at its end: one thread on a log axis, all threads from zero."""
    import matplotlib

    matplotlib.use("svg" if path.suffix == ".svg" else "agg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"svg.hashsalt": "minigrad", "font.size": 10, "axes.spines.top": False})
    plt.rcParams.update({"axes.spines.right": False, "figure.facecolor": "white"})
    named = {step.name: step for step in steps}
    sizes = list(named["peak"].speed)
    most = named["kernel"].threads
    peak = float(np.median(named["peak"].all()))
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5.2), width_ratios=[1.15, 1])
    one = ["textbook", "row_by_row", "blocked", "four_by_four", "tiles", "packed", "numpy_1"]
    panels = [
        (left, one, peak, "Steps 1 to 5, one thread (log scale)"),
        (right, ["kernel_1", "numpy_1", "kernel", "numpy"], peak * most, f"Step 6, one thread and {most}"),
    ]
    for axes, names, limit, title in panels:
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [str(n) for n in sizes])
        axes.set_xlim(sizes[0] * 0.9, sizes[-1] * 1.1)
        axes.set(title=title, xlabel="n, of n x n float32 matrices")
        axes.grid(axis="y", color="#E4E4E4", linewidth=0.6)
        axes.axhline(limit, color="black", linestyle=":", linewidth=1.2)
        for name in names:
            step = named[name]
            colour = COLOURS[name]
            low, middle, high = np.percentile(list(step.speed.values()), [25, 50, 75], axis=1)
            dashes = "--" if name.startswith("numpy") else "-"
            axes.plot(
                list(step.speed), middle, dashes, color=colour, marker=MARKERS[name], markersize=4.5, linewidth=1.7
            )
            axes.fill_between(list(step.speed), low, high, color=colour, alpha=0.15, linewidth=0)
    left.set_ylabel("GFLOP/s")
    left.set_yscale("log")
    left.set_ylim(1, peak * 1.3)
    left.set_yticks([1, 3, 10, 30, 100, 300], ["1", "3", "10", "30", "100", "300"])
    left.minorticks_off()
    left.set_ylim(1, peak * 1.3)
    right.set_ylim(0, peak * most * 1.08)
    figure.tight_layout(w_pad=15, rect=(0, 0, 0.87, 1))
    for axes, names, limit, _ in panels:
        ends = {f"peak of {'1 thread' if limit == peak else f'{most} threads'}": (sizes[-1], limit, "black")}
        for name in names:
            ends[named[name].label] = (*named[name].last(), COLOURS[name])
        beside(axes, ends)
    figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def beside(axes: Axes, ends: dict[str, tuple[float, float, str]], gap: float = 0.055) -> None:
    """Labels right of the lines' ends (x, y), at their heights, pushed apart where they would overlap."""
    to_axes = axes.transData + axes.transAxes.inverted()
    height = {label: to_axes.transform((x, y))[1] for label, (x, y, _) in ends.items()}
    last = 2.0
    for label in sorted(ends, key=height.__getitem__, reverse=True):
        x, y, colour = ends[label]
        last = min(height[label], last - gap)
        arrow = {"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkB": 4}
        place = (to_axes.transform((x, y))[0] + 0.06, last)
        axes.annotate(
            label, (x, y), place, textcoords="axes fraction", color=colour, va="center", arrowprops=arrow
        )
