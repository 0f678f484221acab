"""Layers and losses as functions, ``from minigrad.nn import functional as F``. Losses follow PyTorch's names.

A loss checks everything before it computes anything, and it refuses what PyTorch only warns about: shapes that
differ are never broadcast, since a (B, 1) beside a (B,) would quietly become (B, B).
"""

from __future__ import annotations

import numpy as np

from minigrad.dtypes import int64
from minigrad.graph import record
from minigrad.ops import gelu, linear, log_softmax, relu, sigmoid, softmax, tanh
from minigrad.ops.indexing import TakeAlong
from minigrad.ops.loss import BinaryCrossEntropy, BinaryCrossEntropyWithLogits, CrossEntropy
from minigrad.ops.operands import cast, floating, pair, tensor
from minigrad.tensor import Tensor

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "gelu",
    "linear",
    "log_softmax",
    "mse_loss",
    "nll_loss",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]

# -- of numbers -----------------------------------------------------------------------------------------------


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Squared error: ``l = (input - target)^2``, its mean, its sum, or every element (``"none"``).

    Args:
        input: what was predicted, of any shape.
        target: what it should be, of the same shape.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    ``dl/dinput = 2 (input - target)``, over the number of elements for the mean.

    Raises:
        ValueError: the shapes differ, there are no elements, or the reduction is unknown.

    >>> import minigrad as mg
    >>> mse_loss(mg.tensor([1.0, 2.0]), mg.tensor([0.0, 4.0]))
    tensor(2.5000)
    """
    check_reduction("mse_loss", reduction)
    input, target = _alike("mse_loss", input, target)
    return _reduce((input - target) ** 2, reduction)


# -- of probabilities of two classes --------------------------------------------------------------------------


def binary_cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Cross entropy of probabilities: ``l = -(y log p + (1 - y) log(1 - p))``, p the input, y the target.

    Each logarithm is at least -100, so that a p of 0 or 1 stays finite.
    :func:`binary_cross_entropy_with_logits` is more exact, and never flat.

    Args:
        input: probabilities p in [0, 1], of any shape.
        target: y in [0, 1], of the same shape; integers and bools will do.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    ``dl/dp = (p - y) / (p (1 - p))``.

    Raises:
        ValueError: the shapes differ, there are no elements, a value is outside [0, 1], or the reduction is
            unknown.

    >>> import minigrad as mg
    >>> binary_cross_entropy(mg.tensor([0.5, 0.0]), mg.tensor([1.0, 1.0]), reduction="none")
    tensor([  0.6931, 100.0000])
    """
    check_reduction("binary_cross_entropy", reduction)
    input, target = _alike("binary_cross_entropy", input, target)
    remedy = ": logits go to binary_cross_entropy_with_logits"
    _check_probabilities("binary_cross_entropy", "input", input, remedy)
    _check_probabilities("binary_cross_entropy", "target", target)
    return _reduce(record(BinaryCrossEntropy(), input, target), reduction)


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Cross entropy of logits: ``l = max(z, 0) - z y + log(1 + e^-|z|)``, z the input, y the target.

    It is ``binary_cross_entropy(sigmoid(z), y)`` written so that nothing overflows or rounds to 0 or 1.

    Args:
        input: logits z, of any shape.
        target: y in [0, 1], of the same shape; integers and bools will do.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    ``dl/dz = sigmoid(z) - y``.

    Raises:
        ValueError: the shapes differ, there are no elements, a target is outside [0, 1], or the reduction is
            unknown.

    >>> import minigrad as mg
    >>> binary_cross_entropy_with_logits(mg.tensor([0.0, -1e4]), mg.tensor([1, 1]), reduction="none")
    tensor([6.9315e-01, 1.0000e+04])
    """
    check_reduction("binary_cross_entropy_with_logits", reduction)
    input, target = _alike("binary_cross_entropy_with_logits", input, target)
    _check_probabilities("binary_cross_entropy_with_logits", "target", target)
    return _reduce(record(BinaryCrossEntropyWithLogits(), input, target), reduction)


# -- of probabilities of many classes -------------------------------------------------------------------------


def cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Cross entropy of logits and a class: ``l = -log softmax(z)[y]``, z the input, y the target.

    Args:
        input: logits z of C classes, (N, C), (C,), or (N, C, d1, ...).
        target: the right class y of each, an integer in [0, C): (N,), (), or (N, d1, ...).
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    ``dl/dz_j = softmax(z)_j - [j = y]``. Exact also where the softmax underflows.

    Raises:
        TypeError: the target is not of an integer dtype.
        ValueError: the shapes do not belong together, a class is out of range, there are no elements, or the
            reduction is unknown.

    >>> import minigrad as mg
    >>> cross_entropy(mg.tensor([[0.0, 0.0], [1e4, 0.0]]), mg.tensor([1, 0]))
    tensor(0.3466)
    """
    dim = _check_classes("cross_entropy", input, target, reduction)
    z, y = floating("cross_entropy", input), cast(target, int64)
    if z.ndim != 2:  # the classes to the end, everything else to one batch: (B, C) and (B,)
        z = z.permute(*(d for d in range(z.ndim) if d != dim), dim).reshape(-1, z.shape[dim])
        y = y.reshape(-1)
    losses = record(CrossEntropy(), z, y)
    return _reduce(losses if target.ndim == 1 else losses.reshape(target.shape), reduction)


def nll_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Negative log likelihood: ``l = -input[y]``, y the target; of log-probabilities, it is the cross entropy.

    Args:
        input: log-probabilities of C classes, (N, C), (C,), or (N, C, d1, ...).
        target: the right class y of each, an integer in [0, C): (N,), (), or (N, d1, ...).
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    ``dl/dinput_j = -[j = y]``.

    Raises:
        TypeError: the target is not of an integer dtype.
        ValueError: the shapes do not belong together, a class is out of range, there are no elements, or the
            reduction is unknown.

    >>> import minigrad as mg
    >>> nll_loss(mg.tensor([[-0.5, -1.0], [-2.0, -0.25]]), mg.tensor([0, 1]), reduction="sum")
    tensor(0.7500)
    """
    dim = _check_classes("nll_loss", input, target, reduction)
    index = np.expand_dims(target.array, dim).astype(np.int64)  # a copy: the graph keeps it
    return _reduce(-record(TakeAlong(index, dim), floating("nll_loss", input)).squeeze(dim), reduction)


# -- arguments ------------------------------------------------------------------------------------------------


def check_reduction(name: str, reduction: str) -> None:
    """Raise ValueError for a reduction that no loss has."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{name}: there is no reduction {reduction!r}: use 'mean', 'sum' or 'none'")


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


def _alike(name: str, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Input and target of one float dtype, after a check that their shapes are equal."""
    if tensor(name, input).shape != tensor(name, target).shape:
        raise ValueError(
            f"{name}: input {input.shape} and target {target.shape} must have the same shape: "
            "reshape() or squeeze() one of them"
        )
    _check_not_empty(name, input)
    return pair(name, floating(name, input), target)


def _check_not_empty(name: str, input: Tensor) -> None:
    if not input.numel():
        raise ValueError(f"{name}: the input {input.shape} has no elements, an empty batch has no loss")


def _check_probabilities(name: str, which: str, p: Tensor, remedy: str = "") -> None:
    low, high = p.array.min(), p.array.max()
    if not (low >= 0 and high <= 1):  # so written that NaN is refused too
        raise ValueError(f"{name}: the {which} must lie in [0, 1], it goes from {low:g} to {high:g}{remedy}")


def _check_classes(name: str, input: Tensor, target: Tensor, reduction: str) -> int:
    """The dimension of the classes, for an input and a target that belong together."""
    check_reduction(name, reduction)
    if tensor(name, target).dtype.kind not in "iu":
        raise TypeError(f"{name}: the target must be classes of an integer dtype, this one is {target.dtype}")
    if not tensor(name, input).ndim:
        raise ValueError(f"{name}: the input must have a dimension for the classes, it has none")
    dim = min(1, input.ndim - 1)
    wanted = input.shape[:dim] + input.shape[dim + 1 :]
    if target.shape != wanted:
        raise ValueError(
            f"{name}: an input {input.shape} needs a target {wanted}, one class for each set of logits, "
            f"got {target.shape}"
        )
    _check_not_empty(name, input)
    count = input.shape[dim]
    if target.array.min() < 0 or target.array.max() >= count:
        outside = target.array[(target.array < 0) | (target.array >= count)]
        raise ValueError(f"{name}: class {outside[0]} is out of range for {count} classes, 0 to {count - 1}")
    return dim
