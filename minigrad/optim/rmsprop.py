"""RMSprop: steps divided by the size that gradients had lately."""

from __future__ import annotations

from types import ModuleType

from minigrad.kernels import Array
from minigrad.optim.optimizer import Group, Optimizer, Params, State, in_range, is_flag


class RMSprop(Optimizer):
    """``s = alpha s + (1 - alpha) g^2,  p = p - lr g / (sqrt(s) + eps)``, with ``g = dp + weight_decay p``.

    With a momentum, ``v = momentum v + g / (sqrt(s) + eps)`` and ``p = p - lr v``. ``centered`` takes the variance
    of g, s less the square of its running mean, for s. Tieleman and Hinton, Lecture 6.5 of Neural networks for
    machine learning, 2012; centred: Graves, Generating sequences with recurrent neural networks, 2013.

    Args:
        params: the tensors to change, or groups of them; see :class:`Optimizer`.
        lr: about the size of a step in each element, at least 0.
        alpha: how much of the running means stays, at least 0.
        eps: keeps the division finite, at least 0.
        weight_decay: how strongly p is pulled towards 0, at least 0.
        momentum: how much of the last step goes into the next, at least 0.
        centered: divide by the standard deviation instead of the root of the mean square.
        maximize: go up, with -dp in place of dp.

    >>> import minigrad as mg
    >>> p = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = RMSprop([p], lr=0.25, alpha=0.75)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([0.5000, 1.5000], requires_grad=True)
    """

    def __init__(
        self, params: Params, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params,
            {
                "lr": lr,
                "alpha": alpha,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "centered": centered,
                "maximize": maximize,
            },
        )

    def check(self, group: Group) -> None:
        for name in ("lr", "alpha", "eps", "weight_decay", "momentum"):
            in_range(name, group[name])
        for name in ("centered", "maximize"):
            is_flag(name, group[name])

    def remembers(self, group: Group) -> tuple[str, ...]:
        options = {"grad_avg": group["centered"], "momentum_buffer": group["momentum"] > 0}
        return ("step", "square_avg", *(name for name, wanted in options.items() if wanted))

    def update(self, kernels: ModuleType, p: Array, g: Array, state: State, group: Group) -> None:
        state["step"] += 1
        kernels.rmsprop_step(
            p,
            g,
            state["square_avg"].array,
            state["grad_avg"].array if group["centered"] else None,
            state["momentum_buffer"].array if group["momentum"] > 0 else None,
            lr=group["lr"],
            alpha=group["alpha"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            maximize=group["maximize"],
        )
