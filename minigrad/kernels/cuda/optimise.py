"""Optimiser steps, in place, of many arrays in one launch (``foreach.py``). The formulas stand in ``reference/``.

What an optimiser remembers only with some options is an argument of other kernels, made with the option.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from minigrad.dtypes import DType
from minigrad.kernels import taking
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.foreach import Steps, make
from minigrad.kernels.cuda.launch import Kernel
from minigrad.kernels.cuda.math import names
from minigrad.kernels.cuda.team import whole

__all__ = ["adagrad_step", "adam_step", "rmsprop_step", "sgd_step"]


# -- rules: what happens to element i -------------------------------------------------------------------------
# Each reads all that it needs before it writes: after a write the compiler must read anew, as arrays may overlap.


def sgd(dtype: DType, has_v: bool, nesterov: bool) -> Callable[..., None]:
    """v[i] = momentum v[i] + taken slope, then p[i] -= lr v[i]; v is not read at the first step."""

    def change(i, p, g, v, lr, momentum, taken, weight_decay, sign, first):
        x = p[i]
        slope = sign * g[i] + weight_decay * x
        if has_v:
            velocity = slope if first != 0 else momentum * v[i] + taken * slope
            v[i] = velocity
            slope = slope + momentum * velocity if nesterov else velocity
        p[i] = x - lr * slope

    return change


def rmsprop(dtype: DType, has_mean: bool, has_v: bool) -> Callable[..., None]:
    """s and mean are running means of slope^2 and slope; p[i] moves by slope / (sqrt(variance) + eps)."""
    root = names(dtype)["sqrt"]

    def change(i, p, g, s, mean, v, lr, alpha, new, eps, weight_decay, momentum, sign):
        x = p[i]
        slope = sign * g[i] + weight_decay * x
        square = alpha * s[i] + new * slope * slope
        variance = square
        if has_mean:
            average = alpha * mean[i] + new * slope
            variance -= average * average
        moved = slope / (root(variance) + eps)
        if has_v:
            moved = momentum * v[i] + moved
            v[i] = moved
        if has_mean:
            mean[i] = average
        s[i] = square
        p[i] = x - lr * moved

    return change


def adagrad(dtype: DType) -> Callable[..., None]:
    """s[i] is the sum of all slope^2, and p[i] moves by slope / (sqrt(s[i]) + eps)."""
    root = names(dtype)["sqrt"]

    def change(i, p, g, s, lr, eps, weight_decay, sign):
        x = p[i]
        slope = sign * g[i] + weight_decay * x
        total = s[i] + slope * slope
        s[i] = total
        p[i] = x - lr * slope / (root(total) + eps)

    return change


def adam(dtype: DType, has_top: bool) -> Callable[..., None]:
    """m and s are running means of slope and slope^2, too small at first: ``rate`` and ``root_of`` see to that."""
    root = names(dtype)["sqrt"]

    def change(i, p, g, m, s, top, rate, beta1, new1, beta2, new2, root_of, eps, kept, weight_decay, sign):
        x = p[i]
        slope = sign * g[i] + weight_decay * x
        mean = beta1 * m[i] + new1 * slope
        square = beta2 * s[i] + new2 * slope * slope
        largest = square
        if has_top:
            before = top[i]
            largest = square if not before >= square else before  # NaN is taken from either
            top[i] = largest
        m[i] = mean
        s[i] = square
        p[i] = kept * x - rate * mean / (root(largest) / root_of + eps)

    return change


# -- steps ----------------------------------------------------------------------------------------------------


@functools.cache
def kernel_of(
    name: str, dtype: DType, arrays: int, numbers: int, options: tuple[bool, ...], noted: bool
) -> Kernel:
    """The kernel of a step, for a dtype and with its options."""
    rule = {"sgd": sgd, "rmsprop": rmsprop, "adagrad": adagrad, "adam": adam}[name](dtype, *options)
    text = "".join(str(int(option)) for option in options) + "_noted" * noted
    return make(f"{name}{text}_{dtype.name}", rule, dtype, arrays, numbers, noted=noted)


def take_step(
    name: str, written: tuple[DeviceArray | None, ...], g: DeviceArray, numbers: tuple[float, ...], *options: bool
) -> None:
    """Run a step on p, g and what is remembered. Arrays with gaps are copied, and written back."""
    p, notes, current = written[0], taking.notes, devices.current
    assert p is not None
    if not p.size:
        return
    own: tuple[int, ...] = ()
    if notes is not None:
        place = notes.numbers((name, p.dtype, options), p.dtype, numbers)
        if place is None:  # a replay takes the step
            return
        own, numbers = (place.address,), ()
    kernel = kernel_of(name, p.dtype, len(written) + 1, len(numbers) or place.size, options, notes is not None)
    first = whole(p)
    found = [first, whole(g), *[first if x is None else whole(x) for x in written[1:]]]  # None is not touched
    row = (p.size, *[x.address for x in found], *own)
    steps = current.chain
    if type(steps) is not Steps or (steps.index, steps.kernel, steps.numbers) != (p.device, kernel, numbers):
        devices.flush()
        steps = current.chain = Steps(p.device, kernel, numbers)
    steps.rows.append(row)
    steps.arrays.append(found)
    for x, copy in zip(written, (first, *found[2:]), strict=True):
        if x is not None and copy is not x:
            steps.copied.append((copy, x))
    if steps.copied or not current.together:  # the next step may touch what is still to be written back
        devices.flush()


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
