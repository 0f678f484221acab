"""Lines of the user's code: where a node was recorded, where a tensor was changed in place."""

from __future__ import annotations

import linecache
import os
import sys
from pathlib import Path
from types import CodeType
from typing import NamedTuple

HERE = str(Path(__file__).parent) + os.sep

#: A place in compiled code. Which line that is, is worked out when somebody asks, since that takes longer.
Place = tuple[CodeType, int]


class Line(NamedTuple):
    """A line of source."""

    filename: str
    lineno: int

    @property
    def text(self) -> str:
        """The line itself, or "" if the file is not there."""
        return linecache.getline(self.filename, self.lineno).strip()

    def __str__(self) -> str:
        return f"{Path(self.filename).name}:{self.lineno}" + (f", {self.text!r}" if self.text else "")


def users_place(depth: int) -> Place | None:
    """Where the code that called minigrad stands: the first frame outside this package, ``depth`` calls up or so.

    The frames below are minigrad's: to look at one would cost more than the rest of this function.
    """
    try:
        frame = sys._getframe(depth)
    except ValueError:  # the whole program is not so deep: a script that calls record() itself
        frame = sys._getframe(depth - 1)
    while frame.f_code.co_filename.startswith(HERE):
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def is_own(cls: type) -> bool:
    """Whether a class is minigrad's, and not of somebody who uses it."""
    return str(cls.__module__).partition(".")[0] == __name__.partition(".")[0]


def line_of(place: Place | None) -> Line | None:
    """The line of a place."""
    if place is None:
        return None
    code, instruction = place
    for start, end, line in code.co_lines():
        if start <= instruction < end and line is not None:
            return Line(code.co_filename, line)
    return None
