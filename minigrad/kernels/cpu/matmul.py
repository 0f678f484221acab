"""Matrix products: ``C[i, j] = bias[j] + sum_k A[i, k] B[k, j]``.

``textbook``    the three loops, to read and to test with
``block``       the same in tiles (see ``tile.py``)
``few_rows``    for a C of a few rows, where most of a tile would be empty

C is cut in a grid of blocks, one for a thread; each thread packs what it reads, so threads never wait for one
another. For a batch of many products a thread takes whole products. Sums over k run in the same order however C
is cut, so the result does not depend on the number of threads.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
from numba import carray, types
from numba.np.numpy_support import from_dtype

from minigrad.kernels import reference
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.elementwise import flat, share
from minigrad.kernels.cpu.math import FLOATS
from minigrad.kernels.cpu.threads import Kernel
from minigrad.kernels.cpu.tile import at, host_registers, make_tile
from minigrad.kernels.reference import Array

DEPTH = 512  # of k at once: a packed panel of B then stays in the first cache, a block of A in the second
TILES_HIGH = 16  # rows of A at once, in tiles
FEW = 4  # rows
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
def pack(source, width, panel):
    """panel[c * width + r] = source[r, c], with zeros where source has less than ``width`` rows."""
    rows, columns = source.shape
    for c in range(columns):
        for r in range(rows):
            panel[c * width + r] = source[r, c]
        for r in range(rows, width):
            panel[c * width + r] = 0


@inline
def ceil_div(a, b):
    return (a + b - 1) // b


@inline
def grid(parts, high, wide):
    """(down, across): ``parts`` blocks, so that their sides, and with them what a thread packs, are short."""
    down, shortest = 1, high + wide + 1.0
    for d in range(1, parts + 1):
        if parts % d == 0 and high / d + wide * d / parts < shortest:
            down, shortest = d, high / d + wide * d / parts
    return down, parts // down


def make_block(dtype: np.dtype) -> Callable:
    registers = host_registers()
    MR, NR = registers.tile(dtype)
    tile = make_tile(dtype, registers)
    real = dtype.type

    @inline
    def block(A, B, bias, C, top, bottom, left, right):
        """C[top:bottom, left:right], whose first row and column begin tiles.

        for each DEPTH of k:                        B packed in panels of NR columns
            for each TILES_HIGH * MR rows:          A packed in panels of MR rows
                for each panel of B, for each panel of A: a tile

        In a panel, what a tile reads stands in the order of reading, padded with zeros, so that tiles at the edges
        are like all others. Small matrices are in the caches anyway: only their edges are packed.
        """
        (row_a, col_a), (row_b, col_b), (ldc, _) = steps(A), steps(B), steps(C)
        K = A.shape[1]
        depth, high, panels = min(K, DEPTH), TILES_HIGH * MR, ceil_div(right - left, NR)
        small_a = K <= DEPTH and (bottom - top) <= DEPTH
        small_b = col_b == 1 and K <= DEPTH and (right - left) <= DEPTH
        a_panels = np.empty((1 if small_a else TILES_HIGH) * depth * MR, real)
        b_panels = np.empty((1 if small_b else panels) * depth * NR, real)
        corner = np.zeros(MR * NR, real)  # where the tile sticks out of C, it is computed here
        for k in range(0, K, DEPTH):
            deep = min(DEPTH, K - k)
            for p in range(panels):
                j = left + p * NR
                if not small_b or right - j < NR:
                    q = 0 if small_b else p * depth * NR
                    pack(B[k : k + deep, j : min(j + NR, right)].T, NR, b_panels[q:])
            for i0 in range(top, bottom, high):
                i1 = min(i0 + high, bottom)
                for i in range(i0, i1, MR):
                    if not small_a or i1 - i < MR:
                        q = 0 if small_a else (i - i0) * depth
                        pack(A[i : min(i + MR, i1), k : k + deep], MR, a_panels[q:])
                for p in range(panels):
                    j = left + p * NR
                    columns = min(NR, right - j)
                    if small_b and columns == NR:
                        b, ldb = at(B, k * row_b + j), row_b
                    else:
                        b, ldb = at(b_panels, 0 if small_b else p * depth * NR), NR
                    for i in range(i0, i1, MR):
                        rows = min(MR, i1 - i)
                        if small_a and rows == MR:
                            a, a_row, a_col = at(A, i * row_a + k * col_a), row_a, col_a
                        else:
                            a, a_row, a_col = at(a_panels, 0 if small_a else (i - i0) * depth), 1, MR
                        c, c_row = at(C, i * ldc + j), ldc
                        start, start_row = (c, ldc) if k else (at(bias, j), 0)
                        inside = rows == MR and columns == NR
                        if not inside:
                            for r in range(rows):
                                for s in range(columns):
                                    corner[r * NR + s] = C[i + r, j + s] if k else bias[j + s]
                            c, c_row, start, start_row = at(corner, 0), NR, at(corner, 0), NR
                        tile(deep, a, a_row, a_col, b, ldb, start, start_row, c, c_row)
                        if not inside:
                            for r in range(rows):
                                for s in range(columns):
                                    C[i + r, j + s] = corner[r * NR + s]

    def piece(A, B, bias, C, part, parts):
        batch, M, N = C.shape
        high, wide = ceil_div(M, MR), ceil_div(N, NR)
        first, last, top, bottom, left, right = 0, batch, 0, high, 0, wide
        if batch >= parts:
            first, last = share(batch, part, parts)
        else:
            down, across = grid(parts, M, N)
            top, bottom = share(high, part // across, down)
            left, right = share(wide, part % across, across)
        for n in range(first, last):
            block(A[n], B[n], bias, C[n], top * MR, min(bottom * MR, M), left * NR, min(right * NR, N))

    return piece


@functools.partial(inline, fastmath={"reassoc", "nsz", "contract"})  # may add in any order, hence in lanes
def dot(x, y):
    total = x.dtype.type(0)
    for k in range(x.size):
        total += x[k] * y[k]
    return total


def few_rows(A, B, bias, C, part, parts):
    """Each row of C by itself, reading B along its consecutive elements; threads share the columns.

    B[:, j] consecutive:  C[i, j] = bias[j] + A[i, :] . B[:, j]
    B[k, :] consecutive:  C[i, :] = bias, then C[i, :] += A[i, k] B[k, :] for each k
    """
    batch, M, N = C.shape
    K = A.shape[2]
    left, right = share(N, part, parts)
    row = np.empty(K, C.dtype)
    for n in range(batch):
        row_b, col_b = steps(B[n])
        for i in range(M):
            for k in range(K):
                row[k] = A[n, i, k]
            c = C[n, i, left:right]
            for j in range(c.size):
                c[j] = bias[left + j]
            if row_b == 1:
                for j in range(c.size):
                    c[j] += dot(row, carray(at(B[n], (left + j) * col_b), K))
            else:
                for k in range(K):
                    a, b = row[k], carray(at(B[n], k * row_b + left), right - left)
                    for j in range(c.size):
                        c[j] += a * b[j]


# -- functions of the contract --------------------------------------------------------------------------------


def types_of(dtype: np.dtype) -> tuple:
    """A and B of any strides, also read-only, so that one compilation serves them all; bias; C."""
    element = from_dtype(dtype)
    strided = types.Array(element, 3, "A", readonly=True)
    return strided, strided, types.Array(element, 1, "C"), types.Array(element, 3, "C")


@functools.cache
def tiled_kernel(dtype: np.dtype) -> Kernel:
    return Kernel("matmul", make_block(dtype), types_of(dtype))


@functools.cache
def few_rows_kernel(dtype: np.dtype) -> Kernel:
    return Kernel("matmul_few_rows", few_rows, types_of(dtype))


def multiply(A: Array, B: Array, bias: Array | None) -> Array:
    """(batch, M, K) @ (batch, K, N) + (N,), each of which may have any strides and be read-only."""
    (batch, M, K), N = A.shape, B.shape[2]
    C = np.empty((batch, M, N), A.dtype)
    if C.size == 0 or K == 0:
        C[...] = 0 if bias is None else bias
        return C
    if N == 1 < M:  # a matrix and a vector: the same as the vector and the transposed matrix
        row = None if bias is None else np.full(M, bias[0])
        return multiply(B.transpose(0, 2, 1), A.transpose(0, 2, 1), row).reshape(C.shape)
    A, B = (x if x.flags.aligned else x.copy() for x in (A, B))
    bias = np.zeros(N, A.dtype) if bias is None else flat(bias)
    if M > FEW:
        tiled_kernel(A.dtype)(C.size * K // PER_ADDITION, A, B, bias, C)
        return C
    if A.dtype.itemsize not in B.strides[1:]:
        B = B.copy()
    few_rows_kernel(A.dtype)(C.size * K // PER_ADDITION, A, B, bias, C)
    return C


def matmul(x: Array, y: Array) -> Array:
    """``x @ y``: vectors and batches as ``np.matmul`` treats them."""
    if x.dtype not in FLOATS or x.dtype != y.dtype:
        return np.asarray(reference.matmul(x, y))
    A = x[None, :] if x.ndim == 1 else x
    B = y[:, None] if y.ndim == 1 else y
    (M, K), N = A.shape[-2:], B.shape[-1]
    if B.ndim == 2:  # one large product, rather than one for each of the batch
        batch = A.shape[:-2]
        C = multiply(A.reshape(1, math.prod(batch) * M, K), B[None], None)
    else:
        batch = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
        A, B = np.broadcast_to(A, (*batch, M, K)), np.broadcast_to(B, (*batch, K, N))
        count = math.prod(batch)
        C = multiply(A.reshape(count, M, K), B.reshape(count, K, N), None)
    return C.reshape((*batch, *[M] * (x.ndim > 1), *[N] * (y.ndim > 1)))


def linear(x: Array, W: Array, b: Array | None) -> Array:
    """``x @ W.T + b``, the bias being where each sum starts."""
    if x.dtype not in FLOATS:
        return reference.linear(x, W, b)
    *batch, K = x.shape
    z = multiply(x.reshape(1, math.prod(batch), K), W.T[None], b)
    return z.reshape((*batch, len(W)))
