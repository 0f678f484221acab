"""What convolutions, poolings and upsamplings share: numbers for each dim of space, and windows that fit in it.

Space is what comes after the channels: (L,) in one dimension, (H, W) in two.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

from minigrad.kernels import Dims
from minigrad.kernels.windows import Windows
from minigrad.ops.operands import tensor
from minigrad.tensor import Tensor

LETTERS = {1: ("L",), 2: ("H", "W")}


def form(*leading: object, dims: int) -> str:
    """A shape as text: ``form("N", 3, dims=2)`` is ``(N, 3, H, W)``."""
    return f"({', '.join(map(str, (*leading, *LETTERS[dims])))})"


def for_each_dim(name: str, what: str, value: Any, dims: int, least: int) -> Dims:
    """``value``, a number or one for each dim of space, as a tuple.

    Raises TypeError for anything but ints, ValueError for another number of them, or one below ``least``.
    """
    if type(value) is int and value >= least:
        return (value,) * dims
    given = value if isinstance(value, (tuple, list)) else (value,)
    try:
        found = tuple(operator.index(n) for n in given)
    except TypeError:
        raise TypeError(f"{name}: {what} must be an int or {dims} of them, got {value!r}") from None
    if len(found) not in (1, dims):
        raise ValueError(f"{name}: {what} must be one number or {dims}, got {value!r}")
    if min(found) < least:
        raise ValueError(f"{name}: {what} must be at least {least}, got {value!r}")
    return found if len(found) == dims else found * dims


def windows_along(
    name: str, dims: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any
) -> tuple[Dims, Dims, Dims, Dims]:
    """The sizes, strides, paddings and dilations of windows."""
    size = for_each_dim(name, "kernel_size", kernel_size, dims, 1)
    s = for_each_dim(name, "stride", stride, dims, 1)
    p = for_each_dim(name, "padding", padding, dims, 0)
    return size, s, p, for_each_dim(name, "dilation", dilation, dims, 1)


def batched(name: str, input: Tensor, dims: int) -> tuple[Tensor, bool]:
    """The input with a dim for the batch, and whether it had one.

    Raises ValueError for another number of dims, or for examples without elements.
    """
    x = tensor(name, input)
    if x.ndim not in (dims + 1, dims + 2):
        raise ValueError(
            f"{name}: expects x of shape {form('N', 'C', dims=dims)} or {form('C', dims=dims)}, got {x.shape}"
        )
    if 0 in x.shape[-dims - 1 :]:
        raise ValueError(f"{name}: an example has no elements, x is {x.shape}")
    return (x, True) if x.ndim == dims + 2 else (x.unsqueeze(0), False)


@functools.lru_cache(1024)
def windows(
    name: str,
    sizes: Dims,
    size: Dims,
    stride: Dims,
    padding: tuple[tuple[int, int], ...],
    dilation: Dims,
    *,
    ceil_mode: bool = False,
) -> Windows:
    """All windows of a ``size`` in a space of ``sizes``, padded (before, after) along each dim.

    With ``ceil_mode`` the last one along a dim may reach beyond the end, if it begins before it. Raises ValueError
    where not even one fits.
    """
    counts = []
    for n, k, s, (before, after), d in zip(sizes, size, stride, padding, dilation, strict=True):
        room = n + before + after - d * (k - 1) - 1
        count = (room + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (count - 1) * s >= n + before:
            count -= 1
        if room < 0:
            around = tuple(first if first == last else (first, last) for first, last in padding)
            padded = f", padded by {around}" if any(map(any, padding)) else ""
            spread = f", with a dilation of {dilation}," if set(dilation) != {1} else ""
            raise ValueError(
                f"{name}: a window of size {size}{spread} does not fit in x: its size in space is {sizes}{padded}"
            )
        counts.append(count)
    return Windows(size, stride, tuple(before for before, _ in padding), dilation, tuple(counts))
