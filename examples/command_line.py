"""What the examples share as scripts: their options, their errors, and what a terminal can show."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import minigrad as mg
from digits import NETS

PICTURES = ".svg .png .pdf .dot .json .html"


class Parser(argparse.ArgumentParser):
    """Arguments whose errors are one line; exit status 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help lists the options)\n")


def parser(description: str) -> Parser:
    """The options that all scripts have."""
    found = Parser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    found.add_argument("--net", choices=NETS, default="zero-or-one", help="which of the two nets")
    found.add_argument("--kernels", choices=("numba", "reference"), default="numba", help="what computes")
    found.add_argument("--draw", type=Path, nargs="+", default=[], metavar="FILE", help=f"pictures: {PICTURES}")
    found.add_argument("--play", type=Path, metavar="FILE", help="a page that plays both passes: .html")
    return found


def check_pictures(options: Parser, files: list[Path]) -> None:
    """Stop with an error unless every picture can be written."""
    for file in files:
        if file.suffix not in PICTURES.split() or not can_write(file, file.suffix):
            options.error(f"--draw must be files of {PICTURES} in folders that can be written to, not {file}")


def check_page(options: Parser, file: Path | None) -> None:
    """Stop with an error unless no page is asked for, or it can be written."""
    if file is not None and not can_write(file, ".html"):
        options.error(f"--play must be an .html file in a folder that can be written to, not {file}")


def save_pictures(options: Parser, drawing: mg.Drawing, files: list[Path]) -> None:
    """Draw into every file, or stop with an error."""
    try:
        for file in files:
            drawing.save(file)
    except (ImportError, OSError, RuntimeError) as error:  # no Graphviz, or no room
        options.error(" ".join(str(error).split()))


def printable(signs: str, plain: str) -> str:
    """``signs`` if the output can show them, and else ``plain``."""
    try:
        signs.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return plain
    return signs


def can_write(path: Path, suffix: str) -> bool:
    """Whether ``path`` is, or could become, a file of that suffix in a folder that can be written to."""
    folder = path.parent
    return path.suffix == suffix and not path.is_dir() and folder.is_dir() and os.access(folder, os.W_OK)


def run(main: Callable[[], None]) -> None:
    """Run a script to its end, or until nobody reads what it prints, as with ``| head``."""
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains as it flushes
