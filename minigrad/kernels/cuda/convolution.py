"""Convolutions on the GPU: windows laid side by side (``im2col``), and a matrix product of them.

Every window becomes a column, so a convolution is ``W @ columns``, its derivative for x is ``W.T @ z`` with what
overlaps added up (``col2im``), and that for W is ``z @ columns.T``. Of the window's elements each thread copies,
or adds up, those of one place: nobody writes where another one does, and sums have the same order every time.

K. Chellapilla, S. Puri, P. Simard, "High performance convolutional neural networks for document processing"
(2006).
"""

from __future__ import annotations

import functools
import math

import numpy as np

from minigrad.kernels import Dims
from minigrad.kernels.cuda import array as arrays
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.functions import add
from minigrad.kernels.cuda.launch import INT, Kernel, blocks, pointer
from minigrad.kernels.cuda.move import copy, permute, reshape
from minigrad.kernels.cuda.products import matmul
from minigrad.kernels.cuda.shim import THREADS, cuda
from minigrad.kernels.windows import Windows

__all__ = ["col2im", "conv", "conv_transpose", "conv_weight", "im2col"]

SPACE = 3  # dims of space that the kernels have; fewer are as many of size 1 before them
NUMBERS = 1 + 6 * SPACE  # of planes; of size, counts, stride, padding, dilation, and of x, along each


def make_im2col(dtype):
    """y[plane, k, i] = x[plane, i s + k d - p], 0 outside x: a thread for each element of y."""
    zero = np.dtype(dtype).type(0)

    def im2col(x, y, planes, k0, k1, k2, c0, c1, c2, s0, s1, s2, p0, p1, p2, d0, d1, d2, n0, n1, n2):
        e = cuda.grid(1)
        while e < planes * k0 * k1 * k2 * c0 * c1 * c2:
            place, i = e // (c0 * c1 * c2), e % (c0 * c1 * c2)
            plane, k = place // (k0 * k1 * k2), place % (k0 * k1 * k2)
            a = i // (c1 * c2) * s0 + k // (k1 * k2) * d0 - p0
            b = i // c2 % c1 * s1 + k // k2 % k1 * d1 - p1
            c = i % c2 * s2 + k % k2 * d2 - p2
            inside = a >= 0 and a < n0 and b >= 0 and b < n1 and c >= 0 and c < n2
            y[e] = x[((plane * n0 + a) * n1 + b) * n2 + c] if inside else zero
            e += cuda.gridsize(1)

    return im2col


def make_col2im(dtype):
    """x[plane, j] = sum y[plane, k, i] over all i and k with i s + k d - p = j: a thread for each element of x."""
    zero = np.dtype(dtype).type(0)

    def col2im(y, x, planes, k0, k1, k2, c0, c1, c2, s0, s1, s2, p0, p1, p2, d0, d1, d2, n0, n1, n2):
        e = cuda.grid(1)
        while e < planes * n0 * n1 * n2:
            plane, j0, j1, j2 = e // (n0 * n1 * n2), e // (n1 * n2) % n0, e // n2 % n1, e % n2
            total = zero
            for a in range(k0):
                at0 = j0 + p0 - a * d0
                if at0 % s0 == 0 and at0 >= 0 and at0 < c0 * s0:
                    for b in range(k1):
                        at1 = j1 + p1 - b * d1
                        if at1 % s1 == 0 and at1 >= 0 and at1 < c1 * s1:
                            for c in range(k2):
                                at2 = j2 + p2 - c * d2
                                if at2 % s2 == 0 and at2 >= 0 and at2 < c2 * s2:
                                    k = (plane * k0 + a) * k1 * k2 + b * k2 + c
                                    total += y[((k * c0 + at0 // s0) * c1 + at1 // s1) * c2 + at2 // s2]
            x[e] = total
            e += cuda.gridsize(1)

    return col2im


@functools.cache
def kernels(dtype: np.dtype) -> tuple[Kernel, Kernel]:
    """(im2col, col2im)"""
    takes = (pointer(dtype), pointer(dtype), *[INT] * NUMBERS)
    return Kernel(f"im2col_{dtype}", make_im2col(dtype), *takes), Kernel(
        f"col2im_{dtype}", make_col2im(dtype), *takes
    )


def numbers(planes: int, at: Windows, sizes: Dims) -> tuple[int, ...]:
    """The kernels' arguments; dims of space that are not there have one window of one element."""
    missing = SPACE - len(sizes)
    size, counts, stride, dilation, n = (
        (1,) * missing + tuple(of) for of in (at.size, at.counts, at.stride, at.dilation, sizes)
    )
    padding = (0,) * missing + tuple(at.padding)
    return planes, *size, *counts, *stride, *padding, *dilation, *n


def contiguous(x: DeviceArray) -> DeviceArray:
    return x if x.contiguous else copy(x)


def im2col(x: DeviceArray, at: Windows) -> DeviceArray:
    y = arrays.empty((*x.shape[:2], *at.size, *at.counts), x.dtype, x.device)
    if y.size:
        steps = numbers(x.shape[0] * x.shape[1], at, x.shape[2:])
        kernels(x.dtype)[0](blocks(y, y.size), THREADS, contiguous(x), y, *steps)
    return y


def col2im(y: DeviceArray, size: Dims, at: Windows) -> DeviceArray:
    x = arrays.empty((*y.shape[:2], *size), y.dtype, y.device)
    if x.size:
        steps = numbers(y.shape[0] * y.shape[1], at, tuple(size))
        kernels(y.dtype)[1](blocks(x, x.size), THREADS, contiguous(y), x, *steps)
    return x


# -- products -------------------------------------------------------------------------------------------------


def conv(x: DeviceArray, W: DeviceArray, b: DeviceArray | None, at: Windows, groups: int) -> DeviceArray:
    """z[n, g, o, i] = W[g, o, ck] y[n, g, ck, i]"""
    N, M, K = x.shape[0], W.shape[0], math.prod(W.shape[1:])
    y = reshape(im2col(x, at), (N, groups, K, math.prod(at.counts)))
    z = matmul(reshape(W, (groups, M // groups, K)), y)
    return with_bias(reshape(z, (N, M, *at.counts)), b)


def conv_transpose(
    z: DeviceArray, W: DeviceArray, b: DeviceArray | None, size: Dims, at: Windows, groups: int
) -> DeviceArray:
    """y[n, g, ck, i] = W[g, o, ck] z[n, g, o, i], and what overlaps added up"""
    N, M, K = z.shape[0], W.shape[0], math.prod(W.shape[1:])
    of_z = reshape(z, (N, groups, M // groups, math.prod(at.counts)))
    y = matmul(permute(reshape(W, (groups, M // groups, K)), (0, 2, 1)), of_z)
    return with_bias(col2im(reshape(y, (N, groups * W.shape[1], *at.size, *at.counts)), size, at), b)


def conv_weight(z: DeviceArray, x: DeviceArray, at: Windows, groups: int) -> DeviceArray:
    """W[g, o, ck] = z[g, o, ni] y[g, ck, ni]"""
    N, M, C = x.shape[0], z.shape[1], x.shape[1]
    K, L = C // groups * math.prod(at.size), math.prod(at.counts)
    of_z = reshape(permute(reshape(z, (N, groups, M // groups, L)), (1, 2, 0, 3)), (groups, M // groups, N * L))
    of_y = reshape(permute(reshape(im2col(x, at), (N, groups, K, L)), (1, 2, 0, 3)), (groups, K, N * L))
    return reshape(matmul(of_z, permute(of_y, (0, 2, 1))), (M, C // groups, *at.size))


def with_bias(z: DeviceArray, b: DeviceArray | None) -> DeviceArray:
    """z with b[o] added to channel o, in place."""
    return z if b is None else add(z, reshape(b, (-1, *[1] * (z.ndim - 2))), out=z)
