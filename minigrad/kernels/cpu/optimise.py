"""Optimiser steps: each reads and writes every array once, in place. The formulas stand in ``reference/``."""

from __future__ import annotations

import numpy as np

from minigrad.kernels import Array, reference
from minigrad.kernels.cpu.elementwise import EXP
from minigrad.kernels.cpu.math import FLOATS
from minigrad.kernels.cpu.memory import share
from minigrad.kernels.cpu.threads import Kernel

__all__ = ["adam_step", "sgd_step"]


def sgd_piece(p, g, lr, weight_decay, part, parts):
    """p[i] -= lr (g[i] + weight_decay p[i])."""
    start, stop = share(p.size, part, parts)
    p, g = p[start:stop], g[start:stop]
    for i in range(p.size):
        p[i] -= lr * (g[i] + weight_decay * p[i])


def momentum_piece(p, g, v, lr, momentum, taken, weight_decay, nesterov, first, part, parts):
    """v[i] = momentum v[i] + taken g[i], then p[i] -= lr v[i]; v is not read at the first step."""
    start, stop = share(p.size, part, parts)
    p, g, v = p[start:stop], g[start:stop], v[start:stop]
    for i in range(p.size):
        slope = g[i] + weight_decay * p[i]
        velocity = slope if first else momentum * v[i] + taken * slope
        v[i] = velocity
        p[i] -= lr * (slope + momentum * velocity if nesterov else velocity)


def adam_piece(p, g, m, s, lr, beta1, new1, beta2, new2, eps, weight_decay, bias1, bias2, part, parts):
    """m and s are the means of g and g^2, divided by bias1 and bias2 because they began as 0.

    ``new1 = 1 - beta1`` and ``new2 = 1 - beta2`` come from outside, where float64 does not round 0.999 first.
    """
    start, stop = share(p.size, part, parts)
    p, g, m, s = p[start:stop], g[start:stop], m[start:stop], s[start:stop]
    for i in range(p.size):
        slope = g[i] + weight_decay * p[i]
        m[i] = beta1 * m[i] + new1 * slope
        s[i] = beta2 * s[i] + new2 * slope * slope
        p[i] -= lr * (m[i] / bias1) / (np.sqrt(s[i] / bias2) + eps)


_sgd, _momentum, _adam = (
    Kernel("sgd", sgd_piece),
    Kernel("sgd_momentum", momentum_piece),
    Kernel("adam", adam_piece),
)


def compiled(*arrays: Array) -> bool:
    """Whether the arrays, which are written to, can be seen as rows of floats, equally long, without a copy."""
    shape, dtype = arrays[0].shape, arrays[0].dtype
    return dtype in FLOATS and all(x.flags.carray and x.dtype == dtype and x.shape == shape for x in arrays)


def row_of(g: Array) -> Array:
    """A gradient as a row, copied if it is strided, or read-only: to Numba that is another type."""
    return (g if g.flags.carray else np.array(g, order="C")).ravel()


def sgd_step(
    p: Array, g: Array, v: Array | None, *, lr: float, momentum: float, dampening: float, weight_decay: float,
    nesterov: bool, first: bool,
) -> None:  # fmt: skip
    real = p.dtype.type
    if not compiled(p, *([] if v is None else [v])) or g.dtype != p.dtype or g.shape != p.shape:
        reference.sgd_step(
            p, g, v, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
            nesterov=nesterov, first=first,
        )  # fmt: skip
    elif v is None:
        _sgd(p.size, p.ravel(), row_of(g), real(lr), real(weight_decay))
    else:
        numbers = map(real, (lr, momentum, 1 - dampening, weight_decay))
        _momentum(p.size, p.ravel(), row_of(g), v.ravel(), *numbers, bool(nesterov), bool(first))


def adam_step(
    p: Array, g: Array, m: Array, s: Array, *, lr: float, beta1: float, beta2: float, eps: float,
    weight_decay: float, step: int,
) -> None:  # fmt: skip
    real = p.dtype.type
    if not compiled(p, m, s) or g.dtype != p.dtype or g.shape != p.shape:
        reference.adam_step(
            p, g, m, s, lr=lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay, step=step
        )  # fmt: skip
        return
    betas = (beta1, 1 - beta1, beta2, 1 - beta2)
    numbers = map(real, (lr, *betas, eps, weight_decay, 1 - beta1**step, 1 - beta2**step))
    _adam(EXP * p.size, p.ravel(), row_of(g), m.ravel(), s.ravel(), *numbers)
