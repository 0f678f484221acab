"""Sequences of recurrent layers, step by step as their formulas say."""

from __future__ import annotations

import numpy as np

from minigrad.ops.recurrent import GRU, LSTM, RNN
from rows.row import Array, Row, Sample, real


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def plain(f: np.ufunc, z: Array, h0: Array, W: Array) -> Array:
    h = np.zeros((len(z) + 1, *h0.shape))
    h[0] = h0
    for t in range(len(z)):
        h[t + 1] = f(z[t] + np.einsum("ij,bj->bi", W, h[t]))
    return h


def lstm(z: Array, h0: Array, c0: Array, W: Array) -> Array:
    B, H = h0.shape
    y = np.zeros((6, len(z) + 1, B, H))
    y[0, 0], y[1, 0] = h0, c0
    for t in range(len(z)):
        s = z[t] + np.einsum("ij,bj->bi", W, y[0, t])
        i, f, o = (sigmoid(s[:, k * H : (k + 1) * H]) for k in (0, 1, 3))
        g = np.tanh(s[:, 2 * H : 3 * H])
        c = f * y[1, t] + i * g
        y[:, t + 1] = o * np.tanh(c), c, i, f, g, o
    return y


def gru(z: Array, h0: Array, W: Array, b: Array | None = None) -> Array:
    B, H = h0.shape
    y = np.zeros((5, len(z) + 1, B, H))
    y[0, 0] = h0
    for t in range(len(z)):
        s = np.einsum("ij,bj->bi", W, y[0, t]) + (0 if b is None else b)
        r, u = (sigmoid(z[t, :, k : k + H] + s[:, k : k + H]) for k in (0, H))
        q = s[:, 2 * H :]
        n = np.tanh(z[t, :, 2 * H :] + r * q)
        y[:, t + 1] = (1 - u) * n + u * y[0, t], r, u, n, q
    return y


def samples(gates: int, states: int, bias: bool = False) -> list[Sample]:
    """z, the states at the start, W, and b: the smallest, one for difference quotients, and past a tile."""
    found: list[Sample] = []
    for T, B, H in ((1, 1, 1), (3, 1, 1), (3, 2, 1), (2, 0, 3), (5, 3, 17), (2, 33, 4)):
        b = [real((gates * H,))] if bias else []
        found.append(
            (real((T, B, gates * H)), *(real((B, H)) for _ in range(states)), real((gates * H, H)) / H, *b)
        )
    z, *others = found[-1]
    found.append((np.ascontiguousarray(z[::-1].swapaxes(0, 1)).swapaxes(0, 1), *others))
    return found


ROWS = [
    Row("rnn", "tanh", lambda m, z, h0, W: m.record(RNN("tanh"), z, h0, W),
        lambda z, h0, W: plain(np.tanh, z, h0, W), samples(1, 1), has_peer=False),
    Row("rnn", "relu", lambda m, z, h0, W: m.record(RNN("relu"), z, h0, W),
        lambda z, h0, W: plain(lambda x: np.maximum(x, 0), z, h0, W), samples(1, 1), has_peer=False),
    Row("lstm", "", lambda m, z, h0, c0, W: m.record(LSTM(), z, h0, c0, W), lstm, samples(4, 2), has_peer=False),
    Row("gru", "", lambda m, z, h0, W, b: m.record(GRU(), z, h0, W, b), gru, samples(3, 1, True), has_peer=False),
    Row("gru", "no bias", lambda m, z, h0, W: m.record(GRU(), z, h0, W), gru, samples(3, 1), has_peer=False),
]  # fmt: skip
