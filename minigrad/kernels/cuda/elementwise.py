"""Elementwise kernels: a scalar rule, and one of the two loops of ``loops.py`` written out for its operands.

``out[i] = rule(x[i], y[i], ...)``. Kernels are source text with the operands filled in, which
``print(add.source(...))`` shows. Operands that are numbers (of Python, or NumPy arrays without dimensions) become
arguments of the kernel, never memory.

A function that makes a new array does not launch its kernel at once: it may become one of a chain (``chain.py``).
So that a chain gives the same bits as its functions one by one, nothing here is contracted: a product and a sum
stay two instructions, each of which rounds, whether they stand in one kernel or in two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.dtypes import DType, bool_
from minigrad.kernels import Array
from minigrad.kernels.cuda import array as arrays
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.launch import INT, Kernel, blocks_on, number, pointer
from minigrad.kernels.cuda.loops import (
    NARROW,
    broadcast,
    build,
    flat_source,
    index_type,
    number_type,
    strided,
    strided_source,
    strided_takes,
)
from minigrad.kernels.cuda.math import names
from minigrad.kernels.cuda.memory import Memory
from minigrad.kernels.cuda.shim import THREADS, specialise
from minigrad.kernels.cuda.waiting import finish, put_off

Operand = DeviceArray | Array | float


class Elementwise:
    """A function of arrays that broadcast, from a rule on numbers. Its kernels are made as they are needed.

    ``gives`` is the dtype of the result, by default that of the operands: of the last one, if they differ.
    """

    def __init__(self, name: str, rule: Callable[..., Any], gives: DType | None = None) -> None:
        self.__name__, self.rule, self.gives = name, rule, gives
        self.kernels: dict[Any, Kernel] = {}

    def __call__(
        self, *operands: Operand, out: DeviceArray | None = None, gives: DType | None = None
    ) -> DeviceArray:
        """A new array, of a dtype that may be given; or ``out``, with the elements written into it."""
        found = [x for x in operands if isinstance(x, DeviceArray)]
        if out is not None:
            if found and finish(self, operands, found, found[-1].dtype, out):
                return out
            devices.settle((out,))
            self.launch(operands, out)
            return out
        shape, puts_off = found[0].shape, devices.current.fuses
        for x in found:
            if x.shape != shape:
                shape = broadcast(shape, x.shape)
            puts_off = puts_off and not x.is_lent
        dtype = x.dtype
        gives = gives or self.gives or dtype
        if puts_off and 0 not in shape:
            return put_off(self, operands, found, dtype, gives, shape, x.device)
        devices.flush()
        out = arrays.empty(shape, gives, x.device)
        self.launch(operands, out)
        return out

    def launch(self, operands: Sequence[Operand], out: DeviceArray, memory: Memory | None = None) -> None:
        """Write the elements into ``out``, now; or into the memory that it is about to have."""
        if out.size:
            is_flat = memory is not None or (out.contiguous and not out.address % 16)
            kernel, grid, sizes = self.prepared(operands, out, is_flat=is_flat)
            given = [x.item() if isinstance(x, np.ndarray) else x for x in operands]
            kernel.start(devices.device(out.device), grid, THREADS, memory or out, *given, *sizes)

    def prepared(
        self, operands: Sequence[Operand], out: DeviceArray, *, is_flat: bool
    ) -> tuple[Kernel, int, tuple[int, ...]]:
        """The kernel, its grid, and its last arguments; ``is_flat`` if the flat one can write the result."""
        shape, ndim, sizes = out.shape, 0, ()
        kinds: list[Any] = []  # which kernel that takes, in terms that are quickly found
        for x in operands:
            if isinstance(x, DeviceArray):
                is_flat = is_flat and x.shape == shape and x.contiguous and not x.address % 16
                kinds.append(x.dtype)
            else:
                kinds.append((x.dtype,) if isinstance(x, np.ndarray) else type(x))
        if not is_flat:
            ndim, sizes = strided((out, *[x for x in operands if isinstance(x, DeviceArray)]), shape)
        index = index_type(out.size)
        key = (ndim, index, out.dtype, *kinds)
        kernel = self.kernels.get(key)
        if kernel is None:
            kernel = self.kernels[key] = self._kernel(operands, out.dtype, ndim, index)
        grid = blocks_on(devices.device(out.device), out.size if ndim else -(-out.size // 4))
        return kernel, grid, (out.size, *sizes)

    def _kernel(self, operands: Sequence[Operand], gives: DType, ndim: int, index: DType) -> Kernel:
        found = [x.dtype for x in operands if isinstance(x, DeviceArray)]
        dtype = found[-1] if found else gives
        takes = tuple(
            (True, x.dtype) if isinstance(x, DeviceArray) else (False, number_type(x, dtype)) for x in operands
        )
        return self.make(takes, dtype, gives, ndim, index)

    def source(self, kinds: str, gives: DType, ndim: int = 0) -> str:
        """The text of a kernel for operands of these kinds, ``a`` for an array and ``n`` for a number.

        It is the flat one, or the one for strides in ``ndim`` dimensions.
        """
        given = [f"x{k}" for k in range(len(kinds))]
        arrays_of = [x for x, kind in zip(given, kinds, strict=True) if kind == "a"]

        def rule(place: Callable[[str], str]) -> str:
            call = f"rule({', '.join(place(x) if x in arrays_of else x for x in given)})"
            return f"1 if {call} else 0" if gives == bool_ else call

        if ndim:
            body = f"out[{{out}}] = {rule(lambda x: f'{x}[{{{x}}}]')}"
            return strided_source(["out", *given], ["out", *arrays_of], [body], ndim)
        loads = [f"{', '.join(v + x[1:] for v in 'abcd')} = load4({x}, i)" for x in arrays_of]
        rules = ", ".join(f"({rule(lambda x, v=v: v + x[1:])})" for v in "abcd")  # type: ignore[misc]
        one = f"out[i] = {rule(lambda x: f'{x}[i]')}"
        return flat_source(["out", *given], [*loads, f"store4(out, i, {rules})"], [one])

    def make(
        self,
        takes: tuple[tuple[bool, DType], ...],
        dtype: DType,
        gives: DType,
        ndim: int = 0,
        index: DType = NARROW,
    ) -> Kernel:
        """The kernel for operands of these types, each an array or a number, computing in ``dtype``."""
        kinds = "".join("a" if is_array else "n" for is_array, _ in takes)
        name = f"{self.__name__}_{'x'.join([str(ndim), *(t.name for _, t in takes)])}"
        rule = specialise(self.rule, dtype, names(dtype))
        function = build(name, self.source(kinds, gives, ndim), {"rule": rule}, index=index)
        arguments = [pointer(gives), *(pointer(t) if is_array else number(t) for is_array, t in takes)]
        arguments += strided_takes(ndim, 1 + kinds.count("a"), index) if ndim else [INT]
        return Kernel(name, function, *arguments, contract=False)
