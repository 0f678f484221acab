"""How kernels see arrays: types that fit every caller, rows without the checks of a slice, shares of the work."""

from __future__ import annotations

import ctypes

import numpy as np
from numba import carray, types
from numba.core import cgutils
from numba.np.numpy_support import from_dtype

from minigrad.kernels.cpu.compile import emitted, inline


def reads(dtype: np.dtype, ndim: int = 1, layout: str = "C") -> types.Array:
    """The type of an operand: declared read-only and unaligned, it takes arrays that are and that are not."""
    return types.Array(from_dtype(dtype), ndim, layout, readonly=True, aligned=False)


def writes(dtype: np.dtype, ndim: int = 1) -> types.Array:
    """The type of a result, which is always made by us."""
    return types.Array(from_dtype(dtype), ndim, "C")


@inline
def share(n, part, parts):
    """From where to where piece ``part`` of ``parts`` goes in 0..n."""
    return n * part // parts, n * (part + 1) // parts


def plain_at(array, offset):
    pointer = ctypes.POINTER(np.ctypeslib.as_ctypes_type(array.dtype))
    return ctypes.cast(array.ctypes.data + int(offset) * array.itemsize, pointer)


@emitted(plain_at)
def at(typing_context, array, offset):
    """A pointer to the element ``offset`` elements behind the first one, whatever the strides."""

    def codegen(context, builder, signature, args):
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=args[0]).data
        return builder.gep(data, [args[1]])

    return types.CPointer(array.dtype)(array, types.intp), codegen


@inline
def row(x, start, n):
    """``n`` consecutive elements of ``x``: a slice costs ten times as much, for checks and negative numbers."""
    return carray(at(x, start), n)
