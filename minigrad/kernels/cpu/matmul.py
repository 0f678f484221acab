"""Matrix products: ``C[i, j] = bias[j] + sum_k A[i, k] B[k, j]``.

``textbook``    the three loops, to read and to test with
``block``       the same in tiles (see ``tile.py``)
``few_rows``    for a C of a few rows

C is cut in a grid of blocks, one for a thread; each thread packs what it reads, so threads never wait for one
another. For a batch of many products a thread takes whole products. Sums over k run in the same order however C
is cut, so the result does not depend on the number of threads.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from minigrad.kernels import Array, reference
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.math import FLOATS
from minigrad.kernels.cpu.memory import at, reads, row, share, writes
from minigrad.kernels.cpu.threads import GRAIN, Kernel, Kernels
from minigrad.kernels.cpu.tile import FEW, host_registers, make_tile
from minigrad.kernels.cpu.transpose import make_transpose

__all__ = ["linear", "matmul"]

DEPTH = 512  # of k at once: C is seldom loaded and stored, and a block of A still stays in the second cache
TILES_HIGH = 16  # rows of A at once, in tiles
WORTH = 6  # tiles that must read what is packed, for the packing to pay
PER_ADDITION = 8  # multiply-adds of a tile that take as long as one addition of an elementwise kernel


def textbook(A, B, C):
    """C = A @ B as it is defined; ``inline(textbook)`` compiles it."""
    M, K = A.shape
    K, N = B.shape
    for i in range(M):
        for j in range(N):
            total = 0.0
            for k in range(K):
                total += A[i, k] * B[k, j]
            C[i, j] = total


@inline
def steps(x):
    """Strides of a matrix in elements."""
    return x.strides[0] // x.itemsize, x.strides[1] // x.itemsize


@inline
def ceil_div(a, b):
    return (a + b - 1) // b


@inline
def grid(parts, M, N, NR):
    """(down, across): ``parts`` blocks of C, the largest as small as can be, and of short sides.

    An element of A or B that a block reads costs about as much as 8 multiply-adds.
    """
    best, least = 1, np.inf
    for down in range(1, parts + 1):
        if parts % down == 0:
            high, wide = ceil_div(M, down), ceil_div(ceil_div(N, NR), parts // down) * NR
            cost = high * wide + 8.0 * (high + wide)
            if cost < least:
                best, least = down, cost
    return best, parts // best


def make_block(dtype: np.dtype) -> Callable:
    registers = host_registers()
    MR, NR = registers.tile(dtype)
    lanes, has_masks = NR // registers.vectors, registers.masks
    heights = [*(m for m in (1, 2, 4, 8) if m < MR), MR]
    shapes = [(m, v) for m in heights for v in range(1, registers.vectors + 1)]
    tile, transpose, real = make_tile(dtype, registers, shapes), make_transpose(dtype), dtype.type

    @inline
    def height(rows):
        """Of the next tile, where so many rows are left: the remainder is taken in powers of 2."""
        if rows >= MR:
            return MR
        return 8 if rows >= 8 else 4 if rows >= 4 else 2 if rows >= 2 else 1

    @inline
    def pack_a(A, i, rows, k, deep, panel):
        """Rows stay rows where A has them in memory, but no longer in pages of their own; else columns."""
        row_a, col_a = steps(A)
        if col_a == 1:
            for r in range(rows):
                source, target = row(A, (i + r) * row_a + k, deep), row(panel, r * deep, deep)
                for c in range(deep):
                    target[c] = source[c]
        else:
            for c in range(deep):
                for r in range(rows):
                    panel[c * rows + r] = at(A, (i + r) * row_a + (k + c) * col_a)[0]

    @inline
    def pack_b(B, k, deep, j, columns, panel):
        """panel[c * NR + s] = B[k + c, j + s]."""
        row_b, col_b = steps(B)
        if row_b == 1:
            transpose(B, k + j * col_b, col_b, columns, deep, panel, 0, NR)
        elif col_b == 1 and columns == NR:
            for c in range(deep):
                source, target = row(B, (k + c) * row_b + j, NR), row(panel, c * NR, NR)
                for s in range(NR):
                    target[s] = source[s]
        else:
            for c in range(deep):
                for s in range(columns):
                    panel[c * NR + s] = at(B, (k + c) * row_b + (j + s) * col_b)[0]

    @inline
    def block(A, B, bias, C, top, bottom, left, right):
        """C[top:bottom, left:right], where ``left`` begins a tile.

        for each DEPTH of k:                        B packed in panels of NR columns
            for each TILES_HIGH tiles of rows:      A packed in panels of as many rows as a tile
                for each panel of B, for each panel of A: a tile

        In a panel stands together what a tile reads. What is small, or read by few tiles, is not packed.
        """
        (row_a, col_a), (row_b, col_b), (ldc, _) = steps(A), steps(B), steps(C)
        K = A.shape[1]
        depth = ceil_div(K, ceil_div(K, DEPTH))
        panels, tiles, high = ceil_div(right - left, NR), ceil_div(bottom - top, MR), TILES_HIGH * MR
        pack_all_a = K > DEPTH and panels >= WORTH
        pack_all_b = col_b != 1 or (tiles >= WORTH and (K > DEPTH or right - left > DEPTH))
        pack_edge = not has_masks and (right - left) % NR != 0
        a_panels = np.empty(high * depth if pack_all_a else 0, real)
        b_panels = np.empty((panels if pack_all_b else 1 if pack_edge else 0) * NR * depth, real)
        for k in range(0, K, depth):
            deep = min(depth, K - k)
            for p in range(panels):
                j = left + p * NR
                columns = min(NR, right - j)
                if pack_all_b or (pack_edge and columns < NR):
                    q = p * NR * depth if pack_all_b else 0
                    pack_b(B, k, deep, j, columns, row(b_panels, q, NR * depth))
            for i0 in range(top, bottom, high):
                i, i1 = i0, min(i0 + high, bottom)
                while pack_all_a and i < i1:
                    rows = height(i1 - i)
                    pack_a(A, i, rows, k, deep, row(a_panels, (i - i0) * depth, rows * depth))
                    i += rows
                for p in range(panels):
                    j = left + p * NR
                    columns = min(NR, right - j)
                    b, ldb = at(B, k * row_b + j * col_b), row_b
                    if pack_all_b or (pack_edge and columns < NR):
                        b, ldb = at(b_panels, p * NR * depth if pack_all_b else 0), NR
                    i = i0
                    while i < i1:
                        rows = height(i1 - i)
                        a, a_row, a_col = at(A, i * row_a + k * col_a), row_a, col_a
                        if pack_all_a:
                            a = at(a_panels, (i - i0) * depth)
                            a_row, a_col = (deep, 1) if col_a == 1 else (1, rows)
                        c = at(C, i * ldc + j)
                        start, ld_start, begin = (c, ldc, True) if k else (at(bias, j), 0, bias.size > 0)
                        tile(
                            rows, ceil_div(columns, lanes), columns, deep, a, a_row, a_col, b, ldb,
                            begin, start, ld_start, c, ldc,
                        )  # fmt: skip
                        i += rows

    return block


def one_piece(dtype: np.dtype) -> Callable:
    block, (_, NR) = make_block(dtype), host_registers().tile(dtype)

    def piece(A, B, bias, C, part, parts):
        M, N = C.shape
        down, across = grid(parts, M, N, NR)
        top, bottom = share(M, part // across, down)
        left, right = share(ceil_div(N, NR), part % across, across)
        if top < bottom and left < right:
            block(A, B, bias, C, top, bottom, left * NR, min(right * NR, N))

    return piece


def batch_piece(dtype: np.dtype) -> Callable:
    block, one = make_block(dtype), inline(one_piece(dtype))

    def piece(A, B, bias, C, part, parts):
        batch, M, N = C.shape
        first, last = (0, batch) if batch < parts else share(batch, part, parts)
        for n in range(first, last):
            if batch < parts:
                one(A[n], B[n], bias, C[n], part, parts)
            else:
                block(A[n], B[n], bias, C[n], 0, M, 0, N)

    return piece


@functools.partial(inline, fastmath={"reassoc", "nsz", "contract"})  # may add in any order, hence in lanes
def dot(x, y):
    total = x.dtype.type(0)
    for k in range(x.size):
        total += x[k] * y[k]
    return total


def few_rows_piece(dtype: np.dtype) -> Callable:
    """At most FEW rows of C, reading B in place along its consecutive elements; threads share the columns.

    B[k, :] consecutive:  tiles of few rows and many columns
    B[:, j] consecutive:  C[i, j] = bias[j] + A[i, :] . B[:, j]
    """
    registers = host_registers()
    lanes, has_masks = registers.bytes // dtype.itemsize, registers.masks
    wide, vectors = registers.wide, registers.vectors
    shapes = [(m, v) for m in range(1, FEW + 1) for v in {*range(1, vectors + 1), wide}]
    tile = make_tile(dtype, registers, shapes)

    def piece(A, B, bias, C, part, parts):
        M, N = C.shape
        K = A.shape[1]
        (row_a, col_a), (row_b, col_b) = steps(A), steps(B)
        left, right = share(ceil_div(N, lanes), part, parts)
        left, right = left * lanes, min(right * lanes, N)
        j = left
        while col_b == 1 and j < right:
            v = wide if right - j >= wide * lanes else min(vectors, ceil_div(right - j, lanes))
            if not has_masks and right - j < v * lanes:
                v = (right - j) // lanes
                if v == 0:
                    break
            columns, ldc = min(v * lanes, right - j), N
            start = at(bias, j)
            tile(M, v, columns, K, at(A, 0), row_a, col_a, at(B, j), row_b, bias.size > 0, start, 0, at(C, j), ldc)
            j += columns
        line = np.empty(K if j < right else 0, C.dtype)
        for i in range(M if j < right else 0):
            for k in range(K):
                line[k] = at(A, i * row_a + k * col_a)[0]
            for s in range(j, right):
                total = bias[s] if bias.size else line.dtype.type(0)
                if row_b == 1:
                    total += dot(line, row(B, s * col_b, K))
                else:
                    for k in range(K):
                        total += line[k] * at(B, k * row_b + s * col_b)[0]
                C[i, s] = total

    return piece


# -- functions of the contract --------------------------------------------------------------------------------


def kernels(name: str, make_piece: Callable[[np.dtype], Callable], ndim: int) -> Kernels:
    """For A and B of any strides, bias, and C."""

    def build(dtype: np.dtype) -> Kernel:
        operand = reads(dtype, ndim, "A")
        return Kernel(name, make_piece(dtype), (operand, operand, reads(dtype), writes(dtype, ndim)))

    return Kernels(build, FLOATS)


_one = kernels("matmul", one_piece, 2)
_batch = kernels("matmul_batch", batch_piece, 3)
_few_rows = kernels("matmul_few_rows", few_rows_piece, 2)
NO_BIAS = {dtype: np.empty(0, dtype) for dtype in FLOATS}


def multiply(A: Array, B: Array, bias: Array) -> Array:
    """(M, K) @ (K, N) + (N,), the first two of any strides; a bias of no elements is none."""
    (M, K), N, dtype = A.shape, B.shape[1], A.dtype
    C = np.empty((M, N), dtype)
    work = M * N * K // PER_ADDITION
    if not K:
        return empty_sum(C, bias)
    kernel, out = _one[dtype], C
    if M <= FEW:
        kernel = _few_rows[dtype]
    elif N == 1:  # a matrix and a vector: the same as the vector and the transposed matrix
        bias = np.full(M, bias[0]) if bias.size else bias
        kernel, A, B, out = _few_rows[dtype], B.T, A.T, C.reshape(1, M)
    if work < GRAIN:
        kernel.piece(A, B, bias, out, 0, 1)
    else:
        kernel(work, A, B, bias, out)
    return C


def empty_sum(C: Array, bias: Array) -> Array:
    C[...] = bias if bias.size else 0
    return C


def matmul(x: Array, y: Array) -> Array:
    """``x @ y``: vectors and batches as ``np.matmul`` treats them."""
    dtype = x.dtype
    if dtype not in FLOATS or dtype != y.dtype:
        return np.asarray(reference.matmul(x, y))
    if x.ndim == 2 == y.ndim:
        return multiply(x, y, NO_BIAS[dtype])
    A = x[None, :] if x.ndim == 1 else x
    B = y[:, None] if y.ndim == 1 else y
    (M, K), N = A.shape[-2:], B.shape[-1]
    if B.ndim == 2:  # one large product, rather than one for each of the batch
        batch = A.shape[:-2]
        C = multiply(A.reshape(math.prod(batch) * M, K), B, NO_BIAS[dtype])
    else:
        batch = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
        A, B = np.broadcast_to(A, (*batch, M, K)), np.broadcast_to(B, (*batch, K, N))
        count = math.prod(batch)
        C = multiply_each(A.reshape(count, M, K), B.reshape(count, K, N))
    return C.reshape((*batch, *[M] * (x.ndim > 1), *[N] * (y.ndim > 1)))


def multiply_each(A: Array, B: Array) -> Array:
    """(batch, M, K) @ (batch, K, N)."""
    C = np.empty((*A.shape[:2], B.shape[2]), A.dtype)
    if C.size == 0 or A.shape[2] == 0:
        return empty_sum(C, NO_BIAS[A.dtype])
    _batch[A.dtype](C.size * A.shape[2] // PER_ADDITION, A, B, NO_BIAS[A.dtype], C)
    return C


def linear(x: Array, W: Array, b: Array | None) -> Array:
    """``x @ W.T + b``, the bias being where each sum starts."""
    dtype = x.dtype
    if dtype not in FLOATS:
        return reference.linear(x, W, b)
    bias = NO_BIAS[dtype] if b is None else b.ravel()
    if x.ndim == 2:
        return multiply(x, W.T, bias)
    *batch, K = x.shape
    z = multiply(x.reshape(math.prod(batch), K), W.T, bias)
    return z.reshape((*batch, len(W)))
