"""Learning rates that begin small: the first steps, from weights that are still random, go astray less."""

from __future__ import annotations

from minigrad.optim.lr_scheduler.scheduler import LRScheduler, count
from minigrad.optim.optimizer import Optimizer, in_range


class ConstantLR(LRScheduler):
    """``factor`` of the learning rate, until epoch ``total_iters``. Raises ValueError unless 0 < factor <= 1."""

    def __init__(
        self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        self.factor = fraction("ConstantLR: factor", factor)
        self.total_iters = count("ConstantLR: total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        change = {0: self.factor, self.total_iters: 1.0 / self.factor}.get(self.last_epoch, 1.0)
        return [group["lr"] * change for group in self.optimizer.param_groups]


class LinearLR(LRScheduler):
    """A factor that goes from ``start_factor`` to ``end_factor`` in equal steps, until epoch ``total_iters``.

    Raises ValueError unless ``0 < start_factor <= 1`` and ``0 <= end_factor <= 1``.

    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.zeros(2, requires_grad=True)], lr=1.0)
    >>> scheduler = LinearLR(optimizer, start_factor=0.5, total_iters=4)
    >>> for epoch in range(5):
    ...     print(scheduler.get_last_lr())
    ...     scheduler.step()
    [0.5]
    [0.625]
    [0.75]
    [0.875]
    [1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor = fraction("LinearLR: start_factor", start_factor)
        in_range("LinearLR: end_factor", end_factor)
        if end_factor > 1:
            raise ValueError(f"LinearLR: end_factor must be at most 1, got {end_factor}")
        self.end_factor = end_factor
        self.total_iters = count("LinearLR: total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        change = 1.0
        if self.last_epoch == 0:
            change = self.start_factor
        elif self.last_epoch <= self.total_iters:
            change += self._rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * self._rise)
        return [group["lr"] * change for group in self.optimizer.param_groups]

    @property
    def _rise(self) -> float:
        """From one epoch to the next, times ``total_iters``."""
        return self.end_factor - self.start_factor


def fraction(name: str, value: float) -> float:
    """``value``, which must be above 0 and at most 1."""
    in_range(name, value)
    if not 0 < value <= 1:
        raise ValueError(f"{name} must be above 0 and at most 1, got {value}")
    return value
