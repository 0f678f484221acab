"""Recurrent layers over a whole sequence: what a step adds to ``z_t``, the part of its input, and the way back.

Time comes first, and slot 0 of a result is the state at the start. The ways back are made of functions that
tensors have too, so that ``ops/recurrent.py`` can run them on tensors and differentiate them once more.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.kernels import Array, quiet
from minigrad.kernels.reference.activation import relu, relu_backward, sigmoid, tanh, tanh_backward

__all__ = ["gru", "gru_backward", "lstm", "lstm_backward", "rnn_relu"]
__all__ += ["rnn_relu_backward", "rnn_tanh", "rnn_tanh_backward"]

# -- plain ----------------------------------------------------------------------------------------------------


@quiet
def rnn_tanh(z: Array, h0: Array, W: Array) -> Array:
    return _rnn(tanh, z, h0, W)


@quiet
def rnn_relu(z: Array, h0: Array, W: Array) -> Array:
    return _rnn(relu, z, h0, W)


@quiet
def rnn_tanh_backward(dy: Array, y: Array, W: Array) -> Array:
    return _rnn_backward(tanh_backward, dy, y, W)


@quiet
def rnn_relu_backward(dy: Array, y: Array, W: Array) -> Array:
    return _rnn_backward(relu_backward, dy, y, W)


def _rnn(f: Callable[[Array], Array], z: Array, h0: Array, W: Array) -> Array:
    """h_t = f(z_t + W h_(t-1))."""
    h = [h0]
    for z_t in z:
        h.append(f(z_t + h[-1] @ W.T))  # (B, H)
    return np.stack(h)


def _rnn_backward(f_backward: Callable[[Array, Array], Array], dy: Array, y: Array, W: Array) -> Array:
    """dz_t = dh_t f', where dh_t is dy_t and what comes back from the step after it; dh_0 in slot 0."""
    dh, dz = dy[-1], []
    for t in reversed(range(1, len(y))):
        dz.append(f_backward(dh, y[t]))
        dh = dy[t - 1] + dz[-1] @ W
    return np.stack([dh, *reversed(dz)])


# -- long short-term memory -----------------------------------------------------------------------------------


@quiet
def lstm(z: Array, h0: Array, c0: Array, W: Array) -> Array:
    h, c, none = h0, c0, np.zeros_like(h0)
    steps = [np.stack([h, c, none, none, none, none])]
    for z_t in z:
        i, f, g, o = np.split(z_t + h @ W.T, 4, axis=-1)
        i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * tanh(c)
        steps.append(np.stack([h, c, i, f, g, o]))
    return np.stack(steps, 1)  # (6, T + 1, B, H)


@quiet
def lstm_backward(dy: Array, y: Array, W: Array) -> Array:
    _, c, i, f, g, o = y
    dh_own, dc_own, di_own, df_own, dg_own, do_own = dy
    dh, dc, dz = dh_own[-1], dc_own[-1], []
    for t in reversed(range(1, len(c))):
        a = np.tanh(c[t])
        dc = dc + dh * o[t] * (1 - a * a)
        di = (di_own[t] + dc * g[t]) * i[t] * (1 - i[t])
        df = (df_own[t] + dc * c[t - 1]) * f[t] * (1 - f[t])
        dg = (dg_own[t] + dc * i[t]) * (1 - g[t] * g[t])
        do = (do_own[t] + dh * a) * o[t] * (1 - o[t])
        dz.append(np.concat([di, df, dg, do], -1))
        dh = dh_own[t - 1] + dz[-1] @ W
        dc = dc_own[t - 1] + dc * f[t]
    none = np.zeros_like(dh)
    return np.stack([np.concat([dh, dc, none, none], -1), *reversed(dz)])  # (T + 1, B, 4 H)


# -- gated recurrent unit -------------------------------------------------------------------------------------


@quiet
def gru(z: Array, h0: Array, W: Array, b: Array | None) -> Array:
    h, none = h0, np.zeros_like(h0)
    steps = [np.stack([h, none, none, none, none])]
    for z_t in z:
        r, u, n = np.split(z_t, 3, axis=-1)
        r_h, u_h, q = np.split(h @ W.T if b is None else h @ W.T + b, 3, axis=-1)
        r, u = sigmoid(r + r_h), sigmoid(u + u_h)
        n = tanh(n + r * q)
        h = n + u * (h - n)
        steps.append(np.stack([h, r, u, n, q]))
    return np.stack(steps, 1)  # (5, T + 1, B, H)


@quiet
def gru_backward(dy: Array, y: Array, W: Array) -> Array:
    h, r, u, n, q = y
    dh_own, dr_own, du_own, dn_own, dq_own = dy
    dh, d = dh_own[-1], []
    for t in reversed(range(1, len(h))):
        dn = (dn_own[t] + dh * (1 - u[t])) * (1 - n[t] * n[t])
        dr = (dr_own[t] + dn * q[t]) * r[t] * (1 - r[t])
        du = (du_own[t] + dh * (h[t - 1] - n[t])) * u[t] * (1 - u[t])
        dq = dq_own[t] + dn * r[t]
        d.append(np.concat([dn, dr, du, dq], -1))
        dh = dh_own[t - 1] + dh * u[t] + np.concat([dr, du, dq], -1) @ W
    none = np.zeros_like(dh)
    return np.stack([np.concat([dh, none, none, none], -1), *reversed(d)])  # (T + 1, B, 4 H)
