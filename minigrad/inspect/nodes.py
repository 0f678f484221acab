"""Nodes: what one keeps, where in a model it was called, and whether its FLOPs are counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from minigrad.graph import Op, Source
from minigrad.kernels import Array
from minigrad.modes import Scope


def kept_arrays(op: Op) -> Iterator[tuple[str, Array, Source]]:
    """What a node keeps: the name, the array, and the edge that it came from, or the node itself."""
    for keeps, value in zip(op.keeps, op.arrays or (), strict=False):
        if isinstance(value, np.ndarray):
            yield keeps.name, value, op if keeps.source is None else op.edges[keeps.source]


def is_counted(op: Op) -> bool:
    """Whether the operation has a formula. Elementwise work has none: that is PyTorch's convention too.

    >>> from minigrad.ops.linear_algebra import MatMul
    >>> from minigrad.ops.activation import Relu
    >>> is_counted(MatMul()), is_counted(Relu())
    (True, False)
    """
    return type(op).flops is not Op.flops


def uncounted(titles: Iterable[str]) -> str:
    """A note below a table about the operations without a formula; "" if there are none."""
    names = dict.fromkeys(titles)
    return f"FLOPs without a formula, not counted: {', '.join(names)}" if names else ""


class Paths:
    """Dotted names of modules within the outermost module that was running, looked up once for each of these.

    >>> from minigrad import nn
    >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    >>> outer = Scope(net, None)
    >>> paths = Paths()
    >>> paths.of(Scope(net[1], outer)), paths.of(outer), paths.of(None)
    ('1', 'Sequential', '')
    """

    def __init__(self) -> None:
        self._known: dict[int, dict[int, str]] = {}  # by the ids of the outermost module and of the module

    def of(self, scope: Scope | None) -> str:
        """The name of the module whose call the scope is; its class where it has none, "" outside of any."""
        if scope is None:
            return ""
        root = scope.path[0].module
        if id(root) not in self._known:
            self._known[id(root)] = {id(module): path for path, module in root.named_modules()}
        return self._known[id(root)].get(id(scope.module)) or type(scope.module).__name__
