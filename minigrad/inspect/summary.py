"""Summary: a model as a tree of its modules, with the shapes that go through it, its sizes and its memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np

from minigrad.generator import common
from minigrad.inspect.calls import Call, Shapes
from minigrad.inspect.table import Report, Table, size
from minigrad.inspect.trace import Trace
from minigrad.mistakes import described
from minigrad.modes import current_mode
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.optim.optimizer import Optimizer
from minigrad.tensor import Tensor
from minigrad.viz.text import count

LEAST = 3  # equal modules in a row are folded


@dataclass(eq=False)
class Line:
    """A module in the tree, or several equal ones in a row.

    Attributes:
        name: its name among the modules beside it; of several, the first and the last.
        kind: its class.
        arguments: the arguments of the layer, as its ``repr`` has them.
        inputs, outputs: the shapes of its first call.
        trainable, frozen: how many numbers its parameters have, with those inside.
        flops: of all its calls.
        calls: how often it was called.
        inside: the modules in it.
        times: how many modules the line stands for.
        failed: whether the error happened here: in this module, and in none inside it.
    """

    name: str
    kind: str
    arguments: str
    inputs: Shapes = ()
    outputs: Shapes = ()
    trainable: int = 0
    frozen: int = 0
    flops: int = 0
    calls: int = 0
    inside: list[Line] = field(default_factory=list)
    times: int = 1
    failed: bool = False

    def key(self) -> tuple[Any, ...]:
        """What equal modules have in common: everything but the name."""
        inside = tuple((line.name, line.times, line.key()) for line in self.inside)
        numbers = self.trainable, self.frozen, self.flops, self.calls, self.failed
        return self.kind, self.arguments, self.inputs, self.outputs, numbers, inside

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Line]]:
        """This line and those inside, each with its depth."""
        yield depth, self
        for line in self.inside:
            yield from line.walk(depth + 1)


@dataclass
class Needs:
    """Memory, in bytes, for one step of training.

    Attributes:
        parameters: of the model.
        buffers: such as running statistics.
        activations: what the graph of the forward pass keeps for the walk back.
        gradients: one for each parameter that is trained.
        optimizer: what the optimiser remembers from step to step; None if none was given.
    """

    parameters: int
    buffers: int
    activations: int
    gradients: int
    optimizer: int | None

    @property
    def total(self) -> int:
        """All of it."""
        return self.parameters + self.buffers + self.activations + self.gradients + (self.optimizer or 0)


class Summary(Report):
    """What :func:`summary` found.

    Attributes:
        root: the model's :class:`Line`, with its modules inside.
        needs: its memory, a :class:`Needs`.
        flops: floating-point operations of the forward pass, as far as it came.
        uncounted: which operations have no formula for these, in words.
        error: what the model raised, or None.
    """

    def __init__(self, root: Line, needs: Needs, flops: int, uncounted: str, error: Exception | None) -> None:
        self.root, self.needs, self.flops, self.uncounted, self.error = root, needs, flops, uncounted, error

    @property
    def parameters(self) -> int:
        """How many numbers the model's parameters have."""
        return self.root.trainable + self.root.frozen

    def as_table(self) -> Table:
        lines = list(self.root.walk())
        rows = [_cells(depth, line) for depth, line in lines]
        head = ["module", "class", "input", "output", "trainable", "frozen", "FLOPs", "calls"]
        marks = {i: "error" for i, (_, line) in enumerate(lines) if line.failed}
        marks |= {i: "quiet" for i, (_, line) in enumerate(lines) if not line.calls}
        return Table(head, head[:4], rows, notes=list(self._notes()), marks=marks)

    def _notes(self) -> Iterator[str]:
        needs = self.needs
        yield (
            f"{self.parameters:,} parameters, {self.root.trainable:,} of them trained; "
            f"{count(self.flops)}FLOP in the forward pass"
        )
        parts = [
            ("parameters", needs.parameters),
            ("buffers", needs.buffers),
            ("activations", needs.activations),
            ("gradients", needs.gradients),
            ("optimiser", needs.optimizer),
        ]
        listed = ", ".join(f"{name} {size(number)}" for name, number in parts if number is not None)
        yield f"memory to train it on this input: {listed}; {size(needs.total)} together"
        yield self.uncounted or "every FLOP is counted"
        if self.error is not None:
            failed = next((line for _, line in self.root.walk() if line.failed), self.root)
            yield f"stopped in {failed.name}: {type(self.error).__name__}: {self.error}"

    def __repr__(self) -> str:
        stopped = f", stopped by {described(self.error)}" if self.error else ""
        return f"<Summary of {self.root.kind}: {self.parameters:,} parameters{stopped}>"


def summary(
    model: Module, *inputs: Any, optimizer: Optimizer | type[Optimizer] | None = None, **named: Any
) -> Summary:
    """Run ``model(*inputs, **named)`` once and describe it: a tree of modules, shapes, parameters, FLOPs, memory.

    Three or more equal modules in a row are one line, "x 12". A module's numbers include those of the modules
    inside it; a parameter that two modules share counts in both, and once in the model. Where the model raises an
    error, the summary has everything up to there, the module that failed is marked, and the error is in ``error``.
    The model is left as it was: its buffers and the state of the random numbers are put back.

    Args:
        model: the model, in the mode (``train`` or ``eval``) that is of interest.
        inputs, named: what it is called with.
        optimizer: one that trains it, or the class of one, whose memory is to be counted.

    Raises TypeError if the model is not a module, RuntimeError inside a trace.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> found = mg.summary(net, mg.zeros(1, 4))
    >>> found
    <Summary of Sequential: 58 parameters>
    >>> [(line.name, line.outputs, line.trainable) for _, line in found.root.walk()]
    [('Sequential', ((1, 2),), 58), ('0', ((1, 8),), 40), ('1', ((1, 8),), 0), ('2', ((1, 2),), 18)]
    """
    if not isinstance(model, Module):
        raise TypeError(f"summary() expects a Module, got {type(model).__name__}")
    if current_mode().observer is not None:
        raise RuntimeError("summary() cannot run inside a trace or a profile: one at a time")
    ran, stopped = Trace(model), _Stopped()
    with undisturbed(model), stopped:
        ran.run(*inputs, **named)
    calls: dict[int, list[Call]] = {}
    for call in ran.calls:
        calls.setdefault(id(call.module), []).append(call)
    failed = ran.running[-1].module if stopped.error and ran.running else None
    root = _line(type(model).__name__, model, calls, failed)
    return Summary(root, _needs(model, ran.kept_bytes, optimizer), ran.flops, ran.uncounted, stopped.error)


@contextmanager
def undisturbed(model: Any) -> Iterator[None]:
    """Put back, afterwards, the model's buffers and the state of the random numbers."""
    buffers = [(buffer, buffer.array.copy()) for buffer in model.buffers()] if isinstance(model, Module) else []
    random = common.numpy.bit_generator.state
    try:
        yield
    finally:
        common.numpy.bit_generator.state = random
        for buffer, array in buffers:
            np.copyto(buffer.array, array)
            buffer.touch()


class _Stopped:
    """Ends a block at the error that it raises, and keeps that."""

    error: Exception | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trail: TracebackType | None) -> bool:
        self.error = error if isinstance(error, Exception) else None
        return self.error is not None


# -- the tree -------------------------------------------------------------------------------------------------


def _line(name: str, module: Module, calls: dict[int, list[Call]], failed: Module | None) -> Line:
    own = calls.get(id(module), [])
    line = Line(name, type(module).__name__, module.extra_repr(), failed=module is failed)
    if own:
        line.inputs, line.outputs, line.calls = own[0].inputs, own[0].outputs, len(own)
        line.flops = sum(call.flops for call in own)
    for p in module.parameters():
        if p.requires_grad:
            line.trainable += p.numel()
        else:
            line.frozen += p.numel()
    line.inside = _folded([_line(part, inner, calls, failed) for part, inner in module.named_children()])
    return line


def _folded(lines: list[Line]) -> list[Line]:
    """The lines, with one for each run of equal ones."""
    runs: list[list[Line]] = []
    for line in lines:
        if runs and runs[-1][0].key() == line.key():
            runs[-1].append(line)
        else:
            runs.append([line])
    found: list[Line] = []
    for run in runs:
        if len(run) < LEAST:
            found += run
        else:
            run[0].name, run[0].times = f"{run[0].name} ... {run[-1].name}", len(run)
            found.append(run[0])
    return found


def _cells(depth: int, line: Line) -> list[str]:
    times = f"  x {line.times}" if line.times > 1 else ""
    kind = f"{line.kind}({line.arguments})" if line.arguments else line.kind
    outputs = "error" if line.failed else _listed(line.outputs)
    numbers = [f"{n:,}" if n else "" for n in (line.trainable, line.frozen, line.flops)]
    calls = str(line.calls) if line.calls else "not called"
    return [f"{'  ' * depth}{line.name}{times}", kind, _listed(line.inputs), outputs, *numbers, calls]


def _listed(shapes: Shapes) -> str:
    return ", ".join(map(str, shapes))


# -- memory ---------------------------------------------------------------------------------------------------


def _needs(model: Module, activations: int, optimizer: Optimizer | type[Optimizer] | None) -> Needs:
    parameters = list(model.parameters())
    trained = [p for p in parameters if p.requires_grad]
    return Needs(
        _bytes(parameters),
        _bytes(list(model.buffers())),
        activations,
        _bytes(trained),
        None if optimizer is None else _state_bytes(optimizer, trained),
    )


def _state_bytes(optimizer: Optimizer | type[Optimizer], trained: list[Parameter]) -> int:
    """What an optimiser remembers after its first step, found out with one of the same kind on zeros."""
    kind: Any = type(optimizer) if isinstance(optimizer, Optimizer) else optimizer
    groups = optimizer.param_groups if isinstance(optimizer, Optimizer) else [{"params": trained}]
    twin = kind([{**group, "params": [_zeros(p) for p in group["params"]]} for group in groups])
    twin.step()
    arrays = [
        value.array if isinstance(value, Tensor) else value
        for own in twin.state.values()
        for value in own.values()
    ]
    return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))


def _zeros(p: Tensor) -> Tensor:
    zeros = Tensor(np.zeros(p.shape, p.dtype), requires_grad=True)
    zeros.grad = Tensor(np.zeros(p.shape, p.dtype))
    return zeros


def _bytes(tensors: list[Any]) -> int:
    return sum(t.array.nbytes for t in tensors)
