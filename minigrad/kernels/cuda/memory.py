"""Memory of the device, asked for once and used again and again.

Asking the driver for memory takes about a millisecond, and giving it back waits for the device. So what is freed
stays here, and what is wanted next is cut from it: a training step after the first asks the driver for nothing.
The scheme is that of PyTorch's allocator (c10/cuda/CUDACachingAllocator.cpp; its sizes are taken over):

* Sizes are rounded up to 512 bytes. Up to 1 MiB a block is cut from a *segment* of 2 MiB, up to 10 MiB from one of
  20 MiB; what is larger has a segment of its own.
* The smallest free block that is large enough is taken, and what is left of it becomes a free block.
* A block that is freed is joined with its free neighbours in the segment; a small one not before its segment is
  needed for other sizes. Until then it is there for the next one of its very size, which is what a training loop
  asks for, and that takes a microsecond less. Of those that are free the first in memory is taken, not the last
  that was freed: so every step of a loop has its arrays where the step before had them, as ``foreach.py`` likes.
* A block belongs to a stream. The next user on the same stream comes after the last one without waiting, since a
  stream works in order: that is why memory can be reused while the device is still at work on it.

If the driver has no memory left, segments without a block in use are given back, and it is asked again; but not
while a graph takes notes, when nobody may wait for the device.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from heapq import heappop, heappush
from typing import Any

from minigrad.kernels import OutOfMemoryError

ROUND = 512
SMALL, MIDDLE = 1 << 20, 10 << 20  # the largest blocks of a small and of a middle segment
SMALL_SEGMENT, MIDDLE_SEGMENT, LARGE_ROUND = 2 << 20, 20 << 20, 2 << 20


class Block:
    """A part of a segment. It is free, or in use until the last that refers to it is gone."""

    __slots__ = ("address", "after", "before", "in_use", "size", "small", "stream")

    def __init__(self, address: int, size: int, stream: int, small: bool) -> None:
        self.address, self.size, self.stream = address, size, stream
        self.small = small  # whether it is part of a small segment
        self.before: Block | None = None  # its neighbours in the segment
        self.after: Block | None = None
        self.in_use = False


class Memory:
    """Memory in use: who holds this object may use the block, which is freed with it."""

    __slots__ = ("__weakref__", "address", "block", "cache", "lent")

    def __init__(self, cache: Cache, block: Block) -> None:
        self.cache, self.block, self.address = cache, block, block.address
        self.lent = False  # whether another library knows of it, and may write there

    def __del__(self) -> None:
        self.cache.free(self.block)


class Cache:
    """The memory of one device. The figures are bytes.

    ``allocated`` is in use, ``reserved`` is what the driver has given, ``allocations`` how often it was asked.
    """

    def __init__(self, driver: Any, device: int) -> None:
        self.driver, self.device = driver, device
        self.lock = threading.RLock()
        self.free_blocks: dict[tuple[int, bool], list[tuple[int, int]]] = {}  # by stream, small: (size, address)
        self.blocks: dict[int, Block] = {}  # free ones, by address
        #: Small ones to be taken as they are, by stream and size: heaps of (address, block).
        self.ready: dict[tuple[int, int], list[tuple[int, Block]]] = {}
        self.allocated = self.reserved = self.allocations = 0
        self.max_allocated = self.max_reserved = 0
        self.kept: set[int] = set()  # streams whose memory is a graph's
        self.noting = 0  # how many graphs take notes just now: the device must not be waited for
        self.freed: list[Block] = []  # while the lists below are being changed, they wait here
        self.changing = False

    def take(self, size: int, stream: int) -> Memory:
        """Memory of at least ``size`` bytes. Raises OutOfMemoryError, and has changed nothing then."""
        size = max(-(-size // ROUND), 1) * ROUND
        with self.lock:
            ready = self.ready.get((stream, size))
            if ready:
                block = heappop(ready)[1]
                self._count(size)
                return Memory(self, block)
            self.changing = True
            try:
                found = self._fitting(size, stream)
                if found is None:
                    self._unite_all()
                    found = self._fitting(size, stream) or self._from_driver(size, stream)
                if found is None:
                    raise OutOfMemoryError(self._explain(size))
                self._cut(found, size)
                found.in_use = True
                self._count(found.size)
            finally:
                self._settle()
            return Memory(self, found)

    def free(self, block: Block) -> None:
        """Let the next one have the block.

        Python collects garbage when it likes, also in the middle of a change and in the same thread, which no lock
        keeps out. A block that comes then waits until the change is done; a small one waits in any case.
        """
        with self.lock:
            if block.small:
                self.allocated -= block.size
                heappush(self.ready.setdefault((block.stream, block.size), []), (block.address, block))
                return
            self.freed.append(block)
            if not self.changing:
                self._settle()

    def empty(self) -> None:
        """Give the segments in which nothing is in use back to the driver."""
        with self.lock:
            self.changing = True
            try:
                self._give_back()
            finally:
                self._settle()

    def keep(self, stream: int) -> None:
        """Let the memory of a stream be its own for good: a graph works there, whoever holds the tensors."""
        self.kept.add(stream)

    def let_go(self, stream: int) -> None:
        """Let the memory of a stream be as that of any other again."""
        self.kept.discard(stream)

    def reset_peaks(self) -> None:
        """Let the peaks begin anew."""
        self.max_allocated, self.max_reserved = self.allocated, self.reserved

    # -- the parts --------------------------------------------------------------------------------------------

    def _count(self, size: int) -> None:
        self.allocated += size
        if self.allocated > self.max_allocated:
            self.max_allocated = self.allocated

    def _settle(self) -> None:
        """End a change: join each block that was freed with the free ones beside it."""
        self.changing = True
        while self.freed:
            block = self.freed.pop()
            self.allocated -= block.size
            self._unite(block)
        self.changing = False

    def _unite(self, block: Block) -> None:
        block.in_use = False
        for other in (block.before, block.after):
            if other is not None and not other.in_use:
                self._forget(other)
                block = self._join(other, block) if other is block.before else self._join(block, other)
        self._remember(block)

    def _unite_all(self) -> None:
        """Let those that are ready be parts of their segments again."""
        ready, self.ready = self.ready, {}
        for blocks in ready.values():
            for _, block in blocks:
                self._unite(block)

    def _idle(self) -> list[Block]:
        """The segments in which nothing is in use, and which belong to no graph."""
        return [b for b in self.blocks.values() if b.before is b.after is None and b.stream not in self.kept]

    def _give_back(self) -> None:
        self._unite_all()
        whole = [] if self.noting else self._idle()
        if whole:
            self.driver.synchronize(self.device)  # the device may still be at work on them
        for block in whole:
            self._forget(block)
            self.reserved -= block.size
            self.driver.release(self.device, block.address)

    def _fitting(self, size: int, stream: int) -> Block | None:
        """The smallest free block that is large enough."""
        found = self.free_blocks.get((stream, size <= SMALL), [])
        place = bisect_left(found, (size, 0))
        if place == len(found):
            return None
        block = self.blocks[found[place][1]]
        self._forget(block)
        return block

    def _from_driver(self, size: int, stream: int) -> Block | None:
        segment = SMALL_SEGMENT if size <= SMALL else -(-size // LARGE_ROUND) * LARGE_ROUND
        if SMALL < size < MIDDLE:
            segment = MIDDLE_SEGMENT
        address = self._ask(segment)
        if address is None:
            self._give_back()
            address = self._ask(segment)
        if address is None:
            return None
        self.reserved += segment
        self.max_reserved = max(self.max_reserved, self.reserved)
        return Block(address, segment, stream, size <= SMALL)

    def _ask(self, size: int) -> int | None:
        self.allocations += 1
        found: int | None = self.driver.allocate(self.device, size)
        return found

    def _cut(self, block: Block, size: int) -> None:
        """Take the first ``size`` bytes of the block; the rest, if it is worth it, becomes a free block."""
        rest = block.size - size
        if rest < (ROUND if block.small else SMALL + 1):
            return
        other = Block(block.address + size, rest, block.stream, block.small)
        other.before, other.after, block.after, block.size = block, block.after, other, size
        if other.after is not None:
            other.after.before = other
        self._remember(other)

    def _join(self, left: Block, right: Block) -> Block:
        left.size += right.size
        left.after = right.after
        if left.after is not None:
            left.after.before = left
        return left

    def _remember(self, block: Block) -> None:
        self.blocks[block.address] = block
        insort(self.free_blocks.setdefault((block.stream, block.small), []), (block.size, block.address))

    def _forget(self, block: Block) -> None:
        del self.blocks[block.address]
        found = self.free_blocks[block.stream, block.small]
        del found[bisect_left(found, (block.size, block.address))]

    def _explain(self, size: int) -> str:
        free, total = self.driver.memory_info(self.device)
        idle = sum(block.size for block in self._idle())
        noting = (
            f". While a graph takes notes none of it can be given back: mg.cuda.empty_cache() before would give "
            f"{text(idle)}"
        )
        return (
            f"cuda:{self.device} has no room for {text(size)}: of its {text(total)}, tensors use "
            f"{text(self.allocated)}, {text(self.reserved - self.allocated)} more are kept for the next ones in "
            f"pieces that are too small, and {text(free)} are free{noting * bool(self.noting and idle)}. Smaller "
            "batches need less; checkpoint() keeps fewer activations"
        )


def text(size: int) -> str:
    """A number of bytes for people.

    >>> text(512), text(3 << 20)
    ('512 B', '3.0 MiB')
    """
    amount, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    return f"{amount:.0f} B" if units[0] == "B" else f"{amount:.1f} {units[0]}"
