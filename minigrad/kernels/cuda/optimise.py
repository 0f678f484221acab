"""Optimiser steps: one launch reads and writes every array once, in place. The formulas stand in ``reference/``.

What an optimiser remembers only with some options is an argument of other kernels, made with the option.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from minigrad.dtypes import DType
from minigrad.kernels import taking
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.launch import INT, Kernel, blocks, number, pointer
from minigrad.kernels.cuda.loops import build
from minigrad.kernels.cuda.math import names
from minigrad.kernels.cuda.move import assign
from minigrad.kernels.cuda.shim import THREADS, device
from minigrad.kernels.cuda.team import whole

__all__ = ["adagrad_step", "adam_step", "rmsprop_step", "sgd_step"]


#: The kernel around a rule, with its numbers as arguments; while a graph takes notes, they are in memory.
SOURCE = """\
def kernel({arrays}, n, {given}):
    {read}
    i = cuda.grid(1)
    while i < n:
        change(i, {arrays}, {numbers})
        i += cuda.gridsize(1)
"""


def source(arrays: int, numbers: int, *, noted: bool) -> str:
    """The kernel for so many arrays and numbers."""
    names = ", ".join(f"a{k}" for k in range(numbers))
    return SOURCE.format(
        arrays=", ".join(f"x{k}" for k in range(arrays)),
        numbers=names,
        given="noted" if noted else names,
        read=f"{names} = " + ", ".join(f"noted[{k}]" for k in range(numbers)) if noted else "pass",
    )


# -- rules: what happens to element i -------------------------------------------------------------------------


def sgd(dtype: DType, has_v: bool, nesterov: bool) -> Callable[..., None]:
    """v[i] = momentum v[i] + taken slope, then p[i] -= lr v[i]; v is not read at the first step."""

    def change(i, p, g, v, lr, momentum, taken, weight_decay, sign, first):
        slope = sign * g[i] + weight_decay * p[i]
        if has_v:
            velocity = slope if first != 0 else momentum * v[i] + taken * slope
            v[i] = velocity
            slope = slope + momentum * velocity if nesterov else velocity
        p[i] -= lr * slope

    return change


def rmsprop(dtype: DType, has_mean: bool, has_v: bool) -> Callable[..., None]:
    """s and mean are running means of slope^2 and slope; p[i] moves by slope / (sqrt(variance) + eps)."""
    root = names(dtype)["sqrt"]

    def change(i, p, g, s, mean, v, lr, alpha, new, eps, weight_decay, momentum, sign):
        slope = sign * g[i] + weight_decay * p[i]
        variance = alpha * s[i] + new * slope * slope
        s[i] = variance
        if has_mean:
            mean[i] = alpha * mean[i] + new * slope
            variance -= mean[i] * mean[i]
        moved = slope / (root(variance) + eps)
        if has_v:
            moved = momentum * v[i] + moved
            v[i] = moved
        p[i] -= lr * moved

    return change


def adagrad(dtype: DType) -> Callable[..., None]:
    """s[i] is the sum of all slope^2, and p[i] moves by slope / (sqrt(s[i]) + eps)."""
    root = names(dtype)["sqrt"]

    def change(i, p, g, s, lr, eps, weight_decay, sign):
        slope = sign * g[i] + weight_decay * p[i]
        s[i] += slope * slope
        p[i] -= lr * slope / (root(s[i]) + eps)

    return change


def adam(dtype: DType, has_top: bool) -> Callable[..., None]:
    """m and s are running means of slope and slope^2, too small at first: ``rate`` and ``root_of`` see to that."""
    root = names(dtype)["sqrt"]

    def change(i, p, g, m, s, top, rate, beta1, new1, beta2, new2, root_of, eps, kept, weight_decay, sign):
        slope = sign * g[i] + weight_decay * p[i]
        m[i] = beta1 * m[i] + new1 * slope
        largest = beta2 * s[i] + new2 * slope * slope
        s[i] = largest
        if has_top:
            largest = largest if not top[i] >= largest else top[i]  # NaN is taken from either
            top[i] = largest
        p[i] = kept * p[i] - rate * m[i] / (root(largest) / root_of + eps)

    return change


# -- steps ----------------------------------------------------------------------------------------------------


@functools.cache
def kernel_of(
    name: str, dtype: DType, arrays: int, numbers: int, options: tuple[bool, ...], noted: bool
) -> Kernel:
    """The kernel of a step, for a dtype and with its options."""
    rule = {"sgd": sgd, "rmsprop": rmsprop, "adagrad": adagrad, "adam": adam}[name](dtype, *options)
    text = "".join(str(int(option)) for option in options) + "_noted" * noted
    function = build(name, source(arrays, numbers, noted=noted), {"change": device(rule)})
    given = [pointer(dtype)] if noted else [number(dtype)] * numbers
    return Kernel(f"{name}{text}_{dtype.name}", function, *[pointer(dtype)] * arrays, INT, *given)


def take_step(
    name: str, written: tuple[DeviceArray | None, ...], g: DeviceArray, numbers: tuple[float, ...], *options: bool
) -> None:
    """Run a step on p, g and what is remembered. Arrays with gaps are copied, and written back."""
    p, notes = written[0], taking.notes
    assert p is not None
    if not p.size:
        return
    given: tuple[Any, ...] = numbers
    if notes is not None:
        place = notes.numbers((name, p.dtype, options), p.dtype, numbers)
        if place is None:  # a replay takes the step
            return
        given = (place,)
    rows = [p if x is None else whole(x) for x in written]  # what is None is not touched
    kernel = kernel_of(name, p.dtype, len(rows) + 1, len(numbers), options, notes is not None)
    kernel(blocks(p, p.size), THREADS, rows[0], whole(g), *rows[1:], p.size, *given)
    for row, x in zip(rows, written, strict=True):
        if x is not None and row is not x:
            assign(row, out=x)


def sgd_step(
    p: DeviceArray,
    g: DeviceArray,
    v: DeviceArray | None,
    *,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
    first: bool,
) -> None:
    numbers = (lr, momentum, 1 - dampening, weight_decay, -1.0 if maximize else 1.0, float(first))
    take_step("sgd", (p, v), g, numbers, v is not None, bool(nesterov))


def rmsprop_step(
    p: DeviceArray,
    g: DeviceArray,
    s: DeviceArray,
    mean: DeviceArray | None,
    v: DeviceArray | None,
    *,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    maximize: bool,
) -> None:
    numbers = (lr, alpha, 1 - alpha, eps, weight_decay, momentum, -1.0 if maximize else 1.0)
    take_step("rmsprop", (p, s, mean, v), g, numbers, mean is not None, v is not None)


def adagrad_step(
    p: DeviceArray, g: DeviceArray, s: DeviceArray, *, lr: float, eps: float, weight_decay: float, maximize: bool
) -> None:
    take_step("adagrad", (p, s), g, (lr, eps, weight_decay, -1.0 if maximize else 1.0))


def adam_step(
    p: DeviceArray,
    g: DeviceArray,
    m: DeviceArray,
    s: DeviceArray,
    top: DeviceArray | None,
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
    means = (lr / (1 - beta1**step), beta1, 1 - beta1, beta2, 1 - beta2, math.sqrt(1 - beta2**step))
    kept, pull = (1 - lr * weight_decay, 0.0) if decoupled else (1.0, weight_decay)
    take_step("adam", (p, m, s, top), g, (*means, eps, kept, pull, -1.0 if maximize else 1.0), top is not None)
