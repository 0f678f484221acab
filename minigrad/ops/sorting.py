"""Elements in order. Their places are found first, which no gradient passes; then they are taken from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.graph import Op, record
from minigrad.kernels import Array
from minigrad.ops.extremes import Max, ValuesAndIndices, check_not_empty, taken
from minigrad.ops.indexing import TakeAlong
from minigrad.ops.operands import one_dim, tensor

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["argsort", "median", "sort", "topk"]


class ArgSort(Op):
    """y = the order that sorts x along dim"""

    is_differentiable = False

    def __init__(self, dim: int, descending: bool) -> None:
        self.dim, self.descending = dim, descending

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.argsort(x, self.dim, self.descending)


class Sort(TakeAlong):
    """y = sort x along dim"""


class ArgTopK(Op):
    """y = where the top k of x stand along dim        or, unless largest, the bottom k"""

    is_differentiable = False

    def __init__(self, dim: int, k: int, largest: bool, sorted: bool) -> None:
        self.dim, self.k, self.largest, self.sorted = dim, k, largest, sorted

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.topk(x, self.dim, self.k, self.largest, self.sorted)


class TopK(TakeAlong):
    """y = top k of x along dim"""

    def __init__(self, index: Array, dim: int, keepdim: bool = True) -> None:
        super().__init__(index, dim, keepdim)
        self.k = index.shape[dim]


class BottomK(TopK):
    """y = bottom k of x along dim"""

    title = "TopK"


class ArgMedian(Op):
    """y = where the lower median of x stands along dim"""

    is_differentiable = False

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.argmedian(x, self.dim, True)


class MedianAlong(TakeAlong):
    """y = the lower median of x along dim        the gradient goes to the first element that is equal"""

    title = "Median"


class Median(Max):
    """y = the lower median of x        equal elements share the gradient"""

    def forward(self, kernels: Any, x: Array) -> Any:
        row = kernels.reshape(x, (x.size,))
        return kernels.copy(kernels.index(row, (kernels.argmedian(row, 0, False),)))  # the index gives a view


def sort(x: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> ValuesAndIndices:
    """The elements in order along ``dim``, ascending or descending, and where each stood, as a named tuple.

    NaN counts as the largest. Equal elements keep their order, which ``stable=True`` demands, and PyTorch's sort
    does on a CPU in either case.

    >>> import minigrad as mg
    >>> mg.tensor([3.0, 1.0, 2.0]).sort()
    ValuesAndIndices(values=tensor([1., 2., 3.]), indices=tensor([1, 2, 0]))
    """
    if not tensor("sort", x).ndim:
        return _of_scalar(sort(x.reshape(1), one_dim("sort", dim, 0)))
    d = one_dim("sort", dim, x.ndim)
    return taken(Sort, x, record(ArgSort(d, descending), x), d, keepdim=True)


def argsort(x: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor:
    """Where the elements stand that :func:`sort` would give: ``x.take_along_dim(x.argsort(dim), dim)`` is sorted.

    >>> import minigrad as mg
    >>> mg.tensor([3.0, 1.0, 2.0]).argsort(descending=True)
    tensor([0, 2, 1])
    """
    d = one_dim("argsort", dim, tensor("argsort", x).ndim)
    return record(ArgSort(d, descending), x) if x.ndim else argsort(x.reshape(1)).reshape(())


def topk(x: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesAndIndices:
    """The ``k`` largest elements along ``dim``, or smallest, and where they stand, as a named tuple.

    The most extreme comes first, of equal ones the first; ``sorted=False`` leaves them in the order in which they
    stand in ``x``. NaN counts as the largest. Raises ValueError where there are not ``k``.

    >>> import minigrad as mg
    >>> mg.tensor([3.0, 1.0, 4.0, 1.5]).topk(2)
    ValuesAndIndices(values=tensor([4., 3.]), indices=tensor([2, 0]))
    """
    d = one_dim("topk", dim, tensor("topk", x).ndim)
    n = x.shape[d] if x.ndim else 1
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
        raise TypeError(f"topk: k must be an int, got {k!r}")
    if not 0 <= k <= n:
        raise ValueError(f"topk: there are no {k} elements along dim {dim} of shape {x.shape}")
    if not x.ndim:
        return _of_scalar(topk(x.reshape(1), 1))
    return taken(TopK if largest else BottomK, x, record(ArgTopK(d, int(k), largest, sorted), x), d, keepdim=True)


def median(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor | ValuesAndIndices:
    """The middle element, of two the lower one; with ``dim``, along it and with its index, as a named tuple.

    Of several equal ones the first has the index and, with ``dim``, the gradient; without, they share it. NaN if
    there is a NaN. Raises ValueError where there is no element.

    >>> import minigrad as mg
    >>> mg.tensor([3.0, 1.0, 2.0, 9.0]).median()
    tensor(2.)
    """
    if dim is None:
        dims = tuple(range(tensor("median", x).ndim))
        check_not_empty("median", x, dims)
        return record(Median(dims, False), x)
    d = one_dim("median", dim, tensor("median", x).ndim)
    if not x.ndim:
        return _of_scalar(taken(MedianAlong, x.reshape(1), record(ArgMedian(0), x.reshape(1)), 0, keepdim=True))
    check_not_empty("median", x, (d,))
    return taken(MedianAlong, x, record(ArgMedian(d), x), d, keepdim)


def _of_scalar(found: ValuesAndIndices) -> ValuesAndIndices:
    """What was found in a row of one element, without the dimension."""
    return ValuesAndIndices(found.values.reshape(()), found.indices.reshape(()))
