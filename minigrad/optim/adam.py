"""Adam and AdamW: steps of a size that adapts to each element's own gradients."""

from __future__ import annotations

from types import ModuleType

from minigrad.kernels import Array
from minigrad.optim.optimizer import Group, Optimizer, Params, State, in_range, is_flag


def check_options(group: Group) -> None:
    """Check the options that Adam and its kin have in common."""
    for name in ("lr", "eps", "weight_decay"):
        in_range(name, group[name])
    if not isinstance(group["betas"], (tuple, list)) or len(group["betas"]) != 2:
        raise ValueError(f"betas must be two numbers, got {group['betas']!r}")
    for name, beta in zip(("beta1", "beta2"), group["betas"], strict=True):
        in_range(name, beta, below=1.0)
    for name in ("maximize", "decoupled_weight_decay"):
        is_flag(name, group[name])


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
        amsgrad: take the largest s so far for s, so that steps do not grow again (Reddi, Kale and Kumar, On the
            convergence of Adam and beyond, 2018).
        maximize: go up, with -dp in place of dp.
        decoupled_weight_decay: as in :class:`AdamW`.

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
        weight_decay: float = 0, amsgrad: bool = False, *, maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def check(self, group: Group) -> None:
        check_options(group)
        is_flag("amsgrad", group["amsgrad"])

    def remembers(self, group: Group) -> tuple[str, ...]:
        return ("step", "exp_avg", "exp_avg_sq", *(("max_exp_avg_sq",) if group["amsgrad"] else ()))

    def update(self, kernels: ModuleType, p: Array, g: Array, state: State, group: Group) -> None:
        state["step"] += 1
        beta1, beta2 = group["betas"]
        kernels.adam_step(
            p,
            g,
            state["exp_avg"].array,
            state["exp_avg_sq"].array,
            state["max_exp_avg_sq"].array if group["amsgrad"] else None,
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            decoupled=group["decoupled_weight_decay"],
            maximize=group["maximize"],
            step=state["step"],
        )


class AdamW(Adam):
    """Adam with ``p = (1 - lr weight_decay) p`` at the start of each step, and ``g = dp``.

    So every element is pulled towards 0 at the same rate; in :class:`Adam` the pull goes through the division, and
    large gradients weaken it. Loshchilov and Hutter, Decoupled weight decay regularization, 2019.

    The arguments are those of :class:`Adam`.

    >>> import minigrad as mg
    >>> p = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = AdamW([p], lr=0.25, weight_decay=1.0)
    >>> p.grad = mg.zeros(2)
    >>> optimizer.step()
    >>> p
    tensor([0.7500, 1.5000], requires_grad=True)
    """

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True
        )

    def check(self, group: Group) -> None:
        super().check(group)
        if not group["decoupled_weight_decay"]:
            raise ValueError("AdamW without decoupled_weight_decay is Adam")
