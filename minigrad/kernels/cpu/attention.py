"""Attention without its matrix of weights: ``softmax(scale q k^T + mask) v`` for each head, and the way back.

The weights of a head, (L, S), are as many as its queries times its keys: too many for the caches, and each is
needed for a moment only. So ROWS queries at a time go through all steps, in memory that the next ones write over:

    z = q k^T + mask                                    (ROWS, S), where q has been multiplied by scale
    e = e^(z - top), and share = 1 / sum e              for each row, in the place of z
    out = share e v                                     (ROWS, Ev)

The products are those of ``matmul.py``, with all operands near: the rows of one head lie between those of others,
so they are copied together, once for all queries of the head, k turned so that q k^T reads it in place. The way
back makes e once more, which takes less time than to read it from memory, and with a = share e the gradients:

    da = dout v^T,  dz = a (da - sum a da),  dq = scale dz k,  dk += dz^T q,  dv += a^T dout

Where a query sees the keys up to its own place only, those that none of the ROWS queries sees are left out: half
of the work. Threads share the queries; on the way back, where all queries of a head add to the same dk and dv,
they share the heads.

That attention need not hold its weights: Rabe and Staats, "Self-attention does not need O(n^2) memory" (2021);
block by block in near memory, with the weights made anew on the way back: Dao and others, "FlashAttention" (2022).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import types
from numba.np.numpy_support import from_dtype

from minigrad.dtypes import FLOATS, DType
from minigrad.kernels import Array, reference
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.extremes import extreme
from minigrad.kernels.cpu.math import MATHS
from minigrad.kernels.cpu.matmul import PER_ADDITION, ceil_div, make_block
from minigrad.kernels.cpu.memory import Lent, compiled, reads, row, share
from minigrad.kernels.cpu.row_sums import in_lanes
from minigrad.kernels.cpu.threads import Kernel, Kernels
from minigrad.kernels.cpu.transpose import make_transpose

__all__ = ["attention", "attention_backward"]

ROWS = 64  # queries at a time
SHORT = 1024  # numbers added up in lanes, in their own dtype
GAP = 16  # numbers between rows of S: rows a power of two apart would all compete for a few places in a cache

larger = extreme("maxnum", np.fmax)  # of a number and NaN: the number


# -- one row of weights ---------------------------------------------------------------------------------------


def make_exponentials(dtype: DType) -> Callable:
    """``exponentials(z, mask)``: with z + mask for z, e = e^(z - top) in its place, and share = 1 / sum e.

    The weights are ``share e``, and 0 where the mask hides every key. The largest element may miss a NaN: then the
    sum is NaN, and so is the row.
    """
    exp, real = MATHS[dtype]["exp"], dtype.type

    @in_lanes
    def largest(z):
        top = z[0]
        for j in range(z.size):
            top = larger(top, z[j])
        return top

    @in_lanes
    def exp_short(z, top):
        total = real(0)
        for j in range(z.size):
            z[j] = exp(z[j] - top)
            total += z[j]
        return total

    @inline
    def exponentials(z, mask):
        for j in range(mask.size):
            z[j] += mask[j]
        top = largest(z)
        if mask.size and top == -np.inf:
            top = real(0)  # e^-Inf is 0, e^(Inf - Inf) would be NaN
        total = 0.0
        for start in range(0, z.size, SHORT):
            total += exp_short(row(z, start, min(SHORT, z.size - start)), top)
        return real(1 / total if total != 0 else 0)

    return exponentials


@in_lanes
def weigh_short(a, da, share):
    """a *= share, and sum a da."""
    total = a.dtype.type(0)
    for j in range(a.size):
        a[j] *= share
        total += a[j] * da[j]
    return total


@inline
def finish_row(a, da, share):
    """a *= share, and in the place of da: dz = a (da - sum a da)."""
    total = 0.0
    for start in range(0, a.size, SHORT):
        width = min(SHORT, a.size - start)
        total += weigh_short(row(a, start, width), row(da, start, width), share)
    both = a.dtype.type(total)
    for j in range(a.size):
        da[j] = a[j] * (da[j] - both)


# -- the rows of a head ---------------------------------------------------------------------------------------


@inline
def line(x, r, n):
    """The first n numbers of row r of a matrix whose rows are not one after another."""
    return row(x, r * (x.strides[0] // x.itemsize), n)


@inline
def scale_row(x, factor, to):
    """to = factor x, for one row."""
    for c in range(x.size):
        to[c] = factor * x[c]


@inline
def copy(x, factor, to):
    """to = factor x, where the rows of ``to`` are consecutive memory."""
    rows, columns = x.shape
    for r in range(rows):
        target = line(to, r, columns)
        if x.strides[1] == x.itemsize:  # a loop of its own, which becomes vector code
            scale_row(line(x, r, columns), factor, target)
        else:
            for c in range(columns):
                target[c] = factor * x[r, c]


def make_turn(dtype: DType) -> Callable:
    """``turn(x, to)``: to = x^T."""
    transpose = make_transpose(dtype)

    @inline
    def turn(x, to):
        rows, columns = x.shape
        if x.strides[1] == x.itemsize:
            transpose(x, 0, x.strides[0] // x.itemsize, rows, columns, to, 0, to.strides[0] // to.itemsize)
        else:
            copy(x.T, to.dtype.type(1), to)

    return turn


def make_weights(dtype: DType) -> Callable:
    """``weights(q, k_turned, mask, is_causal, top, e, shares)``: e times the share of each row.

    The first of the queries q is that at place ``top``, and e has a column for each key that one of them sees. A
    mask of no elements is none.
    """
    block, exponentials = make_block(dtype), make_exponentials(dtype)

    @inline
    def weights(q, k_turned, mask, is_causal, top, e, shares):
        rows, n = e.shape
        block(q, k_turned[:, :n], shares[:0], e, 0, rows, 0, n, False)
        for r in range(rows):
            z = line(e, r, n)
            if is_causal:
                for j in range(top + r + 1, n):
                    z[j] = -np.inf
            shares[r] = exponentials(z, line(mask, top + r, n if mask.size else 0))

    return weights


# -- attention ------------------------------------------------------------------------------------------------
# The operands of every product are of one type, so that ``block`` is compiled once; its bias is of no elements.


def attention_piece(dtype: DType) -> Callable:
    """out = share e v, for the blocks of queries of a thread."""
    block, weights, turn, one = make_block(dtype), make_weights(dtype), make_turn(dtype), dtype.type(1)

    def piece(q, k, v, mask, scale, is_causal, out, part, parts):
        (outer, inner, L, E), (S, Ev) = q.shape, v.shape[2:]
        blocks = ceil_div(L, ROWS)
        first, last = share(outer * inner * blocks, part, parts)
        k_turned, v_near = np.empty((E, S + GAP), dtype), np.empty((S, Ev), dtype)
        q_near, out_near = np.empty((ROWS, E), dtype), np.empty((ROWS, Ev), dtype)
        e_near, shares, none = np.empty((ROWS, S + GAP), dtype), np.empty(ROWS, dtype), np.empty(0, dtype)
        near = -1  # the head whose k and v are
        for task in range(first, last):
            head, b = task // blocks, task % blocks
            o, i = head // inner, head % inner
            if head != near:
                turn(k[o, i], k_turned)
                copy(v[o, i], one, v_near)
                near = head
            top, bottom = share(L, b, blocks)
            rows, n = bottom - top, min(S, bottom) if is_causal else S
            queries, e, sums, result = (
                q_near[:rows, :E],
                e_near[:rows, :n],
                out_near[:rows, :Ev],
                out[o, i, top:bottom],
            )
            copy(q[o, i, top:bottom], scale, queries)
            weights(queries, k_turned, mask[o, i], is_causal, top, e, shares)
            block(e, v_near[:n, :Ev], none, sums, 0, rows, 0, Ev, False)
            for r in range(rows):
                scale_row(line(sums, r, Ev), shares[r], line(result, r, Ev))

    return piece


def attention_backward_piece(dtype: DType) -> Callable:
    """d = dq, dk, dv, one below the other, for the heads of a thread."""
    block, weights, turn, one = make_block(dtype), make_weights(dtype), make_turn(dtype), dtype.type(1)

    def piece(dout, q, k, v, mask, scale, is_causal, d, part, parts):
        (outer, inner, L, E), S = q.shape, v.shape[2]
        blocks = ceil_div(L, ROWS)
        k_turned, v_turned = np.empty((E, S + GAP), dtype), np.empty((E, S + GAP), dtype)
        k_near, dk, dv = np.empty((S, E), dtype), np.empty((S, E), dtype), np.empty((S, E), dtype)
        q_near, dq_near, dout_near = (
            np.empty((ROWS, E), dtype),
            np.empty((ROWS, E), dtype),
            np.empty((ROWS, E), dtype),
        )
        a_near, dz_near = np.empty((ROWS, S + GAP), dtype), np.empty((ROWS, S + GAP), dtype)
        shares, none = np.empty(ROWS, dtype), np.empty(0, dtype)
        for head in range(part, outer * inner, parts):
            o, i = head // inner, head % inner
            turn(k[o, i], k_turned)
            copy(k[o, i], one, k_near)
            turn(v[o, i], v_turned)
            dk[:], dv[:] = 0, 0
            for b in range(blocks):
                top, bottom = share(L, b, blocks)
                rows, n = bottom - top, min(S, bottom) if is_causal else S
                queries, dq, slope = q_near[:rows, :E], dq_near[:rows, :E], dout_near[:rows, :E]
                a, dz = a_near[:rows, :n], dz_near[:rows, :n]
                copy(q[o, i, top:bottom], scale, queries)
                copy(dout[o, i, top:bottom], one, slope)
                weights(queries, k_turned, mask[o, i], is_causal, top, a, shares)  # a is e so far
                block(slope, v_turned[:, :n], none, dz, 0, rows, 0, n, False)  # and dz is da
                for r in range(rows):
                    finish_row(line(a, r, n), line(dz, r, n), shares[r])
                block(dz, k_near[:n, :E], none, dq, 0, rows, 0, E, False)
                block(dz.T, queries, none, dk[:n, :E], 0, n, 0, E, True)
                block(a.T, slope, none, dv[:n, :E], 0, n, 0, E, True)
                copy(dq, scale, d[o, i, top:bottom])
            copy(dk, one, d[o, i, L : L + S])
            copy(dv, one, d[o, i, L + S :])

    return piece


# -- functions of the contract --------------------------------------------------------------------------------


def kernels(name: str, make_piece: Callable, operands: int) -> Kernels:
    """For ``operands`` arrays of any strides, the mask, scale, whether it is causal, and the result."""

    def build(dtype: DType) -> Kernel:
        operand, number, flag = reads(dtype, 4, "A"), from_dtype(dtype), types.boolean
        return Kernel(name, make_piece(dtype), (*[operand] * (operands + 1), number, flag, Lent(dtype, 4, "A")))

    return Kernels(build, FLOATS)


_attention = kernels("attention", attention_piece, 3)
_attention_backward = kernels("attention_backward", attention_backward_piece, 4)


def attention(q: Array, k: Array, v: Array, mask: Array | None, scale: float, is_causal: bool) -> Array:
    if not all(map(compiled, (q, k, v))):
        return reference.attention(q, k, v, mask, scale, is_causal)
    out = for_heads(q, q.shape[-2], v.shape[-1])
    run(_attention[q.dtype], (q, k, v), mask, scale, is_causal, out)
    return out.reshape(*q.shape[:-1], v.shape[-1])


def attention_backward(
    dout: Array, q: Array, k: Array, v: Array, mask: Array | None, scale: float, is_causal: bool
) -> Array:
    if not all(map(compiled, (q, k, v))):
        return reference.attention_backward(dout, q, k, v, mask, scale, is_causal)
    *batch, L, E = q.shape
    many = L + 2 * k.shape[-2]
    d = for_heads(q, many, E)
    run(_attention_backward[q.dtype], (dout, q, k, v), mask, scale, is_causal, d)
    return d.reshape(*batch, many, E)


def run(
    kernel: Kernel, operands: tuple[Array, ...], mask: Array | None, scale: float, is_causal: bool, out: Array
) -> None:
    """Call the kernel with the batch as two dims, and the mask repeated for each of them."""
    q, v = operands[-3], operands[-1]
    *batch, L, _ = q.shape
    S = v.shape[-2]
    outer, inner = as_heads(batch)
    if mask is None:
        mask = np.empty((outer, inner, 0, 0), q.dtype)
    else:
        mask = np.broadcast_to(mask, (*batch, L, S))
        if mask.strides[-1] != mask.itemsize:
            mask = mask.copy()
        mask = mask.reshape(outer, inner, L, S)
    arrays = [x.reshape(outer, inner, *x.shape[-2:]) for x in operands]
    work = len(operands) * q.size * S // PER_ADDITION  # there are about as many products as operands
    kernel(work, *arrays, mask, q.dtype.type(scale), is_causal, out)


def as_heads(batch: list[int]) -> tuple[int, int]:
    """The dims of a batch as two: those before the last, and the heads."""
    return (math.prod(batch[:-1]), batch[-1]) if len(batch) > 1 else (math.prod(batch), 1)


def for_heads(q: Array, rows: int, columns: int) -> Array:
    """Memory for (outer, heads, rows, columns), the heads of a row together, as a layer joins them."""
    outer, inner = as_heads(list(q.shape[:-2]))
    return np.empty((outer, rows, inner, columns), q.dtype).swapaxes(1, 2)
