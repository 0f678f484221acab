"""The innermost part of a matrix product on the GPU: each thread's tile of C, held in registers.

A block of threads computes ``rows x columns`` of C. For ``depth`` of k at a time, what it needs of A and B lies
in shared memory, in two *panels* in which k runs along the rows: ``a[k, i] = A[i, k]`` and ``b[k, j] = B[k,
j]``. For each k a thread loads ``high`` numbers of the one and ``wide`` of the other, 16 bytes at once, and
makes ``high * wide`` multiply-adds of them.

Shared memory gives 32 numbers a cycle, and the multipliers of a multiprocessor take 128 pairs: without a tile
they would starve. An 8 x 8 tile asks for a quarter of a number for each multiply-add, which is all that there
is, 8 x 16 for less than a fifth. LLVM leaves the loop over k as a loop, and then a thread waits for its loads;
written out, those of the next k overlap with the multiply-adds of this one. So the code is emitted here, as in
``cpu/tile.py``.

After V. Volkov, J. Demmel, "Benchmarking GPUs to tune dense linear algebra" (2008): registers are the largest
and fastest memory of a GPU; and S. Boehm, "How to optimize a CUDA matmul kernel" (2022),
https://siboehm.com/articles/22/CUDA-MMM, whose last step, 128 sums a thread, gained a tenth over 64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from llvmlite import ir

from minigrad.kernels.cuda.shared import INT32, INT64, address
from minigrad.kernels.cuda.shim import emitted, types

BYTES = 16  # that a thread loads or stores at once, at most
LANES_DOWN, LANES_ACROSS = (
    4,
    8,
)  # a warp's threads as they lie in a tile; 8 x 16 bytes are all banks of shared memory


@dataclass(frozen=True)
class Tile:
    """How a block of threads shares its work.

    Attributes:
        rows, columns: of C that a block computes.
        depth: of k that lie in shared memory at once.
        high, wide: of C that a thread computes.
        stages: how many times ``depth`` has room: one is read while the others are being copied.
    """

    rows: int
    columns: int
    depth: int
    high: int
    wide: int
    stages: int

    @property
    def threads(self) -> int:
        return self.rows // self.high * (self.columns // self.wide)

    @property
    def speed(self) -> float:
        """Multiply-adds a cycle, of a multiprocessor's 128, that a thread's tile lets one expect.

        An estimate, to choose by: for a warp, a multiply-add takes a quarter of a cycle, and a tenth more for all
        that is none; a load of 16 bytes takes 4 cycles. The longer of the two counts, and half of the shorter,
        since they overlap only in part.
        """
        work, loads = 1.1 * self.high * self.wide / 4, self.high + self.wide
        return self.high * self.wide / 4 / (max(work, loads) + min(work, loads) / 2)

    def panel(self, side: int, dtype: np.dtype) -> int:
        """From one k to the next in a panel of ``side`` elements.

        One vector more than needed: so 8 threads that write the same i of 8 successive k meet different banks.
        """
        return side + BYTES // dtype.itemsize

    def shared(self, dtype: np.dtype) -> int:
        """Bytes of shared memory that a block takes."""
        sides = self.panel(self.rows, dtype) + self.panel(self.columns, dtype)
        return self.stages * self.depth * sides * dtype.itemsize

    def places(self, count: int, side: int, dtype: np.dtype) -> list[int]:
        """Where the ``count`` rows (or columns) of a thread are in the tile, from its first one on.

        They come in vectors; the vectors of all threads lie side by side, and then comes the next of each.
        """
        lanes = BYTES // dtype.itemsize
        return [i // lanes * (side // (count // lanes)) + i % lanes for i in range(count)]


def make_multiply(dtype: np.dtype, tile: Tile) -> Callable:
    """``multiply(sums, a, i, b, j)``: ``sums[m, n] += sum_k a[k, m] b[k, n]`` for a thread's m and n.

    ``sums`` is in local memory, which becomes registers, row after row; the thread's part of the panels begins at
    elements i and j of shared memory.
    """
    lanes = BYTES // dtype.itemsize
    high, wide, depth = tile.high, tile.wide, tile.depth
    downward, across = tile.places(high, tile.rows, dtype), tile.places(wide, tile.columns, dtype)
    next_a, next_b = tile.panel(tile.rows, dtype), tile.panel(tile.columns, dtype)
    scalar, name = (ir.FloatType(), "f32") if dtype == np.float32 else (ir.DoubleType(), "f64")
    vector = ir.VectorType(scalar, lanes)

    def plain(sums, a, i, b, j):
        for k in range(depth):
            for m in range(high):
                for n in range(wide):
                    sums[m * wide + n] += a[i + k * next_a + downward[m]] * b[j + k * next_b + across[n]]

    def codegen(context, builder, signature, args):
        sums, a, i, b, j = args
        kind = ir.FunctionType(scalar, [scalar] * 3)
        fma = builder.module.globals.get(f"llvm.fma.{name}") or ir.Function(
            builder.module, kind, f"llvm.fma.{name}"
        )

        def panel(which, value, i):
            pointer = address(context, builder, signature.args[which], value)
            return builder.gep(builder.addrspacecast(pointer, scalar.as_pointer(3)), [i])

        def load(panel, offset):
            place = builder.bitcast(builder.gep(panel, [INT64(offset)]), vector.as_pointer(3))
            found = builder.load(place, align=BYTES)
            return [builder.extract_element(found, INT32(e)) for e in range(lanes)]

        a, b = panel(1, a, i), panel(3, b, j)
        first = address(context, builder, signature.args[0], sums)
        places = [builder.gep(first, [INT64(e)]) for e in range(high * wide)]
        totals = [builder.load(place) for place in places]
        for k in range(depth):
            x = [e for m in downward[::lanes] for e in load(a, k * next_a + m)]
            y = [e for n in across[::lanes] for e in load(b, k * next_b + n)]
            for m in range(high):
                for n in range(wide):
                    totals[m * wide + n] = builder.call(fma, [x[m], y[n], totals[m * wide + n]])
        for place, total in zip(places, totals, strict=True):
            builder.store(total, place)
        return context.get_dummy_value()

    @emitted(plain)
    def multiply(typing_context, sums, a, i, b, j):
        return types.void(sums, a, types.intp, b, types.intp), codegen

    return multiply


def make_show(dtype: np.dtype, tile: Tile) -> Callable:
    """``show(sums, part, panel, at)``: a thread's rows of one part of the tile, into shared memory for all to see.

    Part p of the tile is what the p-th vectors of rows of all threads make: whole rows of it, one after the other.
    Which of the sums are shown must be known when the code is made, as registers have no addresses: so there is
    code for each part.
    """
    lanes = BYTES // dtype.itemsize
    wide, columns, across = tile.wide, tile.columns, tile.places(tile.wide, tile.columns, dtype)

    def plain(sums, part, panel, at):
        for m in range(lanes):
            for n in range(wide):
                panel[at + m * columns + across[n]] = sums[(part * lanes + m) * wide + n]

    def codegen(context, builder, signature, args):
        sums, part, panel, at = args
        first = address(context, builder, signature.args[0], sums)
        panel = builder.gep(address(context, builder, signature.args[2], panel), [at])
        panel = builder.addrspacecast(panel, panel.type.pointee.as_pointer(3))
        done = builder.append_basic_block("shown")
        switch = builder.switch(part, done)
        for p in range(tile.high // lanes):
            case = builder.append_basic_block(f"part_{p}")
            switch.add_case(INT64(p), case)
            builder.position_at_end(case)
            for m in range(lanes):
                for n in range(0, wide, lanes):
                    vector = gathered(builder, first, INT64((p * lanes + m) * wide + n), lanes)
                    to = builder.gep(panel, [INT64(m * columns + across[n])])
                    builder.store(vector, builder.bitcast(to, vector.type.as_pointer(3)), align=BYTES)
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    @emitted(plain)
    def show(typing_context, sums, part, panel, at):
        return types.void(sums, types.intp, panel, types.intp), codegen

    return show


def gathered(builder, first, i, lanes):
    """The elements from number i on, as a vector."""
    vector = ir.Constant(ir.VectorType(first.type.pointee, lanes), ir.Undefined)
    for e in range(lanes):
        one = builder.load(builder.gep(first, [builder.add(i, INT64(e))]))
        vector = builder.insert_element(vector, one, INT32(e))
    return vector
