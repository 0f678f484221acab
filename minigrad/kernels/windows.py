"""Windows: parts of an array, all of one form, that a convolution or a pooling goes through, along each dim."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from minigrad.kernels import Array, Dims


@dataclass(frozen=True)
class Windows:
    """``counts`` windows of ``size`` elements along each dim.

    Element k of window i is ``x[i stride + k dilation - padding]``. What is outside of x is 0 to a convolution,
    and nothing to a pooling.

    >>> print(Windows((3, 3), (2, 2), (1, 1), (1, 1), (14, 14)))
    3 × 3, stride 2 × 2, padding 1 × 1
    """

    size: Dims
    stride: Dims
    padding: Dims  # elements of the first window that stand before x
    dilation: Dims
    counts: Dims

    @functools.lru_cache(1024)  # noqa: B019 (they are few, and small)
    def spans(self, sizes: Dims) -> Spans:
        """What of the windows is inside an array of these sizes, for each dim."""
        numbers = self.size, self.stride, self.padding, self.dilation, self.counts, sizes
        return tuple(_span(*each) for each in zip(*numbers, strict=True))

    def __str__(self) -> str:
        """The size, and what is not as usual: for pictures."""
        usual = (("stride", self.stride, 1), ("padding", self.padding, 0), ("dilation", self.dilation, 1))
        parts = [f"{name} {_times(numbers)}" for name, numbers, n in usual if set(numbers) != {n}]
        return ", ".join([_times(self.size), *parts])


class Span(NamedTuple):
    """Windows along one dim, each with at least one element: ``x[start[i] : stop[i] : step]``."""

    start: Array  # read-only, as spans are kept
    stop: Array
    step: int


Spans = tuple[Span, ...]  # one for each dim


def _times(numbers: Dims) -> str:
    return " × ".join(map(str, numbers))


def _span(size: int, stride: int, padding: int, dilation: int, count: int, n: int) -> Span:
    first = np.arange(count) * stride - padding
    skipped = -(np.minimum(first, 0) // dilation)  # elements that stand before x
    return span(first + skipped * dilation, np.minimum(first + (size - 1) * dilation + 1, n), dilation)


def span(start: Array, stop: Array, step: int = 1) -> Span:
    """A span of arrays that nobody else has."""
    for array in (start, stop):
        array.setflags(write=False)
    return Span(start, stop, step)


@functools.lru_cache(1024)
def covering(counts: Dims, sizes: Dims) -> Spans:
    """So many windows along each dim, which together cover all of it: i from ``i n // m`` to ``(i + 1) n / m``."""
    return tuple(
        span(np.arange(m) * n // max(m, 1), -(-(np.arange(m) + 1) * n // max(m, 1)))
        for m, n in zip(counts, sizes, strict=True)
    )
