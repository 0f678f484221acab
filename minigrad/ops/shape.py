"""Shape: the same elements in another arrangement, or repeated by broadcasting; views wherever it can be."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Op, record
from minigrad.kernels import Array, share_memory
from minigrad.ops.arithmetic import Clone
from minigrad.ops.operands import broadcast, one_dim, sizes, tensor

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["broadcast_tensors", "broadcast_to", "contiguous", "expand", "expand_as", "flatten"]
__all__ += ["reshape", "reshape_as", "squeeze", "unflatten", "unsqueeze", "view", "view_as"]

# -- another arrangement --------------------------------------------------------------------------------------


class Reshape(Op):
    """y = reshape(x, shape)        The elements in order, in another shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.new_shape = shape

    def forward(self, kernels: Any, x: Array) -> Any:
        y = kernels.reshape(x, self.new_shape)
        self.is_view = x.flags.c_contiguous or share_memory(x, y)  # else it had to copy
        return y

    def backward(self, dy: Tensor) -> Gradients:
        return (reshape(dy, self.shape_of("x")),)


def reshape(x: Tensor, shape: int | Sequence[int] = (), *more: int) -> Tensor:
    """The elements of ``x``, in order, in another shape; one size may be -1 and is worked out.

    A view where the memory allows it, else a copy. Raises ValueError where the number of elements differs.

    >>> import minigrad as mg
    >>> mg.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    new = sizes("reshape", (shape, *more))
    return record(Reshape(_arrange("reshape", tensor("reshape", x).shape, new)), x)


def reshape_as(x: Tensor, other: Tensor) -> Tensor:
    """:func:`reshape` to the shape of ``other``.

    >>> import minigrad as mg
    >>> mg.arange(4).reshape_as(mg.zeros(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return reshape(x, tensor("reshape_as", other).shape)


def view(x: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """:func:`reshape` without ever copying. Raises ValueError where only a copy has that shape.

    >>> import minigrad as mg
    >>> mg.arange(4).view(2, 2).T.view(4)
    Traceback (most recent call last):
        ...
    ValueError: view: a tensor of shape (2, 2) and strides (1, 2) has no view of shape (4,): use reshape()
    """
    new = _arrange("view", tensor("view", x).shape, sizes("view", shape))
    y = x.array.reshape(new)  # None on a device, where only a copy has that shape
    if x.numel() and (y is None or not share_memory(x.array, y)):
        strides = tuple(s // x.array.itemsize for s in x.array.strides)
        raise ValueError(
            f"view: a tensor of shape {x.shape} and strides {strides} has no view of shape {new}: use reshape()"
        )
    return record(Reshape(new), x)


def view_as(x: Tensor, other: Tensor) -> Tensor:
    """:func:`view` in the shape of ``other``.

    >>> import minigrad as mg
    >>> mg.arange(4).view_as(mg.zeros(4, 1)).shape
    (4, 1)
    """
    return view(x, tensor("view_as", other).shape)


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


def unflatten(x: Tensor, dim: int, shape: Sequence[int]) -> Tensor:
    """The dim ``dim`` made several, of the sizes ``shape``; one of them may be -1. The opposite of flatten.

    >>> import minigrad as mg
    >>> mg.zeros(2, 12).unflatten(1, (3, -1)).shape
    (2, 3, 4)
    """
    d = one_dim("unflatten", dim, tensor("unflatten", x).ndim)
    given = sizes("unflatten", (shape,))
    if not given:
        raise ValueError(f"unflatten: no sizes given for dim {dim} of shape {x.shape}")
    return record(Reshape((*x.shape[:d], *_arrange("unflatten", x.shape[d : d + 1], given), *x.shape[d + 1 :])), x)


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


def contiguous(x: Tensor) -> Tensor:
    """The elements one after another in memory: ``x`` itself, if they are, else a copy in which they are.

    >>> import minigrad as mg
    >>> x = mg.zeros(2, 3)
    >>> x.contiguous() is x, x.T.is_contiguous(), x.T.contiguous().is_contiguous()
    (True, False, True)
    """
    return x if tensor("contiguous", x).array.flags.c_contiguous else record(Clone(), x)


@functools.lru_cache(4096)
def _arrange(name: str, old: tuple[int, ...], new: tuple[int, ...]) -> tuple[int, ...]:
    """``new`` with its -1 worked out."""
    known = math.prod(n for n in new if n != -1)
    total = math.prod(old)
    if new.count(-1) == 1 and known and total % known == 0:
        new = tuple(total // known if n == -1 else n for n in new)
    if min(new, default=0) < 0 or math.prod(new) != total:
        raise ValueError(f"{name}: the {total} elements of shape {old} do not fill the shape {new}")
    return new


# -- broadcasting ---------------------------------------------------------------------------------------------


class Expand(Op):
    """y = expand(x, shape)        x repeated along dims of size 1, and along new ones in front."""

    is_view = True

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.new_shape = shape

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.expand(x, self.new_shape)

    def backward(self, dy: Tensor) -> Gradients:
        return (dy,)  # too large; the walk back sums it to the shape of x


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


def expand_as(x: Tensor, other: Tensor) -> Tensor:
    """:func:`expand` to the shape of ``other``.

    >>> import minigrad as mg
    >>> mg.tensor([1, 2]).expand_as(mg.zeros(3, 2)).shape
    (3, 2)
    """
    return expand(x, tensor("expand_as", other).shape)


def broadcast_to(x: Tensor, shape: Sequence[int]) -> Tensor:
    """``x`` broadcast to a shape, as a view: :func:`expand` by the name that NumPy gives it.

    >>> import minigrad as mg
    >>> mg.broadcast_to(mg.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return expand(x, shape)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors as views of the one shape that all of them broadcast to.

    >>> import minigrad as mg
    >>> x, y = mg.broadcast_tensors(mg.zeros(2, 1), mg.zeros(3))
    >>> x.shape, y.shape
    ((2, 3), (2, 3))
    """
    shape = broadcast("broadcast_tensors", *[tensor("broadcast_tensors", t).shape for t in tensors])
    return tuple(expand(t, shape) for t in tensors)
