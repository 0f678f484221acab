"""Shared memory of a block of threads, and copies into it that a kernel starts early and waits for late.

Since compute capability 8.0 a copy need not pass through registers: ``cp.async`` starts it, the thread computes
on, and ``cp.async.wait_group`` waits until no more than so many groups of copies are under way. What lies
outside the matrix is not read, but written as zeros. Numba has no name for it, so it is written as PTX here,
beside a plain twin for the simulator (PTX ISA, "cp.async",
https://docs.nvidia.com/cuda/parallel-thread-execution).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba.np.numpy_support import from_dtype

from minigrad.kernels.cuda.shim import cuda, emitted, types

INT32, INT64 = ir.IntType(32), ir.IntType(64)


def address(context, builder, kind, value):
    """The pointer to the first element of an array in a kernel, or a pointer as it is."""
    return value if isinstance(kind, types.CPointer) else context.make_array(kind)(context, builder, value).data


def shared_address(context, builder, kind, value, i):
    """Element ``i`` of an array in shared memory, as the 32-bit number that PTX calls it by."""
    pointer = builder.gep(address(context, builder, kind, value), [i])
    return builder.ptrtoint(builder.addrspacecast(pointer, pointer.type.pointee.as_pointer(3)), INT32)


def make_shared(size: int, dtype: np.dtype) -> Callable:
    """``shared()``: the shared memory of a kernel, ``size`` elements that begin at a multiple of 16 bytes.

    Numba's own begins at a multiple of an element, and vectors must not be loaded from there.
    """
    real = dtype.type

    def plain():
        return cuda.shared.array(size, real)

    @emitted(plain)
    def shared(typing_context):
        element = from_dtype(dtype)

        def codegen(context, builder, signature, args):
            kind = ir.ArrayType(context.get_data_type(element), size)
            memory = ir.GlobalVariable(builder.module, kind, builder.module.get_unique_name("shared"), addrspace=3)
            memory.align, memory.linkage = 16, "internal"
            memory.initializer = ir.Constant(kind, ir.Undefined)
            first = builder.bitcast(memory, kind.element.as_pointer(3))
            return builder.addrspacecast(first, kind.element.as_pointer())

        return types.CPointer(element)(), codegen

    return shared


def make_copies(dtype: np.dtype, lanes: int, places: list[tuple[int, int]], pitch: int) -> Callable:
    """``copies(panel, to, x, at, step, step_k, inside, left)``: start a thread's copies into a panel.

    For each (i, k) of ``places``, ``lanes`` elements from ``x[at + i step + k step_k]`` on go to
    ``panel[to + k pitch + i]``. Elements are read where i < ``inside`` and k < ``left``; the others become zeros.
    A copy has 4, 8 or 16 bytes, and both its places are multiples of its size. Only copies of 16 bytes go past the
    first cache, too.
    """
    size = lanes * dtype.itemsize
    text = f"cp.async.{'cg' if size == 16 else 'ca'}.shared.global [$0], [$1], {size}, $2;"

    def plain(panel, to, x, at, step, step_k, inside, left):
        for i, k in places:
            for lane in range(lanes):
                there = i + lane < inside and k < left
                panel[to + k * pitch + i + lane] = x[at + i * step + k * step_k + lane] if there else 0

    def codegen(context, builder, signature, args):
        panel, to, x, at, step, step_k, inside, left = args
        panel = shared_address(context, builder, signature.args[0], panel, to)
        x = builder.gep(address(context, builder, signature.args[2], x), [at])
        inside, left = builder.trunc(inside, INT32), builder.trunc(left, INT32)
        kind = ir.FunctionType(ir.VoidType(), [INT32, INT64, INT32])
        copy = ir.InlineAsm(kind, text, "r,l,r", side_effect=True)
        for i, k in places:
            count = builder.sub(inside, INT32(i))
            for bound, compare in ((0, "<"), (lanes, ">")):
                beyond = builder.icmp_signed(compare, count, INT32(bound))
                count = builder.select(beyond, INT32(bound), count)
            count = builder.select(builder.icmp_signed(">", left, INT32(k)), count, INT32(0))
            offset = builder.add(builder.mul(step, INT64(i)), builder.mul(step_k, INT64(k)))
            to = builder.add(panel, INT32((k * pitch + i) * dtype.itemsize))
            source = builder.ptrtoint(builder.gep(x, [offset]), INT64)
            builder.call(copy, [to, source, builder.mul(count, INT32(dtype.itemsize))])
        return context.get_dummy_value()

    @emitted(plain)
    def copies(typing_context, panel, to, x, at, step, step_k, inside, left):
        n = types.intp
        return types.void(panel, n, x, n, n, n, n, n), codegen

    return copies


def make_loads(places: list[tuple[int, int]], pitch: int) -> tuple[Callable, Callable]:
    """``make_copies`` in two halves, through registers, for devices that know no other way.

    ``load(pending, x, at, step, step_k, inside, left)`` and, later, ``store(pending, panel, to)``.
    """

    def plain_load(pending, x, at, step, step_k, inside, left):
        for e, (i, k) in enumerate(places):
            pending[e] = x[at + i * step + k * step_k] if i < inside and k < left else 0

    def plain_store(pending, panel, to):
        for e, (i, k) in enumerate(places):
            panel[to + k * pitch + i] = pending[e]

    @emitted(plain_load)
    def load(typing_context, pending, x, at, step, step_k, inside, left):
        def codegen(context, builder, signature, args):
            pending, x, at, step, step_k, inside, left = args
            pending = address(context, builder, signature.args[0], pending)
            x = builder.gep(address(context, builder, signature.args[1], x), [at])
            for e, (i, k) in enumerate(places):
                to = builder.gep(pending, [INT64(e)])
                builder.store(ir.Constant(to.type.pointee, 0), to)
                beside = builder.icmp_signed("<", INT64(i), inside)
                there = builder.and_(beside, builder.icmp_signed("<", INT64(k), left))
                with builder.if_then(there):
                    offset = builder.add(builder.mul(step, INT64(i)), builder.mul(step_k, INT64(k)))
                    builder.store(builder.load(builder.gep(x, [offset])), to)
            return context.get_dummy_value()

        n = types.intp
        return types.void(pending, x, n, n, n, n, n), codegen

    @emitted(plain_store)
    def store(typing_context, pending, panel, to):
        def codegen(context, builder, signature, args):
            pending, panel, to = args
            pending = address(context, builder, signature.args[0], pending)
            panel = builder.gep(address(context, builder, signature.args[1], panel), [to])
            for e, (i, k) in enumerate(places):
                value = builder.load(builder.gep(pending, [INT64(e)]))
                builder.store(value, builder.gep(panel, [INT64(k * pitch + i)]))
            return context.get_dummy_value()

        return types.void(pending, panel, types.intp), codegen

    return load, store


def make_instruction(text: str) -> Callable:
    """A function without arguments that is one instruction, across which no access to memory is moved."""

    def plain():
        pass

    @emitted(plain)
    def instruction(typing_context):
        def codegen(context, builder, signature, args):
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(ir.InlineAsm(kind, text, "~{memory}", side_effect=True), [])
            return context.get_dummy_value()

        return types.void(), codegen

    return instruction


#: Make a group of the copies that were started since the last group.
close_group = make_instruction("cp.async.commit_group;")


def make_wait(groups: int) -> Callable:
    """``wait()``: until at most the last ``groups`` groups of this thread are under way."""
    return make_instruction(f"cp.async.wait_group {groups};")
