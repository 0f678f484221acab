"""Indexing: ints, slices, None, ..., masks and integer arrays, with NumPy's meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import graph, kernels
from minigrad.graph import Gradients, Op, record
from minigrad.kernels import Along, Array
from minigrad.ops.operands import Number, broadcast, cast, plain, scalar, tensor

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["index"]


class Index(Op):
    """y = x[key]"""

    def __init__(self, key: Any) -> None:
        self.key = key
        parts = key if isinstance(key, tuple) else (key,)
        self.is_view = not any(_is_array(part) for part in parts)

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.index(x, self.key)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(IndexBackward(self.shape_of("x"), self.key), dy),)


class IndexBackward(Op):
    """dx[key] += dy        starting from zeros, so an element taken twice receives both gradients"""

    output = "dx"

    def __init__(self, shape: tuple[int, ...], key: Any) -> None:
        self.to_shape, self.key = shape, key

    def forward(self, kernels: Any, dy: Array) -> Any:
        return kernels.index_backward(dy, self.to_shape, self.key)

    def backward(self, g: Tensor) -> Gradients:
        return (record(Index(self.key), g),)


class Put(Op):
    """out = x, but v at key        where an index repeats, the last v stays, and it alone has a gradient"""

    output = "out"

    def __init__(self, key: Any) -> None:
        self.key = key

    def forward(self, kernels: Any, x: Array, v: Array) -> Any:
        return kernels.put(x, self.key, v)

    def backward(self, dout: Tensor) -> Gradients:
        zero = graph.tensor_class.of(np.zeros((), dout.dtype))
        dx = record(Put(self.key), dout, zero) if self.wants("x") else None
        if not self.wants("v"):
            return dx, None
        dv = record(Index(self.key), dout)
        lost = _overwritten(self.shape, self.key)
        return dx, dv if lost is None else record(Put(lost), dv, zero)


class PutAdd(Op):
    """out = x, with v added at key        as often as an index repeats"""

    output = "out"

    def __init__(self, key: Any) -> None:
        self.key = key

    def forward(self, kernels: Any, x: Array, v: Array) -> Any:
        return kernels.put_add(x, self.key, v)

    def backward(self, dout: Tensor) -> Gradients:
        return dout, record(Index(self.key), dout) if self.wants("v") else None


class TakeAlong(Index):
    """y = x[index] along dim        which y does not have where ``index`` does not"""

    def __init__(self, index: Array, dim: int, keepdim: bool = True) -> None:
        super().__init__(Along(index, dim, keepdim))
        self.dim = dim


def index(x: Tensor, key: Any) -> Tensor:
    """``x[key]``: ints, slices, None and ``...`` give a view; bool masks and integer arrays a copy.

    Raises IndexError for an index that is out of range or not an integer or a bool.

    >>> import minigrad as mg
    >>> x = mg.tensor([[1, 2, 3], [4, 5, 6]])
    >>> x[1, ::2], x[x > 4], x[:, mg.tensor([2, 0])]
    (tensor([4, 6]), tensor([5, 6]), tensor([[3, 1],
            [6, 4]]))
    """
    parts = key_of(key)
    try:
        return record(Index(parts), tensor("index", x))
    except IndexError as error:
        raise _explained(error, x.shape, parts) from None


def index_put(x: Tensor, key: Any, v: Tensor | Number) -> Tensor:
    """A copy of ``x`` with ``out[key] = v``: ``v`` takes the dtype of ``x`` and broadcasts to ``x[key]``.

    Raises ValueError where it does not broadcast, IndexError for a key that :func:`index` would refuse.

    >>> import minigrad as mg
    >>> from minigrad.ops.indexing import index_put
    >>> index_put(mg.zeros(2, 3), (0, slice(1, None)), mg.tensor([1, 2]))
    tensor([[0., 1., 2.],
            [0., 0., 0.]])
    """
    parts, v = fitting(tensor("index_put", x), key, v)
    return record(Put(parts), x, v)


def fitting(x: Tensor, key: Any, v: Tensor | Number) -> tuple[tuple[Any, ...], Tensor]:
    """``key`` as NumPy takes it, and ``v`` as a tensor that can be assigned there."""
    parts = key_of(key)
    try:
        shape = _shape_of(x.shape, parts)
    except IndexError as error:
        raise _explained(error, x.shape, parts) from None
    if isinstance(v, (bool, int, float, np.generic)):
        v = scalar("x[key] = v", plain("x[key] = v", v), x.dtype)
    v = cast(v if isinstance(v, graph.tensor_class) else graph.tensor_class(v), x.dtype)
    if v.shape != shape:
        surplus = max(v.ndim - len(shape), 0)  # sizes of 1 in front are dropped, as in NumPy
        if set(v.shape[:surplus]) - {1} or not kernels.broadcasts_to(v.shape[surplus:], shape):
            raise ValueError(
                f"x[key] = v: v of shape {v.shape} does not broadcast to {shape}, the shape of x[key]"
            )
        v = v.reshape(v.shape[surplus:])
    return parts, v


def key_of(key: Any) -> tuple[Any, ...]:
    """``key`` as NumPy takes it, a tuple. Its arrays are copied: the graph keeps them for the way back."""
    parts = tuple(_part(part) for part in (key if isinstance(key, tuple) else (key,)))
    shapes = [part.shape for part in parts if _is_array(part) and part.dtype.kind != "b"]
    if len(set(shapes)) > 1:
        try:
            broadcast("index", *shapes)
        except ValueError as error:
            raise IndexError(str(error)) from None
    return parts


def _is_array(part: Any) -> bool:
    return isinstance(part, np.ndarray) or type(part) in kernels.placed


def _shape_of(shape: tuple[int, ...], key: tuple[Any, ...]) -> tuple[int, ...]:
    """The shape of ``x[key]``, for x of that shape."""
    whole = np.broadcast_to(False, shape)
    if any(type(part) in kernels.placed for part in key):  # any place will do: there are as many
        key = tuple(np.zeros(part.shape, np.int64) if type(part) in kernels.placed else part for part in key)
    found: tuple[int, ...] = whole[key].shape
    return found


def _explained(error: IndexError, shape: tuple[int, ...], key: tuple[Any, ...]) -> IndexError:
    """What is wrong with a key for x of that shape; the error itself, if it is none of the usual mistakes."""
    dims = [part.ndim if _is_array(part) and part.dtype.kind == "b" else int(part is not None) for part in key]
    whole = [i for i, part in enumerate(key) if part is ...]
    for i in whole:
        dims[i] = 0
    if sum(dims) > len(shape):
        return IndexError(f"index: too many indices for x of shape {shape}: {sum(dims)}, it takes {len(shape)}")
    if len(whole) > 1:
        return IndexError(f"index: '...' may stand in a key once, not {len(whole)} times")
    dim = 0
    for part, n in zip(key, dims, strict=True):
        if part is ...:
            dim = len(shape) - sum(dims[whole[0] :])
            continue
        if not _is_array(part) and not isinstance(part, (int, np.integer, slice, type(None))):
            return IndexError(
                f"index: {part!r:.60} cannot be an index: use ints, slices, None, '...', or tensors and lists of "
                "ints or bools"
            )
        if n and _is_array(part) and part.dtype.kind == "b" and part.shape != shape[dim : dim + n]:
            return IndexError(
                f"index: a mask of shape {tuple(part.shape)} does not fit x of shape {shape}"
                + (f" from dim {dim} on" if dim else "")
            )
        is_number = isinstance(part, (int, np.integer)) or (_is_array(part) and part.dtype.kind != "b")
        if is_number and kernels.is_seen(part):
            wrong = [i for i in np.ravel(part).tolist() if not -shape[dim] <= i < shape[dim]]
            if wrong:
                return IndexError(
                    f"index: {wrong[0]} is out of range for dim {dim}, of size {shape[dim]}, of x of shape {shape}"
                )
        dim += n
    return error


def _part(part: Any) -> Any:
    """One part of a key: an int, a slice, None, ... or an array of ints or bools."""
    if isinstance(part, graph.tensor_class):
        part = part.array
    if type(part) in kernels.placed and part.ndim and part.dtype.kind in "iu":
        return kernels.duplicate(part)  # what it names, the kernel looks at
    part = kernels.moved(part, "cpu")  # how many elements a mask takes must be known here
    if isinstance(part, (list, np.ndarray, bool, np.bool_)):
        part = np.array(part)
        if not part.size and part.dtype.kind == "f":  # [] holds no float
            part = part.astype(np.int64)
        if part.dtype.kind not in "iub":
            raise IndexError(f"index: tensors and arrays must be integer or bool, got {part.dtype}")
        if not part.ndim and part.dtype.kind != "b":  # a number, which gives a view
            return int(part)
    return part


def _overwritten(shape: tuple[int, ...], key: tuple[Any, ...]) -> Array | None:
    """Which of the elements assigned to ``x[key]`` a later one overwrites; None where no index can repeat."""
    key = tuple(kernels.moved(part, "cpu") for part in key)
    if not any(isinstance(part, np.ndarray) and part.dtype.kind != "b" for part in key):
        return None
    places = np.empty(shape, np.int64)
    order = np.arange(places[key].size).reshape(places[key].shape)
    places[key] = order
    return np.asarray(places[key] != order)
