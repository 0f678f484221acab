"""Short lines copied: a vector at a time, and of the last one a part.

A line of an image has tens of elements. LLVM copies a few of these by vectors and the rest one by one, which takes
longer; here the rest is a vector of which only some lanes are read and written.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import types
from numba.core import cgutils
from numba.np.numpy_support import from_dtype

from minigrad.kernels.cpu.compile import emitted, inline
from minigrad.kernels.cpu.tile import host_registers
from minigrad.kernels.cpu.vectors import I64, Vector


def plain_copy(source, first, last, b, target, n):
    for i in range(n):
        target[i] = source[i] + b if first <= i < last else b * 0


def make_copy(dtype: np.dtype) -> Callable:
    """``copy(source, first, last, b, target, n)``: target[i] = source[i] + b for first <= i < last, else 0; i < n.

    Pointers, and a number b; nothing is read at other i.
    """
    registers = host_registers()
    if not registers.masks:
        return inline(plain_copy)
    element, lanes = from_dtype(dtype), registers.bytes // dtype.itemsize
    vector = Vector(dtype, lanes)

    def codegen(context, builder, signature, args):
        source, first, last, b, target, n = args
        added = vector.spread(builder, b, vector.type)
        begin, end, stop = (vector.spread(builder, bound, vector.indices) for bound in (first, last, n))
        with cgutils.for_range_slice(builder, I64(0), n, I64(lanes), I64) as (i, _):
            places = builder.add(vector.spread(builder, i, vector.indices), vector.places)
            inside = builder.and_(builder.icmp_signed(">=", places, begin), builder.icmp_signed("<", places, end))
            x = vector.load(builder, vector.at(builder, source, i), inside)
            x = builder.select(inside, builder.fadd(x, added), vector.zeros)
            below = builder.icmp_signed("<", places, stop)
            vector.store(builder, x, vector.at(builder, target, i), below)
        return context.get_dummy_value()

    @emitted(plain_copy)
    def copy(typing_context, source, first, last, b, target, n):
        line, index = types.CPointer(element), types.intp
        return types.void(line, index, index, element, line, index), codegen

    return copy
