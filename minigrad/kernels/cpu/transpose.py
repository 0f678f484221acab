"""Transposing within the caches: ``target[c, r] = source[r, c]``, a square of vector registers at a time.

Element by element, either the reads or the writes jump. A square of L vectors of L lanes is read and written along
memory instead, and turned in the registers: for s = 1, 2, 4, ... the squares of side s beside the diagonal of each
square of side 2 s change places. LLVM is given these shuffles as they are, for it does not find them. At the
edge a square may have fewer rows: the last is read in place of those that are missing, and its copies left out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba import types
from numba.np.numpy_support import from_dtype

from minigrad.kernels.cpu.compile import emitted, inline
from minigrad.kernels.cpu.memory import INDEX, at
from minigrad.kernels.cpu.tile import host_registers
from minigrad.kernels.cpu.vectors import I32, I64, Vector


def make_turn(dtype: np.dtype, lanes: int) -> Callable:
    """``turn(rows, source, source_step, target, target_step)`` for ``rows`` of a square of ``lanes`` each way."""
    element, vector = from_dtype(dtype), Vector(dtype, lanes)

    def codegen(context, builder, signature, args):
        rows, source, source_step, target, target_step = args

        def line(pointer, step, i):
            return vector.at(builder, pointer, builder.mul(step, i))

        def choose(a, b, places):
            mask = ir.Constant(ir.VectorType(I32, lanes), places)
            return builder.shuffle_vector(a, b, mask)

        last = builder.sub(rows, I64(1))  # is read again in place of the rows that are not there
        indices = [builder.select(builder.icmp_signed("<", I64(i), last), I64(i), last) for i in range(lanes)]
        inside = ir.Constant(vector.truths, ir.Undefined)
        for i in range(lanes):
            inside = builder.insert_element(inside, builder.icmp_signed("<", I64(i), rows), I32(i))
        lines = [builder.load(line(source, source_step, i), align=dtype.itemsize) for i in indices]
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
            vector.store(builder, value, line(target, target_step, I64(i)), inside)
        return context.get_dummy_value()

    def plain(rows, source, source_step, target, target_step):
        for r in range(rows):
            for c in range(lanes):
                target[c * target_step + r] = source[r * source_step + c]

    @emitted(plain)
    def turn(typing_context, rows, source, source_step, target, target_step):
        pointer = types.CPointer(element)
        return types.void(INDEX, pointer, INDEX, pointer, INDEX), codegen

    return turn


@functools.cache
def make_transpose(dtype: np.dtype) -> Callable:
    """``transpose(source, start, source_step, rows, columns, target, target_start, target_step)``.

    target[target_start + c * target_step + r] = source[start + r * source_step + c]  for r < rows, c < columns
    """
    registers = host_registers()
    L = registers.bytes // dtype.itemsize
    least = 1 if registers.masks else L  # rows, for which a square is worth its while
    turn = make_turn(dtype, L)

    @inline
    def transpose(source, start, source_step, rows, columns, target, target_start, target_step):
        R, C = (rows + L - least) // L * L, columns // L * L  # what squares cover
        for r in range(0, R, L):
            for c in range(0, C, L):
                turn(
                    min(L, rows - r),
                    at(source, start + r * source_step + c),
                    source_step,
                    at(target, target_start + c * target_step + r),
                    target_step,
                )
        for r in range(rows):
            for c in range(C if r < R else 0, columns):
                at(target, target_start + c * target_step + r)[0] = at(source, start + r * source_step + c)[0]

    return transpose
