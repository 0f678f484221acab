"""The GPU that is none: Numba's CUDA simulator, with memory of its own and threads that take turns.

``cuda`` stands for ``numba.cuda`` inside kernels: ``cuda.grid(1)``, ``cuda.atomic``, ``cuda.fma`` and so on are
Numba's own, of the grid that is running. Some things are done in another way. Threads run one after another, each
to its end, or until it waits at the next ``syncthreads()``, rather than all at once: a test gives the same result
every time, and takes a hundredth of the time. And warps shuffle, which Numba's simulator does not know.

Memory is a :class:`Pointer`: outside its block of memory there is an IndexError where a GPU would read anything.
"""

from __future__ import annotations

import functools
import itertools
import sys
import threading
from bisect import bisect_right
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np
from numba import types
from numba.cuda.simulator.kernelapi import Dim3, FakeCUDAModule
from numba.np.numpy_support import as_dtype

from minigrad.dtypes import DType
from minigrad.kernels import Array

Size = tuple[int, int, int]

# -- inside a kernel ------------------------------------------------------------------------------------------


class Cuda:
    """What a kernel knows as ``cuda``: the names of the grid that is running."""

    running: Grid

    def __getattr__(self, name: str) -> Any:
        if name == "running" or name.startswith("__"):
            raise AttributeError(name)  # no kernel is running, and nobody asks for these inside one
        return getattr(self.running, name)


cuda = Cuda()


class Place:
    """A thread of a block: where it stands, and what it shows its neighbours."""

    def __init__(self, block: Size, thread: Size, sizes: Size) -> None:
        self.blockIdx, self.threadIdx = Dim3(*block), Dim3(*thread)
        self.number = thread[0] + sizes[0] * (thread[1] + sizes[1] * thread[2])


class Stopped(RuntimeError):
    """Another thread of the block has failed."""


class Turn(Place):
    """A thread that runs while it has the turn, in a thread of Python of its own."""

    def __init__(self, kernel: Callable[[], None], *place: Size) -> None:
        super().__init__(*place)
        self.mine, self.over = threading.Semaphore(0), threading.Semaphore(0)
        self.is_done = self.is_stopped = False
        self.result = workers.submit(self.run, kernel)

    def run(self, kernel: Callable[[], None]) -> None:
        """The whole of it, from the first turn on."""
        self.mine.acquire()
        try:
            with np.errstate(all="ignore"):
                if not self.is_stopped:
                    kernel()
        finally:
            self.is_done = True
            self.over.release()

    def go_on(self) -> None:
        """Let it run until it waits for the others, or has ended."""
        self.mine.release()
        self.over.acquire()

    def wait(self) -> None:
        """Let the others come as far."""
        self.over.release()
        self.mine.acquire()
        if self.is_stopped:
            raise Stopped


workers = ThreadPoolExecutor(
    1024, "CUDA simulator"
)  # as many threads as a block may have; made as they are needed


class Grid(FakeCUDAModule):  # type: ignore[misc]
    """Numba's ``cuda`` inside a kernel, for one size of grid and block."""

    def __init__(self, grid: Size, block: Size) -> None:
        super().__init__(grid, block, 0)
        self.sizes, self.thread = block, Place((0, 0, 0), (0, 0, 0), block)
        self.arrays: dict[Any, Array] = {}  # shared memory, by the line that asks for it
        self.shown: dict[int, Any] = {}  # by thread

    @property
    def threadIdx(self) -> Dim3:
        return self.thread.threadIdx

    @property
    def blockIdx(self) -> Dim3:
        return self.thread.blockIdx

    @property
    def shared(self) -> Grid:
        return self

    def array(self, shape: Any, dtype: Any) -> Array:
        """The array in shared memory that belongs to the line of the kernel that calls this."""
        line = sys._getframe(1)
        caller = line.f_back  # shared.py has one line for all
        key = line.f_code, line.f_lineno, caller and (caller.f_code, caller.f_lineno), dtype
        if key not in self.arrays:
            self.arrays[key] = np.empty(shape, as_dtype(dtype) if isinstance(dtype, types.Type) else dtype)
        return self.arrays[key]

    def syncthreads(self) -> None:
        self.thread.wait()

    def shfl_xor_sync(self, mask: int, value: Any, lanes: int) -> Any:
        """The value of the thread whose number differs in the bits ``lanes``; every thread calls it."""
        me = self.thread
        self.shown[me.number] = value
        me.wait()
        found = self.shown[me.number ^ lanes]
        me.wait()
        return found

    def run(self, block: Size, kernel: Callable[[], None], *, together: bool) -> None:
        """Run one block: its threads one after the other, or, if they wait for each other, in turns."""
        self.arrays.clear()
        places = [(block, thread, self.sizes) for thread in np.ndindex(*self.sizes)]
        if not together:
            with np.errstate(all="ignore"):
                for place in places:
                    self.thread = Place(*place)
                    kernel()
            return
        waiting = [Turn(kernel, *place) for place in places]
        while waiting:
            for thread in waiting:
                self.thread = thread
                thread.go_on()
                failed = thread.is_done and thread.result.exception()
                if failed:
                    self.stop(waiting)
                    raise failed
            waiting = [thread for thread in waiting if not thread.is_done]

    def stop(self, waiting: list[Turn]) -> None:
        """End the threads that wait for one that has failed."""
        for thread in waiting:
            thread.is_stopped = True
            if not thread.is_done:
                thread.go_on()


grid_of = functools.lru_cache(256)(Grid)


def waits(function: Any, seen: frozenset[Any] = frozenset()) -> bool:
    """Whether the threads of a kernel wait for each other, in it or in a function that it calls."""
    code = getattr(function, "__code__", None)
    if code is None or function in seen:
        return False
    if {"syncthreads", "shfl_xor_sync"} & set(code.co_names):
        return True
    closure = [cell.cell_contents for cell in function.__closure__ or ()]
    names = [function.__globals__.get(name) for name in code.co_names]
    return any(waits(found, seen | {function}) for found in (*closure, *names))


is_cooperative = functools.cache(waits)


class Pointer:
    """The elements from an address on, within their block of memory: what a pointer is to a kernel."""

    def __init__(self, memory: Array, start: int) -> None:
        self.memory, self.start = memory, start

    def place(self, i: Any) -> int:
        """Where element ``i`` is in the block. Raises IndexError outside it."""
        at = self.start + int(i)
        if not 0 <= at < self.memory.size:
            raise IndexError(f"element {i} is outside the memory of {self.memory.size} elements")
        return at

    def __getitem__(self, i: Any) -> Any:
        return self.memory[self.place(i)]

    def __setitem__(self, i: Any, value: Any) -> None:
        at = self.place(i)
        try:
            self.memory[at] = value
        except (ValueError, OverflowError):  # NumPy refuses NaN and what is too large; a GPU writes something
            self.memory[at] = np.asarray(value).astype(self.memory.dtype)


# -- the machine ----------------------------------------------------------------------------------------------


class Simulator:
    """A driver, as :class:`driver.Driver` is one, whose device memory is the host's."""

    ALIGNMENT = 512

    def __init__(self, devices: int = 2, memory: int = 1 << 30) -> None:
        self.devices, self.memory = devices, memory
        self.blocks: dict[int, Array] = {}  # by address
        self.owners: dict[int, int] = {}  # the devices that they are on
        self.following = self.ALIGNMENT
        self.allocations = 0  # how often memory was asked for
        self.handles = itertools.count(1)
        self.noted: list[Callable[[], None]] | None = None  # what a graph is to repeat
        self.graphs: dict[int, list[Callable[[], None]]] = {}
        self.times: dict[int, float] = {}

    def count(self) -> int:
        return self.devices

    def name(self, device: int) -> str:
        return "Numba's CUDA simulator"

    def capability(self, device: int) -> tuple[int, int]:
        return 0, 0

    def processors(self, device: int) -> int:
        return 2

    def memory_info(self, device: int) -> tuple[int, int]:
        used = sum(block.nbytes for block in self.blocks.values())
        return self.memory - used, self.memory

    def allocate(self, device: int, size: int) -> int | None:
        """The address of new memory, or None if there is none left."""
        self.allocations += 1
        if size > self.memory_info(device)[0]:
            return None
        address = self.following
        self.following += (size // self.ALIGNMENT + 1) * self.ALIGNMENT
        self.owners[address] = device
        self.blocks[address] = np.full(size, 0xA5, np.uint8)  # nobody may count on zeros
        return address

    def release(self, device: int, address: int) -> None:
        self.check_not_noting()
        del self.blocks[address], self.owners[address]

    def bytes_at(self, address: int, size: int) -> Array:
        """The bytes from an address on."""
        starts = sorted(self.blocks)
        start = starts[bisect_right(starts, address) - 1]
        found = self.blocks[start][address - start : address - start + size]
        assert found.size == size, "outside the device's memory"
        return found

    def pointer(self, address: int, dtype: DType) -> Pointer:
        """What a kernel gets for an address."""
        starts = sorted(self.blocks)
        start = starts[bisect_right(starts, address) - 1]
        block = self.blocks[start]
        whole = block[: block.size // dtype.itemsize * dtype.itemsize].view(dtype)
        return Pointer(whole, (address - start) // dtype.itemsize)

    def device_at(self, address: int) -> int:
        starts = sorted(self.blocks)
        return self.owners[starts[bisect_right(starts, address) - 1]]

    def upload(self, device: int, address: int, array: Array, stream: int) -> None:
        self.check_not_noting()
        self.bytes_at(address, array.nbytes)[:] = array.reshape(-1).view(np.uint8)

    def download(self, device: int, array: Array, address: int, stream: int) -> None:
        self.check_not_noting()
        array.reshape(-1).view(np.uint8)[:] = self.bytes_at(address, array.nbytes)

    def copy(self, device: int, to: int, address: int, size: int, stream: int) -> None:
        target, source = self.bytes_at(to, size), self.bytes_at(address, size)
        self.do(lambda: np.copyto(target, source.copy()))

    def synchronize(self, device: int, stream: int | None = None) -> None:
        """Everything is done when it is asked for."""
        self.check_not_noting()

    def launch(self, kernel: Callable[..., None], grid: Size, block: Size, arguments: tuple[Any, ...]) -> None:
        """Run a kernel, one block after another."""
        self.do(lambda: run(kernel, grid, block, arguments))

    def do(self, work: Callable[[], None]) -> None:
        """Do something now, or note it for a graph."""
        if self.noted is None:
            work()
        else:
            self.noted.append(work)

    # -- streams, events and graphs: everything is done in the order in which it is asked for ------------------

    def new_stream(self, device: int) -> int:
        return next(self.handles)

    def is_done(self, device: int, stream: int) -> bool:
        return True

    def new_event(self, device: int, timing: bool) -> int:
        return next(self.handles)

    def end_event(self, device: int, event: int) -> None:
        self.times.pop(event, None)

    def record(self, device: int, event: int, stream: int) -> None:
        self.times[event] = perf_counter()

    def wait(self, device: int, stream: int, event: int) -> None:
        """It has happened."""

    def wait_here(self, device: int, event: int) -> None:
        """It has happened."""

    def has_happened(self, device: int, event: int) -> bool:
        return True

    def milliseconds(self, device: int, start: int, end: int) -> float:
        return (self.times[end] - self.times[start]) * 1e3

    def begin_capture(self, device: int, stream: int) -> None:
        self.noted = []

    def abandon_capture(self, device: int, stream: int) -> None:
        self.noted = None

    def check_not_noting(self) -> None:
        """A driver refuses this while a graph takes notes, or notes what makes no sense later."""
        if self.noted is not None:
            raise RuntimeError("the driver cannot do this while it takes notes for a graph")

    def end_capture(self, device: int, stream: int) -> int:
        assert self.noted is not None
        handle = next(self.handles)
        self.graphs[handle], self.noted = self.noted, None
        return handle

    def launch_graph(self, device: int, graph: int, stream: int) -> None:
        for work in self.graphs[graph]:
            work()

    def end_graph(self, device: int, graph: int) -> None:
        del self.graphs[graph]


def run(kernel: Callable[..., None], grid: Size, block: Size, arguments: tuple[Any, ...]) -> None:
    """Run a kernel, one block after another."""
    cuda.running = running = grid_of(grid, block)
    together = is_cooperative(kernel)
    for place in np.ndindex(*grid):
        running.run(place, lambda: kernel(*arguments), together=together)
