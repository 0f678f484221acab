"""Learning rates that follow a cosine, once or in a cycle."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from minigrad.optim.lr_scheduler.scheduler import LRScheduler, check_optimizer, count, of_each_group
from minigrad.optim.optimizer import Optimizer, in_range


class CosineAnnealingLR(LRScheduler):
    """``eta_min + (base_lr - eta_min) (1 + cos(pi t / T_max)) / 2`` in epoch t: down, and after ``T_max`` up.

    Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, 2017, eq. 5, without the restarts.

    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.zeros(2, requires_grad=True)], lr=1.0)
    >>> scheduler = CosineAnnealingLR(optimizer, T_max=4)
    >>> for epoch in range(4):
    ...     scheduler.step()
    ...     print(f"{optimizer.param_groups[0]['lr']:.3f}")
    0.854
    0.500
    0.146
    0.000
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = count("CosineAnnealingLR: T_max", T_max)
        in_range("eta_min", eta_min)
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        groups = self.optimizer.param_groups
        if self.last_epoch == 0:
            return [group["lr"] for group in groups]
        before, now = self._height(self.last_epoch - 1), self._height(self.last_epoch)
        if (self.last_epoch - 1) % (2 * self.T_max) == self.T_max:  # the rate before is eta_min: add, not multiply
            return [
                group["lr"] + (base - self.eta_min) * now / 2
                for base, group in zip(self.base_lrs, groups, strict=False)
            ]
        return [self.eta_min + (group["lr"] - self.eta_min) * (now / before) for group in groups]

    def _height(self, epoch: int) -> float:
        return 1 + math.cos(math.pi * epoch / self.T_max)


class Phase(NamedTuple):
    """A part of a cycle: up to and including step ``end``, from one learning rate and momentum to another."""

    end: float
    lrs: tuple[str, str]
    momenta: tuple[str, str]


class OneCycleLR(LRScheduler):
    """Up to ``max_lr`` and down far below the start, in ``total_steps`` steps; the momentum goes the other way.

    A step is one of the optimiser, not an epoch. Smith and Topin, Super-convergence: very fast training of neural
    networks using large learning rates, 2018; two phases, as fastai has them, unless ``three_phase``.

    Args:
        optimizer: whose groups it changes.
        max_lr: the largest rate, for all groups or a list with one for each.
        total_steps: how many steps there are; or else
        epochs, steps_per_epoch: two numbers whose product that is.
        pct_start: the part of the steps, in [0, 1], in which the rate rises.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        cycle_momentum: whether the momentum, or Adam's beta1, changes too.
        base_momentum, max_momentum: between which numbers; for all groups or a list.
        div_factor: the first rate is ``max_lr / div_factor``,
        final_div_factor: and the last one is that, divided by ``final_div_factor``.
        three_phase: down to the first rate as fast as up, and only then further.
        last_epoch: see :class:`LRScheduler`.

    Raises:
        ValueError: an argument that makes no sense, an optimiser without a momentum to change; from ``step()``,
            more steps than there are.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        self.total_steps = _total(total_steps, epochs, steps_per_epoch)
        in_range("pct_start", pct_start)
        if pct_start > 1:
            raise ValueError(f"pct_start must be at most 1, got {pct_start}")
        if anneal_strategy not in _CURVES:
            raise ValueError(f"OneCycleLR: there is no anneal_strategy {anneal_strategy!r}: use 'cos' or 'linear'")
        for name, factor in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
            in_range(name, factor)
            if not factor:
                raise ValueError(f"{name} must not be 0")
        self.pct_start, self.three_phase = pct_start, three_phase
        self.anneal_strategy, self.cycle_momentum = anneal_strategy, cycle_momentum
        highest = of_each_group("max_lr", max_lr, optimizer)
        lows, highs = (of_each_group("momentum", m, optimizer) for m in (base_momentum, max_momentum))
        for name, value in (*(("max_lr", lr) for lr in highest), *(("momentum", m) for m in (*lows, *highs))):
            in_range(name, value)
        if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError(f"{type(optimizer).__name__} has no momentum: use cycle_momentum=False")
        #: The numbers between which each group goes, by name.
        self.bounds = [
            {
                "initial_lr": lr / div_factor,
                "max_lr": lr,
                "min_lr": lr / div_factor / final_div_factor,
                "base_momentum": low,
                "max_momentum": high,
            }
            for lr, low, high in zip(highest, lows, highs, strict=True)
        ]
        if last_epoch == -1:
            for group, bounds in zip(optimizer.param_groups, self.bounds, strict=True):
                group["initial_lr"] = bounds["initial_lr"]
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch} of a cycle of {self.total_steps} steps")
        phases = self._phases()
        at = next(i for i, phase in enumerate(phases) if self.last_epoch <= phase.end or phase is phases[-1])
        start = phases[at - 1].end if at else 0.0
        phase = phases[at]
        done = (self.last_epoch - start) / (phase.end - start) if phase.end != start else 1.0
        curve = _CURVES[self.anneal_strategy]
        (lr, next_lr), (momentum, next_momentum) = phase.lrs, phase.momenta
        for group, bounds in zip(self.optimizer.param_groups, self.bounds, strict=False):
            if self.cycle_momentum:
                now = curve(bounds[momentum], bounds[next_momentum], done)
                if "betas" in group:
                    group["betas"] = (now, *group["betas"][1:])
                else:
                    group["momentum"] = now
        return [curve(bounds[lr], bounds[next_lr], done) for bounds in self.bounds]

    def _phases(self) -> list[Phase]:
        peak, last = self.pct_start * self.total_steps - 1, self.total_steps - 1
        up = Phase(peak, ("initial_lr", "max_lr"), ("max_momentum", "base_momentum"))
        if not self.three_phase:
            return [up, Phase(last, ("max_lr", "min_lr"), ("base_momentum", "max_momentum"))]
        down = Phase(2 * peak, ("max_lr", "initial_lr"), ("base_momentum", "max_momentum"))
        return [up, down, Phase(last, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum"))]


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * done))


def _line(start: float, end: float, done: float) -> float:
    return start + (end - start) * done


_CURVES: dict[str, Callable[[float, float, float], float]] = {"cos": _cosine, "linear": _line}


def _total(total_steps: Any, epochs: Any, steps_per_epoch: Any) -> int:
    if total_steps is not None:
        return count("OneCycleLR: total_steps", total_steps)
    if epochs is None or steps_per_epoch is None:
        raise ValueError("OneCycleLR needs total_steps, or epochs and steps_per_epoch")
    return count("OneCycleLR: epochs", epochs) * count("OneCycleLR: steps_per_epoch", steps_per_epoch)
