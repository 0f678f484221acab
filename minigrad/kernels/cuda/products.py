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
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.dtypes import FLOATS, DType
from minigrad.kernels import Dims, precision
from minigrad.kernels.cuda import array as arrays
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda import move
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.fragments import KINDS
from minigrad.kernels.cuda.launch import Kernel
from minigrad.kernels.cuda.loops import broadcast_strides, collapse
from minigrad.kernels.cuda.memory import Memory
from minigrad.kernels.cuda.product_kernels import gather_takes, make_gather, make_product, make_textbook, takes
from minigrad.kernels.cuda.recipe import A_, B_, BIAS, C_, ROOM, Launch, Matrices, Recipe, Side, carry_out
from minigrad.kernels.cuda.shim import SIMULATED, THREADS
from minigrad.kernels.cuda.steps import Step, make_rule
from minigrad.kernels.cuda.tensor_core import PIECE, SIDE, WORD, WarpTile, make_pack, pack_takes
from minigrad.kernels.cuda.tensor_core import make_product as make_tensor_product
from minigrad.kernels.cuda.tensor_core import takes as tensor_takes
from minigrad.kernels.cuda.tile import BYTES, Tile
from minigrad.kernels.cuda.waiting import begin

__all__ = ["linear", "matmul"]

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


class Product:
    """The product of two matrices, with a bias, which may wait for what follows it (``chain.py``)."""

    def __init__(
        self,
        function: Callable[..., Any],
        A: DeviceArray,
        B: DeviceArray,
        bias: DeviceArray | None,
        transposed: bool,
    ) -> None:
        self.function, self.transposed = function, transposed
        self.arrays = (A, B) if bias is None else (A, B, bias)
        self.rounded = precision.operands()  # the setting may change before it is launched
        lies = [(x.shape, x.strides, x.address % BYTES) for x in self.arrays]  # from here on they are computed
        self.signature = (*lies, A.dtype, transposed, self.rounded)

    def recipe(self, ending: Steps) -> Recipe:
        """How it is computed, with these steps as its epilogue."""
        A, B, *bias = self.arrays
        found = recipe_for(A, B, bias[0] if bias else None, (), ending, self.rounded, self.transposed)
        assert found is not None  # there is no batch
        return found

    def launch(self, recipe: Recipe, memory: Memory, numbers: Sequence[float]) -> None:
        """Write it into new memory."""
        carry_out(recipe, memory, numbers, *self.arrays)


def product(
    function: Callable[..., Any],
    A: DeviceArray,
    B: DeviceArray,
    bias: DeviceArray | None,
    shape: Dims,
    transposed: bool = False,
) -> DeviceArray:
    """(M, K) @ (K, N) + (N,) in that shape, as the head of a chain, or at once; ``transposed`` if B is (N, K)."""
    found = Product(function, A, B, bias, transposed)
    waits = devices.current.fuses and A.dtype in FLOATS and 0 not in shape
    for x in found.arrays:
        waits = waits and not x.is_lent
    if waits:
        return begin(found, shape, A.dtype, A.device)
    devices.flush()
    C = arrays.empty(shape, A.dtype, A.device)
    found.launch(found.recipe(()), C.memory, ())
    return C


def multiply(A: DeviceArray, B: DeviceArray, batch: Dims, memory: Memory) -> None:
    """C = (..., M, K) @ (..., K, N), into new memory, now; ``batch`` is that of the result."""
    recipe = recipe_for(A, B, None, batch, (), precision.operands())
    if recipe is None:  # a batch of more than two dims, none of which continues another
        multiply(whole(A, batch), whole(B, batch), batch, memory)
        return
    carry_out(recipe, memory, (), A, B)


def recipe_for(
    A: DeviceArray,
    B: DeviceArray,
    bias: DeviceArray | None,
    batch: Dims,
    ending: Steps,
    rounded: str | None,
    transposed: bool = False,
) -> Recipe | None:
    """How these are multiplied; ``rounded`` is what operands may be rounded to. None as of :func:`recipe_of`."""
    place, step_bias = devices.device(A.device), None if bias is None else bias.strides[0] // bias.itemsize
    return recipe_of(
        Matrices.of(A),
        Matrices.of(B, transposed),
        step_bias,
        batch,
        A.dtype,
        ending,
        rounded,
        place.capability,
        place.processors,
    )


@functools.lru_cache(4096)
def recipe_of(
    A: Matrices,
    B: Matrices,
    step_bias: int | None,
    batch: Dims,
    dtype: DType,
    ending: Steps,
    rounded: str | None,
    capability: tuple[int, int],
    processors: int,
) -> Recipe | None:
    """The kernels for operands that lie like that, on such a device; None for a batch that they do not take."""
    (M, K), N, size = A.shape[-2:], B.shape[-1], dtype.itemsize
    if 0 in (M, N, *batch):
        return Recipe(())
    steps_a = broadcast_strides(A.shape[:-2], A.strides[:-2], size, batch)
    steps_b = broadcast_strides(B.shape[:-2], B.strides[:-2], size, batch)
    (*counts, inner), steps = collapse(batch, (steps_a, steps_b))
    if len(counts) > 1:
        return None
    dims = len(counts) + 1
    inner_a, outer_a = steps[dims - 1], steps[0] if counts else 0
    inner_b, outer_b = steps[-1], steps[dims] if counts else 0
    a = Side(A.aligned, size, A.strides[-2] // size, A.strides[-1] // size, inner_a, outer_a)
    b = Side(B.aligned, size, B.strides[-1] // size, B.strides[-2] // size, inner_b, outer_b)
    numbers = (a.step, a.step_k, b.step, b.step_k, inner, inner_a, outer_a, inner_b, outer_b)
    bias, count = (int(step_bias is not None), step_bias or 0), math.prod(batch)
    everything, operands = -(-count * M * N // THREADS), (A_, B_, BIAS, C_)
    if dtype not in FLOATS:
        numbers = (M, N, K, *numbers, *bias, count, K)
        return Recipe((Launch(textbook(dtype), everything, THREADS, operands, numbers),))
    kind = rounded if dtype == np.float32 and capability >= TENSOR_CORES else None
    if kind and M * N * K * count >= LEAST_WORK:
        return on_tensor_cores(a, b, bias, (M, N, K), (count, inner), ending, kind, processors)
    past = capability >= PAST_REGISTERS
    tile, parts, deep = plan(M, N, K, count, processors, past, size)
    grid = -(-M // tile.rows) * -(-N // tile.columns) * count * parts
    last = as_it_is if parts > 1 else ending
    compute = kernel(dtype, tile, a.way(past), b.way(past), last, past)
    if parts == 1:
        return Recipe((Launch(compute, grid, tile.threads, operands, (M, N, K, *numbers, *bias, 1, deep)),))
    numbers = (M, N, K, *numbers, 0, 0, parts, deep)
    return Recipe(
        (
            Launch(compute, grid, tile.threads, (A_, B_, ROOM, ROOM), numbers),
            Launch(gather(dtype, ending), everything, THREADS, (ROOM, BIAS, C_), (M, N, count, *bias, parts)),
        ),
        (count * parts * M * N * size,),
    )


def on_tensor_cores(
    a: Side,
    b: Side,
    bias: tuple[int, int],
    sizes: tuple[int, int, int],
    counts: tuple[int, int],
    ending: Steps,
    name: str,
    processors: int,
) -> Recipe:
    """The product with operands rounded to the kind of that name, in C."""
    (M, N, K), (count, inner) = sizes, counts
    words = -(-K // (KINDS[name].numbers * PIECE)) * PIECE
    pack_a, bytes_a, *steps_a = packed(a, A_, M, K, words, inner, count, name)
    pack_b, bytes_b, *steps_b = packed(b, B_, N, K, words, inner, count, name)
    large, small = WARP_TILES
    tiles = -(-M // large.rows) * -(-N // large.columns) * count
    tile = large if tiles >= processors else small
    grid = -(-M // tile.rows) * -(-N // tile.columns) * count
    numbers = (M, N, words, inner, *steps_a, *steps_b, *bias)
    compute = tensor_kernel(name, tile, ending)
    last = Launch(compute, grid, tile.threads, (ROOM, ROOM + 1, BIAS, C_), numbers)
    return Recipe((pack_a, pack_b, last), (bytes_a, bytes_b))


def packed(
    side: Side, place: int, rows: int, K: int, words: int, inner: int, count: int, name: str
) -> tuple[Launch, int, int, int]:
    """An operand in words: how that is made, its bytes, and its steps from product to product; what all products
    share is packed once."""
    once = not side.inner and not side.outer
    copies = 1 if once else count
    grid = -(-rows // SIDE) * -(-words // SIDE) * copies
    numbers = (rows, K, words, side.step, side.step_k, side.inner, side.outer, 1 if once else inner)
    launch = Launch(pack_kernel(name), grid, THREADS, (place, ROOM + place), numbers, ends=False)
    steps = (0, 0) if once else (rows * words, inner * rows * words)
    return launch, copies * rows * words * WORD.itemsize, *steps


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
            return product(matmul, rows, B, None, shape)
    devices.flush()
    C = arrays.empty(shape, x.dtype, x.device)
    multiply(A, B, batch, C.memory)
    return C


def linear(x: DeviceArray, W: DeviceArray, b: DeviceArray | None) -> DeviceArray:
    """``x @ W.T + b``, which may become one kernel with the activation that follows."""
    *batch, K = x.shape
    rows = x if x.ndim == 2 else move.reshape(x, (math.prod(batch), K))
    bias = b if b is None or b.ndim else b.reshape((1,))
    return product(linear, rows, W, bias, (*batch, len(W)), transposed=True)
