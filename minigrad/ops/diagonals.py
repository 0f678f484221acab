"""Diagonals, and the triangles on either side of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Op, record
from minigrad.kernels import Array
from minigrad.ops.arithmetic import clone
from minigrad.ops.operands import one_dim, sizes, tensor

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["diag", "diagonal", "tril", "triu"]

# -- the diagonal ---------------------------------------------------------------------------------------------


class Diagonal(Op):
    """y[..., i] = x[..., i, ..., i + offset, ...]        i along dim1, i + offset along dim2"""

    is_view = True

    def __init__(self, offset: int, dim1: int, dim2: int) -> None:
        self.offset, self.dim1, self.dim2 = offset, dim1, dim2

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.diagonal(x, self.offset, self.dim1, self.dim2)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(DiagonalBackward(self.shape_of("x"), self.offset, self.dim1, self.dim2), dy),)


class DiagonalBackward(Op):
    """dx[..., i, ..., i + offset, ...] = dy[..., i]        and 0 elsewhere"""

    output = "dx"

    def __init__(self, shape: tuple[int, ...], offset: int, dim1: int, dim2: int) -> None:
        self.to_shape, self.offset, self.dim1, self.dim2 = shape, offset, dim1, dim2

    def forward(self, kernels: Any, dy: Array) -> Any:
        return kernels.diagonal_backward(dy, self.to_shape, self.offset, self.dim1, self.dim2)

    def backward(self, g: Tensor) -> Gradients:
        return (record(Diagonal(self.offset, self.dim1, self.dim2), g),)


class Diag(DiagonalBackward):
    """y[i, i + offset] = x[i]        and 0 elsewhere"""

    output = "y"

    def forward(self, kernels: Any, x: Array) -> Any:
        return super().forward(kernels, x)


def diagonal(x: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of the matrices that lie in ``dim1`` and ``dim2``, as a view, along a new last dim.

    A positive ``offset`` takes the diagonal that starts so many columns to the right, a negative one the diagonal
    that starts so many rows below. Raises ValueError where the two dims are one.

    >>> import minigrad as mg
    >>> mg.tensor([[1, 2], [3, 4]]).diagonal(), mg.tensor([[1, 2], [3, 4]]).diagonal(1)
    (tensor([1, 4]), tensor([2]))
    """
    first, second = (one_dim("diagonal", d, tensor("diagonal", x).ndim) for d in (dim1, dim2))
    if first == second:
        raise ValueError(f"diagonal: dim1 {dim1} and dim2 {dim2} of shape {x.shape} are the same")
    (k,) = sizes("diagonal", (offset,))
    k = max(-x.shape[first], min(k, x.shape[second]))  # further out there is nothing either
    return record(Diagonal(k, first, second), x)


def diag(x: Tensor, diagonal: int = 0) -> Tensor:
    """A matrix with the 1-D ``x`` on a diagonal; of a 2-D ``x``, a copy of that diagonal.

    Raises ValueError for any other number of dims.

    >>> import minigrad as mg
    >>> mg.diag(mg.tensor([1, 2])), mg.diag(mg.tensor([[1, 2], [3, 4]]), 1)
    (tensor([[1, 0],
            [0, 2]]), tensor([2]))
    """
    if tensor("diag", x).ndim not in (1, 2):
        raise ValueError(f"diag: takes a tensor of one or two dimensions, this one has shape {x.shape}")
    if x.ndim == 2:
        return clone(x.diagonal(diagonal))
    (k,) = sizes("diag", (diagonal,))
    n = x.shape[0] + abs(k)
    return record(Diag((n, n), k, 0, 1), x)


def trace(x: Tensor) -> Tensor:
    """The sum of a matrix's diagonal: a method only, since ``mg.trace`` follows a model.

    Raises ValueError for any other shape.

    >>> import minigrad as mg
    >>> mg.tensor([[1.0, 2.0], [3.0, 4.0]]).trace()
    tensor(5.)
    """
    if tensor("trace", x).ndim != 2:
        raise ValueError(f"trace: takes a matrix, this tensor has shape {x.shape}")
    return diagonal(x).sum()


# -- triangles ------------------------------------------------------------------------------------------------


class Tril(Op):
    """y[i, j] = x[i, j] where j - i <= diagonal, else 0"""

    kernel = "tril"

    def __init__(self, diagonal: int) -> None:
        self.diagonal = diagonal

    def forward(self, kernels: Any, x: Array) -> Any:
        return getattr(kernels, self.kernel)(x, self.diagonal)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(type(self)(self.diagonal), dy),)


class Triu(Tril):
    """y[i, j] = x[i, j] where j - i >= diagonal, else 0"""

    kernel = "triu"


def tril(x: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of each matrix, with the diagonal, and zeros above; ``diagonal`` as for :func:`diagonal`.

    Raises ValueError for fewer than two dims.

    >>> import minigrad as mg
    >>> mg.tril(mg.ones(3, 3))
    tensor([[1., 0., 0.],
            [1., 1., 0.],
            [1., 1., 1.]])
    """
    return record(Tril(_corner("tril", x, diagonal)), x)


def triu(x: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of each matrix, with the diagonal, and zeros below; the rest as for :func:`tril`.

    >>> import minigrad as mg
    >>> mg.triu(mg.ones(3, 3), diagonal=1)
    tensor([[0., 1., 1.],
            [0., 0., 1.],
            [0., 0., 0.]])
    """
    return record(Triu(_corner("triu", x, diagonal)), x)


def _corner(name: str, x: Tensor, diagonal: int) -> int:
    """The offset of the diagonal, or one just outside the matrices for all that are farther."""
    offset = _offset(name, x, diagonal)
    return max(min(offset, x.shape[-1]), -x.shape[-2])


def _offset(name: str, x: Tensor, diagonal: int) -> int:
    if tensor(name, x).ndim < 2:
        raise ValueError(f"{name}: takes matrices, this tensor has shape {x.shape}")
    (k,) = sizes(name, (diagonal,))
    return k
