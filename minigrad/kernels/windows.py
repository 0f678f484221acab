"""Windows: parts of an array, all of one form, that a convolution or a pooling goes through, along each dim."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Dims = tuple[int, ...]


class Windows(NamedTuple):
    """``counts`` windows of ``size`` elements along each dim.

    Element k of window i is ``x[i stride + k dilation - padding]``. What is outside of x is 0 to a convolution,
    and nothing to a pooling.
    """

    size: Dims
    stride: Dims
    padding: Dims  # elements of the first window that stand before x
    dilation: Dims
    counts: Dims

    def spans(self, sizes: Dims) -> tuple[Span, ...]:
        """What of the windows is inside an array of these sizes, for each dim."""
        return tuple(_span(*numbers) for numbers in zip(*self, sizes, strict=True))


class Span(NamedTuple):
    """Windows along one dim, each with at least one element: ``x[start[i] : stop[i] : step]``."""

    start: Array
    stop: Array
    step: int


def _span(size: int, stride: int, padding: int, dilation: int, count: int, n: int) -> Span:
    first = np.arange(count) * stride - padding
    skipped = -(np.minimum(first, 0) // dilation)  # elements that stand before x
    return Span(first + skipped * dilation, np.minimum(first + (size - 1) * dilation + 1, n), dilation)
