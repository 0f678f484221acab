"""Recurrent layers over a whole sequence on the GPU: each step is a matrix product and one kernel for the rest.

The steps wait for each other, so a step should be few launches: the product of the state is one, and what an LSTM
or a GRU makes of it, with all its gates, is the other. A thread has one number of the state, and keeps every gate
in a register on its way to memory. What is computed is in ``reference/recurrent.py``.
"""

from __future__ import annotations

import functools

import numpy as np

from minigrad.kernels import rules
from minigrad.kernels.cuda import array as arrays
from minigrad.kernels.cuda.activation import relu, relu_backward, tanh, tanh_backward
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.convolution import contiguous
from minigrad.kernels.cuda.elementwise import Elementwise
from minigrad.kernels.cuda.functions import add
from minigrad.kernels.cuda.launch import INT, Kernel, blocks, pointer
from minigrad.kernels.cuda.math import names
from minigrad.kernels.cuda.move import copy, full, write
from minigrad.kernels.cuda.products import linear, matmul
from minigrad.kernels.cuda.shim import THREADS, cuda, specialise

__all__ = ["gru", "gru_backward", "lstm", "lstm_backward", "rnn_relu"]
__all__ += ["rnn_relu_backward", "rnn_tanh", "rnn_tanh_backward"]

# -- plain ----------------------------------------------------------------------------------------------------


def rnn_tanh(z: DeviceArray, h0: DeviceArray, W: DeviceArray) -> DeviceArray:
    return plain(tanh, z, h0, W)


def rnn_relu(z: DeviceArray, h0: DeviceArray, W: DeviceArray) -> DeviceArray:
    return plain(relu, z, h0, W)


def rnn_tanh_backward(dy: DeviceArray, y: DeviceArray, W: DeviceArray) -> DeviceArray:
    return plain_backward(tanh_backward, dy, y, W)


def rnn_relu_backward(dy: DeviceArray, y: DeviceArray, W: DeviceArray) -> DeviceArray:
    return plain_backward(relu_backward, dy, y, W)


def plain(f: Elementwise, z: DeviceArray, h0: DeviceArray, W: DeviceArray) -> DeviceArray:
    """h_t = f(z_t + W h_(t-1))"""
    y = arrays.like(z, (len(z) + 1, *h0.shape))
    write(y, h0, 0)
    for t in range(1, len(y)):
        h = add(z[t - 1], linear(y[t - 1], W, None), out=y[t])
        f(h, out=h)
    return y


def plain_backward(f_backward: Elementwise, dy: DeviceArray, y: DeviceArray, W: DeviceArray) -> DeviceArray:
    """dz_t = dh_t f'        where dh_t is dy_t and what comes back from the step after it; dh_0 in slot 0"""
    d, dh = arrays.like(y), dy[-1]
    for t in reversed(range(1, len(y))):
        dz = f_backward(dh, y[t], out=d[t])
        dh = add(dy[t - 1], matmul(dz, W))
    write(d, dh, 0)
    return d


# -- long short-term memory -----------------------------------------------------------------------------------


def make_lstm(dtype):
    """(lstm, lstm_backward): a step, from its product q; a state has ``size`` numbers, H in a row."""
    sigmoid = specialise(rules.sigmoid, dtype, names(dtype))
    squash = names(dtype)["tanh"]
    one = np.dtype(dtype).type(1)

    def lstm(z, q, y, t, steps, size, H):
        e = cuda.grid(1)
        while e < size:
            gates, here = e // H * 4 * H + e % H, t * size + e
            of_z, plane = (t - 1) * 4 * size + gates, steps * size
            i = sigmoid(z[of_z] + q[gates])
            f = sigmoid(z[of_z + H] + q[gates + H])
            g = squash(z[of_z + 2 * H] + q[gates + 2 * H])
            o = sigmoid(z[of_z + 3 * H] + q[gates + 3 * H])
            c = f * y[plane + here - size] + i * g
            y[here], y[plane + here] = o * squash(c), c
            y[2 * plane + here], y[3 * plane + here] = i, f
            y[4 * plane + here], y[5 * plane + here] = g, o
            e += cuda.gridsize(1)

    def lstm_backward(dy, y, dh, dc, d, t, steps, size, H):
        e = cuda.grid(1)
        while e < size:
            here, plane = t * size + e, steps * size
            c, i, f = y[plane + here], y[2 * plane + here], y[3 * plane + here]
            g, o = y[4 * plane + here], y[5 * plane + here]
            a, back = squash(c), dh[e]
            total = dc[e] + back * o * (one - a * a)
            to = t * 4 * size + e // H * 4 * H + e % H
            d[to] = (dy[2 * plane + here] + total * g) * i * (one - i)
            d[to + H] = (dy[3 * plane + here] + total * y[plane + here - size]) * f * (one - f)
            d[to + 2 * H] = (dy[4 * plane + here] + total * i) * (one - g * g)
            d[to + 3 * H] = (dy[5 * plane + here] + back * a) * o * (one - o)
            dc[e] = dy[plane + here - size] + total * f
            e += cuda.gridsize(1)

    return lstm, lstm_backward


# -- gated recurrent unit -------------------------------------------------------------------------------------


def make_gru(dtype):
    """(gru, gru_backward): a step, from its product q; the way back leaves what goes past the product in dh."""
    sigmoid = specialise(rules.sigmoid, dtype, names(dtype))
    squash = names(dtype)["tanh"]
    one = np.dtype(dtype).type(1)

    def gru(z, q, y, t, steps, size, H):
        e = cuda.grid(1)
        while e < size:
            gates, here, plane = e // H * 3 * H + e % H, t * size + e, steps * size
            of_z, own = (t - 1) * 3 * size + gates, q[gates + 2 * H]
            r = sigmoid(z[of_z] + q[gates])
            u = sigmoid(z[of_z + H] + q[gates + H])
            n = squash(z[of_z + 2 * H] + r * own)
            y[here] = n + u * (y[here - size] - n)
            y[plane + here], y[2 * plane + here] = r, u
            y[3 * plane + here], y[4 * plane + here] = n, own
            e += cuda.gridsize(1)

    def gru_backward(dy, y, dh, d, t, steps, size, H):
        e = cuda.grid(1)
        while e < size:
            here, plane, back = t * size + e, steps * size, dh[e]
            r, u, n, q = y[plane + here], y[2 * plane + here], y[3 * plane + here], y[4 * plane + here]
            dn = (dy[3 * plane + here] + back * (one - u)) * (one - n * n)
            to = t * 4 * size + e // H * 4 * H + e % H
            d[to] = dn
            d[to + H] = (dy[plane + here] + dn * q) * r * (one - r)
            d[to + 2 * H] = (dy[2 * plane + here] + back * (y[here - size] - n)) * u * (one - u)
            d[to + 3 * H] = dy[4 * plane + here] + dn * r
            dh[e] = dy[here - size] + back * u
            e += cuda.gridsize(1)

    return gru, gru_backward


@functools.cache
def kernels(dtype: np.dtype) -> dict[str, Kernel]:
    """The kernels of a step, by name; each takes arrays, and then t, the number of steps, the states' size, H."""
    found, operands = {}, {"lstm": 3, "lstm_backward": 5, "gru": 3, "gru_backward": 4}
    for function in (*make_lstm(dtype), *make_gru(dtype)):
        name = function.__name__
        found[name] = Kernel(f"{name}_{dtype}", function, *[pointer(dtype)] * operands[name], *[INT] * 4)
    return found


def start(name: str, t: int, y: DeviceArray, *operands: DeviceArray) -> None:
    """Do the part of step t that is not a product; y is (planes, steps, B, H)."""
    _, steps, B, H = y.shape
    if B * H:
        kernels(y.dtype)[name](blocks(y, B * H), THREADS, *operands, t, steps, B * H, H)


# -- functions of the contract --------------------------------------------------------------------------------


def lstm(z: DeviceArray, h0: DeviceArray, c0: DeviceArray, W: DeviceArray) -> DeviceArray:
    z, y = contiguous(z), full((6, len(z) + 1, *h0.shape), 0, z.dtype, z.device)
    write(y, h0, (0, 0))
    write(y, c0, (1, 0))
    for t in range(1, y.shape[1]):
        start("lstm", t, y, z, linear(y[0, t - 1], W, None), y)
    return y


def lstm_backward(dy: DeviceArray, y: DeviceArray, W: DeviceArray) -> DeviceArray:
    dy, y = contiguous(dy), contiguous(y)
    _, steps, B, H = y.shape
    d = full((steps, B, 4 * H), 0, y.dtype, y.device)
    dh, dc = dy[0, -1], copy(dy[1, -1])
    for t in reversed(range(1, steps)):
        start("lstm_backward", t, y, dy, y, dh, dc, d)
        dh = add(dy[0, t - 1], matmul(d[t], W))
    write(d[0], dh, (slice(None), slice(0, H)))
    write(d[0], dc, (slice(None), slice(H, 2 * H)))
    return d


def gru(z: DeviceArray, h0: DeviceArray, W: DeviceArray, b: DeviceArray | None) -> DeviceArray:
    z, y = contiguous(z), full((5, len(z) + 1, *h0.shape), 0, z.dtype, z.device)
    write(y, h0, (0, 0))
    for t in range(1, y.shape[1]):
        start("gru", t, y, z, linear(y[0, t - 1], W, b), y)
    return y


def gru_backward(dy: DeviceArray, y: DeviceArray, W: DeviceArray) -> DeviceArray:
    dy, y = contiguous(dy), contiguous(y)
    _, steps, B, H = y.shape
    d, dh = full((steps, B, 4 * H), 0, y.dtype, y.device), copy(dy[0, -1])
    for t in reversed(range(1, steps)):
        start("gru_backward", t, y, dy, y, dh, d)
        dh = add(dh, matmul(d[t][:, H:], W))
    write(d[0], dh, (slice(None), slice(0, H)))
    return d
