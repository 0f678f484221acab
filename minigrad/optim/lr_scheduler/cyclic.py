"""Learning rates that come back, again and again: restarts, and cycles up and down."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minigrad.optim.lr_scheduler.scheduler import LRScheduler, check_optimizer, count, of_each_group
from minigrad.optim.optimizer import Optimizer, in_range


class CosineAnnealingWarmRestarts(LRScheduler):
    """``eta_min + (base_lr - eta_min) (1 + cos(pi t / T)) / 2``, with t epochs since the last restart: down, and
    at once up again. The first T is ``T_0``, each next one ``T_mult`` times as long.

    ``step(epoch)`` may name the epoch, with a fraction for a step within it, from which ``step()`` goes on.
    Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, 2017, eq. 5.

    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.zeros(2, requires_grad=True)], lr=1.0)
    >>> scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=2)
    >>> for epoch in range(4):
    ...     print(f"{scheduler.get_last_lr()[0]:.3f}")
    ...     scheduler.step()
    1.000
    0.500
    1.000
    0.500
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_0 = count("CosineAnnealingWarmRestarts: T_0", T_0)
        self.T_mult = count("CosineAnnealingWarmRestarts: T_mult", T_mult)
        in_range("eta_min", eta_min)
        self.eta_min = eta_min
        self._go_to(0)
        super().__init__(optimizer, last_epoch)
        self._go_to(self.last_epoch)

    def _go_to(self, epoch: float) -> None:
        self.T_cur, self.T_i = epoch, self.T_0
        if self.T_mult == 1:
            self.T_cur %= self.T_0
        while self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult

    def get_lr(self) -> list[float]:
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Begin the next epoch, or go to the one that is named. Raises ValueError for one below 0."""
        to = self.last_epoch + 1 + self.T_cur % 1 if epoch is None else epoch
        in_range("CosineAnnealingWarmRestarts: epoch", to)
        self.last_epoch = math.floor(to)
        self._go_to(to)
        self._set(self.get_lr())

    def begin(self) -> None:
        self._go_to(0)
        super().begin()


class CyclicLR(LRScheduler):
    """From ``base_lr`` straight up to ``max_lr`` and down again, in cycles; the momentum goes the other way.

    A step is one of the optimiser, not an epoch. Smith, Cyclical learning rates for training neural networks,
    2017.

    Args:
        optimizer: whose groups it changes.
        base_lr, max_lr: the bounds, for all groups or a list with one for each.
        step_size_up, step_size_down: how many steps up, and down; the latter as many unless given.
        mode: how high cycle c rises: ``"triangular"``, to ``max_lr``; ``"triangular2"``, half as far each time;
            ``"exp_range"``, ``gamma^step`` as far.
        gamma: of ``"exp_range"``.
        scale_fn: a function that says how far, in place of the mode,
        scale_mode: given the number of the ``"cycle"``, from 1, or of the step, ``"iterations"``.
        cycle_momentum: whether the momentum, or Adam's beta1, changes too,
        base_momentum, max_momentum: between these, for all groups or a list.
        last_epoch: see :class:`LRScheduler`.

    Raises:
        ValueError: an argument that makes no sense, or an optimiser without a momentum to change.

    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.zeros(2, requires_grad=True)], lr=1.0)
    >>> scheduler = CyclicLR(optimizer, 0.0, 1.0, step_size_up=2, cycle_momentum=False)
    >>> for step in range(5):
    ...     print(scheduler.get_last_lr()[0])
    ...     scheduler.step()
    0.0
    0.5
    1.0
    0.5
    0.0
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[int], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        if scale_fn is None and mode not in _HEIGHTS:
            raise ValueError(f"CyclicLR: there is no mode {mode!r}: use {', '.join(map(repr, _HEIGHTS))}")
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"CyclicLR: there is no scale_mode {scale_mode!r}: use 'cycle' or 'iterations'")
        if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError(f"{type(optimizer).__name__} has no momentum: use cycle_momentum=False")
        self.up = count("CyclicLR: step_size_up", step_size_up)
        self.down = count("CyclicLR: step_size_down", step_size_up if step_size_down is None else step_size_down)
        self.mode, self.gamma, self.cycle_momentum = mode, gamma, cycle_momentum
        self.scale_fn, self.scale_mode = scale_fn, scale_mode
        lows, highs = (of_each_group("lr", lr, optimizer) for lr in (base_lr, max_lr))
        momenta = (of_each_group("momentum", m, optimizer) for m in (base_momentum, max_momentum))
        #: The numbers between which each group goes: of its rate, and of its momentum.
        self.bounds = list(zip(lows, highs, *momenta, strict=True))
        for number in (number for bounds in self.bounds for number in bounds):
            in_range("a bound of CyclicLR", number)
        if last_epoch == -1:
            for group, low in zip(optimizer.param_groups, lows, strict=True):
                group["initial_lr"] = low
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        cycle, at = divmod(self.last_epoch, self.up + self.down)
        way = at / self.up if at <= self.up else (self.up + self.down - at) / self.down
        of_mode, by_cycle = _HEIGHTS.get(self.mode, _HEIGHTS["triangular"])
        if self.scale_fn is not None:
            by_cycle = self.scale_mode == "cycle"
        number = cycle + 1 if by_cycle else self.last_epoch
        way *= of_mode(number, self.gamma) if self.scale_fn is None else self.scale_fn(number)
        for group, (_, _, low, high) in zip(self.optimizer.param_groups, self.bounds, strict=False):
            if self.cycle_momentum:
                now = high - (high - low) * way
                if "betas" in group:
                    group["betas"] = (now, *group["betas"][1:])
                else:
                    group["momentum"] = now
        return [low + (high - low) * way for low, high, *_ in self.bounds]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser, which has a state of its own, and the function, which fits no file."""
        return {name: value for name, value in super().state_dict().items() if name != "scale_fn"}


#: How high a cycle rises, from the number of the cycle or of the step and from gamma; and which number it is.
_HEIGHTS: dict[str, tuple[Callable[[int, float], float], bool]] = {
    "triangular": (lambda number, gamma: 1.0, True),
    "triangular2": (lambda number, gamma: 1 / 2.0 ** (number - 1), True),
    "exp_range": (lambda number, gamma: gamma**number, False),
}
