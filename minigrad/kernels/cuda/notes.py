"""What is another number at each replay of a graph: it is in the memory of the device, and the host writes it.

A graph repeats its launches with the arguments that they had. But the rate of a schedule, Adam's corrections for
its next step and the key of a dropout must be new each time. So while a graph takes notes, a kernel with such
numbers reads them from a page of the device's memory. Before each replay the host works them out by the same lines
of Python as for any other step, and sends the pages on which something has changed. So a step of a graph is, bit
for bit, the step that it would have been without; counts and random numbers go on from either to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.dtypes import DType, int64
from minigrad.kernels import Array, taking
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.chance import LOW

BYTES = 16 << 10  # of a page: of up to 64 KiB the driver makes a copy at once, and nobody waits for the device
NO_STREAM = -1  # whose memory no kernel of the graph may use for a while, as it may that of its own stream


class Page:
    """Numbers on the host, and the device's copy of them."""

    def __init__(self, index: int) -> None:
        self.host, self.used = np.zeros(BYTES, np.uint8), 0
        self.memory, self.index = devices.device(index).memory.take(BYTES, NO_STREAM), index
        self.sent = b""

    def cut(self, count: int, dtype: DType) -> tuple[Array, DeviceArray] | None:
        """Place for so many numbers, here and there, or None if it is full."""
        start, size = self.used, count * dtype.itemsize
        if start + size > BYTES:
            return None
        self.used += -(-size // 8) * 8
        address = self.memory.address + start
        there = DeviceArray(self.memory, address, (count,), (dtype.itemsize,), dtype, self.index)
        return self.host[start : start + size].view(dtype), there

    def send(self) -> None:
        """Let the device have what has changed."""
        now = self.host[: self.used].tobytes()
        if now != self.sent:
            self.sent, stream = now, devices.stream(self.index)
            driver = devices.device(self.index).driver
            driver.upload(self.index, self.memory.address, self.host[: self.used], stream)


class Notes:
    """The numbers of one graph. ``draw`` gives a new key for a dropout."""

    def __init__(self, index: int, draw: Callable[[], int]) -> None:
        self.index, self.draw = index, draw
        self.pages = [Page(index)]
        self.places: list[tuple[Any, Array]] = []  # whose numbers they are, and where on the host
        self.keys: dict[int, DeviceArray] = {}  # of each dropout, by the key that it had
        self.checks: list[Callable[[], None]] = []
        self.works: list[Callable[[Notes], None]] = []
        self.drawn: list[Array] = []  # where the halves of each key are on the host
        self.following: int | None = None  # during a replay, the place that is written next

    @property
    def count(self) -> int:
        """How often :meth:`numbers` was asked."""
        return len(self.places)

    # -- while notes are taken --------------------------------------------------------------------------------

    def before_replay(self, check: Callable[[], None], work: Callable[[Notes], None]) -> None:
        """Before each replay do ``work``, which calls :meth:`numbers` as often as now; all checks come first.

        It gets these notes; were they part of it, both would stay until the garbage is collected.
        """
        self.checks.append(check)
        self.works.append(work)

    def numbers(self, kind: Any, dtype: DType, values: Sequence[float]) -> DeviceArray | None:
        """Where a kernel finds these numbers. In a replay they are written there, and the result is None.

        Raises RuntimeError if a replay has other ``kind`` of numbers: the graph has no kernel for them.
        """
        if self.following is None:
            here, there = self._cut(len(values), dtype)
            self.places.append((kind, here))
            here[:] = values
            return there
        noted, here = self.places[self.following]
        if noted != kind:
            raise RuntimeError(
                f"mg.cuda.graph: the graph has the step {noted}, and was to do {kind}: an option of the optimiser "
                "that changes more than a number has changed; capture it again"
            )
        self.following += 1
        here[:] = values
        return None

    def table(self, values: np.ndarray[Any, Any]) -> DeviceArray:
        """Where a kernel finds these numbers, which stay as they are."""
        here, there = self._cut(values.size, values.dtype)
        here[:] = values.reshape(-1)
        return there

    def skip(self, count: int) -> None:
        """In a replay, leave so many :meth:`numbers` as they are."""
        assert self.following is not None
        self.following += count

    def key(self, key: int) -> DeviceArray:
        """Where a dropout finds the halves of its key, and its derivative, which has the same, finds them too."""
        if key not in self.keys:
            here, self.keys[key] = self._cut(2, int64)
            self.drawn.append(here)
        return self.keys[key]

    def _cut(self, count: int, dtype: DType) -> tuple[Array, DeviceArray]:
        found = self.pages[-1].cut(count, dtype)
        if found is None:
            self.pages.append(Page(self.index))
            found = self.pages[-1].cut(count, dtype)
        assert found is not None
        return found

    # -- before a replay --------------------------------------------------------------------------------------

    def renew(self) -> None:
        """Work out the numbers of the next replay, and send them. Raises what a check raises, before any work."""
        for check in self.checks:
            check()
        self.following, taking.notes = 0, self
        try:
            for work in self.works:
                work(self)
            for halves in self.drawn:
                key = self.draw()
                halves[:] = key & LOW, key >> 32
        finally:
            self.following, taking.notes = None, None
        for page in self.pages:
            page.send()
