"""Profile: where the time of a program goes, operation by operation, and what keeps each from being faster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import NamedTuple, Self

from minigrad import dtypes, kernels
from minigrad.graph import Op
from minigrad.inspect import chrome
from minigrad.inspect.nodes import is_counted, uncounted
from minigrad.inspect.roofline import Roofline, roofline
from minigrad.inspect.table import Report, Table, size, time
from minigrad.inspect.watch import plain_target, watch_kernels
from minigrad.kernels import Array
from minigrad.modes import Scope, current_mode, current_scope
from minigrad.tensor import Tensor
from minigrad.viz.text import count

FORWARD, BACKWARD, UPDATE = "forward", "backward", "update"
SMALL = 1 << 16  # bytes, of a call, and
SLOWEST = 1e9  # bytes a second: what is slower with so few bytes is slow for another reason than arithmetic


class Span(NamedTuple):
    """One operation as it ran, or one step of an optimiser for one tensor. It holds no node, and so no array."""

    name: str
    stage: str  # forward, backward or update
    start: float
    seconds: float  # with recording
    kernel_seconds: float
    flops: int | None  # None where there is no formula
    bytes: int  # read and written
    shapes: tuple[tuple[int, ...], ...]
    dtype: dtypes.DType
    scope: Scope | None


@dataclass
class Row:
    """All calls of one operation in one stage.

    Attributes:
        name: the operation, or the kernel of an optimiser's step.
        stage: ``"forward"``, ``"backward"`` or ``"update"``.
        calls: how many there were.
        seconds: the time of them, with recording; ``kernel_seconds`` is what the kernels took of it.
        flops: floating-point operations of matrix products; 0 for an operation without a formula.
        bytes: what the operations read and wrote: inputs and output, a view nothing.
        bound: what the time goes into, ``"arithmetic"``, ``"memory"`` or ``"Python"``: see :func:`profile`.
    """

    name: str
    stage: str
    calls: int = 0
    seconds: float = 0.0
    kernel_seconds: float = 0.0
    flops: int = 0
    bytes: int = 0
    bound: str = field(default="", repr=False)


class Shares(NamedTuple):
    """The parts of a profile's time, in seconds, by what bounds them."""

    arithmetic: float
    memory: float
    python: float


class Profile(Report):
    """What :func:`profile` gives: a context manager, and afterwards what ran inside it.

    Attributes:
        spans: every operation in order, :class:`Span` objects.
        started: when it began, on the clock of the spans.
        seconds: the time inside the ``with`` block.
        own_seconds: what of that was spent on entering operations here, as far as that can be measured.
        target: the kernels that ran.
    """

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.started = self.seconds = self.own_seconds = 0.0
        self.target = ""
        self._calls: list[tuple[float, float]] = []  # of kernels, for the operation that is running: start, end
        self._watch: watch_kernels | None = None
        self._steps = frozenset(kernels.load("reference").optimise.__all__)  # what no operation calls

    # -- while it runs ----------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if current_mode().observer is not None:
            raise RuntimeError("profile() cannot run inside a trace or a profile: one at a time")
        if self._watch is not None:
            raise RuntimeError("this profile has been used: make a new one with profile()")
        self.target = plain_target()
        self._watch = watch_kernels(self.called, observer=self.observe)
        self._watch.__enter__()
        self.started = perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        self.seconds = perf_counter() - self.started
        assert self._watch is not None
        self._watch.__exit__(*exception)

    def observe(self, op: Op, inputs: tuple[Tensor, ...], output: Tensor, seconds: float) -> None:
        """Enter one operation; ``graph.record`` calls this."""
        now = perf_counter()
        start = now - seconds
        inside = 0.0
        for began, end in self._calls:
            if began >= start:  # and not before the operation, by somebody else
                inside += end - began
        self._calls.clear()
        stage = BACKWARD if current_mode().walks else FORWARD
        shapes = tuple([t.shape for t in inputs])
        moved = 0 if op.is_view else _bytes([output.array, *[t.array for t in inputs]])
        flops = op.flops(*shapes) if is_counted(op) else None
        self.spans.append(
            Span(op.title, stage, start, seconds, inside, flops, moved, shapes, output.dtype, current_scope())
        )
        self.own_seconds += perf_counter() - now

    def called(self, name: str, arrays: list[Array], start: float, end: float) -> None:
        """Enter one call of a kernel; ``watch_kernels`` calls this."""
        if name not in self._steps:
            self._calls.append((start, end))
            self.own_seconds += perf_counter() - end
            return
        p, gradient = arrays[:2]  # all are read, and all but the gradient written
        moved = 2 * _bytes(arrays) - gradient.nbytes
        seconds = end - start
        self.spans.append(Span(name, UPDATE, start, seconds, seconds, None, moved, (p.shape,), p.dtype, None))
        self.own_seconds += perf_counter() - end

    # -- afterwards -------------------------------------------------------------------------------------------

    @property
    def roof(self) -> Roofline:
        """What this machine reaches at best, in the dtype of most of the work; measured when first asked for."""
        work: dict[dtypes.DType, float] = {}
        for span in self.spans:
            if span.dtype.kind == "f":
                work[span.dtype] = work.get(span.dtype, 0.0) + span.kernel_seconds
        return roofline(self.target, max(work, key=lambda dtype: work[dtype], default=dtypes.float32))

    @property
    def rows(self) -> list[Row]:
        """The operations, each in its stage, those that took longest first."""
        found: dict[tuple[str, str], Row] = {}
        for span in self.spans:
            row = found.setdefault((span.name, span.stage), Row(span.name, span.stage))
            row.calls += 1
            row.seconds += span.seconds
            row.kernel_seconds += span.kernel_seconds
            row.flops += span.flops or 0
            row.bytes += span.bytes
        roof = self.roof
        for row in found.values():
            row.bound = _bound(row, roof)
        return sorted(found.values(), key=lambda row: -row.seconds)

    @property
    def flops(self) -> int:
        """Floating-point operations of all matrix products."""
        return sum(span.flops or 0 for span in self.spans)

    @property
    def shares(self) -> Shares:
        """The time without that of profiling, by what bounds it: inside the kernels, and around them."""
        roof, inside = self.roof, {"arithmetic": 0.0, "memory": 0.0, "Python": 0.0}
        for row in self.rows:
            fixed = min(row.calls * roof.call, row.kernel_seconds)
            inside["Python"] += fixed
            inside[row.bound] += row.kernel_seconds - fixed
        around = self.seconds - self.own_seconds - sum(span.kernel_seconds for span in self.spans)
        return Shares(inside["arithmetic"], inside["memory"], inside["Python"] + max(around, 0.0))

    @property
    def verdict(self) -> str:
        """What bounds the whole, in a sentence."""
        shares, roof = self.shares, self.roof
        total = sum(shares) or 1.0
        name, part = max(zip(shares._fields, shares, strict=True), key=lambda pair: pair[1])
        reason = {
            "arithmetic": f"kernels compute; this machine reaches {count(round(roof.flops))}FLOP/s at best",
            "memory": f"kernels wait for bytes; this machine moves {count(round(roof.bytes))}B/s at best",
            "python": "the program, the recording and the calls of kernels: larger batches would make use of it",
        }[name]
        others = " and ".join(
            f"{share / total:.0%} by {_named(other)}"
            for other, share in zip(shares._fields, shares, strict=True)
            if other != name
        )
        return f"Bound by {_named(name)}, {part / total:.0%} of the time ({reason}); {others}"

    def as_table(self) -> Table:
        total = self.seconds or 1.0
        outside = self.seconds - self.own_seconds - sum(span.seconds for span in self.spans)
        rows = [_cells(row, total) for row in self.rows]
        for name, seconds in (("outside operations", outside), ("profiling itself", self.own_seconds)):
            rows.append([name, "", "", f"{seconds * 1e3:.3f}", f"{seconds / total:.1%}", *[""] * 5, "Python"])
        times, work = ["ms", "share", "kernel ms"], ["FLOPs", "GFLOP/s", "bytes", "GB/s"]
        head = ["op", "stage", "calls", *times, *work, "bound by"]
        own = f"Profiling itself took {time(self.own_seconds / max(len(self.spans), 1))} for each operation"
        without = uncounted(span.name for span in self.spans if span.flops is None)
        notes = [note for note in (self.verdict, own, without) if note]
        title = f"{time(self.seconds)}, {count(self.flops)}FLOP, {size(sum(row.bytes for row in self.rows))} moved"
        marks = dict.fromkeys([len(rows) - 2, len(rows) - 1], "quiet")
        return Table(head, ["op", "stage", "bound by"], rows, title=title, notes=notes, marks=marks)

    def save(self, path: str | Path) -> None:
        """Write what ran as a Chrome trace, a .json file that ``chrome://tracing`` and Perfetto show.

        Raises ValueError for another suffix, OSError where the file cannot be written.
        """
        chrome.write(Path(path), self.spans, self.started)

    def __repr__(self) -> str:
        return f"<Profile: {len(self.spans)} operations in {time(self.seconds)}>"


def profile() -> Profile:
    """A context manager that measures every operation inside it, those of the walk back and of optimisers too.

    A row of its table is an operation in one stage. ``ms`` is the time from its call to its result, ``kernel ms``
    what its kernels took of that, and the rates are by the latter. It says what an operation is bound by:

    * Python, where recording and the fixed time of calling a kernel are more than half of its time, or where it
      has no counted FLOPs and takes more than a nanosecond for each of few bytes;
    * arithmetic, where its FLOPs would take longer than its bytes on this machine at its best, or where it has no
      counted FLOPs and moves bytes at less than a third of the best rate, as exp does;
    * memory traffic otherwise.

    Run the code once before: the first call of a kernel loads or compiles it. Operations of other threads are not
    seen. Raises RuntimeError inside a trace or a profile.

    >>> import minigrad as mg
    >>> layer = mg.nn.Linear(64, 32)
    >>> with mg.profile() as found:
    ...     layer(mg.ones(8, 64)).sum().backward()
    >>> [span.name for span in found.spans if span.stage == "forward"]
    ['Linear', 'Sum']
    >>> found.flops == 2 * (2 * 8 * 64 * 32)
    True
    """
    return Profile()


# -- small things ---------------------------------------------------------------------------------------------


def _bound(row: Row, roof: Roofline) -> str:
    """What the time of a row goes into."""
    fixed = min(row.calls * roof.call, row.kernel_seconds)
    is_small = row.bytes < SMALL * row.calls and row.bytes < SLOWEST * row.kernel_seconds
    if (is_small and not row.flops) or row.seconds - row.kernel_seconds + fixed > row.seconds / 2:
        return "Python"
    computing, moving = row.flops / roof.flops, row.bytes / roof.bytes
    if computing > moving or (not row.flops and moving < row.kernel_seconds / 3):
        return "arithmetic"
    return "memory"


def _cells(row: Row, total: float) -> list[str]:
    """A row as text, with its share of a total in seconds."""

    def rate(work: int) -> str:
        return f"{work / row.kernel_seconds / 1e9:.3g}" if work and row.kernel_seconds else ""

    times = f"{row.seconds * 1e3:.3f}", f"{row.seconds / total:.1%}", f"{row.kernel_seconds * 1e3:.3f}"
    work = f"{row.flops:,}" if row.flops else "", rate(row.flops), f"{row.bytes:,}", rate(row.bytes)
    return [row.name, row.stage, f"{row.calls:,}", *times, *work, row.bound]


def _bytes(arrays: Iterable[Array]) -> int:
    return sum([array.nbytes for array in arrays])


def _named(share: str) -> str:
    return {"memory": "memory traffic", "python": "Python"}.get(share, share)
