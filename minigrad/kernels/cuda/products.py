"""Matrix products on the GPU: ``C[i, j] = bias[j] + sum_k A[i, k] B[k, j]``.

The kernels are in ``product_kernels.py``. Here it is decided how a product is cut into tiles, and how the threads
of a block share the copying, by where the operands have their consecutive elements. So a transpose costs nothing:
there is a kernel for each way in which A and B can lie.

The product of two matrices is put off, as elementwise functions are (``chain.py``), so that those which follow it
can be its epilogue. One of a batch, or of integers, is launched at once.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from minigrad.kernels import precision
from minigrad.kernels.cuda import array as arrays
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda import move
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.chain import begin
from minigrad.kernels.cuda.fragments import KINDS
from minigrad.kernels.cuda.launch import Kernel
from minigrad.kernels.cuda.loops import broadcast_strides, collapse
from minigrad.kernels.cuda.math import FLOATS
from minigrad.kernels.cuda.product_kernels import gather_takes, make_gather, make_product, make_textbook, takes
from minigrad.kernels.cuda.shim import SIMULATED, THREADS
from minigrad.kernels.cuda.steps import Epilogue, Step, make_rule
from minigrad.kernels.cuda.tensor_core import PIECE, SIDE, WORD, WarpTile, make_pack, pack_takes
from minigrad.kernels.cuda.tensor_core import make_product as make_tensor_product
from minigrad.kernels.cuda.tensor_core import takes as tensor_takes
from minigrad.kernels.cuda.tile import BYTES, Tile

__all__ = ["linear", "matmul"]

DType = np.dtype[Any]
Shape = tuple[int, ...]
Steps = tuple[Step, ...]

PAST_REGISTERS = (8, 0)  # the compute capability since which copies go from memory to shared memory by themselves

# By whether copies go past registers, and the bytes of an element: the fastest first, if there is work enough for
# all multiprocessors. Older ones have half the multipliers for as many registers: smaller tiles feed them.
LARGE = {
    (True, 4): [Tile(128, 128, 16, 8, 16, 2), Tile(64, 64, 16, 8, 8, 3), Tile(32, 32, 16, 4, 4, 3)],
    (True, 8): [Tile(64, 64, 16, 4, 8, 2), Tile(32, 32, 16, 4, 4, 2)],
    (False, 4): [Tile(128, 128, 8, 8, 8, 2), Tile(32, 32, 16, 4, 4, 2)],
    (False, 8): [Tile(64, 64, 8, 4, 8, 2), Tile(32, 32, 16, 4, 4, 2)],
}
SMALL = {  # for the simulator, where a thread is one of Python's, and the product of a test has several tiles
    (True, 4): [Tile(32, 32, 8, 8, 4, 2), Tile(16, 32, 8, 4, 4, 3)],
    (True, 8): [Tile(16, 32, 8, 4, 4, 2)],
    (False, 4): [Tile(16, 32, 8, 4, 4, 2)],
    (False, 8): [Tile(16, 32, 8, 4, 4, 3)],
}
TILES = SMALL if SIMULATED else LARGE

TENSOR_CORES = (8, 0)  # the compute capability since which they take all three kinds
LEAST_WORK = 1 << 27  # multiply-adds of a product that is worth packing for
LARGE_WARPS = WarpTile(128, 128, 64, 64, 3), WarpTile(64, 64, 32, 32, 4)
SMALL_WARPS = WarpTile(32, 32, 32, 16, 2), WarpTile(16, 32, 16, 16, 3)
WARP_TILES = SMALL_WARPS if SIMULATED else LARGE_WARPS

# What it costs, in multiply-adds of a multiprocessor that could be done meanwhile, 128 in each cycle.
PER_ELEMENT = 24  # to write a number to memory, or read it, while all others do the same
PER_LAUNCH = 500_000  # of a second kernel, about 3 microseconds
LEAST_DEPTH = 128  # of k that a part should have


class Plan(NamedTuple):
    """How a product is computed: tiles of C, in so many parts of k, of such a length."""

    tile: Tile
    parts: int
    deep: int


@functools.lru_cache(4096)
def plan(M: int, N: int, K: int, count: int, processors: int, past: bool, itemsize: int) -> Plan:
    """The plan with the least work for the busiest multiprocessor.

    The busiest has ``ceil(tiles / processors)`` of the tiles. Small ones are dealt out evenly, but read more for
    their work. Where C is small and k long, k is cut in parts, whose sums are added by a second kernel.
    """
    best, least = None, math.inf
    for tile in TILES[past, itemsize]:
        tiles = -(-M // tile.rows) * -(-N // tile.columns) * count
        parts = 1
        while parts == 1 or (tiles * parts <= 2 * processors and parts * LEAST_DEPTH <= K):
            deep = -(-K // (parts * tile.depth)) * tile.depth
            busiest = -(-tiles * parts // processors)
            awake = min(busiest * tile.threads / (4 * 32), 1)  # of its four schedulers, by a warp at least
            cost = busiest * tile.rows * tile.columns * deep / (tile.speed * awake)
            if parts > 1:
                cost += 2 * parts * M * N * count * PER_ELEMENT / processors + PER_LAUNCH
            if cost < least:
                best, least = Plan(tile, parts, max(deep, 1)), cost
            parts *= 2
    assert best is not None
    return best


#: Of a product that is followed by nothing.
as_it_is: Steps = ()


def named(*parts: Any, steps: Steps) -> str:
    """The name of a kernel that ends with these steps."""
    return "_".join(map(str, ["matmul", *parts, *(step.function.__name__ for step in steps)]))


# No kernel here is contracted: the loops ask for their multiply-adds by name (``make_multiply``), and what is left
# are the bias and the epilogue, which give the bits that kernels of their own would give.


@functools.cache
def kernel(dtype: DType, tile: Tile, way_a: str, way_b: str, steps: Steps, asynchronous: bool) -> Kernel:
    """The kernel for operands that lie in these ways (see ``make_fetch``)."""
    name = named(dtype, f"{tile.rows}x{tile.columns}", way_a, way_b, asynchronous, steps=steps)
    function = make_product(dtype, tile, way_a, way_b, make_rule(steps), asynchronous=asynchronous)
    return Kernel(name, function, *takes(dtype), contract=False)


@functools.cache
def gather(dtype: DType, steps: Steps) -> Kernel:
    """The kernel that adds the parts."""
    function = make_gather(dtype, make_rule(steps))
    return Kernel(named("gather", dtype, steps=steps), function, *gather_takes(dtype), contract=False)


@functools.cache
def textbook(dtype: DType) -> Kernel:
    """One thread for each element: for integers and bools, for which there is nothing faster."""
    return Kernel(f"matmul_textbook_{dtype}", make_textbook(dtype), *takes(dtype))


@functools.cache
def tensor_kernel(name: str, tile: WarpTile, steps: Steps) -> Kernel:
    """The kernel for operands of that kind."""
    function = make_tensor_product(KINDS[name], tile, make_rule(steps))
    name = named(name, f"{tile.rows}x{tile.columns}", steps=steps)
    return Kernel(name, function, *tensor_takes(), contract=False)


@functools.cache
def pack_kernel(name: str) -> Kernel:
    """The kernel that rounds operands to that kind."""
    return Kernel(f"matmul_pack_{name}", make_pack(KINDS[name]), *pack_takes())


class Side(NamedTuple):
    """An operand of the kernel, steps in elements: along its side (the rows of A, the columns of B), along k, and
    from product to product in the inner and in the outer dim of a batch."""

    array: DeviceArray
    step: int
    step_k: int
    inner: int
    outer: int

    def way(self, vectors: bool) -> str:
        """How threads copy it: neighbours of theirs should read neighbours in memory."""
        lanes = BYTES // self.array.itemsize
        others = (self.step_k, self.inner, self.outer)
        if self.step == 1 and vectors and not self.array.address % BYTES and not any(s % lanes for s in others):
            return "vectors"
        return "side" if abs(self.step) < abs(self.step_k) else "k"


class Product:
    """The product of two matrices, with a bias, which may wait for what follows it (``chain.py``)."""

    def __init__(self, name: str, A: DeviceArray, B: DeviceArray, bias: DeviceArray | None) -> None:
        self.__name__ = name
        self.arrays = (A, B) if bias is None else (A, B, bias)
        self.rounded = precision.operands()  # the setting may change before it is launched

    def launch(self, C: DeviceArray, epilogue: Epilogue) -> None:
        """Write it into C, which is new, and has its elements in any shape."""
        A, B, *bias = self.arrays
        multiply(A, B, bias[0] if bias else None, (), C, epilogue, self.rounded)


def product(name: str, A: DeviceArray, B: DeviceArray, bias: DeviceArray | None, shape: Shape) -> DeviceArray:
    """(M, K) @ (K, N) + (N,) in that shape, as the head of a chain, or at once."""
    found = Product(name, A, B, bias)
    if devices.current.fuses and A.dtype in FLOATS and 0 not in shape and not any(x.is_lent for x in found.arrays):
        return begin(found, shape, A.dtype, A.device)
    devices.flush()
    C = arrays.empty(shape, A.dtype, A.device)
    found.launch(C, Epilogue())
    return C


def multiply(
    A: DeviceArray, B: DeviceArray, bias: DeviceArray | None, batch: Shape, C: DeviceArray, epilogue: Epilogue,
    rounded: str | None,
) -> None:  # fmt: skip
    """C = (..., M, K) @ (..., K, N) + bias (N,), with the epilogue; ``batch`` is that of the result,
    and ``rounded`` what operands may be rounded to.

    C is new: nothing that was put off can read it, and so nothing has to be launched before.
    """
    dtype, size = A.dtype, A.itemsize
    (M, K), N = A.shape[-2:], B.shape[-1]
    if not C.size:
        return
    (*counts, inner), steps = collapse(
        batch, (broadcast_strides(A.shape[:-2], A.strides[:-2], size, batch),
                broadcast_strides(B.shape[:-2], B.strides[:-2], size, batch)),
    )  # fmt: skip
    if len(counts) > 1:  # a batch of more than two dims, none of which continues another
        multiply(whole(A, batch), whole(B, batch), bias, batch, C, epilogue, rounded)
        return
    dims = len(counts) + 1
    inner_a, outer_a = steps[dims - 1], steps[0] if counts else 0
    inner_b, outer_b = steps[-1], steps[dims] if counts else 0
    a = Side(A, A.strides[-2] // size, A.strides[-1] // size, inner_a, outer_a)
    b = Side(B, B.strides[-1] // size, B.strides[-2] // size, inner_b, outer_b)
    start, step_bias = (C, 0) if bias is None else (bias, bias.strides[0] // size)
    numbers = (a.step, a.step_k, b.step, b.step_k, inner, inner_a, outer_a, inner_b, outer_b)
    biased, count = int(bias is not None), math.prod(batch)
    if dtype not in FLOATS:
        grid = -(-C.size // THREADS)
        rest = (*numbers, biased, step_bias, count, K, *epilogue.arguments)
        textbook(dtype).start(grid, THREADS, A, B, start, C, M, N, K, *rest)
        return
    place = devices.device(A.device)
    kind = rounded if dtype == np.float32 and place.capability >= TENSOR_CORES else None
    if kind and M * N * K * count >= LEAST_WORK:
        on_tensor_cores(a, b, bias, C, (M, N, K), inner, epilogue, kind)
        return
    past = place.capability >= PAST_REGISTERS
    tile, parts, deep = plan(M, N, K, count, place.processors, past, size)
    grid = -(-M // tile.rows) * -(-N // tile.columns) * count * parts
    last = as_it_is if parts > 1 else epilogue.steps
    compute = kernel(dtype, tile, a.way(past), b.way(past), last, past).start
    given = epilogue.arguments
    if parts == 1:
        compute(grid, tile.threads, A, B, start, C, M, N, K, *numbers, biased, step_bias, 1, deep, *given)
        return
    partial = arrays.empty((count * parts, M, N), dtype, A.device)
    compute(grid, tile.threads, A, B, partial, partial, M, N, K, *numbers, 0, 0, parts, deep, *given)
    gather(dtype, epilogue.steps).start(
        -(-C.size // THREADS), THREADS, partial, start, C, M, N, count, biased, step_bias, parts, *given
    )  # fmt: skip


def on_tensor_cores(
    a: Side, b: Side, bias: DeviceArray | None, C: DeviceArray, sizes: tuple[int, int, int], inner: int,
    epilogue: Epilogue, name: str,
) -> None:  # fmt: skip
    """The product with operands rounded to the kind of that name, in C."""
    (M, N, K), count, kind = sizes, C.size // (sizes[0] * sizes[1]), KINDS[name]
    words = -(-K // (kind.numbers * PIECE)) * PIECE
    A, inner_a, outer_a = packed(a, M, K, words, inner, count, name)
    B, inner_b, outer_b = packed(b, N, K, words, inner, count, name)
    large, small = WARP_TILES
    tiles = -(-M // large.rows) * -(-N // large.columns) * count
    tile = large if tiles >= devices.device(C.device).processors else small
    grid = -(-M // tile.rows) * -(-N // tile.columns) * count
    start, step = (C, 0) if bias is None else (bias, bias.strides[0] // bias.itemsize)
    steps = (inner, inner_a, outer_a, inner_b, outer_b, int(bias is not None), step, *epilogue.arguments)
    tensor_kernel(name, tile, epilogue.steps).start(grid, tile.threads, A, B, start, C, M, N, words, *steps)


def packed(
    side: Side, rows: int, K: int, words: int, inner: int, count: int, name: str
) -> tuple[DeviceArray, int, int]:  # fmt: skip
    """An operand in words, and its steps from product to product; what all products share is packed once."""
    once = not side.inner and not side.outer
    found = arrays.empty((1 if once else count, rows, words), WORD, side.array.device)
    grid = -(-rows // SIDE) * -(-words // SIDE) * len(found)
    steps = (side.step, side.step_k, side.inner, side.outer, 1 if once else inner)
    pack_kernel(name).start(grid, THREADS, side.array, found, rows, K, words, *steps)
    return (found, 0, 0) if once else (found, rows * words, inner * rows * words)


def whole(x: DeviceArray, batch: tuple[int, ...]) -> DeviceArray:
    """A copy of the operand for each product of the batch."""
    return move.copy(x.expand((*batch, *x.shape[-2:])))


# -- functions of the contract --------------------------------------------------------------------------------


def matmul(x: DeviceArray, y: DeviceArray) -> DeviceArray:
    """``x @ y``: vectors and batches as ``np.matmul`` treats them."""
    A = x[None, :] if x.ndim == 1 else x
    B = y[:, None] if y.ndim == 1 else y
    M, N = A.shape[-2], B.shape[-1]
    batch = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    shape = (*batch, *[M] * (x.ndim > 1), *[N] * (y.ndim > 1))
    if B.ndim == 2:  # one large product, where the batch continues the rows, rather than one for each of the batch
        rows = A if A.ndim == 2 else A.reshape((math.prod(batch) * M, A.shape[-1]))
        if rows is not None:
            return product("matmul", rows, B, None, shape)
    devices.flush()
    C = arrays.empty(shape, x.dtype, x.device)
    multiply(A, B, None, batch, C, Epilogue(), precision.operands())
    return C


def linear(x: DeviceArray, W: DeviceArray, b: DeviceArray | None) -> DeviceArray:
    """``x @ W.T + b``, which may become one kernel with the activation that follows."""
    *batch, K = x.shape
    rows = x if x.ndim == 2 else move.reshape(x, (math.prod(batch), K))
    bias = b if b is None or b.ndim else b.reshape((1,))
    return product("linear", rows, W.transpose((1, 0)), bias, (*batch, len(W)))
