"""What depends on the values themselves: where they are not 0, which ones there are, how often.

The shapes of the results do too, so a tensor on a device is looked at, and waited for. No gradient flows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import dtypes, graph, kernels
from minigrad.graph import record
from minigrad.kernels import Array
from minigrad.ops.indexing import IndexBackward
from minigrad.ops.operands import cast, integer, one_device, one_dim, tensor

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["bincount", "nonzero", "unique"]


class BinCount(IndexBackward):
    """y[x_i] += weights_i        starting from zeros"""

    output = "y"

    def forward(self, kernels: Any, weights: Array) -> Any:
        return kernels.index_backward(weights, self.to_shape, self.key)


def nonzero(x: Tensor, *, as_tuple: bool = False) -> Any:
    """Where the elements are not 0: a row of indices for each, ``(n, x.ndim)``, in the order in which they stand.

    With ``as_tuple`` it is a tensor (n,) for each dimension, which together are an index, as for ``x[...]``.

    >>> import minigrad as mg
    >>> mg.tensor([[0.0, 2.0], [3.0, 0.0]]).nonzero()
    tensor([[0, 1],
            [1, 0]])
    """
    array = _looked_at("nonzero", x)
    if as_tuple:
        return tuple(_placed(index, x) for index in np.nonzero(np.atleast_1d(array)))
    return _placed(np.argwhere(array), x)


def unique(
    x: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different elements, or with ``dim`` the different slices along it, in rising order.

    Args:
        x: any tensor; of NaN, each is different, and so is each slice with a NaN.
        sorted: accepted, as in PyTorch; they are sorted in any case.
        return_inverse: also where each element is found in the result, of the shape of ``x``; with ``dim``, (n,).
        return_counts: also how often each occurs.
        dim: a dimension; by default the elements of all.

    Returns:
        A tensor; a tuple if more was asked for.

    Raises IndexError for a dim that is out of range, as any is for a tensor without dimensions.

    >>> import minigrad as mg
    >>> mg.unique(mg.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    array = _looked_at("unique", x)
    axis = None if dim is None else one_dim("unique", dim, x.ndim)
    if axis is not None and not x.ndim:
        raise IndexError(f"unique: a tensor without dimensions has no dim {dim}: leave dim out")
    values, inverse, counts = np.unique(array, False, True, True, axis, equal_nan=False)
    found = [values, inverse.reshape(x.shape if axis is None else -1), counts]
    wanted = (True, return_inverse, return_counts)
    kept = [_placed(each, x) for each, asked in zip(found, wanted, strict=True) if asked]
    return tuple(kept) if len(kept) > 1 else kept[0]


def bincount(x: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each integer occurs, or the sum of its weights: ``y[v] = sum_i weights_i [x_i = v]``.

    Args:
        x: integers from 0, (n,).
        weights: (n,), floats; integers become float64. Gradients flow to them.
        minlength: the least size of the result, which is otherwise as long as the largest integer needs.

    Raises TypeError for anything but integers, ValueError for other shapes and negative ones.

    >>> import minigrad as mg
    >>> mg.bincount(mg.tensor([1, 3, 1])), mg.bincount(mg.tensor([1, 0]), mg.tensor([0.5, 2.0]), minlength=3)
    (tensor([0, 2, 0, 1]), tensor([2.0000, 0.5000, 0.0000]))
    """
    array = _looked_at("bincount", x)
    if array.dtype.kind not in "iu":
        raise TypeError(f"bincount: takes integers, got {x.dtype}")
    if x.ndim != 1 or (weights is not None and tensor("bincount", weights).shape != x.shape):
        shapes = f"{x.shape}" if weights is None else f"{x.shape} and weights {weights.shape}"
        raise ValueError(f"bincount: takes integers (n,) and as many weights, got {shapes}")
    low, high = (int(array.min()), int(array.max())) if array.size else (0, -1)
    length = integer("bincount", minlength)
    if low < 0 or length < 0:
        raise ValueError(f"bincount: counts integers from 0, got {low if low < 0 else f'a minlength of {length}'}")
    if weights is None:
        return _placed(np.bincount(array, minlength=length), x)
    one_device("bincount", x, weights)
    amounts = weights if weights.dtype.kind == "f" else cast(weights, dtypes.float64)
    places = kernels.duplicate(cast(x, dtypes.int64).array)  # the graph keeps them
    return record(BinCount((max(high + 1, length),), (places,)), amounts)


def _looked_at(name: str, x: Tensor) -> Array:
    found: Array = kernels.moved(tensor(name, x).array, "cpu")
    return found


def _placed(array: Array, beside: Tensor) -> Tensor:
    found: Tensor = graph.tensor_class.of(kernels.moved(np.array(array, order="C"), beside.device))
    return found
