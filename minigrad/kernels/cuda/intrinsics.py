"""What a kernel says in LLVM code, since Numba has no word for it: four elements at once, and atomic changes, and
pointers that are read from memory.

A pointer is addressed in elements. The memory of four elements must begin at a multiple of their size, or of 16
bytes, the most that a thread can load with one instruction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.np.numpy_support import from_dtype

from minigrad.dtypes import DType
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.shim import SIMULATED, emitted, types

if not SIMULATED:
    from llvmlite import ir

WIDE = 4  # elements of a vector load
INT32, INT64 = 32, 64
GLOBAL = 1  # the address space of the device's memory


def plain_load4(pointer, i):
    return pointer[i], pointer[i + 1], pointer[i + 2], pointer[i + 3]


@emitted(plain_load4)
def load4(typing_context, pointer, i):
    """The four elements from ``i`` on."""

    def codegen(context, builder, signature, args):
        vector = builder.load(_vector_at(builder, args))
        vector.align = _alignment(context, pointer)
        parts = [builder.extract_element(vector, ir.Constant(ir.IntType(INT32), k)) for k in range(WIDE)]
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(pointer.dtype, WIDE)(pointer, types.int64), codegen


def plain_store4(pointer, i, a, b, c, d):
    pointer[i], pointer[i + 1], pointer[i + 2], pointer[i + 3] = a, b, c, d


@emitted(plain_store4)
def store4(typing_context, pointer, i, a, b, c, d):
    """Write four elements from ``i`` on."""
    real = pointer.dtype

    def codegen(context, builder, signature, args):
        vector = ir.Constant(ir.VectorType(context.get_data_type(real), WIDE), ir.Undefined)
        for k, value in enumerate(args[2:]):
            vector = builder.insert_element(vector, value, ir.Constant(ir.IntType(INT32), k))
        builder.store(vector, _vector_at(builder, args), align=_alignment(context, pointer))
        return context.get_dummy_value()

    return types.void(pointer, types.int64, real, real, real, real), codegen


def _vector_at(builder, args):
    at = builder.gep(args[0], [args[1]])
    return builder.bitcast(at, ir.VectorType(at.type.pointee, WIDE).as_pointer())


def _alignment(context, pointer):
    return min(WIDE * context.get_abi_sizeof(context.get_data_type(pointer.dtype)), 16)


def plain_atomic_add(pointer, i, value):
    old = pointer[i]
    pointer[i] = old + value
    return old


@emitted(plain_atomic_add)
def atomic_add(typing_context, pointer, i, value):
    """Add to an element to which other threads may add as well; what it was before."""
    real = pointer.dtype

    def codegen(context, builder, signature, args):
        at = builder.gep(args[0], [args[1]])
        if isinstance(real, types.Float):  # by PTX: what LLVM has for it is not the same for all generations
            kind = ir.FunctionType(args[2].type, [ir.IntType(INT64), args[2].type])
            letter = "f" if real.bitwidth == 32 else "d"
            add = ir.InlineAsm(
                kind,
                f"atom.add.f{real.bitwidth} $0, [$1], $2;",
                f"={letter},l,{letter},~{{memory}}",
                side_effect=True,
            )
            return builder.call(add, [builder.ptrtoint(at, ir.IntType(INT64)), args[2]])
        return builder.atomic_rmw("add", at, args[2], "monotonic")

    return real(pointer, types.int64, real), codegen


def plain_atomic_max(pointer, i, value):
    old = pointer[i]
    pointer[i] = max(old, value)
    return old


@emitted(plain_atomic_max)
def atomic_max(typing_context, pointer, i, value):
    """Raise an integer element to ``value``, if it is smaller; what it was before."""
    whole = pointer.dtype

    def codegen(context, builder, signature, args):
        return builder.atomic_rmw("max", builder.gep(args[0], [args[1]]), args[2], "monotonic")

    return whole(pointer, types.int64, whole), codegen


def make_at(dtype: DType) -> Callable[..., Any]:
    """``at(address)``: the pointer to the elements at an address in the memory of the device."""

    def plain(address):
        return devices.driver().pointer(int(address), dtype)

    @emitted(plain)
    def at(typing_context, address):
        element = from_dtype(dtype)

        def codegen(context, builder, signature, args):
            real = context.get_data_type(element)
            found = builder.inttoptr(args[0], real.as_pointer(GLOBAL))  # a generic one would be slower to read
            return builder.addrspacecast(found, real.as_pointer())

        return types.CPointer(element)(types.int64), codegen

    return at


def bits(dtype: DType) -> int:
    """The bytes to which the address of four elements must be a multiple."""
    return min(WIDE * dtype.itemsize, 16)
