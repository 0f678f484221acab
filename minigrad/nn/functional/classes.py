"""Losses of the probability of one of many classes."""

from __future__ import annotations

import operator
from typing import NamedTuple

import numpy as np

from minigrad.dtypes import float32, int64
from minigrad.graph import record
from minigrad.kernels import Array, duplicate, is_seen
from minigrad.nn.functional.arguments import check_has_mean, check_probabilities, check_reduction, reduced
from minigrad.ops import log_softmax, where
from minigrad.ops.indexing import TakeAlong
from minigrad.ops.loss import CrossEntropy
from minigrad.ops.operands import at_most_one, cast, floating, one_device, pair, tensor
from minigrad.tensor import Tensor

__all__ = ["cross_entropy", "nll_loss"]


NOT_GIVEN = -100  # PyTorch's default for the target that stands for none


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = NOT_GIVEN,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross entropy of logits: ``l = -log softmax(z)[y]``, z the input, y the target.

    Args:
        input: logits z of C classes, (N, C), (C,), or (N, C, d1, ...).
        target: the right class y of each, an integer in [0, C): (N,), (), or (N, d1, ...). Or the probabilities q
            of all classes, floats of the input's shape: then ``l = -sum q log softmax(z)`` over the classes.
        weight: factors of the classes, (C,). The mean over classes y is one with these weights.
        ignore_index: a target that stands for none: its loss is 0, and the mean is over the others. For targets on
            a device it must be given, and not be -100: to look for that in each would cost more than the loss.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        label_smoothing: e, how much of the target is spread evenly over all classes: ``q = (1 - e) q + e / C``.

    ``dl/dz_j = softmax(z)_j - [j = y]``, or ``- q_j``. Exact also where the softmax underflows.

    Raises:
        TypeError: the target is neither of an integer dtype nor probabilities.
        ValueError: the shapes do not belong together, a class or a probability is out of range, there is nothing
            to take the mean of, or an option is unknown.

    >>> import minigrad as mg
    >>> cross_entropy(mg.tensor([[0.0, 0.0], [1e4, 0.0]]), mg.tensor([1, 0]))
    tensor(0.3466)
    >>> cross_entropy(mg.tensor([[0.0, 0.0]]), mg.tensor([[0.25, 0.75]]))
    tensor(0.6931)
    """
    name = "cross_entropy"
    check_reduction(name, reduction)
    smoothing = at_most_one(name, "label_smoothing", label_smoothing)
    if tensor(name, target).array.dtype.kind == "f" and tensor(name, input).shape == target.shape:
        return _of_probabilities(input, target, weight, ignore_index, reduction, smoothing)
    labels = _labels(name, input, target, weight, ignore_index, reduction)
    z = floating(name, input)
    if not smoothing:
        return _total(_weighted(_fused(z, labels), labels), labels, reduction)
    log_p = log_softmax(z, labels.dim)
    even = log_p if weight is None else log_p * _along(weight, z, labels.dim)
    hard = _weighted(_taken(log_p, labels), labels) * (1 - smoothing)
    return _total(hard - even.sum(labels.dim) * (smoothing / z.shape[labels.dim]), labels, reduction)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = NOT_GIVEN,
    reduction: str = "mean",
) -> Tensor:
    """Negative log likelihood: ``l = -input[y]``, y the target; of log-probabilities, it is the cross entropy.

    Args:
        input: log-probabilities of C classes, (N, C), (C,), or (N, C, d1, ...).
        target: the right class y of each, an integer in [0, C): (N,), (), or (N, d1, ...).
        weight, ignore_index, reduction: as for :func:`cross_entropy`.

    ``dl/dinput_j = -[j = y]``.

    Raises:
        TypeError: the target is not of an integer dtype.
        ValueError: the shapes do not belong together, a class is out of range, there is nothing to take the mean
            of, or the reduction is unknown.

    >>> import minigrad as mg
    >>> nll_loss(mg.tensor([[-0.5, -1.0], [-2.0, -0.25]]), mg.tensor([0, 1]), reduction="sum")
    tensor(0.7500)
    """
    check_reduction("nll_loss", reduction)
    labels = _labels("nll_loss", input, target, weight, ignore_index, reduction)
    return _total(_weighted(_taken(floating("nll_loss", input), labels), labels), labels, reduction)


# -- targets that are classes ---------------------------------------------------------------------------------

#: Integers by their bytes: seen as one without a sign, what is below 0 is above every class.
UNSIGNED = {np.dtype(t).itemsize: np.dtype(t) for t in (np.uint8, np.uint16, np.uint32, np.uint64)}


class Labels(NamedTuple):
    """Classes that were checked, and how much each counts."""

    dim: int  # of the classes, in the input
    y: Tensor  # int64; some class where the target is to be ignored
    counts: Tensor | None  # whether a target is not to be ignored; None if all count
    weights: Tensor | None  # of the class of each target; None if all are 1


def _labels(
    name: str, input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str
) -> Labels:
    found = tensor(name, target).array
    if found.dtype.kind not in "iu":
        raise TypeError(f"{name}: the target must be classes of an integer dtype, this one is {target.dtype}")
    dim, shape = _classes_dim(name, input, weight), input.array.shape
    wanted = shape[:dim] + shape[dim + 1 :]
    if found.shape != wanted:
        raise ValueError(
            f"{name}: an input {shape} needs a target {wanted}, one class for each set of logits, "
            f"got {target.shape}"
        )
    check_has_mean(name, input, reduction)
    one_device(name, input, target, weight)
    ignored = check_ignored(name, ignore_index)
    y, counts = cast(target, int64), None
    if is_seen(found):
        counted = _counted(name, found, shape[dim], ignored, reduction)
        counts = None if counted is None else Tensor.of(counted)
    elif ignored != NOT_GIVEN:  # to look whether there are any would mean to wait
        counts = y != ignored
    if counts is not None:
        y = where(counts, y, input.argmax(dim))  # any class will do, unless its logit is -Inf
    dtype = input.dtype if input.dtype.kind == "f" else float32
    return Labels(dim, y, counts, None if weight is None else cast(weight, dtype)[y])


def _counted(name: str, y: Array, count: int, ignore_index: int, reduction: str) -> Array | None:
    """Which targets are not to be ignored, after a check that they are classes; None if all count."""
    if not y.size:
        return None
    if y.view(UNSIGNED[y.itemsize]).max() < count and not 0 <= ignore_index < count:
        return None
    ignored = np.asarray(y == ignore_index)
    outside = y[((y < 0) | (y >= count)) & ~ignored]
    if outside.size:
        raise ValueError(f"{name}: class {outside[0]} is out of range for {count} classes, 0 to {count - 1}")
    if reduction == "mean" and ignored.all():
        raise ValueError(
            f"{name}: every target is {ignore_index}, to be ignored: there is nothing to take the mean of"
        )
    return ~ignored if ignored.any() else None


def _fused(z: Tensor, labels: Labels) -> Tensor:
    """The cross entropies of logits, by the kernel that takes (B, C) and (B,)."""
    dim, y = labels.dim, labels.y
    if z.ndim == 2:
        return record(CrossEntropy(), z, y)
    rows = z.permute(*(d for d in range(z.ndim) if d != dim), dim).reshape(-1, z.shape[dim])
    return record(CrossEntropy(), rows, y.reshape(-1)).reshape(y.shape)


def _taken(log_p: Tensor, labels: Labels) -> Tensor:
    """``-log_p[y]``."""
    index = duplicate(labels.y.array)  # the graph keeps it
    return -record(TakeAlong(index, labels.dim, keepdim=False), log_p)


def _weighted(losses: Tensor, labels: Labels) -> Tensor:
    return losses if labels.weights is None else losses * labels.weights


def _total(losses: Tensor, labels: Labels, reduction: str) -> Tensor:
    """The losses reduced, without the ignored ones, and for the mean over their weights."""
    counts, weights = labels.counts, labels.weights
    if counts is not None:
        losses = where(counts, losses, 0)
        weights = where(counts, 1 if weights is None else weights, 0)
    if reduction != "mean" or weights is None:
        return reduced(losses, reduction)
    return losses.sum() / weights.sum()


# -- targets that are probabilities ---------------------------------------------------------------------------


def _of_probabilities(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, smoothing: float
) -> Tensor:
    name = "cross_entropy"
    dim = _classes_dim(name, input, weight)
    check_has_mean(name, input, reduction)
    if check_ignored(name, ignore_index) >= 0:
        raise ValueError(f"{name}: ignore_index={ignore_index} is a class, this target is probabilities")
    check_probabilities(name, "target", target)
    z, q = pair(name, floating(name, input), target)
    if smoothing:
        q = q * (1 - smoothing) + smoothing / z.shape[dim]
    terms = log_softmax(z, dim) * q
    return reduced(-(terms if weight is None else terms * _along(weight, z, dim)).sum(dim), reduction)


# -- arguments ------------------------------------------------------------------------------------------------


def _classes_dim(name: str, input: Tensor, weight: Tensor | None) -> int:
    """The dimension of the classes, with which the weight must agree."""
    if not tensor(name, input).ndim:
        raise ValueError(f"{name}: the input must have a dimension for the classes, it has none")
    dim = min(1, input.ndim - 1)
    if weight is not None and tensor(name, weight).shape != (input.shape[dim],):
        raise ValueError(
            f"{name}: an input {input.shape} has {input.shape[dim]} classes and needs as many weights, "
            f"got a weight {weight.shape}"
        )
    return dim


def check_ignored(name: str, ignore_index: int) -> int:
    """``ignore_index``, which must be an int."""
    try:
        return operator.index(ignore_index)
    except TypeError:
        raise TypeError(f"{name}: ignore_index must be an int, got {ignore_index!r}") from None


def _along(weight: Tensor, z: Tensor, dim: int) -> Tensor:
    """The weights of the classes in a shape that broadcasts with the logits."""
    return cast(weight, z.dtype).reshape(-1, *[1] * (z.ndim - 1 - dim))
