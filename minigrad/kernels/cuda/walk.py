"""Walks: how the threads of a team go along their line, to put its elements together or to write a new line.

=========  ======================================================================  ==============================
walk       a thread takes                                                          for
=========  ======================================================================  ==============================
single     one element after another, as its team has them                         lines whose elements lie apart,
                                                                                   or that a thread has alone
wide       four neighbours by one load of up to 16 bytes, and has four such loads  elements side by side
           under way before it needs the first
held       the same, once, into registers: of the line, every thread of the block  lines of up to 8 loads a thread
           keeps its part until the last sweep
=========  ======================================================================  ==============================

Such kernels wait for memory. By Little's law there must be as many bytes under way as it gives in the time that
one load takes, which is some megabytes: more than 4 bytes from each thread that the GPU has. And a line that is
held comes from memory once, where a second sweep would ask the caches, which all lines under way share.

Both ``fold`` and ``write`` are source text with the operands filled in: ``print(fold_source("wide", 1, 0))``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from minigrad.dtypes import DType
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.intrinsics import WIDE, load4
from minigrad.kernels.cuda.loops import build
from minigrad.kernels.cuda.shim import device
from minigrad.kernels.cuda.team import BLOCK, THREAD, Lines, Team, threads_for

HELD_BYTES = 32 * 4  # of a line, for each thread: 32 registers

#: ``fold``: element i of each operand is taken, and put together with the total. The team's totals come last.
FOLD = {
    "single": """\
def fold({line}, at, inner, n, lane, lanes{numbers}):
    total = identity
    for k in range(lane, n, lanes):
        i = at + k * inner
        total = combine(total, take({elements}{numbers}))
    return together(total)
""",
    "wide": """\
def fold({line}, at, inner, n, lane, lanes{numbers}):
    total, end = identity, at + n
    first = min(at + (-at & 3), end)  # a load of four must begin at a multiple of four
    i = at + lane
    while i < first:
        total = combine(total, take({elements}{numbers}))
        i += lanes
    i, step = first + 4 * lane, 4 * lanes
    while i + 3 * step + 3 < end:
        {loads_far}
        {totals_far}
        i += 4 * step
    while i + 3 < end:
        {loads}
        {totals}
        i += step
    i = end - (end - first & 3) + lane
    while i < end:
        total = combine(total, take({elements}{numbers}))
        i += lanes
    return together(total)
""",
    "held": """\
def fold({line}, at, inner, n, lane, lanes{numbers}):
    total = identity
    for j in range(LOADS):
        if 4 * (j * lanes + lane) < n:
            for i in range(4 * j, 4 * j + 4):
                total = combine(total, take({held}{numbers}))
    return together(total)
""",
}

#: ``write``: element i of the new line is the rule of i and of element i of each operand.
WRITE = {
    "single": """\
def write(out, {line}, at, inner, n, lane, lanes{numbers}):
    for k in range(lane, n, lanes):
        i = at + k * inner
        out[i] = rule(i, {elements}{numbers})
""",
    "wide": """\
def write(out, {line}, at, inner, n, lane, lanes{numbers}):
    end = at + n
    first = min(at + (-at & 3), end)
    i = at + lane
    while i < first:
        out[i] = rule(i, {elements}{numbers})
        i += lanes
    i = first + 4 * lane
    while i + 3 < end:
        {loads}
        store4(out, i, {rules})
        i += 4 * lanes
    i = end - (end - first & 3) + lane
    while i < end:
        out[i] = rule(i, {elements}{numbers})
        i += lanes
""",
    "held": """\
def write(out, {line}, at, inner, n, lane, lanes{numbers}):
    for j in range(LOADS):
        i, h = at + 4 * (j * lanes + lane), 4 * j
        if 4 * (j * lanes + lane) < n:
            store4(out, i, {rules_held})
""",
}


def filled(text: str, operands: int, numbers: int) -> str:
    """The text for so many operands, each as its registers and its memory, and numbers."""
    given = "".join(f", p{k}" for k in range(numbers))

    def each(form: str, **places: Any) -> str:
        return ", ".join(form.format(x=x, **places) for x in range(operands))

    def taken(place: str) -> str:
        """The four of a load, put together in pairs."""
        a, b, c, d = (f"take({each('{v}{x}_' + place, v=v)}{given})" for v in "abcd")
        return f"combine(combine({a}, {b}), combine({c}, {d}))"

    def loads(place: str, at: str) -> list[str]:
        return [
            f"a{x}_{place}, b{x}_{place}, c{x}_{place}, d{x}_{place} = load4(x{x}, {at})" for x in range(operands)
        ]

    break_ = "\n        "
    far = [line for j in range(4) for line in loads(str(j), f"i + {j} * step" if j else "i")]
    return text.format(
        line=each("h{x}, x{x}"),
        numbers=given,
        elements=each("x{x}[i]"),
        held=each("h{x}[i]"),
        loads=break_.join(loads("0", "i")),
        totals=f"total = combine(total, {taken('0')})",
        loads_far=break_.join(far),
        totals_far=break_.join(f"total = combine(total, {taken(str(j))})" for j in range(4)),
        rules=", ".join(f"rule(i + {k}, {each('{v}{x}_0', v=v)}{given})" for k, v in enumerate("abcd")),
        rules_held=", ".join(f"rule(i + {k}, {each('h{x}[h + {k}]', k=k)}{given})" for k in range(WIDE)),
    )


def fold_source(kind: str, operands: int, numbers: int) -> str:
    """The text of a fold."""
    return filled(FOLD[kind], operands, numbers)


def write_source(kind: str, operands: int, numbers: int) -> str:
    """The text of a write."""
    return filled(WRITE[kind], operands, numbers)


class Walk(NamedTuple):
    """A way along the lines of a team; ``loads`` of four elements are held by each thread, or none."""

    kind: str
    team: Team
    loads: int = 0

    @property
    def name(self) -> str:
        """For the names of kernels."""
        return self.team.name if self.kind == "single" else f"{self.kind}{self.loads or ''}"

    @property
    def size(self) -> int:
        """How many registers a kernel declares for elements: at least one, as no array has none."""
        return max(WIDE * self.loads, 1)

    def fetch(self) -> Callable[..., Any]:
        """``fetch(h, x, at, n, lane, lanes)``: the registers get what they hold of a line, if they do."""
        loads = self.loads

        def fetch(h, x, at, n, lane, lanes):
            for j in range(loads):
                k = 4 * (j * lanes + lane)
                if k < n:
                    h[4 * j], h[4 * j + 1], h[4 * j + 2], h[4 * j + 3] = load4(x, at + k)

        def nothing(h, x, at, n, lane, lanes):
            pass

        return device(fetch if loads else nothing)

    def fold(
        self,
        combine: Callable[..., Any],
        take: Callable[..., Any],
        identity: Any,
        holds: DType,
        operands: int = 1,
        numbers: int = 0,
    ) -> Callable[..., Any]:
        """``fold(h, x, ..., at, inner, n, lane, lanes, ...)``: every thread gets the whole team's total."""
        known = {
            "combine": combine,
            "take": device(take),
            "identity": identity,
            "LOADS": self.loads,
            "together": self.team.fold(combine, holds),
        }
        return device(build(f"fold_{self.name}", fold_source(self.kind, operands, numbers), known, "fold"))

    def write(self, rule: Callable[..., Any], operands: int = 1, numbers: int = 0) -> Callable[..., Any]:
        """``write(out, h, x, ..., at, inner, n, lane, lanes, ...)``"""
        known = {"rule": device(rule), "LOADS": self.loads}
        return device(build(f"write_{self.name}", write_source(self.kind, operands, numbers), known, "write"))


BY_BLOCK, BY_THREAD, ROWS = Walk("single", BLOCK), Walk("single", THREAD), Walk("wide", BLOCK)


def are_aligned(*arrays: DeviceArray) -> bool:
    """Whether four elements can be loaded at once, from multiples of four on."""
    return not any(x.address % 16 for x in arrays)


def single(found: Lines) -> Walk:
    """The walk that goes along any lines."""
    return BY_THREAD if found.team is THREAD else BY_BLOCK


def walk_for(found: Lines, *arrays: DeviceArray, hold: bool = True) -> Walk:
    """How to go along the lines of these arrays. ``hold`` if there are several sweeps."""
    if found.team is THREAD or found.inner > 1 or not are_aligned(*arrays):
        return single(found)
    loads = -(-found.n // (WIDE * threads_for(found.n)))
    if not hold or found.n % WIDE or loads * WIDE * arrays[0].itemsize > HELD_BYTES:
        return ROWS
    return Walk("held", BLOCK, 2 if loads <= 2 else 4 if loads <= 4 else 8)
