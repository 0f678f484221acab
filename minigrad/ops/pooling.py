"""Pooling, one number for each window, and resampling, numbers between elements.

The windows along a dim are a :class:`~minigrad.kernels.windows.Span`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.graph import Array, Kept, Op, record
from minigrad.kernels.windows import Dims, Span
from minigrad.ops.indexing import Index
from minigrad.ops.operands import Gradients

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

Spans = tuple[Span, ...]

# -- the largest ----------------------------------------------------------------------------------------------


class ArgMaxPool(Op):
    """y = the index of the first largest x        in each window; it counts in the pooled dims as one"""

    is_differentiable = False

    def __init__(self, spans: Spans) -> None:
        self.spans = spans

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.argmax_pool(x, self.spans)


class MaxPool(Op):
    """y[i] = max x        over window i; index says where it is

    dy/dx = 1 there, 0 elsewhere
    """

    index = Kept()
    output = "y"

    def __init__(self, pooled: int) -> None:
        self.pooled = pooled

    def forward(self, kernels: Any, x: Array, index: Array) -> Any:
        return kernels.max_pool(x, index, self.pooled)

    def backward(self, dy: Tensor) -> Gradients:
        return record(MaxPoolBackward(self.shape_of("x")[-self.pooled :]), dy, self.index), None


class MaxPoolBackward(Op):
    """dx[index] += dy        starting from zeros, so an element that is largest in two windows receives both"""

    index = Kept()
    output = "dx"

    def __init__(self, size: Dims) -> None:
        self.size = size

    def forward(self, kernels: Any, dy: Array, index: Array) -> Any:
        return kernels.max_pool_backward(dy, index, self.size)

    def backward(self, g: Tensor) -> Gradients:
        return record(MaxPool(len(self.size)), g, self.index), None


# -- the mean -------------------------------------------------------------------------------------------------


class AvgPool(Op):
    """y[i] = sum x / count[i]        over window i

    dy/dx = 1 / count[i]
    """

    def __init__(self, spans: Spans, counts: tuple[Array, ...]) -> None:
        self.spans, self.counts = spans, counts  # counts: the factors of count[i], an array for each dim

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.avg_pool(x, self.spans, self.counts)

    def backward(self, dy: Tensor) -> Gradients:
        size = self.shape_of("x")[-len(self.spans) :]
        return (record(AvgPoolBackward(size, self.spans, self.counts), dy),)


class AvgPoolBackward(Op):
    """dx += dy[i] / count[i]        for each element of window i, starting from zeros"""

    output = "dx"

    def __init__(self, size: Dims, spans: Spans, counts: tuple[Array, ...]) -> None:
        self.size, self.spans, self.counts = size, spans, counts

    def forward(self, kernels: Any, dy: Array) -> Any:
        return kernels.avg_pool_backward(dy, self.size, self.spans, self.counts)

    def backward(self, g: Tensor) -> Gradients:
        return (record(AvgPool(self.spans, self.counts), g),)


# -- between elements -----------------------------------------------------------------------------------------


class Nearest(Index):
    """y[i, j] = x[index_0[i], index_1[j]]        the nearest elements"""


class Resample(Op):
    """y[i] = sum_t weight[i, t] x[index[i, t]]        along dim

    dy/dx = weight
    """

    def __init__(self, dim: int, index: Array, weight: Array) -> None:
        self.dim, self.index, self.weight = dim, index, weight

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.resample(x, self.dim, self.index, self.weight)

    def backward(self, dy: Tensor) -> Gradients:
        size = self.shape_of("x")[self.dim]
        return (record(ResampleBackward(self.dim, size, self.index, self.weight), dy),)


class ResampleBackward(Op):
    """dx[index[i, t]] += weight[i, t] dy[i]        along dim, starting from zeros"""

    output = "dx"

    def __init__(self, dim: int, size: int, index: Array, weight: Array) -> None:
        self.dim, self.size, self.index, self.weight = dim, size, index, weight

    def forward(self, kernels: Any, dy: Array) -> Any:
        return kernels.resample_backward(dy, self.dim, self.size, self.index, self.weight)

    def backward(self, g: Tensor) -> Gradients:
        return (record(Resample(self.dim, self.index, self.weight), g),)
