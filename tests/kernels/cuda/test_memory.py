"""Memory is asked of the driver once, and then used again; without any left, the process goes on."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from minigrad.kernels import OutOfMemoryError
from minigrad.kernels.cuda.memory import Cache, Memory

MIB = 1 << 20


class FakeDriver:
    """So many bytes, at addresses that go up."""

    def __init__(self, size: int) -> None:
        self.size, self.following, self.given = size, 0, {}
        self.waits = 0

    def allocate(self, device: int, size: int) -> int | None:
        if size > self.size - sum(self.given.values()):
            return None
        address, self.following = self.following, self.following + size
        self.given[address] = size
        return address

    def release(self, device: int, address: int) -> None:
        del self.given[address]

    def memory_info(self, device: int) -> tuple[int, int]:
        return self.size - sum(self.given.values()), self.size

    def synchronize(self, device: int) -> None:
        self.waits += 1


def cache(size: int = 256 * MIB) -> Cache:
    return Cache(FakeDriver(size), 0)


def test_what_was_freed_is_used_again() -> None:
    memory = cache()
    first = memory.take(1000, 0).address  # freed at once
    assert memory.take(1000, 0).address == first
    assert (memory.allocations, memory.allocated, memory.reserved) == (1, 0, 2 * MIB)


def test_a_step_after_the_first_asks_the_driver_for_nothing() -> None:
    memory, sizes = cache(), [3000, 5 * MIB, 100, 30 * MIB, 512 * 1024, 1500 * 1024]
    for step in range(3):
        held = [memory.take(size, 0) for size in sizes]
        del held
        assert memory.allocations == 4 or step == 0
        memory.allocations = 4
    assert memory.allocated == 0


def test_small_blocks_are_cut_from_one_segment_and_joined_again() -> None:
    memory = cache()
    parts = [memory.take(256 * 1024, 0) for _ in range(8)]
    assert memory.allocations == 1
    assert len({part.address for part in parts}) == 8
    del parts[1], parts[2], parts[0]  # in no order
    parts.clear()
    whole = [memory.take(1 * MIB, 0) for _ in range(2)]
    assert (memory.allocations, memory.allocated) == (1, 2 * MIB)
    del whole
    memory.empty()
    assert (memory.allocated, memory.reserved) == (0, 0)


def test_a_small_block_is_there_for_the_next_one_of_its_size() -> None:
    memory = cache()
    first, second = memory.take(1000, 0), memory.take(2000, 0)
    places = first.address, second.address
    del first, second
    assert memory.allocated == 0
    again = memory.take(2000, 0), memory.take(1000, 0)
    assert (again[1].address, again[0].address) == places
    assert memory.max_allocated == memory.allocated == 3072


def test_blocks_in_use_never_overlap() -> None:
    memory, rng = cache(), np.random.default_rng(0)
    held: list[tuple[Memory, int]] = []
    for _ in range(2000):
        if held and rng.random() < 0.5:
            held.pop(int(rng.integers(len(held))))
        elif memory.allocated < 128 * MIB:
            size = int(2 ** rng.uniform(0, 23))
            held.append((memory.take(size, int(rng.integers(2))), size))
        ranges = sorted((m.address, m.address + size) for m, size in held)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(ranges))
    assert memory.allocated == sum(m.block.size for m, _ in held)


def test_streams_have_memory_of_their_own() -> None:
    memory = cache()
    first = memory.take(1000, 1).address
    assert memory.take(1000, 2).address != first
    assert memory.take(1000, 1).address == first


def test_what_nobody_uses_is_given_back_before_the_driver_says_no() -> None:
    memory = cache(64 * MIB)
    memory.take(40 * MIB, 0)
    assert memory.take(50 * MIB, 0).block.size == 50 * MIB
    assert memory.reserved == 50 * MIB


def test_out_of_memory_says_how_much_and_changes_nothing() -> None:
    memory = cache(64 * MIB)
    held = memory.take(30 * MIB, 0)
    with pytest.raises(OutOfMemoryError) as error:
        memory.take(40 * MIB, 0)
    for part in (
        "cuda:0 has no room for 40.0 MiB",
        "of its 64.0 MiB",
        "tensors use 30.0 MiB",
        "34.0 MiB are free",
    ):
        assert part in str(error.value)
    assert (memory.allocated, memory.reserved) == (30 * MIB, 30 * MIB)
    del held
    assert memory.take(40 * MIB, 0).block.size == 40 * MIB


def test_the_memory_of_a_graph_is_not_given_back() -> None:
    memory = cache()
    memory.keep(7)
    memory.take(1000, 7)
    memory.empty()
    assert memory.reserved == 2 * MIB
    memory.let_go(7)
    memory.empty()
    assert (memory.reserved, memory.driver.waits) == (0, 1)


def test_garbage_may_be_collected_in_the_middle_of_a_change() -> None:
    memory = cache()
    held = [memory.take(30 * MIB, 0), memory.take(40 * MIB, 0)]
    ask = memory.driver.allocate

    def allocate(device: int, size: int) -> int | None:
        held.clear()  # as the collector may, whatever is under way
        assert memory.allocated == 70 * MIB
        return ask(device, size)

    memory.driver.allocate = allocate
    kept = memory.take(50 * MIB, 0)
    assert memory.allocated == kept.block.size
    assert sorted(block.size for block in memory.blocks.values()) == [30 * MIB, 40 * MIB]


def test_peaks_begin_anew() -> None:
    memory = cache()
    memory.take(5000, 0)
    assert memory.max_allocated == 5120
    memory.reset_peaks()
    assert memory.max_allocated == 0
