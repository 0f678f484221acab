"""The compiled kernels on disk: what is there, compile all of them ahead of time, throw them away.

A kernel is compiled when it is first needed, so none of this has to be called; ``python -m minigrad cache`` does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.kernels import cpu, reference
from minigrad.kernels.cpu import compile as compiling

FLOATS = (np.float32, np.float64)
Arguments = tuple[tuple[Any, ...], dict[str, Any]]  # by position, by name


@dataclass(frozen=True)
class Stored:
    """One file: the machine code of one kernel for one signature and processor."""

    path: Path
    bytes: int
    is_current: bool  # made from the sources as they are now


def directory() -> Path | None:
    """Where compiled kernels are kept, or None if no place can be written to."""
    store = compiling.store()
    return None if store is None else Path(store.locator.get_cache_path())


def stored() -> list[Stored]:
    """The files, by name."""
    here = directory()
    paths = sorted(here.glob("*.kernel")) if here and here.is_dir() else []
    return [Stored(path, path.stat().st_size, _is_current(path)) for path in paths]


def _is_current(path: Path) -> bool:
    content = path.read_bytes()
    return content[:32] == compiling.seal(content[32:])


def clear() -> int:
    """Delete the files; how many there were. Kernels already loaded go on working."""
    files = stored()
    for file in files:
        file.path.unlink(missing_ok=True)
    return len(files)


def fill() -> Iterator[tuple[str, int, int]]:
    """Compile every kernel, for one thread and for several, and yield its name, its number and how many there are.

    Each function of the contract is called with a few elements and with as many as are worth several threads.
    """
    jobs = [
        (f"{name} {np.dtype(dtype)}", getattr(cpu, name), dtype)
        for name, function in inspect.getmembers(reference, inspect.isfunction)
        if function.__module__.startswith(reference.__name__) and getattr(cpu, name) is not function
        for dtype in FLOATS
    ]
    for number, (name, function, dtype) in enumerate(jobs, 1):
        yield name, number, len(jobs)
        for side in (2, 1024):
            for arguments, options in samples(function, dtype, side):
                function(*arguments, **options)


def samples(function: Callable[..., Any], dtype: Any, side: int) -> Iterator[Arguments]:
    """Arguments for a function of the contract, chosen by the names of its parameters; arrays of side x side."""
    x = np.full((side, side), 0.5, dtype)
    row, label = np.ones(side, dtype), np.zeros(side, np.int64)
    names = tuple(inspect.signature(function).parameters)
    if names[:2] == ("p", "g"):
        yield from _steps(names, x)
    elif names[:1] == ("x",) and "W" in names:
        for rows in (1, side):
            yield (x[:rows], x, row), {}
    elif function.__name__ == "matmul":
        for rows in (1, side):
            for y in (x, x.T):
                yield (x[:rows], y), {}
    elif "dims" in names:
        for dims in ((0,), (1,)):
            yield (x, dims, False), {}
    elif "dim" in names:
        arrays = [x] * (names.index("dim"))
        for dim in (0, 1):
            yield (*arrays, dim, *([False] if "keepdim" in names else [])), {}
    elif function.__name__ == "cross_entropy":
        yield (x, label), {}
    elif function.__name__ == "cross_entropy_backward":
        yield (row, x, row, label), {}
    else:
        yield (x,) * len(names), {}


def _steps(names: tuple[str, ...], x: np.ndarray[Any, Any]) -> Iterator[Arguments]:
    p, g, m, s = (x.copy() for _ in range(4))
    if "v" in names:
        options = {"lr": 0.1, "momentum": 0.9, "dampening": 0.0, "weight_decay": 0.0}
        options |= {"nesterov": False, "first": False}
        yield (p, g, None), options
        yield (p, g, m), options
    else:
        yield (p, g, m, s), {"lr": 0.1, "beta1": 0.9, "beta2": 0.9, "eps": 1e-8, "weight_decay": 0.0, "step": 1}
