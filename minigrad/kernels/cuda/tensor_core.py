"""Matrix products on tensor cores: operands rounded to TF32, bf16 or fp16, sums in float32.

Two kernels. ``make_pack`` rounds an operand and lays it out as the other one reads it: rows of 32-bit words in
which k runs along, whatever the strides were, with zeros up to a multiple of 16 bytes. That costs ``n^2`` where
the product costs ``n^3``. ``make_product`` multiplies, a tile of C for each block of threads:

* the words of the next steps are on their way into shared memory, 16 bytes a copy, while this step is computed;
* there they are *swizzled*: the 16-byte pieces of a row change places by its number, so that the 8 rows that
  ``ldmatrix`` reads at once are in different banks, without room lost to padding (as CUTLASS does, "Efficient
  GEMM in CUDA", https://github.com/NVIDIA/cutlass/blob/main/media/docs/cpp/efficient_gemm.md);
* each warp has a tile of up to 64 x 64, whose sums stay in its registers: 8 loads for 32 multiplications.

Hopper's ``wgmma`` is faster than ``mma``, and exists on no other generation; this kernel runs on all from 8.0 on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from llvmlite import ir

from minigrad.kernels.cuda.fragments import Kind, load_pieces, make_multiply_add, make_round
from minigrad.kernels.cuda.launch import INT, number, pointer
from minigrad.kernels.cuda.places import make_corner, make_write
from minigrad.kernels.cuda.shared import INT64, address, close_group, make_copies, make_shared, make_wait
from minigrad.kernels.cuda.shim import SIMULATED, cuda, emitted, types
from minigrad.kernels.cuda.steps import NUMBERS

FLOAT, WORD = np.dtype(np.float32), np.dtype(np.uint32)
DEEP = 16  # words of k that lie in shared memory at once: 64 bytes of each row, four pieces
PIECE = 4  # words that are copied at once
STEP = 8  # words of k of one multiplication
PAD = 8  # between rows of sums in shared memory: threads that write one column meet different banks
SIDE = 8 if SIMULATED else 32  # rows, and words, that a block of threads packs


@dataclass(frozen=True)
class WarpTile:
    """``rows x columns`` of C for a block, ``high x wide`` of them for a warp; ``stages`` of DEEP words."""

    rows: int
    columns: int
    high: int
    wide: int
    stages: int

    @property
    def threads(self) -> int:
        return 32 * (self.rows // self.high) * (self.columns // self.wide)


# -- packing --------------------------------------------------------------------------------------------------


def pack_takes() -> tuple:
    """x, packed, rows, K, words of a row, strides of x (row, k, inner, outer), products in the inner dim."""
    return pointer(FLOAT), pointer(WORD), *[INT] * 8


def make_pack(kind: Kind) -> Callable:
    """``packed[which, i, w]``: the numbers of k that word w of row i has room for; zeros from K on.

    A block brings SIDE rows and as many words of k through shared memory, since neighbours read along the smaller
    stride, and write along k.
    """
    each, word = kind.numbers, make_round(kind)
    deep = SIDE * kind.numbers
    size = SIDE * (deep + 1)
    shared = make_shared(size, FLOAT)

    def pack(x, packed, rows, K, words, row_x, k_x, inner_x, outer_x, inner):
        numbers = shared()
        tiles_down, tiles_across = (rows + SIDE - 1) // SIDE, (words + SIDE - 1) // SIDE
        tile, which = cuda.blockIdx.x % (tiles_down * tiles_across), cuda.blockIdx.x // (tiles_down * tiles_across)
        top, left = tile // tiles_across * SIDE, tile % tiles_across * SIDE
        x_at = which % inner * inner_x + which // inner * outer_x
        for e in range(cuda.threadIdx.x, SIDE * deep, cuda.blockDim.x):
            i, k = (e // deep, e % deep) if abs(k_x) < abs(row_x) else (e % SIDE, e // SIDE)
            there = top + i < rows and left * each + k < K
            numbers[i * (deep + 1) + k] = (
                x[x_at + (top + i) * row_x + (left * each + k) * k_x] if there else np.float32(0)
            )
        cuda.syncthreads()
        for e in range(cuda.threadIdx.x, SIDE * SIDE, cuda.blockDim.x):
            i, w = e // SIDE, e % SIDE
            if top + i < rows and left + w < words:
                at = i * (deep + 1) + w * each
                packed[(which * rows + top + i) * words + left + w] = word(numbers[at], numbers[at + each - 1])

    return pack


# -- the product ----------------------------------------------------------------------------------------------


def make_show(tile: WarpTile) -> Callable:
    """``show(sums, part, panel, at)``: 16 rows of the warp's tile into shared memory, for all to see."""
    pitch, across = tile.columns + PAD, tile.wide // 8
    places = [(n, half, half * 8 * pitch + n * 8) for n in range(across) for half in (0, 1)]

    def plain(sums, part, panel, at):
        for n, half, place in places:
            for e in (0, 1):
                panel[at + place + e] = sums[(part * across + n) * 4 + half * 2 + e]

    def codegen(context, builder, signature, args):
        sums, part, panel, at = args
        first = address(context, builder, signature.args[0], sums)
        panel = builder.gep(address(context, builder, signature.args[2], panel), [at])
        done = builder.append_basic_block("shown")
        switch = builder.switch(part, done)
        for p in range(tile.high // 16):
            case = builder.append_basic_block(f"part_{p}")
            switch.add_case(INT64(p), case)
            builder.position_at_end(case)
            for n, half, place in places:
                for e in (0, 1):
                    one = builder.load(builder.gep(first, [INT64((p * across + n) * 4 + half * 2 + e)]))
                    builder.store(one, builder.gep(panel, [INT64(place + e)]))
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    @emitted(plain)
    def show(typing_context, sums, part, panel, at):
        return types.void(sums, types.intp, panel, types.intp), codegen

    return show


def takes() -> tuple:
    """The arguments of the product.

    A, B, bias, C                     A and B packed; without a bias, C takes its place
    M, N, words                       words of a row
    inner, inner_a, outer_a, inner_b, outer_b   products in the inner dim; from product to product, in words
    biased, step_bias
    s0, s1, s2                              numbers of the rule
    """
    return pointer(WORD), pointer(WORD), pointer(FLOAT), pointer(FLOAT), *[INT] * 10, *[number(FLOAT)] * NUMBERS


def make_product(kind: Kind, tile: WarpTile, rule: Callable) -> Callable:
    """A block of threads for each tile of C.

    for each DEEP words of k:  wait for them; start to copy those of ``stages - 1`` steps later;
        for each STEP words:  load the warp's pieces of A and B; for each 16 x 8 of its tile: multiply and add

    In a stage, word w of row i is ``16 i + w`` with its piece of four exchanged: number ``p`` for ``p ^ (i / 2 %
    4)``.
    """
    rows, columns, high, wide = tile.rows, tile.columns, tile.high, tile.wide
    stages, threads = tile.stages, tile.threads
    real, zero, uint, warps_across = np.float32, np.float32(0), np.uint32, columns // wide
    down, across = high // 16, wide // 8  # instructions for the warp's tile
    sums_size, a_size, b_size = 4 * down * across, 4 * down, 2 * across
    stage_a, stage_b, each = rows * DEEP, columns * DEEP, threads // (DEEP // PIECE)  # rows copied at once
    from_b, shown = stages * stage_a, rows // high * 16 * (columns + PAD)
    shared = make_shared(max(stages * (stage_a + stage_b), shown), WORD)
    copy_a = make_copies(WORD, PIECE, [(0, i) for i in range(0, rows, each)], DEEP)
    copy_b = make_copies(WORD, PIECE, [(0, i) for i in range(0, columns, each)], DEEP)
    multiply_add, show, corner = make_multiply_add(kind), make_show(tile), make_corner(rows, columns)
    write = make_write(FLOAT, columns, columns + PAD, threads, (16, high, rows // high), rule)
    wait, wait_for_all = make_wait(stages - 2), make_wait(0)

    def product(
        A, B, bias, C, M, N, words, inner, inner_a, outer_a, inner_b, outer_b, biased, step_bias, s0, s1, s2
    ):
        panels = shared()
        sums = cuda.local.array(sums_size, real)
        a = cuda.local.array(a_size, uint)
        b = cuda.local.array(b_size, uint)
        for e in range(sums_size):
            sums[e] = zero

        thread = cuda.threadIdx.x
        lane, warp = thread % 32, thread // 32
        top, left, which = corner(cuda.blockIdx.x, M, N)
        warp_top, warp_left = warp // warps_across * high, warp % warps_across * wide

        piece, row = thread % (DEEP // PIECE), thread // (DEEP // PIECE)  # what the thread copies first
        to = row * DEEP + PIECE * (piece ^ row // 2 % 4)
        at_a = which % inner * inner_a + which // inner * outer_a + (top + row) * words + PIECE * piece
        at_b = which % inner * inner_b + which // inner * outer_b + (left + row) * words + PIECE * piece
        high_a, high_b = min(M - top, rows) - row, min(N - left, columns) - row
        for stage in range(stages - 1):
            inside = min(words - stage * DEEP, DEEP) - PIECE * piece
            copy_a(panels, to + stage * stage_a, A, at_a + stage * DEEP, 1, words, inside, high_a)
            copy_b(panels, to + from_b + stage * stage_b, B, at_b + stage * DEEP, 1, words, inside, high_b)
            close_group()
        at_a, at_b = at_a + (stages - 1) * DEEP, at_b + (stages - 1) * DEEP

        # A's pieces come as a0 and a1 of the left 4 words, then of the right; B's as b0 and b1 of 8 columns, then
        # of the next 8. Thread ``8 p + r`` names row r of piece p.
        row_a, piece_a = lane % 16, lane // 16
        row_b, piece_b = lane % 8 + lane // 16 * 8, lane // 8 % 2
        turn_a, turn_b = row_a // 2 % 4, row_b // 2 % 4
        now, free = 0, stages - 1
        for here in range(words, 0, -DEEP):
            wait()
            cuda.syncthreads()
            inside = min(here - (stages - 1) * DEEP, DEEP) - PIECE * piece
            copy_a(panels, to + free * stage_a, A, at_a, 1, words, inside, high_a)
            copy_b(panels, to + from_b + free * stage_b, B, at_b, 1, words, inside, high_b)
            close_group()
            at_a, at_b = at_a + DEEP, at_b + DEEP
            from_row_a = now * stage_a + (warp_top + row_a) * DEEP
            from_row_b = from_b + now * stage_b + (warp_left + row_b) * DEEP
            for step in range(DEEP // STEP):
                for m in range(down):
                    load_pieces(
                        a, 4 * m, panels, from_row_a + 16 * m * DEEP + PIECE * ((2 * step + piece_a) ^ turn_a)
                    )
                for n in range(across // 2):
                    load_pieces(
                        b, 4 * n, panels, from_row_b + 16 * n * DEEP + PIECE * ((2 * step + piece_b) ^ turn_b)
                    )
                for m in range(down):
                    for n in range(across):
                        multiply_add(sums, 4 * (m * across + n), a, 4 * m, b, 2 * n)
            free = now
            now = now + 1 if now + 1 < stages else 0

        wait_for_all()
        numbers = as_numbers(panels)
        at = (warp // warps_across * 16 + lane // 4) * (columns + PAD) + warp_left + lane % 4 * 2
        for part in range(down):
            cuda.syncthreads()
            show(sums, part, numbers, at)
            cuda.syncthreads()
            write(numbers, thread, part, top, left, C, which * M * N, M, N, bias, biased, step_bias, s0, s1, s2)

    return product


def plain_as_numbers(words):
    return words.view(np.float32)


@emitted(plain_as_numbers)
def as_numbers(typing_context, words):
    """The same memory, read as float32."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.FloatType().as_pointer())

    return types.CPointer(types.float32)(words), codegen
