"""Losses of the probability of one of two classes."""

from __future__ import annotations

from minigrad.graph import record
from minigrad.nn.functional.arguments import alike, check_probabilities, check_reduction, reduced, repeated
from minigrad.ops import logsigmoid
from minigrad.ops.loss import BinaryCrossEntropy, BinaryCrossEntropyWithLogits
from minigrad.tensor import Tensor

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits"]


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """Cross entropy of probabilities: ``l = -(y log p + (1 - y) log(1 - p))``, p the input, y the target.

    Each logarithm is at least -100, so that a p of 0 or 1 stays finite.
    :func:`binary_cross_entropy_with_logits` is more exact, and never flat.

    Args:
        input: probabilities p in [0, 1], of any shape.
        target: y in [0, 1], of the same shape; integers and bools will do.
        weight: factors of the losses, of this shape or repeatable to it. The mean is still over the elements.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    ``dl/dp = (p - y) / (p (1 - p))``.

    Raises:
        ValueError: the shapes differ, no elements for a mean, a value is outside [0, 1], or the reduction is
            unknown.

    >>> import minigrad as mg
    >>> binary_cross_entropy(mg.tensor([0.5, 0.0]), mg.tensor([1.0, 1.0]), reduction="none")
    tensor([  0.6931, 100.0000])
    """
    name = "binary_cross_entropy"
    check_reduction(name, reduction)
    input, target = alike(name, input, target, reduction)
    check_probabilities(name, "input", input, ": logits go to binary_cross_entropy_with_logits")
    check_probabilities(name, "target", target)
    factors = None if weight is None else repeated(name, "weight", weight, input)
    losses = record(BinaryCrossEntropy(), input, target)
    return reduced(losses if factors is None else losses * factors, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Cross entropy of logits: ``l = max(z, 0) - z y + log(1 + e^-|z|)``, z the input, y the target.

    It is ``binary_cross_entropy(sigmoid(z), y)`` written so that nothing overflows or rounds to 0 or 1.

    Args:
        input: logits z, of any shape.
        target: y in [0, 1], of the same shape; integers and bools will do.
        weight: factors of the losses, of this shape or repeatable to it. The mean is still over the elements.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        pos_weight: factors of the part with y: how much more the positive class counts, for each kind of label.

    ``dl/dz = sigmoid(z) - y``.

    Raises:
        ValueError: the shapes differ, no elements for a mean, a target is outside [0, 1], or the reduction is
            unknown.

    >>> import minigrad as mg
    >>> binary_cross_entropy_with_logits(mg.tensor([0.0, -1e4]), mg.tensor([1, 1]), reduction="none")
    tensor([6.9315e-01, 1.0000e+04])
    """
    name = "binary_cross_entropy_with_logits"
    check_reduction(name, reduction)
    z, y = alike(name, input, target, reduction)
    check_probabilities(name, "target", y)
    factors = None if weight is None else repeated(name, "weight", weight, z)
    if pos_weight is None:
        losses = record(BinaryCrossEntropyWithLogits(), z, y)
    else:  # -(w y log s + (1 - y) log(1 - s)), where log(1 - s) = log s - z
        w = repeated(name, "pos_weight", pos_weight, z)
        losses = (1 - y) * z - ((w - 1) * y + 1) * logsigmoid(z)
    return reduced(losses if factors is None else losses * factors, reduction)
