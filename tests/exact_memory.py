"""Memory of the device without a cache, so that whoever reads beyond an array reads beyond what there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from minigrad.kernels.cuda import device
from minigrad.kernels.cuda.memory import Block, Cache, Memory


class Exact(Cache):
    """Each array has memory of its own from the driver, of just its size, which is given back with it."""

    def take(self, size: int, stream: int) -> Memory:
        address = self._ask(max(size, 1))
        assert address is not None
        return Memory(self, Block(address, size, stream, False))

    def free(self, block: Block) -> None:
        self.driver.release(self.device, block.address)


@contextmanager
def exact_memory(index: int = 0) -> Iterator[None]:
    """Inside the ``with``, new arrays on a device are in such memory."""
    place = device.device(index)
    before, place.memory = place.memory, Exact(place.driver, index)
    try:
        yield
    finally:
        place.memory = before
