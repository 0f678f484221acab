"""Dropout. Which elements become 0 is worked out on the way, and nowhere stored: a few whole-number operations for
each element, on vectors, take less time than reading a mask from memory would."""

from __future__ import annotations

import numpy as np
from numba import types

from minigrad.dtypes import FLOATS
from minigrad.kernels import Array, reference
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.memory import INDEX, compiled, reads, row, share, writes
from minigrad.kernels.cpu.threads import Kernel, Kernels
from minigrad.kernels.reference.chance import factor_of, limit

__all__ = ["dropout"]

WORK = 4  # what an element costs, in additions
KEY = types.uint32
FIRST, SECOND, THIRD = np.uint32(0x9E3779B1), np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)


@inline
def drawn(place, low, high):
    """The number of ``reference.chance.drawn`` for one place, from the halves of the key."""
    h = np.uint32(np.uint32(place) * FIRST + low)
    h = np.uint32(np.uint32(h ^ np.uint32(h >> np.uint32(16))) * SECOND + high)
    h = np.uint32(np.uint32(h ^ np.uint32(h >> np.uint32(13))) * THIRD)
    return np.uint32(h ^ np.uint32(h >> np.uint32(16)))


def dropout_piece(x, below, low, high, factor, together, out, part, parts):
    real = out.dtype.type
    scale, nothing = real(factor), real(0)
    if together == 1:
        start, stop = share(x.size, part, parts)
        line, result = row(x, start, stop - start), row(out, start, stop - start)
        for i in range(stop - start):
            result[i] = line[i] * scale if drawn(start + i, low, high) >= below else nothing
    else:
        start, stop = share(x.size // together, part, parts)
        for place in range(start, stop):
            line, result = row(x, place * together, together), row(out, place * together, together)
            own = scale if drawn(place, low, high) >= below else nothing
            for i in range(together):
                result[i] = line[i] * own


def _build(dtype: np.dtype) -> Kernel:
    takes = (reads(dtype), types.uint64, KEY, KEY, types.float64, INDEX, writes(dtype))
    return Kernel("dropout", dropout_piece, takes)


_dropout = Kernels(_build, FLOATS)


def halves(key: int) -> tuple[np.uint32, np.uint32]:
    """The lower and the upper 32 bits."""
    return np.uint32(key & 0xFFFFFFFF), np.uint32(key >> 32)


def dropout(x: Array, p: float, key: int, together: int) -> Array:
    if not compiled(x):
        return reference.dropout(x, p, key, together)
    out = np.empty(x.shape, x.dtype)
    _dropout[x.dtype](WORK * x.size, x.ravel(), np.uint64(limit(p)), *halves(key), factor_of(p), together, out)
    return out
