"""SequentialLR: one schedule after another, such as a warm-up and then a cosine."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from minigrad.optim.lr_scheduler.plateau import ReduceLROnPlateau
from minigrad.optim.lr_scheduler.scheduler import LRScheduler, check_names, count
from minigrad.optim.optimizer import Optimizer


class SequentialLR(LRScheduler):
    """The first of ``schedulers`` until the first epoch of ``milestones``, the second until the next, and so on.

    Each begins with its own epoch 0, from the rates without a schedule.

    Raises:
        TypeError: something in the list is no scheduler.
        ValueError: a scheduler of another optimiser, one that needs a metric, or other milestones than one between
            each two, in increasing order.

    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.zeros(2, requires_grad=True)], lr=1.0)
    >>> warmup = mg.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> decay = mg.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler = SequentialLR(optimizer, [warmup, decay], milestones=[2])
    >>> for epoch in range(5):
    ...     print(scheduler.get_last_lr())
    ...     scheduler.step()
    [0.5]
    [0.75]
    [1.0]
    [0.5]
    [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        for scheduler in schedulers:
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(f"SequentialLR expects schedulers, got {type(scheduler).__name__}")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError("SequentialLR has no metric to give to ReduceLROnPlateau")
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"SequentialLR: the {type(scheduler).__name__} has another optimiser")
        self.milestones = [count("SequentialLR: a milestone", epoch, low=0) for epoch in milestones]
        if len(self.milestones) != len(schedulers) - 1 or self.milestones != sorted(set(self.milestones)):
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedulers need {max(len(schedulers) - 1, 0)} milestones in "
                f"increasing order, got {self.milestones}"
            )
        self._schedulers = list(schedulers)
        super().__init__(optimizer, last_epoch)

    @property
    def _present(self) -> int:
        """Which of the schedulers it is in epoch ``last_epoch``."""
        return bisect_right(self.milestones, self.last_epoch)

    def get_lr(self) -> list[float]:
        scheduler = self._schedulers[self._present]
        if self.last_epoch in (0, *self.milestones):
            scheduler.begin()
        else:
            scheduler.step()
        return scheduler.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        check_names(self, self.state_dict(), state_dict)
        states = state_dict["_schedulers"]
        if len(states) != len(self._schedulers):
            raise ValueError(f"SequentialLR: {len(self._schedulers)} schedulers here, {len(states)} in the state")
        for scheduler, state in zip(self._schedulers, states, strict=True):
            check_names(scheduler, scheduler.state_dict(), state)
        for scheduler, state in zip(self._schedulers, states, strict=True):
            scheduler.load_state_dict(state)
        vars(self).update({name: value for name, value in state_dict.items() if name != "_schedulers"})
