"""Shape: the same elements seen in another order or arrangement; views of one memory wherever it allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import dtypes
from minigrad.graph import Array, Op, record
from minigrad.ops.indexing import Index
from minigrad.ops.operands import cast, one_dim, sizes, tensor

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = [
    "cat", "expand", "flatten", "permute", "reshape", "squeeze", "stack", "transpose", "unsqueeze", "view",
]  # fmt: skip

Gradients = tuple["Tensor | None", ...]

# -- operations -----------------------------------------------------------------------------------------------


class Reshape(Op):
    """y = reshape(x, shape)        The elements in order, in another shape."""

    is_view = True

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.new_shape = shape

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.reshape(x, self.new_shape)

    def backward(self, dy: Tensor) -> Gradients:
        return (reshape(dy, self.shape_of("x")),)


class Permute(Op):
    """y = permute(x, dims)        Dim i of y is dim dims[i] of x."""

    is_view = True

    def __init__(self, dims: tuple[int, ...]) -> None:
        self.dims = dims

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.permute(x, self.dims)

    def backward(self, dy: Tensor) -> Gradients:
        return (permute(dy, tuple(int(d) for d in np.argsort(self.dims))),)


class Transpose(Permute):
    """y = transpose(x, dims)        A permutation that exchanges two dims."""


class Expand(Op):
    """y = expand(x, shape)        x repeated along dims of size 1, and along new ones in front."""

    is_view = True

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.new_shape = shape

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.expand(x, self.new_shape)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy,)  # too large; the walk back sums it to the shape of x


class Cat(Op):
    """y = cat(inputs, dim)        The inputs one after another along dim."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, kernels: Any, *arrays: Array) -> Any:
        return kernels.cat(arrays, self.dim)

    def backward(self, dy: Tensor) -> Gradients:
        ends = np.cumsum([edge.shape[self.dim] for edge in self.edges]).tolist()
        before = (slice(None),) * self.dim
        starts = [0, *ends[:-1]]
        return tuple(
            record(Index((*before, slice(start, end))), dy) for start, end in zip(starts, ends, strict=True)
        )


class Stack(Op):
    """y = stack(inputs, dim)        The inputs one after another along a new dim."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, kernels: Any, *arrays: Array) -> Any:
        return kernels.stack(arrays, self.dim)

    def backward(self, dy: Tensor) -> Gradients:
        before = (slice(None),) * self.dim
        return tuple(record(Index((*before, i)), dy) for i in range(len(self.edges)))


# -- functions ------------------------------------------------------------------------------------------------


def reshape(x: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """The elements of ``x``, in order, in another shape; one size may be -1 and is worked out.

    A view where the memory allows it, else a copy. Raises ValueError where the number of elements differs.

    >>> import minigrad as mg
    >>> mg.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    return record(Reshape(_arrange("reshape", tensor("reshape", x).shape, sizes("reshape", shape))), x)


def view(x: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """:func:`reshape` without ever copying. Raises ValueError where only a copy has that shape.

    >>> import minigrad as mg
    >>> mg.arange(4).view(2, 2).T.view(4)
    Traceback (most recent call last):
        ...
    ValueError: view: a tensor of shape (2, 2) and strides (1, 2) has no view of shape (4,): use reshape()
    """
    new = _arrange("view", tensor("view", x).shape, sizes("view", shape))
    if not np.may_share_memory(x.array.reshape(new), x.array) and x.numel():
        strides = tuple(s // x.array.itemsize for s in x.array.strides)
        raise ValueError(
            f"view: a tensor of shape {x.shape} and strides {strides} has no view of shape {new}: use reshape()"
        )
    return record(Reshape(new), x)


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dims from ``start_dim`` to ``end_dim``, both included, made one.

    >>> import minigrad as mg
    >>> mg.zeros(2, 3, 4).flatten(1).shape
    (2, 12)
    """
    start = one_dim("flatten", start_dim, tensor("flatten", x).ndim)
    end = one_dim("flatten", end_dim, x.ndim)
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    middle = math.prod(x.shape[start : end + 1])
    return record(Reshape((*x.shape[:start], middle, *x.shape[end + 1 :])), x)


def permute(x: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """The dims in another order, as a view: dim i of the result is dim ``dims[i]`` of ``x``.

    >>> import minigrad as mg
    >>> mg.zeros(2, 3, 4).permute(2, 0, 1).shape
    (4, 2, 3)
    """
    order = tuple(one_dim("permute", d, tensor("permute", x).ndim) for d in sizes("permute", dims))
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(f"permute: {sizes('permute', dims)} is no order of {x.ndim} dimensions")
    return record(Permute(order), x)


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dims exchanged, as a view.

    >>> import minigrad as mg
    >>> mg.zeros(2, 3, 4).transpose(0, -1).shape
    (4, 3, 2)
    """
    order = list(range(tensor("transpose", x).ndim))
    i, j = one_dim("transpose", dim0, x.ndim), one_dim("transpose", dim1, x.ndim)
    if order:
        order[i], order[j] = j, i
    return record(Transpose(tuple(order)), x)


def squeeze(x: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Without the dims of size 1: all of them, or those named by ``dim`` that have size 1.

    >>> import minigrad as mg
    >>> mg.zeros(1, 3, 1).squeeze().shape, mg.zeros(1, 3, 1).squeeze(0).shape
    ((3,), (3, 1))
    """
    every = range(tensor("squeeze", x).ndim) if dim is None else (dim if isinstance(dim, Sequence) else (dim,))
    drop = {one_dim("squeeze", d, x.ndim) for d in every}
    return record(Reshape(tuple(n for d, n in enumerate(x.shape) if d not in drop or n != 1)), x)


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """With a new dim of size 1 at ``dim``.

    >>> import minigrad as mg
    >>> mg.zeros(2, 3).unsqueeze(1).shape
    (2, 1, 3)
    """
    d = one_dim("unsqueeze", dim, tensor("unsqueeze", x).ndim + 1)
    return record(Reshape((*x.shape[:d], 1, *x.shape[d:])), x)


def expand(x: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """``x`` repeated along dims of size 1 and along new ones in front, as a view; -1 keeps a size.

    >>> import minigrad as mg
    >>> mg.tensor([[1], [2]]).expand(-1, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    new = sizes("expand", shape)
    added = len(new) - tensor("expand", x).ndim
    if added >= 0:
        new = tuple(x.shape[d - added] if n == -1 and d >= added else n for d, n in enumerate(new))
    if (
        added < 0
        or any(n not in (1, m) for n, m in zip(x.shape, new[added:], strict=True))
        or min(new, default=0) < 0
    ):
        raise ValueError(f"expand: {x.shape} does not expand to {sizes('expand', shape)}: only sizes of 1 repeat")
    return record(Expand(new), x)


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors one after another along ``dim``; their other sizes must be equal.

    >>> import minigrad as mg
    >>> mg.cat([mg.zeros(2, 1), mg.ones(2, 2)], dim=1)
    tensor([[0., 1., 1.],
            [0., 1., 1.]])
    """
    tensors = _same_dtype("cat", tensors)
    d = one_dim("cat", dim, tensors[0].ndim)
    rest = {(*t.shape[:d], *t.shape[d + 1 :]) if t.ndim else None for t in tensors}
    if len(rest) > 1 or None in rest or len({t.ndim for t in tensors}) > 1:
        shapes = ", ".join(str(t.shape) for t in tensors)
        raise ValueError(f"cat: along dim {dim}, the other sizes of {shapes} must be equal")
    return record(Cat(d), *tensors)


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors, all of one shape, one after another along a new dim.

    >>> import minigrad as mg
    >>> mg.stack([mg.tensor([1, 2]), mg.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    tensors = _same_dtype("stack", tensors)
    if len({t.shape for t in tensors}) > 1:
        raise ValueError(f"stack: the shapes {', '.join(str(t.shape) for t in tensors)} must be equal")
    return record(Stack(one_dim("stack", dim, tensors[0].ndim + 1)), *tensors)


def _arrange(name: str, old: tuple[int, ...], new: tuple[int, ...]) -> tuple[int, ...]:
    """``new`` with its -1 worked out."""
    known = math.prod(n for n in new if n != -1)
    total = math.prod(old)
    if new.count(-1) == 1 and known and total % known == 0:
        new = tuple(total // known if n == -1 else n for n in new)
    if min(new, default=0) < 0 or math.prod(new) != total:
        raise ValueError(f"{name}: the {total} elements of shape {old} do not fill the shape {new}")
    return new


def _same_dtype(name: str, tensors: Sequence[Tensor]) -> list[Tensor]:
    tensors = [tensor(name, t) for t in tensors]
    if not tensors:
        raise ValueError(f"{name}: needs at least one tensor")
    dtype = tensors[0].dtype
    for t in tensors:
        dtype = dtypes.promote_types(dtype, t.dtype)
    return [cast(t, dtype) for t in tensors]
