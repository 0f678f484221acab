"""Dropout. A number made of a key and of the element's place decides, the same as on the CPU."""

from __future__ import annotations

import functools

import numpy as np

from minigrad.dtypes import DType
from minigrad.kernels import taking
from minigrad.kernels.cuda.array import DeviceArray, like
from minigrad.kernels.cuda.launch import INT, Kernel, blocks, number, pointer
from minigrad.kernels.cuda.shim import THREADS, cuda, device
from minigrad.kernels.cuda.team import whole
from minigrad.kernels.reference.chance import factor_of, limit

__all__ = ["dropout"]

LOW = 0xFFFFFFFF  # the lower 32 bits


@device
def drawn(place, low, high):
    """The number of ``reference.chance.drawn`` for one place, from the halves of the key."""
    h = (place * 0x9E3779B1 + low) & LOW
    h = ((h ^ (h >> 16)) * 0x85EBCA6B + high) & LOW
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & LOW
    return h ^ (h >> 16)


@functools.cache
def dropout_kernel(dtype: DType, noted: bool) -> Kernel:
    """out[i] = x[i] factor, or 0 where the number of place ``i // together`` is below the limit.

    The halves of the key are arguments; while a graph takes notes, they are in memory, new for each replay.
    """
    nothing = dtype.type(0)

    @device
    def drop(x, out, n, together, below, low, high, factor):
        i = cuda.grid(1)
        while i < n:
            out[i] = x[i] * factor if drawn(i // together, low, high) >= below else nothing
            i += cuda.gridsize(1)

    def noted_kernel(x, out, n, together, below, key, factor):
        drop(x, out, n, together, below, key[0], key[1], factor)

    def kernel(x, out, n, together, below, low, high, factor):
        drop(x, out, n, together, below, low, high, factor)

    key = [pointer(np.int64)] if noted else [INT, INT]
    return Kernel(
        f"dropout{'_noted' * noted}_{dtype.name}",
        noted_kernel if noted else kernel,
        pointer(dtype),
        pointer(dtype),
        INT,
        INT,
        INT,
        *key,
        number(dtype),
    )


def dropout(x: DeviceArray, p: float, key: int, together: int) -> DeviceArray:
    out, notes = like(x), taking.notes
    if x.size:
        kernel = dropout_kernel(x.dtype, notes is not None)
        given = (key & LOW, key >> 32) if notes is None else (notes.key(key),)
        kernel(blocks(x, x.size), THREADS, whole(x), out, x.size, together, limit(p), *given, factor_of(p))
    return out
