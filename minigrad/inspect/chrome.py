"""Chrome traces: a profile as a file that chrome://tracing and Perfetto show, each operation inside its modules.

Source of the format: "Trace Event Format", Google, of which this writes complete events (``"ph": "X"``).
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigrad.inspect.nodes import Paths
from minigrad.modes import Scope

if TYPE_CHECKING:
    from minigrad.inspect.profile import Span

Event = dict[str, Any]


def write(path: Path, spans: Sequence[Span], started: float) -> None:
    """Write the spans to a .json file, with times counted from ``started``. It appears complete or not at all."""
    if path.suffix.lower() != ".json":
        raise ValueError(f"cannot write a trace into {path.name!r}: the suffix must be .json")
    document = {"traceEvents": list(events(spans, started)), "displayTimeUnit": "ms"}
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            part.write_text(json.dumps(document))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OSError(error.errno, f"cannot write a trace: {error.strerror}", str(path)) from None


def events(spans: Sequence[Span], started: float) -> Iterable[Event]:
    """A process and a thread with names, the calls of modules, and the operations."""
    yield _event("M", "process_name", args={"name": "minigrad"})
    paths = Paths()
    calls: dict[int, tuple[Scope, float, float]] = {}  # by the id of the scope: its first start, its last end
    for span in spans:
        for scope in span.scope.path if span.scope and span.stage == "forward" else ():
            _, first, _ = calls.get(id(scope), (scope, span.start, 0.0))
            calls[id(scope)] = scope, first, span.start + span.seconds
    for scope, first, last in calls.values():
        name = f"{paths.of(scope)} ({type(scope.module).__name__})"
        yield _event("X", name, cat="module", ts=(first - started) * 1e6, dur=(last - first) * 1e6)
    for span in spans:
        yield _event(
            "X",
            span.name,
            cat=span.stage,
            ts=(span.start - started) * 1e6,
            dur=span.seconds * 1e6,
            args={
                "shapes": [str(shape) for shape in span.shapes],
                "kernel us": span.kernel_seconds * 1e6,
                "FLOPs": span.flops or 0,
                "bytes": span.bytes,
            },
        )


def _event(kind: str, name: str, **others: Any) -> Event:
    return {"ph": kind, "name": name, "pid": os.getpid(), "tid": threading.get_ident(), **others}
