"""DOT text -> the bytes of a picture: by the ``dot`` program, or else by the Graphviz inside pygraphviz."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import IO

from minigrad.viz.rows import in_rows
from minigrad.viz.titles import uncross

#: Dots per inch of a PNG; the other formats have no dots.
RESOLUTION = "144"

_library_lock = threading.Lock()  # Graphviz has global state


def render(source: str, format: str, width: float | None = None) -> bytes:
    """The picture of the DOT text ``source``, as ``"svg"``, ``"png"`` or ``"pdf"``.

    Where there are frames or a ``width``, in points, all is given its place first, so that a picture from left to
    right that is longer can go on in a next row, and titles of frames can be moved away from edges.
    Raises ImportError where there is no Graphviz, RuntimeError where it fails.
    """
    if width is None and "subgraph cluster_" not in source:
        return _run(source, format, "dot")
    laid = _run(source, "dot", "dot").decode()
    return _run(uncross(laid if width is None else in_rows(laid, width)), format, "nop2")


def _run(source: str, format: str, engine: str) -> bytes:
    """What Graphviz makes of DOT text; the engine ``"nop2"`` leaves everything where it is."""
    program = shutil.which("dot")
    return _by_program(program, source, format, engine) if program else _in_process(source, format, engine)


def _by_program(program: str, source: str, format: str, engine: str) -> bytes:
    resolution = [f"-Gdpi={RESOLUTION}"] if format == "png" else []
    command = [program, f"-K{engine}", f"-T{format}", *resolution]
    done = subprocess.run(command, input=source.encode(), capture_output=True)
    if done.returncode or not done.stdout:
        raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _in_process(source: str, format: str, engine: str) -> bytes:
    try:
        import pygraphviz
    except ImportError:
        raise ImportError(
            "drawing needs Graphviz: pip install pygraphviz brings it along, or install it so that its "
            "program dot is on the PATH (https://graphviz.org/download)"
        ) from None
    with _library_lock, _standard_error() as said:
        try:
            graph = pygraphviz.AGraph(string=source)
            if format == "png":
                graph.graph_attr["dpi"] = RESOLUTION
            picture: bytes = graph.draw(format=format, prog=engine)
        except ValueError as error:
            said.seek(0)
            raise RuntimeError(f"Graphviz failed: {error} {said.read().decode(errors='replace')}") from None
    return picture


@contextmanager
def _standard_error() -> Iterator[IO[bytes]]:
    """Catch what C code prints, such as Fontconfig's complaints about the settings of the system's fonts.

    And what pygraphviz prints: from 1,000 nodes on, that it may take long.
    """
    with tempfile.TemporaryFile() as caught, redirect_stderr(io.StringIO()):
        terminal = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield caught
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
