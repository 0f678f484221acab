"""How many threads the kernels use."""

from __future__ import annotations

import importlib
from typing import Any


def _kernels() -> Any:
    return importlib.import_module("minigrad.kernels.cpu.threads")  # loads Numba, hence not at import


def get_num_threads() -> int:
    """The number of threads that a kernel with enough to do uses; at first, one for each processor."""
    found: int = _kernels().get_num_threads()
    return found


def set_num_threads(n: int) -> None:
    """Let kernels use ``n`` threads, from 1 to the number of processors.

    The results do not depend on it. Raises TypeError for anything but an int, ValueError for one out of range.

    >>> import minigrad as mg
    >>> before = mg.get_num_threads()
    >>> mg.set_num_threads(1)
    >>> mg.get_num_threads()
    1
    >>> mg.set_num_threads(before)
    """
    _kernels().set_num_threads(n)
