"""Tensor cores: a warp multiplies two small matrices with one instruction, ``mma``.

The 32 threads of a warp hold the three matrices together, each thread some *words* of 32 bits. A word of A or B
is one TF32, or two bf16 or fp16 that are neighbours in k; so a row of 8 words is 8 or 16 of k, and all else is
the same for the three kinds. Thread ``lane`` is in row ``lane // 4`` and word ``lane % 4`` of an 8 x 4 piece:

    A, 16 rows x 8 words            B, 8 columns x 8 words         C, 16 x 8 float32
    ┌────────┬────────┐             ┌────────┬────────┐            ┌─────────────────┐
    │   a0   │   a2   │ 8 rows      │   b0   │   b1   │            │ c0 c1 (8 rows)  │   two neighbours in a row
    ├────────┼────────┤             └────────┴────────┘            ├─────────────────┤   for each thread
    │   a1   │   a3   │                                            │ c2 c3           │
    └────────┴────────┘                                            └─────────────────┘

``ldmatrix`` loads four 8 x 4 pieces from shared memory at once: thread ``8 p + r`` says where row r of piece p
begins. (PTX ISA, "Matrix fragments for mma.m16n8k16", and "ldmatrix"; for these kinds, compute capability 8.0.)

In the simulator, twins do the same with what the threads of a warp show each other, so that a test finds a thread
that holds the wrong word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from llvmlite import ir

from minigrad.kernels.cuda.shared import INT32, INT64, address, shared_address
from minigrad.kernels.cuda.shim import SIMULATED, cuda, emitted, types

REAL = ir.FloatType()
TOGETHER = ("convergent",)  # all threads of a warp come to it: the compiler must not move it into a branch
MOST = 128 if SIMULATED else 0  # threads of a block, where they show each other what they hold


@dataclass(frozen=True)
class Kind:
    """What operands are rounded to.

    Attributes:
        name: PTX's.
        numbers: in a word.
        deep: k of an instruction.
        round: the PTX that makes a word of as many float32.
        bits: of the significand, the leading one included.
    """

    name: str
    numbers: int
    deep: int
    round: str
    bits: int

    @property
    def instruction(self) -> str:
        """Multiply, and add in float32."""
        return f"mma.sync.aligned.m16n8k{self.deep}.row.col.f32.{self.name}.{self.name}.f32"


KINDS = {
    "tf32": Kind("tf32", 1, 8, "cvt.rna.tf32.f32 $0, $1;", 11),
    "bf16": Kind("bf16", 2, 16, "cvt.rn.bf16x2.f32 $0, $2, $1;", 8),
    "fp16": Kind("f16", 2, 16, "cvt.rn.f16x2.f32 $0, $2, $1;", 11),
}


def rounded(kind: Kind, numbers: np.ndarray) -> np.ndarray:
    """The words of float32 numbers, along the last dim: what ``make_round`` does, in NumPy."""
    if kind.name == "f16":
        return numbers.astype(np.float16).view(np.uint32)
    bits = np.ascontiguousarray(numbers).view(np.uint32)
    if kind.name == "tf32":  # to the nearest, halves away from zero
        return np.where(np.isfinite(numbers), (bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000), bits)
    even = bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))  # to the nearest, halves to even
    halves = np.where(np.isnan(numbers), np.uint32(0x7FC00000), even) >> np.uint32(16)
    return halves.astype(np.uint16).view(np.uint32)


def numbers(kind: Kind, words: np.ndarray) -> np.ndarray:
    """The float32 numbers that words hold, along the last dim."""
    if kind.name == "f16":
        return words.view(np.float16).astype(np.float32)
    if kind.name == "tf32":
        return words.view(np.float32)
    return (words.view(np.uint16).astype(np.uint32) << np.uint32(16)).view(np.float32)


def make_round(kind: Kind) -> Callable:
    """``word(x, y)``: two neighbours in k as one word; of a kind with one number in a word, y is left out."""

    def plain(x, y):
        return rounded(kind, np.array([x, y][: kind.numbers], np.float32))[0]

    @emitted(plain)
    def word(typing_context, x, y):
        def codegen(context, builder, signature, args):
            inputs = args[: kind.numbers]
            asm = ir.InlineAsm(
                ir.FunctionType(INT32, [REAL] * kind.numbers), kind.round, ",".join(["=r"] + ["f"] * kind.numbers)
            )
            return builder.call(asm, inputs)

        return types.uint32(types.float32, types.float32), codegen

    return word


# -- from shared memory to registers --------------------------------------------------------------------------


def plain_load(pieces, to, words, i):
    thread = cuda.threadIdx.x
    rows = cuda.shared.array(MOST, np.int64)
    rows[thread] = i
    cuda.syncthreads()
    for p in range(4):
        pieces[to + p] = words[rows[thread // 32 * 32 + 8 * p + thread % 32 // 4] + thread % 4]
    cuda.syncthreads()


@emitted(plain_load)
def load_pieces(typing_context, pieces, to, words, i):
    """Four pieces of shared memory into ``pieces[to]`` and the next; the thread's row begins at ``words[i]``."""

    def codegen(context, builder, signature, args):
        pieces, to, words, i = args
        place = shared_address(context, builder, signature.args[2], words, i)
        text = "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {$0, $1, $2, $3}, [$4];"
        kind = ir.FunctionType(ir.LiteralStructType([INT32] * 4), [INT32])
        load = ir.InlineAsm(kind, text, "=r,=r,=r,=r,r", side_effect=True)
        found = builder.call(load, [place], attrs=TOGETHER)
        first = builder.gep(address(context, builder, signature.args[0], pieces), [to])
        for p in range(4):
            builder.store(builder.extract_value(found, p), builder.gep(first, [INT64(p)]))
        return context.get_dummy_value()

    return types.void(pieces, types.intp, words, types.intp), codegen


# -- the product of two fragments -----------------------------------------------------------------------------


def make_multiply_add(kind: Kind) -> Callable:
    """``multiply_add(sums, to, a, i, b, j)``: ``sums[to]`` and the next 3 += A of ``a[i]`` times B of ``b[j]``."""

    def plain(sums, to, a, i, b, j):
        thread = cuda.threadIdx.x
        held = cuda.shared.array((MOST, 6), np.uint32)
        held[thread] = [*a[i : i + 4], *b[j : j + 2]]
        cuda.syncthreads()
        warp, lane, word = held[thread // 32 * 32 :], thread % 32, np.arange(8)
        for e in range(4):
            row, column = lane // 4 + e // 2 * 8, lane % 4 * 2 + e % 2
            x = numbers(kind, warp[row % 8 * 4 + word % 4, row // 8 + word // 4 * 2])
            y = numbers(kind, warp[column * 4 + word % 4, 4 + word // 4])
            sums[to + e] += np.dot(x.astype(np.float64), y.astype(np.float64))
        cuda.syncthreads()

    places = [f"{{{', '.join(f'${p}' for p in some)}}}" for some in ((0, 1, 2, 3), (4, 5, 6, 7), (8, 9))]
    text = f"{kind.instruction} {places[0]}, {places[1]}, {places[2]}, {places[0]};"

    @emitted(plain)
    def multiply_add(typing_context, sums, to, a, i, b, j):
        def codegen(context, builder, signature, args):
            def at(which, count):
                first = address(context, builder, signature.args[which], args[which])
                first = builder.gep(first, [args[which + 1]])
                return [builder.gep(first, [INT64(e)]) for e in range(count)]

            totals = at(0, 4)
            inputs = [builder.load(place) for place in (*at(2, 4), *at(4, 2), *totals)]
            function = ir.FunctionType(ir.LiteralStructType([REAL] * 4), [INT32] * 6 + [REAL] * 4)
            mma = ir.InlineAsm(function, text, "=f,=f,=f,=f,r,r,r,r,r,r,0,1,2,3")
            found = builder.call(mma, inputs, attrs=TOGETHER)
            for e, place in enumerate(totals):
                builder.store(builder.extract_value(found, e), place)
            return context.get_dummy_value()

        n = types.intp
        return types.void(sums, n, a, n, b, n), codegen

    return multiply_add
