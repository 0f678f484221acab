"""Learning rates that fall step by step, or as the user says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minigrad.optim.lr_scheduler.scheduler import LRScheduler, check_optimizer, count, of_each_group
from minigrad.optim.optimizer import Optimizer, in_range


class StepLR(LRScheduler):
    """Multiply by ``gamma`` every ``step_size`` epochs.

    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.zeros(2, requires_grad=True)], lr=0.5)
    >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for epoch in range(4):
    ...     scheduler.step()
    ...     print(optimizer.param_groups[0]["lr"])
    0.5
    0.25
    0.25
    0.125
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = count("StepLR: step_size", step_size)
        in_range("gamma", gamma)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        falls = self.last_epoch and self.last_epoch % self.step_size == 0
        return [group["lr"] * (self.gamma if falls else 1.0) for group in self.optimizer.param_groups]


class MultiStepLR(LRScheduler):
    """Multiply by ``gamma`` in each epoch of ``milestones``; twice, where one is named twice."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = sorted(count("MultiStepLR: a milestone", epoch, low=0) for epoch in milestones)
        in_range("gamma", gamma)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        factor = self.gamma ** self.milestones.count(self.last_epoch)
        return [group["lr"] * factor for group in self.optimizer.param_groups]


class ExponentialLR(LRScheduler):
    """Multiply by ``gamma`` in every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        in_range("gamma", gamma)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [group["lr"] * (self.gamma if self.last_epoch else 1.0) for group in self.optimizer.param_groups]


class PolynomialLR(LRScheduler):
    """``base_lr (1 - t / total_iters)^power`` in epoch t, down to 0, where it stays."""

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = count("PolynomialLR: total_iters", total_iters)
        in_range("power", power)
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        change, left = 1.0, self.total_iters - self.last_epoch
        if self.last_epoch and left >= 0:
            change = (left / (left + 1)) ** self.power
        return [group["lr"] * change for group in self.optimizer.param_groups]


class LambdaLR(LRScheduler):
    """``base_lr * lr_lambda(epoch)``, with one function for all groups or a list with one for each.

    The functions are no part of ``state_dict()``: they are those of the scheduler that loads it.

    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.zeros(2, requires_grad=True)], lr=0.5)
    >>> scheduler = LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        self.lr_lambdas = of_each_group("LambdaLR: lr_lambda", lr_lambda, optimizer)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"LambdaLR expects functions of the epoch, got {function!r}")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [base * factor(self.last_epoch) for base, factor in pairs]

    def state_dict(self) -> dict[str, Any]:
        return {name: value for name, value in super().state_dict().items() if name != "lr_lambdas"}
