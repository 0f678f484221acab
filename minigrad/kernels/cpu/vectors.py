"""Vectors in LLVM code: their types, and how one is filled, and loaded and stored where only some lanes count.

Tiles (``tile.py``), copies of short lines (``lines.py``) and squares that are turned (``transpose.py``) use it.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import cgutils

I1, I32, I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)  # LLVM's names for a truth and two integers


class Vector:
    """The types of a vector of ``lanes`` elements, and the code that moves one."""

    def __init__(self, dtype: np.dtype, lanes: int) -> None:
        self.lanes, self.align, self.suffix = lanes, I32(dtype.itemsize), f"v{lanes}f{8 * dtype.itemsize}"
        scalar = ir.FloatType() if dtype == np.float32 else ir.DoubleType()
        self.type, self.truths, self.indices = (ir.VectorType(kind, lanes) for kind in (scalar, I1, I64))
        self.pointer = self.type.as_pointer()
        self.zeros = ir.Constant(self.type, [0.0] * lanes)
        self.places = ir.Constant(self.indices, list(range(lanes)))  # 0, 1, 2, ...

    def at(self, builder, pointer, offset):
        """A pointer to the vector that begins ``offset`` elements behind ``pointer``."""
        return builder.bitcast(builder.gep(pointer, [offset]), self.pointer)

    def spread(self, builder, value, kind):
        """A vector of that type with ``value`` in every lane."""
        nothing, firsts = ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(I32, self.lanes), None)
        return builder.shuffle_vector(builder.insert_element(nothing, value, I32(0)), nothing, firsts)

    def load(self, builder, pointer, inside):
        """The elements of the lanes that are ``inside``, and 0 in the others, which are not read."""
        takes = [self.pointer, I32, self.truths, self.type]
        function = self.intrinsic(builder, f"masked.load.{self.suffix}.p0", self.type, takes)
        return builder.call(function, [pointer, self.align, inside, self.zeros])

    def store(self, builder, value, pointer, inside):
        """Write the lanes that are ``inside``."""
        takes = [self.type, self.pointer, I32, self.truths]
        function = self.intrinsic(builder, f"masked.store.{self.suffix}.p0", ir.VoidType(), takes)
        builder.call(function, [value, pointer, self.align, inside])

    def multiply_add(self, builder, a, b, c):
        """a b + c, rounded once."""
        function = self.intrinsic(builder, f"fma.{self.suffix}", self.type, [self.type] * 3)
        return builder.call(function, [a, b, c])

    @staticmethod
    def intrinsic(builder, name, result, takes):
        """A function that LLVM knows."""
        return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, takes), f"llvm.{name}")
