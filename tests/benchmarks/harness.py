"""Timing calls against each other: the same inputs, in turn, many rounds, ratios of one round to the next."""

from __future__ import annotations

import gc
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

try:
    from threadpoolctl import threadpool_limits
except ImportError:
    threadpool_limits = None  # and NumPy, whose threads it limits, is no contender

OURS = "minigrad"
ROUNDS = 15
SECONDS = 0.004  # of one contender in one round, at least


@dataclass
class Case:
    """One piece of work and who does it.

    Attributes:
        work: what is done, for the table.
        reach: the speed aimed at, as a multiple of the fastest peer's.
        calls: for each contender, one call for each set of inputs; the sets are taken in rotation.
        expected: the right results, one for each set of inputs, in float64; None if the calls have none.
        tolerance: the largest difference from them, relative to the largest of them.
    """

    work: str
    reach: float
    calls: dict[str, list[Callable[[], Any]]]
    expected: list[np.ndarray] | None = None
    tolerance: float = 1e-5


@dataclass
class Result:
    """Seconds a call for each contender, one for each round."""

    case: Case
    seconds: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def peer(self) -> str:
        """The fastest of the others; minigrad itself, where no other is installed."""
        others = [name for name in self.seconds if name != OURS]
        return min(others, key=lambda name: np.median(self.seconds[name]), default=OURS)

    @property
    def ratios(self) -> np.ndarray:
        """The peer's time over ours, round by round: above 1, minigrad is faster."""
        return self.seconds[self.peer] / self.seconds[OURS]

    def row(self) -> list[str]:
        if self.peer == OURS:
            return [
                self.case.work,
                duration(np.median(self.seconds[OURS])),
                "none",
                "",
                f"{self.case.reach:g}",
                "",
            ]
        low, middle, high = np.percentile(self.ratios, [25, 50, 75])
        reached = "yes" if middle >= self.case.reach else "no"
        return [
            self.case.work,
            duration(np.median(self.seconds[OURS])),
            f"{self.peer} {duration(np.median(self.seconds[self.peer]))}",
            f"**{middle:.2f}** ({low:.2f} to {high:.2f})",
            f"{self.case.reach:g}",
            reached,
        ]


HEAD = ["work", "minigrad", "fastest peer", "speed ratio (quartiles)", "aim", "reached"]


def duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def check(case: Case) -> None:
    """Every contender's results against the expected ones."""
    for name, calls in case.calls.items():
        for call, expected in zip(calls, case.expected or (), strict=False):
            got = np.asarray(call(), np.float64)
            scale = max(float(np.abs(expected).max(initial=0)), 1e-30)
            error = float(np.abs(got - expected).max(initial=0)) / scale
            if not error <= case.tolerance:
                raise AssertionError(f"{case.work}: {name} is off by {error:.2g} relative to the largest element")


def measure(case: Case, rounds: int = ROUNDS) -> Result:
    check(case)
    loops = {name: _loops(calls) for name, calls in case.calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in case.calls}
    names = list(case.calls)
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                seconds[name].append(_time(case.calls[name], loops[name]))
    finally:
        gc.enable()
    return Result(case, {name: np.array(times) for name, times in seconds.items()})


def _time(calls: list[Callable[[], Any]], loops: int) -> float:
    started = time.perf_counter()
    for _ in range(loops):
        for call in calls:
            call()
    return (time.perf_counter() - started) / (loops * len(calls))


def _loops(calls: list[Callable[[], Any]]) -> int:
    """How often to go through the inputs so that a round lasts long enough; also warms up."""
    loops = 1
    while (taken := _time(calls, loops) * loops * len(calls)) < SECONDS / 2:
        loops *= 2
    return max(1, round(loops * SECONDS / taken))


def table(results: list[Result]) -> str:
    rows = [HEAD, ["---"] * len(HEAD), *(result.row() for result in results)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def geometric_mean(results: list[Result]) -> float:
    return float(np.exp(np.mean([np.log(np.median(result.ratios)) for result in results])))


@contextmanager
def threads(n: int) -> Iterator[None]:
    """The same number of threads for everybody."""
    import minigrad as mg

    before = mg.get_num_threads()
    mg.set_num_threads(n)
    try:
        import torch

        torch.set_num_threads(n)
    except ImportError:
        pass
    with threadpool_limits(n) if threadpool_limits else nullcontext():
        yield
    mg.set_num_threads(before)


def machine() -> str:
    """The processor, the system and the versions, as one paragraph."""
    import importlib.metadata

    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        model = next(
            (x.split(":")[1].strip() for x in cpuinfo.read_text().splitlines() if "model name" in x), model
        )
    versions = []
    for package in ("numpy", "numba", "llvmlite", "torch"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"without {package}")
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        + ", ".join(versions)
    )
