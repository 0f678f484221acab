"""The innermost part of a matrix product: a tile of C held in vector registers.

``C[m, n] = start[m, n] + sum_k A[m, k] B[k, n]`` for MR rows and NR columns.  For each k, NR elements of B are
loaded into ``vectors`` registers, and each of MR elements of A is spread over a register and multiplied with them:
MR * vectors multiply-adds for MR + vectors loads, into as many independent sums, which is enough of them to keep
the multipliers busy. LLVM does not find this from plain loops, so the tile is written as LLVM code here.

The idea is that of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

INDEX = ir.IntType(64)


@dataclass(frozen=True)
class Registers:
    """How a processor's vector registers are best filled: bytes of one, rows and vectors of a tile."""

    bytes: int
    rows: int
    vectors: int
    fused: bool  # whether it multiplies and adds in one instruction; LLVM would call a slow function if not

    def tile(self, dtype: np.dtype) -> tuple[int, int]:
        """(MR, NR) for ``dtype``."""
        return self.rows, self.vectors * self.bytes // dtype.itemsize


def find_registers(triple: str, features: str) -> Registers:
    """The choice for a processor, by what LLVM says of it. The sums of a tile fill most of its registers."""
    has = {name[1:] for name in features.split(",") if name.startswith("+")}
    if "avx512f" in has:
        return Registers(bytes=64, rows=14, vectors=2, fused=True)  # 28 of 32
    if {"avx2", "fma"} <= has:
        return Registers(bytes=32, rows=6, vectors=2, fused=True)  # 12 of 16
    if triple.startswith(("aarch64", "arm64")):
        return Registers(bytes=16, rows=8, vectors=3, fused=True)  # 24 of 32
    return Registers(bytes=16, rows=4, vectors=2, fused=False)  # 8 of 16, on any x86-64


def host_registers() -> Registers:
    triple, _, features = cpu_target.target_context.codegen().magic_tuple()
    return find_registers(triple, features)


def make_tile(dtype: np.dtype, registers: Registers) -> Callable:
    """``tile(K, A, row_a, col_a, B, ldb, start, ld_start, C, ldc)``: pointers, and steps in elements; K > 0.

    ``start`` may be C itself, to go on with a sum, or a row of numbers with a step of 0.
    """
    MR, NR = registers.tile(dtype)
    lanes = NR // registers.vectors
    element = from_dtype(dtype)
    scalar = ir.FloatType() if dtype == np.float32 else ir.DoubleType()
    vector = ir.VectorType(scalar, lanes)
    undefined = ir.Constant(vector, ir.Undefined)
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    tiles = [(m, v) for m in range(MR) for v in range(registers.vectors)]

    def codegen(context, builder, signature, args):
        K, A, row_a, col_a, B, ldb, start, ld_start, C, ldc = args

        def vector_at(pointer, row, step, v):
            offset = builder.add(builder.mul(step, INDEX(row)), INDEX(v * lanes))
            return builder.bitcast(builder.gep(pointer, [offset]), vector.as_pointer())

        def load(pointer):
            return builder.load(pointer, align=dtype.itemsize)

        def multiply_add(a, b, c):
            if not registers.fused:
                return builder.fadd(builder.fmul(a, b), c)
            name = f"llvm.fma.v{lanes}f{8 * dtype.itemsize}"
            fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
            return builder.call(fma, [a, b, c])

        first = [load(vector_at(start, m, ld_start, v)) for m, v in tiles]
        before, loop, after = builder.block, builder.append_basic_block("k"), builder.append_basic_block("after")
        builder.branch(loop)

        builder.position_at_end(loop)
        k = builder.phi(INDEX)
        sums = [builder.phi(vector) for _ in tiles]
        a, b = builder.gep(A, [builder.mul(k, col_a)]), builder.gep(B, [builder.mul(k, ldb)])
        b_vectors = [load(vector_at(b, 0, ldb, v)) for v in range(registers.vectors)]
        new = []
        for m in range(MR):
            one = load(builder.gep(a, [builder.mul(row_a, INDEX(m))]))
            one = builder.insert_element(undefined, one, ir.IntType(32)(0))
            spread = builder.shuffle_vector(one, undefined, everywhere)
            for v in range(registers.vectors):
                new.append(multiply_add(spread, b_vectors[v], sums[len(new)]))
        k_next = builder.add(k, INDEX(1))
        k.add_incoming(INDEX(0), before)
        k.add_incoming(k_next, loop)
        for phi, value_first, value_next in zip(sums, first, new, strict=True):
            phi.add_incoming(value_first, before)
            phi.add_incoming(value_next, loop)
        builder.cbranch(builder.icmp_signed("<", k_next, K), loop, after)

        builder.position_at_end(after)
        for (m, v), value in zip(tiles, new, strict=True):
            builder.store(value, vector_at(C, m, ldc, v), align=dtype.itemsize)
        return context.get_dummy_value()

    @intrinsic
    def tile(typing_context, K, A, row_a, col_a, B, ldb, start, ld_start, C, ldc):
        pointer, step = types.CPointer(element), types.intp
        return types.void(step, pointer, step, step, pointer, step, pointer, step, pointer, step), codegen

    return tile


@intrinsic
def at(typing_context, array, offset):
    """A pointer to the element ``offset`` elements behind the first one, whatever the strides."""

    def codegen(context, builder, signature, args):
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=args[0]).data
        return builder.gep(data, [args[1]])

    return types.CPointer(array.dtype)(array, types.intp), codegen
