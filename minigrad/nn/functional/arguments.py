"""What losses share: their arguments checked before anything runs, and many losses made one."""

from __future__ import annotations

import numpy as np

from minigrad.kernels import broadcasts_to, is_seen
from minigrad.ops.operands import cast, floating, pair, tensor
from minigrad.tensor import Tensor

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(name: str, reduction: str, reductions: tuple[str, ...] = REDUCTIONS) -> None:
    """Raise ValueError for a reduction that the loss does not have."""
    if reduction not in reductions:
        *others, last = map(repr, reductions)
        raise ValueError(f"{name}: there is no reduction {reduction!r}: use {', '.join(others)} or {last}")


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The mean of the losses, their sum, or all of them."""
    return losses.mean() if reduction == "mean" else losses.sum() if reduction == "sum" else losses


def alike(
    name: str, input: Tensor, target: Tensor, reduction: str, second: str = "target"
) -> tuple[Tensor, Tensor]:
    """Input and target of one float dtype, after a check that their shapes are equal."""
    if tensor(name, input).shape != tensor(name, target).shape:
        raise ValueError(
            f"{name}: input {input.shape} and {second} {target.shape} must have the same shape: "
            "reshape() or squeeze() one of them"
        )
    check_has_mean(name, input, reduction)
    return pair(name, floating(name, input), floating(name, target))


def check_has_mean(name: str, input: Tensor, reduction: str) -> None:
    """Raise ValueError for the mean of the losses of an input without elements, which would be NaN."""
    if "mean" in reduction and not input.numel():
        raise ValueError(
            f"{name}: the input {input.shape} has no elements, so its losses have no mean: "
            "reduction='sum' gives 0, 'none' an empty tensor"
        )


def check_probabilities(name: str, which: str, p: Tensor, remedy: str = "") -> None:
    """Raise ValueError for numbers outside [0, 1], and for NaN."""
    if not is_seen(p.array) or not p.numel():
        return
    low, high = p.array.min(), p.array.max()
    if not (low >= 0 and high <= 1):  # written so that NaN is refused too
        raise ValueError(f"{name}: the {which} must lie in [0, 1], it goes from {low:g} to {high:g}{remedy}")


def check_signs(name: str, target: Tensor, plus: str = "alike", minus: str = "different") -> None:
    """Raise ValueError for a target that is not 1 or -1, which mean what ``plus`` and ``minus`` say."""
    if is_seen(target.array) and not (np.abs(target.array) == 1).all():
        wrong = target.array[np.abs(target.array) != 1]
        raise ValueError(f"{name}: a target is 1 ({plus}) or -1 ({minus}), there is a {wrong[0]:g}")


def repeated(name: str, which: str, weight: Tensor, input: Tensor) -> Tensor:
    """A weight of the input's dtype, which must be repeatable to the input's shape."""
    if not broadcasts_to(tensor(name, weight).shape, input.shape):
        raise ValueError(
            f"{name}: a {which} {weight.shape} cannot be repeated to the shape {input.shape} of the input"
        )
    return cast(weight, input.dtype)
