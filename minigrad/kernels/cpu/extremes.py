"""The larger and the smaller: of two numbers, and of a row. What meets NaN is NaN.

An instruction that chooses takes the other operand for a NaN. To choose and keep NaN takes five, so a row is first
searched for NaN, and then one instruction a vector is enough.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from minigrad.kernels.cpu.compile import emitted, inline
from minigrad.kernels.cpu.memory import row

PART = 512  # elements of a row that are searched and folded at once


def extreme(llvm_name: str, plain: Callable, fastmath: tuple = ()) -> Callable:
    """The larger or smaller of two numbers, NaN if one is NaN: loops of it are vectorised."""

    @emitted(plain)
    def choose(typing_context, x, y):
        def codegen(context, builder, signature, args):
            llvm_type = args[0].type
            name = f"llvm.{llvm_name}.f{x.bitwidth}"
            function = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(llvm_type, [llvm_type, llvm_type]), name
            )
            return builder.call(function, args, fastmath=fastmath)

        return x(x, x), codegen

    return choose


maximum, minimum = extreme("maximum", np.maximum), extreme("minimum", np.minimum)
NO_NAN = ("nnan", "nsz")  # where it is known that there is none, one instruction chooses, instead of five
larger, smaller = extreme("maxnum", np.fmax, NO_NAN), extreme("minnum", np.fmin, NO_NAN)


@inline
def has_nan(x):
    """Only NaN is not equal to itself."""
    found = False
    for i in range(x.size):
        found |= x[i] != x[i]
    return found


def extreme_row(choose: Callable) -> Callable:
    """The extreme of a row, part by part: a part is in the first cache when it is read for the second time."""

    def fold_row(x):
        found = x[0]
        for start in range(0, x.size, PART):
            part = row(x, start, min(PART, x.size - start))
            if has_nan(part):
                return x.dtype.type(np.nan)
            for i in range(part.size):
                found = choose(found, part[i])
        return found

    return inline(fold_row)


max_row, min_row = extreme_row(larger), extreme_row(smaller)
