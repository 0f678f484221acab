"""Optimiser steps of many arrays as one launch.

A model has many parameters, and most are small: a launch for each costs more than its work. So the steps of one
``update_all`` wait for each other, and those of the same kind become one launch. Its kernel reads from a *table*
where each array is:

    row k:   first piece | elements | address of p | address of g | addresses of what is remembered ...

Every array is cut into pieces of ``PIECE`` elements, and the pieces are numbered through all arrays. A block takes
one, finds by halving the rows whose it is, and changes its elements; then it goes on with the next that is left.
So large arrays and small ones keep all multiprocessors busy. PyTorch's ``foreach`` and ``fused`` optimisers do the
same (aten/src/ATen/native/cuda/MultiTensorApply.cuh), with the table among the arguments of the kernel.

The table is in the memory of the device, and stays there: in a training loop the parameters stay where they are,
and the gradients of each step come to where the last ones were. While a graph takes notes, the table is on a page
of the notes, and the numbers are as well: each row has the address of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from minigrad.dtypes import DType
from minigrad.kernels import taking
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.intrinsics import make_at
from minigrad.kernels.cuda.launch import INT, Argument, Kernel, blocks_on, number, pointer
from minigrad.kernels.cuda.loops import build
from minigrad.kernels.cuda.memory import Memory
from minigrad.kernels.cuda.move import assign
from minigrad.kernels.cuda.shim import THREADS, device

__all__ = ["together"]

PIECE = 4 * THREADS  # elements that a block changes before it looks for more
ROWS = 256  # at most in a table: so many of the widest rows fit on a page of a graph's notes
APART = -2  # what stands for stream 0 where the memory of tables is asked for, -3 for stream 1, and so on
TABLES = 8  # that are kept for a first parameter: gradients may come in turn to different places

Values = np.ndarray[Any, Any]
Row = tuple[int, ...]  # the number of elements, the addresses of arrays, and in a graph that of the numbers

#: The kernel around a rule, with its numbers as arguments, or, in a graph, where the last column says.
SOURCE = """\
def kernel(table, rows, pieces{arguments}):
    piece = cuda.blockIdx.x
    while piece < pieces:
        row, after = 0, rows
        while after - row > 1:
            middle = (row + after) >> 1
            if table[middle * {width}] <= piece:
                row = middle
            else:
                after = middle
        row *= {width}
        {places}
        {read}
        i = (piece - table[row]) * {piece} + cuda.threadIdx.x
        end = min(i + {piece}, table[row + 1])
        while i < end:
            change(i, {arrays}, {given})
            i += {threads}
        piece += cuda.gridDim.x
"""


def source(count: int, numbers: int, *, noted: bool) -> str:
    """The kernel for rows of so many arrays, and so many numbers."""
    given = ", ".join(f"a{k}" for k in range(numbers))
    columns = [*(f"x{k}" for k in range(count)), *["noted"] * noted]
    return SOURCE.format(
        arguments="" if noted else f", {given}",
        width=2 + len(columns),
        places="\n        ".join(f"{x} = at(table[row + {k}])" for k, x in enumerate(columns, 2)),
        read=f"{given} = " + ", ".join(f"noted[{k}]" for k in range(numbers)) if noted else "pass",
        piece=PIECE,
        threads=THREADS,
        arrays=", ".join(columns[:count]),
        given=given,
    )


def make(name: str, change: Callable[..., None], dtype: DType, count: int, numbers: int, *, noted: bool) -> Kernel:
    """The kernel around ``change(i, *arrays, *numbers)``."""
    names = {"change": device(change), "at": make_at(dtype)}
    takes: list[Argument] = [] if noted else [number(dtype)] * numbers
    function = build(name, source(count, numbers, noted=noted), names)
    return Kernel(name, function, pointer(np.int64), INT, INT, *takes)


Table = tuple[DeviceArray, int, int]  # in memory, its rows, and how many pieces these have

#: Tables that were sent before, by the memory of the first parameter, with which they go.
_tables: WeakKeyDictionary[Memory, dict[Any, list[Table]]] = WeakKeyDictionary()


class Steps:
    """Steps of one kind that wait to be one launch. While they do, they are the thread's chain (``chain.py``)."""

    def __init__(self, index: int, kernel: Kernel, numbers: Sequence[float]) -> None:
        self.index, self.kernel, self.numbers, self.notes = index, kernel, numbers, taking.notes
        self.rows: list[Row] = []
        self.arrays: list[Sequence[DeviceArray]] = []  # of each row; they are held until the launch
        self.copied: list[tuple[DeviceArray, DeviceArray]] = []  # the step of a copy, and where it belongs

    def takes(self, *_: Any) -> bool:
        """Whether an elementwise function can be part of the same launch."""
        return False

    def run(self) -> None:
        """Launch them."""
        devices.settle([x for row in self.arrays for x in row])
        place = devices.device(self.index)
        for table, count, pieces in self._tables():
            self.kernel.start(place, blocks_on(place, pieces, 1), THREADS, table, count, pieces, *self.numbers)
        for row, x in self.copied:
            assign(row, out=x)

    def _tables(self) -> list[Table]:
        """The tables of the rows: those that were sent before, if nothing has moved since."""
        first = self.arrays[0][0].memory
        if self.notes is not None:
            return self._made(self.notes.table)
        if type(first) is not Memory:  # another library's
            return self._made(self._sent)
        known = _tables.setdefault(first, {})
        key = self.kernel, devices.stream(self.index), *self.rows
        found = known.get(key)
        if found is None:
            if len(known) == TABLES:
                known.pop(next(iter(known)), None)
            found = known[key] = self._made(self._sent)
        return found

    def _made(self, send: Callable[[Values], DeviceArray]) -> list[Table]:
        """New tables: one, if there is room, and if no array overlaps that of another row."""
        found, x = [], self.arrays[0]
        for rows in parts(self.rows, len(x), x[0].itemsize):
            values, pieces = laid_out(rows)
            found.append((send(values), len(rows), pieces))
        return found

    def _sent(self, values: Values) -> DeviceArray:
        """A table in the memory of the device, apart from that of the stream, where it would be in the way of the
        next gradients, which then came to other places."""
        place, stream = devices.device(self.index), devices.stream(self.index)
        memory = place.memory.take(values.nbytes, APART - stream)
        place.driver.upload(self.index, memory.address, values, stream)
        return DeviceArray.around(memory, values.shape, values.dtype, self.index)


def laid_out(rows: Sequence[Row]) -> tuple[Values, int]:
    """The numbers of a table, and how many pieces its arrays have.

    >>> laid_out([(1, 512), (1, 1024)])[0].tolist()  # one element each, at these addresses
    [[0, 1, 512], [1, 1, 1024]]
    """
    pieces, lines = 0, []
    for n, *addresses in rows:
        lines.append((pieces, n, *addresses))
        pieces += -(-n // PIECE)
    return np.array(lines, np.int64), pieces


def parts(rows: Sequence[Row], count: int, itemsize: int) -> list[Sequence[Row]]:
    """The rows of each launch, of ``count`` arrays. Blocks do not wait for each other: rows that overlap must.

    >>> parts([(2, 512), (2, 516)], count=1, itemsize=4)
    [[(2, 512)], [(2, 516)]]
    """
    spans = sorted((x, x + row[0] * itemsize, k) for k, row in enumerate(rows) for x in row[1 : 1 + count])
    reach, owner = 0, 0
    for start, end, k in spans:
        if start < reach and k != owner:
            return [[row] for row in rows]
        if end > reach:
            reach, owner = end, k
    return [rows[k : k + ROWS] for k in range(0, len(rows), ROWS)]


@contextmanager
def together() -> Iterator[None]:
    """Let the optimiser steps inside the ``with`` wait for each other, to be one launch."""
    current = devices.current
    if current.together:
        yield
        return
    current.together = True
    try:
        yield
    finally:
        current.together = False
        if type(current.chain) is Steps:
            devices.flush()
