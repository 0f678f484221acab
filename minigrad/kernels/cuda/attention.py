"""Attention on the GPU: products of matrices with a softmax between them, as in ``reference/attention.py``.

The weights are in memory here, as two products need them. To keep them in shared memory, block by block, as
``cpu/attention.py`` does in the caches, is left to do.
"""

from __future__ import annotations

import numpy as np

from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.elementwise import Elementwise
from minigrad.kernels.cuda.functions import add, mul
from minigrad.kernels.cuda.move import arange, cat, permute
from minigrad.kernels.cuda.products import matmul
from minigrad.kernels.cuda.reduce import amax
from minigrad.kernels.cuda.sweeps import softmax, softmax_backward

__all__ = ["attention", "attention_backward"]

up_to_own_place = Elementwise("up_to_own_place", lambda row, column, z, hidden: z if column <= row else hidden)
if_any_seen = Elementwise("if_any_seen", lambda top, hidden, a: 0 if top == hidden else a)


def attention(
    q: DeviceArray, k: DeviceArray, v: DeviceArray, mask: DeviceArray | None, scale: float, is_causal: bool
) -> DeviceArray:
    return matmul(weights(q, k, mask, scale, is_causal), v)


def attention_backward(
    dout: DeviceArray,
    q: DeviceArray,
    k: DeviceArray,
    v: DeviceArray,
    mask: DeviceArray | None,
    scale: float,
    is_causal: bool,
) -> DeviceArray:
    a = weights(q, k, mask, scale, is_causal)
    dz = mul(softmax_backward(matmul(dout, turned(v)), a, a.ndim - 1), np.asarray(scale, q.dtype))
    return cat([matmul(dz, k), matmul(turned(dz), q), matmul(turned(a), dout)], q.ndim - 2)


def weights(
    q: DeviceArray, k: DeviceArray, mask: DeviceArray | None, scale: float, is_causal: bool
) -> DeviceArray:
    hidden = np.asarray(-np.inf, q.dtype)
    z = mul(matmul(q, turned(k)), np.asarray(scale, q.dtype))
    if mask is not None:
        z = add(z, mask)
    if is_causal:
        rows, columns = arange(z.shape[-2], z.device), arange(z.shape[-1], z.device)
        up_to_own_place(rows.view((rows.size, 1), (8, 0)), columns, z, hidden, out=z)
    a = softmax(z, z.ndim - 1)
    if mask is not None:  # a query from which it hides every key has weights of 0, not of NaN
        if_any_seen(amax(z, (z.ndim - 1,), True), hidden, a, out=a)
    return a


def turned(x: DeviceArray) -> DeviceArray:
    return permute(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))
