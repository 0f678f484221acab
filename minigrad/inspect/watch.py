"""A watch on the kernels: every call of one, with its arrays and its time."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextvars import ContextVar
from time import perf_counter
from typing import Any, Self

import numpy as np

from minigrad import kernels
from minigrad.kernels import Array
from minigrad.modes import Switch, current_mode

#: What is told of every call: the kernel's name, its arrays, when it began and when it ended.
Watcher = Callable[[str, list[Array], float, float], None]

_watcher: ContextVar[Watcher | None] = ContextVar("minigrad kernel watcher", default=None)

_SUFFIX = ", watched"


class watch_kernels(Switch):
    """Tell ``watcher(name, arrays, start, end)`` of every kernel that is called; with other changes of mode.

    >>> import minigrad as mg
    >>> with watch_kernels(lambda name, arrays, start, end: print(name, [a.shape for a in arrays])):
    ...     y = mg.ones(2, 3) + 1
    add [(2, 3), ()]
    """

    def __init__(self, watcher: Watcher, **changes: Any) -> None:
        self.target = plain_target()
        super().__init__(target=_watched(self.target), **changes)
        self.watcher = watcher

    def __enter__(self) -> Self:
        self._before = _watcher.set(self.watcher)
        return super().__enter__()

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        _watcher.reset(self._before)


def plain_target() -> str:
    """The kernels that compute here, whether somebody watches them or not."""
    return current_mode().target.removesuffix(_SUFFIX)


def kernels_made() -> int:
    """How many kernels of the present target were compiled or loaded in this process; the reference has none."""
    if plain_target() == "reference":
        return 0
    found: int = importlib.import_module("minigrad.kernels.cpu.compile").kernels_made()
    return found


def _watched(target: str) -> str:
    """The name under which the kernels of a target are found with a watch on them.

    The name stays: what is computed again later, as a checkpoint is, asks for it, and finds nobody watching.
    """
    name = target + _SUFFIX
    if name not in kernels.loaded:
        kernels.loaded[name] = _Watched(target)  # type: ignore[assignment]
    return name


class _Watched:
    """The kernels of a target, each of whose calls tells the watcher, if there is one."""

    def __init__(self, target: str) -> None:
        self._kernels = kernels.load(target)

    def __getattr__(self, name: str) -> Any:
        kernel = getattr(self._kernels, name)

        def watched(*args: Any, **parameters: Any) -> Any:
            watcher = _watcher.get()
            if watcher is None:
                return kernel(*args, **parameters)
            start = perf_counter()
            result = kernel(*args, **parameters)
            end = perf_counter()
            watcher(name, [array for array in args if isinstance(array, np.ndarray)], start, end)
            return result

        setattr(self, name, watched)  # so that the next call finds it at once
        return watched
