"""ReduceLROnPlateau: a learning rate that falls when a metric no longer gets better."""

from __future__ import annotations

import math
from typing import Any

from minigrad.optim.lr_scheduler.scheduler import LRScheduler, check_optimizer, count, of_each_group
from minigrad.optim.optimizer import Optimizer, in_range


class ReduceLROnPlateau(LRScheduler):
    """Multiply by ``factor`` when more than ``patience`` epochs in a row were no better than the best one.

    Args:
        optimizer: whose groups it changes.
        mode: ``"min"`` if a smaller metric is better, as of a loss; ``"max"`` as of an accuracy.
        factor: below 1.
        patience: how many epochs without a better metric are borne.
        threshold: by how much a better metric must be better:
        threshold_mode: by that part of the best one, ``"rel"``, or by that much, ``"abs"``.
        cooldown: how many epochs after a fall are not counted.
        min_lr: below which the rate does not fall; for all groups or a list with one for each.
        eps: a smaller fall is left out.

    Raises:
        ValueError: an argument that makes no sense.

    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.zeros(2, requires_grad=True)], lr=1.0)
    >>> scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (0.9, 0.8, 0.8, 0.9, 0.7):
    ...     scheduler.step(loss)
    ...     print(scheduler.get_last_lr())
    [1.0]
    [1.0]
    [1.0]
    [0.5]
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        check_optimizer(self, optimizer)
        in_range("ReduceLROnPlateau: factor", factor, below=1.0)
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: no mode {mode!r}: use 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"ReduceLROnPlateau: no threshold_mode {threshold_mode!r}: use 'rel' or 'abs'")
        for name, value in (("threshold", threshold), ("eps", eps)):
            in_range(f"ReduceLROnPlateau: {name}", value)
        self.mode, self.factor, self.threshold, self.threshold_mode = mode, factor, threshold, threshold_mode
        self.patience = count("ReduceLROnPlateau: patience", patience, low=0)
        self.cooldown = count("ReduceLROnPlateau: cooldown", cooldown, low=0)
        self.eps = eps
        self.min_lrs = of_each_group("ReduceLROnPlateau: min_lr", min_lr, optimizer)
        for low in self.min_lrs:
            in_range("ReduceLROnPlateau: min_lr", low)
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = self.num_bad_epochs = 0
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Begin the next epoch; ``metrics``, a number or a tensor of one, is what the last one reached."""
        current = float(metrics)
        if self._is_better(current):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        lrs = self.get_lr()
        if self.num_bad_epochs > self.patience:
            lrs = [self._reduced(lr, low) for lr, low in zip(lrs, self.min_lrs, strict=False)]
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self.last_epoch += 1
        self._set(lrs)

    def _is_better(self, metric: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        margin = sign * self.threshold
        wanted = self.best * (1 + margin) if self.threshold_mode == "rel" else self.best + margin
        return metric > wanted if self.mode == "max" else metric < wanted

    def _reduced(self, lr: float, low: float) -> float:
        reduced = max(lr * self.factor, low)
        return reduced if lr - reduced > self.eps else lr
