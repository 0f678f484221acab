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

from minigrad.dtypes import FLOATS, DType, int64
from minigrad.kernels import Array, cpu, reference
from minigrad.kernels.cpu import compile as compiling
from minigrad.kernels.windows import Windows

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
        (name, function, dtype)
        for name, function in inspect.getmembers(reference, inspect.isfunction)
        if function.__module__.startswith(reference.__name__) and getattr(cpu, name) is not function
        for dtype in dtypes(name)
    ]
    for number, (name, function, dtype) in enumerate(jobs, 1):
        yield f"{name} {dtype}", number, len(jobs)
        for side in (2, 1024):
            for arguments, options in samples(function, dtype, side):
                getattr(cpu, name)(*arguments, **options)


def dtypes(name: str) -> tuple[DType, ...]:
    """The dtypes for which there are kernels of a function that take long to compile."""
    return (int64,) if name.startswith("bitwise") else FLOATS


def samples(function: Callable[..., Any], dtype: DType, side: int) -> Iterator[Arguments]:
    """Two sets of arguments for a function of the reference, by its parameters; arrays are of side x side.

    The sets differ in what there may be two kernels for: the dim, few rows or many, a momentum or none.
    """
    parameters = inspect.signature(function).parameters
    row: Array = np.ones(side, dtype)
    label = np.zeros(side, int64)
    numbers = {"float": 0.5, "int": 1, "bool": False}
    for dim in (0, 1):
        x: Array = np.full((side, side), 0.5, dtype)
        kinds = {"Array | None": (None, x)[dim], "Dims": x.shape, "Any": (label,), **numbers}
        names: dict[str, Any] = {"dim": dim, "dims": (dim,), "condition": x > 0}
        if function.__name__.startswith("cross_entropy"):
            names = {"y": label, "dl": row}
        elif function.__name__ in ("matmul", "linear"):
            names = {"x": x[: (1, side)[dim]], "y": x.T, "b": row}
        elif function.__name__.startswith("resample"):
            names |= {"index": label[:, None], "weight": np.ones((side, 1)), "size": side}
        elif function.__module__.endswith(("convolution", "pooling")):
            names |= windows_of(x)
        elif function.__module__.endswith("recurrent"):
            names |= sequence_for(function.__name__, side, dtype, has_bias=bool(dim))
        values = {n: names.get(n, kinds.get(p.annotation, x)) for n, p in parameters.items()}
        options = {n: values.pop(n) for n, p in parameters.items() if p.kind is p.KEYWORD_ONLY}
        yield tuple(values.values()), options


def sequence_for(name: str, B: int, dtype: DType, *, has_bias: bool) -> dict[str, Any]:
    """Arguments for a recurrent layer: one step of B sequences, with 64 numbers in a state."""
    T, H = 1, 64
    gates, stacked = {"lstm": (4, (6,)), "gru": (3, (5,))}.get(name.removesuffix("_backward"), (1, ()))
    shapes = {"z": (T, B, gates * H), "h0": (B, H), "c0": (B, H), "W": (gates * H, H), "b": (gates * H,)}
    shapes |= {"y": (*stacked, T + 1, B, H), "dy": (*stacked, T + 1, B, H)}
    found: dict[str, Any] = {name: np.full(shape, 0.5, dtype) for name, shape in shapes.items()}
    return found if has_bias else found | {"b": None}


def windows_of(x: Array) -> dict[str, Any]:
    """Arguments for windows of one element over an image."""
    side = len(x)
    at = Windows((1, 1), (1, 1), (0, 0), (1, 1), (side, side))
    of_conv = {"z": np.ones((1, 4, side, side), x.dtype), "W": np.ones((4, 1, 1, 1), x.dtype), "b": None, "at": at}
    ones, zeros = np.ones(side), np.zeros((1, 1, side, side), np.int64)
    of_pool = {"dy": x[None, None], "spans": at.spans(x.shape), "counts": (ones, ones), "pooled": 2}
    return {"x": x[None, None], "index": zeros, "size": x.shape, **of_conv, **of_pool}
