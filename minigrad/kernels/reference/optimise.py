"""Optimiser steps, in place."""

from __future__ import annotations

import numpy as np

from minigrad.kernels import Array, quiet

__all__ = [
    "adam_step", "sgd_step",
]  # fmt: skip


@quiet
def sgd_step(
    p: Array, g: Array, v: Array | None, *, lr: float, momentum: float, dampening: float, weight_decay: float,
    nesterov: bool, first: bool,
) -> None:  # fmt: skip
    """v = momentum v + (1 - dampening) g (v = g at the first step);  p = p - lr v."""
    g = g + weight_decay * p
    if v is not None:
        v[...] = g if first else momentum * v + (1 - dampening) * g
        g = g + momentum * v if nesterov else v
    p -= lr * g


@quiet
def adam_step(
    p: Array, g: Array, m: Array, s: Array, *, lr: float, beta1: float, beta2: float, eps: float,
    weight_decay: float, step: int,
) -> None:  # fmt: skip
    """m = beta1 m + (1 - beta1) g;  s = beta2 s + (1 - beta2) g^2;  p = p - lr m^ / (sqrt(s^) + eps)."""
    g = g + weight_decay * p
    m[...] = beta1 * m + (1 - beta1) * g
    s[...] = beta2 * s + (1 - beta2) * g * g
    m_hat = m / (1 - beta1**step)
    s_hat = s / (1 - beta2**step)
    p -= lr * m_hat / (np.sqrt(s_hat) + eps)
