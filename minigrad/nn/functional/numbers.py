"""Losses of numbers, for regression."""

from __future__ import annotations

import math

from minigrad.graph import record
from minigrad.kernels import is_seen
from minigrad.nn.functional.arguments import alike, check_reduction, reduced
from minigrad.ops import where
from minigrad.ops.loss import Huber
from minigrad.ops.operands import above_zero, cast, not_below_zero, parameter, tensor
from minigrad.tensor import Tensor

__all__ = ["gaussian_nll_loss", "huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss"]


def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Absolute error: ``l = |input - target|``, its mean, its sum, or every element (``"none"``).

    Args:
        input: what was predicted, of any shape.
        target: what it should be, of the same shape.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    ``dl/dinput`` is the sign of ``input - target``, over the number of elements for the mean.

    Raises:
        ValueError: the shapes differ, no elements for a mean, or the reduction is unknown.

    >>> import minigrad as mg
    >>> l1_loss(mg.tensor([1.0, 2.0]), mg.tensor([0.0, 4.0]))
    tensor(1.5000)
    """
    check_reduction("l1_loss", reduction)
    input, target = alike("l1_loss", input, target, reduction)
    return reduced((input - target).abs(), reduction)


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Squared error: ``l = (input - target)^2``; arguments and errors as for :func:`l1_loss`.

    ``dl/dinput = 2 (input - target)``, over the number of elements for the mean.

    >>> import minigrad as mg
    >>> mse_loss(mg.tensor([1.0, 2.0]), mg.tensor([0.0, 4.0]))
    tensor(2.5000)
    """
    check_reduction("mse_loss", reduction)
    input, target = alike("mse_loss", input, target, reduction)
    return reduced((input - target) ** 2, reduction)


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """Squared error near the target, absolute error far off: of ``d = input - target``, ``l = d^2 / 2`` where
    ``|d| <= delta``, else ``delta (|d| - delta / 2)``.

    Args:
        input, target, reduction: as for :func:`l1_loss`.
        delta: where the parabola goes over into straight lines, above 0.

    ``dl/dinput = min(max(d, -delta), delta)``, over the number of elements for the mean. Source: Huber, Robust
    estimation of a location parameter, 1964.

    Raises:
        ValueError: as for :func:`l1_loss`, and for a delta that is not positive.

    >>> import minigrad as mg
    >>> huber_loss(mg.tensor([1.0, 2.0]), mg.tensor([0.5, 4.0]), reduction="none")
    tensor([0.1250, 1.5000])
    """
    check_reduction("huber_loss", reduction)
    delta = above_zero("huber_loss", "delta", delta)
    input, target = alike("huber_loss", input, target, reduction)
    return reduced(record(Huber(delta), input - target), reduction)


def smooth_l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """Absolute error with a round corner: of ``d = input - target``, ``l = d^2 / (2 beta)`` where ``|d| < beta``,
    else ``|d| - beta / 2``. It is the Huber loss divided by its delta.

    Args:
        input, target, reduction: as for :func:`l1_loss`.
        beta: where the parabola goes over into straight lines; with 0 there is none, as in :func:`l1_loss`.

    ``dl/dinput = min(max(d / beta, -1), 1)``, over the number of elements for the mean. Source: Girshick, Fast
    R-CNN, 2015.

    Raises:
        ValueError: as for :func:`l1_loss`, and for a negative beta.

    >>> import minigrad as mg
    >>> smooth_l1_loss(mg.tensor([1.0, 2.0]), mg.tensor([0.5, 4.0]), reduction="none", beta=2.0)
    tensor([0.0625, 1.0000])
    """
    check_reduction("smooth_l1_loss", reduction)
    beta = not_below_zero("smooth_l1_loss", "beta", beta)
    input, target = alike("smooth_l1_loss", input, target, reduction)
    d = input - target
    return reduced(record(Huber(beta), d), reduction) / beta if beta else reduced(d.abs(), reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Minus the logarithm of a normal density, ``l = (log v + (input - target)^2 / v) / 2``, without its constant.

    Args:
        input: the means that were predicted, of any shape.
        target: the numbers that were drawn, of the same shape.
        var: v, the variances that were predicted, of the same shape, without its last dim, or with size 1 there;
            or one number for all.
        full: whether the constant is added, ``log(2 pi) / 2``.
        eps: the least v; a smaller one counts as that, and gets the gradient of that.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Source: Nix and Weigend, Estimating the mean and variance of the target probability distribution, 1994.

    Raises:
        ValueError: the shapes do not belong together, there is nothing to take the mean of, a variance is
            negative, or the reduction is unknown.

    >>> import minigrad as mg
    >>> gaussian_nll_loss(mg.tensor([1.0, 2.0]), mg.tensor([0.0, 4.0]), mg.tensor([1.0, 4.0]), reduction="none")
    tensor([0.5000, 1.1931])
    """
    name = "gaussian_nll_loss"
    check_reduction(name, reduction)
    least = above_zero(name, "eps", eps)
    x, y = alike(name, input, target, reduction)
    v = x.new_full((), parameter(name, "var", var)) if isinstance(var, (int, float)) else tensor(name, var)
    without_last = bool(v.ndim) and v.shape == x.shape[:-1]
    if v.ndim and not without_last and v.shape not in (x.shape, (*x.shape[:-1], 1)):
        raise ValueError(f"{name}: an input {x.shape} needs variances of that shape, not {v.shape}")
    if is_seen(v.array) and (v.array < 0).any():
        raise ValueError(f"{name}: variances must not be negative")
    v = cast(v.unsqueeze(-1) if without_last else v, x.dtype)
    v = where(v < least, v - v.detach() + least, v)
    losses = (v.log() + (x - y) ** 2 / v) * 0.5
    return reduced(losses + math.log(2 * math.pi) / 2 if full else losses, reduction)
