"""Layers as functions: dropout, embeddings, and a product with two inputs."""

from __future__ import annotations

import math
import operator

from minigrad.dtypes import int64
from minigrad.generator import draw_key
from minigrad.graph import record
from minigrad.kernels import is_seen
from minigrad.ops import einsum
from minigrad.ops.dropout import Dropout
from minigrad.ops.embedding import Embedding
from minigrad.ops.linear_algebra import one_dtype
from minigrad.ops.operands import cast, only_floats, parameter, tensor
from minigrad.tensor import Tensor

__all__ = ["bilinear", "dropout", "dropout1d", "dropout2d", "embedding"]

# -- dropout --------------------------------------------------------------------------------------------------


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element 0 with probability ``p``, the others times ``1 / (1 - p)``; nothing unless ``training``.

    The factor keeps the mean as it was, so that nothing need be done after training. The node holds a key, drawn
    by the generator that ``mg.manual_seed`` starts, from which the fate of every element follows. ``inplace`` is
    taken as PyTorch has it, and changes nothing.

    Source: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, 2014.

    Raises:
        TypeError: the input is not of floats, or ``p`` is no number. ValueError: ``p`` is outside [0, 1].

    >>> import minigrad as mg
    >>> set(dropout(mg.ones(1000), 0.75).tolist())
    {0.0, 4.0}
    """
    x = only_floats("dropout", tensor("dropout", input))
    return _dropped(x, 1, check_probability("dropout", p), training)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """:func:`dropout` of whole channels: (N, C, L) or (C, L). Raises ValueError for other shapes."""
    return _channels_dropped("dropout1d", input, p, training, "(N, C, L) or (C, L)")


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """:func:`dropout` of whole channels: (N, C, H, W) or (C, H, W). Raises ValueError for other shapes.

    Source: Tompson et al., Efficient object localization using convolutional networks, 2015.

    >>> import minigrad as mg
    >>> dropout2d(mg.ones(2, 8, 5, 5)).var((2, 3)).sum()
    tensor(0.)
    """
    return _channels_dropped("dropout2d", input, p, training, "(N, C, H, W) or (C, H, W)")


def _channels_dropped(name: str, input: Tensor, p: float, training: bool, shapes: str) -> Tensor:
    x = only_floats(name, tensor(name, input))
    batched, alone = (form.count(",") + 1 for form in shapes.split(" or "))
    if x.ndim not in (batched, alone):
        raise ValueError(f"{name}: expects {shapes}, got {x.shape}")
    channel = x.shape[x.ndim - alone + 1 :]
    return _dropped(x, math.prod(channel), check_probability(name, p), training)


def _dropped(x: Tensor, together: int, p: float, training: bool) -> Tensor:
    if not training or p == 0:
        return x
    return record(Dropout(p, draw_key(), max(together, 1)), x)


def check_probability(name: str, p: float) -> float:
    """``p``, a number in [0, 1]."""
    found = parameter(name, "p", p)
    if not 0 <= found <= 1:
        raise ValueError(f"{name}: p is a probability in [0, 1], got {found:g}")
    return found


# -- tables and products --------------------------------------------------------------------------------------


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """The rows of a table that integers name, ``y = W[i]``: ``(...), (V, D) -> (..., D)``.

    Args:
        input: i, integers in [0, V), of any shape.
        weight: W, (V, D).
        padding_idx: a row that gets no gradient.

    ``dW[i] += dy``, for each time that a row is named.

    Raises:
        TypeError: the input is not of integers. ValueError: W is no matrix, or there is no row ``padding_idx``.
        IndexError: an i is out of range.

    >>> import minigrad as mg
    >>> embedding(mg.tensor([2, 0]), mg.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    tensor([[4., 5.],
            [0., 1.]])
    """
    name = "embedding"
    i, W = tensor(name, input), tensor(name, weight)
    if i.dtype.kind not in "iu":
        raise TypeError(f"{name}: the input must be integers, rows of the weight, it is {i.dtype}")
    if W.ndim != 2:
        raise ValueError(f"{name}: the weight must be (V, D), got {W.shape}")
    padding = padding_row(name, padding_idx, W.shape[0])
    if i.numel() and is_seen(i.array):  # on a device, the kernel looks
        low, high = i.array.min(), i.array.max()
        if low < 0 or high >= W.shape[0]:
            wrong = low if low < 0 else high
            raise IndexError(f"{name}: {wrong} is out of range for {W.shape[0]} rows, 0 to {W.shape[0] - 1}")
    return record(Embedding(padding), cast(i, int64), W)


def padding_row(name: str, padding_idx: int | None, rows: int) -> int | None:
    """``padding_idx`` counted from the front. Raises ValueError where there is no such row."""
    if padding_idx is None:
        return None
    found = operator.index(padding_idx)
    if not -rows <= found < rows:
        raise ValueError(f"{name}: padding_idx {found} is out of range for {rows} rows, use {-rows} to {rows - 1}")
    return found % rows


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A product with two inputs, ``z_k = x1^T W_k x2 + b_k``: ``(..., I), (..., J), (K, I, J), (K,) -> (..., K)``.

    Raises ValueError for shapes that do not fit, TypeError for mixed dtypes.

    >>> import minigrad as mg
    >>> x1, x2 = mg.tensor([[1.0, 2.0]]), mg.tensor([[3.0, 4.0]])
    >>> bilinear(x1, x2, mg.tensor([[[1.0, 0.0], [0.0, 1.0]]]))
    tensor([[11.]])
    """
    name = "bilinear"
    x1, x2, W = (tensor(name, t) for t in (input1, input2, weight))
    fits = W.ndim == 3 and x1.ndim > 0 and x1.shape[:-1] == x2.shape[:-1]
    fits = fits and (x1.shape[-1:], x2.shape[-1:]) == (W.shape[1:2], W.shape[2:])
    if not fits or (bias is not None and tensor(name, bias).shape != W.shape[:1]):
        with_b = "" if bias is None else f" and b {bias.shape}"
        raise ValueError(
            f"{name}: x1 {x1.shape} and x2 {x2.shape} do not fit W {W.shape}{with_b}: "
            "they must be (..., I), (..., J), (K, I, J) and (K,)"
        )
    one_dtype(name, x1, x2, W, *([] if bias is None else [bias]))
    z = einsum("...i,kij,...j->...k", x1, W, x2)
    return z if bias is None else z + bias
