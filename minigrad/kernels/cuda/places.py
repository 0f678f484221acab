"""Where a block's tile is in C, and how its sums get there from the registers of many threads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.kernels.cuda.intrinsics import WIDE, load4, store4
from minigrad.kernels.cuda.shim import device

GROUP = 8  # rows of tiles that are worked through together


def make_corner(rows: int, columns: int) -> Callable:
    """``corner(block, M, N)``: where a block's tile begins, its row and column, and which of several C it is in.

    ``GROUP`` rows of tiles are gone through column by column, then the next. So the blocks that run at the same
    time work on a piece of C that is nearly square, and find most of what they read in the second cache (P.
    Tillet, "Matrix multiplication", a tutorial of Triton).
    """

    @device
    def corner(block, M, N):
        tiles_down, tiles_across = (M + rows - 1) // rows, (N + columns - 1) // columns
        tile, which = block % (tiles_down * tiles_across), block // (tiles_down * tiles_across)
        group, within = tile // (GROUP * tiles_across), tile % (GROUP * tiles_across)
        high = min(tiles_down - group * GROUP, GROUP)
        return (group * GROUP + within % high) * rows, within // high * columns, which

    return corner


def make_write(
    dtype: np.dtype, columns: int, pitch: int, threads: int, bands: tuple[int, int, int], rule: Callable
) -> Callable:
    """``write(panel, thread, part, top, left, C, first, M, N, bias, biased, step_bias, s0, s1, s2)``: a part.

    What one thread has summed lies scattered in C, so the sums go through shared memory, in rows of ``pitch``
    elements, and neighbours write neighbours. Here the bias is added and the rule applied, once for each element.
    ``bands`` are (high, gap, count): part p has rows ``p high`` to ``p high + high`` of the tile, and those
    ``gap`` rows further down, and so on.
    """
    high, gap, count = bands
    zero, elements = dtype.type(0), count * high * columns

    @device
    def begin(bias, biased, step_bias, j, N):
        return bias[j * step_bias] if biased and j < N else zero

    @device
    def write(panel, thread, part, top, left, C, first, M, N, bias, biased, step_bias, s0, s1, s2):
        for e in range(thread * WIDE, elements, threads * WIDE):
            row, column = e // columns, e % columns
            i, j = top + row // high * gap + part * high + row % high, left + column
            p, q, r, s = load4(panel, row * pitch + column)
            p = rule(p + begin(bias, biased, step_bias, j, N), s0, s1, s2)
            q = rule(q + begin(bias, biased, step_bias, j + 1, N), s0, s1, s2)
            r = rule(r + begin(bias, biased, step_bias, j + 2, N), s0, s1, s2)
            s = rule(s + begin(bias, biased, step_bias, j + 3, N), s0, s1, s2)
            at = first + i * N + j
            if N % WIDE == 0 and i < M and j < N:
                store4(C, at, p, q, r, s)
            elif i < M:
                if j < N:
                    C[at] = p
                if j + 1 < N:
                    C[at + 1] = q
                if j + 2 < N:
                    C[at + 2] = r
                if j + 3 < N:
                    C[at + 3] = s

    return write
