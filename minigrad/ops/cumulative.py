"""Running sums and products along one dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad import graph
from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array, full_like
from minigrad.ops.indexing import Index
from minigrad.ops.joining import Cat
from minigrad.ops.operands import as_dtype, one_dim, tensor

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["cumprod", "cumsum"]


class Cumsum(Op):
    """y_k = x_0 + ... + x_k        along dim, from its end where ``reverse``"""

    def __init__(self, dim: int, reverse: bool = False) -> None:
        self.dim, self.reverse = dim, reverse

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.cumsum(x, self.dim, self.reverse)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(Cumsum(self.dim, not self.reverse), dy),)


class Cumprod(Op):
    """y_k = x_0 * ... * x_k        along dim"""

    x = Kept()
    y = Kept()

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.cumprod(x, self.dim)

    def backward(self, dy: Tensor) -> Gradients:
        # No division by x, which may be 0: dx_k = y_(k-1) (dy_k + x_(k+1) (dy_(k+1) + x_(k+2) (...)))
        return (record(Recurrence(self.dim, transposed=True), self.x, dy) * before(self.y, self.dim, 1),)


class Recurrence(Op):
    """s_k = b_k + a_k s_(k-1)        along dim; transposed, as a map of b, it is s_k = b_k + a_(k+1) s_(k+1)"""

    a = Kept()
    s = Kept()

    def __init__(self, dim: int, transposed: bool = False) -> None:
        self.dim, self.transposed = dim, transposed

    def forward(self, kernels: Any, a: Array, b: Array) -> Any:
        return kernels.recurrence(a, b, self.dim, self.transposed)

    def backward(self, ds: Tensor) -> Gradients:
        db = record(Recurrence(self.dim, not self.transposed), self.a, ds)
        if not self.wants("a"):
            return None, db
        if self.transposed:
            return before(db, self.dim, 0) * self.s, db
        return db * before(self.s, self.dim, 0), db


def before(y: Tensor, dim: int, first: float) -> Tensor:
    """At each place of dim the element before it, and ``first`` at the first."""
    edge = graph.tensor_class.of(full_like(y.array, first, (*y.shape[:dim], 1, *y.shape[dim + 1 :])))
    return record(Index((*[slice(None)] * dim, slice(-1))), record(Cat(dim), edge, y))


def cumsum(x: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running sum: ``y_k = x_0 + ... + x_k`` along ``dim``. Integers and bools add up to int64.

    ``dx_k = dy_k + dy_(k+1) + ...``. ``x`` is converted to ``dtype``, which the result has too.

    >>> import minigrad as mg
    >>> mg.tensor([1, 2, 3]).cumsum(dim=0)
    tensor([1, 3, 6])
    """
    return _along("cumsum", Cumsum, x, dim, dtype)


def cumprod(x: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running product: ``y_k = x_0 * ... * x_k`` along ``dim``; dtypes are as for :func:`cumsum`.

    The derivative is exact where elements are 0 also, to any order: nothing is divided by them.

    >>> import minigrad as mg
    >>> x = mg.tensor([2.0, 0.0, 3.0], requires_grad=True)
    >>> y = x.cumprod(dim=0)
    >>> y.sum().backward()
    >>> y.tolist(), x.grad.tolist()
    ([2.0, 0.0, 0.0], [1.0, 8.0, 0.0])
    """
    return _along("cumprod", Cumprod, x, dim, dtype)


def _along(name: str, op: type[Cumsum | Cumprod], x: Tensor, dim: int, dtype: Any) -> Tensor:
    d = one_dim(name, dim, tensor(name, x).ndim)
    if not x.ndim:
        return _along(name, op, x.reshape(1), 0, dtype).reshape(())
    return as_dtype(record(op(d), as_dtype(x, dtype)), dtype)
