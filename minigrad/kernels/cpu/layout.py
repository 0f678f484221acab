"""How images are laid out for a convolution, and all that is known of one before it sees numbers.

A *plan* is worked out once for each shape: what is laid out, in bands of how many lines, and from where on the
tiles read. ``convolution.py`` says what for.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from minigrad.dtypes import int64
from minigrad.kernels import Array, Dims
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.lines import make_copy
from minigrad.kernels.cpu.memory import at
from minigrad.kernels.windows import Windows

BAND = 1 << 17  # elements to lay out at once, unless one line has more: they stay in the second cache
SUMS = 16  # of a weight gradient, for threads to share
LEAST = 256  # numbers that each of these adds up: fewer take no longer than the adding of the sums
BUFFER = 1 << 22  # elements that these sums have at most, unless one has more
BLOCK = 1 << 17  # elements of a sum that are computed at once: they stay in the second cache

# -- laying out -----------------------------------------------------------------------------------------------


class Layout(NamedTuple):
    """An array (channels, height, width), and how it is laid out."""

    height: int
    width: int
    down: int  # parts; 1 without a stride
    right: int
    top: int  # padding
    left: int
    lines: int  # of each part, that are laid out at once
    pitch: int  # from line to line

    @property
    def plane(self) -> int:
        """Elements of a channel: an odd number of cache lines, or all channels would fall on the same ones."""
        return (-(-self.down * self.right * self.lines * self.pitch // 16) | 1) * 16

    def numbers(self) -> Array:
        """All of these, as kernels take them."""
        return np.array([*self, self.plane], int64)


@inline
def layout_in(a):
    """The numbers of a layout; a parallel loop takes arrays, but no tuples."""
    return a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8]


@inline
def five_in(a):
    return a[0], a[1], a[2], a[3], a[4]


def make_lay_out(dtype: np.dtype) -> Callable:
    copy, zero = make_copy(dtype), dtype.type(0)

    @inline
    def lay_out(x, first, channels, layout, begin, X):
        """X[c, a, b, q, r] = x[first + c, (begin + q) down + a - top, r right + b - left], 0 outside."""
        height, width, down, right, top, left, lines, pitch, plane = layout
        for c in range(channels):
            for a in range(down):
                for b in range(right):
                    shift = b - left
                    r0 = min(max(0, -(shift // right)), pitch)
                    r1 = max(r0, min(pitch, -((shift - width) // right)))
                    for q in range(lines):
                        h = (begin + q) * down + a - top
                        is_inside = 0 <= h < height
                        source = at(x, first + (c * height + h) * width + shift if is_inside else 0)
                        line = at(X, c * plane + ((a * right + b) * lines + q) * pitch)
                        if right == 1 or not is_inside:
                            copy(source, r0, r1 if is_inside else r0, zero, line, pitch)
                        else:
                            for r in range(pitch):
                                line[r] = source[r * right] if r0 <= r < r1 else zero

    return lay_out


# -- plans ----------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """A part of the output: from which elements it is made, and where it begins. It goes on in steps."""

    start: int  # of its A and offsets among those of all parts
    elements: int
    top: int  # where its t = 0 would be
    left: int


class Plan(NamedTuple):
    """All that a convolution knows before it sees numbers; see :func:`products_piece`."""

    layout: Array
    offsets: Array
    parts: Array  # a Part in each row
    shape: Array  # groups, channels of x, lines and width of windows, lines of a band
    output: Array  # channels of a group, height, width, steps down and right


Key = tuple[slice, ...]


def as_slice(numbers: Array) -> slice:
    """Numbers with equal steps between them as a slice, which makes a view."""
    if len(numbers) < 2:
        return slice(numbers[0], numbers[0] + 1) if len(numbers) else slice(0)
    return slice(numbers[0], numbers[-1] + 1, numbers[1] - numbers[0])


def split(n: int, most: int) -> int:
    """The size of the parts of n, of at most so many, that are as equal as can be."""
    return -(-n // -(-n // max(1, most)))


def element_offsets(channels: int, plane: int, places: list[Array]) -> Array:
    """offsets[c, i, j], in a row: channel c, and places that a window's lines and columns have in it."""
    down, right = places
    return (np.arange(channels)[:, None, None] * plane + down[:, None] + right).ravel().astype(int64)


def layout_of(x_size: Dims, at: Windows, channels: int, others: int) -> tuple[Layout, int, Array]:
    """How x is laid out for windows in a band, the lines of the band, and where the elements of a window are."""
    reach = [d * (k - 1) // s for k, d, s in zip(at.size, at.dilation, at.stride, strict=True)]
    (down, right), pitch = at.stride, at.counts[1] + reach[1]
    line = pitch * (channels * down * right + others)
    band = split(at.counts[0], BAND // line - reach[0])
    layout = Layout(*x_size, down, right, *at.padding, band + reach[0], pitch)
    a, b = (np.arange(k) * d for k, d in zip(at.size, at.dilation, strict=True))
    part = layout.lines * pitch
    places = [a % down * right * part + a // down * pitch, b % right * part + b // right]
    return layout, band, element_offsets(channels, layout.plane, places)


@functools.lru_cache(maxsize=256)
def conv_plan(size: Dims, channels: int, M: int, at: Windows, groups: int) -> Plan:
    """Windows over an image of ``size``; channels of x and of z are those of a group."""
    layout, band, offsets = layout_of(size, at, channels, M)
    parts = np.array([Part(0, len(offsets), 0, 0)], int64)
    shape, output = np.array([groups, channels, *at.counts, band]), np.array([M, *at.counts, 1, 1])
    return Plan(layout.numbers(), offsets, parts, shape, output)


@functools.lru_cache(maxsize=256)
def transpose_plan(size: Dims, channels: int, M: int, at: Windows, groups: int) -> tuple[Plan, list[Key]]:
    """Windows put into an image of ``size``, and which elements of the weight each of its parts takes.

    Element j of x is ``i s + k d - p``. With j + p = t s + a and k d = e s + a, it is window i = t - e that steps
    there; the part a of x has all t and all e.
    """
    dims = list(zip(size, at.size, at.stride, at.padding, at.dilation, strict=True))
    reach = [d * (k - 1) // s for _, k, s, _, d in dims]
    first = [p // s for *_, s, p, _ in dims]
    counts = [(n - 1 + p) // s + 1 - p // s for n, _, s, p, _ in dims]
    pitch = counts[1] + reach[1]
    band = split(counts[0], BAND // (pitch * (channels + M)) - reach[0])
    around = [e - t for e, t in zip(reach, first, strict=True)]
    layout = Layout(*at.counts, 1, 1, *around, band + reach[0], pitch)
    table, offsets, taken, start = [], [], [], 0
    for a in range(at.stride[0]):
        for b in range(at.stride[1]):
            inside = [
                np.flatnonzero(np.arange(k) * d % s == e) for e, (_, k, s, _, d) in zip((a, b), dims, strict=True)
            ]
            steps = [k * d // s for k, d, s in zip(inside, at.dilation, at.stride, strict=True)]
            places = [(reach[0] - steps[0]) * pitch, reach[1] - steps[1]]
            offsets.append(element_offsets(channels, layout.plane, places))
            begins = [t * s + e - p for t, e, (_, _, s, p, _) in zip(first, (a, b), dims, strict=True)]
            table.append(Part(start, len(offsets[-1]), *begins))
            taken.append(tuple(map(as_slice, inside)))
            start += len(offsets[-1])
    shape, output = np.array([groups, channels, *counts, band]), np.array([M, *size, *at.stride])
    plan = Plan(layout.numbers(), np.concatenate(offsets), np.array(table, int64), shape, output)
    return plan, taken


class WeightPlan(NamedTuple):
    """The same for the gradient of a weight; see :func:`weight_piece`."""

    layout: Array
    z_layout: Array
    offsets: Array
    shape: Array  # groups, channels of x, of a block, of z, elements of a window
    sums: int


@functools.lru_cache(maxsize=256)
def weight_plan(size: Dims, images: int, channels: int, M: int, at: Windows, groups: int) -> WeightPlan:
    elements = math.prod(at.size)
    block = split(channels, BLOCK // (elements * M))
    layout, band, offsets = layout_of(size, at, block, 2 * M)
    z_layout = Layout(*at.counts, 1, 1, 0, 0, band, layout.pitch)
    numbers, size = images * math.prod(at.counts), groups * channels * elements * M
    sums = max(1, min(SUMS, images, numbers // LEAST, BUFFER // size))
    shape = np.array([groups, channels, block, M, elements])
    return WeightPlan(layout.numbers(), z_layout.numbers(), offsets, shape, sums)
