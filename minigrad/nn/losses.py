"""Losses as modules: each is a function of ``functional.py`` with its reduction chosen beforehand."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.module import Module
from minigrad.tensor import Tensor


class Loss(Module):
    """A loss with its reduction: ``"mean"``, ``"sum"`` or ``"none"``. Raises ValueError for another."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        F.check_reduction(type(self).__name__, reduction)
        self.reduction = reduction


class MSELoss(Loss):
    """``l = (input - target)^2``; see :func:`~minigrad.nn.functional.mse_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, self.reduction)


class CrossEntropyLoss(Loss):
    """``l = -log softmax(z)[y]``; see :func:`~minigrad.nn.functional.cross_entropy`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(input, target, self.reduction)


class BCELoss(Loss):
    """``l = -(y log p + (1 - y) log(1 - p))``; see :func:`~minigrad.nn.functional.binary_cross_entropy`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, self.reduction)


class BCEWithLogitsLoss(Loss):
    """The same of logits; see :func:`~minigrad.nn.functional.binary_cross_entropy_with_logits`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, self.reduction)
