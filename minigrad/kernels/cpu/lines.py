"""Short lines copied: a vector at a time, and of the last one a part.

A line of an image has tens of elements. LLVM copies a few of these by vectors and the rest one by one, which takes
longer; here the rest is a vector of which only some lanes are read and written.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.np.numpy_support import from_dtype

from minigrad.kernels.cpu.compile import emitted, inline
from minigrad.kernels.cpu.tile import INDEX, host_registers


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
    scalar = ir.FloatType() if dtype == np.float32 else ir.DoubleType()
    vector, truths = ir.VectorType(scalar, lanes), ir.VectorType(ir.IntType(1), lanes)
    indices = ir.VectorType(INDEX, lanes)
    suffix = f"v{lanes}f{8 * dtype.itemsize}"

    def codegen(context, builder, signature, args):
        source, first, last, b, target, n = args
        int32 = ir.IntType(32)
        align, everywhere = int32(dtype.itemsize), ir.Constant(ir.VectorType(int32, lanes), [0] * lanes)
        pointer = vector.as_pointer()

        def declare(name, result, *arguments):
            return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, arguments), name)

        load = declare(f"llvm.masked.load.{suffix}.p0", vector, pointer, int32, truths, vector)
        store = declare(f"llvm.masked.store.{suffix}.p0", ir.VoidType(), vector, pointer, int32, truths)

        def spread(value, kind):
            one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, int32(0))
            return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), everywhere)

        own, zeros = ir.Constant(indices, list(range(lanes))), ir.Constant(vector, [0.0] * lanes)
        added, begin, end, stop = (
            spread(b, vector),
            spread(first, indices),
            spread(last, indices),
            spread(n, indices),
        )
        with cgutils.for_range_slice(builder, INDEX(0), n, INDEX(lanes), INDEX) as (i, _):
            i_vector = builder.add(spread(i, indices), own)
            inside = builder.and_(
                builder.icmp_signed(">=", i_vector, begin), builder.icmp_signed("<", i_vector, end)
            )
            x = builder.call(load, [builder.bitcast(builder.gep(source, [i]), pointer), align, inside, zeros])
            x = builder.select(inside, builder.fadd(x, added), zeros)
            below = builder.icmp_signed("<", i_vector, stop)
            builder.call(store, [x, builder.bitcast(builder.gep(target, [i]), pointer), align, below])
        return context.get_dummy_value()

    @emitted(plain_copy)
    def copy(typing_context, source, first, last, b, target, n):
        line, index = types.CPointer(element), types.intp
        return types.void(line, index, index, element, line, index), codegen

    return copy
