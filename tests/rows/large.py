"""The samples of the table at real sizes: the same shapes and layouts, with every size many times as large.

A size is multiplied, whatever it means, so that what was equal stays equal and what was a multiple stays one; by
an odd number, so that sizes lie beside the edges of tiles. Sizes 0 and 1 stay: they mean something of their own.
How large a row becomes is tried out on the CPU: as large as its operands and its result are below a limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

import minigrad as mg
from rows.row import Array, Row, Sample

SCALES = [3, 5, 9, 17, 33, 65, 129, 257, 513, 1025, 4097, 16385, 65537, 262145]
LIMIT = 1 << 20  # elements

INDEX = "the index or the mask is part of the call, and fits one size"
SHAPE = "a shape or the sizes of pieces are part of the call"

#: The rows of which no sample can be larger, and why; besides those of single numbers and of sizes 0 and 1.
SMALL = {
    "sum_to_size": SHAPE,
    "sum_to_size-nothing": SHAPE,
    "reshape_as": SHAPE,
    "view_as": SHAPE,
    "expand": SHAPE,
    "expand_as": SHAPE,
    "broadcast_to": SHAPE,
    "split-sizes": SHAPE,
    "conv_transpose2d-groups": "a group has one channel, which stays one, beside the bias, which grows",
    "repeat_interleave-of each": INDEX,
    "take_along_dim": INDEX,
    "masked_select": INDEX,
    "masked_select-broadcast": INDEX,
    "index_add": INDEX,
    "index_add-alpha": INDEX,
    "index-mask": INDEX,
}


def can_grow(row: Row) -> bool:
    """Whether a sample has anything that can be larger: a size above 1, beside none of 0."""
    return any(
        all(array.size for array in sample) and any(array.size > 1 for array in sample) for sample in row.samples
    )


def enlarged(array: Array, scale: int, row: Row, rng: np.random.Generator) -> Array:
    """A larger array with the layout of another: order of the dims, gaps between elements, directions, repeats."""
    shape = tuple(n * scale if n > 1 else n for n in array.shape)
    base: list[int] = []  # sizes in memory, the fastest first, with gaps
    order, steps, reached = [], {}, array.itemsize
    for d in sorted(range(array.ndim), key=lambda d: abs(array.strides[d])):
        if array.shape[d] > 1 and array.strides[d]:
            gap = max(abs(array.strides[d]) // reached, 1)
            reached = abs(array.strides[d]) * array.shape[d]
            base.append(shape[d] * gap)
            order.append(d)
            steps[d] = math.copysign(gap, array.strides[d])
    values = alike(array, math.prod(base), row, rng).reshape(base[::-1])
    values = np.asarray(values[tuple(slice(None, None, int(steps[d])) for d in order[::-1])])
    values = values.transpose([order[::-1].index(d) for d in sorted(order)])
    for d in range(array.ndim):  # what is repeated, and dims of size 1
        if d not in order:
            values = np.expand_dims(values, d)
    return np.broadcast_to(values, shape) if values.shape != shape else values


def alike(array: Array, count: int, row: Row, rng: np.random.Generator) -> Array:
    """Distinct numbers between the smallest and the largest of an array, with its signs; float32 holds them."""
    known = np.abs(array[array != 0]) if array.size else np.ones(1)
    low, high = (float(known.min()), float(known.max())) if known.size else (0.5, 1.0)
    low, high = (low, high) if high > low else (low / 2, high)
    if row.name in ("prod", "cumprod"):  # else a million factors leave the range of float32
        low, high = 0.999, 1.001
    values = rng.permutation(np.linspace(low, high, count))
    if (array < 0).any():
        values *= rng.choice([-1.0, 1.0], count)
    return values.astype(np.float32).astype(np.float64)


def chosen(row: Row) -> list[Sample]:
    """The largest sample of a row, and up to two in which elements do not lie one after the other."""
    able = [sample for sample in row.samples if all(array.size for array in sample)]
    able.sort(key=lambda sample: -sum(array.size for array in sample))
    strided = [s for s in able if not all(array.flags.c_contiguous for array in s)]
    return [*able[:1], *[s for s in strided if s is not able[0]][:2]]


def large_samples(row: Row, limit: int = LIMIT) -> Iterator[Sample]:
    """The chosen samples, as large as may be: until the function of the row takes no larger one."""
    if "conv" in row.name:  # whose windows grow as well
        limit = max(limit // 16, min(limit, 1 << 16))
    for sample in chosen(row):
        found = None
        for scale in SCALES:
            rng = np.random.default_rng(scale)
            sizes = [math.prod(n * scale if n > 1 else n for n in array.shape) for array in sample]
            distinct = {n for array in sample for n in array.shape if n > 1}
            if not distinct or max(sizes) > limit or math.prod(n * scale for n in distinct) > 64 * limit:
                break
            larger = tuple(enlarged(array, scale, row, rng) for array in sample)
            if result_size(row, larger) > 2 * limit:
                break
            found = larger
        if found is not None:
            yield found


def result_size(row: Row, sample: Sample) -> float:
    """How many elements the result has; infinitely many, if the function does not take the sample."""
    try:
        with mg.use_kernels("reference"), mg.no_grad():
            out = row.function(mg, *[mg.from_numpy(array.astype(np.float32)) for array in sample])
    except (ValueError, IndexError, RuntimeError, TypeError):
        return math.inf
    return out.numel() if isinstance(out, mg.Tensor) else 1
