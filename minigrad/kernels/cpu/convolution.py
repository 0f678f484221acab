"""Convolutions as matrix products, without the matrix: ``y[m, t] = b[m] + sum_k A[m, k] X[offset[k] + t]``.

A convolution is the product of the weight with a matrix whose row k is the image seen through the k-th element of
all windows. That matrix need not be built. Its rows overlap, and each is there already, from ``offset[k]`` on, in
an image that was laid out for it; the tiles of ``tile.py`` read it there.

Laid out, an image is ``X[c, a, b, q, r] = x[c, q s + a - p, r s + b - p]``: with its padding, and where the stride
s is above 1, in s * s parts. A step of the windows is then a step of one element in each part, so all windows of
an image are one row of numbers t, line by line, with a few between the lines that reach over the border and are
dropped.

================  ====================================  ====================================================
                  what is laid out                      what is computed
================  ====================================  ====================================================
conv              x, in parts                           z, in one go
conv_transpose    z, as far out as windows reach        x, in s * s parts, each from the k that step into it
conv_weight       x, in parts, and z, turned            ``W[k, o] = sum_t X[offset[k] + t] z[t, o]``
================  ====================================  ====================================================

Where every element is a window of its own, the image is that matrix already, and the three are products of
``matmul.py``.

Threads share images and bands of their lines. A weight gradient is a sum over these, and is made of a fixed number
of partial sums, which threads share: the result does not depend on how many threads there are.

Not to build the matrix is an idea of Zhang, Franchetti and Low, "High performance zero-memory overhead direct
convolutions" (2018).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from minigrad.dtypes import FLOATS, int64
from minigrad.kernels import Array, Dims, reference
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.layout import (
    Plan,
    conv_plan,
    five_in,
    layout_in,
    make_lay_out,
    transpose_plan,
    weight_plan,
)
from minigrad.kernels.cpu.lines import make_copy
from minigrad.kernels.cpu.matmul import NO_BIAS, PER_ADDITION, ceil_div, dots, matmul
from minigrad.kernels.cpu.memory import at, reads, row, share, writes
from minigrad.kernels.cpu.threads import Kernel, Kernels
from minigrad.kernels.cpu.tile import host_registers, make_tile
from minigrad.kernels.cpu.transpose import make_transpose
from minigrad.kernels.windows import Windows

__all__ = ["conv", "conv_transpose", "conv_weight"]

DEPTH = 256  # of t at once in a weight gradient: what several tiles read stays in the first cache


# -- convolution and its transpose ----------------------------------------------------------------------------


def tiles(dtype: np.dtype, scattered: str, tall: int) -> tuple[Callable, int, int, int]:
    """The tile, with its rows, ``tall`` if there are registers for so many, its vectors, and their lanes."""
    registers = host_registers()
    sums = registers.rows * registers.vectors
    MR = tall if sums >= 2 * tall else 4
    heights = [*(m for m in (1, 2, 4, 8) if m < MR), MR]
    shapes = [(m, v) for m in heights for v in range(1, sums // MR + 1)]
    return make_tile(dtype, registers, shapes, scattered), MR, sums // MR, registers.bytes // dtype.itemsize


@inline
def height(rows, most):
    """Of the next tile, where so many rows are left: the remainder is taken in powers of 2."""
    if rows >= most:
        return most
    return 8 if rows >= 8 else 4 if rows >= 4 else 2 if rows >= 2 else 1


def products_piece(dtype: np.dtype) -> Callable:
    """For each image, group of channels and band of lines: lay it out; for each part of the output, tiles; put.

    The tiles write all t of a band one after another, and ``put`` drops those between the lines.
    """
    tile, MR, vectors, lanes = tiles(dtype, "B", 8)
    NR, lay_out, copy = vectors * lanes, make_lay_out(dtype), make_copy(dtype)

    @inline
    def multiply(A, M, K, X, offsets, T, y, step):
        """y[m, t] = sum_k A[m, k] X[offsets[k] + t]"""
        for t in range(0, T, NR):
            columns = min(NR, T - t)
            m = 0
            while m < M:
                rows = height(M - m, MR)
                tile(
                    rows, ceil_div(columns, lanes), columns, K, at(A, m * K), K, 1, at(X, t), at(offsets, 0),
                    False, at(y, 0), 0, at(y, m * step + t), step,
                )  # fmt: skip
                m += rows

    @inline
    def put(y, step, pitch, begin, lines, wide, bias, first_bias, out, first, top, left, shape):
        """out[m, (begin + q) down + top, r right + left] = bias[m] + y[m, q, r], where that is inside."""
        M, height, width, down, right = shape
        r0 = min(max(0, -(left // right)), wide)
        r1 = max(r0, min(wide, -((left - width) // right)))
        for m in range(M):
            b = bias[first_bias + m] if bias.size else y.dtype.type(0)
            for q in range(lines):
                h = (begin + q) * down + top
                if 0 <= h < height:
                    source = at(y, m * step + q * pitch + r0)
                    target = at(out, first + (m * height + h) * width + left + r0 * right)
                    if right == 1:
                        copy(source, 0, r1 - r0, b, target, r1 - r0)
                    else:
                        for r in range(r1 - r0):
                            target[r * right] = source[r] + b

    def piece(x, A, bias, offsets, table, layout, shape, output, out, part, parts):
        layout, shape, output = layout_in(layout), five_in(shape), five_in(output)
        groups, channels, high, wide, band = shape
        M, height, width, _, _ = output
        pitch, plane = layout[7], layout[8]
        bands, step = ceil_div(high, band), band * pitch
        X, y = np.empty(channels * plane + NR, x.dtype), np.empty(M * step, x.dtype)
        image = channels * layout[0] * layout[1]
        first, last = share(x.size // image * bands, part, parts)
        for item in range(first, last):
            n, begin = item // bands, item % bands * band  # n counts groups of all images
            g = n % groups
            lay_out(x, n * image, channels, layout, begin, X)
            lines = min(band, high - begin)
            for p in range(table.shape[0]):
                start, K, top, left = table[p]
                if K:
                    T = (lines - 1) * pitch + wide
                    weights = row(A, (start * groups + g * K) * M, M * K)
                    multiply(weights, M, K, X, row(offsets, start, K), T, y, step)
                else:
                    y[:] = 0
                put(
                    y, step, pitch, begin, lines, wide, bias, g * M, out, n * M * height * width, top, left, output
                )

    return piece


# -- the gradient of a weight ---------------------------------------------------------------------------------


def weight_piece(dtype: np.dtype) -> Callable:
    """For each partial sum, group and block of channels, and its images and bands: lay out, turn z, tiles.

    Few z, one for each channel perhaps, would leave most lanes of a tile idle: they are not turned, and multiplied
    with the image along t.
    """
    tile, MR, vectors, lanes = tiles(dtype, "A", 9)
    NARROW = lanes // 4
    NR, lay_out, transpose = vectors * lanes, make_lay_out(dtype), make_transpose(dtype)

    @inline
    def multiply(X, offsets, z, T, M, sums):
        """sums[k, m] += sum_t X[offsets[k] + t] z[t, m]"""
        K = offsets.size
        for t in range(0, T, DEPTH):
            deep = min(DEPTH, T - t)
            for m in range(0, M, NR):
                columns = min(NR, M - m)
                k = 0
                while k < K:
                    rows, y = height(K - k, MR), at(sums, k * M + m)
                    tile(
                        rows, ceil_div(columns, lanes), columns, deep, at(X, t), at(offsets, k), 1,
                        at(z, t * M + m), M, True, y, M, y, M,
                    )  # fmt: skip
                    k += rows

    @inline
    def multiply_few(X, offsets, Z, step, T, M, sums):
        """sums[k, m] += sum_t X[offsets[k] + t] Z[m * step + t]"""
        K = offsets.size
        for m in range(M):
            for k in range(0, K, 4):
                last = K - 1  # beyond it, the last element is taken again
                found = dots(
                    row(Z, m * step, T),
                    row(X, offsets[k], T),
                    row(X, offsets[min(k + 1, last)], T),
                    row(X, offsets[min(k + 2, last)], T),
                    row(X, offsets[min(k + 3, last)], T),
                )
                for i in range(min(4, K - k)):
                    sums[(k + i) * M + m] += found[i]

    def piece(z, x, offsets, layout, z_layout, shape, sums, part, parts):
        layout, z_layout = layout_in(layout), layout_in(z_layout)
        groups, channels, block, M, elements = five_in(shape)
        high, wide = z_layout[0], z_layout[1]
        band, pitch, z_plane = z_layout[6], z_layout[7], z_layout[8]
        blocks, count = ceil_div(channels, block), sums.shape[0]
        images = x.size // (groups * channels * layout[0] * layout[1])
        X = np.empty(block * layout[8], x.dtype)
        Z, turned = np.empty(M * z_plane, x.dtype), np.empty(z_plane * M + NR, x.dtype)
        first, last = share(count * groups * blocks, part, parts)
        for item in range(first, last):
            s, g, c = item // (groups * blocks), item // blocks % groups, item % blocks * block
            C = min(block, channels - c)
            K, total = C * elements, sums[s, g]
            n0, n1 = share(images, s, count)
            for n in range(n0 * groups + g, n1 * groups, groups):
                for begin in range(0, high, band):
                    lay_out(x, (n * channels + c) * layout[0] * layout[1], C, layout, begin, X)
                    lay_out(z, n * M * high * wide, M, z_layout, begin, Z)
                    T = (min(band, high - begin) - 1) * pitch + wide
                    own_offsets, own_sums = row(offsets, 0, K), row(total, c * elements * M, K * M)
                    if M > NARROW:
                        transpose(Z, 0, z_plane, M, ceil_div(T, lanes) * lanes, turned, 0, M)
                        multiply(X, own_offsets, turned, T, M, own_sums)
                    else:
                        multiply_few(X, own_offsets, Z, z_plane, T, M, own_sums)

    return piece


# -- functions of the contract --------------------------------------------------------------------------------


def _products(dtype: np.dtype) -> Kernel:
    numbers, indices = reads(dtype), reads(int64)
    takes = (numbers, numbers, numbers, indices, reads(int64, 2), indices, indices, indices, writes(dtype))
    return Kernel("conv", products_piece(dtype), takes)


def _weights(dtype: np.dtype) -> Kernel:
    takes = (reads(dtype), reads(dtype), *[reads(int64)] * 4, writes(dtype, 3))
    return Kernel("conv_weight", weight_piece(dtype), takes)


_product, _weight = Kernels(_products, FLOATS), Kernels(_weights, FLOATS)


def as_images(at: Windows) -> Windows:
    """Windows over lines as windows over images of one line."""
    if len(at.size) == 2:
        return at
    return Windows((1, *at.size), (1, *at.stride), (0, *at.padding), (1, *at.dilation), (1, *at.counts))


def is_pointwise(size: Dims, at: Windows, groups: int) -> bool:
    """Whether each element is a window: then a convolution is a matrix product, and nothing need be laid out."""
    return groups == 1 and at.counts == size and set(at.size + at.stride) == {1} and set(at.padding) == {0}


def is_compiled(x: Array, W: Array, at: Windows) -> bool:
    """Whether there is a kernel for that: for floats, lines and images, and not for nothing."""
    return x.dtype in FLOATS and W.dtype == x.dtype and len(at.size) <= 2 and x.size > 0 and W.size > 0


def conv(x: Array, W: Array, b: Array | None, at: Windows, groups: int) -> Array:
    if not is_compiled(x, W, at):
        return reference.conv(x, W, b, at, groups)
    if b is None and is_pointwise(x.shape[2:], at, groups):  # to add b afterwards takes as long as laying out
        return pointwise(W.reshape(W.shape[:2]), x)
    bias, size = NO_BIAS[x.dtype] if b is None else b.ravel(), (1, *x.shape[2:])[-2:]
    plan = conv_plan(size, W.shape[1], len(W) // groups, as_images(at), groups)
    out = np.empty((len(x), len(W), *at.counts), x.dtype)
    run(plan, out.size * W[0].size, x, W.ravel(), bias, out)
    return out


def conv_transpose(z: Array, W: Array, b: Array | None, size: Dims, at: Windows, groups: int) -> Array:
    if not is_compiled(z, W, at) or 0 in size:
        return reference.conv_transpose(z, W, b, size, at, groups)
    if b is None and is_pointwise(size, at, groups):
        return pointwise(W.reshape(W.shape[:2]).T, z)
    bias, images = NO_BIAS[z.dtype] if b is None else b.ravel(), as_images(at)
    M, C = len(W) // groups, W.shape[1]
    plan, taken = transpose_plan((1, *size)[-2:], M, C, images, groups)
    weights = W.reshape(groups, M, C, *images.size).swapaxes(1, 2)
    A = [weights[(..., *elements)].ravel() for elements in taken]
    out = np.empty((len(z), groups * C, *size), z.dtype)
    run(plan, z.size * W[0].size, z, A[0] if len(A) == 1 else np.concatenate(A), bias, out)
    return out


def pointwise(A: Array, x: Array) -> Array:
    """A @ x for each image."""
    return matmul(A, x.reshape(*x.shape[:2], -1)).reshape(len(x), len(A), *x.shape[2:])


def run(plan: Plan, work: int, x: Array, A: Array, bias: Array, out: Array) -> None:
    layout, offsets, parts, shape, output = plan
    _product[x.dtype](work // PER_ADDITION, x.ravel(), A, bias, offsets, parts, layout, shape, output, out)


def conv_weight(z: Array, x: Array, at: Windows, groups: int) -> Array:
    if not is_compiled(x, z, at):
        return reference.conv_weight(z, x, at, groups)
    if is_pointwise(x.shape[2:], at, groups):
        rows, columns = (t.reshape(*t.shape[:2], -1) for t in (z, x))
        return matmul(rows, columns.swapaxes(1, 2)).sum(0).reshape(z.shape[1], x.shape[1], *at.size)
    M, C = z.shape[1] // groups, x.shape[1] // groups
    plan = weight_plan((1, *x.shape[2:])[-2:], len(x), C, M, as_images(at), groups)
    elements = math.prod(at.size)
    sums = np.zeros((plan.sums, groups, C * elements * M), x.dtype)
    work = z.size * C * elements // PER_ADDITION
    _weight[x.dtype](work, z.ravel(), x.ravel(), plan.offsets, plan.layout, plan.z_layout, plan.shape, sums)
    out = np.empty((groups * M, C, *at.size), x.dtype)
    out.reshape(groups, M, C * elements)[...] = sums.sum(0).reshape(groups, C * elements, M).swapaxes(1, 2)
    return out
