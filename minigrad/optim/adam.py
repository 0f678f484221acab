"""Adam: steps of a size that adapts to each element's own gradients."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from minigrad.optim.optimizer import Group, Optimizer, Params, in_range
from minigrad.tensor import Tensor


class Adam(Optimizer):
    """``p = p - lr m^ / (sqrt(s^) + eps)``, where m and s are running means of g and g^2.

    ``m = beta1 m + (1 - beta1) g`` and ``s = beta2 s + (1 - beta2) g^2`` start at 0 and so are too small in
    step t; ``m^ = m / (1 - beta1^t)`` and ``s^ = s / (1 - beta2^t)`` make up for it. ``g = dp + weight_decay p``.
    Kingma and Ba, Adam: a method for stochastic optimization, 2015, algorithm 1.

    Args:
        params: the tensors to change, or groups of them; see :class:`Optimizer`.
        lr: about the size of a step in each element, at least 0.
        betas: beta1 and beta2, in [0, 1).
        eps: keeps the division finite, at least 0.
        weight_decay: how strongly p is pulled towards 0, at least 0.

    >>> import minigrad as mg
    >>> p = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Adam([p], lr=0.25)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([0.7500, 1.7500], requires_grad=True)
    """

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:  # fmt: skip
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def check(self, group: Group) -> None:
        for name in ("lr", "eps", "weight_decay"):
            in_range(name, group[name])
        if not isinstance(group["betas"], (tuple, list)) or len(group["betas"]) != 2:
            raise ValueError(f"betas must be two numbers, got {group['betas']!r}")
        for name, beta in zip(("beta1", "beta2"), group["betas"], strict=True):
            in_range(name, beta, below=1.0)

    def update(self, kernels: ModuleType, p: Tensor, gradient: Tensor, group: Group) -> None:
        state = self.state.setdefault(p, {})
        if not state:
            state.update(step=0, exp_avg=np.zeros_like(p.array), exp_avg_sq=np.zeros_like(p.array))
        state["step"] += 1
        beta1, beta2 = group["betas"]
        kernels.adam_step(
            p.array,
            gradient.array,
            state["exp_avg"],
            state["exp_avg_sq"],
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            step=state["step"],
        )
