"""Layers as functions: dropout, embeddings, and a product with two inputs."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from minigrad.creation import zeros
from minigrad.dtypes import int64
from minigrad.generator import draw_key
from minigrad.graph import record
from minigrad.kernels import Array, is_seen
from minigrad.ops import einsum, where
from minigrad.ops.dropout import Dropout
from minigrad.ops.embedding import Embedding
from minigrad.ops.linear_algebra import one_dtype
from minigrad.ops.operands import cast, only_floats, parameter, tensor
from minigrad.tensor import Tensor

__all__ = ["bilinear", "dropout", "dropout1d", "dropout2d", "embedding", "embedding_bag"]

# -- dropout --------------------------------------------------------------------------------------------------


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element 0 with probability ``p``, the others times ``1 / (1 - p)``; nothing unless ``training``.

    The factor keeps the mean as it was, so that nothing need be done after training. The node holds a key, drawn
    by the generator that ``mg.manual_seed`` starts, from which the fate of every element follows. ``inplace`` is
    accepted, as in PyTorch, and changes nothing.

    Source: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, 2014.

    Raises:
        TypeError: the input is not of floats, or ``p`` is not a number. ValueError: ``p`` is outside [0, 1].

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


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    *,
    mode: str = "mean",
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The rows that each bag of integers names, as one: their mean, their sum, or the largest of each element.

    Args:
        input: integers in [0, V): (B, N), bags of N; or (n,), bags one after another.
        weight: (V, D).
        offsets: for the latter, where each bag begins, (B,), from 0 on; a bag may be empty, and is 0 then.
        mode: ``"mean"``, ``"sum"`` or ``"max"``.
        per_sample_weights: a factor for each row, of the shape of the input; for ``"sum"`` alone.
        include_last_offset: whether the last offset is not a bag's, but where the last one ends.
        padding_idx: a row that is left out, and gets no gradient.

    Returns:
        (B, D).

    Raises:
        ValueError: shapes that do not fit, offsets that fall or do not begin with 0, another mode.
        TypeError, IndexError: as for :func:`embedding`.

    >>> import minigrad as mg
    >>> W = mg.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    >>> embedding_bag(mg.tensor([0, 2, 1]), W, mg.tensor([0, 2]))
    tensor([[2., 3.],
            [2., 3.]])
    """
    name = "embedding_bag"
    check_mode(name, mode)
    i = tensor(name, input)
    w = per_sample_weights
    if w is not None and (mode != "sum" or tensor(name, w).shape != i.shape):
        raise ValueError(f"{name}: per_sample_weights are for mode 'sum', one for each of {i.shape}: {w.shape}")
    if i.ndim == 2 and offsets is None:
        there = np.ones(i.shape, bool)
    elif i.ndim == 1 and offsets is not None:
        places, there = _bags(name, len(i), tensor(name, offsets).tolist(), include_last_offset)
        at = Tensor(places, device=i.device)  # (B, N), the longest bag's N
        i, w = i[at] if len(i) else zeros(there.shape, dtype=i.dtype, device=i.device), w if w is None else w[at]
    else:
        with_offsets = "and no offsets" if offsets is None else "and offsets"
        raise ValueError(f"{name}: takes (B, N), or (n,) and offsets (B,), got {i.shape} {with_offsets}")
    rows = embedding(i, weight, padding_idx)  # (B, N, D)
    counted = Tensor(there, device=i.device)
    if padding_idx is not None:
        counted = counted & (i != padding_row(name, padding_idx, weight.shape[0]))
    shown = counted.unsqueeze(-1)
    if mode == "max":
        found: Any = where(shown, rows, -math.inf)
        found = found.max(1).values if i.shape[1] else found.sum(1)
        return where(counted.any(1, keepdim=True), found, 0)
    total: Tensor = where(shown, rows if w is None else rows * w.unsqueeze(-1), 0).sum(1)
    return total if mode == "sum" else total / counted.sum(1, keepdim=True).clamp(min=1)


def _bags(name: str, n: int, offsets: Any, include_last: bool) -> tuple[Array, Array]:
    """For each bag its places among ``n``, and which of them there are: the shorter ones are filled up."""
    ends = offsets[1:] if include_last else [*offsets[1:], n]
    starts = offsets[: len(ends)]
    if [0, *ends] != sorted([0, *ends]) or (starts and starts[0] != 0) or max(ends, default=0) > n:
        raise ValueError(f"{name}: offsets rise from 0 to at most {n}, got {offsets}")
    lengths = np.subtract(ends, starts).reshape(-1, 1)
    steps = np.arange(lengths.max(initial=0))
    there = steps < lengths
    return np.where(there, np.reshape(starts, (-1, 1)) + steps, 0).astype(np.int64), there


def check_mode(name: str, mode: str) -> None:
    """Raise ValueError for another way of making one vector of several than those there are."""
    if mode not in ("mean", "sum", "max"):
        raise ValueError(f"{name}: there is no mode {mode!r}: use 'mean', 'sum' or 'max'")


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
