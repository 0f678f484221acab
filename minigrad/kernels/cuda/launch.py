"""Launching: a kernel is compiled once for each signature, and then started with as little Python as can be.

An operand is a :class:`DeviceArray`, of which the kernel gets the address, or a number. The arguments are written
one after the other as in a C struct, which is what the driver copies to the device.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.np.numpy_support import from_dtype

from minigrad.dtypes import DType, uint8
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda import shim
from minigrad.kernels.cuda.array import DeviceArray, PendingArray
from minigrad.kernels.cuda.driver import Size
from minigrad.kernels.cuda.memory import Memory
from minigrad.kernels.cuda.shim import THREADS

ADDRESSED = {DeviceArray, PendingArray, Memory}  # what a kernel gets the address of

WAVES = 8  # blocks for each multiprocessor, where a kernel's blocks go on with what is left

#: Every kernel that was made, so that a test can compile all of them.
made: list[Kernel] = []


def storage(dtype: DType) -> DType:
    """What a kernel sees elements as: bools are bytes of 0 and 1 in memory."""
    return uint8 if dtype.kind == "b" else dtype


class Argument:
    """The type of a kernel's argument: a pointer to elements, or one number."""

    def __init__(self, dtype: Any, *, pointer: bool) -> None:
        self.dtype, self.pointer = storage(np.dtype(dtype)), pointer
        self.code = "Q" if pointer else self.dtype.char

    @property
    def type(self) -> Any:
        """Numba's name for it."""
        inner = getattr(shim.types, self.dtype.name, None) or from_dtype(self.dtype)
        return shim.types.CPointer(inner) if self.pointer else inner


def pointer(dtype: Any) -> Argument:
    """An array."""
    return Argument(dtype, pointer=True)


def number(dtype: Any) -> Argument:
    """A number, given when the kernel is started."""
    return Argument(dtype, pointer=False)


INT = number(np.int64)


class Kernel:
    """A function in Python as a kernel, for arguments of certain types.

    ``kernel(grid, block, *arguments)`` starts it on the device of the first argument, which is an array.
    """

    def __init__(
        self, name: str, function: Callable[..., None], *takes: Argument, shared: int = 0, contract: bool = True
    ) -> None:
        function.__name__ = function.__qualname__ = name  # what a profiler shows
        self.name, self.function, self.takes, self.shared = name, function, takes, shared
        self.contract = contract  # whether the compiler may round a product and a sum at once
        self.pointers = max(k for k, argument in enumerate(takes, 1) if argument.pointer)  # then come numbers
        self.layout = struct.Struct("@" + "".join(argument.code for argument in takes))
        self.loaded: dict[int, int] = {}  # the driver's handle, by device
        made.append(self)

    def ptx(self, capability: tuple[int, int]) -> str:
        """The kernel as NVIDIA's portable assembly, for a compute capability such as (9, 0)."""
        signature = shim.types.void(*(argument.type for argument in self.takes)).args
        return shim.compile_ptx(self.function, signature, capability, contract=self.contract)

    def __call__(self, grid: int | Size, block: int | Size, *arguments: Any) -> None:
        devices.settle(arguments)
        self.start(devices.device(arguments[0].device), grid, block, *arguments)

    def start(self, place: devices.Device, grid: int | Size, block: int | Size, *arguments: Any) -> None:
        """Start it, where nothing that was put off can be touched by it. An array may be given as its memory."""
        grid = (grid, 1, 1) if isinstance(grid, int) else grid
        block = (block, 1, 1) if isinstance(block, int) else block
        if 0 in grid:
            return
        place.launches += 1
        if shim.SIMULATED:
            self._simulate(place.driver, grid, block, arguments)
            return
        index = place.index
        function = self.loaded.get(index)
        if function is None:
            function = self.loaded[index] = place.driver.load(index, self.ptx(place.capability), self.shared)
        given = [x.address if type(x) in ADDRESSED else x for x in arguments[: self.pointers]]
        given += arguments[self.pointers :]
        stream = devices.current.streams.get(index, 0)
        place.driver.launch(index, function, grid, block, self.shared, stream, self.layout, given)

    def _simulate(self, driver: Any, grid: Size, block: Size, arguments: tuple[Any, ...]) -> None:
        found = []
        for x, takes in zip(arguments, self.takes, strict=True):
            if takes.pointer:
                is_memory = type(x) is Memory
                assert is_memory or storage(x.dtype) == takes.dtype, (self.name, x.dtype, takes.dtype)
                found.append(driver.pointer(x.address, takes.dtype) if is_memory or x.size else None)
            else:
                found.append(takes.dtype.type(x) if takes.dtype.kind == "f" else operator.index(x))
        driver.launch(self.function, grid, block, tuple(found))


def blocks(x: DeviceArray, items: int, threads: int = THREADS) -> int:
    """How many blocks share ``items`` pieces of work, one for each thread, and going on with what is left."""
    return blocks_on(devices.device(x.device), items, threads)


def blocks_on(place: devices.Device, items: int, threads: int = THREADS) -> int:
    """:func:`blocks` on that device."""
    return min(-(-items // threads), WAVES * place.processors)
