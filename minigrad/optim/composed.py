"""Optimisers that are made of tensor operations: their formulas line by line, a pass over the memory for each.

They take several times as long as those with a kernel of their own, and ``mg.cuda.graph`` does not repeat them.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

from minigrad.kernels import Array
from minigrad.modes import no_grad
from minigrad.optim.adam import check_options
from minigrad.optim.optimizer import Group, Optimizer, Params, State, in_range, is_flag
from minigrad.tensor import Tensor


class Composed(Optimizer):
    """What they share: tensors around the arrays, weight decay, the running means."""

    composed = True

    def update(self, kernels: ModuleType, p: Array, g: Array, state: State, group: Group) -> None:
        state["step"] += 1
        with no_grad():
            x, dx = Tensor.of(p), Tensor.of(g)
            if group["maximize"]:
                dx = -dx
            if group.get("decoupled_weight_decay"):
                x.mul_(1 - group["lr"] * group["weight_decay"])
            elif group["weight_decay"]:
                dx = dx + group["weight_decay"] * x
            self.move(x, dx, state, group)

    def move(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        """Change ``p``, given the gradient with all that belongs to it."""
        raise TypeError(f"{self._name} has no move")


def mean_(running: Tensor, value: Tensor, beta: float) -> Tensor:
    """``running = beta running + (1 - beta) value``, in place."""
    found: Tensor = running.mul_(beta).add_(value, alpha=1 - beta)
    return found


class Adadelta(Composed):
    """``p = p - lr d`` with ``d = sqrt(u + eps) / sqrt(s + eps) g``; s and u are running means of g^2 and d^2.

    So a step has the unit of p, and needs no rate: lr is 1. ``s = rho s + (1 - rho) g^2`` before d is computed,
    and ``u = rho u + (1 - rho) d^2`` after it; both start at 0. ``g = dp + weight_decay p``.
    Zeiler, ADADELTA: an adaptive learning rate method, 2012.

    Args:
        params: the tensors to change, or groups of them; see :class:`Optimizer`.
        lr: a factor for the steps, at least 0.
        rho: how much of the running means stays, in [0, 1].
        eps: what the first steps are made of, at least 0.
        weight_decay: how strongly p is pulled towards 0, at least 0.
        maximize: go up, with -dp in place of dp.

    >>> import minigrad as mg
    >>> p = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Adadelta([p], rho=0.75, eps=1.0)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([-0.4142,  0.2111], requires_grad=True)
    """

    def __init__(
        self, params: Params, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0, *,
        maximize: bool = False,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options)

    def check(self, group: Group) -> None:
        for name in ("lr", "eps", "weight_decay"):
            in_range(name, group[name])
        in_range("rho", group["rho"], below=math.nextafter(1.0, 2.0))
        is_flag("maximize", group["maximize"])

    def remembers(self, group: Group) -> tuple[str, ...]:
        return ("step", "square_avg", "acc_delta")

    def move(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        rho, eps = group["rho"], group["eps"]
        s = mean_(state["square_avg"], g * g, rho)
        d = (state["acc_delta"] + eps).sqrt() / (s + eps).sqrt() * g
        mean_(state["acc_delta"], d * d, rho)
        p.sub_(d, alpha=group["lr"])


class AdamLike(Composed):
    """What :class:`NAdam` and :class:`RAdam` share: the options of Adam and its running means."""

    def check(self, group: Group) -> None:
        check_options(group)

    def remembers(self, group: Group) -> tuple[str, ...]:
        return ("step", "exp_avg", "exp_avg_sq")

    def means(self, g: Tensor, state: State, group: Group) -> tuple[Tensor, Tensor]:
        """m and s, the running means of g and g^2, with this step in them."""
        beta1, beta2 = group["betas"]
        return mean_(state["exp_avg"], g, beta1), mean_(state["exp_avg_sq"], g * g, beta2)


class NAdam(AdamLike):
    """Adam with Nesterov's momentum: the step looks ahead to where the momentum will lead.

    ``p = p - lr ((1 - mu_t) / (1 - M_t) g + mu_(t+1) / (1 - M_(t+1)) m) / (sqrt(s^) + eps)`` in step t, with m, s
    and s^ as in :class:`Adam`, ``mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2)`` and M_t the product of all mu up
    to t. Dozat, Incorporating Nesterov momentum into Adam, 2016.

    Args:
        params: the tensors to change, or groups of them; see :class:`Optimizer`.
        lr: about the size of a step in each element, at least 0.
        betas: beta1 and beta2, in [0, 1).
        eps: keeps the division finite, at least 0.
        weight_decay: how strongly p is pulled towards 0, at least 0.
        momentum_decay: how fast mu rises to beta1, at least 0.
        decoupled_weight_decay: pull p as :class:`AdamW` does, and not through the gradient.
        maximize: go up, with -dp in place of dp.

    >>> import minigrad as mg
    >>> p = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = NAdam([p], lr=0.25)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([0.7359, 1.7359], requires_grad=True)
    """

    def __init__(
        self, params: Params, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
        maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
            },
        )

    def check(self, group: Group) -> None:
        super().check(group)
        in_range("momentum_decay", group["momentum_decay"])

    def remembers(self, group: Group) -> tuple[str, ...]:
        return (*super().remembers(group), "mu_product")

    def first(self, name: str, p: Array, group: Group) -> Any:
        return 1.0 if name == "mu_product" else super().first(name, p, group)

    def _loaded(self, name: str, value: Any, p: Tensor) -> Any:
        return float(value) if name == "mu_product" else super()._loaded(name, value, p)

    def move(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        step, lr = state["step"], group["lr"]
        m, s = self.means(g, state, group)
        mu, ahead = (group["betas"][0] * (1 - 0.96 ** (t * group["momentum_decay"]) / 2) for t in (step, step + 1))
        product = state["mu_product"] = state["mu_product"] * mu
        size = (s / (1 - group["betas"][1] ** step)).sqrt() + group["eps"]
        p.sub_(g / size, alpha=lr * (1 - mu) / (1 - product))
        p.sub_(m / size, alpha=lr * ahead / (1 - product * ahead))


class RAdam(AdamLike):
    """Adam whose first steps are not divided, and the next ones made smaller, while s has seen few gradients.

    ``p = p - lr r m^ / (sqrt(s^) + eps)`` with ``r^2 = (rho - 4) (rho - 2) R / ((R - 4) (R - 2) rho)``, where
    ``R = 2 / (1 - beta2) - 1`` and ``rho = R - 2 t beta2^t / (1 - beta2^t)`` in step t; while rho is not above 5,
    ``p = p - lr m^``. m^ and s^ are those of :class:`Adam`, and eps is added before s is corrected.
    Liu and others, On the variance of the adaptive learning rate and beyond, 2020.

    The arguments are those of :class:`NAdam`, except ``momentum_decay``.

    >>> import minigrad as mg
    >>> p = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = RAdam([p], lr=0.25)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([0.5000, 1.0000], requires_grad=True)
    """

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, decoupled_weight_decay: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
            },
        )

    def move(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        (beta1, beta2), t = group["betas"], state["step"]
        m, s = self.means(g, state, group)
        seen = 1 - beta2**t
        most = 2 / (1 - beta2) - 1
        rho = most - 2 * t * beta2**t / seen
        rate = group["lr"] / (1 - beta1**t)
        if rho > 5:
            rate *= math.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho) * seen)
            m = m / (s.sqrt() + group["eps"])
        p.sub_(m, alpha=rate)
