"""What the examples share as scripts: their options, their errors, and what a terminal can show."""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import minigrad as mg
import plots

PICTURES = ".svg .png .pdf .dot .json .html"


class Script(argparse.ArgumentParser):
    """The options of a script. A mistake in them is one line and exit status 2, before anything is computed.

    Attributes:
        chosen: the options, once they have been read.
    """

    def __init__(self, description: str) -> None:
        super().__init__(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        self.chosen = argparse.Namespace()
        self.add_argument("--kernels", choices=("numba", "reference"), default="numba", help="what computes")
        self.add_argument(
            "--draw", type=file(PICTURES), nargs="+", default=[], metavar="FILE", help=f"pictures: {PICTURES}"
        )
        self.add_argument(
            "--play", type=file(".html"), metavar="FILE", help="a page that plays both passes: .html"
        )

    def read(self, arguments: list[str] | None) -> argparse.Namespace:
        """The options that were chosen. Their kernels compute from here on, their seed starts random numbers."""
        self.chosen = self.parse_args(arguments)
        mg.use_kernels(self.chosen.kernels)
        if "seed" in self.chosen:
            mg.manual_seed(self.chosen.seed)
        return self.chosen

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (--help lists the options)\n")

    def save_graph(self, loss: mg.Tensor, what: str, **names: mg.Tensor) -> None:
        """Draw the graph of a loss, forward and backward, where ``--draw`` and ``--play`` ask for it."""
        names = {"loss": loss} | names
        if self.chosen.draw:
            drawing = mg.draw(loss, passes="both", names=names)
            for path in self.chosen.draw:
                self.save(drawing.save, path)
                print(f"{what}, forward and backward, is in {path}")
        if self.chosen.play:
            self.save(mg.play(loss, names=names).save, self.chosen.play)
            print(f"The page that plays it is {self.chosen.play}")

    def save_plot(self, *panels: plots.Panel) -> None:
        """Plot the panels side by side, where ``--plot`` asks for it."""
        if self.chosen.plot:
            self.save(lambda path: plots.save(path, *panels), self.chosen.plot)
            print(f"The plot is in {self.chosen.plot}")

    def save(self, write: Callable[[Path], Any], path: Path) -> None:
        """Write a file, or stop with an error."""
        try:
            write(path)
        except (ImportError, OSError, RuntimeError, ValueError) as error:  # no Graphviz, or no room
            self.error(str(error))


class TrainingScript(Script):
    """A script that trains: with ``--device``, ``--seed`` and ``--plot``, and options that have a default here."""

    def __init__(
        self, description: str, *, epochs: int | None = None, batch: int | None = None, lr: float | None = None
    ) -> None:
        super().__init__(description)
        if epochs is not None:
            self.add_argument("--epochs", type=positive(int), default=epochs, help="passes over the data")
        if batch is not None:
            self.add_argument("--batch", type=positive(int), default=batch, help="items a step")
        if lr is not None:
            self.add_argument("--lr", type=positive(float), default=lr, help="the (highest) learning rate")
        self.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where it trains")
        self.add_argument("--seed", type=seed, default=0, help="of all random numbers")
        self.add_argument("--plot", type=plot, metavar="FILE", help=f"a plot of the result: {plots.FORMATS}")

    def read(self, arguments: list[str] | None) -> argparse.Namespace:
        """The options that were chosen. A GPU that cannot be used is a mistake, and says what is missing."""
        chosen = super().read(arguments)
        if chosen.device == "cuda" and (lacking := mg.cuda.missing()):
            self.error(f"argument --device: cuda cannot be used here; what is missing is the {lacking}")
        return chosen


# -- types of arguments ---------------------------------------------------------------------------------------


def file(suffixes: str) -> Callable[[str], Path]:
    """The type of a file to write: one of the suffixes, in a folder that can be written to."""

    def file(text: str) -> Path:
        path = Path(text)
        can_write = not path.is_dir() and path.parent.is_dir() and os.access(path.parent, os.W_OK)
        if path.suffix not in suffixes.split() or not can_write:
            raise argparse.ArgumentTypeError(
                f"must be a file of {suffixes} in a folder that can be written to, not {text}"
            )
        return path

    return file


def plot(text: str) -> Path:
    """The type of a plot to write."""
    if importlib.util.find_spec("matplotlib") is None:
        raise argparse.ArgumentTypeError("needs matplotlib: pip install matplotlib")
    return file(plots.FORMATS)(text)


def positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """The type of a number above 0."""

    def number(text: str) -> float:
        value = kind(text)
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"must be a positive number, not {text}")
        return value

    return number


def seed(text: str) -> int:
    """The type of a seed: a number from 0 on."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must not be negative, not {text}")
    return value


# -- the terminal ---------------------------------------------------------------------------------------------


def printable(signs: str, plain: str) -> str:
    """``signs`` if the output can show them, and else ``plain``."""
    try:
        signs.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return plain
    return signs


def run(main: Callable[[], None]) -> None:
    """Run a script to its end, or until nobody reads what it prints, as with ``| head``."""
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains as it flushes
