"""Optimiser steps, in place: ``p`` is the parameter, ``g`` its gradient, the rest what the optimiser remembers."""

from __future__ import annotations

import numpy as np

from minigrad.kernels import Array, quiet

__all__ = ["adagrad_step", "adam_step", "rmsprop_step", "sgd_step"]


@quiet
def sgd_step(
    p: Array,
    g: Array,
    v: Array | None,
    *,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
    first: bool,
) -> None:
    """v = momentum v + (1 - dampening) g (v = g at the first step);  p = p - lr v."""
    g = (-g if maximize else g) + weight_decay * p
    if v is not None:
        v[...] = g if first else momentum * v + (1 - dampening) * g
        g = g + momentum * v if nesterov else v
    p -= lr * g


@quiet
def rmsprop_step(
    p: Array,
    g: Array,
    s: Array,
    mean: Array | None,
    v: Array | None,
    *,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    maximize: bool,
) -> None:
    """s = alpha s + (1 - alpha) g^2, mean the same of g;  v = momentum v + g / (sqrt(s - mean^2) + eps)."""
    g = (-g if maximize else g) + weight_decay * p
    s[...] = alpha * s + (1 - alpha) * g * g
    variance = s
    if mean is not None:
        mean[...] = alpha * mean + (1 - alpha) * g
        variance = s - mean * mean
    change = g / (np.sqrt(variance) + eps)
    if v is not None:
        v[...] = change = momentum * v + change
    p -= lr * change


@quiet
def adagrad_step(
    p: Array, g: Array, s: Array, *, lr: float, eps: float, weight_decay: float, maximize: bool
) -> None:
    """s = s + g^2;  p = p - lr g / (sqrt(s) + eps)."""
    g = (-g if maximize else g) + weight_decay * p
    s += g * g
    p -= lr * g / (np.sqrt(s) + eps)


@quiet
def adam_step(
    p: Array,
    g: Array,
    m: Array,
    s: Array,
    top: Array | None,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
    step: int,
) -> None:
    """m = beta1 m + (1 - beta1) g;  s = beta2 s + (1 - beta2) g^2;  p = p - lr m^ / (sqrt(s^) + eps).

    With ``top``, the largest s so far takes the place of s. ``decoupled`` shrinks p itself, and leaves g alone.
    """
    g = -g if maximize else g
    if decoupled:
        p *= 1 - lr * weight_decay
    else:
        g = g + weight_decay * p
    m[...] = beta1 * m + (1 - beta1) * g
    s[...] = beta2 * s + (1 - beta2) * g * g
    if top is not None:
        s = np.maximum(top, s, out=top)
    m_hat = m / (1 - beta1**step)
    s_hat = s / (1 - beta2**step)
    p -= lr * m_hat / (np.sqrt(s_hat) + eps)
