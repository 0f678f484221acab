"""The devices of this machine, and on which of them, and on which stream, a thread works.

Nothing is asked of the driver before a device is used. If none can be, the error says which is missing, the
driver, a device or the compiler, and what to do.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Sequence
from typing import Any

from minigrad.kernels import taking
from minigrad.kernels.cuda import driver as nvidia
from minigrad.kernels.cuda import shim
from minigrad.kernels.cuda.memory import Cache

__all__ = ["find"]


@functools.cache
def driver() -> Any:
    """The way to the devices: NVIDIA's driver, or the simulator. Raises RuntimeError where there is none."""
    if shim.SIMULATED:
        return shim.machine()
    try:
        return nvidia.Driver()
    except OSError:
        raise RuntimeError(
            "driver: this machine has no NVIDIA driver (libcuda.so.1): install it, from "
            "https://www.nvidia.com/drivers or by the system's package manager"
        ) from None
    except nvidia.DriverError as error:
        raise RuntimeError(f"driver: NVIDIA's driver is installed, but does not start: {error}") from None


def missing() -> str | None:
    """What is missing for the use of a GPU, and what to do, or None if nothing is."""
    try:
        found = driver().count()
    except RuntimeError as error:
        return str(error)
    if not found:
        return "device: the driver finds no NVIDIA GPU: look at nvidia-smi, and at CUDA_VISIBLE_DEVICES"
    return shim.missing_compiler()


def count() -> int:
    """How many devices can be used."""
    return 0 if missing() else int(driver().count())


class Device:
    """One device: its number, its memory, and what is compiled for it."""

    def __init__(self, index: int) -> None:
        self.index, self.driver = index, driver()
        self.memory = Cache(self.driver, index)
        self.capability: tuple[int, int] = self.driver.capability(index)
        self.processors: int = self.driver.processors(index)
        self.launches = 0  # kernels that were started


@functools.cache
def device(index: int) -> Device:
    """The device of that number. Raises RuntimeError if CUDA cannot be used, ValueError for no device."""
    lacking = missing()
    if lacking:
        raise RuntimeError(f"CUDA cannot be used here. What is missing is the {lacking}")
    if not 0 <= index < count():
        raise ValueError(f"there is no device 'cuda:{index}': this machine has {count()}, numbered from 0")
    return Device(index)


class Current(threading.local):
    """Where a thread works: the device that is meant by "cuda", and the stream of each device."""

    def __init__(self) -> None:
        self.device = 0
        self.streams: dict[int, int] = {}  # the handle, where it is not the device's default stream
        self.chain: Any = None  # elementwise work that is put off: chain.py
        self.fuses = True  # whether any is
        self.together = False  # whether the steps of an optimiser wait for each other: foreach.py


current = Current()

lock = threading.RLock()  # for chains, which are changed and started by one thread at a time

#: The chains of all threads that were not started yet, by weak references, which leave with what they refer to.
waiting: set[weakref.ref[Any]] = set()


def chains() -> list[Any]:
    """Those that are waiting."""
    return [chain for reference in list(waiting) if (chain := reference()) is not None]


def flush() -> None:
    """Start what this thread has put off."""
    chain, current.chain = current.chain, None
    if chain is not None:
        chain.run()


def flush_all() -> None:
    """Start what any thread has put off."""
    flush()
    with lock:
        for chain in chains():
            chain.run()


def settle(changed: Sequence[Any]) -> None:
    """Before these arrays may be changed, start what this thread has put off, and what of others reads them."""
    flush()
    if waiting:
        with lock:
            for chain in chains():
                chain.make_way(changed)


def stream(index: int) -> int:
    """The stream on which this thread works on a device; 0 is the default one."""
    return current.streams.get(index, 0)


def check_not_noting(what: str) -> None:
    """Raise RuntimeError while a graph takes notes: ``what`` could not be repeated."""
    if taking.notes is not None:
        raise RuntimeError(f"mg.cuda.graph: {what}, and so a graph could not repeat it")


def parse(name: str) -> int:
    """The number of the device that a name such as "cuda:1" means; "cuda" is the current one.

    >>> parse("cuda:1")
    1
    """
    _, _, number = name.partition(":")
    return int(number) if number else current.device


def find(name: str) -> int:
    """The number of the device of that name. Raises as :func:`device`."""
    return device(parse(name)).index
