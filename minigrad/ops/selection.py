"""Elements taken from, put to or added at places that a tensor of integers names, along one dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad import graph
from minigrad.graph import record
from minigrad.kernels import Along, Array, duplicate, for_array, is_seen, moved
from minigrad.ops.arithmetic import mul
from minigrad.ops.indexing import Index, Put, PutAdd, TakeAlong
from minigrad.ops.operands import Number, broadcast, one_device, one_dim, plain, scalar, tensor

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["gather", "index_add", "index_select", "masked_select", "scatter", "scatter_add", "take_along_dim"]


class Scatter(Put):
    """out = x, but v at index along dim        where an index repeats, the last v stays"""

    def __init__(self, index: Array, dim: int) -> None:
        super().__init__(Along(index, dim))
        self.dim = dim


class ScatterAdd(PutAdd):
    """out = x, with v added at index along dim        as often as an index repeats"""

    def __init__(self, index: Array, dim: int) -> None:
        super().__init__(Along(index, dim))
        self.dim = dim


class IndexAdd(PutAdd):
    """out = x, with v added at index along dim        whole slices"""

    def __init__(self, index: Array, dim: int) -> None:
        super().__init__((*[slice(None)] * dim, index))
        self.dim = dim


# -- taking ---------------------------------------------------------------------------------------------------


def gather(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The elements of ``x`` at ``index`` along ``dim``: ``y[i, j] = x[index[i, j], j]`` for dim 0.

    Args:
        x: any tensor.
        dim: the dimension in which ``index`` counts.
        index: integers from 0, with as many dimensions as ``x``, and no larger than it in any but ``dim``.

    Returns:
        A tensor of the shape of ``index``. The gradient of an element that is taken twice is the sum of both.

    Raises:
        IndexError: an index that is negative or too large.
        ValueError, TypeError: an ``index`` whose shape or dtype does not fit.

    >>> import minigrad as mg
    >>> x = mg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x.gather(1, mg.tensor([[0], [1]]))
    tensor([[1.],
            [4.]])
    """
    shape = tensor("gather", index).shape
    x, index = _lined(tensor("gather", x)), _lined(index)
    d = one_dim("gather", dim, x.ndim)
    if not index.numel():  # of any number of dimensions
        return record(Index((_in_range("gather", index, d, 0),)), x.flatten())
    out = record(TakeAlong(_places("gather", index, d, x), d), x)
    return out if shape else out.reshape(())


def take_along_dim(x: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """:func:`gather` with broadcasting; without ``dim``, from the flattened ``x``.

    Negative indices count from the end.

    >>> import minigrad as mg
    >>> x = mg.tensor([[3.0, 1.0], [2.0, 4.0]])
    >>> x.take_along_dim(x.argsort(dim=1), dim=1)
    tensor([[1., 3.],
            [2., 4.]])
    """
    x, indices = tensor("take_along_dim", x), tensor("take_along_dim", indices)
    one_device("take_along_dim", x, indices)
    if dim is None:
        return take_along_dim(x.flatten(), indices.flatten(), 0)
    d = one_dim("take_along_dim", dim, x.ndim)
    if indices.ndim != x.ndim:
        raise ValueError(f"take_along_dim: x {x.shape} and indices {indices.shape} must have as many dimensions")
    if not x.ndim:
        return take_along_dim(x.reshape(1), indices.reshape(1), 0).reshape(())
    rest = broadcast("take_along_dim", _with(x.shape, d, 1), _with(indices.shape, d, 1))
    found = _in_range("take_along_dim", indices, d, x.shape[d], wrap=True)
    shape = _with(rest, d, indices.shape[d])
    places = np.broadcast_to(found, shape) if is_seen(found) else for_array(found, "cuda").expand(found, shape)
    return record(TakeAlong(places, d), x.expand(_with(rest, d, x.shape[d])))


def index_select(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of ``x`` at ``index`` along ``dim``: ``x[:, index]`` for dim 1, for integers from 0 in one row.

    The gradient of a slice that is taken twice is the sum of both. Raises IndexError for one that is not there.

    >>> import minigrad as mg
    >>> mg.arange(6).reshape(2, 3).index_select(1, mg.tensor([2, 0, 2]))
    tensor([[2, 0, 2],
            [5, 3, 5]])
    """
    shape = tensor("index_select", x).shape
    x = _lined(x)
    d = one_dim("index_select", dim, x.ndim)
    out = record(Index((*[slice(None)] * d, _row("index_select", index, d, x))), x)
    return out if shape else out.reshape(())


def masked_select(x: Tensor, mask: Tensor) -> Tensor:
    """The elements of ``x`` where ``mask`` is True, in a row. The two broadcast against each other.

    >>> import minigrad as mg
    >>> x = mg.tensor([[1.0, -2.0], [-3.0, 4.0]])
    >>> x.masked_select(x > 0)
    tensor([1., 4.])
    """
    x, mask = tensor("masked_select", x), tensor("masked_select", mask)
    one_device("masked_select", x, mask)
    if mask.dtype.kind != "b":
        raise TypeError(f"masked_select: the mask must be bool, got {mask.dtype}: use mask != 0")
    shape = broadcast("masked_select", x.shape, mask.shape)
    seen = moved(mask.array, "cpu")  # the number of elements, and so the shape, must be known here
    return record(Index((np.array(np.broadcast_to(seen, shape)),)), x.expand(shape))


# -- putting --------------------------------------------------------------------------------------------------


def scatter(
    x: Tensor, dim: int, index: Tensor, src: Tensor | Number | None = None, *, value: Number | None = None
) -> Tensor:
    """A copy of ``x`` with ``src`` at ``index`` along ``dim``: ``out[index[i, j], j] = src[i, j]`` for dim 0.

    Where an index repeats, the last element stays, and it alone receives a gradient.

    Args:
        x: any tensor.
        dim: the dimension in which ``index`` counts.
        index: integers from 0, with as many dimensions as ``x``, and no larger than it in any but ``dim``.
        src: a tensor with the dtype of ``x``, no smaller than ``index``; or one number for all places.
        value: a number, by its name in PyTorch; instead of ``src``.

    Raises:
        IndexError: an index that is negative or too large.
        ValueError, TypeError: arguments whose shapes or dtypes do not fit.

    >>> import minigrad as mg
    >>> mg.zeros(2, 3).scatter(1, mg.tensor([[2], [0]]), 1.0)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    if (src is None) == (value is None):
        raise TypeError("scatter: takes either src or value")
    v = src if value is None else value
    x, index = tensor("scatter", x), tensor("scatter", index)
    lined = _lined(x)
    d = one_dim("scatter", dim, lined.ndim)
    places = _places("scatter", _lined(index), d, lined)
    if isinstance(v, graph.tensor_class):
        v = _source("scatter", v, x, places)
    else:
        v = scalar("scatter", plain("scatter", v), x.dtype)
    out = record(Scatter(places, d), lined, v)
    return out if x.ndim else out.reshape(())


def scatter_add(x: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy of ``x`` with ``src`` added at ``index`` along ``dim``, as often as an index repeats.

    ``out[index[i, j], j] += src[i, j]`` for dim 0; the arguments are those of :func:`scatter`.

    >>> import minigrad as mg
    >>> mg.zeros(3).scatter_add(0, mg.tensor([0, 2, 0]), mg.tensor([1.0, 2.0, 3.0]))
    tensor([4., 0., 2.])
    """
    x, index = tensor("scatter_add", x), tensor("scatter_add", index)
    lined = _lined(x)
    d = one_dim("scatter_add", dim, lined.ndim)
    places = _places("scatter_add", _lined(index), d, lined)
    out = record(ScatterAdd(places, d), lined, _source("scatter_add", tensor("scatter_add", src), x, places))
    return out if x.ndim else out.reshape(())


def index_add(x: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Tensor:
    """A copy of ``x`` with ``alpha`` times the slices of ``source`` added at ``index`` along ``dim``.

    ``out[:, index[k]] += alpha source[:, k]`` for dim 1, as often as an index repeats.

    >>> import minigrad as mg
    >>> mg.zeros(3, 2).index_add(0, mg.tensor([2, 0, 2]), mg.ones(3, 2), alpha=10)
    tensor([[10., 10.],
            [ 0.,  0.],
            [20., 20.]])
    """
    shape = tensor("index_add", x).shape
    source = _same_dtype("index_add", x, tensor("index_add", source))
    d = one_dim("index_add", dim, x.ndim)
    x, source = _lined(x), _lined(source)
    row = _row("index_add", index, d, x)
    if source.shape != _with(x.shape, d, row.size):
        raise ValueError(
            f"index_add: source has shape {source.shape}, but {row.size} slices along dim {d} of x {x.shape} "
            f"have shape {_with(x.shape, d, row.size)}"
        )
    if alpha != 1:
        source = mul(source, scalar("index_add", plain("index_add", alpha), x.dtype))
    out = record(IndexAdd(row, d), x, source)
    return out if shape else out.reshape(())


# -- checking -------------------------------------------------------------------------------------------------


def _lined(x: Tensor) -> Tensor:
    """``x`` with at least one dimension."""
    return x if x.ndim else x.reshape(1)


def _with(shape: tuple[int, ...], d: int, n: int) -> tuple[int, ...]:
    """``shape`` with another size for dim ``d``."""
    return (*shape[:d], n, *shape[d + 1 :])


def _in_range(name: str, index: Tensor, d: int, size: int, *, wrap: bool = False) -> Array:
    """A copy of the indices, for the graph to keep. ``wrap``: those from -size count from the end."""
    if index.dtype.kind not in "iu":
        raise TypeError(f"{name}: the index must be of integers, got {index.dtype}")
    if not is_seen(index.array):  # the kernel looks
        return duplicate(index.to(np.int64).array)  # type: ignore[no-any-return]
    found = index.array.astype(np.int64, order="C")
    lowest = -size if wrap else 0
    above = found - lowest if wrap else found
    if found.size and not above.view(np.uint64).max() < size - lowest:  # where what is below 0 is very large
        wrong = found.min() if found.min() < lowest else found.max()
        raise IndexError(f"{name}: index {wrong} is out of range for dim {d} of size {size}")
    if wrap:
        found[found < 0] += size
    return found


def _places(name: str, index: Tensor, d: int, x: Tensor) -> Array:
    """The indices of a gather from, or a scatter to, ``x``."""
    one_device(name, x, index)
    shape = x.shape
    if index.ndim != len(shape):
        raise ValueError(f"{name}: x {shape} and index {index.shape} must have as many dimensions")
    for e, (n, limit) in enumerate(zip(index.shape, shape, strict=True)):
        if e != d and n > limit:
            raise ValueError(f"{name}: index {index.shape} is larger than x {shape} in dim {e}")
    return _in_range(name, index, d, shape[d])


def _row(name: str, index: Tensor, d: int, x: Tensor) -> Array:
    """The indices of slices of ``x``."""
    one_device(name, x, tensor(name, index))
    if tensor(name, index).ndim > 1:
        raise ValueError(f"{name}: the index must be one row, it has shape {index.shape}")
    return _in_range(name, _lined(index), d, x.shape[d])


def _source(name: str, src: Tensor, x: Tensor, places: Array) -> Tensor:
    """The part of ``src`` that has a place."""
    src = _lined(_same_dtype(name, x, tensor(name, src)))
    fits = src.ndim == places.ndim and np.less_equal(places.shape, src.shape).all()
    if not fits:
        raise ValueError(f"{name}: src {src.shape} is smaller than index {places.shape}, or of other dimensions")
    if src.shape == places.shape:
        return src
    return record(Index(tuple(slice(n) for n in places.shape)), src)


def _same_dtype(name: str, x: Tensor, source: Tensor) -> Tensor:
    if source.dtype != x.dtype:
        raise TypeError(f"{name}: the dtypes {x.dtype}, {source.dtype} must be equal: convert with x.to(dtype)")
    return source
