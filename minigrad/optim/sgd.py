"""SGD: stochastic gradient descent, with momentum and weight decay."""

from __future__ import annotations

from types import ModuleType

from minigrad.kernels import Array, full_like
from minigrad.optim.optimizer import Group, Optimizer, Params, State, in_range, is_flag
from minigrad.tensor import Tensor


class SGD(Optimizer):
    """``v = momentum v + (1 - dampening) g,  p = p - lr v``, with ``g = dp + weight_decay p``.

    v starts as g. With ``nesterov`` the step is ``g + momentum v`` instead of v: the gradient is taken where
    momentum alone would lead (Sutskever et al., On the importance of initialization and momentum in deep
    learning, 2013, in PyTorch's form, which multiplies by lr last).

    Args:
        params: the tensors to change, or groups of them; see :class:`Optimizer`.
        lr: the size of a step, at least 0.
        momentum: how much of the last step goes into the next, at least 0.
        dampening: how much of the new gradient does not.
        weight_decay: how strongly p is pulled towards 0, at least 0.
        nesterov: look ahead; needs a momentum, and no dampening.
        maximize: go up, with -dp in place of dp.

    >>> import minigrad as mg
    >>> p = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SGD([p], lr=0.25)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([0.5000, 1.0000], requires_grad=True)
    """

    def __init__(
        self, params: Params, lr: float = 1e-3, momentum: float = 0, dampening: float = 0,
        weight_decay: float = 0, nesterov: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
        )

    def check(self, group: Group) -> None:
        for name in ("lr", "momentum", "weight_decay"):
            in_range(name, group[name])
        in_range("dampening", group["dampening"], low=-float("inf"))
        for name in ("nesterov", "maximize"):
            is_flag(name, group[name])
        if group["nesterov"] and not (group["momentum"] > 0 and group["dampening"] == 0):
            raise ValueError(
                "nesterov needs a momentum above 0 and no dampening, "
                f"got momentum={group['momentum']} and dampening={group['dampening']}"
            )

    def remembers(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] else ()

    def first(self, name: str, p: Array, group: Group) -> None:
        """None: the first gradient is taken as it is, whatever the dampening."""

    def update(self, kernels: ModuleType, p: Array, g: Array, state: State, group: Group) -> None:
        first = bool(state) and state["momentum_buffer"] is None
        if first:
            state["momentum_buffer"] = Tensor.of(full_like(p, 0))
        kernels.sgd_step(
            p,
            g,
            state["momentum_buffer"].array if state else None,
            lr=group["lr"],
            momentum=group["momentum"],
            dampening=group["dampening"],
            weight_decay=group["weight_decay"],
            nesterov=group["nesterov"],
            maximize=group["maximize"],
            first=first,
        )
