"""The walk back, step by step, as plain data: which rule ran, what it gave to whom, and what that made there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from minigrad import backward
from minigrad.graph import Constant, Source
from minigrad.hooks import Hook
from minigrad.tensor import Tensor
from minigrad.viz.recording import Call, Recording
from minigrad.viz.schema import Value
from minigrad.viz.values import read


@dataclass(frozen=True, slots=True)
class Gift:
    """A gradient that arrives at a node: ``part`` comes along an edge, and makes ``total`` there."""

    edge: int | None  # its place in Graph.edges; None for the one that the walk begins with
    to: int
    part: Value
    total: Value


@dataclass(frozen=True, slots=True)
class Step:
    """What happens at one moment: the rule of ``node`` runs. In the first, the result is given a gradient of 1."""

    node: int
    gives: tuple[Gift, ...]


def walk(recording: Recording, limit: int) -> tuple[Step, ...]:
    """Walk back from the only result of a recording and note each step. No ``.grad`` changes, nothing is freed.

    ``limit`` is how many numbers of a gradient are read. Raises RuntimeError where the graph has been freed.
    """
    notes = _Notes(recording.calls, limit)
    (tensor,) = recording.tensors
    result, seed = tensor.grad_fn or tensor, Tensor.of(np.ones(tensor.shape, tensor.dtype))
    notes.begin(result, seed)
    with ExitStack() as hooks:
        for call in recording.calls:
            hooks.enter_context(call.op.register_hook(notes.of(call)))
        backward.walk_back([(result, seed)], retain_graph=True, create_graph=False)
    return tuple(notes.steps)


class _Notes:
    """The steps so far, and the gradient that has arrived at each node."""

    def __init__(self, calls: Sequence[Call], limit: int) -> None:
        self.limit = limit
        self.steps: list[Step] = []
        self.totals: dict[int, Tensor] = {}  # by the id of the operation or leaf
        self.numbers = {id(call.op): i for i, call in enumerate(calls)}  # of nodes, as collect() gives them
        self.first_edge: dict[int, int] = {}
        edges = 0
        for call in calls:
            self.first_edge[id(call.op)] = edges
            edges += len(call.inputs())
        for call in calls:
            for edge in call.edges:
                self.numbers.setdefault(id(edge), len(self.numbers))

    def begin(self, result: Source, seed: Tensor) -> None:
        """Note the first step."""
        self.steps.append(Step(self.numbers[id(result)], (self._give(result, None, seed),)))

    def of(self, call: Call) -> Hook:
        """The hook of an operation, which notes what its rule gives."""

        def note(gradients: tuple[Tensor | None, ...], _: tuple[Tensor]) -> None:
            gifts = [
                self._give(edge, self.first_edge[id(call.op)] + i, gradient.sum_to_size(edge.shape))
                for i, (edge, gradient) in enumerate(zip(call.edges, gradients, strict=True))
                if gradient is not None and not isinstance(edge, Constant)
            ]
            self.steps.append(Step(self.numbers[id(call.op)], tuple(gifts)))

        return note

    def _give(self, to: Source, edge: int | None, part: Tensor) -> Gift:
        before = self.totals.get(id(to))
        total = self.totals[id(to)] = part if before is None else before + part
        return Gift(edge, self.numbers[id(to)], read(part.array, self.limit), read(total.array, self.limit))
