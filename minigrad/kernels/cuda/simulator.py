"""The GPU that is none: Numba's CUDA simulator, with memory of its own and threads that take turns.

``cuda`` stands for ``numba.cuda`` inside kernels: ``cuda.threadIdx``, ``cuda.shared.array``,
``cuda.syncthreads()`` are Numba's own, of the block that is running. Two things are added. Threads run one after
another, each until it waits at the next ``syncthreads()``, rather than all at once: so a test gives the same
result every time, and takes a tenth of the time. And warps shuffle, which Numba's simulator does not know.

Memory is a :class:`Pointer`: outside its block of memory there is an IndexError where a GPU would read anything.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numba.cuda.simulator.kernel import BlockManager, BlockThread
from numba.cuda.simulator.kernelapi import FakeCUDAModule

Array = np.ndarray[Any, Any]
Size = tuple[int, int, int]

# -- inside a kernel ------------------------------------------------------------------------------------------


class Cuda:
    """What a kernel knows as ``cuda``."""

    running: FakeCUDAModule

    def __getattr__(self, name: str) -> Any:
        if name == "running" or name.startswith("__"):
            raise AttributeError(name)  # no kernel is running, and nobody asks for these inside one
        return getattr(self.running, name)

    def shfl_xor_sync(self, mask: int, value: Any, lanes: int) -> Any:
        """The value of the thread whose number differs in the bits ``lanes``; every thread calls it."""
        thread = threading.current_thread()
        return thread.exchange(value, thread.thread_id ^ lanes)  # type: ignore[attr-defined]

    def shfl_up_sync(self, mask: int, value: Any, delta: int) -> Any:
        """The value of the thread ``delta`` before; a warp's first threads get what their neighbours' warp has."""
        thread = threading.current_thread()
        return thread.exchange(value, max(thread.thread_id - delta, 0))  # type: ignore[attr-defined]


cuda = Cuda()


class Turn(BlockThread):  # type: ignore[misc]
    """A thread of a block, which runs while it has the turn."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.mine, self.over = threading.Semaphore(0), threading.Semaphore(0)
        self.is_done = False

    def run(self) -> None:
        self.mine.acquire()
        with np.errstate(all="ignore"):
            super().run()
        self.is_done = True
        self.over.release()

    def go_on(self) -> None:
        """Let it run until it waits for the others, or has ended."""
        self.mine.release()
        self.over.acquire()

    def syncthreads(self) -> None:
        self.over.release()
        self.mine.acquire()

    def exchange(self, value: Any, other: int) -> Any:
        """Show the others a value, and take the one of the thread ``other``."""
        values: dict[int, Any] = self._manager.values
        values[self.thread_id] = value
        self.syncthreads()
        found = values[other]
        self.syncthreads()
        return found


class Block(BlockManager):  # type: ignore[misc]
    """A block of threads that take turns."""

    def run(self, place: Size, *arguments: Any) -> None:
        self.values: dict[int, Any] = {}

        def kernel() -> None:
            self._f(*arguments)

        waiting = [Turn(kernel, self, place, point, False) for point in np.ndindex(*self._block_dim)]
        for thread in waiting:
            thread.start()
        while waiting:
            for thread in waiting:
                thread.go_on()
                if thread.exception:
                    raise thread.exception[0].with_traceback(thread.exception[1])
            waiting = [thread for thread in waiting if not thread.is_done]


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
        self.memory[self.place(i)] = value


# -- the machine ----------------------------------------------------------------------------------------------


class Simulator:
    """A driver, as :class:`driver.Driver` is one, whose device memory is the host's."""

    ALIGNMENT = 512

    def __init__(self, devices: int = 2, memory: int = 1 << 30) -> None:
        self.devices, self.memory = devices, memory
        self.blocks: dict[int, Array] = {}  # by address
        self.following = self.ALIGNMENT
        self.allocations = 0  # how often memory was asked for

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
        self.blocks[address] = np.full(size, 0xA5, np.uint8)  # nobody may count on zeros
        return address

    def release(self, device: int, address: int) -> None:
        del self.blocks[address]

    def bytes_at(self, address: int, size: int) -> Array:
        """The bytes from an address on."""
        starts = sorted(self.blocks)
        start = starts[bisect_right(starts, address) - 1]
        found = self.blocks[start][address - start : address - start + size]
        assert found.size == size, "outside the device's memory"
        return found

    def pointer(self, address: int, dtype: np.dtype[Any]) -> Pointer:
        """What a kernel gets for an address."""
        starts = sorted(self.blocks)
        start = starts[bisect_right(starts, address) - 1]
        block = self.blocks[start]
        whole = block[: block.size // dtype.itemsize * dtype.itemsize].view(dtype)
        return Pointer(whole, (address - start) // dtype.itemsize)

    def upload(self, device: int, address: int, array: Array, stream: int) -> None:
        self.bytes_at(address, array.nbytes)[:] = array.reshape(-1).view(np.uint8)

    def download(self, device: int, array: Array, address: int, stream: int) -> None:
        array.reshape(-1).view(np.uint8)[:] = self.bytes_at(address, array.nbytes)

    def copy(self, device: int, to: int, address: int, size: int, stream: int) -> None:
        self.bytes_at(to, size)[:] = self.bytes_at(address, size).copy()

    def synchronize(self, device: int, stream: int | None = None) -> None:
        """Everything is done when it is asked for."""

    def launch(
        self, kernel: Callable[..., None], grid: Size, block: Size, arguments: tuple[Any, ...]
    ) -> None:  # fmt: skip
        """Run a kernel, one block after another."""
        for place in places(grid, block):
            Block(kernel, grid, block, False).run(place, *arguments)


def places(grid: Size, block: Size) -> Iterator[Size]:
    """The blocks of a grid, with the ``cuda`` of each in force."""
    cuda.running = FakeCUDAModule(grid, block, 0)
    for place in np.ndindex(*grid):
        cuda.running._shared._allocations.clear()
        yield place  # type: ignore[misc]
