"""Recurrent layers over a whole sequence. What a step does is written in ``reference/recurrent.py``.

    for each step:                      the product of the state and W, as in ``matmul.py``
        for each row of the batch:      gates and state, a loop for each, over numbers that the caches still have

Threads share the rows of the batch: a row's sequence knows nothing of another's, so each thread goes through time
alone and waits for nobody. W is turned beforehand, once for all steps, into what the product reads in place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.dtypes import FLOATS
from minigrad.kernels import Array, reference, rules
from minigrad.kernels.cpu.compile import inline, specialise
from minigrad.kernels.cpu.math import MATHS
from minigrad.kernels.cpu.matmul import NO_BIAS, PER_ADDITION, make_block
from minigrad.kernels.cpu.memory import compiled, reads, row, share, writes
from minigrad.kernels.cpu.threads import Kernel, Kernels

__all__ = ["gru", "gru_backward", "lstm", "lstm_backward", "rnn_relu"]
__all__ += ["rnn_relu_backward", "rnn_tanh", "rnn_tanh_backward"]

Make = Callable[[np.dtype], Callable]


def rule(function: Callable, dtype: np.dtype) -> Callable:
    return specialise(function, dtype, MATHS[dtype])


def make_product(dtype: np.dtype) -> Callable:
    block = make_block(dtype)

    @inline
    def product(A, B, C):
        """C = A @ B."""
        block(A, B, np.empty(0, C.dtype), C, 0, C.shape[0], 0, C.shape[1])

    return product


@inline
def line(x, t, b):
    """x[t, b], of three dims."""
    _, B, n = x.shape
    return row(x, (t * B + b) * n, n)


@inline
def cut(x, k, n):
    """The k-th n numbers of a row."""
    return row(x, k * n, n)


@inline
def plane(y, k, t, b):
    """y[k, t, b], of four dims."""
    _, slots, B, H = y.shape
    return row(y, ((k * slots + t) * B + b) * H, H)


def make_gate(f: Callable) -> Callable:
    @inline
    def gate(z, s, k, out):
        """out = f(z + s), of the k-th numbers of both."""
        z, s = cut(z, k, out.size), cut(s, k, out.size)
        for j in range(out.size):
            out[j] = f(z[j] + s[j])

    return gate


# -- plain ----------------------------------------------------------------------------------------------------


def rnn_piece(f: Callable, dtype: np.dtype) -> Callable:
    product, gate = make_product(dtype), make_gate(f)

    def piece(z, W, y, part, parts):
        slots, B, H = y.shape
        top, bottom = share(B, part, parts)
        s = np.empty((bottom - top, H), y.dtype)
        for t in range(1, slots):
            product(y[t - 1, top:bottom], W, s)
            for b in range(top, bottom):
                gate(line(z, t - 1, b), row(s, (b - top) * H, H), 0, line(y, t, b))

    return piece


def rnn_backward_piece(f_backward: Callable, dtype: np.dtype) -> Callable:
    product = make_product(dtype)

    def piece(dy, y, W, dz, part, parts):
        slots, B, H = y.shape
        top, bottom = share(B, part, parts)
        dh = np.zeros((bottom - top, H), y.dtype)
        for t in range(slots - 1, -1, -1):
            for b in range(top, bottom):
                own, back, h, out = line(dy, t, b), row(dh, (b - top) * H, H), line(y, t, b), line(dz, t, b)
                if t:
                    for j in range(H):
                        out[j] = f_backward(own[j] + back[j], h[j])
                else:
                    for j in range(H):
                        out[j] = own[j] + back[j]
            if t:
                product(dz[t, top:bottom], W, dh)

    return piece


# -- long short-term memory -----------------------------------------------------------------------------------


def lstm_piece(dtype: np.dtype) -> Callable:
    product, tanh = make_product(dtype), MATHS[dtype]["tanh"]
    sigmoid_gate, tanh_gate = make_gate(rule(rules.sigmoid, dtype)), make_gate(tanh)

    def piece(z, W, y, part, parts):
        _, slots, B, H = y.shape
        top, bottom = share(B, part, parts)
        s = np.empty((bottom - top, 4 * H), y.dtype)
        for t in range(1, slots):
            product(y[0, t - 1, top:bottom], W, s)
            for b in range(top, bottom):
                z_b, s_b = line(z, t - 1, b), row(s, (b - top) * 4 * H, 4 * H)
                h, c, i, f = plane(y, 0, t, b), plane(y, 1, t, b), plane(y, 2, t, b), plane(y, 3, t, b)
                g, o, c_before = plane(y, 4, t, b), plane(y, 5, t, b), plane(y, 1, t - 1, b)
                sigmoid_gate(z_b, s_b, 0, i)
                sigmoid_gate(z_b, s_b, 1, f)
                tanh_gate(z_b, s_b, 2, g)
                sigmoid_gate(z_b, s_b, 3, o)
                for j in range(H):
                    c[j] = f[j] * c_before[j] + i[j] * g[j]
                for j in range(H):
                    h[j] = o[j] * tanh(c[j])

    return piece


def lstm_backward_piece(dtype: np.dtype) -> Callable:
    product = make_product(dtype)
    sigmoid_backward, tanh_backward = rule(rules.sigmoid_backward, dtype), rule(rules.tanh_backward, dtype)
    tanh = MATHS[dtype]["tanh"]

    def piece(dy, y, W, dz, part, parts):
        _, slots, B, H = y.shape
        top, bottom = share(B, part, parts)
        dhs, dcs = np.zeros((bottom - top, H), y.dtype), np.zeros((bottom - top, H), y.dtype)
        a = np.empty(H, y.dtype)
        for t in range(slots - 1, -1, -1):
            for b in range(top, bottom):
                dh, dc = row(dhs, (b - top) * H, H), row(dcs, (b - top) * H, H)
                own_h, own_c, out = plane(dy, 0, t, b), plane(dy, 1, t, b), line(dz, t, b)
                di, df, dg, do = cut(out, 0, H), cut(out, 1, H), cut(out, 2, H), cut(out, 3, H)
                for j in range(H):
                    dh[j] += own_h[j]
                for j in range(H):
                    dc[j] += own_c[j]
                if t == 0:
                    di[:], df[:], dg[:], do[:] = dh, dc, 0, 0
                    continue
                c, c_before, i, f = plane(y, 1, t, b), plane(y, 1, t - 1, b), plane(y, 2, t, b), plane(y, 3, t, b)
                g, o, own_i, own_f = plane(y, 4, t, b), plane(y, 5, t, b), plane(dy, 2, t, b), plane(dy, 3, t, b)
                own_g, own_o = plane(dy, 4, t, b), plane(dy, 5, t, b)
                for j in range(H):
                    a[j] = tanh(c[j])
                for j in range(H):
                    dc[j] += tanh_backward(dh[j] * o[j], a[j])
                for j in range(H):
                    di[j] = sigmoid_backward(own_i[j] + dc[j] * g[j], i[j])
                for j in range(H):
                    df[j] = sigmoid_backward(own_f[j] + dc[j] * c_before[j], f[j])
                for j in range(H):
                    dg[j] = tanh_backward(own_g[j] + dc[j] * i[j], g[j])
                for j in range(H):
                    do[j] = sigmoid_backward(own_o[j] + dh[j] * a[j], o[j])
                for j in range(H):
                    dc[j] *= f[j]
            if t:
                product(dz[t, top:bottom], W, dhs)

    return piece


# -- gated recurrent unit -------------------------------------------------------------------------------------


def gru_piece(dtype: np.dtype) -> Callable:
    product, tanh = make_product(dtype), MATHS[dtype]["tanh"]
    gate = make_gate(rule(rules.sigmoid, dtype))

    def piece(z, W, bias, y, part, parts):
        _, slots, B, H = y.shape
        top, bottom = share(B, part, parts)
        s = np.empty((bottom - top, 3 * H), y.dtype)
        for t in range(1, slots):
            product(y[0, t - 1, top:bottom], W, s)
            for b in range(top, bottom):
                z_b, s_b = line(z, t - 1, b), row(s, (b - top) * 3 * H, 3 * H)
                h, r, u = plane(y, 0, t, b), plane(y, 1, t, b), plane(y, 2, t, b)
                n, q, h_before = plane(y, 3, t, b), plane(y, 4, t, b), plane(y, 0, t - 1, b)
                if bias.size:
                    for j in range(3 * H):
                        s_b[j] += bias[j]
                gate(z_b, s_b, 0, r)
                gate(z_b, s_b, 1, u)
                z_n, s_n = cut(z_b, 2, H), cut(s_b, 2, H)
                for j in range(H):
                    q[j] = s_n[j]
                for j in range(H):
                    n[j] = tanh(z_n[j] + r[j] * q[j])
                for j in range(H):
                    h[j] = n[j] + u[j] * (h_before[j] - n[j])

    return piece


def gru_backward_piece(dtype: np.dtype) -> Callable:
    product = make_product(dtype)
    sigmoid_backward, tanh_backward = rule(rules.sigmoid_backward, dtype), rule(rules.tanh_backward, dtype)

    def piece(dy, y, W, d, part, parts):
        _, slots, B, H = y.shape
        top, bottom = share(B, part, parts)
        dhs, s = np.zeros((bottom - top, H), y.dtype), np.zeros((bottom - top, H), y.dtype)
        for t in range(slots - 1, -1, -1):
            for b in range(top, bottom):
                dh, back = row(dhs, (b - top) * H, H), row(s, (b - top) * H, H)
                own_h, out = plane(dy, 0, t, b), line(d, t, b)
                dn, dr, du, dq = cut(out, 0, H), cut(out, 1, H), cut(out, 2, H), cut(out, 3, H)
                for j in range(H):
                    dh[j] += own_h[j] + back[j]
                if t == 0:
                    dn[:], dr[:], du[:], dq[:] = dh, 0, 0, 0
                    continue
                r, u, n, q = plane(y, 1, t, b), plane(y, 2, t, b), plane(y, 3, t, b), plane(y, 4, t, b)
                own_r, own_u, own_n, own_q = (
                    plane(dy, 1, t, b),
                    plane(dy, 2, t, b),
                    plane(dy, 3, t, b),
                    plane(dy, 4, t, b),
                )
                h_before = plane(y, 0, t - 1, b)
                for j in range(H):
                    dn[j] = tanh_backward(own_n[j] + (dh[j] - dh[j] * u[j]), n[j])
                for j in range(H):
                    dr[j] = sigmoid_backward(own_r[j] + dn[j] * q[j], r[j])
                for j in range(H):
                    du[j] = sigmoid_backward(own_u[j] + dh[j] * (h_before[j] - n[j]), u[j])
                for j in range(H):
                    dq[j] = own_q[j] + dn[j] * r[j]
                for j in range(H):
                    dh[j] *= u[j]
            if t:
                product(d[t, top:bottom, H:], W, s)

    return piece


# -- functions of the contract --------------------------------------------------------------------------------


def kernels(name: str, make_piece: Make, *ndims: int) -> Kernels:
    """For arrays of so many dims, the last of which is the result."""

    def build(dtype: np.dtype) -> Kernel:
        return Kernel(name, make_piece(dtype), (*(reads(dtype, n) for n in ndims[:-1]), writes(dtype, ndims[-1])))

    return Kernels(build, FLOATS)


def forward(kernel: Kernel, z: Array, W: Array, start: tuple[Array, ...], planes: int, *bias: Array) -> Array:
    T, B, _ = z.shape
    y = np.empty((planes, T + 1, B, W.shape[1]), z.dtype)
    y[len(start) :, 0] = 0
    for k, state in enumerate(start):
        y[k, 0] = state
    out = y if planes > 1 else y[0]
    kernel(T * B * W.size // PER_ADDITION, whole(z), whole(W.T), *bias, out)
    return out


def backward(kernel: Kernel, dy: Array, y: Array, W: Array, wide: int) -> Array:
    *_, slots, B, H = y.shape
    out = np.empty((slots, B, wide * H), y.dtype)
    kernel(slots * B * W.size // PER_ADDITION, whole(dy), whole(y), whole(W), out)
    return out


whole = np.ascontiguousarray
_tanh = kernels("rnn_tanh", lambda dtype: rnn_piece(MATHS[dtype]["tanh"], dtype), 3, 2, 3)
_relu = kernels("rnn_relu", lambda dtype: rnn_piece(rule(rules.relu, dtype), dtype), 3, 2, 3)
_lstm = kernels("lstm", lstm_piece, 3, 2, 4)
_gru = kernels("gru", gru_piece, 3, 2, 1, 4)
_tanh_backward = kernels(
    "rnn_tanh_backward", lambda dtype: rnn_backward_piece(rule(rules.tanh_backward, dtype), dtype), 3, 3, 2, 3
)
_relu_backward = kernels(
    "rnn_relu_backward", lambda dtype: rnn_backward_piece(rule(rules.relu_backward, dtype), dtype), 3, 3, 2, 3
)
_lstm_backward = kernels("lstm_backward", lstm_backward_piece, 4, 4, 2, 3)
_gru_backward = kernels("gru_backward", gru_backward_piece, 4, 4, 2, 3)


def rnn_tanh(z: Array, h0: Array, W: Array) -> Array:
    return forward(_tanh[z.dtype], z, W, (h0,), 1) if compiled(z) else reference.rnn_tanh(z, h0, W)


def rnn_relu(z: Array, h0: Array, W: Array) -> Array:
    return forward(_relu[z.dtype], z, W, (h0,), 1) if compiled(z) else reference.rnn_relu(z, h0, W)


def lstm(z: Array, h0: Array, c0: Array, W: Array) -> Array:
    return forward(_lstm[z.dtype], z, W, (h0, c0), 6) if compiled(z) else reference.lstm(z, h0, c0, W)


def gru(z: Array, h0: Array, W: Array, b: Array | None) -> Array:
    if not compiled(z):
        return reference.gru(z, h0, W, b)
    return forward(_gru[z.dtype], z, W, (h0,), 5, NO_BIAS[z.dtype] if b is None else whole(b))


def rnn_tanh_backward(dy: Array, y: Array, W: Array) -> Array:
    return backward(_tanh_backward[y.dtype], dy, y, W, 1) if compiled(y) else reference.rnn_tanh_backward(dy, y, W)


def rnn_relu_backward(dy: Array, y: Array, W: Array) -> Array:
    return backward(_relu_backward[y.dtype], dy, y, W, 1) if compiled(y) else reference.rnn_relu_backward(dy, y, W)


def lstm_backward(dy: Array, y: Array, W: Array) -> Array:
    return backward(_lstm_backward[y.dtype], dy, y, W, 4) if compiled(y) else reference.lstm_backward(dy, y, W)


def gru_backward(dy: Array, y: Array, W: Array) -> Array:
    return backward(_gru_backward[y.dtype], dy, y, W, 4) if compiled(y) else reference.gru_backward(dy, y, W)
