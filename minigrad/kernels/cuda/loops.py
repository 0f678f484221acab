"""The two loops around elementwise work, as text, and where the elements of operands are.

A thread of the grid starts at its own number and goes on in steps of the grid's size (a *grid-stride loop*, M.
Harris, "CUDA Pro Tip: Write Flexible Kernels with Grid-Stride Loops", 2013), so neighbours read neighbouring
memory and any number of threads fits any number of elements.

==========  ===============================================================================================
flat        operands that lie as the result does: four elements at a time, by one load of up to 16 bytes. The
            kernel is bound by memory, and wide loads are what fills it.
strided     any operands that broadcast: from its number in the result a thread finds the place in each
            dimension, and in each operand by its strides. Dimensions that lie one behind the other in all
            operands are made one before, so there are seldom more than two. The place takes divisions, which of
            64 bits are many instructions more than of 32: these are for results that have so many elements.
==========  ===============================================================================================
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from minigrad.dtypes import DType, float64, int64
from minigrad.kernels import Array, Dims
from minigrad.kernels.cuda import intrinsics
from minigrad.kernels.cuda.launch import INT, Argument, number
from minigrad.kernels.cuda.shim import SIMULATED, cuda

NARROW, WIDE = np.dtype(np.uint32), int64  # in which places are worked out

INSIDE = "\n        "  # between two lines inside the loop

FLAT = """\
def kernel({arguments}, n):
    i = cuda.grid(1) * 4
    step = cuda.gridsize(1) * 4
    while i + 3 < n:
        {four}
        i += step
    while i < n:
        {one}
        i += 1
"""

STRIDED = """\
def kernel({arguments}, n{sizes}{strides}):
    i = cuda.grid(1)
    step = cuda.gridsize(1)
    while i < n:
        i0 = index(i)
        {places}
        {body}
        i += step
"""


def flat_source(arguments: Sequence[str], four: Sequence[str], one: Sequence[str]) -> str:
    """The flat kernel with these lines, for the elements from ``i`` to ``i + 3``, and for element ``i``."""
    return FLAT.format(arguments=", ".join(arguments), four=INSIDE.join(four), one=INSIDE.join(one))


def strided_source(arguments: Sequence[str], strided: Sequence[str], body: Sequence[str], ndim: int) -> str:
    """The strided kernel with these lines, in which ``{x}`` is the place in x, for ``ndim`` dimensions."""
    places = []
    for d in range(ndim - 1, 0, -1):  # i0 is what is left for the dims before
        places += [f"rest = index(i0 // n{d})", f"i{d} = index(i0 - rest * n{d})", "i0 = rest"]
    at = {x: " + ".join(f"i{d} * {x}_{d}" for d in range(ndim)) for x in strided}
    return STRIDED.format(
        arguments=", ".join(arguments),
        sizes="".join(f", n{d}" for d in range(1, ndim)),
        strides="".join(f", {x}_{d}" for x in strided for d in range(ndim)),
        places=INSIDE.join(places) or "pass",
        body=INSIDE.join(body).format(**at),
    )


def index_type(size: int) -> DType:
    """In what the places of a result with so many elements are worked out."""
    return NARROW if size <= np.iinfo(NARROW).max else WIDE


def strided_takes(ndim: int, count: int, index: DType) -> list[Argument]:
    """The last arguments of a strided kernel: the number of elements, sizes, and strides of ``count`` operands."""
    return [INT, *[number(index)] * (ndim - 1), *[INT] * (ndim * count)]


def build(
    name: str, source: str, names: dict[str, Any], defines: str = "kernel", index: DType = WIDE
) -> Callable[..., Any]:
    """The kernel, or other function, that the source defines, with the functions that it calls."""
    known = {"cuda": cuda, "load4": intrinsics.load4, "store4": intrinsics.store4, **names}
    known["index"] = (lambda i: int(index.type(i))) if SIMULATED else index.type
    exec(compile(source, f"<kernel {name}>", "exec"), known)
    found: Callable[..., Any] = known[defines]
    return found


def number_type(x: Array | float, dtype: DType) -> DType:
    """The type of a number beside arrays of ``dtype``: its own, or for one of Python theirs, if it holds it."""
    if isinstance(x, np.ndarray):
        return x.dtype
    return dtype if dtype.kind == "f" or isinstance(x, int) else float64


# -- shapes ---------------------------------------------------------------------------------------------------


#: The shape of what arrays of two shapes give.
broadcast = functools.lru_cache(4096)(np.broadcast_shapes)


def are_flat(arrays: Iterable[Any], shape: Dims) -> bool:
    """Whether arrays have that shape, their elements one after the other, from a multiple of 16 bytes on."""
    for x in arrays:  # noqa: SIM110 (at every launch: all() would take twice as long)
        if x.shape != shape or not x.contiguous or x.address % 16:
            return False
    return True


def strided(arrays: Sequence[Any], shape: Dims) -> tuple[int, Dims]:
    """In how many dims the arrays have strides, seen with the shape, and the sizes and strides of these."""
    return _strided(shape, *[(x.shape, x.strides, x.dtype) for x in arrays])


@functools.lru_cache(4096)
def _strided(shape: Dims, *arrays: tuple[Dims, Dims, DType]) -> tuple[int, Dims]:
    along = [broadcast_strides(given, strides, dtype.itemsize, shape) for given, strides, dtype in arrays]
    sizes, steps = collapse(shape, tuple(along))
    return len(sizes), (*sizes[1:], *steps)


@functools.lru_cache(4096)
def broadcast_strides(shape: Dims, strides: Dims, itemsize: int, to: Dims) -> Dims:
    """The strides, in elements, of an operand seen with the shape ``to``."""
    new = len(to) - len(shape)
    return (0,) * new + tuple(0 if n == 1 else s // itemsize for n, s in zip(shape, strides, strict=True))


@functools.lru_cache(4096)
def collapse(shape: Dims, strides: tuple[Dims, ...]) -> tuple[Dims, Dims]:
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
