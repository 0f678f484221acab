"""Pooling, one number for each window, and resampling, numbers between elements.

The windows along a dim are a :class:`~minigrad.kernels.windows.Span`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Op, record
from minigrad.kernels import Array, Dims
from minigrad.kernels.windows import Spans
from minigrad.ops.indexing import Index

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


# -- the largest ----------------------------------------------------------------------------------------------


class ArgMaxPool(Op):
    """y = the index of the first largest x        in each window; it counts in the pooled dims as one"""

    is_differentiable = False

    def __init__(self, spans: Spans) -> None:
        self._spans = spans

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.argmax_pool(x, self._spans)


class MaxPool(Op):
    """y[i] = max x        over window i; the gradient goes to the first largest element

    dy/dx = 1 for that one, else 0
    """

    def __init__(self, index: Array, pooled: int) -> None:
        self._index, self._pooled = index, pooled  # index says where it is, in the last `pooled` dims of x

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.max_pool(x, self._index, self._pooled)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(MaxPoolBackward(self._index, self.shape_of("x")[-self._pooled :]), dy),)


class MaxPoolBackward(Op):
    """dx[index[i]] += dy[i]        starting from zeros, so an element that is largest twice receives both"""

    output = "dx"

    def __init__(self, index: Array, size: Dims) -> None:
        self._index, self._size = index, size

    def forward(self, kernels: Any, dy: Array) -> Any:
        return kernels.max_pool_backward(dy, self._index, self._size)

    def backward(self, g: Tensor) -> Gradients:
        return (record(MaxPool(self._index, len(self._size)), g),)


# -- the mean -------------------------------------------------------------------------------------------------


class AvgPool(Op):
    """y[i] = sum x / count[i]        over window i

    dy/dx = 1 / count[i]
    """

    def __init__(self, spans: Spans, counts: tuple[Array, ...]) -> None:
        self._spans, self._counts = spans, counts  # counts: the factors of count[i], an array for each dim

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.avg_pool(x, self._spans, self._counts)

    def backward(self, dy: Tensor) -> Gradients:
        size = self.shape_of("x")[-len(self._spans) :]
        return (record(AvgPoolBackward(size, self._spans, self._counts), dy),)


class AvgPoolBackward(Op):
    """dx += dy[i] / count[i]        for each element of window i, starting from zeros"""

    output = "dx"

    def __init__(self, size: Dims, spans: Spans, counts: tuple[Array, ...]) -> None:
        self._size, self._spans, self._counts = size, spans, counts

    def forward(self, kernels: Any, dy: Array) -> Any:
        return kernels.avg_pool_backward(dy, self._size, self._spans, self._counts)

    def backward(self, g: Tensor) -> Gradients:
        return (record(AvgPool(self._spans, self._counts), g),)


# -- between elements -----------------------------------------------------------------------------------------


class Nearest(Index):
    """y[i, j] = x[index_0[i], index_1[j]]        the nearest elements"""


class Resample(Op):
    """y[i] = sum_t weight[i, t] x[index[i, t]]        along dim

    dy/dx = weight
    """

    def __init__(self, dim: int, index: Array, weight: Array) -> None:
        self.dim, self._index, self._weight = dim, index, weight

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.resample(x, self.dim, self._index, self._weight)

    def backward(self, dy: Tensor) -> Gradients:
        size = self.shape_of("x")[self.dim]
        return (record(ResampleBackward(self.dim, size, self._index, self._weight), dy),)


class ResampleBackward(Op):
    """dx[index[i, t]] += weight[i, t] dy[i]        along dim, starting from zeros"""

    output = "dx"

    def __init__(self, dim: int, size: int, index: Array, weight: Array) -> None:
        self.dim, self._size, self._index, self._weight = dim, size, index, weight

    def forward(self, kernels: Any, dy: Array) -> Any:
        return kernels.resample_backward(dy, self.dim, self._size, self._index, self._weight)

    def backward(self, g: Tensor) -> Gradients:
        return (record(Resample(self.dim, self._index, self._weight), g),)
