"""Extremes: the largest, the smallest, and where they stand. NaN is both."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from minigrad import dtypes, graph
from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array, duplicate
from minigrad.ops.choice import maximum, minimum
from minigrad.ops.indexing import TakeAlong
from minigrad.ops.operands import Dim, cast, many_dims, one_dim, tensor
from minigrad.ops.reduction import Reduction

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["amax", "amin", "argmax", "argmin", "max", "min"]


class Max(Reduction):
    """y = max x        over dims; equal largest elements share the gradient"""

    x = Kept()
    y = Kept()
    kernel = "amax"

    def forward(self, kernels: Any, x: Array) -> Any:
        return getattr(kernels, self.kernel)(x, self.dims, self.keepdim)

    def backward(self, dy: Tensor) -> Gradients:
        return (self.fitted(dy) * share(self.x, self.fitted(self.y), self.dims),)


class Min(Max):
    """y = min x        over dims; equal smallest elements share the gradient"""

    kernel = "amin"


class MaxAlong(TakeAlong):
    """y = max x along dim        the gradient goes to the first largest element"""

    title = "Max"


class MinAlong(TakeAlong):
    """y = min x along dim        the gradient goes to the first smallest element"""

    title = "Min"


class ArgExtreme(Op):
    """y = kernel(x) along dim        argmax or argmin: the index of the first largest or smallest x"""

    is_differentiable = False

    def __init__(self, kernel: str, dim: int) -> None:
        self.kernel, self.dim = kernel, dim

    def forward(self, kernels: Any, x: Array) -> Any:
        return getattr(kernels, self.kernel)(x, self.dim, True)


class ValuesAndIndices(NamedTuple):
    """What ``max(dim)``, ``sort`` and the like give: the elements, and where they stand along the dim."""

    values: Tensor
    indices: Tensor


def share(x: Tensor, y: Tensor, dims: tuple[int, ...]) -> Tensor:
    """What each ``x`` equal to ``y`` receives when they divide 1 equally over dims."""
    at = cast(x == y, x.dtype)
    return at / at.sum(dims, keepdim=True)


def amax(x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The largest element over ``dim``: one dimension, several, or all. Equal largest ones share the gradient.

    Raises ValueError where there is no element.

    >>> import minigrad as mg
    >>> mg.tensor([[1.0, 5.0], [7.0, 2.0]]).amax(dim=(0, 1))
    tensor(7.)
    """
    return _extreme("amax", Max, x, dim, keepdim)


def amin(x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The smallest element over ``dim``; the rest is as for :func:`amax`.

    >>> import minigrad as mg
    >>> mg.tensor([[1.0, 5.0], [7.0, 2.0]]).amin(dim=0)
    tensor([1., 2.])
    """
    return _extreme("amin", Min, x, dim, keepdim)


def max(x: Tensor, dim: int | Tensor | None = None, keepdim: bool = False) -> Tensor | ValuesAndIndices:
    """The largest element; with ``dim``, the largest along it and its index, as a named tuple. NaN wins.

    Of several equal ones the first has the index and, with ``dim``, the gradient; without, they share it.
    With a tensor in place of ``dim``, :func:`maximum` of the two. Raises ValueError where there is no element.

    >>> import minigrad as mg
    >>> x = mg.tensor([[1.0, 5.0], [7.0, 2.0]])
    >>> x.max()
    tensor(7.)
    >>> x.max(dim=1)
    ValuesAndIndices(values=tensor([5., 7.]), indices=tensor([1, 0]))
    """
    if isinstance(dim, graph.tensor_class):
        return maximum(x, dim)
    if dim is None:
        return _extreme("max", Max, x, None, False)
    return _extreme_along("max", MaxAlong, x, dim, keepdim)


def min(x: Tensor, dim: int | Tensor | None = None, keepdim: bool = False) -> Tensor | ValuesAndIndices:
    """The smallest element; the rest is as for :func:`max`.

    >>> import minigrad as mg
    >>> mg.tensor([3.0, 1.0, 2.0]).min(dim=0)
    ValuesAndIndices(values=tensor(1.), indices=tensor(1))
    """
    if isinstance(dim, graph.tensor_class):
        return minimum(x, dim)
    if dim is None:
        return _extreme("min", Min, x, None, False)
    return _extreme_along("min", MinAlong, x, dim, keepdim)


def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The int64 index of the first largest element (or NaN) along ``dim``, or in the flattened tensor.

    >>> import minigrad as mg
    >>> x = mg.tensor([[1.0, 5.0], [7.0, 2.0]])
    >>> x.argmax(dim=1), x.argmax()
    (tensor([1, 0]), tensor(2))
    """
    return _arg("argmax", x, dim, keepdim)


def argmin(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the first smallest element; the rest is as for :func:`argmax`.

    >>> import minigrad as mg
    >>> mg.tensor([3.0, 1.0, 2.0]).argmin()
    tensor(1)
    """
    return _arg("argmin", x, dim, keepdim)


def check_not_empty(name: str, x: Tensor, dims: tuple[int, ...]) -> None:
    """Raise ValueError where one of the dims has size 0: no element is the largest of none."""
    if not math.prod(x.shape[d] for d in dims):
        raise ValueError(
            f"{name}: a tensor of shape {x.shape} has no element along dim {', '.join(map(str, dims))}"
        )


def _extreme(name: str, op: type[Max], x: Tensor, dim: Dim, keepdim: bool) -> Tensor:
    dims = many_dims(name, dim, tensor(name, x).ndim)
    check_not_empty(name, x, dims)
    return record(op(dims, keepdim), x)


def _extreme_along(name: str, op: type[TakeAlong], x: Tensor, dim: Any, keepdim: bool) -> ValuesAndIndices:
    if not tensor(name, x).ndim:
        return _extreme_along(name, op, x.reshape(1), dim, keepdim=False)
    indices = _arg(name, x, dim, keepdim=True)
    return taken(op, x, indices, one_dim(name, dim, x.ndim), keepdim)


def taken(op: type[TakeAlong], x: Tensor, indices: Tensor, d: int, keepdim: bool) -> ValuesAndIndices:
    """The elements of ``x`` at ``indices`` along ``d``, recorded as ``op``."""
    if not keepdim:
        indices = indices.squeeze(d)
    copy = duplicate(indices.array)  # as the user may change the indices in place
    return ValuesAndIndices(record(op(copy, d, keepdim), x), indices)


def _arg(name: str, x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    if dim is None:
        out = _arg(name, tensor(name, x).flatten(), 0, keepdim=False)
        return out.reshape((1,) * x.ndim) if keepdim else out
    d = one_dim(name, dim, tensor(name, x).ndim)
    if not x.ndim:
        return _arg(name, x.reshape(1), 0, keepdim=False)
    check_not_empty(name, x, (d,))
    kernel = "argmin" if name in ("min", "argmin") else "argmax"
    if x.dtype == dtypes.bool_:
        x = cast(x, dtypes.uint8)
    out = record(ArgExtreme(kernel, d), x)
    return out if keepdim else out.squeeze(d)
