"""How kernels see arrays: types that fit every caller, rows without the checks of a slice, shares of the work."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.core.datamodel import models, register_default
from numba.core.typeconv import Conversion
from numba.extending import NativeValue, unbox
from numba.np.numpy_support import as_dtype, from_dtype

from minigrad.dtypes import FLOATS
from minigrad.kernels import Array
from minigrad.kernels.cpu.compile import emitted, inline

INDEX = types.intp  # of sizes, and of places in an array


class Lent(types.Array):
    """An array that a kernel reads or writes while its caller holds it.

    Numba makes an owner of memory for each array that a function is given, which takes 30 ns, and lets each go in
    the end. A kernel keeps nothing, so here the array's own head is read: where the numbers are, how many, and how
    far apart. With one dim and layout "C", an array of any shape is taken as its consecutive elements. What does
    not fit is refused, so Numba's dispatcher need not be asked.
    """

    def __init__(self, dtype: np.dtype, ndim: int, layout: str, **options: bool) -> None:
        super().__init__(from_dtype(dtype), ndim, layout, **options)
        self.name = f"lent {self.name}"

    @property
    def is_flat(self) -> bool:
        return self.ndim == 1 and self.layout == "C"

    def can_convert_from(self, typing_context: Any, other: types.Type) -> Conversion | None:
        """Which arrays Numba's dispatcher lets pass."""
        fits = isinstance(other, types.Array) and self.dtype == other.dtype and not isinstance(other, Lent)
        if not fits or not (self.is_flat or self.ndim == other.ndim) or self.layout not in ("A", other.layout):
            return None
        return Conversion.safe if other.mutable >= self.mutable and other.aligned >= self.aligned else None


register_default(Lent)(models.ArrayModel)

#: Where the head of an array, NumPy's PyArrayObject_fields, has what is asked for here, in bytes; and of a dtype.
TYPE, DATA, NDIM, DIMS, STRIDES, DTYPE, FLAGS = (object.__basicsize__ + n for n in (-8, 0, 8, 16, 24, 40, 48))
BYTE_ORDER, NUMBER = (object.__basicsize__ + n for n in (10, 12))
C_CONTIGUOUS = 1  # the lowest of the flags
NAMES = "?bBhHiIlLqQfd"  # of NumPy's dtypes, of which two can be the same: long and long long

# Machine code may come from another process: it finds the type of arrays by this name.
llvm.add_symbol("minigrad_ndarray", id(np.ndarray))


@unbox(Lent)
def read_head(lent: Lent, array: ir.Value, c: Any) -> NativeValue:
    """The code that makes of a Python object what a kernel takes for an array; BufferError if it does not fit."""
    builder, index, int32, byte = c.builder, ir.IntType(64), ir.IntType(32), ir.IntType(8)
    pointer, dtype = byte.as_pointer(), as_dtype(lent.dtype)

    def field(offset, kind, head=array):
        place = builder.gep(builder.bitcast(head, pointer), [index(offset)])
        return builder.load(builder.bitcast(place, kind.as_pointer()))

    def equal(x, *values):
        return functools.reduce(builder.or_, [builder.icmp_signed("==", x, x.type(value)) for value in values])

    found = c.context.make_array(lent)(c.context, builder)
    ndarray = c.context.get_c_value(builder, pointer.pointee, "minigrad_ndarray")
    fits = cgutils.alloca_once_value(builder, cgutils.false_bit)
    with builder.if_then(builder.icmp_unsigned("==", field(TYPE, pointer), ndarray), likely=True):
        own = field(DTYPE, pointer)
        wanted = [
            equal(field(NUMBER, int32, own), *(kind.num for kind in map(np.dtype, NAMES) if kind == dtype)),
            equal(field(BYTE_ORDER, byte, own), ord(dtype.byteorder)),
        ]
        if lent.layout == "C":
            wanted.append(equal(builder.and_(field(FLAGS, int32), int32(C_CONTIGUOUS)), C_CONTIGUOUS))
        if not lent.is_flat:
            wanted.append(equal(field(NDIM, int32), lent.ndim))
        builder.store(functools.reduce(builder.and_, wanted), fits)
    fits = builder.load(fits)
    with builder.if_else(fits, likely=True) as (then, otherwise):
        with then:
            size, dims = index(dtype.itemsize), field(DIMS, index.as_pointer())
            if lent.is_flat:
                n = cgutils.alloca_once_value(builder, index(1))
                with cgutils.for_range(builder, builder.sext(field(NDIM, int32), index)) as loop:
                    builder.store(builder.mul(builder.load(n), builder.load(builder.gep(dims, [loop.index]))), n)
                shape, strides = [builder.load(n)], [size]
            else:
                steps = field(STRIDES, index.as_pointer())
                shape, strides = (
                    [builder.load(builder.gep(first, [index(d)])) for d in range(lent.ndim)]
                    for first in (dims, steps)
                )
            found.data, found.itemsize = field(DATA, found.data.type), size
            found.nitems = functools.reduce(builder.mul, shape)
            found.shape, found.strides = cgutils.pack_array(builder, shape), cgutils.pack_array(builder, strides)
            found.meminfo, found.parent = (ir.Constant(x.type, None) for x in (found.meminfo, found.parent))
        with otherwise:
            c.pyapi.err_set_string("PyExc_BufferError", f"a kernel is given what does not fit {lent}")
    return NativeValue(found._getvalue(), is_error=builder.not_(fits))


def reads(dtype: np.dtype, ndim: int = 1, layout: str = "C") -> Lent:
    """The type of an operand: declared read-only and unaligned, it takes arrays that are and that are not."""
    return Lent(dtype, ndim, layout, readonly=True, aligned=False)


def writes(dtype: np.dtype, ndim: int = 1) -> Lent:
    """The type of a result, which is always made by us."""
    return Lent(dtype, ndim, "C")


def in_python(piece: Callable, takes: tuple) -> Callable:
    """``piece`` in Python, given arrays as machine code would see them."""

    def elements(x: Any, kind: Any) -> Any:
        if not isinstance(kind, Lent) or not kind.is_flat:
            return x
        if not x.flags.c_contiguous:
            raise BufferError(f"a kernel is given what does not fit {kind}")
        return x.reshape(-1)

    @functools.wraps(piece)
    def seen(*args: Any) -> None:
        piece(*map(elements, args, (*takes, None, None)))

    return seen


def compiled(x: Array) -> bool:
    """Whether a compiled kernel takes ``x``: integers, and arrays without elements, are left to the reference."""
    return x.dtype in FLOATS and x.size > 0


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

    return types.CPointer(array.dtype)(array, INDEX), codegen


@inline
def row(x, start, n):
    """``n`` consecutive elements of ``x``: a slice costs ten times as much, for checks and negative numbers."""
    return carray(at(x, start), n)
