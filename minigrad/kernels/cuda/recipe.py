"""Recipes: which kernels a matrix product consists of, for operands that lie in a certain way.

``products.py`` works one out, and it is remembered: the next product of its kind needs only the arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from minigrad.kernels import Dims
from minigrad.kernels.cuda import array as arrays
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.launch import Kernel
from minigrad.kernels.cuda.memory import Memory
from minigrad.kernels.cuda.steps import NUMBERS
from minigrad.kernels.cuda.tile import BYTES


class Matrices(NamedTuple):
    """How an operand lies: of the matrices in its last two dims."""

    shape: Dims
    strides: Dims  # in bytes
    aligned: bool  # whether the first element is at a multiple of what a vector has

    @classmethod
    def of(cls, x: DeviceArray, transposed: bool = False) -> Matrices:
        """How an array lies, or its transpose."""
        shape, strides = x.shape, x.strides
        if transposed:
            shape, strides = (*shape[:-2], *shape[:-3:-1]), (*strides[:-2], *strides[:-3:-1])
        return cls(shape, strides, not x.address % BYTES)


class Side(NamedTuple):
    """An operand of the kernel, steps in elements: along its side (the rows of A, the columns of B), along k, and
    from product to product in the inner and in the outer dim of a batch."""

    aligned: bool
    itemsize: int
    step: int
    step_k: int
    inner: int
    outer: int

    def way(self, vectors: bool) -> str:
        """How threads copy it: neighbours of theirs should read neighbours in memory."""
        lanes = BYTES // self.itemsize
        others = (self.step_k, self.inner, self.outer)
        if self.step == 1 and vectors and self.aligned and not any(s % lanes for s in others):
            return "vectors"
        return "side" if abs(self.step) < abs(self.step_k) else "k"


class Launch(NamedTuple):
    """A kernel, and what it is given: arrays by their places, which are below, and numbers."""

    kernel: Kernel
    grid: int
    threads: int
    arrays: tuple[int, ...]
    numbers: tuple[int, ...]
    ends: bool = True  # whether it takes the numbers of the epilogue too


class Recipe(NamedTuple):
    """What a product consists of."""

    launches: tuple[Launch, ...]
    rooms: tuple[int, ...] = ()  # bytes of what is between them


A_, B_, BIAS, C_, ROOM = range(5)  # places of arrays; after the first room come the others


def carry_out(
    recipe: Recipe,
    memory: Memory,
    numbers: Sequence[float],
    A: DeviceArray,
    B: DeviceArray,
    bias: DeviceArray | None = None,
) -> None:
    """Launch what the product consists of; the numbers are those of its epilogue.

    The memory of C is new: nothing that was put off can read it, and so nothing has to be launched before.
    """
    place, ending = devices.device(A.device), (*numbers, *[0] * (NUMBERS - len(numbers)))
    found = [
        A,
        B,
        memory if bias is None else bias,
        memory,
        *[arrays.room(size, A.device) for size in recipe.rooms],
    ]
    for kernel, grid, threads, places, sizes, ends in recipe.launches:
        kernel.start(place, grid, threads, *[found[k] for k in places], *sizes, *(ending if ends else ()))
