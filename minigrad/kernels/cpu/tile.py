"""The innermost part of a matrix product: a tile of C held in vector registers.

``C[m, n] = start[m, n] + sum_k A[m, k] B[k, n]`` for MR rows and NR columns.  For each k, NR elements of B are
loaded into ``vectors`` registers, and each of MR elements of A is spread over a register and multiplied with them:
MR * vectors multiply-adds for MR + vectors loads, into as many independent sums, which is enough of them to keep
the multipliers busy. LLVM does not find this from plain loops, so the tile is written as LLVM code here.

The idea is that of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.np.numpy_support import from_dtype

from minigrad.kernels.cpu.compile import emitted
from minigrad.kernels.cpu.vectors import I64, Vector

FEW = 3  # rows, with which a tile is as wide as the registers allow
GROUP = 3  # rows of A that share a pointer, which with one step and two steps is all that an address can say


@dataclass(frozen=True)
class Registers:
    """How a processor's vector registers are best filled: bytes of one, rows and vectors of a tile."""

    bytes: int
    rows: int
    vectors: int
    fused: bool  # whether it multiplies and adds in one instruction; LLVM would call a slow function if not
    masks: bool  # whether it loads some elements of a vector in one instruction; LLVM would branch if not

    @property
    def wide(self) -> int:
        """Vectors of a tile of few rows."""
        return self.rows * self.vectors // FEW // 2 * 2

    def tile(self, dtype: np.dtype) -> tuple[int, int]:
        """(MR, NR), the largest tile for ``dtype``."""
        return self.rows, self.vectors * self.bytes // dtype.itemsize


def find_registers(triple: str, features: str) -> Registers:
    """The choice for a processor, by what LLVM says of it. The sums of a tile fill most of its registers."""
    has = {name[1:] for name in features.split(",") if name.startswith("+")}
    if "avx512f" in has:
        return Registers(bytes=64, rows=14, vectors=2, fused=True, masks=True)  # 28 of 32
    if {"avx2", "fma"} <= has:
        return Registers(bytes=32, rows=6, vectors=2, fused=True, masks=True)  # 12 of 16
    if triple.startswith(("aarch64", "arm64")):
        return Registers(bytes=16, rows=8, vectors=3, fused=True, masks=False)  # 24 of 32
    return Registers(bytes=16, rows=4, vectors=2, fused=False, masks=False)  # 8 of 16, on any x86-64


def host_registers() -> Registers:
    triple, _, features = cpu_target.target_context.codegen().magic_tuple()
    return find_registers(triple, features)


def plain_tile(rows, vectors, columns, K, A, row_a, col_a, B, ldb, begin, start, ld_start, C, ldc, scattered=""):
    for m in range(rows):
        a = row_a[m] if scattered == "A" else m * row_a
        for n in range(columns):
            total = start[m * ld_start + n] if begin else 0.0
            for k in range(K):
                b = ldb[k] if scattered == "B" else k * ldb
                total += A[a + k * col_a] * B[b + n]
            C[m * ldc + n] = total


def make_tile(
    dtype: np.dtype, registers: Registers, shapes: list[tuple[int, int]], scattered: str = ""
) -> Callable:
    """``tile(rows, vectors, columns, K, A, row_a, col_a, B, ldb, begin, start, ld_start, C, ldc)``.

    Pointers, and steps in elements; K > 0. ``shapes`` are the (rows, vectors) for which there is code, so that no
    multiplication is wasted at the edges of C; of the last vector only the elements below ``columns`` are read
    and written. Sums start at ``start``, which may be C itself, to go on with a sum, or a row of numbers with a
    step of 0; they start at 0 where not ``begin``. Where the rows of A or B are ``scattered``, which is ``"A"`` or
    ``"B"``, their step is instead a pointer to where each of them begins.
    """
    lanes = registers.bytes // dtype.itemsize
    element, vector = from_dtype(dtype), Vector(dtype, lanes)

    def emit(builder, rows, vectors, columns, K, A, row_a, col_a, B, ldb, begin, start, ld_start, C, ldc):
        """The code for one shape of tile."""

        def begins(steps, row, is_scattered):
            return builder.load(builder.gep(steps, [row])) if is_scattered else builder.mul(steps, row)

        def opaque(pointer):
            """The same pointer, but LLVM cannot tell how it came about.

            If it could, it would go from row to row by adding the step, each time waiting for the row before, for
            longer than the multiplications take.
            """
            return builder.asm(ir.FunctionType(pointer.type, [pointer.type]), "", "=r,0", [pointer], False)

        def part(pointer, v):
            return vector.at(builder, pointer, I64(v * lanes))

        def part_of_row(pointer, row, step, v):
            return part(builder.gep(pointer, [builder.mul(step, I64(row))]), v)

        def multiply_add(a, b, c):
            if registers.fused:
                return vector.multiply_add(builder, a, b, c)
            return builder.fadd(builder.fmul(a, b), c)

        left = builder.sub(columns, I64((vectors - 1) * lanes))  # columns in the last vector
        inside = builder.icmp_signed("<", vector.places, vector.spread(builder, left, vector.indices))
        full = ir.Constant(vector.truths, [True] * lanes)
        masks = [full] * (vectors - 1) + [inside]
        begun = vector.spread(builder, begin, vector.truths)
        tiles = [(m, v) for m in range(rows) for v in range(vectors)]
        first = [
            vector.load(builder, part_of_row(start, m, ld_start, v), builder.and_(masks[v], begun))
            for m, v in tiles
        ]
        group = rows if scattered == "A" else GROUP
        a_begins = [
            A if scattered == "A" else builder.gep(A, [builder.mul(row_a, I64(m))]) for m in range(0, rows, group)
        ]
        a_rows = [begins(row_a, I64(m % group), scattered == "A") for m in range(rows)]
        before, loop, after = builder.block, builder.append_basic_block("k"), builder.append_basic_block("sums")
        builder.branch(loop)

        builder.position_at_end(loop)
        k = builder.phi(I64)
        sums = {tile: builder.phi(vector.type) for tile in tiles}
        a = [builder.phi(pointer.type) for pointer in a_begins]
        b = builder.gep(B, [begins(ldb, k, scattered == "B")])
        b_vectors = [builder.load(part(b, v), align=dtype.itemsize) for v in range(vectors - 1)]
        if registers.masks:
            b_vectors.append(vector.load(builder, part(b, vectors - 1), inside))
        else:
            b_vectors.append(builder.load(part(b, vectors - 1), align=dtype.itemsize))
        new = {}
        for m in range(rows):
            one = builder.load(builder.gep(a[m // group], [a_rows[m]]), align=dtype.itemsize)
            one = vector.spread(builder, one, vector.type)
            for v in range(vectors):
                new[m, v] = multiply_add(one, b_vectors[v], sums[m, v])
        k_next = builder.add(k, I64(1))
        for pointer, start_a in zip(a, a_begins, strict=True):
            pointer.add_incoming(start_a, before)
            pointer.add_incoming(opaque(builder.gep(pointer, [col_a])), loop)
        k.add_incoming(I64(0), before)
        k.add_incoming(k_next, loop)
        for tile, value in zip(tiles, first, strict=True):
            sums[tile].add_incoming(value, before)
            sums[tile].add_incoming(new[tile], loop)
        builder.cbranch(builder.icmp_signed("<", k_next, K), loop, after)

        builder.position_at_end(after)
        for m, v in tiles:
            vector.store(builder, new[m, v], part_of_row(C, m, ldc, v), masks[v])

    def codegen(context, builder, signature, args):
        rows, vectors, *others = args
        done = builder.append_basic_block("done")
        which = builder.or_(builder.mul(rows, I64(16)), vectors)
        switch = builder.switch(which, done)
        for m, v in shapes:
            case = builder.append_basic_block(f"tile_{m}_{v}")
            switch.add_case(I64(16 * m + v), case)
            builder.position_at_end(case)
            emit(builder, m, v, *others)
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    @emitted(functools.partial(plain_tile, scattered=scattered))
    def tile(typing_context, rows, vectors, columns, K, A, row_a, col_a, B, ldb, begin, start, ld_start, C, ldc):
        pointer, n = types.CPointer(element), types.intp
        a_step, b_step = (types.CPointer(n) if scattered == which else n for which in "AB")
        takes = (n, n, n, n, pointer, a_step, n, pointer, b_step, types.boolean, pointer, n, pointer, n)
        return types.void(*takes), codegen

    return tile
