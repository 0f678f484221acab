"""Cross-entropy of rows of logits and their classes, forward and backward; ``softmax.py`` has the exponentials.

    l[r] = top - z[r, y[r]] + log sum_i e^(z[r, i] - top)
    dz[r, i] = dl[r] (softmax(z)[r, i] - [i = y[r]])

A row of many classes is treated by itself. One of few would fill no vectors: SIDE of these are transposed, so that
they lie side by side as columns, and go through every step together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.dtypes import FLOATS, int64
from minigrad.kernels import Array, reference
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.elementwise import EXP
from minigrad.kernels.cpu.extremes import max_row, maximum
from minigrad.kernels.cpu.math import MATHS
from minigrad.kernels.cpu.memory import INDEX, compiled, reads, row, share, writes
from minigrad.kernels.cpu.move import contiguous
from minigrad.kernels.cpu.softmax import make_exp_sum, softmax_row
from minigrad.kernels.cpu.threads import Kernel, Kernels
from minigrad.kernels.cpu.transpose import make_transpose

__all__ = ["cross_entropy", "cross_entropy_backward"]

FEW, LEAST, SIDE = 48, 16, 64  # classes of a row that is treated with others; rows that pay for it; and at once

# -- rows of many classes -------------------------------------------------------------------------------------


def cross_entropy_piece(dtype: np.dtype) -> Callable:
    """out[r] = top - z[r, y[r]] + log total."""
    exp_sum = make_exp_sum(dtype)

    def piece(z, y, n, out, part, parts):
        start, stop = share(out.size, part, parts)
        for r in range(start, stop):
            line = row(z, r * n, n)
            top = max_row(line)
            out[r] = top - line[y[r]] + np.log(exp_sum(line, top))

    return piece


def cross_entropy_backward_piece(dtype: np.dtype) -> Callable:
    """out[r, i] = dl[r] (softmax(z)[r, i] - [i = y[r]])."""
    softmax_of, one = inline(softmax_row(dtype)), dtype.type(1)

    def piece(dl, z, y, n, out, part, parts):
        start, stop = share(dl.size, part, parts)
        for r in range(start, stop):
            dz, slope = row(out, r * n, n), dl[r]
            softmax_of(row(z, r * n, n), dz)
            dz[y[r]] -= one
            for i in range(n):
                dz[i] *= slope

    return piece


# -- rows of few classes --------------------------------------------------------------------------------------


def make_exponentials(dtype: np.dtype) -> Callable:
    """``exponentials(z, first, height, n, lines, top, total)`` of SIDE rows that lie side by side in ``lines``.

    lines[k, r] = e^(z[first + r, k] - top[r])
    """
    exp, transpose = MATHS[dtype]["exp"], make_transpose(dtype)

    @inline
    def exponentials(z, first, height, n, lines, top, total):
        transpose(z, first * n, n, height, n, lines, 0, SIDE)
        for r in range(SIDE):
            top[r], total[r] = lines[r], 0
        for k in range(1, n):
            line = row(lines, k * SIDE, SIDE)
            for r in range(SIDE):
                top[r] = maximum(top[r], line[r])
        for k in range(n):
            line = row(lines, k * SIDE, SIDE)
            for r in range(SIDE):
                line[r] -= top[r]
        for i in range(n * SIDE):
            lines[i] = exp(lines[i])
        for k in range(n):
            line = row(lines, k * SIDE, SIDE)
            for r in range(SIDE):
                total[r] += line[r]

    return exponentials


def cross_entropy_few_piece(dtype: np.dtype) -> Callable:
    """out[r] = top - z[r, y[r]] + log total."""
    exponentials, log = make_exponentials(dtype), MATHS[dtype]["log"]

    def piece(z, y, n, out, part, parts):
        start, stop = share((out.size + SIDE - 1) // SIDE, part, parts)
        lines, top, total = np.zeros(SIDE * n, z.dtype), np.empty(SIDE, z.dtype), np.empty(SIDE, z.dtype)
        for task in range(start, stop):
            first = task * SIDE
            height = min(SIDE, out.size - first)
            exponentials(z, first, height, n, lines, top, total)
            for r in range(SIDE):
                total[r] = log(total[r])
            for r in range(height):
                out[first + r] = top[r] - z[(first + r) * n + y[first + r]] + total[r]

    return piece


def cross_entropy_backward_few_piece(dtype: np.dtype) -> Callable:
    """out[r, i] = dl[r] (softmax(z)[r, i] - [i = y[r]])."""
    exponentials, transpose, one = make_exponentials(dtype), make_transpose(dtype), dtype.type(1)

    def piece(dl, z, y, n, out, part, parts):
        start, stop = share((dl.size + SIDE - 1) // SIDE, part, parts)
        lines, top, total = np.zeros(SIDE * n, z.dtype), np.empty(SIDE, z.dtype), np.empty(SIDE, z.dtype)
        slope = np.zeros(SIDE, z.dtype)
        for task in range(start, stop):
            first = task * SIDE
            height = min(SIDE, dl.size - first)
            exponentials(z, first, height, n, lines, top, total)
            for r in range(SIDE):
                total[r] = one / total[r]
            for k in range(n):
                line = row(lines, k * SIDE, SIDE)
                for r in range(SIDE):
                    line[r] *= total[r]
            for r in range(height):
                lines[y[first + r] * SIDE + r] -= one
                slope[r] = dl[first + r]
            for k in range(n):
                line = row(lines, k * SIDE, SIDE)
                for r in range(SIDE):
                    line[r] *= slope[r]
            transpose(lines, 0, SIDE, n, height, out, first * n, n)

    return piece


# -- functions of the contract --------------------------------------------------------------------------------


def _kernels(name: str, make_piece: Callable, numbers: int) -> Kernels:
    """Of so many arrays of numbers, the classes, how many there are, and the result."""

    def build(dtype: np.dtype) -> Kernel:
        return Kernel(name, make_piece(dtype), (*[reads(dtype)] * numbers, reads(int64), INDEX, writes(dtype)))

    return Kernels(build, FLOATS)


_many = _kernels("cross_entropy", cross_entropy_piece, 1)
_few = _kernels("cross_entropy_few", cross_entropy_few_piece, 1)
_many_backward = _kernels("cross_entropy_backward", cross_entropy_backward_piece, 2)
_few_backward = _kernels("cross_entropy_backward_few", cross_entropy_backward_few_piece, 2)


def are_few(z: Array) -> bool:
    """Whether the rows are treated side by side."""
    return z.shape[1] <= FEW and len(z) >= LEAST


def check_classes(y: Array, count: int) -> None:
    """Raise IndexError for what is no class: those of the forward pass may have been written over in NumPy."""
    if y.view(np.uint64).max() >= count:  # as one without a sign, what is below 0 is above every class
        wrong = y[(y < 0) | (y >= count)][0]
        raise IndexError(f"cross_entropy: class {wrong} is out of range for {count} classes")


def cross_entropy(z: Array, y: Array) -> Array:
    if not compiled(z) or y.dtype != int64:
        return reference.cross_entropy(z, y)
    check_classes(y, z.shape[1])
    out, kernels = np.empty(len(z), z.dtype), _few if are_few(z) else _many
    kernels[z.dtype](EXP * z.size, contiguous(z), y.ravel(), z.shape[1], out)
    return out


def cross_entropy_backward(dl: Array, z: Array, y: Array) -> Array:
    if not compiled(z) or y.dtype != int64:
        return reference.cross_entropy_backward(dl, z, y)
    check_classes(y, z.shape[1])
    out, kernels = np.empty(z.shape, z.dtype), _few_backward if are_few(z) else _many_backward
    kernels[z.dtype](EXP * z.size, dl.ravel(), contiguous(z), y.ravel(), z.shape[1], out)
    return out
