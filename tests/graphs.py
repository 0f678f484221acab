"""What the tests of graphs share: small leaves, a node that counts its visits, the nodes behind a tensor."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import minigrad as mg
from minigrad.graph import Op


def leaf(*values: float) -> mg.Tensor:
    """A float64 vector that wants a gradient."""
    return mg.tensor(values, dtype=mg.float64, requires_grad=True)


def scalar(value: float) -> mg.Tensor:
    """A float64 number that wants a gradient."""
    return mg.tensor(value, dtype=mg.float64, requires_grad=True)


def nodes_of(t: mg.Tensor) -> list[Op]:
    """Every node that ``t`` was computed by."""
    seen: dict[int, Op] = {}
    stack: list[Any] = [t.grad_fn]
    while stack:
        node = stack.pop()
        if isinstance(node, Op) and node.order not in seen:
            seen[node.order] = node
            stack.extend(node.edges)
    return list(seen.values())


class Watched(mg.Op):
    """y = x, and counts how often its derivative is asked for"""

    visits: ClassVar[Counter[int]] = Counter()

    def __init__(self, key: int = 0) -> None:
        self.key = key

    def forward(self, kernels: Any, x: Any) -> Any:
        return kernels.copy(x)

    def backward(self, dy: mg.Tensor) -> tuple[mg.Tensor]:
        Watched.visits[self.key] += 1
        return (dy * 1,)
