"""Transposing within the caches: ``target[c, r] = source[r, c]``, a square of vector registers at a time.

Element by element, either the reads or the writes jump. A square of L vectors of L lanes is read and written along
memory instead, and turned in the registers: for s = 1, 2, 4, ... the squares of side s beside the diagonal of each
square of side 2 s change places. LLVM is given these shuffles as they are, for it does not find them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba import types
from numba.np.numpy_support import from_dtype

from minigrad.kernels.cpu.compile import emitted, inline
from minigrad.kernels.cpu.memory import at
from minigrad.kernels.cpu.tile import INDEX, host_registers


def make_turn(dtype: np.dtype, lanes: int) -> Callable:
    """``turn(source, source_step, target, target_step)`` for a square of ``lanes`` elements each way."""
    element = from_dtype(dtype)
    scalar = ir.FloatType() if dtype == np.float32 else ir.DoubleType()
    vector = ir.VectorType(scalar, lanes)

    def codegen(context, builder, signature, args):
        source, source_step, target, target_step = args

        def line(pointer, step, i):
            return builder.bitcast(builder.gep(pointer, [builder.mul(step, INDEX(i))]), vector.as_pointer())

        def choose(a, b, places):
            mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), places)
            return builder.shuffle_vector(a, b, mask)

        lines = [builder.load(line(source, source_step, i), align=dtype.itemsize) for i in range(lanes)]
        side = 1
        while side < lanes:
            for i in range(lanes):
                if not i & side:
                    a, b = lines[i], lines[i + side]
                    upper = [lanes + p - side if p & side else p for p in range(lanes)]
                    lower = [lanes + p if p & side else p + side for p in range(lanes)]
                    lines[i], lines[i + side] = choose(a, b, upper), choose(a, b, lower)
            side *= 2
        for i, value in enumerate(lines):
            builder.store(value, line(target, target_step, i), align=dtype.itemsize)
        return context.get_dummy_value()

    def plain(source, source_step, target, target_step):
        for r in range(lanes):
            for c in range(lanes):
                target[c * target_step + r] = source[r * source_step + c]

    @emitted(plain)
    def turn(typing_context, source, source_step, target, target_step):
        pointer = types.CPointer(element)
        return types.void(pointer, types.intp, pointer, types.intp), codegen

    return turn


@functools.cache
def make_transpose(dtype: np.dtype) -> Callable:
    """``transpose(source, start, source_step, rows, columns, target, target_start, target_step)``.

    target[target_start + c * target_step + r] = source[start + r * source_step + c]  for r < rows, c < columns
    """
    L = host_registers().bytes // dtype.itemsize
    turn = make_turn(dtype, L)

    @inline
    def transpose(source, start, source_step, rows, columns, target, target_start, target_step):
        R, C = rows // L * L, columns // L * L  # what whole squares cover
        for r in range(0, R, L):
            for c in range(0, C, L):
                turn(
                    at(source, start + r * source_step + c), source_step,
                    at(target, target_start + c * target_step + r), target_step,
                )  # fmt: skip
        for r in range(rows):
            for c in range(C if r < R else 0, columns):
                at(target, target_start + c * target_step + r)[0] = at(source, start + r * source_step + c)[0]

    return transpose
