"""LRScheduler: the count of epochs, the learning rates of each, and the state that goes into a file."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

from minigrad.optim.optimizer import Optimizer


class LRScheduler:
    """What all schedulers share. A subclass says in ``get_lr`` what the rates of the next epoch are:

    >>> import minigrad as mg
    >>> class Halving(mg.optim.lr_scheduler.LRScheduler):
    ...     def get_lr(self):
    ...         return [base / 2**self.last_epoch for base in self.base_lrs]
    >>> optimizer = mg.optim.SGD([mg.zeros(2, requires_grad=True)], lr=0.5)
    >>> scheduler = Halving(optimizer)
    >>> for epoch in range(3):
    ...     optimizer.step()
    ...     scheduler.step()
    ...     print(scheduler.get_last_lr())
    [0.25]
    [0.125]
    [0.0625]

    Args:
        optimizer: whose groups it changes. Making a scheduler begins epoch 0.
        last_epoch: the last epoch of an earlier run, with an optimiser that has loaded its state: the rates in its
            groups are taken as they are. To load the scheduler's own state is simpler.

    Attributes:
        last_epoch: the epoch that the present rates are for.
        base_lrs: the rate of each group without a schedule; also ``"initial_lr"`` in the group.

    Raises:
        TypeError: the optimiser is none, or the epoch no int.
        ValueError: a last epoch is named, but the groups have no ``"initial_lr"``.
    """

    optimizer: Optimizer

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(self, optimizer)
        self.optimizer = optimizer
        self.last_epoch = count(f"{type(self).__name__}: last_epoch", last_epoch, low=-1) + 1
        groups = optimizer.param_groups
        if self.last_epoch and not all("initial_lr" in group for group in groups):
            raise ValueError(
                f"{type(self).__name__}: to go on after epoch {last_epoch}, the optimiser must have loaded the "
                "state of the earlier run: a group has no 'initial_lr'"
            )
        for group in groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs: list[float] = [group["initial_lr"] for group in groups]
        self._last_lr: list[float] = [group["lr"] for group in groups]
        if not self.last_epoch:
            self._set(self.get_lr())

    def get_lr(self) -> list[float]:
        """The rates of the groups in epoch ``last_epoch``; those in the groups are still the ones before it.

        A formula that needs more than the present rates knows only the groups that there were at first.
        """
        raise TypeError(f"{type(self).__name__} has no get_lr")

    def get_last_lr(self) -> list[float]:
        """The rates that the last step of this scheduler left."""
        return self._last_lr

    def step(self) -> None:
        """Begin the next epoch. Call it after the optimiser's ``step()``."""
        self.last_epoch += 1
        self._set(self.get_lr())

    def begin(self) -> None:
        """Begin epoch 0, from the rates without a schedule."""
        self.last_epoch = 0
        self._set(self.base_lrs)
        self._set(self.get_lr())

    def _set(self, lrs: list[float]) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(lrs):
            raise ValueError(
                f"{type(self).__name__}: {len(lrs)} learning rates for {len(groups)} groups: make the scheduler "
                "after the last group has been added"
            )
        for group, lr in zip(groups, lrs, strict=True):
            group["lr"] = lr
        self._last_lr = list(lrs)

    # -- its state --------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser, which has a state of its own."""
        return {name: value for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where another scheduler of this kind was. Raises ValueError, and loads nothing, for any other."""
        check_names(self, self.state_dict(), state_dict)
        vars(self).update(state_dict)


def check_optimizer(scheduler: object, optimizer: object) -> None:
    """Raise TypeError for anything but an optimiser."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(scheduler).__name__} expects an optimiser, got {type(optimizer).__name__}")


def check_names(scheduler: object, own: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Raise ValueError unless a state has the names that a scheduler's own has."""
    names = sorted(map(str, state)) if isinstance(state, Mapping) else []
    if names != sorted(own):
        raise ValueError(
            f"{type(scheduler).__name__}: the state must have {', '.join(sorted(own))}, it has "
            f"{', '.join(names) or 'nothing'}"
        )


def of_each_group(name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """One value for each group: a list must have as many, anything else is for all."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"{name}: {len(value)} values for {count} groups")
    return list(value)


def count(name: str, value: Any, low: int = 1) -> int:
    """``value`` as an int that is at least ``low``."""
    try:
        found = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int, got {value!r}") from None
    if found < low:
        raise ValueError(f"{name} must be at least {low}, got {found}")
    return found
