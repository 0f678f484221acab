"""Elementwise kernels: a scalar rule and a loop around it, written out for its operands.

``out[i] = rule(x[i], y[i], ...)``. A thread of the grid starts at its own number and goes on in steps of the
grid's size (a *grid-stride loop*, M. Harris, "CUDA Pro Tip: Write Flexible Kernels with Grid-Stride Loops", 2013),
so neighbours read neighbouring memory and any number of threads fits any number of elements. There are two loops:

==========  ===============================================================================================
flat        operands that lie as the result does: four elements at a time, by one load of up to 16 bytes. The
            kernel is bound by memory, and wide loads are what fills it.
strided     any operands that broadcast: from its number in the result a thread finds the place in each
            dimension, and in each operand by its strides. Dimensions that lie one behind the other in all
            operands are made one before, so there are seldom more than two.
==========  ===============================================================================================

Both are source text with the operands filled in: ``print(add.source(...))`` shows a kernel. Operands that are
numbers (of Python, or NumPy arrays without dimensions) become arguments of the kernel, never memory.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.kernels import Array
from minigrad.kernels.cuda import array as arrays
from minigrad.kernels.cuda import intrinsics
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.launch import INT, Kernel, blocks, number, pointer
from minigrad.kernels.cuda.math import names
from minigrad.kernels.cuda.shim import THREADS, cuda, specialise

DType = np.dtype[Any]
Shape = tuple[int, ...]
Operand = DeviceArray | Array | float

BOOL = np.dtype(np.bool_)

FLAT = """\
def kernel({arguments}, n):
    i = cuda.grid(1) * 4
    step = cuda.gridsize(1) * 4
    while i + 3 < n:
        {loads}
        store4(out, i, {rules})
        i += step
    while i < n:
        out[i] = {rule}
        i += 1
"""

STRIDED = """\
def kernel({arguments}, n{sizes}{strides}):
    i = cuda.grid(1)
    step = cuda.gridsize(1)
    while i < n:
        i0 = i
        {places}
        {body}
        i += step
"""


def flat_source(kinds: str, truth: bool) -> str:
    """The flat kernel for operands of these kinds, ``a`` for an array and ``n`` for a number."""
    arguments = [f"x{k}" for k in range(len(kinds))]
    loads = [f"a{k}, b{k}, c{k}, d{k} = load4({x}, i)" for k, x in enumerate(arguments) if kinds[k] == "a"]

    def rule(of: Callable[[int], str]) -> str:
        call = ", ".join(of(k) if kinds[k] == "a" else x for k, x in enumerate(arguments))
        return f"1 if rule({call}) else 0" if truth else f"rule({call})"

    return FLAT.format(
        arguments=", ".join(["out", *arguments]),
        loads="\n        ".join(loads) or "pass",
        rules=", ".join(f"({rule(lambda k, v=v: f'{v}{k}')})" for v in "abcd"),  # type: ignore[misc]
        rule=rule(lambda k: f"x{k}[i]"),
    )


def strided_source(arguments: Sequence[str], strided: Sequence[str], body: str, ndim: int) -> str:
    """The strided kernel with this body, in which ``{x}`` is the place in x, for ``ndim`` dimensions."""
    places = []
    for d in range(ndim - 1, 0, -1):  # i0 is what is left for the dims before
        places += [f"rest = i0 // n{d}", f"i{d} = i0 - rest * n{d}", "i0 = rest"]
    at = {x: " + ".join(f"i{d} * {x}_{d}" for d in range(ndim)) for x in strided}
    return STRIDED.format(
        arguments=", ".join(arguments),
        sizes="".join(f", n{d}" for d in range(1, ndim)),
        strides="".join(f", {x}_{d}" for x in strided for d in range(ndim)),
        places="\n        ".join(places) or "pass",
        body=body.format(**at),
    )


def rule_body(kinds: str, truth: bool) -> str:
    """``out[place] = rule(x0[place], ...)``"""
    call = ", ".join(f"x{k}[{{x{k}}}]" if kind == "a" else f"x{k}" for k, kind in enumerate(kinds))
    return "out[{out}] = " + (f"1 if rule({call}) else 0" if truth else f"rule({call})")


def build(name: str, source: str, names: dict[str, Any], defines: str = "kernel") -> Callable[..., Any]:
    """The kernel, or other function, that the source defines, with the functions that it calls."""
    known = {"cuda": cuda, "load4": intrinsics.load4, "store4": intrinsics.store4, **names}
    exec(compile(source, f"<kernel {name}>", "exec"), known)
    found: Callable[..., Any] = known[defines]
    return found


class Elementwise:
    """A function of arrays that broadcast, from a rule on numbers. Its kernels are made as they are needed.

    ``gives`` is the dtype of the result, by default that of the operands: of the last one, if they differ.
    """

    def __init__(self, name: str, rule: Callable[..., Any], gives: DType | None = None) -> None:
        self.__name__, self.rule, self.gives = name, rule, gives
        self.kernels: dict[Any, Kernel] = {}

    def __call__(self, *operands: Operand, out: DeviceArray | None = None) -> DeviceArray:
        found = [x for x in operands if type(x) is DeviceArray]
        first = found[0] if found else out
        dtype = found[-1].dtype if found else out.dtype
        shape, is_flat = first.shape, True
        for x in found:
            if x.shape != shape:
                shape, is_flat = np.broadcast_shapes(*(x.shape for x in found)), False
                break
            if not x.contiguous or x.address % 16:
                is_flat = False
        if out is None:
            out = arrays.empty(shape, self.gives or dtype, first.device)
        elif not out.contiguous or out.address % 16 or out.shape != shape:
            shape, is_flat = out.shape, False
        if not out.size:
            return out
        given = [x.item() if isinstance(x, np.ndarray) else x for x in operands]
        if is_flat:
            kernel = self._kernel(operands, found, dtype, out.dtype, 0)
            kernel(blocks(out, -(-out.size // 4)), THREADS, out, *given, out.size)
        else:
            strides = tuple(broadcast_strides(x.shape, x.strides, x.itemsize, shape) for x in (out, *found))
            sizes, steps = collapse(shape, strides)
            kernel = self._kernel(operands, found, dtype, out.dtype, len(sizes))
            kernel(blocks(out, out.size), THREADS, out, *given, out.size, *sizes[1:], *steps)
        return out

    def _kernel(
        self, operands: Sequence[Operand], found: list[DeviceArray], dtype: DType, gives: DType, ndim: int
    ) -> Kernel:
        takes = tuple(
            (True, x.dtype) if type(x) is DeviceArray else (False, number_type(x, dtype)) for x in operands
        )
        key = (ndim, gives, takes)
        kernel = self.kernels.get(key)
        if kernel is None:
            kernel = self.kernels[key] = self.make(takes, dtype, gives, ndim)
        return kernel

    def source(self, kinds: str, gives: DType, ndim: int = 0) -> str:
        """The text of a kernel: flat, or for strides in ``ndim`` dimensions."""
        if not ndim:
            return flat_source(kinds, gives == BOOL)
        arguments = ["out", *(f"x{k}" for k in range(len(kinds)))]
        strided = ["out", *(f"x{k}" for k, kind in enumerate(kinds) if kind == "a")]
        return strided_source(arguments, strided, rule_body(kinds, gives == BOOL), ndim)

    def make(self, takes: tuple[tuple[bool, DType], ...], dtype: DType, gives: DType, ndim: int = 0) -> Kernel:
        """The kernel for operands of these types, each an array or a number, computing in ``dtype``."""
        kinds = "".join("a" if is_array else "n" for is_array, _ in takes)
        name = f"{self.__name__}_{'x'.join([str(ndim), *(t.name for _, t in takes)])}"
        function = build(
            name, self.source(kinds, gives, ndim), {"rule": specialise(self.rule, dtype, names(dtype))}
        )
        arguments = [pointer(gives), *(pointer(t) if is_array else number(t) for is_array, t in takes)]
        numbers = ndim + ndim * (1 + kinds.count("a")) if ndim else 1
        return Kernel(name, function, *arguments, *[INT] * numbers)


def number_type(x: Array | float, dtype: DType) -> DType:
    """The type of a number beside arrays of ``dtype``: its own, or for one of Python theirs, if it holds it."""
    if isinstance(x, np.ndarray):
        return x.dtype
    return dtype if dtype.kind == "f" or isinstance(x, int) else np.dtype(np.float64)


# -- shapes ---------------------------------------------------------------------------------------------------


@functools.lru_cache(4096)
def broadcast_strides(shape: Shape, strides: Shape, itemsize: int, to: Shape) -> Shape:
    """The strides, in elements, of an operand seen with the shape ``to``."""
    new = len(to) - len(shape)
    return (0,) * new + tuple(0 if n == 1 else s // itemsize for n, s in zip(shape, strides, strict=True))


@functools.lru_cache(4096)
def collapse(shape: Shape, strides: tuple[Shape, ...]) -> tuple[Shape, Shape]:
    """Fewer dims with the same elements in the same order, and the strides of one operand after the other.

    >>> collapse((2, 1, 3, 4), ((12, 12, 4, 1), (0, 0, 4, 1)))  # (2, 1, 3, 4) and (3, 4)
    ((2, 12), (12, 1, 0, 1))
    """
    sizes: list[int] = []
    steps: list[tuple[int, ...]] = []  # of all operands, for each dim
    for n, along in zip(shape, zip(*strides, strict=True), strict=True):
        if n == 1:
            continue
        if sizes and all(s == t * n for s, t in zip(steps[-1], along, strict=True)):
            sizes[-1], steps[-1] = sizes[-1] * n, along
        else:
            sizes.append(n)
            steps.append(along)
    if not sizes:
        sizes, steps = [1], [(0,) * len(strides)]
    return tuple(sizes), tuple(step[k] for k in range(len(strides)) for step in steps)
