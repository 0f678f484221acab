"""Adagrad: steps divided by the size of all gradients so far."""

from __future__ import annotations

from types import ModuleType

from minigrad.kernels import Array, full_like
from minigrad.optim.optimizer import Group, Optimizer, Params, State, in_range, is_flag
from minigrad.tensor import Tensor


class Adagrad(Optimizer):
    """``s = s + g^2,  p = p - lr_t g / (sqrt(s) + eps)``, with ``g = dp + weight_decay p``.

    ``lr_t = lr / (1 + (t - 1) lr_decay)`` in step t. Elements whose gradient is mostly 0 keep large steps.
    Duchi, Hazan and Singer, Adaptive subgradient methods for online learning and stochastic optimization, 2011.

    Args:
        params: the tensors to change, or groups of them; see :class:`Optimizer`.
        lr: the size of the first step in each element, at least 0.
        lr_decay: how fast ``lr`` falls, at least 0.
        weight_decay: how strongly p is pulled towards 0, at least 0.
        initial_accumulator_value: what s starts as, at least 0.
        eps: keeps the division finite, at least 0.
        maximize: go up, with -dp in place of dp.

    >>> import minigrad as mg
    >>> p = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Adagrad([p], lr=0.25)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([0.7500, 1.7500], requires_grad=True)
    """

    def __init__(
        self, params: Params, lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "maximize": maximize,
            },
        )

    def check(self, group: Group) -> None:
        for name in ("lr", "lr_decay", "eps", "weight_decay", "initial_accumulator_value"):
            in_range(name, group[name])
        is_flag("maximize", group["maximize"])

    def remembers(self, group: Group) -> tuple[str, ...]:
        return ("step", "sum")

    def first(self, name: str, p: Array, group: Group) -> Tensor | int | None:
        if name == "sum":
            return Tensor.of(full_like(p, group["initial_accumulator_value"]))
        return super().first(name, p, group)

    def update(self, kernels: ModuleType, p: Array, g: Array, state: State, group: Group) -> None:
        lr = group["lr"] / (1 + state["step"] * group["lr_decay"])
        state["step"] += 1
        kernels.adagrad_step(
            p,
            g,
            state["sum"].array,
            lr=lr,
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            maximize=group["maximize"],
        )
