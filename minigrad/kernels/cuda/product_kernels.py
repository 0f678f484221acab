"""The kernels of a matrix product: ``C[i, j] = rule(bias[j] + sum_k A[i, k] B[k, j])``.

``make_textbook``  one thread for each element of C, to read and to test with; and for integers
``make_product``   the same in tiles (see ``tile.py``)
``make_gather``    adds up what several blocks have summed, each over a part of k

The first two have the same arguments, so that one launcher does for both. A and B have any strides, so a transpose
is never copied; C has its rows one after the other. Products of a batch are numbered along an inner and an outer
dim; an operand that is the same for all of them has strides of 0 there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.kernels.cuda.launch import INT, number, pointer
from minigrad.kernels.cuda.places import make_corner, make_write
from minigrad.kernels.cuda.shared import close_group, make_copies, make_loads, make_shared, make_wait
from minigrad.kernels.cuda.shim import cuda, device
from minigrad.kernels.cuda.steps import NUMBERS
from minigrad.kernels.cuda.tile import BYTES, LANES_ACROSS, LANES_DOWN, Tile, make_multiply, make_show

ALONG_K = 8  # threads that copy neighbours in k: 32 bytes of a row, the least that is read from memory at once


def takes(dtype: np.dtype) -> tuple:
    """The arguments of a product's kernel.

    A, B, bias, C                               without a bias, C takes its place
    M, N, K
    row_a, k_a, column_b, k_b                   strides, in elements
    inner, inner_a, outer_a, inner_b, outer_b   products in the inner dim; from product to product
    biased, step_bias                           whether there is a bias, and its stride
    parts, deep                                 into how many parts k is cut, and their length
    s0, s1, s2                                      numbers of the rule
    """
    return (*[pointer(dtype)] * 4, *[INT] * 16, *[number(dtype)] * NUMBERS)


def gather_takes(dtype: np.dtype) -> tuple:
    """partial, bias, C, M, N, the number of products, whether there is a bias, its stride, the number of parts;
    numbers of the rule."""
    return (*[pointer(dtype)] * 3, *[INT] * 6, *[number(dtype)] * NUMBERS)


def make_textbook(dtype: np.dtype) -> Callable:
    """One thread for each element, which reads a row of A and a column of B, whatever its neighbours read.

    The threads of a warp share a row of A, and read neighbours in a row of B.
    """
    zero = np.uint8(0) if dtype.kind == "b" else dtype.type(0)
    add = (lambda total, a, b: total | a & b) if dtype.kind == "b" else (lambda total, a, b: total + a * b)
    add = device(add)

    def textbook(
        A, B, bias, C, M, N, K, row_a, k_a, column_b, k_b, inner, inner_a, outer_a, inner_b, outer_b, biased,
        step_bias, parts, deep, s0, s1, s2,
    ):  # fmt: skip
        e = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if e < parts * M * N:
            which, i, j = e // (M * N), e // N % M, e % N
            at_a = which % inner * inner_a + which // inner * outer_a + i * row_a
            at_b = which % inner * inner_b + which // inner * outer_b + j * column_b
            total = bias[j * step_bias] if biased else zero
            for k in range(K):
                total = add(total, A[at_a + k * k_a], B[at_b + k * k_b])
            C[e] = total

    return textbook


# -- from the device's memory to a panel ----------------------------------------------------------------------


def make_fetch(dtype: np.dtype, tile: Tile, side: int, way: str, asynchronous: bool) -> tuple[Callable, Callable]:
    """(fetch, land): bring ``tile.depth`` of k into a panel of ``side`` elements; zeros outside the matrix.

    ``fetch(panel, to, pending, x, at, step, step_k, inside, left, thread)`` starts the copies and
    ``land(panel, to, pending, thread)`` ends them. The panel's first element is ``x[at]``; ``inside`` and ``left``
    are how many of the side and of k there are. All threads fill the panel together; ``way`` says how:

    =========  ================================================================================================
    vectors    16 bytes a thread, where neighbours of the side are neighbours in memory
    side       one element a thread, neighbours of the side
    k          one element a thread, 8 neighbours in k: consecutive elements of a row of A, say, which are written
               into a column of the panel
    =========  ================================================================================================

    From compute capability 8.0 on copies go past the registers. Before, a thread loads into registers before it
    multiplies, and writes to shared memory afterwards.
    """
    lanes = BYTES // dtype.itemsize if way == "vectors" else 1
    wide, long = (tile.depth, side) if way == "k" else (side // lanes, tile.depth)
    across = ALONG_K if way == "k" else min(wide, tile.threads)  # threads along the consecutive elements
    down = tile.threads // across
    steps = [(first * lanes, second) for second in range(0, long, down) for first in range(0, wide, across)]
    places = [(second, first) if way == "k" else (first, second) for first, second in steps]
    pitch, depth = tile.panel(side, dtype), tile.depth
    copies, (load, store) = make_copies(dtype, lanes, places, pitch), make_loads(places, pitch)

    @device
    def corner(thread):
        """(i, k), in the panel, of a thread's first copy."""
        first, second = thread % across * lanes, thread // across
        return (second, first) if way == "k" else (first, second)

    @device
    def fetch_past_registers(panel, to, pending, x, at, step, step_k, inside, left, thread):
        i, k = corner(thread)
        inside, left = min(inside, side) - i, min(left, depth) - k
        copies(panel, to + k * pitch + i, x, at + i * step + k * step_k, step, step_k, inside, left)

    @device
    def fetch_to_registers(panel, to, pending, x, at, step, step_k, inside, left, thread):
        i, k = corner(thread)
        load(pending, x, at + i * step + k * step_k, step, step_k, inside - i, left - k)

    @device
    def land_from_registers(panel, to, pending, thread):
        i, k = corner(thread)
        store(pending, panel, to + k * pitch + i)

    @device
    def land_nothing(panel, to, pending, thread):
        pass

    return (fetch_past_registers, land_nothing) if asynchronous else (fetch_to_registers, land_from_registers)


# -- the product ----------------------------------------------------------------------------------------------


def make_product(
    dtype: np.dtype, tile: Tile, way_a: str, way_b: str, rule: Callable, *, asynchronous: bool
) -> Callable:
    """One block of threads for each tile of C, and for each part of k.

    for each ``depth`` of k:  wait for its panels; start to copy those of ``stages - 1`` steps later; multiply

    A stage is filled again only after the barrier that follows its last use, so one barrier a step is enough.
    """
    rows, columns, depth = tile.rows, tile.columns, tile.depth
    high, wide, stages, threads = tile.high, tile.wide, tile.stages, tile.threads
    real, zero, lanes, elements = dtype.type, dtype.type(0), BYTES // dtype.itemsize, high * wide
    stage_a, stage_b = depth * tile.panel(rows, dtype), depth * tile.panel(columns, dtype)
    from_b, pending_a, pending_b = stages * stage_a, rows * depth // threads, columns * depth // threads
    next_row = rows // (high // lanes)  # from one of a thread's vectors of rows to the next
    warps_across = columns // wide // LANES_ACROSS
    size = max(stages * (stage_a + stage_b), next_row * columns)
    shared, multiply, show = make_shared(size, dtype), make_multiply(dtype, tile), make_show(dtype, tile)
    corner = make_corner(rows, columns)
    write = make_write(dtype, columns, columns, threads, (next_row, 0, 1), rule)
    fetch_a, land_a = make_fetch(dtype, tile, rows, way_a, asynchronous)
    fetch_b, land_b = make_fetch(dtype, tile, columns, way_b, asynchronous)
    nothing = device(lambda: None)
    close, wait, wait_for_all = nothing, nothing, nothing
    if asynchronous:
        close, wait, wait_for_all = close_group, make_wait(stages - 2), make_wait(0)

    def product(
        A, B, bias, C, M, N, K, row_a, k_a, column_b, k_b, inner, inner_a, outer_a, inner_b, outer_b, biased,
        step_bias, parts, deep, s0, s1, s2,
    ):  # fmt: skip
        panels = shared()
        sums = cuda.local.array(elements, real)
        of_a = cuda.local.array(pending_a, real)
        of_b = cuda.local.array(pending_b, real)
        for e in range(elements):
            sums[e] = zero

        thread, block = cuda.threadIdx.x, cuda.blockIdx.x
        top, left, others = corner(block, M, N)
        part, which = others % parts, others // parts
        lane, warp = thread % 32, thread // 32
        down = (warp // warps_across * LANES_DOWN + lane // LANES_ACROSS) * lanes  # the thread's first row
        across = (warp % warps_across * LANES_ACROSS + lane % LANES_ACROSS) * lanes

        begin = part * deep
        at_a = which % inner * inner_a + which // inner * outer_a + top * row_a + begin * k_a
        at_b = which % inner * inner_b + which // inner * outer_b + left * column_b + begin * k_b
        remain = min(deep, K - begin)
        for stage in range(stages - 1):
            ahead = remain - stage * depth
            fetch_a(panels, stage * stage_a, of_a, A, at_a, row_a, k_a, M - top, ahead, thread)
            fetch_b(panels, from_b + stage * stage_b, of_b, B, at_b, column_b, k_b, N - left, ahead, thread)
            close()
            land_a(panels, stage * stage_a, of_a, thread)
            land_b(panels, from_b + stage * stage_b, of_b, thread)
            at_a, at_b = at_a + depth * k_a, at_b + depth * k_b

        now, free = 0, stages - 1
        for here in range(remain, 0, -depth):
            wait()
            cuda.syncthreads()
            ahead = here - (stages - 1) * depth
            fetch_a(panels, free * stage_a, of_a, A, at_a, row_a, k_a, M - top, ahead, thread)
            fetch_b(panels, from_b + free * stage_b, of_b, B, at_b, column_b, k_b, N - left, ahead, thread)
            close()
            multiply(sums, panels, now * stage_a + down, panels, from_b + now * stage_b + across)
            land_a(panels, free * stage_a, of_a, thread)
            land_b(panels, from_b + free * stage_b, of_b, thread)
            at_a, at_b = at_a + depth * k_a, at_b + depth * k_b
            free = now
            now = now + 1 if now + 1 < stages else 0

        wait_for_all()
        for p in range(high // lanes):
            cuda.syncthreads()
            show(sums, p, panels, down * columns + across)
            cuda.syncthreads()
            first = (which * parts + part) * M * N
            write(panels, thread, p, top, left, C, first, M, N, bias, biased, step_bias, s0, s1, s2)

    return product


def make_gather(dtype: np.dtype, rule: Callable) -> Callable:
    """``C[e] = rule(bias[e mod N] + sum_p partial[p, e])`` for each product, a thread an element.

    The parts are added in their order, so the result is the same every time.
    """
    zero = dtype.type(0)

    def gather(partial, bias, C, M, N, count, biased, step_bias, parts, s0, s1, s2):
        e = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if e < count * M * N:
            which, within = e // (M * N), e % (M * N)
            total = bias[within % N * step_bias] if biased else zero
            for part in range(parts):
                total += partial[(which * parts + part) * M * N + within]
            C[e] = rule(total, s0, s1, s2)

    return gather
