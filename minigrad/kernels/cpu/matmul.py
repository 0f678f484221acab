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

from minigrad.dtypes import FLOATS
from minigrad.kernels import Array, reference
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.memory import at, reads, row, share, writes
from minigrad.kernels.cpu.threads import GRAIN, Kernel, Kernels
from minigrad.kernels.cpu.tile import FEW, host_registers, make_tile
from minigrad.kernels.cpu.transpose import make_transpose

__all__ = ["linear", "matmul"]

DEPTH = 256  # of k at once: C is seldom loaded and stored, and a panel of A stays in the first cache
WIDE = 32  # tiles of columns at once: their panels of B stay in the second cache
NEAR = 1 << 19  # bytes of B that are in the second cache as they are
STREAMS = 32  # rows of a B that is not packed, nor near, to be read side by side: so many are fetched ahead
WORTH = 6  # tiles that must read what is packed, for the packing to pay
WORTH_NEAR = 12  # the same where the second cache has it anyway
PER_ADDITION = 8  # multiply-adds of a tile that take as long as one addition of an elementwise kernel
SMALL = GRAIN * PER_ADDITION  # multiply-adds that one thread does


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
def steps(x, size):
    """Strides of a matrix in elements of ``size`` bytes, a constant: to divide takes longer than a small tile."""
    return x.strides[0] // size, x.strides[1] // size


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


@functools.cache
def make_block(dtype: np.dtype) -> Callable:
    registers = host_registers()
    (MR, NR), vectors, has_masks = registers.tile(dtype), registers.vectors, registers.masks
    lanes, size, real = NR // vectors, dtype.itemsize, dtype.type
    heights = range(1, MR + 1)
    tile = make_tile(dtype, registers, [(m, v) for m in heights for v in range(1, vectors + 1)])
    whole_tile, transpose = make_tile(dtype, registers, [(MR, vectors)]), make_transpose(dtype)

    @inline
    def height(rows):
        """Of the next tile, where so many rows are left; the last two are of one height, for low ones are slow."""
        return MR if rows >= 2 * MR else ceil_div(rows, ceil_div(rows, MR))

    @inline
    def aligned(n):
        """Memory for ``n`` elements, in which each vector lies within one line of the caches."""
        x = np.empty(n + lanes, real)
        skip = -(x.ctypes.data // size) % lanes
        return x[skip : skip + n]  # a slice, unlike a row, keeps the memory from being freed

    @inline
    def pack_a(A, i, rows, k, deep, panel):
        """panel[c * rows + r] = A[i + r, k + c]."""
        row_a, col_a = steps(A, size)
        if col_a == 1:
            transpose(A, i * row_a + k, row_a, rows, deep, panel, 0, rows)
        elif row_a == 1 and rows == MR:
            for c in range(deep):
                source, target = row(A, i + (k + c) * col_a, MR), row(panel, c * MR, MR)
                for r in range(MR):
                    target[r] = source[r]
        else:
            for c in range(deep):
                for r in range(rows):
                    panel[c * rows + r] = at(A, (i + r) * row_a + (k + c) * col_a)[0]

    @inline
    def pack_b(B, k, deep, left, right, panels):
        """panels[(p * deep + c) * NR + s] = B[k + c, left + p * NR + s]."""
        row_b, col_b = steps(B, size)
        whole = (right - left) // NR if col_b == 1 else 0
        for c in range(deep if whole else 0):  # along the rows, as they lie in memory
            for p in range(whole):
                source, target = row(B, (k + c) * row_b + left + p * NR, NR), row(panels, (p * deep + c) * NR, NR)
                for s in range(NR):
                    target[s] = source[s]
        for j in range(left + whole * NR, right, NR):
            columns, first = min(NR, right - j), (j - left) * deep
            if row_b == 1:
                transpose(B, k + j * col_b, col_b, columns, deep, panels, first, NR)
            else:
                for c in range(deep):
                    for s in range(columns):
                        panels[first + c * NR + s] = at(B, (k + c) * row_b + (j + s) * col_b)[0]

    @inline
    def block(A, B, bias, C, top, bottom, left, right, adds=False):
        """C[top:bottom, left:right], where ``left`` begins a tile; added to what is there, if it ``adds``.

        for each WIDE tiles of columns, for each DEPTH of k:    B packed in panels of NR columns
            for each MR rows:                                   A packed in a panel
                for each panel of B: a tile

        In a panel stands together what a tile reads. What is small, or read by few tiles, is not packed; if it
        is not near either, few rows of B are taken at once, since each comes from memory as a stream of its own.
        """
        (row_a, col_a), (row_b, col_b), (ldc, _) = steps(A, size), steps(B, size), steps(C, size)
        K = A.shape[1]
        across, down = ceil_div(right - left, NR), ceil_div(bottom - top, MR)
        is_far = K * (right - left) * size > NEAR
        packs_a = across >= WORTH
        packs_b = col_b != 1 or down >= (WORTH if is_far else WORTH_NEAR)
        deepest = STREAMS if is_far and not packs_b else DEPTH
        depth = ceil_div(K, ceil_div(K, deepest) * lanes) * lanes
        wide = min(across, WIDE) * NR
        a_panel = b_panels = row(C, 0, 0)
        if packs_a:
            a_panel = aligned(MR * depth)
        if packs_b or not has_masks:
            b_panels = aligned((wide if packs_b else NR) * depth)
        for j0 in range(left, right, wide):
            j1 = min(j0 + wide, right)
            packed = j0 if packs_b else j1 if has_masks else j1 // NR * NR  # the first column that is
            for k in range(0, K, depth):
                deep = min(depth, K - k)
                pack_b(B, k, deep, packed, j1, b_panels)
                i = top
                while i < bottom:
                    rows = height(bottom - i)
                    a, a_row, a_col = at(A, i * row_a + k * col_a), row_a, col_a
                    if packs_a:
                        pack_a(A, i, rows, k, deep, a_panel)
                        a, a_row, a_col = at(a_panel, 0), 1, rows
                    for j in range(j0, j1, NR):
                        columns = min(NR, right - j)
                        b, ldb = at(B, k * row_b + j * col_b), row_b
                        if j >= packed:
                            b, ldb = at(b_panels, (j - packed) * deep), NR
                        c = at(C, i * ldc + j)
                        start, ld_start, begin = (c, ldc, True) if k or adds else (at(bias, j), 0, bias.size > 0)
                        if packs_a and packs_b and rows == MR and columns == NR:  # with constants for steps
                            whole_tile(MR, vectors, NR, deep, a, 1, MR, b, NR, begin, start, ld_start, c, ldc)
                        else:
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
        down, across = grid(parts, M, N, NR) if parts > 1 else (1, 1)
        top, bottom = share(M, part // across, down)
        left, right = share(ceil_div(N, NR), part % across, across)
        if top < bottom and left < right:
            block(A, B, bias, C, top, bottom, left * NR, min(right * NR, N))

    return piece


def batch_piece(dtype: np.dtype) -> Callable:
    block, one = make_block(dtype), inline(one_piece(dtype))

    def piece(A, B, bias, C, part, parts):
        outer, inner, M, N = C.shape
        batch = outer * inner
        first, last = (0, batch) if batch < parts else share(batch, part, parts)
        for n in range(first, last):
            o, i = n // inner, n % inner
            if batch < parts:
                one(A[o, i], B[o, i], bias, C[o, i], part, parts)
            else:
                block(A[o, i], B[o, i], bias, C[o, i], 0, M, 0, N)

    return piece


@functools.partial(inline, fastmath={"reassoc", "nsz", "contract"})  # may add in any order, hence in lanes
def dots(x, a, b, c, d):
    """x . a, x . b, x . c and x . d: side by side, they wait less for one another's additions."""
    zero = x.dtype.type(0)
    with_a, with_b, with_c, with_d = zero, zero, zero, zero
    for k in range(x.size):
        with_a += x[k] * a[k]
        with_b += x[k] * b[k]
        with_c += x[k] * c[k]
        with_d += x[k] * d[k]
    return with_a, with_b, with_c, with_d


def few_rows_piece(dtype: np.dtype) -> Callable:
    """At most FEW rows of C, reading B in place along its consecutive elements; threads share the columns.

    B[k, :] consecutive:  tiles of few rows and many columns
    B[:, j] consecutive:  C[i, j] = bias[j] + A[i, :] . B[:, j]
    """
    registers = host_registers()
    size, has_masks = dtype.itemsize, registers.masks
    lanes = registers.bytes // size
    wide, vectors = registers.wide, registers.vectors
    shapes = [(m, v) for m in range(1, FEW + 1) for v in {*range(1, vectors + 1), wide}]
    tile = make_tile(dtype, registers, shapes)

    def piece(A, B, bias, C, part, parts):
        M, N = C.shape
        K = A.shape[1]
        (row_a, col_a), (row_b, col_b) = steps(A, size), steps(B, size)
        left, right = share(ceil_div(N, lanes), part, parts)
        left, right = left * lanes, min(right * lanes, N)
        depth = STREAMS if K * (right - left) * size > NEAR else K
        j = left
        for k in range(0, K if col_b == 1 else 0, depth):
            deep, a, j = min(depth, K - k), at(A, k * col_a), left
            while j < right:
                v = wide if right - j >= wide * lanes else min(vectors, ceil_div(right - j, lanes))
                if not has_masks and right - j < v * lanes:
                    v = (right - j) // lanes
                    if v == 0:
                        break
                columns, b, c = min(v * lanes, right - j), at(B, k * row_b + j), at(C, j)
                start, ld_start, begin = (c, N, True) if k else (at(bias, j), 0, bias.size > 0)
                tile(M, v, columns, deep, a, row_a, col_a, b, row_b, begin, start, ld_start, c, N)
                j += columns
        line = np.empty(K if j < right else 0, C.dtype)
        for i in range(M if j < right else 0):
            for k in range(K):
                line[k] = at(A, i * row_a + k * col_a)[0]
            for s in range(j, right, 4):
                if row_b == 1:
                    last = right - 1  # beyond it, the last column is taken again
                    sums = dots(
                        line,
                        row(B, s * col_b, K),
                        row(B, min(s + 1, last) * col_b, K),
                        row(B, min(s + 2, last) * col_b, K),
                        row(B, min(s + 3, last) * col_b, K),
                    )
                for t in range(s, min(s + 4, right)):
                    start = bias[t] if bias.size else line.dtype.type(0)
                    if row_b == 1:
                        C[i, t] = start + sums[t - s]
                    else:
                        for k in range(K):
                            start += line[k] * at(B, k * row_b + t * col_b)[0]
                        C[i, t] = start

    return piece


# -- functions of the contract --------------------------------------------------------------------------------


def kernels(name: str, make_piece: Callable[[np.dtype], Callable], ndim: int) -> Kernels:
    """For A and B of any strides, bias, and C."""

    def build(dtype: np.dtype) -> Kernel:
        operand = reads(dtype, ndim, "A")
        return Kernel(name, make_piece(dtype), (operand, operand, reads(dtype), writes(dtype, ndim)))

    return Kernels(build, FLOATS)


_one = kernels("matmul", one_piece, 2)
_batch = kernels("matmul_batch", batch_piece, 4)
_few_rows = kernels("matmul_few_rows", few_rows_piece, 2)
NO_BIAS = {dtype: np.empty(0, dtype) for dtype in FLOATS}


def multiply(A: Array, B: Array, bias: Array) -> Array:
    """(M, K) @ (K, N) + (N,), the first two of any strides; a bias of no elements is none."""
    (M, K), N, dtype = A.shape, B.shape[1], A.dtype
    C = out = np.empty((M, N), dtype)
    if not K:
        return empty_sum(C, bias)
    if M > FEW and N != 1:
        kernel = _one[dtype]
    else:
        kernel = _few_rows[dtype]
        if M > FEW:  # a matrix and a vector: the same as the vector and the transposed matrix
            bias = np.full(M, bias[0]) if bias.size else bias
            A, B, out = B.T, A.T, C.reshape(1, M)
    if M * N * K < SMALL:
        kernel.piece(A, B, bias, out, 0, 1)
    else:
        kernel(M * N * K // PER_ADDITION, A, B, bias, out)
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
        batch = A.shape[:-2]
        if batch != B.shape[:-2]:
            batch = np.broadcast_shapes(batch, B.shape[:-2])
            A, B = np.broadcast_to(A, (*batch, M, K)), np.broadcast_to(B, (*batch, K, N))
        sizes = math.prod(batch[:-1]), batch[-1]  # two, so that heads of attention need not be copied together
        C = multiply_each(A.reshape(*sizes, M, K), B.reshape(*sizes, K, N))
    return C.reshape((*batch, *[M] * (x.ndim > 1), *[N] * (y.ndim > 1)))


def multiply_each(A: Array, B: Array) -> Array:
    """(outer, inner, M, K) @ (outer, inner, K, N)."""
    C = np.empty((*A.shape[:3], B.shape[3]), A.dtype)
    if C.size == 0 or A.shape[3] == 0:
        return empty_sum(C, NO_BIAS[A.dtype])
    _batch[A.dtype](C.size * A.shape[3] // PER_ADDITION, A, B, NO_BIAS[A.dtype], C)
    return C


def linear(x: Array, W: Array, b: Array | None) -> Array:
    """``x @ W.T + b``, the bias being where each sum starts."""
    dtype = x.dtype
    if dtype not in FLOATS or dtype != W.dtype or (b is not None and dtype != b.dtype):
        return reference.linear(x, W, b)
    bias = NO_BIAS[dtype] if b is None else b.ravel()
    if x.ndim == 2:
        return multiply(x, W.T, bias)
    *batch, K = x.shape
    z = multiply(x.reshape(math.prod(batch), K), W.T, bias)
    return z.reshape((*batch, len(W)))
