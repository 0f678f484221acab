"""Optimiser steps: each reads and writes every array once, in place. The formulas stand in ``reference/``.

What an optimiser remembers only with some options is None without them, which is a type of its own to Numba: the
``is not None`` below are decided when a kernel is compiled, so each combination is a loop without branches.
Numbers come in float64, and are rounded to the dtype inside.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
from numba import types

from minigrad.dtypes import FLOATS
from minigrad.kernels import Array, reference
from minigrad.kernels.cpu.elementwise import EXP
from minigrad.kernels.cpu.memory import reads, share, writes
from minigrad.kernels.cpu.threads import GRAIN, Kernel

__all__ = ["adagrad_step", "adam_step", "rmsprop_step", "sgd_step"]


def sgd_piece(p, g, v, lr, momentum, taken, weight_decay, sign, nesterov, first, part, parts):
    """v[i] = momentum v[i] + taken slope, then p[i] -= lr v[i]; v is not read at the first step."""
    real = p.dtype.type
    lr, momentum, taken = real(lr), real(momentum), real(taken)
    weight_decay, sign = real(weight_decay), real(sign)
    start, stop = share(p.size, part, parts)
    p, g = p[start:stop], g[start:stop]
    if v is not None:
        velocities = v[start:stop]
    for i in range(p.size):
        slope = sign * g[i] + weight_decay * p[i]
        if v is not None:
            velocity = slope if first else momentum * velocities[i] + taken * slope
            velocities[i] = velocity
            slope = slope + momentum * velocity if nesterov else velocity
        p[i] -= lr * slope


def rmsprop_piece(p, g, s, mean, v, lr, alpha, new, eps, weight_decay, momentum, sign, part, parts):
    """s and mean are running means of slope^2 and slope; p[i] moves by slope / (sqrt(variance) + eps)."""
    real = p.dtype.type
    lr, alpha, new, eps = real(lr), real(alpha), real(new), real(eps)
    weight_decay, momentum, sign = real(weight_decay), real(momentum), real(sign)
    start, stop = share(p.size, part, parts)
    p, g, s = p[start:stop], g[start:stop], s[start:stop]
    if mean is not None:
        means = mean[start:stop]
    if v is not None:
        velocities = v[start:stop]
    for i in range(p.size):
        slope = sign * g[i] + weight_decay * p[i]
        s[i] = variance = alpha * s[i] + new * slope * slope
        if mean is not None:
            means[i] = alpha * means[i] + new * slope
            variance -= means[i] * means[i]
        change = slope / (np.sqrt(variance) + eps)
        if v is not None:
            velocities[i] = change = momentum * velocities[i] + change
        p[i] -= lr * change


def adagrad_piece(p, g, s, lr, eps, weight_decay, sign, part, parts):
    """s[i] is the sum of all slope^2, and p[i] moves by slope / (sqrt(s[i]) + eps)."""
    real = p.dtype.type
    lr, eps, weight_decay, sign = real(lr), real(eps), real(weight_decay), real(sign)
    start, stop = share(p.size, part, parts)
    p, g, s = p[start:stop], g[start:stop], s[start:stop]
    for i in range(p.size):
        slope = sign * g[i] + weight_decay * p[i]
        s[i] += slope * slope
        p[i] -= lr * slope / (np.sqrt(s[i]) + eps)


def adam_piece(p, g, m, s, top, rate, beta1, new1, beta2, new2, root, eps, kept, weight_decay, sign, part, parts):
    """m and s are running means of slope and slope^2, too small at first: ``rate`` and ``root`` make up for it.

    ``rate = lr / (1 - beta1^t)``, ``root = sqrt(1 - beta2^t)``, and ``new1 = 1 - beta1`` and the like come from
    outside, where float64 does not round 0.999 first. ``kept`` of p is left by a decoupled weight decay.
    """
    real = p.dtype.type
    rate, beta1, new1, beta2, new2 = real(rate), real(beta1), real(new1), real(beta2), real(new2)
    root, eps, kept, weight_decay, sign = real(root), real(eps), real(kept), real(weight_decay), real(sign)
    start, stop = share(p.size, part, parts)
    p, g, m, s = p[start:stop], g[start:stop], m[start:stop], s[start:stop]
    if top is not None:
        tops = top[start:stop]
    for i in range(p.size):
        slope = sign * g[i] + weight_decay * p[i]
        m[i] = beta1 * m[i] + new1 * slope
        s[i] = largest = beta2 * s[i] + new2 * slope * slope
        if top is not None:
            largest = largest if not tops[i] >= largest else tops[i]  # NaN is taken from either, as np.maximum
            tops[i] = largest
        p[i] = kept * p[i] - rate * m[i] / (np.sqrt(largest) / root + eps)


def kernels(piece: Callable, numbers: int, flags: int = 0) -> Callable[..., Kernel]:
    """The kernel of a piece that takes p, g, what is remembered, then numbers and flags, by what is there."""

    @functools.cache
    def find(dtype: np.dtype, *is_there: bool) -> Kernel:
        remembered = (writes(dtype) if each else types.none for each in is_there)
        takes = (writes(dtype), reads(dtype), *remembered, *[types.float64] * numbers, *[types.boolean] * flags)
        return Kernel(piece.__name__.removesuffix("_piece"), piece, takes)

    return find


_sgd, _rmsprop = kernels(sgd_piece, 5, flags=2), kernels(rmsprop_piece, 7)
_adagrad, _adam = kernels(adagrad_piece, 4), kernels(adam_piece, 10)


def rows(p: Array, g: Array, *remembered: Array | None) -> list[Array | None] | None:
    """All arrays as rows; None if one that is written to is none of floats without a copy, or of another size."""
    dtype, shape = p.dtype, p.shape
    if dtype not in FLOATS or g.dtype != dtype or g.shape != shape or not p.flags.carray:
        return None
    found = [p.ravel(), g.ravel()]  # the gradient is copied where it is strided
    for x in remembered:
        if x is not None:
            if x.dtype != dtype or x.shape != shape or not x.flags.carray:
                return None
            x = x.ravel()
        found.append(x)
    return found


def run(kernel: Kernel, work: int, *args) -> None:
    if work < GRAIN:
        kernel.piece(*args, 0, 1)  # rows() has looked at the types
    else:
        kernel(work, *args)


def sgd_step(
    p: Array, g: Array, v: Array | None, *, lr: float, momentum: float, dampening: float, weight_decay: float,
    nesterov: bool, maximize: bool, first: bool,
) -> None:  # fmt: skip
    arrays = rows(p, g, v)
    if arrays is None:
        reference.sgd_step(
            p, g, v, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
            nesterov=nesterov, maximize=maximize, first=first,
        )  # fmt: skip
        return
    kernel, sign = _sgd(p.dtype, v is not None), -1 if maximize else 1
    run(kernel, p.size, *arrays, lr, momentum, 1 - dampening, weight_decay, sign, nesterov, first)


def rmsprop_step(
    p: Array, g: Array, s: Array, mean: Array | None, v: Array | None, *, lr: float, alpha: float, eps: float,
    weight_decay: float, momentum: float, maximize: bool,
) -> None:  # fmt: skip
    arrays = rows(p, g, s, mean, v)
    if arrays is None:
        reference.rmsprop_step(
            p, g, s, mean, v, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum,
            maximize=maximize,
        )  # fmt: skip
        return
    kernel, sign = _rmsprop(p.dtype, True, mean is not None, v is not None), -1 if maximize else 1
    run(kernel, EXP * p.size, *arrays, lr, alpha, 1 - alpha, eps, weight_decay, momentum, sign)


def adagrad_step(
    p: Array, g: Array, s: Array, *, lr: float, eps: float, weight_decay: float, maximize: bool
) -> None:
    arrays = rows(p, g, s)
    if arrays is None:
        reference.adagrad_step(p, g, s, lr=lr, eps=eps, weight_decay=weight_decay, maximize=maximize)
        return
    kernel, sign = _adagrad(p.dtype, True), -1 if maximize else 1
    run(kernel, EXP * p.size, *arrays, lr, eps, weight_decay, sign)


def adam_step(
    p: Array, g: Array, m: Array, s: Array, top: Array | None, *, lr: float, beta1: float, beta2: float,
    eps: float, weight_decay: float, decoupled: bool, maximize: bool, step: int,
) -> None:  # fmt: skip
    arrays = rows(p, g, m, s, top)
    if arrays is None:
        reference.adam_step(
            p, g, m, s, top, lr=lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay,
            decoupled=decoupled, maximize=maximize, step=step,
        )  # fmt: skip
        return
    means = (lr / (1 - beta1**step), beta1, 1 - beta1, beta2, 1 - beta2, math.sqrt(1 - beta2**step))
    kept, pull = (1 - lr * weight_decay, 0.0) if decoupled else (1.0, weight_decay)
    kernel, sign = _adam(p.dtype, True, True, top is not None), -1 if maximize else 1
    run(kernel, EXP * p.size, *arrays, *means, eps, kept, pull, sign)
